#include "auth/users.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/hash.h"

struct user {
    struct span name; /* both in the table's text */
    struct span password;
};

/* Entry 0 is no user's: it is what a wrong guess is compared with. */
struct users {
    _Atomic unsigned shares; /* relaxed; a release is one, so that the last sees what all others did */
    uint64_t seed;
    struct span realm; /* in 'text', behind what was parsed */
    size_t count;      /* of all entries */
    struct user *user;
    uint64_t *digest;
    char *text;
    size_t text_bytes;
};

static bool
ends_with_realm(struct span name, struct span realm)
{
    return realm.bytes > 0 && name.bytes > realm.bytes + 1 &&
           name.p[name.bytes - realm.bytes - 1] == '@' &&
           memcmp(name.p + name.bytes - realm.bytes, realm.p, realm.bytes) == 0;
}

/* The name as the table has it. */
static struct span
without_realm(struct span name, struct span realm)
{
    return ends_with_realm(name, realm) ? span_of(name.p, name.bytes - realm.bytes - 1) : name;
}

/* Only finds the entry that is then compared in full: it need not be safe against forgery. */
static uint64_t
digest_of(uint64_t seed, struct span name, struct span password)
{
    return hash_span(password, hash_span(name, seed));
}

/* ---- parsing ---- */

/* Takes the next line, without its end, off 'text'. */
static struct span
next_line(struct span *text)
{
    const char *newline = memchr(text->p, '\n', text->bytes);
    size_t bytes = newline != NULL ? (size_t)(newline - text->p) : text->bytes;
    struct span line = span_of(text->p, bytes);
    size_t taken = bytes + (newline != NULL);
    *text = span_of(text->p + taken, text->bytes - taken);
    line.bytes -= line.bytes > 0 && line.p[line.bytes - 1] == '\r';
    return line;
}

/* NULL: 'line' is a user. */
static const char *
parse_line(struct span line, struct users_format format, struct user *user)
{
    if (memchr(line.p, '\0', line.bytes) != NULL)
        return "has a NUL in it";
    const char *colon = memchr(line.p, ':', line.bytes);
    if (colon == NULL)
        return "is not user:password";
    user->name = without_realm(span_of(line.p, (size_t)(colon - line.p)), format.realm);
    user->password = span_of(colon + 1, (size_t)(line.p + line.bytes - colon - 1));
    const char *end = memchr(user->password.p, ':', user->password.bytes);
    if (format.fields && end != NULL)
        user->password.bytes = (size_t)(end - user->password.p);
    return NULL;
}

static size_t
count_lines(struct span text)
{
    size_t lines = 0;
    while (text.bytes > 0)
        lines += next_line(&text).bytes > 0;
    return lines;
}

/* Room for a table of 'text' and 'realm', which it copies. */
static struct users *
alloc_users(struct span text, struct span realm)
{
    size_t count = 1 + count_lines(text);
    struct users *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    atomic_init(&u->shares, 1);
    u->text_bytes = text.bytes + realm.bytes + 1; /* there is always something to compare with */
    u->text = malloc(u->text_bytes);
    u->user = calloc(count, sizeof *u->user);
    u->digest = calloc(count, sizeof *u->digest);
    if (u->text == NULL || u->user == NULL || u->digest == NULL) {
        u->text_bytes = 0;
        users_release(u);
        return NULL;
    }
    if (text.bytes > 0)
        memcpy(u->text, text.p, text.bytes);
    if (realm.bytes > 0)
        memcpy(u->text + text.bytes, realm.p, realm.bytes);
    u->text[text.bytes + realm.bytes] = '\0';
    u->realm = span_of(u->text + text.bytes, realm.bytes);
    return u;
}

struct users *
users_parse(struct span text, struct users_format format, uint64_t seed, struct users_error *error)
{
    *error = (struct users_error){0};
    if (text.bytes > USERS_TEXT_BYTES_MAX) {
        error->what = "too large";
        return NULL;
    }
    struct users *u = alloc_users(text, format.realm);
    if (u == NULL) {
        error->what = "out of memory";
        return NULL;
    }
    u->seed = seed;
    u->user[u->count++] = (struct user){span_of(u->text, 0), span_of(u->text, 0)};
    struct span rest = span_of(u->text, text.bytes);
    while (rest.bytes > 0) {
        struct span line = next_line(&rest);
        error->line++;
        if (line.bytes == 0)
            continue;
        struct user *user = &u->user[u->count];
        error->what = parse_line(line, format, user);
        if (error->what != NULL) {
            users_release(u);
            return NULL;
        }
        u->digest[u->count++] = digest_of(seed, user->name, user->password);
    }
    return u;
}

/* ---- sharing ---- */

struct users *
users_share(struct users *u)
{
    atomic_fetch_add_explicit(&u->shares, 1, memory_order_relaxed);
    return u;
}

void
users_release(struct users *u)
{
    if (u == NULL || atomic_fetch_sub_explicit(&u->shares, 1, memory_order_acq_rel) != 1)
        return;
    if (u->text_bytes > 0)
        explicit_bzero(u->text, u->text_bytes);
    free(u->text);
    free(u->user);
    free(u->digest);
    free(u);
}

size_t
users_count(const struct users *u)
{
    return u->count - 1;
}

/* ---- checking: no branch here, and no place that is read, may depend on what is compared ---- */

/* All ones if a == b, else 0. */
static inline uint64_t
mask_equal(uint64_t a, uint64_t b)
{
    uint64_t differ = a ^ b;
    return (uint64_t)0 - (1 ^ ((differ | ((uint64_t)0 - differ)) >> 63));
}

/* The entry with this digest, or entry 0. */
static size_t
find(const struct users *u, uint64_t digest)
{
    uint64_t found = 0;
    for (size_t i = 1; i < u->count; i++) {
        uint64_t same = mask_equal(u->digest[i], digest);
        found = (found & ~same) | (i & same);
    }
    return (size_t)found;
}

/* Reads 'kept' at its first byte, which must exist, where 'given' is longer. */
static uint64_t
mask_same(struct span given, struct span kept)
{
    uint8_t differ = 0;
    for (size_t i = 0; i < given.bytes; i++) {
        size_t inside = (size_t)0 - (size_t)(i < kept.bytes);
        differ |= (uint8_t)given.p[i] ^ (uint8_t)kept.p[i & inside];
    }
    return mask_equal(given.bytes, kept.bytes) & mask_equal(differ, 0);
}

bool
users_check(const struct users *u, struct span name, struct span password)
{
    name = without_realm(name, u->realm);
    const struct user *user = &u->user[find(u, digest_of(u->seed, name, password))];
    uint64_t same = mask_same(name, user->name) & mask_same(password, user->password);
    return (same & (uint64_t)(name.bytes > 0) & (uint64_t)(password.bytes > 0)) != 0;
}

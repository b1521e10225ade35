/* Any bytes are what a client of the meta commands says to a cache: it is answered alike however
 * the bytes come, and what the flags of a line mean is what a second, simpler reading finds in
 * them.
 *
 * Words that have nothing to do with it, or whose answers tell of the process, are left out: a line
 * that does not begin with m, get or set is skipped before anything is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "converse.h"
#include "fuzz.h"
#include "proto/meta.h"
#include "proto/text.h"

#define REQUESTS_MAX 64

/* ---- the flags, read again ---- */

static bool
is_one_of(char c, const char *letters)
{
    return c != '\0' && strchr(letters, c) != NULL;
}

static bool
is_number(struct span token, bool is_signed, uint64_t max)
{
    char text[40], *end;
    if (is_signed && token.bytes > 0 && token.p[0] == '-') {
        token = span_of(token.p + 1, token.bytes - 1);
        max++;
    }
    while (token.bytes > 1 && token.p[0] == '0')
        token = span_of(token.p + 1, token.bytes - 1);
    if (token.bytes == 0 || token.bytes > 20)
        return false;
    memcpy(text, token.p, token.bytes);
    text[token.bytes] = '\0';
    if (strspn(text, "0123456789") != token.bytes)
        return false;
    if (token.bytes == 20 && strcmp(text, "18446744073709551615") > 0)
        return false;
    return strtoull(text, &end, 10) <= max;
}

static enum proto_error
token_error(char letter, struct span token)
{
    switch (letter) {
    case 'C':
    case 'E':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_TOKEN;
    case 'N':
    case 'R':
    case 'T':
        return is_number(token, true, INT32_MAX) ? PROTO_OK : PROTO_BAD_TOKEN;
    case 'D':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_META_DELTA;
    case 'J':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_INITIAL;
    case 'F':
        return is_number(token, false, UINT32_MAX) ? PROTO_OK : PROTO_BAD_FORMAT;
    default:
        return PROTO_OK;
    }
}

struct words {
    struct span all[1100];
    size_t count;
};

static void
split(struct span line, struct words *w)
{
    w->count = 0;
    for (size_t i = 0; i < line.bytes; i++) {
        if (line.p[i] == ' ')
            continue;
        bool begins = i == 0 || line.p[i - 1] == ' ';
        CHECK(w->count < ARRAY_COUNT(w->all));
        if (begins)
            w->all[w->count++] = span_of(line.p + i, 0);
        w->all[w->count - 1].bytes++;
    }
}

/* The first error that makes all others void, or 0. */
static enum proto_error
shape_error(const struct words *w, unsigned words_before)
{
    for (size_t i = 0; i < w->count; i++) {
        unsigned char c = (unsigned char)*w->all[i].p;
        if (!(c >= 'A' && c <= 'z') && !(c >= '0' && c <= '9'))
            return PROTO_BAD_FORMAT;
    }
    return w->count + words_before > 20 ? PROTO_TOO_MANY_FLAGS : PROTO_OK;
}

static enum proto_error
flags_error(const struct words *w)
{
    enum proto_error error = PROTO_OK;
    for (size_t i = 0; i < w->count; i++) {
        char letter = *w->all[i].p;
        for (size_t k = 0; k < i; k++)
            if (*w->all[k].p == letter)
                return PROTO_DUPLICATE_FLAG;
        if (!is_one_of(letter, "bcfhklqstuvxCDEFIJLMNOPRT"))
            return PROTO_INVALID_FLAG;
        enum proto_error e = token_error(letter, span_of(w->all[i].p + 1, w->all[i].bytes - 1));
        if (e != PROTO_OK && !(e == PROTO_BAD_FORMAT && error != PROTO_OK))
            error = e;
    }
    return error;
}

static enum proto_error
late_error(const struct words *w, unsigned cmd)
{
    for (size_t i = 0; i < w->count; i++) {
        char mode = w->all[i].bytes > 1 ? w->all[i].p[1] : '\0';
        if (*w->all[i].p != 'M')
            continue;
        if (cmd == CMD_META_SET && !is_one_of(mode, "EAPRS"))
            return PROTO_BAD_SET_MODE;
        if (cmd == CMD_META_ARITH && !is_one_of(mode, "ID+-"))
            return PROTO_BAD_ARITH_MODE;
    }
    for (size_t i = 0; i < w->count; i++)
        if (*w->all[i].p == 'O' && w->all[i].bytes > 32)
            return PROTO_OPAQUE_TOO_LONG;
    return PROTO_OK;
}

/* Of the number behind a letter. */
static long long
value_of(struct span word)
{
    char text[100];
    snprintf(text, sizeof text, "%.*s", (int)word.bytes - 1, word.p + 1);
    return atoll(text);
}

static void
check_args(const struct meta_args *a, const struct words *w, unsigned cmd)
{
    const char *shown = cmd == CMD_META_SET      ? "cksO"
                        : cmd == CMD_META_DELETE ? "kO"
                        : cmd == CMD_META_ARITH  ? "cktONT"
                                                 : "cfhklstONRT";
    size_t answers = 0;
    uint64_t seen = 0;
    for (size_t i = 0; i < w->count; i++) {
        char letter = *w->all[i].p;
        seen |= META_FLAG(letter);
        if (is_one_of(letter, shown)) {
            CHECK(answers < a->answer_count && a->answers[answers] == letter);
            answers++;
        }
        if (letter == 'O')
            CHECK(a->opaque == w->all[i].p && a->opaque_bytes == w->all[i].bytes);
        if (letter == 'T')
            CHECK(a->exptime == value_of(w->all[i]));
    }
    CHECK(a->seen == seen && a->answer_count == answers);
}

static void
read_flags_twice(const struct request *r)
{
    static struct words w;
    struct request copy = *r;
    struct meta_args a;
    copy.meta_flags = converse_copy(r->meta_flags);
    split(copy.meta_flags, &w);
    enum proto_error error = meta_parse(&copy, &a);
    enum proto_error want = shape_error(&w, r->cmd == CMD_META_SET ? 3 : 2);
    if (want == PROTO_OK) {
        want = flags_error(&w);
        if (want != PROTO_OK && r->cmd == CMD_META_ARITH)
            want = PROTO_BAD_FLAG;
    }
    if (want == PROTO_OK)
        want = late_error(&w, r->cmd);
    if (error != want) {
        fprintf(stderr, "'%.*s': %u, not %u\n", (int)r->meta_flags.bytes, r->meta_flags.p, error,
                want);
        abort();
    }
    if (error == PROTO_OK)
        check_args(&a, &w, r->cmd);
    free((char *)copy.meta_flags.p);
}

static void
read_lines_twice(struct span stream)
{
    struct text_parser parser = {0};
    struct request r[REQUESTS_MAX];
    size_t count, used;
    do {
        count = text_parse(&parser, stream, r, REQUESTS_MAX, &used);
        for (size_t i = 0; i < count; i++)
            if (r[i].cmd >= CMD_META_SET && r[i].cmd <= CMD_META_ARITH)
                read_flags_twice(&r[i]);
        stream = span_of(stream.p + used, stream.bytes - used);
    } while (count == REQUESTS_MAX);
}

/* ---- the conversation ---- */

static bool
begins_with(struct span line, const char *head)
{
    return line.bytes >= strlen(head) && memcmp(line.p, head, strlen(head)) == 0;
}

/* The lines that are about what is tested here. */
static struct span
only_ours(struct span s)
{
    char *kept = malloc(s.bytes > 0 ? s.bytes : 1);
    size_t bytes = 0;
    CHECK(kept != NULL);
    while (s.bytes > 0) {
        const char *newline = memchr(s.p, '\n', s.bytes);
        struct span line = span_of(s.p, newline != NULL ? (size_t)(newline - s.p) + 1 : s.bytes);
        if (begins_with(line, "m") || begins_with(line, "get ") || begins_with(line, "set ")) {
            memcpy(kept + bytes, line.p, line.bytes);
            bytes += line.bytes;
        }
        s = span_of(s.p + line.bytes, s.bytes - line.bytes);
    }
    return span_of(kept, bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct span stream = only_ours(span_of(data, bytes));
    read_lines_twice(stream);
    converse_compare(stream);
    free((char *)stream.p);
    return 0;
}

/* Any bytes are a password file: it is refused, or lets in exactly those who are in its lines.
 *
 * The first byte chooses the format and the number of bytes behind it that are somebody's name and
 * password; what comes after these is the file. */
#include <stdio.h>
#include <stdlib.h>
#include "auth/users.h"
#include "fuzz.h"

#define REALM SPAN("host")

/* What users.c does in one pass over a table, done over the text in the simplest way. */
struct guess {
    struct span name, password;
};

static struct span
without_realm(struct span name, struct span realm)
{
    if (realm.bytes == 0 || name.bytes <= realm.bytes + 1)
        return name;
    struct span end = span_of(name.p + name.bytes - realm.bytes - 1, realm.bytes + 1);
    bool same = *end.p == '@' && span_equal(span_of(end.p + 1, realm.bytes), realm);
    return same ? span_of(name.p, name.bytes - end.bytes) : name;
}

/* Takes what comes before the next 'c', and that, off 'rest'. */
static struct span
take_until(struct span *rest, char c)
{
    size_t n = 0;
    while (n < rest->bytes && rest->p[n] != c)
        n++;
    struct span taken = span_of(rest->p, n);
    n += n < rest->bytes;
    *rest = span_of(rest->p + n, rest->bytes - n);
    return taken;
}

static bool
is_in_line(struct span line, struct users_format format, struct guess g)
{
    struct span name = without_realm(take_until(&line, ':'), format.realm);
    struct span password = format.fields ? take_until(&line, ':') : line;
    return span_equal(name, without_realm(g.name, format.realm)) && span_equal(password, g.password);
}

static bool
is_in_text(struct span text, struct users_format format, struct guess g)
{
    if (without_realm(g.name, format.realm).bytes == 0 || g.password.bytes == 0)
        return false;
    while (text.bytes > 0) {
        struct span line = take_until(&text, '\n');
        line.bytes -= line.bytes > 0 && line.p[line.bytes - 1] == '\r';
        if (line.bytes > 0 && is_in_line(line, format, g))
            return true;
    }
    return false;
}

static void
compare(const struct users *u, struct span text, struct users_format format, struct guess g)
{
    bool want = is_in_text(text, format, g);
    if (users_check(u, g.name, g.password) == want)
        return;
    fprintf(stderr, "%s '%.*s' with '%.*s'\n", want ? "does not let in" : "lets in", (int)g.name.bytes,
            g.name.p, (int)g.password.bytes, g.password.p);
    abort();
}

/* Whoever is in the file must get in by the line as it stands there. */
static void
compare_lines(const struct users *u, struct span text, struct users_format format)
{
    struct span rest = text;
    for (int i = 0; i < 50 && rest.bytes > 0; i++) {
        struct span line = take_until(&rest, '\n');
        line.bytes -= line.bytes > 0 && line.p[line.bytes - 1] == '\r';
        struct guess g = {.name = take_until(&line, ':')};
        g.password = format.fields ? take_until(&line, ':') : line;
        compare(u, text, format, g);
        if (g.password.bytes > 0)
            g.password.bytes--;
        compare(u, text, format, g);
    }
}

static size_t
count_lines(struct span text)
{
    size_t lines = 0;
    while (text.bytes > 0) {
        struct span line = take_until(&text, '\n');
        lines += line.bytes > 0 && !span_equal(line, SPAN("\r"));
    }
    return lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    size_t guess_bytes = data[0] >> 2;
    struct users_format format = {.fields = data[0] & 1, .realm = data[0] & 2 ? REALM : SPAN("")};
    if (guess_bytes > bytes - 1)
        guess_bytes = bytes - 1;
    struct span said = span_of(data + 1, guess_bytes);
    struct span text = span_of(data + 1 + guess_bytes, bytes - 1 - guess_bytes);
    struct users_error error;
    struct users *u = users_parse(text, format, bytes, &error);
    if (u == NULL) {
        if (error.what == NULL)
            abort();
        return 0;
    }
    if (users_count(u) != count_lines(text))
        abort();
    users_release(users_share(u)); /* there is still one */
    struct guess g = {.name = take_until(&said, ' ')};
    g.password = said;
    compare(u, text, format, g);
    compare_lines(u, text, format);
    users_release(u);
    return 0;
}

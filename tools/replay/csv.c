/* The CSV half of trace.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/num.h"
#include "replay/keymap.h"
#include "replay/trace.h"

struct fields {
    struct span key;
    struct span size;
    struct span ttl; /* p NULL: there is none */
};

/* What is before the first 'end'; *rest is what comes behind it, p NULL if there is none. */
static struct span
cut(struct span *rest, char end)
{
    const char *found = memchr(rest->p, end, rest->bytes);
    size_t bytes = found != NULL ? (size_t)(found - rest->p) : rest->bytes;
    struct span part = span_of(rest->p, bytes);
    *rest = found != NULL ? span_of(found + 1, rest->bytes - bytes - 1) : span_of(NULL, 0);
    return part;
}

/* NULL, or what is wrong. */
static const char *
split(struct span line, struct fields *f)
{
    f->key = cut(&line, ',');
    if (line.p == NULL)
        return "no comma: a line is key,size or key,size,ttl";
    f->size = cut(&line, ',');
    f->ttl = line.p != NULL ? cut(&line, ',') : line;
    return line.p != NULL ? "more than three fields" : NULL;
}

static bool
is_header(const struct fields *f)
{
    return span_equal(f->key, SPAN("key")) && span_equal(f->size, SPAN("size"));
}

static const char *
read_request(struct fields *f, struct keymap *keys, struct trace *t)
{
    struct trace_request r = {0};
    if (f->key.bytes == 0)
        return "the key is empty";
    if (f->key.bytes > TRACE_KEY_BYTES_MAX)
        return "the key is longer than 1000 bytes";
    if (!num_parse_u32(f->size, &r.bytes))
        return "the size is no number";
    if (r.bytes > TRACE_SIZE_BYTES_MAX)
        return "the size is more than 64 MiB";
    if (f->ttl.p != NULL && !num_parse_u32(f->ttl, &r.ttl_s))
        return "the ttl is no number";
    if (t->count == TRACE_REQUESTS_MAX)
        return "too many requests";
    r.object = keymap_number(keys, f->key);
    trace_add(t, r);
    return NULL;
}

static const char *
read_line(struct span line, bool is_first, struct keymap *keys, struct trace *t)
{
    struct fields f;
    if (line.bytes > 0 && line.p[line.bytes - 1] == '\r')
        line.bytes--;
    if (line.bytes == 0 || line.p[0] == '#')
        return NULL;
    const char *wrong = split(line, &f);
    if (wrong != NULL || (is_first && is_header(&f)))
        return wrong;
    return read_request(&f, keys, t);
}

bool
trace_parse_csv(struct trace *t, struct span text, const char *name)
{
    struct keymap keys;
    const char *wrong = NULL;
    size_t number = 0;
    keymap_init(&keys, t->objects);
    while (wrong == NULL && text.bytes > 0)
        wrong = read_line(cut(&text, '\n'), number++ == 0, &keys, t);
    keymap_fini(&keys);
    if (wrong != NULL)
        fprintf(stderr, "%s: %s: line %zu: %s\n", program_invocation_short_name, name, number,
                wrong);
    else if (t->count == 0)
        fprintf(stderr, "%s: %s: there is no request in it\n", program_invocation_short_name, name);
    return wrong == NULL && t->count > 0;
}

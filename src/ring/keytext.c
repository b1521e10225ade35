#include "ring/keytext.h"

#include <string.h>
#include "ring/utf8.h"

enum { HEAD_BYTES = 256 }; /* gomemcache's buffer */

/* ---- parts ---- */

static struct ketch_bytes
tag_of(const struct ketch_ring_conf *conf, const char *key, size_t bytes)
{
    const struct ketch_bytes all = {key, bytes};
    const char *start = memchr(key, conf->filter_text[0], bytes);
    if (start == NULL)
        return all;
    start++;
    const char *end = memchr(start, conf->filter_text[1], bytes - (size_t)(start - key));
    if (end == NULL || (end == start && conf->filter == KETCH_FILTER_TAG))
        return all;
    return (struct ketch_bytes){start, (size_t)(end - start)};
}

static struct ketch_bytes
before_text(const char *key, size_t bytes, const char *stop)
{
    const char *at = memmem(key, bytes, stop, strlen(stop));
    return (struct ketch_bytes){key, at != NULL ? (size_t)(at - key) : bytes};
}

/* Behind a prefix of two names, "/a/b/", and before "|#|". */
static struct ketch_bytes
routed(const char *key, size_t bytes)
{
    if (bytes > 0 && key[0] == '/') {
        const char *first = memchr(key + 1, '/', bytes - 1);
        const char *second =
            first != NULL ? memchr(first + 1, '/', bytes - (size_t)(first + 1 - key)) : NULL;
        if (second != NULL) {
            bytes -= (size_t)(second + 1 - key);
            key = second + 1;
        }
    }
    return before_text(key, bytes, "|#|");
}

struct ketch_bytes
keytext_part(const struct ketch_ring_conf *conf, const void *key, size_t bytes)
{
    if (bytes == 0)
        return (struct ketch_bytes){"", 0};
    switch (conf->filter) {
    case KETCH_FILTER_TAG:
    case KETCH_FILTER_TAG_STRICT:
        return tag_of(conf, key, bytes);
    case KETCH_FILTER_STOP:
        return before_text(key, bytes, conf->filter_text);
    case KETCH_FILTER_HEAD:
        return (struct ketch_bytes){key, bytes < HEAD_BYTES ? bytes : HEAD_BYTES};
    case KETCH_FILTER_ROUTE:
        return routed(key, bytes);
    case KETCH_FILTER_NONE:
        break;
    }
    return (struct ketch_bytes){key, bytes};
}

/* ---- texts ---- */

struct out {
    char *p;
    size_t bytes;
};

static void
put(struct out *out, const void *p, size_t bytes)
{
    size_t room = KEYTEXT_BYTES - out->bytes;
    if (bytes > room)
        bytes = room;
    memcpy(out->p + out->bytes, p, bytes);
    out->bytes += bytes;
}

static void
put_code_points(struct out *out, struct ketch_bytes part)
{
    const uint8_t *p = part.p, *end = p + part.bytes;
    while (p < end && out->bytes < KEYTEXT_BYTES) {
        uint8_t low = (uint8_t)utf8_next(&p, end);
        put(out, &low, 1);
    }
}

static void
put_python_byte(struct out *out, uint8_t b, char quote)
{
    static const char digits[] = "0123456789abcdef";
    const char hex[4] = {'\\', 'x', digits[b >> 4], digits[b & 15]};
    if (b == '\\' || b == (uint8_t)quote)
        put(out, (char[]){'\\', (char)b}, 2);
    else if (b == '\t')
        put(out, "\\t", 2);
    else if (b == '\n')
        put(out, "\\n", 2);
    else if (b == '\r')
        put(out, "\\r", 2);
    else if (b >= ' ' && b < 0x7f)
        put(out, &b, 1);
    else
        put(out, hex, sizeof(hex));
}

/* As repr() shows bytes: in double quotes only if they have a single one and no double one. */
static void
put_python_repr(struct out *out, struct ketch_bytes part)
{
    bool has_single = memchr(part.p, '\'', part.bytes) != NULL;
    bool has_double = memchr(part.p, '"', part.bytes) != NULL;
    char quote = has_single && !has_double ? '"' : '\'';
    const uint8_t *p = part.p;
    put(out, "b", 1);
    put(out, &quote, 1);
    for (size_t i = 0; i < part.bytes && out->bytes < KEYTEXT_BYTES; i++)
        put_python_byte(out, p[i], quote);
    put(out, &quote, 1);
}

bool
keytext_is_plain(const struct ketch_ring_conf *conf)
{
    return conf->prefix[0] == '\0' && conf->text != KETCH_TEXT_UTF8 &&
           conf->text != KETCH_TEXT_PYTHON_REPR;
}

struct ketch_bytes
keytext_whole(const struct ketch_ring_conf *conf, struct ketch_bytes part,
              char buffer[KEYTEXT_BYTES])
{
    if (keytext_is_plain(conf))
        return part;
    struct out out = {buffer, 0};
    put(&out, conf->prefix, strlen(conf->prefix));
    if (conf->text == KETCH_TEXT_UTF8)
        put_code_points(&out, part);
    else if (conf->text == KETCH_TEXT_PYTHON_REPR)
        put_python_repr(&out, part);
    else
        put(&out, part.p, part.bytes);
    return (struct ketch_bytes){buffer, out.bytes};
}

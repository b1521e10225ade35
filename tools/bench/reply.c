#include "reply.h"

#include "base/attr.h"

#define VALUE_WORD_BYTES 6 /* "VALUE " */

/* The decimal number at the end of 'line', which costs a step a digit instead of a search from the
 * front past the key.  False if there is none, or it has more than 10 digits. */
static bool
read_last_number(struct span line, uint64_t *number)
{
    uint64_t value = 0;
    uint64_t unit = 1;
    const char *at = line.p + line.bytes;
    const char *least = line.bytes > 10 ? at - 10 : line.p;
    const char *end = at;
    while (at > least && at[-1] >= '0' && at[-1] <= '9') {
        value += unit * (uint64_t)(*--at - '0');
        unit *= 10;
    }
    *number = value;
    return at < end && at > line.p && at[-1] == ' ';
}

static bool
starts(struct span line, struct span word)
{
    return line.bytes >= word.bytes && memcmp(line.p, word.p, word.bytes) == 0;
}

static enum reply_kind
kind_of(struct span line, uint64_t *data_bytes)
{
    if (LIKELY(starts(line, SPAN("VALUE "))))
        return read_last_number(line, data_bytes) ? REPLY_VALUE : REPLY_OTHER;
    if (span_equal(line, SPAN("END")))
        return REPLY_END;
    if (span_equal(line, SPAN("STORED")))
        return REPLY_STORED;
    if (starts(line, SPAN("SERVER_ERROR")))
        return REPLY_SERVER_ERROR;
    if (starts(line, SPAN("CLIENT_ERROR")))
        return REPLY_CLIENT_ERROR;
    return span_equal(line, SPAN("ERROR")) ? REPLY_ERROR : REPLY_OTHER;
}

size_t
reply_read(struct span in, struct reply *r)
{
    const char *newline = memchr(in.p, '\n', in.bytes);
    r->data_bytes = 0;
    if (newline == NULL) {
        r->kind = in.bytes > REPLY_LINE_BYTES_MAX ? REPLY_OTHER : REPLY_PARTIAL;
        r->line = in;
        return r->kind == REPLY_OTHER ? in.bytes : 0;
    }
    size_t bytes = (size_t)(newline - in.p);
    r->line = span_of(in.p, bytes > 0 && newline[-1] == '\r' ? bytes - 1 : bytes);
    r->kind = kind_of(r->line, &r->data_bytes);
    return bytes + 1;
}

struct span
reply_key(const struct reply *r)
{
    const char *key = r->line.p + VALUE_WORD_BYTES;
    const char *space = memchr(key, ' ', r->line.bytes - VALUE_WORD_BYTES);
    return span_of(key, space != NULL ? (size_t)(space - key) : 0);
}

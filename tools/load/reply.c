#include "load/reply.h"

#include "base/attr.h"

#define VALUE_WORD_BYTES 6 /* "VALUE " */
#define LINE_END_BYTES   2

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
error_kind(struct span line)
{
    if (starts(line, SPAN("SERVER_ERROR")))
        return REPLY_SERVER_ERROR;
    if (starts(line, SPAN("CLIENT_ERROR")))
        return REPLY_CLIENT_ERROR;
    return span_equal(line, SPAN("ERROR")) ? REPLY_ERROR : REPLY_OTHER;
}

/* ---- text ---- */

static enum reply_kind
text_kind(struct reply *r)
{
    if (LIKELY(starts(r->line, SPAN("VALUE "))))
        return read_last_number(r->line, &r->data_bytes) ? REPLY_VALUE : REPLY_OTHER;
    if (span_equal(r->line, SPAN("END")))
        return REPLY_END;
    if (span_equal(r->line, SPAN("STORED")))
        return REPLY_STORED;
    return error_kind(r->line);
}

/* ---- meta ---- */

/* "VA <bytes>", or "VA <bytes> k<key>" of a batch. */
static enum reply_kind
meta_value(struct reply *r)
{
    struct span rest = span_of(r->line.p + 3, r->line.bytes - 3);
    const char *space = memchr(rest.p, ' ', rest.bytes);
    size_t digits = space != NULL ? (size_t)(space - rest.p) : rest.bytes;
    if (!read_last_number(span_of(r->line.p, 3 + digits), &r->data_bytes))
        return REPLY_OTHER;
    r->is_last = space == NULL;
    if (space == NULL)
        return REPLY_VALUE;
    if (rest.bytes < digits + 3 || space[1] != 'k')
        return REPLY_OTHER;
    r->key = span_of(space + 2, rest.bytes - digits - 2);
    return REPLY_VALUE;
}

static enum reply_kind
meta_kind(struct reply *r)
{
    if (LIKELY(starts(r->line, SPAN("VA "))))
        return meta_value(r);
    if (span_equal(r->line, SPAN("EN")) || span_equal(r->line, SPAN("MN")))
        return REPLY_END;
    if (span_equal(r->line, SPAN("HD")))
        return REPLY_STORED;
    return error_kind(r->line);
}

static size_t
read_line(enum protocol p, struct span in, struct reply *r)
{
    const char *newline = memchr(in.p, '\n', in.bytes);
    if (newline == NULL) {
        r->kind = in.bytes > REPLY_LINE_BYTES_MAX ? REPLY_OTHER : REPLY_PARTIAL;
        r->line = in;
        return r->kind == REPLY_OTHER ? in.bytes : 0;
    }
    size_t bytes = (size_t)(newline - in.p);
    r->line = span_of(in.p, bytes > 0 && newline[-1] == '\r' ? bytes - 1 : bytes);
    r->end_bytes = LINE_END_BYTES;
    r->kind = p == PROTOCOL_TEXT ? text_kind(r) : meta_kind(r);
    return bytes + 1;
}

/* ---- binary ---- */

#define HEADER_BYTES       24
#define EXTRAS_BYTES       4 /* of a value: its flags */
#define STATUS_NOT_FOUND   0x01
#define STATUS_TOO_LARGE   0x03
#define STATUS_INVALID     0x04
#define STATUS_UNKNOWN     0x81
#define STATUS_NO_MEMORY   0x82

static uint32_t
number_at(const char *at, size_t bytes)
{
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | (uint8_t)at[i];
    return n;
}

static enum reply_kind
failure_kind(uint8_t opcode, uint32_t status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return opcode == BINARY_GET ? REPLY_END : REPLY_OTHER;
    case STATUS_TOO_LARGE:
    case STATUS_NO_MEMORY:
        return REPLY_SERVER_ERROR;
    case STATUS_INVALID:
        return REPLY_CLIENT_ERROR;
    default:
        return status == STATUS_UNKNOWN ? REPLY_ERROR : REPLY_OTHER;
    }
}

/* A packet that says no, or what is done: short, and wanted as a whole. */
static size_t
read_answer(struct span in, uint32_t status, uint32_t body_bytes, struct reply *r)
{
    uint8_t opcode = (uint8_t)in.p[1];
    r->kind = status != 0               ? failure_kind(opcode, status)
              : opcode == BINARY_NOOP ? REPLY_END
              : opcode == BINARY_SET  ? REPLY_STORED
                                      : REPLY_OTHER;
    if (in.bytes - HEADER_BYTES >= body_bytes) {
        r->line = span_of(in.p + HEADER_BYTES, body_bytes);
        return HEADER_BYTES + body_bytes;
    }
    if (body_bytes > REPLY_LINE_BYTES_MAX) {
        r->kind = REPLY_OTHER;
        return in.bytes;
    }
    r->kind = REPLY_PARTIAL;
    return 0;
}

static size_t
read_packet(struct span in, struct reply *r)
{
    if (in.bytes < HEADER_BYTES) {
        r->kind = REPLY_PARTIAL;
        return 0;
    }
    uint8_t opcode = (uint8_t)in.p[1];
    uint32_t key_bytes = number_at(in.p + 2, 2);
    uint32_t status = number_at(in.p + 6, 2);
    uint32_t body_bytes = number_at(in.p + 8, 4);
    r->line = span_of(in.p, HEADER_BYTES);
    if ((uint8_t)in.p[0] != 0x81) {
        r->kind = REPLY_OTHER;
        return HEADER_BYTES;
    }
    if (status != 0 || (opcode != BINARY_GET && opcode != BINARY_GETKQ))
        return read_answer(in, status, body_bytes, r);
    size_t head_bytes = HEADER_BYTES + EXTRAS_BYTES + key_bytes;
    bool is_good = in.p[4] == EXTRAS_BYTES && EXTRAS_BYTES + key_bytes <= body_bytes &&
                   key_bytes <= REPLY_LINE_BYTES_MAX;
    r->kind = !is_good ? REPLY_OTHER : in.bytes < head_bytes ? REPLY_PARTIAL : REPLY_VALUE;
    if (r->kind != REPLY_VALUE)
        return is_good ? 0 : HEADER_BYTES;
    r->is_last = opcode == BINARY_GET;
    r->key = span_of(in.p + HEADER_BYTES + EXTRAS_BYTES, key_bytes);
    r->data_bytes = body_bytes - EXTRAS_BYTES - key_bytes;
    return head_bytes;
}

size_t
reply_read(enum protocol p, struct span in, struct reply *r)
{
    *r = (struct reply){.kind = REPLY_PARTIAL};
    return p == PROTOCOL_BINARY ? read_packet(in, r) : read_line(p, in, r);
}

struct span
reply_key(const struct reply *r)
{
    if (r->key.bytes > 0 || r->is_last)
        return r->key;
    const char *key = r->line.p + VALUE_WORD_BYTES;
    const char *space = memchr(key, ' ', r->line.bytes - VALUE_WORD_BYTES);
    return span_of(key, space != NULL ? (size_t)(space - key) : 0);
}

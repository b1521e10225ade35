/* binary.h - memcached's binary protocol: bytes to requests, results to bytes.
 *
 *       0      1      2   3    4        5      6   7    8..11      12..15   16..23
 *     +------+------+--------+--------+------+--------+----------+--------+--------+
 *     | 0x80 | op-  | key    | extras | type | vbucket| body     | opaque | cas    |  a request
 *     |      | code | bytes  | bytes  |      |        | bytes    |        |        |
 *     +------+------+--------+--------+------+--------+----------+--------+--------+
 *     | 0x81 | as in the request ...         | status | ...      | echoed |        |  a reply
 *     +------+-------------------------------+--------+----------+--------+--------+
 *     | extras | key | value |       the body: body bytes in all; numbers are in network order
 *     +--------+-----+-------+
 *
 * The parser is a pure function over a buffer, resumable between any two bytes, under the same contract
 * as text_parse() (text.h): an array of requests, an incomplete storage command last, rewind, swallow.
 * Here no line end follows a value.  A packet becomes a request when its header, extras and key are in
 * the buffer; one that makes no sense, when its header is.
 *
 * What a request cannot hold stays where it came: binary_cas() and the others read it again from the
 * packet, of which header, extras and key lie in one piece at 'start' as long as the buffer is unchanged.
 *
 *     a packet                               becomes
 *     not 0x80 where one must begin          CMD_BAD, PROTO_SILENT, REQ_CLOSE
 *     key and extras exceed the body         CMD_BAD, PROTO_UNKNOWN, REQ_CLOSE
 *     key over 250 bytes, body over 1 GiB,
 *     extras, key or value where none may
 *     be, none where one must                CMD_BAD, PROTO_BAD_FORMAT, REQ_CLOSE
 *     an opcode that nobody knows            CMD_BAD, PROTO_UNKNOWN; its body is thrown away
 *
 * Threads: pure; a parser belongs to one connection.
 * Failure: malformed input becomes CMD_BAD.  Nothing allocates.
 */
#ifndef KETCH_PROTO_BINARY_H
#define KETCH_PROTO_BINARY_H

#include <endian.h>
#include <string.h>
#include "base/attr.h"
#include "proto/request.h"

#define BINARY_HEADER_BYTES   24
#define BINARY_EXTRAS_BYTES_MAX 20          /* of an opcode that we know */
#define BINARY_BODY_BYTES_MAX (1u << 30)    /* memcached's limit */
#define BINARY_EXPTIME_NONE   UINT32_MAX    /* increment and decrement: do not create */
#define BINARY_SASL_BYTES_MAX 16384         /* of what a SASL mechanism sends in one step: the longest
                                               are Kerberos' tickets */

/* With as many bytes there is always something to parse: see TEXT_INPUT_BYTES_MIN. */
#define BINARY_INPUT_BYTES_MIN (BINARY_HEADER_BYTES + KEY_BYTES_MAX + BINARY_SASL_BYTES_MAX)

/* 8 bytes a connection; all zero is the state at the start of a stream. */
struct binary_parser {
    uint64_t swallow_bytes; /* still to throw away before the next packet */
};

/* As text_parse().  Fewer requests than 'max' means that more bytes are needed, or that the last request
 * is a storage command without REQ_WHOLE or carries REQ_CLOSE. */
size_t binary_parse(struct binary_parser *p, struct span in, struct request *out, size_t max,
                    size_t *used) MUST_USE;

/* As text_peek_key(). */
struct span binary_peek_key(const struct binary_parser *p, struct span in);

/* Makes 'p' what it was when it was about to parse 'r': offer the bytes from r->start on again. */
void binary_parser_rewind(struct binary_parser *p, const struct request *r);

/* Lets the parser throw away the next 'bytes' bytes of the stream.  To be called where a packet may
 * begin: after a storage command without REQ_WHOLE, which is always the last of its parse. */
void binary_parser_swallow(struct binary_parser *p, uint64_t bytes);

/* ---- what is read again ---- */

/* 'packet' is where a request starts. */

static inline uint64_t
binary_u64(const char *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    return be64toh(n);
}

static inline uint32_t
binary_u32(const char *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof n);
    return be32toh(n);
}

/* The unique that the item must have, 0: any. */
static inline uint64_t
binary_cas(const char *packet)
{
    return binary_u64(packet + 16);
}

/* Increment and decrement: the value that they give an item which they create. */
static inline uint64_t
binary_initial(const char *packet)
{
    return binary_u64(packet + BINARY_HEADER_BYTES + 8);
}

/* ---- replies ---- */

enum binary_status {
    BINARY_OK = 0x00,
    BINARY_NOT_FOUND = 0x01,
    BINARY_EXISTS = 0x02,
    BINARY_TOO_LARGE = 0x03,
    BINARY_INVALID = 0x04,
    BINARY_NOT_STORED = 0x05,
    BINARY_NOT_NUMERIC = 0x06,
    BINARY_AUTH_FAILED = 0x20,
    BINARY_AUTH_CONTINUE = 0x21,
    BINARY_UNKNOWN = 0x81,
    BINARY_NO_MEMORY = 0x82,
};

/* What a reply repeats of its request. */
struct binary_echo {
    uint8_t opcode;
    uint32_t opaque; /* the client's bytes, in the client's order */
};

static inline struct binary_echo
binary_echo_of(const char *packet)
{
    struct binary_echo echo = {.opcode = (uint8_t)packet[1]};
    memcpy(&echo.opaque, packet + 12, sizeof echo.opaque);
    return echo;
}

/* The parts of a reply's body, which are to follow its header. */
struct binary_body {
    uint8_t extras_bytes;
    uint8_t key_bytes;
    uint32_t value_bytes;
};

/* Writes the BINARY_HEADER_BYTES of a reply's header. */
static inline void
binary_reply_header(char *to, struct binary_echo echo, enum binary_status status,
                    struct binary_body body, uint64_t cas)
{
    uint32_t body_bytes = htobe32(body.extras_bytes + body.key_bytes + body.value_bytes);
    cas = htobe64(cas);
    to[0] = (char)0x81;
    to[1] = (char)echo.opcode;
    to[2] = 0;
    to[3] = (char)body.key_bytes;
    to[4] = (char)body.extras_bytes;
    to[5] = to[6] = 0;
    to[7] = (char)status;
    memcpy(to + 8, &body_bytes, sizeof body_bytes);
    memcpy(to + 12, &echo.opaque, sizeof echo.opaque);
    memcpy(to + 16, &cas, sizeof cas);
}

/* What the reply to a failed request says in words, as its value.  Empty for BINARY_OK and
 * BINARY_AUTH_CONTINUE. */
struct span binary_status_text(enum binary_status status);

/* The status that answers a CMD_BAD; not for PROTO_SILENT. */
enum binary_status binary_status_of(enum proto_error e);

#endif

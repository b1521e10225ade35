/* text.h - memcached's text protocol, classic and meta: bytes to requests, results to bytes.
 *
 * The parser is a pure function over a buffer, resumable between any two bytes: the same stream gives
 * the same requests however it is cut.  What makes that true:
 *   - a command line is looked at when its newline has arrived.  A line of more than
 *     TEXT_LINE_BYTES_MAX bytes before the newline ends the connection, unless it begins with get or
 *     gets and a space, or with gat or gats and its first key begins within that length;
 *   - such a retrieval line is checked as a whole when it is short (a key over 250 bytes makes it one
 *     error and no values), and streamed key by key when it is longer: then values may have been sent
 *     before the error, which takes the place of CMD_END.
 *
 *                    newline, not            a retrieval line:
 *                    a retrieval     +------+  its first key      +------+
 *                       +----------->| LINE |-------------------->| KEYS |--+ a key
 *                       +------------|      |<--------------------|      |<-+
 *                                    +------+   newline           +------+
 *                         all skipped ^  | data block to be           | a bad key
 *                                     |  v thrown away                v
 *                                  +---------+                    +-----------+
 *                                  | SWALLOW |                    | SKIP_LINE | to LINE at newline
 *                                  +---------+                    +-----------+
 *
 * A storage command whose data block is incomplete is the last request of a parse: 'value_here' bytes
 * of it are at 'value', and the caller takes the rest, and its two bytes of line end, off the stream
 * before it parses again.
 *
 * Threads: pure; a parser belongs to one connection.
 * Failure: malformed input becomes CMD_BAD.  Nothing allocates.
 */
#ifndef KETCH_PROTO_TEXT_H
#define KETCH_PROTO_TEXT_H

#include <stdbool.h>
#include "base/attr.h"
#include "proto/request.h"

#define TEXT_LINE_BYTES_MAX 2048 /* memcached's limit for what has come of a line without newline */

/* With as many bytes there is always something to parse, so that a buffer of this size never gets
 * stuck: the head of a long retrieval line and, beginning with its last byte, a key that is too long. */
#define TEXT_INPUT_BYTES_MIN (TEXT_LINE_BYTES_MAX + KEY_BYTES_MAX + 2)

enum text_mode {
    TEXT_LINE,
    TEXT_FIRST_KEY, /* as KEYS, but none has come yet: thousands of spaces have */
    TEXT_KEYS,
    TEXT_SKIP_LINE,
    TEXT_SWALLOW,
};

/* 24 bytes a connection; all zero is the state at the start of a stream. */
struct text_parser {
    uint8_t mode;          /* enum text_mode */
    uint8_t cmd;           /* KEYS: CMD_GET or CMD_GAT */
    uint8_t flags;         /* KEYS: request_flags of the line */
    int64_t exptime;       /* KEYS of a CMD_GAT line */
    uint64_t swallow_bytes; /* SWALLOW: still to throw away */
};

/* Parses up to 'max' requests out of 'in', and returns how many.  '*used' is how many bytes of 'in'
 * they took; the rest must be offered again, followed by more.  Fewer than 'max' means that more bytes
 * are needed, or that the last request is a storage command without REQ_WHOLE or carries REQ_CLOSE.
 * Of an incomplete storage command, '*used' includes the value_here bytes of data, but no part of the
 * line end.  Every request uses at least one byte. */
size_t text_parse(struct text_parser *p, struct span in, struct request *out, size_t max, size_t *used)
    MUST_USE;

/* The key of the next request, if it is easily told; a guess, for loading ahead what is known of it.  Empty:
 * nothing to guess. */
struct span text_peek_key(const struct text_parser *p, struct span in);

/* Makes 'p' what it was when it was about to parse 'r': offer the bytes from r->start on again.  Before
 * the rest of an incomplete storage command was taken off the stream, not after. */
void text_parser_rewind(struct text_parser *p, const struct request *r);

/* Lets the parser throw away the next 'bytes' bytes of the stream.  To be called where a command may
 * begin: after a storage command without REQ_WHOLE, which is always the last of its parse. */
void text_parser_swallow(struct text_parser *p, uint64_t bytes);

/* Takes what is to be thrown away off the stream, of which 'here' bytes are here; returns how many bytes that
 * is.  text_parse() does the same by itself. */
size_t text_parser_skip(struct text_parser *p, size_t here);

/* The line, with its line end, that answers 'e'; empty for PROTO_SILENT. */
struct span text_error_line(enum proto_error e);

/* Room that text_value_header() may need. */
#define TEXT_VALUE_HEADER_BYTES_MAX (6 + KEY_BYTES_MAX + 1 + 10 + 1 + 10 + 1 + 20 + 2)

/* Writes "VALUE <key> <flags> <bytes>[ <cas>]\r\n" and returns its length. 'cas' may be NULL. */
size_t text_value_header(char *to, struct span key, uint32_t client_flags, uint32_t bytes,
                         const uint64_t *cas);

#endif

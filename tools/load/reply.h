/* reply.h - each protocol as a client reads it: one line or header at a time, bytes in, meaning out.
 *
 * Threads: pure functions.
 */
#ifndef KETCH_TOOLS_LOAD_REPLY_H
#define KETCH_TOOLS_LOAD_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "load/protocol.h"

/* A line longer than this is no reply of a memcached, and neither is a binary error text. */
#define REPLY_LINE_BYTES_MAX 2048

enum reply_kind {
    REPLY_PARTIAL,      /* not enough to tell: bring more bytes */
    REPLY_VALUE,        /* a value: the data follow */
    REPLY_END,          /* ends the reply to a get: END, EN, MN, a miss, a noop */
    REPLY_STORED,       /* STORED, HD */
    REPLY_SERVER_ERROR, /* SERVER_ERROR <text> */
    REPLY_CLIENT_ERROR, /* CLIENT_ERROR <text> */
    REPLY_ERROR,        /* ERROR */
    REPLY_OTHER,        /* anything else, or a line that is longer than REPLY_LINE_BYTES_MAX */
};

struct reply {
    enum reply_kind kind;
    bool is_last;        /* REPLY_VALUE: no REPLY_END comes after it */
    uint8_t end_bytes;   /* REPLY_VALUE: of the line end after the data */
    struct span line;    /* without its line end; binary: the text of an error; borrowed */
    struct span key;     /* see reply_key() */
    uint64_t data_bytes; /* REPLY_VALUE: length of the data */
};

/* Reads what is at the start of 'in'.  Returns the bytes used, line end included; 0 for
 * REPLY_PARTIAL. */
size_t reply_read(enum protocol p, struct span in, struct reply *r);

/* The key of a REPLY_VALUE; empty: the server does not repeat it, as only one was asked for. */
struct span reply_key(const struct reply *r);

#endif

/* reply.h - the text protocol as a client reads it: one line at a time, bytes in, meaning out.
 *
 * Threads: pure functions.
 */
#ifndef KETCH_TOOLS_BENCH_REPLY_H
#define KETCH_TOOLS_BENCH_REPLY_H

#include <stdint.h>
#include "base/span.h"

/* A line longer than this is no reply of a memcached. */
#define REPLY_LINE_BYTES_MAX 2048

enum reply_kind {
    REPLY_PARTIAL,      /* no line end yet: bring more bytes */
    REPLY_VALUE,        /* VALUE <key> <flags> <bytes>; the data follow */
    REPLY_END,          /* END: ends the reply to a get */
    REPLY_STORED,       /* STORED */
    REPLY_SERVER_ERROR, /* SERVER_ERROR <text> */
    REPLY_CLIENT_ERROR, /* CLIENT_ERROR <text> */
    REPLY_ERROR,        /* ERROR */
    REPLY_OTHER,        /* any other line, or one that is longer than REPLY_LINE_BYTES_MAX */
};

struct reply {
    enum reply_kind kind;
    struct span line;    /* without its line end; borrowed from the input */
    uint64_t data_bytes; /* REPLY_VALUE: length of the data, without the line end after them */
};

/* Reads the line at the start of 'in'.  Returns the bytes used, line end included; 0 for
 * REPLY_PARTIAL. */
size_t reply_read(struct span in, struct reply *r);

/* The key on the line of a REPLY_VALUE. */
struct span reply_key(const struct reply *r);

#endif

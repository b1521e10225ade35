/* trace.h - the references of an application to its cache, in order: who was asked for, how large.
 *
 * Files, by the end of their names; with .xz behind it the program xz unpacks them:
 *
 *      *.csv     a line is  key,size[,ttl]   the first may be the names of the columns, and lines
 *                that begin with '#' are skipped.  A key is any 1 to 1,000 bytes but ',' and a line
 *                end, and only tells objects apart; ttl is in seconds
 *      others    N object numbers and then N sizes, 32 bits each, little-endian; objects are
 *                numbered in the order of their first use: 0, 1, ...
 *
 * A size is key and value together, in bytes, and 0 if it is not known.
 *
 * Ownership: the trace owns its arrays.
 * Failure:   a message on standard error that says where in the file it is.
 */
#ifndef KETCH_TOOLS_REPLAY_TRACE_H
#define KETCH_TOOLS_REPLAY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

/* Requests of a trace: 12 bytes of memory each. */
#define TRACE_REQUESTS_MAX 400000000u
/* The largest size: more than any server is asked to store. */
#define TRACE_SIZE_BYTES_MAX (64u << 20)
#define TRACE_KEY_BYTES_MAX  1000

struct trace_request {
    uint32_t object; /* 0 .. objects - 1, by first use */
    uint32_t bytes;  /* key and value; 0: not known */
    uint32_t ttl_s;  /* 0: for ever */
};

/* All zero is empty. */
struct trace {
    struct trace_request *requests;
    size_t count;
    size_t capacity;
    uint32_t objects;
};

/* Appends what is in the file. */
bool trace_read(struct trace *t, const char *path) MUST_USE;
void trace_fini(struct trace *t);

/* Appends one request. */
void trace_add(struct trace *t, struct trace_request r);

/* Keeps the first 'count' requests and the objects in them. */
void trace_cut(struct trace *t, size_t count);

/* The two formats, from memory.  'name' is what messages call them. */
bool trace_parse_binary(struct trace *t, struct span bytes, const char *name) MUST_USE;
bool trace_parse_csv(struct trace *t, struct span text, const char *name) MUST_USE;

#endif

/* buffer.h - bytes that come in at the end and leave at the beginning.
 *
 *      p         begin              end               capacity
 *      |..........|== the content ==|...... room ......|
 *
 * Threads:   the client's.
 * Ownership: owns its bytes.  Pointers into it are good until the next buffer_reserve().
 * Failure:   only buffer_reserve() can fail; the content stays.
 */
#ifndef KETCH_CLIENT_BUFFER_H
#define KETCH_CLIENT_BUFFER_H

#include <stddef.h>
#include "client/attr.h"

struct buffer {
    char *p;
    size_t begin, end, capacity;
};

/* Room for at least so many bytes, at most about twice as much; NULL: no memory. */
char *buffer_reserve(struct buffer *b, size_t bytes) MUST_USE;

/* So many bytes of the room are content now. */
static inline void
buffer_commit(struct buffer *b, size_t bytes)
{
    b->end += bytes;
}

static inline const char *
buffer_content(const struct buffer *b)
{
    return b->p + b->begin;
}

static inline size_t
buffer_bytes(const struct buffer *b)
{
    return b->end - b->begin;
}

/* The first so many bytes leave.  An empty buffer begins anew, and gives up memory of unusual size. */
void buffer_consume(struct buffer *b, size_t bytes);

void buffer_fini(struct buffer *b);

#endif

/* buffer.h - bytes that grow at the end.
 *
 * Ownership: the buffer owns its memory; buffer_fini() frees it.
 * Failure:   running out of memory ends the program: the tools have nothing better to do.
 */
#ifndef KETCH_TOOLS_LOAD_BUFFER_H
#define KETCH_TOOLS_LOAD_BUFFER_H

#include <stddef.h>
#include <string.h>
#include "base/attr.h"

/* All zero is empty. */
struct buffer {
    char *p;
    size_t bytes; /* in use */
    size_t capacity;
};

void buffer_fini(struct buffer *b);

/* The slow half of buffer_reserve(). */
void buffer_grow(struct buffer *b, size_t more);

/* Where the next 'more' bytes may be written; they count once buffer->bytes is raised. */
static inline char *
buffer_reserve(struct buffer *b, size_t more)
{
    if (UNLIKELY(b->capacity - b->bytes < more))
        buffer_grow(b, more);
    return b->p + b->bytes;
}

static inline void
buffer_append(struct buffer *b, const void *from, size_t bytes)
{
    if (bytes == 0)
        return;
    memcpy(buffer_reserve(b, bytes), from, bytes);
    b->bytes += bytes;
}

/* Drops the first 'bytes' bytes. */
void buffer_drop(struct buffer *b, size_t bytes);

/* malloc and calloc that end the program with a message when there is no memory. */
void *buffer_alloc(size_t count, size_t each_bytes);

#endif

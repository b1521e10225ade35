#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/buffer.h"

#define CAPACITY_MIN 4096
/* What an empty buffer keeps: more than a usual turn needs. */
#define CAPACITY_KEPT (128 * 1024)

static size_t
capacity_for(size_t bytes)
{
    size_t capacity = CAPACITY_MIN;
    while (capacity < bytes && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    return capacity < bytes ? bytes : capacity;
}

char *
buffer_reserve(struct buffer *b, size_t bytes)
{
    if (LIKELY(b->capacity - b->end >= bytes && b->p != NULL))
        return b->p + b->end;
    size_t used = buffer_bytes(b);
    if (bytes > SIZE_MAX - used)
        return NULL;
    /* Moving to the front must be worth it: else a full buffer would be moved for every few bytes. */
    if (b->p != NULL && b->capacity - used >= bytes && b->begin >= used) {
        memmove(b->p, b->p + b->begin, used);
    } else {
        size_t capacity = capacity_for(used + bytes);
        char *p = malloc(capacity);
        if (p == NULL)
            return NULL;
        if (used > 0)
            memcpy(p, b->p + b->begin, used);
        free(b->p);
        b->p = p;
        b->capacity = capacity;
    }
    b->begin = 0;
    b->end = used;
    return b->p + b->end;
}

void
buffer_consume(struct buffer *b, size_t bytes)
{
    b->begin += bytes;
    if (b->begin < b->end)
        return;
    b->begin = b->end = 0;
    if (b->capacity > CAPACITY_KEPT)
        buffer_fini(b);
}

void
buffer_fini(struct buffer *b)
{
    free(b->p);
    *b = (struct buffer){0};
}

#include "load/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void NORETURN
out_of_memory(size_t bytes)
{
    fprintf(stderr, "%s: no memory for %zu bytes\n", program_invocation_short_name, bytes);
    exit(2);
}

void
buffer_fini(struct buffer *b)
{
    free(b->p);
    *b = (struct buffer){0};
}

void
buffer_grow(struct buffer *b, size_t more)
{
    size_t capacity = b->capacity < 256 ? 256 : b->capacity;
    while (capacity - b->bytes < more)
        capacity *= 2;
    char *p = realloc(b->p, capacity);
    if (p == NULL)
        out_of_memory(capacity);
    b->p = p;
    b->capacity = capacity;
}

void
buffer_drop(struct buffer *b, size_t bytes)
{
    b->bytes -= bytes;
    if (b->bytes > 0)
        memmove(b->p, b->p + bytes, b->bytes);
}

void *
buffer_alloc(size_t count, size_t each_bytes)
{
    void *p = calloc(count > 0 ? count : 1, each_bytes);
    if (p == NULL)
        out_of_memory(count * each_bytes);
    return p;
}

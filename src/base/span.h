/* span.h - bytes somewhere else: a pointer and a length, never NUL-terminated.
 *
 * Ownership: a span borrows; whoever made it says for how long it is good.
 */
#ifndef KETCH_BASE_SPAN_H
#define KETCH_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p;
    size_t bytes;
};

/* The span of a string literal. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span
span_of(const void *p, size_t bytes)
{
    return (struct span){p, bytes};
}

static inline bool
span_equal(struct span a, struct span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.p, b.p, a.bytes) == 0);
}

#endif

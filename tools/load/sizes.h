/* sizes.h - how many bytes a key or a value has: a pure function of 64 random bits.
 *
 * Three shapes: one size, a uniform range, and `meta`: sizes like those published for Meta's
 * key-value cache: median 159, 99th percentile 959, mean about 335, the largest hundredth holding
 * about half of all bytes.  `meta` interpolates between a few quantiles on a logarithmic scale,
 * from a table.
 *
 * Threads: immutable once parsed.
 */
#ifndef KETCH_TOOLS_LOAD_SIZES_H
#define KETCH_TOOLS_LOAD_SIZES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/rng.h"

enum sizes_shape {
    SIZES_RANGE, /* low .. high, both included */
    SIZES_META,
};

/* The table of `meta`: at equal steps of probability, so that its last 1/65536 is one entry. */
#define SIZES_TABLE_BITS 16

struct sizes {
    enum sizes_shape shape;
    uint32_t low; /* smallest and largest size, in bytes */
    uint32_t high;
    const uint32_t *table; /* SIZES_META only; owned */
};

/* Reads "N", "A-B" or "meta".  False if 'text' is none of them, or out of min..max. */
bool sizes_parse(struct sizes *s, const char *text, uint32_t min, uint32_t max) MUST_USE;
void sizes_fini(struct sizes *s);

/* The size that belongs to 64 random bits. */
static inline uint32_t
sizes_pick(const struct sizes *s, uint64_t bits)
{
    if (s->shape == SIZES_META)
        return s->table[bits >> (64 - SIZES_TABLE_BITS)];
    return s->low + (uint32_t)rng_scale(bits, (uint64_t)s->high - s->low + 1);
}

#endif

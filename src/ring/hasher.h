/* hasher.h - a hash as a ring needs it: which function, and what is done to its result.
 *
 * Threads:   pure functions.
 * Failure:   none.
 */
#ifndef KETCH_RING_HASHER_H
#define KETCH_RING_HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ketch/ring.h"
#include "ring/attr.h"
#include "ring/keyhash.h"
#include "ring/md5.h"
#include "ring/xxh3.h"

struct hasher {
    enum ring_hash hash;
    uint32_t mask;
    uint32_t least; /* what is below counts as this */
};

/* The hasher of a knob; 'text' tells Java's from others.  False for those that are of points only. */
bool hasher_init(struct hasher *h, enum ketch_ring_hash hash, enum ketch_ring_text text) MUST_USE;

/* The largest value it gives. */
uint32_t hasher_max(const struct hasher *h);

/* Whether it is the plain function. */
static inline bool
hasher_is_plain(const struct hasher *h)
{
    return h->mask == UINT32_MAX && h->least == 0;
}

/* The plain function; those that matter most without an indirect call. */
static ALWAYS_INLINE uint32_t
hasher_plain(const struct hasher *h, const void *p, size_t bytes)
{
    if (h->hash == RING_HASH_MD5)
        return md5_word0(p, bytes);
    if (h->hash == RING_HASH_XXH3)
        return xxh3_low32(p, bytes);
    return ring_hash(h->hash, p, bytes);
}

static inline uint32_t
hasher_finish(const struct hasher *h, uint32_t value)
{
    value &= h->mask;
    return value < h->least ? h->least : value;
}

static inline uint32_t
hasher_hash(const struct hasher *h, const void *p, size_t bytes)
{
    return hasher_finish(h, hasher_plain(h, p, bytes));
}

#endif

/* xxh3.h - XXH3 of 64 bits, the hash of Ketch's own placement and of memcached's proxy.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_XXH3_H
#define KETCH_RING_XXH3_H

#include <stddef.h>
#include <stdint.h>
#include "ketch/types.h"

uint64_t xxh3_64(const void *p, size_t bytes, uint64_t seed);

/* The low half, with seed 0. */
uint32_t xxh3_low32(const void *p, size_t bytes);
void xxh3_low32_many(const struct ketch_bytes *keys, size_t count, uint32_t *out);

#endif

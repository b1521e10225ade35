/* bucket.h - hashes that name one of n servers themselves, without points.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_BUCKET_H
#define KETCH_RING_BUCKET_H

#include <stddef.h>
#include <stdint.h>

/* Jump consistent hash (Lamping and Veach, 2014) of a key's 64-bit hash: 0..buckets-1; 0 when
 * buckets is 0. */
uint32_t bucket_jump(uint64_t hash, uint32_t buckets);

/* mcrouter's furc_hash, which it calls Ch3: 0..buckets-1; 0 when buckets is 0. */
uint32_t bucket_furc(const void *key, size_t bytes, uint32_t buckets);

#endif

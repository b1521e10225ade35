/* hash.h - the one hash of keys, XXH3 with 64 bits.
 *
 * The seed is drawn at random per process, so that nobody outside can choose keys that share a
 * bucket.
 *
 * Threads: pure.
 */
#ifndef KETCH_BASE_HASH_H
#define KETCH_BASE_HASH_H

#include <stdint.h>
#include "base/span.h"

/* 'seed' 0 is as good as any for a test, and wrong for bytes that clients choose. */
uint64_t hash_span(struct span s, uint64_t seed);

#endif

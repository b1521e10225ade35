/* sha1.h - the beginning of a SHA-1 digest (FIPS 180-4), which Dalli takes for points.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_SHA1_H
#define KETCH_RING_SHA1_H

#include <stddef.h>
#include <stdint.h>

/* The number that the digest's first eight hex digits write. */
uint32_t sha1_word0(const void *p, size_t bytes);

#endif

/* fnv.h - Fowler, Noll and Vo's hash, as libmemcached and twemproxy compute it.
 *
 * All widen a byte as a signed char of x86.  The ones that Java clients compute over UTF-16 are in
 * java.h.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_FNV_H
#define KETCH_RING_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_32_START UINT32_C(0x811c9dc5)
#define FNV_32_PRIME UINT32_C(0x01000193)
#define FNV_64_START UINT64_C(0xcbf29ce484222325)
#define FNV_64_PRIME UINT64_C(0x00000100000001b3)

uint32_t fnv1_32(const void *p, size_t bytes);
uint32_t fnv1a_32(const void *p, size_t bytes);

/* The low half of 64 bits. */
uint32_t fnv1_64(const void *p, size_t bytes);

/* Never had 64 bits: start and prime of 64 bits, cut to 32 before the first step. */
uint32_t fnv1a_64(const void *p, size_t bytes);

#endif

/* java.h - what Java clients make of a key: hashes over the UTF-16 units of its text.
 *
 * A key is bytes here and text there: it is taken for UTF-8, which is how they send it.  For ASCII
 * the FNV ones are those of fnv.h.  Keys that are not UTF-8 cannot be had from Java; utf8.h says
 * what becomes of them.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_JAVA_H
#define KETCH_RING_JAVA_H

#include <stddef.h>
#include <stdint.h>

/* String.hashCode(), as unsigned. */
uint32_t java_string_hash(const void *p, size_t bytes);

/* spymemcached's FNV1_32_HASH, FNV1A_32_HASH, FNV1_64_HASH and FNV1A_64_HASH, of which it takes the
 * low 32 bits. */
uint32_t java_fnv1_32(const void *p, size_t bytes);
uint32_t java_fnv1a_32(const void *p, size_t bytes);
uint32_t java_fnv1_64(const void *p, size_t bytes);
uint32_t java_fnv1a_64(const void *p, size_t bytes);

#endif

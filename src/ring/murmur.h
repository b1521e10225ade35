/* murmur.h - Austin Appleby's hashes in the versions that clients use.
 *
 * Threads:   pure functions; a murmur3 belongs to its caller.
 */
#ifndef KETCH_RING_MURMUR_H
#define KETCH_RING_MURMUR_H

#include <stddef.h>
#include <stdint.h>

/* MurmurHash2 and MurmurHash3_x86_32 of libmemcached: the seed is 0xdeadbeef times the length. */
uint32_t murmur2_seeded_by_length(const void *p, size_t bytes);
uint32_t murmur3_seeded_by_length(const void *p, size_t bytes);

/* MurmurHash64A. */
uint64_t murmur64a(const void *p, size_t bytes, uint64_t seed);

/* MurmurHash64A of the eight bytes of an integer, little-endian. */
uint64_t murmur64a_of_u64(uint64_t v, uint64_t seed);

/* One hash out of two: mcrouter's score of a server for a key (Hash128to64 of CityHash, with the
 * server's hash as the upper half). */
uint64_t murmur64_pair(uint64_t upper, uint64_t lower);

/* MurmurHash3_x86_32 of what is added piece by piece, so that what many keys begin with is hashed
 * once: copy the struct, then add the rest. */
struct murmur3 {
    uint32_t hash;
    uint32_t word;  /* the bytes that do not make four yet */
    uint32_t count; /* bytes added */
};

void murmur3_start(struct murmur3 *m, uint32_t seed);
void murmur3_add(struct murmur3 *m, const void *p, size_t bytes);

/* Adds the lowest eight bits of every code point of UTF-8 text, which is how pymemcache hashes a
 * str; for ASCII the same as murmur3_add().  Bytes that are not UTF-8: see utf8.h. */
void murmur3_add_code_points(struct murmur3 *m, const void *p, size_t bytes);
uint32_t murmur3_end(const struct murmur3 *m);

#endif

/* keyhash.h - the hashes that place keys and points, each under the number of an enum.
 *
 * They are what the C libraries compute on x86: where those add a 'char' to a number, a byte of 0x80
 * and above counts as negative, here on every platform.
 *
 * Threads:   pure functions.
 * Failure:   none.  Any length is taken; p may be NULL when there are no bytes.
 */
#ifndef KETCH_RING_KEYHASH_H
#define KETCH_RING_KEYHASH_H

#include <stddef.h>
#include <stdint.h>
#include "ketch/types.h"

enum ring_hash {
    RING_HASH_ONE_AT_A_TIME, /* libmemcached's default */
    RING_HASH_MD5,           /* the first little-endian word of the digest: ketama's */
    RING_HASH_CRC,           /* 15 bits out of the CRC-32; twemproxy's crc32 */
    RING_HASH_CRC32,         /* all of the CRC-32; twemproxy's crc32a */
    RING_HASH_CRC16,         /* twemproxy's, which has up to 32 bits */
    RING_HASH_FNV1_32,
    RING_HASH_FNV1A_32,
    RING_HASH_FNV1_64,  /* the low half */
    RING_HASH_FNV1A_64, /* the low half */
    RING_HASH_MURMUR,   /* MurmurHash2 */
    RING_HASH_MURMUR3,  /* MurmurHash3_x86_32, seeded by the length as libmemcached does */
    RING_HASH_JENKINS,  /* lookup3 */
    RING_HASH_HSIEH,    /* SuperFastHash */
    RING_HASH_XXH3,     /* the low half */
    RING_HASH_SHA1,     /* the first big-endian word of the digest: Dalli's points */

    /* Over the UTF-16 of the key's text, as Java clients do (java.h). */
    RING_HASH_JAVA_STRING,
    RING_HASH_JAVA_FNV1_32,
    RING_HASH_JAVA_FNV1A_32,
    RING_HASH_JAVA_FNV1_64,
    RING_HASH_JAVA_FNV1A_64,

    RING_HASH_COUNT
};

/* A short lower-case name, static: "md5", "fnv1a_64".  NULL for what is not a hash. */
const char *ring_hash_name(enum ring_hash hash);

/* The largest value that the hash can have: 0x7fff for RING_HASH_CRC, else 0xffffffff. */
uint32_t ring_hash_max(enum ring_hash hash);

uint32_t ring_hash(enum ring_hash hash, const void *p, size_t bytes);

/* The hashes of 'count' keys; MD5 and XXH3 are faster so than one by one. */
void ring_hash_many(enum ring_hash hash, const struct ketch_bytes *keys, size_t count,
                    uint32_t *out);

#endif

/* load.h - reads little-endian integers anywhere in memory, and rotates them.
 *
 * The hashes of the placement core are defined on little-endian words; a big-endian machine turns
 * what it loads, so that a key has one place everywhere.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_LOAD_H
#define KETCH_RING_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "ring/attr.h"

static ALWAYS_INLINE uint32_t
load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap32(v);
}

static ALWAYS_INLINE uint64_t
load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}

/* The integer that 'bytes' bytes make, 0..8; those that are missing are 0. */
static inline uint64_t
load_le_part(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint64_t v = 0;
    for (size_t i = bytes; i-- > 0;)
        v = v << 8 | b[i];
    return v;
}

/* A byte as a signed char of x86 widens it: 0x80..0xff become 0xffffff80..0xffffffff. */
static ALWAYS_INLINE uint32_t
load_signed(const uint8_t *p)
{
    return (uint32_t)(int32_t)(int8_t)*p;
}

/* Rotations by 1..31 and 1..63 bits. */
static ALWAYS_INLINE uint32_t
rotl32(uint32_t v, unsigned bits)
{
    return v << bits | v >> (32 - bits);
}

static ALWAYS_INLINE uint64_t
rotl64(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

#endif

/* md5_block.h - cuts a message into the 64-byte blocks of MD5.
 *
 *      message                       0x80     zeros       length in bits, 8 bytes
 *     +---------+---------+---------+--------+-----------+-----------------------+
 *     | 64      | 64      | 0..63   |        | up to the next multiple of 64     |
 *     +---------+---------+---------+--------+-----------+-----------------------+
 *
 * A message of up to 55 bytes is one block.
 *
 * Threads:   pure functions.
 * Ownership: blocks are the caller's.
 */
#ifndef KETCH_RING_MD5_BLOCK_H
#define KETCH_RING_MD5_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "ring/load.h"

enum {
    MD5_BLOCK_BYTES = 64,
    MD5_ONE_BLOCK_MAX_BYTES = 55, /* the longest message of one block */
    MD5_LENGTH_BYTES = 8,
};

/* Eight little-endian integers of two words each: stored in one piece, a word can be read back
 * without waiting for the memory. */
struct md5_block {
    uint64_t pairs[8];
};

static ALWAYS_INLINE uint32_t
md5_block_word(const struct md5_block *block, unsigned word)
{
    return (uint32_t)(block->pairs[word / 2] >> word % 2 * 32);
}

/* How many blocks a message has. */
static inline size_t
md5_block_count(size_t bytes)
{
    return (bytes + MD5_LENGTH_BYTES) / MD5_BLOCK_BYTES + 1;
}

/* The last bytes & 7 bytes of a message and the one bit that follows it.  One load gets them if
 * there are eight bytes to load. */
static ALWAYS_INLINE uint64_t
md5_block_tail(const uint8_t *p, size_t bytes)
{
    unsigned part = bytes & 7;
    uint64_t tail;
    if (LIKELY(bytes >= 8))
        tail = load_le64(p + bytes - 8) >> 8 >> 8 * (7 - part);
    else
        tail = load_le_part(p, part);
    return tail | UINT64_C(0x80) << 8 * part;
}

/* The block of a message of at most MD5_ONE_BLOCK_MAX_BYTES. */
static ALWAYS_INLINE void
md5_block_only(struct md5_block *block, const uint8_t *p, size_t bytes)
{
    memset(block, 0, sizeof *block);
    for (size_t i = 0; i < bytes / 8; i++)
        block->pairs[i] = load_le64(p + 8 * i);
    block->pairs[bytes / 8] = md5_block_tail(p, bytes);
    block->pairs[7] = (uint64_t)bytes * 8;
}

/* Any block of a longer message: the one that begins at byte 'at', a multiple of 64. */
static inline void
md5_block_at(struct md5_block *block, const uint8_t *p, size_t bytes, size_t at)
{
    size_t left = at < bytes ? bytes - at : 0;
    size_t whole = left < MD5_BLOCK_BYTES ? left / 8 : 8;
    memset(block, 0, sizeof *block);
    for (size_t i = 0; i < whole; i++)
        block->pairs[i] = load_le64(p + at + 8 * i);
    if (at <= bytes && left < MD5_BLOCK_BYTES)
        block->pairs[whole] = md5_block_tail(p, bytes);
    if (left <= MD5_ONE_BLOCK_MAX_BYTES)
        block->pairs[7] = (uint64_t)bytes * 8;
}

#endif

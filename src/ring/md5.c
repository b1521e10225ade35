/* One key at a time.
 *
 * Each step waits for the one before, so that the time of a block is the length of the chain, and
 * all that counts is how soon b enters the sum: G is two terms without a bit in common, of which
 * the one without b is added early; F and I cost one operation more, H none. */
#include <string.h>
#include "ring/load.h"
#include "ring/md5.h"
#include "ring/md5_step.h"

enum { BLOCK_BYTES = 64, LENGTH_AT = 56 };

struct state {
    uint32_t a, b, c, d;
};

/* A block as eight little-endian integers of two words each: stored in one piece, a word can be
 * read back without waiting for the memory. */
struct block {
    uint64_t pairs[8];
};

#define SCALAR_STEP(mixed, a, b, word, shift, constant)                                            \
    a += (uint32_t)(block->pairs[(word) / 2] >> (word) % 2 * 32) + (constant);                     \
    a += mixed;                                                                                    \
    a = rotl32(a, shift) + (b);

#define STEP_F(a, b, c, d, word, shift, constant)                                                  \
    SCALAR_STEP((d ^ (b & (c ^ d))), a, b, word, shift, constant)
#define STEP_G(a, b, c, d, word, shift, constant)                                                  \
    a += c & ~d;                                                                                   \
    SCALAR_STEP((b & d), a, b, word, shift, constant)
#define STEP_H(a, b, c, d, word, shift, constant)                                                  \
    SCALAR_STEP((b ^ (c ^ d)), a, b, word, shift, constant)
#define STEP_I(a, b, c, d, word, shift, constant)                                                  \
    SCALAR_STEP((c ^ (b | ~d)), a, b, word, shift, constant)

static const struct state start = {MD5_A, MD5_B, MD5_C, MD5_D};

static ALWAYS_INLINE struct state
add_block(struct state s, const struct block *block)
{
    uint32_t a = s.a, b = s.b, c = s.c, d = s.d;
    MD5_STEPS_HEAD
    MD5_STEPS_TAIL
    return (struct state){s.a + a, s.b + b, s.c + c, s.d + d};
}

static ALWAYS_INLINE uint32_t
add_block_for_word0(struct state s, const struct block *block)
{
    uint32_t a = s.a, b = s.b, c = s.c, d = s.d;
    MD5_STEPS_HEAD
    return s.a + a;
}

/* Copies 'pairs' integers from anywhere. */
static ALWAYS_INLINE void
load_pairs(uint64_t *to, const uint8_t *from, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++)
        to[i] = load_le64(from + 8 * i);
}

/* The last bytes & 7 bytes of a key, and the one bit that follows every message.  One load gets
 * them when the key has eight bytes to load. */
static ALWAYS_INLINE uint64_t
load_tail(const uint8_t *p, size_t bytes)
{
    unsigned part = bytes & 7;
    uint64_t tail;
    if (LIKELY(bytes >= 8))
        tail = load_le64(p + bytes - 8) >> 8 >> 8 * (7 - part);
    else
        tail = load_le_part(p, part);
    return tail | UINT64_C(0x80) << 8 * part;
}

/* Makes the block of a key of at most 55 bytes. */
static ALWAYS_INLINE void
fill_only_block(struct block *block, const uint8_t *p, size_t bytes)
{
    memset(block, 0, sizeof *block);
    load_pairs(block->pairs, p, bytes / 8);
    block->pairs[bytes / 8] = load_tail(p, bytes);
    block->pairs[7] = (uint64_t)bytes * 8;
}

/* What follows the last full block of a longer key: one block or two.  The chain stands at the
 * state after the full ones. */
static struct state
add_full_blocks(const uint8_t *p, size_t bytes)
{
    struct state s = start;
    for (size_t at = 0; at + BLOCK_BYTES <= bytes; at += BLOCK_BYTES) {
        struct block block;
        load_pairs(block.pairs, p + at, 8);
        s = add_block(s, &block);
    }
    return s;
}

/* Gives the last block of a key of at least 56 bytes, with the state before it. */
static struct state
add_all_but_last(const uint8_t *p, size_t bytes, struct block *last)
{
    struct state s = add_full_blocks(p, bytes);
    size_t rest = bytes % BLOCK_BYTES;
    const uint8_t *tail = p + (bytes - rest);
    memset(last, 0, sizeof *last);
    load_pairs(last->pairs, tail, rest / 8);
    last->pairs[rest / 8] = load_tail(p, bytes);
    if (rest >= LENGTH_AT) {
        s = add_block(s, last);
        memset(last, 0, sizeof *last);
    }
    last->pairs[7] = (uint64_t)bytes * 8;
    return s;
}

uint32_t
md5_word0(const void *p, size_t bytes)
{
    struct block last;
    if (UNLIKELY(bytes >= LENGTH_AT)) {
        struct state s = add_all_but_last(p, bytes, &last);
        return add_block_for_word0(s, &last);
    }
    fill_only_block(&last, p, bytes);
    return add_block_for_word0(start, &last);
}

void
md5_words(const void *p, size_t bytes, uint32_t words[4])
{
    struct block last;
    struct state s = start;
    if (bytes >= LENGTH_AT)
        s = add_all_but_last(p, bytes, &last);
    else
        fill_only_block(&last, p, bytes);
    s = add_block(s, &last);
    words[0] = s.a;
    words[1] = s.b;
    words[2] = s.c;
    words[3] = s.d;
}

/* One key at a time.
 *
 * Each step waits for the one before, so that the time of a block is the length of the chain, and
 * all that counts is how soon b enters the sum: G is two terms without a bit in common, of which
 * the one without b is added early; F and I cost one operation more, H none. */
#include "ring/md5.h"
#include "ring/md5_block.h"
#include "ring/md5_step.h"

struct state {
    uint32_t a, b, c, d;
};

static const struct state start = {MD5_A, MD5_B, MD5_C, MD5_D};

#define STEP(mixed, a, b, word, shift, constant)                                                   \
    a += md5_block_word(block, word) + (constant);                                                 \
    a += (mixed);                                                                                  \
    a = rotl32(a, shift) + (b);

#define STEP_F(a, b, c, d, word, shift, constant)                                                  \
    STEP(d ^ (b & (c ^ d)), a, b, word, shift, constant)
#define STEP_G(a, b, c, d, word, shift, constant)                                                  \
    a += c & ~d;                                                                                   \
    STEP(b & d, a, b, word, shift, constant)
#define STEP_H(a, b, c, d, word, shift, constant)                                                  \
    STEP(b ^ (c ^ d), a, b, word, shift, constant)
#define STEP_I(a, b, c, d, word, shift, constant)                                                  \
    STEP(c ^ (b | ~d), a, b, word, shift, constant)

static ALWAYS_INLINE struct state
add_block(struct state s, const struct md5_block *block)
{
    uint32_t a = s.a, b = s.b, c = s.c, d = s.d;
    MD5_STEPS_HEAD
    MD5_STEPS_TAIL
    return (struct state){s.a + a, s.b + b, s.c + c, s.d + d};
}

static ALWAYS_INLINE uint32_t
add_block_for_word0(struct state s, const struct md5_block *block)
{
    uint32_t a = s.a, b = s.b, c = s.c, d = s.d;
    MD5_STEPS_HEAD
    return s.a + a;
}

/* The state before the last block of a message of several, which it gives. */
static struct state
add_all_but_last(const uint8_t *p, size_t bytes, struct md5_block *last)
{
    struct state s = start;
    size_t count = md5_block_count(bytes);
    for (size_t i = 0; i + 1 < count; i++) {
        struct md5_block block;
        md5_block_at(&block, p, bytes, i * MD5_BLOCK_BYTES);
        s = add_block(s, &block);
    }
    md5_block_at(last, p, bytes, (count - 1) * MD5_BLOCK_BYTES);
    return s;
}

uint32_t
md5_word0(const void *p, size_t bytes)
{
    struct md5_block last;
    if (UNLIKELY(bytes > MD5_ONE_BLOCK_MAX_BYTES)) {
        struct state s = add_all_but_last(p, bytes, &last);
        return add_block_for_word0(s, &last);
    }
    md5_block_only(&last, p, bytes);
    return add_block_for_word0(start, &last);
}

void
md5_words(const void *p, size_t bytes, uint32_t words[4])
{
    struct md5_block last;
    struct state s = start;
    if (bytes > MD5_ONE_BLOCK_MAX_BYTES)
        s = add_all_but_last(p, bytes, &last);
    else
        md5_block_only(&last, p, bytes);
    s = add_block(s, &last);
    words[0] = s.a;
    words[1] = s.b;
    words[2] = s.c;
    words[3] = s.d;
}

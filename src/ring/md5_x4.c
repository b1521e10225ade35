/* Four keys at once with the vectors of GNU C, which every compiler we build with makes into what
 * the machine has: SSE2 on x86-64, NEON on 64-bit ARM.  Where there is nothing of the kind it makes
 * four chains of plain integers, which still wait for each other less than one does. */
#include "ring/md5_path.h"

#define LANES       4
#define GROUPS      2
#define ALONE_MAX   3
#define STREAMS_MIN 4
#define TARGET

#include "ring/md5_block.h"

typedef uint32_t vec __attribute__((vector_size(16)));

static ALWAYS_INLINE vec
vec_all(uint32_t v)
{
    return (vec){v, v, v, v};
}

static ALWAYS_INLINE vec
vec_add(vec x, vec y)
{
    return x + y;
}

static ALWAYS_INLINE vec
vec_rotl(vec x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

static ALWAYS_INLINE vec
vec_f(vec b, vec c, vec d)
{
    return d ^ (b & (c ^ d));
}

static ALWAYS_INLINE vec
vec_g(vec b, vec c, vec d)
{
    return (b & d) + (c & ~d);
}

static ALWAYS_INLINE vec
vec_h(vec b, vec c, vec d)
{
    return b ^ (c ^ d);
}

static ALWAYS_INLINE vec
vec_i(vec b, vec c, vec d)
{
    return c ^ (b | ~d);
}

static ALWAYS_INLINE void
lane_block_only(struct md5_block *block, const uint8_t *p, size_t bytes)
{
    md5_block_only(block, p, bytes);
}

static ALWAYS_INLINE void
lane_block_at(struct md5_block *block, const uint8_t *p, size_t bytes, size_t at)
{
    md5_block_at(block, p, bytes, at);
}

static ALWAYS_INLINE void
vec_turn(vec m[16], const struct md5_block blocks[LANES])
{
    for (unsigned i = 0; i < 16; i++)
        for (unsigned lane = 0; lane < LANES; lane++)
            m[i][lane] = md5_block_word(&blocks[lane], i);
}

#include "ring/md5_lanes.inc"

static bool
always_usable(void)
{
    return true;
}

const struct md5_path md5_path_x4 = {
    "x4", always_usable, md5_lanes_word0_many, md5_lanes_words_many,
};

/* Eight keys at once with AVX2. */
#include <immintrin.h>
#include "ring/md5_block.h"
#include "ring/md5_path.h"

#define LANES       8
#define GROUPS      2
#define ALONE_MAX   2
#define STREAMS_MIN 3
#define TARGET      __attribute__((target("avx2")))

typedef __m256i vec;

TARGET static ALWAYS_INLINE vec
vec_all(uint32_t v)
{
    return _mm256_set1_epi32((int)v);
}

TARGET static ALWAYS_INLINE vec
vec_add(vec x, vec y)
{
    return _mm256_add_epi32(x, y);
}

TARGET static ALWAYS_INLINE vec
vec_rotl(vec x, unsigned bits)
{
    return _mm256_or_si256(_mm256_slli_epi32(x, (int)bits), _mm256_srli_epi32(x, 32 - (int)bits));
}

TARGET static ALWAYS_INLINE vec
vec_f(vec b, vec c, vec d)
{
    return _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)));
}

TARGET static ALWAYS_INLINE vec
vec_g(vec b, vec c, vec d)
{
    return _mm256_or_si256(_mm256_and_si256(b, d), _mm256_andnot_si256(d, c));
}

TARGET static ALWAYS_INLINE vec
vec_h(vec b, vec c, vec d)
{
    return _mm256_xor_si256(b, _mm256_xor_si256(c, d));
}

TARGET static ALWAYS_INLINE vec
vec_i(vec b, vec c, vec d)
{
    return _mm256_xor_si256(c, _mm256_or_si256(b, _mm256_xor_si256(d, _mm256_set1_epi32(-1))));
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

/* Rows become columns: eight words of eight messages. */
TARGET static ALWAYS_INLINE void
turn_half(vec m[8], const struct md5_block blocks[LANES], unsigned half)
{
    vec r[8], t[8];
    for (unsigned i = 0; i < 8; i++)
        r[i] = _mm256_loadu_si256((const __m256i *)&blocks[i] + half);
    for (unsigned i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (unsigned i = 0; i < 4; i++) {
        m[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
        m[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
}

TARGET static ALWAYS_INLINE void
vec_turn(vec m[16], const struct md5_block blocks[LANES])
{
    turn_half(m, blocks, 0);
    turn_half(m + 8, blocks, 1);
}

#include "ring/md5_lanes.inc"

static bool
has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

const struct md5_path md5_path_avx2 = {
    "avx2", has_avx2, md5_lanes_word0_many, md5_lanes_words_many,
};

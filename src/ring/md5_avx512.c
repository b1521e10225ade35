/* Sixteen keys at once with AVX-512: any function of three bits and any rotation is one instruction,
 * and a load that leaves out what lies behind a key takes a whole block. */
#include <immintrin.h>
#include "ring/md5_block.h"
#include "ring/md5_path.h"

#define LANES       16
#define GROUPS      4
#define ALONE_MAX   2
#define STREAMS_MIN 6
#define TARGET      __attribute__((target("avx512f,avx512bw,bmi2")))

typedef __m512i vec;

TARGET static ALWAYS_INLINE vec
vec_all(uint32_t v)
{
    return _mm512_set1_epi32((int)v);
}

TARGET static ALWAYS_INLINE vec
vec_add(vec x, vec y)
{
    return _mm512_add_epi32(x, y);
}

/* The instruction takes its bits as a constant, which an argument is not for every compiler. */
#define vec_rotl(x, bits) _mm512_rol_epi32(x, bits)

/* The third argument is the function's table: the bit of every b, c, d, from 111 down to 000. */
TARGET static ALWAYS_INLINE vec
vec_f(vec b, vec c, vec d)
{
    return _mm512_ternarylogic_epi32(b, c, d, 0xca);
}

TARGET static ALWAYS_INLINE vec
vec_g(vec b, vec c, vec d)
{
    return _mm512_ternarylogic_epi32(b, c, d, 0xe4);
}

TARGET static ALWAYS_INLINE vec
vec_h(vec b, vec c, vec d)
{
    return _mm512_ternarylogic_epi32(b, c, d, 0x96);
}

TARGET static ALWAYS_INLINE vec
vec_i(vec b, vec c, vec d)
{
    return _mm512_ternarylogic_epi32(b, c, d, 0x39);
}

/* The first 'bytes' bytes of a vector, 0..64. */
TARGET static ALWAYS_INLINE __mmask64
first_bytes(size_t bytes)
{
    return _bzhi_u64(~UINT64_C(0), (unsigned)bytes);
}

/* The last word pair of a block is the length. */
TARGET static ALWAYS_INLINE vec
with_length(vec block, size_t bytes)
{
    return _mm512_mask_set1_epi64(block, 1 << 7, (long long)((uint64_t)bytes * 8));
}

/* 0 or 64 bytes of a message, or its last ones and the bit that follows them. */
TARGET static ALWAYS_INLINE vec
load_block(const uint8_t *p, size_t bytes)
{
    vec block = _mm512_maskz_loadu_epi8(first_bytes(bytes), p);
    __mmask64 end = bytes < MD5_BLOCK_BYTES ? UINT64_C(1) << bytes : 0;
    return _mm512_mask_blend_epi8(end, block, _mm512_set1_epi8((char)0x80));
}

TARGET static ALWAYS_INLINE void
lane_block_only(struct md5_block *block, const uint8_t *p, size_t bytes)
{
    _mm512_store_si512(block, with_length(load_block(p, bytes), bytes));
}

TARGET static ALWAYS_INLINE void
lane_block_at(struct md5_block *block, const uint8_t *p, size_t bytes, size_t at)
{
    size_t left = at < bytes ? bytes - at : 0;
    vec v = _mm512_setzero_si512();
    if (at <= bytes)
        v = load_block(p + at, left < MD5_BLOCK_BYTES ? left : MD5_BLOCK_BYTES);
    if (left <= MD5_ONE_BLOCK_MAX_BYTES)
        v = with_length(v, bytes);
    _mm512_store_si512(block, v);
}

/* Rows become columns, in four rounds: neighbours, pairs, and twice quarters of a vector. */
TARGET static ALWAYS_INLINE void
vec_turn(vec m[16], const struct md5_block blocks[LANES])
{
    vec r[16], t[16];
    for (unsigned i = 0; i < 16; i++)
        r[i] = _mm512_load_si512(&blocks[i]);
    for (unsigned i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (unsigned i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (unsigned i = 0; i < 8; i++) {
        m[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        m[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

#include "ring/md5_lanes.inc"

static bool
has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("bmi2");
}

const struct md5_path md5_path_avx512 = {
    "avx512", has_avx512, md5_lanes_word0_many, md5_lanes_words_many,
};

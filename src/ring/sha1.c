#include "ring/load.h"
#include "ring/sha1.h"

enum { BLOCK_BYTES = 64, LENGTH_AT = 56 };

struct state {
    uint32_t h[5];
};

/* A round of 20 steps: how it mixes b, c and d, and its constant. */
static uint32_t
mix(unsigned step, uint32_t b, uint32_t c, uint32_t d)
{
    switch (step / 20) {
    case 0:
        return (d ^ (b & (c ^ d))) + UINT32_C(0x5a827999);
    case 1:
        return (b ^ c ^ d) + UINT32_C(0x6ed9eba1);
    case 2:
        return ((b & c) | (d & (b | c))) + UINT32_C(0x8f1bbcdc);
    default:
        return (b ^ c ^ d) + UINT32_C(0xca62c1d6);
    }
}

static void
add_block(struct state *s, const uint8_t *b)
{
    uint32_t w[80], v[5];
    for (unsigned i = 0; i < 16; i++)
        w[i] = __builtin_bswap32(load_le32(b + 4 * i));
    for (unsigned i = 16; i < 80; i++)
        w[i] = rotl32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    memcpy(v, s->h, sizeof v);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = rotl32(v[0], 5) + mix(i, v[1], v[2], v[3]) + v[4] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotl32(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (unsigned i = 0; i < 5; i++)
        s->h[i] += v[i];
}

/* The bytes after the last full block, one bit, and the length in bits, big-endian. */
static void
add_tail(struct state *s, const uint8_t *b, size_t left, uint64_t bytes)
{
    uint8_t last[2 * BLOCK_BYTES] = {0};
    size_t end = left < LENGTH_AT ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    if (left > 0)
        memcpy(last, b, left);
    last[left] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        last[end - 1 - i] = (uint8_t)(bytes * 8 >> 8 * i);
    for (size_t at = 0; at < end; at += BLOCK_BYTES)
        add_block(s, last + at);
}

uint32_t
sha1_word0(const void *p, size_t bytes)
{
    struct state s = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    const uint8_t *b = p;
    size_t left = bytes;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, b += BLOCK_BYTES)
        add_block(&s, b);
    add_tail(&s, b, left, bytes);
    return s.h[0];
}

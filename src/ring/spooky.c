/* SpookyHash V2, of which only Hash32() is wanted: the low half of the first of two results.  Below
 * 192 bytes it has four variables, above twelve. */
#include "ring/jenkins.h"
#include "ring/load.h"

#define SPOOKY_FILL UINT64_C(0xdeadbeefdeadbeef)

enum { VARIABLES = 12, BLOCK_BYTES = 8 * VARIABLES, SHORT_BYTES = 2 * BLOCK_BYTES };

static void
short_mix(uint64_t h[4])
{
    static const uint8_t turn[12] = {50, 52, 30, 41, 54, 48, 38, 37, 62, 34, 5, 36};
    for (unsigned i = 0; i < 12; i++) {
        unsigned x = (i + 2) % 4;
        h[x] = rotl64(h[x], turn[i]) + h[(x + 1) % 4];
        h[(x + 2) % 4] ^= h[x];
    }
}

static void
short_end(uint64_t h[4])
{
    static const uint8_t turn[11] = {15, 52, 26, 51, 28, 9, 47, 54, 32, 25, 63};
    for (unsigned i = 0; i < 11; i++) {
        unsigned x = (i + 3) % 4, before = (x + 3) % 4;
        h[x] ^= h[before];
        h[before] = rotl64(h[before], turn[i]);
        h[x] += h[before];
    }
}

/* The last 0..15 bytes and the length. */
static void
short_tail(uint64_t h[4], const uint8_t *b, size_t left, size_t bytes)
{
    h[3] += (uint64_t)bytes << 56;
    if (left == 0) {
        h[2] += SPOOKY_FILL;
        h[3] += SPOOKY_FILL;
        return;
    }
    h[2] += load_le_part(b, left < 8 ? left : 8);
    h[3] += left > 8 ? load_le_part(b + 8, left - 8) : 0;
}

static uint64_t
spooky_short(const uint8_t *b, size_t bytes, uint64_t seed)
{
    uint64_t h[4] = {seed, seed, SPOOKY_FILL, SPOOKY_FILL};
    size_t left = bytes;
    for (; left >= 16; left -= 16, b += 16) {
        h[2] += load_le64(b);
        h[3] += load_le64(b + 8);
        short_mix(h);
        if (left < 32)
            continue;
        left -= 16;
        b += 16;
        h[0] += load_le64(b);
        h[1] += load_le64(b + 8);
    }
    short_tail(h, b, left, bytes);
    short_end(h);
    return h[0];
}

static void
long_mix(uint64_t h[VARIABLES], const uint8_t *b)
{
    static const uint8_t turn[VARIABLES] = {11, 32, 43, 31, 17, 28, 39, 57, 55, 54, 22, 46};
    for (unsigned i = 0; i < VARIABLES; i++) {
        unsigned before = (i + VARIABLES - 1) % VARIABLES;
        h[i] += load_le64(b + 8 * i);
        h[(i + 2) % VARIABLES] ^= h[(i + 10) % VARIABLES];
        h[before] ^= h[i];
        h[i] = rotl64(h[i], turn[i]);
        h[before] += h[(i + 1) % VARIABLES];
    }
}

static void
long_end(uint64_t h[VARIABLES])
{
    static const uint8_t turn[VARIABLES] = {44, 15, 34, 21, 38, 33, 10, 13, 38, 53, 42, 54};
    for (unsigned i = 0; i < VARIABLES; i++) {
        unsigned x = (i + 1) % VARIABLES, before = (i + VARIABLES - 1) % VARIABLES;
        h[before] += h[x];
        h[(i + 2) % VARIABLES] ^= h[before];
        h[x] = rotl64(h[x], turn[i]);
    }
}

static uint64_t
spooky_long(const uint8_t *b, size_t bytes, uint64_t seed)
{
    uint64_t h[VARIABLES];
    for (unsigned i = 0; i < VARIABLES; i++)
        h[i] = i % 3 == 2 ? SPOOKY_FILL : seed;
    size_t left = bytes;
    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, b += BLOCK_BYTES)
        long_mix(h, b);
    uint8_t last[BLOCK_BYTES] = {0};
    memcpy(last, b, left);
    last[BLOCK_BYTES - 1] = (uint8_t)left;
    for (unsigned i = 0; i < VARIABLES; i++)
        h[i] += load_le64(last + 8 * i);
    for (unsigned i = 0; i < 3; i++)
        long_end(h);
    return h[0];
}

uint32_t
jenkins_spooky32(const void *p, size_t bytes, uint32_t seed)
{
    return (uint32_t)(bytes < SHORT_BYTES ? spooky_short(p, bytes, seed)
                                          : spooky_long(p, bytes, seed));
}

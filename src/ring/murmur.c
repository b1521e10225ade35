#include "ring/load.h"
#include "ring/murmur.h"
#include "ring/utf8.h"

#define MURMUR2_FACTOR UINT32_C(0x5bd1e995)
#define MURMUR64_FACTOR UINT64_C(0xc6a4a7935bd1e995)
#define LENGTH_SEED UINT32_C(0xdeadbeef)

uint32_t
murmur2_seeded_by_length(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = LENGTH_SEED * (uint32_t)bytes ^ (uint32_t)bytes;
    size_t left = bytes;
    for (; left >= 4; left -= 4, b += 4) {
        uint32_t k = load_le32(b) * MURMUR2_FACTOR;
        h = h * MURMUR2_FACTOR ^ (k ^ k >> 24) * MURMUR2_FACTOR;
    }
    if (left > 0)
        h = (h ^ (uint32_t)load_le_part(b, left)) * MURMUR2_FACTOR;
    h = (h ^ h >> 13) * MURMUR2_FACTOR;
    return h ^ h >> 15;
}

uint32_t
murmur3_seeded_by_length(const void *p, size_t bytes)
{
    struct murmur3 m;
    murmur3_start(&m, LENGTH_SEED * (uint32_t)bytes);
    murmur3_add(&m, p, bytes);
    return murmur3_end(&m);
}

static uint64_t
murmur64a_word(uint64_t h, uint64_t k)
{
    k *= MURMUR64_FACTOR;
    k = (k ^ k >> 47) * MURMUR64_FACTOR;
    return (h ^ k) * MURMUR64_FACTOR;
}

static uint64_t
murmur64a_end(uint64_t h)
{
    h = (h ^ h >> 47) * MURMUR64_FACTOR;
    return h ^ h >> 47;
}

uint64_t
murmur64a(const void *p, size_t bytes, uint64_t seed)
{
    const uint8_t *b = p;
    uint64_t h = seed ^ bytes * MURMUR64_FACTOR;
    size_t left = bytes;
    for (; left >= 8; left -= 8, b += 8)
        h = murmur64a_word(h, load_le64(b));
    if (left > 0)
        h = (h ^ load_le_part(b, left)) * MURMUR64_FACTOR;
    return murmur64a_end(h);
}

uint64_t
murmur64a_of_u64(uint64_t v, uint64_t seed)
{
    return murmur64a_end(murmur64a_word(seed ^ sizeof v * MURMUR64_FACTOR, v));
}

uint64_t
murmur64_pair(uint64_t upper, uint64_t lower)
{
    const uint64_t factor = UINT64_C(0x9ddfea08eb382d69);
    uint64_t a = (lower ^ upper) * factor;
    uint64_t b = (upper ^ a ^ a >> 47) * factor;
    return (b ^ b >> 47) * factor;
}

/* What a word, whole or not, becomes before it is mixed in. */
static uint32_t
murmur3_scramble(uint32_t word)
{
    return rotl32(word * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593);
}

static void
murmur3_add_word(struct murmur3 *m, uint32_t word)
{
    m->hash = rotl32(m->hash ^ murmur3_scramble(word), 13) * 5 + UINT32_C(0xe6546b64);
    m->count += 4;
}

static void
murmur3_add_byte(struct murmur3 *m, uint8_t byte)
{
    m->word |= (uint32_t)byte << 8 * (m->count % 4);
    if (m->count % 4 < 3) {
        m->count++;
        return;
    }
    m->count -= 3;
    murmur3_add_word(m, m->word);
    m->word = 0;
}

void
murmur3_start(struct murmur3 *m, uint32_t seed)
{
    *m = (struct murmur3){.hash = seed};
}

void
murmur3_add(struct murmur3 *m, const void *p, size_t bytes)
{
    const uint8_t *b = p;
    size_t left = bytes;
    for (; left > 0 && m->count % 4 != 0; left--)
        murmur3_add_byte(m, *b++);
    for (; left >= 4; left -= 4, b += 4)
        murmur3_add_word(m, load_le32(b));
    for (; left > 0; left--)
        murmur3_add_byte(m, *b++);
}

void
murmur3_add_code_points(struct murmur3 *m, const void *p, size_t bytes)
{
    const uint8_t *b = p, *end = b + bytes;
    while (b < end)
        murmur3_add_byte(m, (uint8_t)utf8_next(&b, end));
}

uint32_t
murmur3_end(const struct murmur3 *m)
{
    uint32_t h = m->hash ^ murmur3_scramble(m->word) ^ m->count;
    h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
    h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
    return h ^ h >> 16;
}

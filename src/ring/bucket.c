#include "ring/bucket.h"
#include "ring/murmur.h"

uint32_t
bucket_jump(uint64_t hash, uint32_t buckets)
{
    int64_t bucket = 0, next = 0;
    while (next < (int64_t)buckets) {
        bucket = next;
        hash = hash * UINT64_C(2862933555777941757) + 1;
        next = (int64_t)((double)(bucket + 1) *
                         ((double)(INT64_C(1) << 31) / (double)((hash >> 33) + 1)));
    }
    return (uint32_t)bucket;
}

#define FURC_SEED UINT64_C(4193360111)

enum {
    FURC_STEP = 23,  /* bits between two that make a number */
    FURC_TRIES = 32, /* numbers that may be too large; then the answer is 0 */
};

/* An endless row of random bits: 64 of a hash of the key, then 64 of a hash of that one, ...  It is
 * read forwards but for a few returns to its beginning. */
struct bits {
    uint64_t first, word;
    uint32_t number; /* of the word */
};

static uint32_t
bit_at(struct bits *bits, uint32_t at)
{
    if (at / 64 < bits->number) {
        bits->word = bits->first;
        bits->number = 0;
    }
    for (; bits->number < at / 64; bits->number++)
        bits->word = murmur64a_of_u64(bits->word, FURC_SEED);
    return bits->word >> at % 64 & 1;
}

uint32_t
bucket_furc(const void *key, size_t bytes, uint32_t buckets)
{
    if (buckets <= 1)
        return 0;
    uint64_t hash = murmur64a(key, bytes, FURC_SEED);
    struct bits bits = {.first = hash, .word = hash};
    uint32_t width = 0;
    while (buckets > UINT64_C(1) << width)
        width++;
    uint32_t at = width;
    for (unsigned try = 0; try < FURC_TRIES; try++) {
        for (; !bit_at(&bits, at); at = width)
            if (--width == 0)
                return 0;
        uint32_t number = 1;
        at += FURC_STEP;
        for (uint32_t i = 1; i < width; i++, at += FURC_STEP)
            number = number << 1 | bit_at(&bits, at);
        if (number < buckets)
            return number;
    }
    return 0;
}

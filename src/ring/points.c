#include "ring/points.h"

#include <stdlib.h>
#include <string.h>
#include "ring/crc.h"
#include "ring/identity.h"

/* Names are hashed in batches of as many as make ketama's 160 points, which take some 20 KiB on the
 * stack.  The names of a batch differ in their numbers only. */
enum { BATCH = 40, NUMBER_BYTES = 11, LANE_BYTES = IDENTITY_HASHED_MAX + NUMBER_BYTES };

/* "-4711" at 'at'; returns how many bytes. */
static size_t
put_number(char *at, char separator, uint32_t number)
{
    char digits[NUMBER_BYTES];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    *at++ = separator;
    for (size_t i = n; i > 0; i--)
        *at++ = digits[i - 1];
    return n + 1;
}

/* The numbers of a batch: names[i] is the i-th's, all in 'lanes'. */
struct batch {
    struct ketch_bytes names[BATCH];
    size_t name_bytes;
    char lanes[BATCH][LANE_BYTES];
};

static void
batch_init(struct batch *b, const char *name, size_t name_bytes, uint32_t hashes)
{
    b->name_bytes = name_bytes;
    for (uint32_t i = 0; i < BATCH && i < hashes; i++) {
        memcpy(b->lanes[i], name, name_bytes);
        b->names[i].p = b->lanes[i];
    }
}

static void
batch_number(struct batch *b, char separator, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        b->names[i].bytes = b->name_bytes + put_number(b->lanes[i] + b->name_bytes, separator, first + i);
}

/* The points of 'count' names; there is room for all words of all of them. */
static void
hash_batch(const struct point_rule *rule, const struct batch *b, uint32_t count, uint32_t *out)
{
    if (rule->words == 4) {
        uint32_t words[BATCH][4];
        md5_words_many(b->names, count, words);
        memcpy(out, words, count * sizeof(words[0]));
    } else if (rule->words == 2) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t both = xxh3_64(b->names[i].p, b->names[i].bytes, 0);
            out[2 * i] = (uint32_t)both;
            out[2 * i + 1] = (uint32_t)(both >> 32);
        }
    } else {
        ring_hash_many(rule->hasher.hash, b->names, count, out);
        for (uint32_t i = 0; i < count; i++)
            out[i] = hasher_finish(&rule->hasher, out[i]);
    }
}

static void
make_by_number(uint32_t *at, const struct point_rule *rule, const char *name, size_t name_bytes,
               uint32_t from, uint32_t to)
{
    struct batch b;
    batch_init(&b, name, name_bytes, to - from);
    while (from < to) {
        uint32_t count = to - from < BATCH ? to - from : BATCH;
        batch_number(&b, rule->separator, from, count);
        hash_batch(rule, &b, count, at + (size_t)from * rule->words);
        from += count;
    }
}

static void
make_chain(uint32_t *at, const char *name, size_t name_bytes, uint32_t from, uint32_t to)
{
    uint32_t start = crc32_ieee(name, name_bytes);
    for (uint32_t i = from; i < to; i++) {
        uint32_t before = i > 0 ? at[i - 1] : 0;
        uint8_t bytes[4] = {(uint8_t)before, (uint8_t)(before >> 8), (uint8_t)(before >> 16),
                            (uint8_t)(before >> 24)};
        at[i] = crc32_ieee_more(start, bytes, sizeof(bytes));
    }
}

bool
points_extend(struct points *points, const struct point_rule *rule, const char *name,
              size_t name_bytes, uint32_t count)
{
    if (count <= points->count)
        return true;
    uint32_t from = points->count / rule->words, to = (count - 1) / rule->words + 1;
    uint32_t *at = realloc(points->at, (size_t)to * rule->words * sizeof(*at));
    if (at == NULL)
        return false;
    points->at = at;
    points->count = to * rule->words;
    if (rule->chain)
        make_chain(at, name, name_bytes, from, to);
    else
        make_by_number(at, rule, name, name_bytes, from, to);
    return true;
}

void
points_fini(struct points *points)
{
    free(points->at);
    *points = (struct points){NULL, 0};
}

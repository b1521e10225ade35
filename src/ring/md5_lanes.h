/* md5_lanes.h - MD5 of many keys, a lane of a vector for each; written once for all vectors.
 *
 * A group of lanes goes through the steps of a block together; several groups take turns, as the
 * steps of one wait for each other and leave most of the machine idle:
 *
 *                  lane 0   lane 1   ...                word of the block
 *     group 0     | key 0  | key 1  | ...    |          0..15, in md5_lanes.m
 *     group 1     | key n  | ...             |
 *
 * Keys of one block, the usual ones, are packed into groups in the order they come.  Longer ones
 * are streams: a lane whose key is finished takes the next one, so that lengths may be mixed.
 *
 * Who includes this is the .c file of one path, and has defined before
 *
 *     LANES, GROUPS        how many lanes a vector has (4, 8, 16), and how many groups take turns
 *     ALONE_MAX            so few keys of one block are faster one by one (measured)
 *     STREAMS_MIN          and so many longer ones are not
 *     TARGET               attribute of every function that uses vectors
 *     vec                  the vector, LANES numbers of 32 bits
 *     vec_all(v)           v in every lane
 *     vec_add(x, y), vec_rotl(x, bits), vec_f(b, c, d), vec_g, vec_h, vec_i
 *     vec_turn(m, blocks)  makes LANES blocks into m[0..15]: a vector for each word
 *     lane_block_only(block, p, bytes) and lane_block_at(block, p, bytes, at)
 *                          as md5_block_only() and md5_block_at()
 *
 * and defines a struct md5_path with md5_lanes_word0_many() and md5_lanes_words_many().
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_MD5_LANES_H
#define KETCH_RING_MD5_LANES_H

#include <stdbool.h>
#include "ring/md5.h"
#include "ring/md5_block.h"
#include "ring/md5_step.h"

enum { CHUNK_KEYS = 256 }; /* sorted by their number of blocks at a time */

struct quad {
    vec a, b, c, d;
};

#define TURN(s, f, a, b, c, d, word, shift, constant)                                              \
    s.a = vec_add(vec_add(s.a, vec_add(word, constant)), f(s.b, s.c, s.d));                        \
    s.a = vec_add(vec_rotl(s.a, shift), s.b);

#define TURN_OF(g, f, a, b, c, d, word, shift, constant)                                           \
    if ((g) < groups) {                                                                            \
        TURN(s[(g) % GROUPS], f, a, b, c, d, m[(g) % GROUPS][word], shift, constant)               \
    }

#define TURNS(f, a, b, c, d, word, shift, constant)                                                \
    {                                                                                              \
        const vec k = vec_all(constant);                                                           \
        TURN_OF(0, f, a, b, c, d, word, shift, k)                                                  \
        TURN_OF(1, f, a, b, c, d, word, shift, k)                                                  \
        TURN_OF(2, f, a, b, c, d, word, shift, k)                                                  \
        TURN_OF(3, f, a, b, c, d, word, shift, k)                                                  \
    }

#define STEP_F(a, b, c, d, word, shift, constant) TURNS(vec_f, a, b, c, d, word, shift, constant)
#define STEP_G(a, b, c, d, word, shift, constant) TURNS(vec_g, a, b, c, d, word, shift, constant)
#define STEP_H(a, b, c, d, word, shift, constant) TURNS(vec_h, a, b, c, d, word, shift, constant)
#define STEP_I(a, b, c, d, word, shift, constant) TURNS(vec_i, a, b, c, d, word, shift, constant)

_Static_assert(GROUPS >= 1 && GROUPS <= 4, "TURNS has four");

/* Takes up to GROUPS groups through one block.  'groups' is a constant where this is called; so is
 * 'all', without which only the a's come out right. */
TARGET static ALWAYS_INLINE void
add_blocks(struct quad *sums, vec (*m)[16], const unsigned groups, const bool all)
{
    struct quad s[GROUPS];
    for (unsigned g = 0; g < groups; g++)
        s[g] = sums[g];
    MD5_STEPS_HEAD
    if (all) {
        MD5_STEPS_TAIL
    }
    for (unsigned g = 0; g < groups; g++) {
        sums[(g) % GROUPS].a = vec_add(sums[(g) % GROUPS].a, s[(g) % GROUPS].a);
        sums[(g) % GROUPS].b = vec_add(sums[(g) % GROUPS].b, s[(g) % GROUPS].b);
        sums[(g) % GROUPS].c = vec_add(sums[(g) % GROUPS].c, s[(g) % GROUPS].c);
        sums[(g) % GROUPS].d = vec_add(sums[(g) % GROUPS].d, s[(g) % GROUPS].d);
    }
}

/* Where answers go: one word for each key, or four. */
struct answers {
    uint32_t *words;
    bool all;
};

TARGET static ALWAYS_INLINE void
answer(struct answers to, size_t key, const struct quad *sum, size_t lane)
{
    const uint32_t *a = (const uint32_t *)&sum->a, *b = (const uint32_t *)&sum->b;
    const uint32_t *c = (const uint32_t *)&sum->c, *d = (const uint32_t *)&sum->d;
    if (!to.all) {
        to.words[key] = a[lane];
        return;
    }
    to.words[4 * key] = a[lane];
    to.words[4 * key + 1] = b[lane];
    to.words[4 * key + 2] = c[lane];
    to.words[4 * key + 3] = d[lane];
}

static inline void
answer_alone(struct answers to, size_t key, const struct ketch_bytes *bytes)
{
    if (to.all)
        md5_words(bytes->p, bytes->bytes, to.words + 4 * key);
    else
        to.words[key] = md5_word0(bytes->p, bytes->bytes);
}

/* Packs the blocks of up to LANES keys of one block; lanes without a key do the first one's. */
TARGET static ALWAYS_INLINE void
take_group(vec m[16], const struct ketch_bytes *keys, const uint16_t *which, size_t count)
{
    struct md5_block blocks[LANES] __attribute__((aligned(64)));
    for (size_t lane = 0; lane < LANES; lane++) {
        const struct ketch_bytes *key = &keys[which[lane < count ? lane : 0]];
        lane_block_only(&blocks[lane], key->p, key->bytes);
    }
    vec_turn(m, blocks);
}

/* The keys which[0..count-1], all of one block, 1..groups * LANES of them. */
TARGET static ALWAYS_INLINE void
hash_groups(const struct ketch_bytes *keys, const uint16_t *which, size_t count, struct answers to,
            const unsigned groups)
{
    vec m[GROUPS][16];
    struct quad sums[GROUPS];
    for (unsigned g = 0; g < groups; g++) {
        size_t first = g * LANES < count ? g * LANES : 0;
        size_t some = count - first < LANES ? count - first : LANES;
        take_group(m[g], keys, which + first, some);
        sums[g] = (struct quad){vec_all(MD5_A), vec_all(MD5_B), vec_all(MD5_C), vec_all(MD5_D)};
    }
    add_blocks(sums, m, groups, to.all);
    for (size_t i = 0; i < count; i++)
        answer(to, which[i], &sums[i / LANES], i % LANES);
}

/* Hashes some of 'count' keys of one block, and says how many.  Two groups are worth their code for
 * a client's keys, not for a server's points. */
TARGET static ALWAYS_INLINE size_t
hash_some(const struct ketch_bytes *keys, const uint16_t *which, size_t count, struct answers to)
{
    size_t groups = (count + LANES - 1) / LANES;
    groups = groups >= GROUPS ? GROUPS : groups > 1 && !to.all ? 2 : 1;
    size_t some = count < groups * LANES ? count : groups * LANES;
    if (groups == GROUPS)
        hash_groups(keys, which, some, to, GROUPS);
    else if (groups == 1)
        hash_groups(keys, which, some, to, 1);
    else
        hash_groups(keys, which, some, to, 2);
    return some;
}

/* A lane with a key of any length. */
struct stream {
    const uint8_t *p;
    size_t bytes;
    size_t left; /* blocks; 0: no key */
    size_t at;
    size_t key;
};

TARGET static ALWAYS_INLINE void
start_stream(struct stream *stream, struct quad *sum, size_t lane, const struct ketch_bytes *keys,
             size_t key)
{
    *stream = (struct stream){.p = keys[key].p, .bytes = keys[key].bytes, .key = key};
    stream->left = md5_block_count(stream->bytes);
    ((uint32_t *)&sum->a)[lane] = MD5_A;
    ((uint32_t *)&sum->b)[lane] = MD5_B;
    ((uint32_t *)&sum->c)[lane] = MD5_C;
    ((uint32_t *)&sum->d)[lane] = MD5_D;
}

/* Hashes keys of any length, a block of each lane at a time. */
TARGET static NO_INLINE void
hash_streams(const struct ketch_bytes *keys, const uint16_t *which, size_t count,
             struct answers to)
{
    struct md5_block blocks[LANES] __attribute__((aligned(64))) = {0};
    struct stream streams[LANES] = {0};
    struct quad sum = {vec_all(0), vec_all(0), vec_all(0), vec_all(0)};
    vec m[1][16];
    size_t next = 0, done = 0;
    while (done < count) {
        for (size_t lane = 0; lane < LANES; lane++) {
            struct stream *s = &streams[lane];
            if (s->left == 0 && next < count)
                start_stream(s, &sum, lane, keys, which[next++]);
            if (s->left > 0)
                lane_block_at(&blocks[lane], s->p, s->bytes, s->at);
        }
        vec_turn(m[0], blocks);
        add_blocks(&sum, m, 1, true);
        for (size_t lane = 0; lane < LANES; lane++) {
            struct stream *s = &streams[lane];
            s->at += MD5_BLOCK_BYTES;
            if (s->left > 0 && --s->left == 0) {
                answer(to, s->key, &sum, lane);
                done++;
            }
        }
    }
}

TARGET static ALWAYS_INLINE void
hash_chunk(const struct ketch_bytes *keys, size_t count, struct answers to)
{
    uint16_t small[CHUNK_KEYS], large[CHUNK_KEYS];
    size_t smalls = 0, larges = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        bool one_block = keys[i].bytes <= MD5_ONE_BLOCK_MAX_BYTES;
        small[smalls] = large[larges] = (uint16_t)i;
        smalls += one_block;
        larges += !one_block;
    }
    while (smalls - at > ALONE_MAX)
        at += hash_some(keys, small + at, smalls - at, to);
    for (; at < smalls; at++)
        answer_alone(to, small[at], &keys[small[at]]);
    if (larges >= STREAMS_MIN) {
        hash_streams(keys, large, larges, to);
        return;
    }
    for (size_t i = 0; i < larges; i++)
        answer_alone(to, large[i], &keys[large[i]]);
}

TARGET static void
md5_lanes_word0_many(const struct ketch_bytes *keys, size_t count, uint32_t *out)
{
    for (size_t at = 0; at < count; at += CHUNK_KEYS)
        hash_chunk(keys + at, count - at < CHUNK_KEYS ? count - at : CHUNK_KEYS,
                   (struct answers){out + at, false});
}

TARGET static void
md5_lanes_words_many(const struct ketch_bytes *keys, size_t count, uint32_t (*out)[4])
{
    for (size_t at = 0; at < count; at += CHUNK_KEYS)
        hash_chunk(keys + at, count - at < CHUNK_KEYS ? count - at : CHUNK_KEYS,
                   (struct answers){out[at], true});
}

#endif

/* split.h - plays streams whole and in pieces, and fails the test if the requests differ.
 *
 * KETCH_SEED repeats one random script, KETCH_SCRIPTS plays so many.
 *
 * Threads: one.
 */
#ifndef KETCH_T_PROTO_SPLIT_H
#define KETCH_T_PROTO_SPLIT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "base/attr.h"
#include "stream.h"

static inline void
split_expect_same(struct span stream, const char *whole, const struct stream_cuts *cuts)
{
    char *log = stream_log(stream, cuts);
    bool same = strcmp(log, whole) == 0;
    if (!same)
        fprintf(stderr, "%s\ninstead of\n%s", log, whole);
    ck_assert_msg(same, "KETCH_SEED=%llu: read by up to %zu, parsed by up to %zu, rewound 1 in %u",
                  (unsigned long long)cuts->seed, cuts->bytes_max, cuts->requests_max, cuts->rewind_in);
    free(log);
}

/* The stream in one piece, and cut at random in several manners. */
static inline void
split_at_random(struct span stream, enum protocol protocol, uint64_t seed)
{
    static const struct stream_cuts manners[] = {
        {.bytes_max = 1, .requests_max = 64},
        {.bytes_max = 1, .requests_max = 1},
        {.bytes_max = 0, .requests_max = 1},
        {.bytes_max = 0, .requests_max = 3, .rewind_in = 2},
        {.bytes_max = 40, .requests_max = 4, .rewind_in = 3},
        {.bytes_max = 3000, .requests_max = 64, .rewind_in = 3},
        {.bytes_max = 16384, .requests_max = 32, .rewind_in = 2},
    };
    struct stream_cuts cuts = {.protocol = protocol, .requests_max = 64};
    char *whole = stream_log(stream, &cuts);
    for (size_t i = 0; i < ARRAY_COUNT(manners); i++) {
        cuts = manners[i];
        cuts.protocol = protocol;
        cuts.seed = seed;
        split_expect_same(stream, whole, &cuts);
    }
    free(whole);
}

/* Every beginning of the stream in one piece, and in every two. */
static inline void
split_in_two(struct span stream, enum protocol protocol)
{
    struct stream_cuts cuts = {.protocol = protocol, .requests_max = 1};
    for (size_t bytes = 1; bytes < stream.bytes; bytes++) {
        struct span begin = span_of(stream.p, bytes);
        cuts.bytes_first = 0;
        char *whole = stream_log(begin, &cuts);
        for (cuts.bytes_first = 1; cuts.bytes_first < bytes; cuts.bytes_first++)
            split_expect_same(begin, whole, &cuts);
        free(whole);
    }
}

/* Plays 'count' scripts, from seed 1 on, unless the environment says otherwise. */
static inline void
split_scripts(void (*play)(void *script, uint64_t seed), void *script, uint64_t count)
{
    const char *seed = getenv("KETCH_SEED");
    const char *scripts = getenv("KETCH_SCRIPTS");
    uint64_t first = 1;
    if (scripts != NULL)
        count = strtoull(scripts, NULL, 10);
    if (seed != NULL) {
        first = strtoull(seed, NULL, 10);
        count = 1;
    }
    for (uint64_t i = 0; i < count; i++)
        play(script, first + i);
}

#endif

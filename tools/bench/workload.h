/* workload.h - which requests a run is made of, and their bytes.
 *
 * The workload is what all threads share; a source is one thread's stream of requests out of it, of
 * one of two phases:
 *
 *      PHASE_PRELOAD   a set of every key, once, in order over all threads
 *      PHASE_RUN       gets and sets by ratio, keys by popularity or in order, up to a budget
 *
 * Threads: the workload is immutable but for its cursor, which is atomic; a source belongs to one.
 */
#ifndef KETCH_TOOLS_BENCH_WORKLOAD_H
#define KETCH_TOOLS_BENCH_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/buffer.h"
#include "compose.h"
#include "load/keyspace.h"
#include "options.h"
#include "load/rng.h"
#include "load/value.h"
#include "load/zipf.h"

struct workload {
    const struct options *options; /* borrowed */
    struct keyspace keys;
    struct value_maker values;
    struct zipf zipf;
    uint64_t stride; /* rank -> key number: popular keys are not neighbours */
    struct composer composer;
    _Atomic uint64_t cursor; /* next key of what goes in order; relaxed, only uniqueness counts */
};

enum phase {
    PHASE_PRELOAD,
    PHASE_RUN,
};

struct source {
    struct workload *workload;
    enum phase phase;
    struct rng rng;
    uint64_t budget;  /* requests that this thread may still send */
    uint32_t version; /* of the next value stored */
};

/* A request under way. */
struct request {
    uint64_t start_ns; /* latency counts from here */
    uint32_t key_count;
    bool is_set;
};

/* False, with a message, if the keys are too short for their number. */
bool workload_init(struct workload *w, const struct options *o) MUST_USE;
void workload_fini(struct workload *w);

/* 'index' is the thread's, 0 .. threads - 1. */
void source_init(struct source *s, struct workload *w, enum phase phase, unsigned index);

/* Draws the next request: *kind, *key_count and 'keys', which has room for options->multiget.
 * False: no more. */
bool source_next(struct source *s, struct request *r, uint32_t *keys) MUST_USE;

/* Appends the bytes of a request that source_next() has drawn. */
void source_compose(struct source *s, const struct request *r, const uint32_t *keys,
                    struct buffer *out);

#endif

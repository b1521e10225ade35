#include "workload.h"

#include <stdio.h>

/* About the golden ratio of the key space: ranks that follow each other land far apart. */
#define STRIDE_RATIO 0.6180339887498949

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Multiplying by it modulo 'count' is a permutation, because they share no divisor. */
static uint64_t
find_stride(uint64_t count)
{
    uint64_t stride = (uint64_t)((double)count * STRIDE_RATIO) | 1;
    while (common_divisor(stride, count) != 1)
        stride++;
    return stride;
}

bool
workload_init(struct workload *w, const struct options *o)
{
    *w = (struct workload){.options = o};
    if (!keyspace_init(&w->keys, (uint32_t)o->keys, &o->key_bytes, o->key_prefix)) {
        fprintf(stderr, "ketch-bench: keys of %u bytes cannot hold %llu numbers\n",
                o->key_bytes.low, (unsigned long long)o->keys);
        return false;
    }
    value_init(&w->values, &o->value_bytes, o->verify);
    if (o->zipf > 0)
        zipf_init(&w->zipf, o->keys, o->zipf);
    w->stride = find_stride(o->keys);
    compose_init(&w->composer, o, &w->keys, &w->values);
    return true;
}

void
workload_fini(struct workload *w)
{
    value_fini(&w->values);
}

void
source_init(struct source *s, struct workload *w, enum phase phase, unsigned index)
{
    const struct options *o = w->options;
    uint64_t share = o->count / o->threads + (index < o->count % o->threads ? 1 : 0);
    *s = (struct source){.workload = w,
                         .phase = phase,
                         .rng = {rng_mix(o->seed) ^ rng_mix(index + 1)},
                         .budget = o->count > 0 ? share : UINT64_MAX,
                         .version = index << 24};
}

static uint64_t
advance_cursor(struct workload *w, uint64_t keys)
{
    return atomic_fetch_add_explicit(&w->cursor, keys, memory_order_relaxed);
}

static uint32_t
draw_key(struct source *s)
{
    const struct workload *w = s->workload;
    if (w->options->zipf > 0)
        return (uint32_t)(zipf_draw(&w->zipf, &s->rng) * w->stride % w->keys.count);
    return (uint32_t)rng_below(&s->rng, w->keys.count);
}

static void
choose_keys(struct source *s, uint32_t *keys, uint32_t count)
{
    if (s->workload->options->in_order) {
        uint64_t first = advance_cursor(s->workload, count);
        for (uint32_t i = 0; i < count; i++)
            keys[i] = (uint32_t)((first + i) % s->workload->keys.count);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] = draw_key(s);
}

bool
source_next(struct source *s, struct request *r, uint32_t *keys)
{
    const struct options *o = s->workload->options;
    if (s->phase == PHASE_PRELOAD) {
        uint64_t next = advance_cursor(s->workload, 1);
        *keys = (uint32_t)next;
        r->is_set = true;
        r->key_count = 1;
        return next < o->keys;
    }
    if (s->budget == 0)
        return false;
    s->budget--;
    r->is_set = rng_below(&s->rng, o->gets + o->sets) < o->sets;
    r->key_count = r->is_set ? 1 : (uint32_t)o->multiget;
    choose_keys(s, keys, r->key_count);
    return true;
}

void
source_compose(struct source *s, const struct request *r, const uint32_t *keys, struct buffer *out)
{
    if (r->is_set)
        compose_set(&s->workload->composer, *keys, s->version++, out);
    else
        compose_get(&s->workload->composer, keys, r->key_count, out);
}

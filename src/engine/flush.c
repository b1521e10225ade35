/* flush.c - flush_all: everything is dead at once, and removed later.
 *
 * A flush begins a new generation: items of others are dead from that moment, whoever finds one removes
 * it, and the sweep finds the rest.  Generations are 7 bits in the item, so before number 128 may begin,
 * a sweep that began after number 1 must have ended.
 */
#include "engine/state.h"

#define GENERATIONS (1u << (16 - ITEM_GENERATION_SHIFT))

/* Chunks that a flush looks at itself, when it finds that the sweep is behind by all generations: a
 * millisecond or two.  Then it is put off. */
#define SWEPT_BY_FLUSH_MAX 20000

static uint64_t
stamped_so_far(struct engine *e)
{
    mutex_lock(&e->threads_lock);
    uint64_t sum = counter_get(&e->gone_stamped);
    for (struct engine_thread *t = e->threads; t != NULL; t = t->next)
        sum += counter_get(&t->stamped);
    mutex_unlock(&e->threads_lock);
    return sum;
}

/* Before a generation comes again, a sweep must have seen that no item of it is left. */
static bool
is_swept_enough(struct engine *e, struct engine_thread *t) REQUIRES(e->flush_lock)
{
    size_t done = 0, looked_at = 1;
    bool ended;
    while (e->unswept >= GENERATIONS - 2 && looked_at > 0 && done < SWEPT_BY_FLUSH_MAX) {
        looked_at = sweep_step(e, t, &ended);
        done += looked_at;
    }
    return e->unswept < GENERATIONS - 2;
}

static enum engine_status
begin_generation(struct engine *e, struct engine_thread *t) REQUIRES(e->flush_lock)
{
    uint64_t stamped = stamped_so_far(e);
    if (e->flushed_at_count == stamped)
        return ENGINE_OK;
    if (!is_swept_enough(e, t))
        return ENGINE_AGAIN;
    e->flushed_at_count = stamped;
    e->unswept++;
    uint16_t step = 1 << ITEM_GENERATION_SHIFT;
    atomic_fetch_add_explicit(&e->generation, step, memory_order_seq_cst);
    return ENGINE_OK;
}

void
flush_when_due(struct engine_thread *t)
{
    struct engine *e = t->engine;
    mutex_lock(&e->flush_lock);
    uint32_t at_s = atomic_load_explicit(&e->flush_at_s, memory_order_relaxed);
    if (at_s != 0 && at_s <= t->now_s && begin_generation(e, t) == ENGINE_OK)
        atomic_store_explicit(&e->flush_at_s, 0, memory_order_release);
    mutex_unlock(&e->flush_lock);
}

enum engine_status
engine_flush(struct engine_thread *t, uint32_t at_s)
{
    struct engine *e = t->engine;
    enum engine_status status = ENGINE_OK;
    mutex_lock(&e->flush_lock);
    if (at_s > t->now_s) {
        atomic_store_explicit(&e->flush_at_s, at_s, memory_order_relaxed);
    } else {
        status = begin_generation(e, t);
        if (status == ENGINE_OK)
            atomic_store_explicit(&e->flush_at_s, 0, memory_order_release);
    }
    mutex_unlock(&e->flush_lock);
    if (status == ENGINE_OK)
        counter_add(&t->counters.cmd_flush, 1);
    return status;
}

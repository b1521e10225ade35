/* maintain.c - background work in small steps: the sweep, and smaller limits. */
#include "engine/state.h"

/* Pages that engine_maintain() empties in one go, when the limit has been lowered, and that it gives back
 * to the system.  A page of 64 KiB costs 0.1 ms for the one and 0.2 for the other; hundreds at once would
 * keep the core that long from a worker, whose clients then wait for tens of milliseconds. */
#define SHRINK_PAGES_MAX 4
#define COOL_PAGES_MAX   4

static uint32_t
draining_pages(struct engine *e)
{
    uint32_t sum = 0;
    for (unsigned id = 1; id <= e->slabs.class_count; id++) {
        struct slab_class *c = slab_class(&e->slabs, id);
        mutex_lock(&c->lock);
        sum += c->draining_count;
        mutex_unlock(&c->lock);
    }
    return sum;
}

/* Empties pages until the limit will hold; what they held comes back at quiescent points.  True if it
 * found any: there may be more. */
static bool
shrink(struct engine_thread *t)
{
    struct engine *e = t->engine;
    uint32_t excess = arena_excess_pages(&e->arena);
    if (excess == 0)
        return false;
    uint32_t draining = draining_pages(e), done = 0;
    while (draining + done < excess && done < SHRINK_PAGES_MAX && evict_page(t, 0))
        done++;
    return done > 0;
}

/* flush_lock is let go between steps: a flush must not wait for the whole budget.  Less than that is
 * returned if a round has ended. */
static size_t
sweep(struct engine_thread *t, size_t budget)
{
    struct engine *e = t->engine;
    size_t done = 0;
    bool ended = false;
    while (done < budget && !ended) {
        mutex_lock(&e->flush_lock);
        size_t looked_at = sweep_step(e, t, &ended);
        mutex_unlock(&e->flush_lock);
        if (looked_at == 0)
            return budget; /* the rest after a quiescent point */
        done += looked_at;
    }
    return ended && done >= budget ? budget - 1 : done;
}

size_t
engine_maintain(struct engine_thread *t, size_t budget)
{
    uint32_t limbo = epoch_limbo_count(&t->epoch);
    struct arena *a = &t->engine->arena;
    bool shrinks = shrink(t);
    arena_cool(a, COOL_PAGES_MAX);
    shrinks |= arena_excess_memory_bytes(a) > 0;
    size_t done = sweep(t, budget);
    t->removed = epoch_limbo_count(&t->epoch) - limbo;
    return shrinks && done < budget ? budget : done;
}

size_t
engine_removed(const struct engine_thread *t)
{
    return t->removed;
}

bool
engine_is_too_large(struct engine *e)
{
    return arena_excess_pages(&e->arena) > 0 || arena_excess_memory_bytes(&e->arena) > 0;
}

bool
engine_set_limit(struct engine *e, uint64_t bytes)
{
    if (e->config.preallocate || bytes < ENGINE_LIMIT_MIN)
        return false;
    return arena_set_limit(&e->arena, bytes);
}

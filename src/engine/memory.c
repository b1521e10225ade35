/* memory.c - where chunks come from, and what to do when there are none. */
#include "engine/state.h"

/* Chunks of a class that are kept free, so that a store does not have to wait for a quiescent point:
 * about as many as a turn of the event loop can store. */
static uint64_t
reserve_chunks(uint64_t total)
{
    uint64_t share = total / 16;
    return share < 1 ? 1 : (share > 64 ? 64 : share);
}

/* Nothing is free: find something, and say how to go on. */
static enum engine_status
make_room(struct engine_thread *t, unsigned class_id)
{
    bool waiting = epoch_limbo_count(&t->epoch) > 0;
    if (t->starved++ > 0 && waiting)
        return ENGINE_AGAIN; /* what we freed last time is on its way */
    if (evict_chunks(t, class_id, 4))
        return ENGINE_AGAIN;
    if (t->engine->config.evict && evict_page(t, class_id))
        return ENGINE_AGAIN;
    /* Other threads may have it all in their hands: wait some turns for them before giving up. */
    if (waiting || (t->engine->config.evict && t->starved < 1000))
        return ENGINE_AGAIN;
    t->starved = 0;
    counter_add(&t->class_counters[class_id].outofmemory, 1);
    counter_add(&t->counters.store_no_memory, 1);
    return ENGINE_NO_MEMORY;
}

enum engine_status
chunk_alloc(struct engine_thread *t, uint32_t bytes, item_ref *out)
{
    struct engine *e = t->engine;
    unsigned class_id = slab_class_for(&e->slabs, bytes);
    struct slab_pressure seen;
    *out = slab_alloc(&e->slabs, class_id, &seen);
    if (*out == 0)
        return make_room(t, class_id);
    t->starved = 0;
    if (e->config.evict && arena_is_full(&e->arena) &&
        seen.free_chunks < reserve_chunks(seen.total_chunks) &&
        epoch_limbo_count(&t->epoch) < 4 * reserve_chunks(seen.total_chunks))
        evict_chunks(t, class_id, 2);
    return ENGINE_OK;
}

void
feed_index(struct engine_thread *t)
{
    struct engine *e = t->engine;
    /* Ask again at the next store, if what is under way turns out not to be enough. */
    atomic_store_explicit(&e->index.hungry, false, memory_order_relaxed);
    if (e->config.evict && epoch_limbo_count(&t->epoch) < EPOCH_LIMBO_MAX / 4)
        evict_page(t, 0);
}

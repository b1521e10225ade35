/* memory.c - where chunks come from, and what to do when there are none. */
#include "engine/state.h"

#define RESERVE_MAX 64

/* Chunks of a class that are kept free, so that a store does not have to wait for a quiescent point:
 * about as many as a turn of the event loop can store. */
static uint64_t
reserve_chunks(uint64_t total)
{
    uint64_t share = total / 32;
    return share < 1 ? 1 : (share > RESERVE_MAX ? RESERVE_MAX : share);
}

/* A turn may evict more than the reserve when it stores more; but not of a small class, most of which would
 * be empty then. */
static uint64_t
coming_max(uint64_t total)
{
    uint64_t reserve = reserve_chunks(total);
    return reserve < RESERVE_MAX ? reserve : 4 * reserve;
}

/* Evicted ahead at a time: a store or two evicts for the next ones, for the loads of a batch overlap. */
static unsigned
batch_for(uint64_t total)
{
    uint64_t share = reserve_chunks(total) / 2;
    return share < 1 ? 1 : (share > EVICT_BATCH_MAX ? EVICT_BATCH_MAX : (unsigned)share);
}

/* Turns in which nothing could be found, since this thread last stored an item, before it gives up:
 * other threads may have all of it in their hands.  From then on it gives up at once, until a store
 * succeeds. */
#define FRUITLESS_TURNS_MAX 1000

/* After as many, what others have in their hands would have come back if they did not keep it. */
#define FRUITLESS_TURNS_STARVED 16

void
engine_set_patience(struct engine_thread *t, enum engine_patience p)
{
    t->patience = (uint8_t)p;
}

static bool
is_worth_waiting(const struct engine_thread *t)
{
    return t->patience == ENGINE_PATIENT ||
           (t->patience == ENGINE_PATIENT_A_WHILE && t->fruitless_turns < FRUITLESS_TURNS_MAX);
}

enum engine_status
give_up_or_wait(struct engine_thread *t, unsigned class_id)
{
    if (epoch_limbo_count(&t->epoch) > 0)
        return ENGINE_AGAIN;
    t->starved = t->fruitless_turns >= FRUITLESS_TURNS_STARVED;
    if (t->engine->config.evict && is_worth_waiting(t)) {
        t->fruitless_turns++;
        return ENGINE_AGAIN;
    }
    counter_add(&t->class_counters[class_id].outofmemory, 1);
    counter_add(&t->counters.store_no_memory, 1);
    return ENGINE_NO_MEMORY;
}

bool
engine_was_starved(struct engine_thread *t)
{
    bool starved = t->starved;
    t->starved = false;
    return starved;
}

/* Nothing is free: find something, and say how to go on. */
static enum engine_status
make_room(struct engine_thread *t, unsigned class_id)
{
    if (t->made_room && epoch_limbo_count(&t->epoch) > 0)
        return ENGINE_AGAIN; /* what we freed last time is on its way */
    t->made_room = true;
    if (evict_chunks(t, class_id, 4))
        return ENGINE_AGAIN;
    if (t->engine->config.evict && evict_page(t, class_id))
        return ENGINE_AGAIN;
    return give_up_or_wait(t, class_id);
}

enum engine_status
chunk_alloc(struct engine_thread *t, uint32_t bytes, uint32_t exptime_s, item_ref *out)
{
    struct engine *e = t->engine;
    unsigned class_id = slab_class_for(&e->slabs, bytes);
    struct slab_pressure seen;
    *out = slab_alloc(&e->slabs, class_id, exptime_s, &seen);
    while (*out == 0 && slab_give_spare(&e->slabs))
        *out = slab_alloc(&e->slabs, class_id, exptime_s, &seen);
    if (*out == 0)
        return make_room(t, class_id);
    t->made_room = false;
    if (UNLIKELY(t->patience == ENGINE_IMPATIENT))
        t->patience = ENGINE_PATIENT;
    if (e->config.evict && arena_is_full(&e->arena) &&
        seen.free_chunks < reserve_chunks(seen.total_chunks) &&
        t->coming_chunks < coming_max(seen.total_chunks) &&
        epoch_limbo_count(&t->epoch) < EPOCH_LIMBO_MAX / 2)
        evict_chunks(t, class_id, batch_for(seen.total_chunks));
    return ENGINE_OK;
}

void
feed_index(struct engine_thread *t)
{
    struct engine *e = t->engine;
    /* Ask again at the next store, if what is under way turns out not to be enough. */
    atomic_store_explicit(&e->index.hungry, false, memory_order_relaxed);
    if (slab_give_spare(&e->slabs))
        return;
    if (e->config.evict && epoch_limbo_count(&t->epoch) < EPOCH_LIMBO_MAX / 4)
        evict_page(t, 0);
}

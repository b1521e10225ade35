/* sweep.c - removing what is dead: flush_all, and the walk over all pages that follows it.
 *
 * A flush begins a new generation: items of others are dead from that moment, whoever finds one removes
 * it, and the sweep finds the rest.  Generations are 8 bits in the item, so before number 256 may
 * begin, a sweep that began after number 1 must have ended.
 */
#include "engine/state.h"

/* Removes the dead items of one page; returns how many chunks it looked at. */
static size_t
sweep_page(struct engine_thread *t, page_no no)
{
    struct engine *e = t->engine;
    struct page *page = &e->slabs.pages[no];
    unsigned class_id = atomic_load_explicit(&page->class_id, memory_order_relaxed);
    if (class_id == 0)
        return 1;
    struct slab_class *c = slab_class(&e->slabs, class_id);
    size_t looked_at = 1;
    mutex_lock(&c->lock);
    /* Only under the lock of its class is a page what it says. */
    bool same = atomic_load_explicit(&page->class_id, memory_order_relaxed) == class_id;
    for (uint32_t n = 0; same && n < page->carved; n++) {
        struct item *it = slab_chunk(&e->slabs, c, no, n);
        looked_at++;
        if ((item_state(it) & ITEM_KIND) != ITEM_LINKED || !item_is_dead(e, it, t->now_s))
            continue;
        if (epoch_limbo_room(&t->epoch) == 0) {
            looked_at = 0; /* come back to this page */
            break;
        }
        if (item_unlink(t, it, LEAVE_EXPIRED))
            counter_add(&t->counters.swept_reclaimed, 1);
    }
    mutex_unlock(&c->lock);
    counter_add(&t->counters.swept_items, looked_at);
    return looked_at;
}

/* Pages from sweep_page on, until the budget or the limbo is used up or all have been seen: by a sweep
 * that began after the last flush.  Less than the budget: nothing is left to do. */
static size_t
sweep(struct engine *e, struct engine_thread *t, size_t budget) REQUIRES(e->flush_lock)
{
    size_t done = 0;
    page_no end = arena_pages_in_use(&e->arena);
    while (done < budget) {
        if (e->sweep_page == 0) {
            e->sweep_page = 1;
            counter_add(&t->counters.sweeps, 1);
            e->swept_from = e->unswept;
        }
        if (e->sweep_page >= end) {
            /* All items of the generations before this sweep began are gone. */
            e->unswept -= e->swept_from;
            e->sweep_page = 0;
            if (e->unswept > 0)
                continue;
            break;
        }
        size_t looked_at = sweep_page(t, e->sweep_page);
        if (looked_at == 0)
            return budget; /* the rest after a quiescent point */
        done += looked_at;
        e->sweep_page++;
    }
    return done;
}

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

/* Begins a new generation.  There are 256 of them: before one comes again, a sweep must have seen that
 * no item of it is left. */
static enum engine_status
begin_generation(struct engine *e, struct engine_thread *t) REQUIRES(e->flush_lock)
{
    uint64_t stamped = stamped_so_far(e);
    if (e->flushed_at_count == stamped)
        return ENGINE_OK;
    if (e->unswept >= 254) {
        sweep(e, t, SIZE_MAX);
        if (e->unswept >= 254)
            return ENGINE_AGAIN; /* the limbo is full */
    }
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

/* A smaller limit is reached page by page; what is freed comes back at quiescent points. */
static void
shrink(struct engine_thread *t)
{
    if (epoch_limbo_count(&t->epoch) == 0 && arena_excess_pages(&t->engine->arena) > 0)
        evict_page(t, 0);
}

size_t
engine_maintain(struct engine_thread *t, size_t budget)
{
    struct engine *e = t->engine;
    shrink(t);
    mutex_lock(&e->flush_lock);
    size_t done = sweep(e, t, budget);
    mutex_unlock(&e->flush_lock);
    return done;
}

bool
engine_set_limit(struct engine *e, uint64_t bytes)
{
    if (e->config.preallocate || bytes < ENGINE_LIMIT_MIN)
        return false;
    return arena_set_limit(&e->arena, bytes);
}

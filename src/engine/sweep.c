/* sweep.c - removing what is dead: flush_all, and the walk over all pages that follows it.
 *
 * A flush begins a new generation: items of others are dead from that moment, whoever finds one removes
 * it, and the sweep finds the rest.  Generations are 8 bits in the item, so before number 256 may
 * begin, a sweep that began after number 1 must have ended.
 */
#include "engine/state.h"

/* What the sweep removes of a chunk's item, or NULL.  Of a page that is leaving its class, everything: an
 * item whose writer was just linking it when the page was emptied would hold the page for ever, for no
 * hand comes there any more. */
static struct item *
swept_item(const struct engine *e, const struct page *page, struct item *chunk, uint32_t now_s)
{
    if (page->state == PAGE_DRAINING)
        return item_of_chunk(e, chunk);
    bool linked = (item_state(chunk) & ITEM_KIND) == ITEM_LINKED;
    return linked && item_is_dead(e, chunk, now_s) ? chunk : NULL;
}

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
        struct item *it = swept_item(e, page, slab_chunk(&e->slabs, c, no, n), t->now_s);
        looked_at++;
        if (it == NULL)
            continue;
        if (epoch_limbo_room(&t->epoch) == 0) {
            looked_at = 0; /* come back to this page */
            break;
        }
        if (item_unlink(t, it, item_is_dead(e, it, t->now_s) ? LEAVE_EXPIRED : LEAVE_EVICTED))
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

#define GENERATIONS (1u << (16 - ITEM_GENERATION_SHIFT))

/* Begins a new generation.  There are GENERATIONS of them: before one comes again, a sweep must have seen that
 * no item of it is left. */
static enum engine_status
begin_generation(struct engine *e, struct engine_thread *t) REQUIRES(e->flush_lock)
{
    uint64_t stamped = stamped_so_far(e);
    if (e->flushed_at_count == stamped)
        return ENGINE_OK;
    if (e->unswept >= GENERATIONS - 2) {
        sweep(e, t, SIZE_MAX);
        if (e->unswept >= GENERATIONS - 2)
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

/* Pages that engine_maintain() empties in one go, when the limit has been lowered. */
#define SHRINK_PAGES_MAX 64

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

size_t
engine_maintain(struct engine_thread *t, size_t budget)
{
    struct engine *e = t->engine;
    bool shrinks = shrink(t);
    mutex_lock(&e->flush_lock);
    size_t done = sweep(e, t, budget);
    mutex_unlock(&e->flush_lock);
    return shrinks && done < budget ? budget : done;
}

bool
engine_set_limit(struct engine *e, uint64_t bytes)
{
    if (e->config.preallocate || bytes < ENGINE_LIMIT_MIN)
        return false;
    return arena_set_limit(&e->arena, bytes);
}

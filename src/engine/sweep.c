/* sweep.c - the walk over all pages that removes what is dead.
 *
 * It goes round in address order, a few chunks at a time.  Every page knows from when on something in it
 * may be dead; until then the walk passes it over:
 *
 *     page    1          2         3          4
 *     due_s   12:00:31   never     12:00:07   0: it is draining
 *                                  ^ looked into at 12:00:07 or later, and due_s found anew
 *
 * Only while a flush is not swept yet all pages are looked into.
 *
 * due_s may be too early, never too late.  It is lowered when a chunk is given out, and when an exptime
 * is lowered.  When the walk begins with a page it sets due_s to "never", and in the end lowers it to the
 * least exptime of what stayed: who lowers an exptime writes that first and lowers due_s then, so either
 * the walk sees the exptime, or due_s is lowered after it was raised.
 */
#include "engine/state.h"

/* Chunks under one hold of their class's lock: some 10 us if all are dead, which is how long a store may
 * have to wait. */
#define PIECE_CHUNKS 64

/* Chunks whose headers are loaded ahead. */
#define CHUNKS_AHEAD 8

/* Pages passed over in one step. */
#define PAGES_PASSED_MAX 256

/* What a step has found. */
struct piece {
    struct engine_thread *t;
    uint32_t due_s; /* the least exptime of what stays */
    unsigned items;
    unsigned dead_count;
    struct item *dead[PIECE_CHUNKS];
    uint64_t hashes[PIECE_CHUNKS];
};

static void
stays_until(struct piece *p, uint32_t exptime_s)
{
    if (exptime_s != 0 && exptime_s < p->due_s)
        p->due_s = exptime_s;
}

/* Its bucket is loaded while the rest of the piece is looked at. */
static void
is_dead(struct piece *p, struct item *it)
{
    const struct engine *e = p->t->engine;
    uint64_t hash = engine_hash(e, item_key(it));
    engine_prefetch_bucket(e, hash);
    p->hashes[p->dead_count] = hash;
    p->dead[p->dead_count++] = it;
}

static void
look_at(struct piece *p, struct item *chunk)
{
    enum item_state kind = item_kind(chunk);
    p->items += kind == ITEM_LINKED;
    if (kind == ITEM_LINKED && item_is_dead(p->t->engine, chunk, p->t->now_s))
        is_dead(p, chunk);
    else if (kind == ITEM_LINKED || kind == ITEM_RESERVED)
        stays_until(p, item_exptime(chunk));
}

/* In a page that is leaving its class everything must go, once it has been emptied: an item whose writer
 * was just linking it then would hold the page for ever, for no hand comes there any more. */
static void
look_at_draining(struct piece *p, struct item *chunk)
{
    struct item *it = item_of_chunk(p->t->engine, chunk);
    if (it != NULL)
        is_dead(p, it);
}

static void
unlink_dead(struct piece *p)
{
    struct engine_thread *t = p->t;
    for (unsigned i = 0; i < p->dead_count; i++)
        index_prefetch_overflow(&t->engine->index, p->hashes[i]);
    for (unsigned i = 0; i < p->dead_count; i++) {
        struct item *it = p->dead[i];
        enum leave why = item_is_dead(t->engine, it, t->now_s) ? LEAVE_SWEPT : LEAVE_EVICTED;
        if (!item_unlink_hashed(t, it, p->hashes[i], why))
            stays_until(p, item_exptime(it)); /* not linked yet */
    }
}

/* Looks at the next chunks of the page; returns how many. */
static size_t
sweep_chunks(struct engine *e, struct engine_thread *t, struct slab_class *c, unsigned class_id)
    REQUIRES(e->flush_lock, c->lock)
{
    struct page *page = &e->slabs.pages[e->sweep_page];
    struct piece p = {.t = t, .due_s = e->sweep_due_s};
    uint32_t begin = e->sweep_chunk;
    uint32_t end = begin + PIECE_CHUNKS < page->carved ? begin + PIECE_CHUNKS : page->carved;
    if (end < begin)
        end = begin; /* the page has been away, and holds less now */
    for (uint32_t n = begin; n < end; n++) {
        struct item *chunk = slab_chunk(&e->slabs, c, e->sweep_page, n);
        __builtin_prefetch((char *)chunk + (size_t)CHUNKS_AHEAD * c->chunk_bytes);
        if (page->state == PAGE_DRAINING && !page->moving)
            look_at_draining(&p, chunk);
        else
            look_at(&p, chunk);
    }
    unlink_dead(&p);
    counter_add(&t->class_counters[class_id].crawler_items_checked, p.items);
    e->sweep_chunk = end;
    e->sweep_due_s = p.due_s;
    return 1 + end - begin;
}

static void
begin_page(struct engine *e) REQUIRES(e->flush_lock)
{
    struct page *page = &e->slabs.pages[e->sweep_page];
    if (page->state != PAGE_DRAINING)
        /* Acquire: pairs with slab_note_exptime(). */
        atomic_exchange_explicit(&page->due_s, PAGE_DUE_NEVER, memory_order_acquire);
    e->sweep_due_s = PAGE_DUE_NEVER;
}

static void
next_page(struct engine *e) REQUIRES(e->flush_lock)
{
    e->sweep_page++;
    e->sweep_chunk = 0;
}

/* A piece of the page where the sweep is.  Between two pieces the page may change hands: then its new
 * items have noted their exptimes, and were stored after the sweep began. */
static size_t
sweep_page(struct engine *e, struct engine_thread *t) REQUIRES(e->flush_lock)
{
    struct page *page = &e->slabs.pages[e->sweep_page];
    unsigned class_id = atomic_load_explicit(&page->class_id, memory_order_relaxed);
    struct slab_class *c = slab_class(&e->slabs, class_id);
    size_t looked_at = 1;
    bool ended = true;
    if (class_id == 0) { /* it has left its class since the last piece; there is no lock of none */
        next_page(e);
        return looked_at;
    }
    mutex_lock(&c->lock);
    /* Only under the lock of its class is a page what it says. */
    if (atomic_load_explicit(&page->class_id, memory_order_relaxed) == class_id) {
        if (e->sweep_chunk == 0)
            begin_page(e);
        looked_at = sweep_chunks(e, t, c, class_id);
        ended = e->sweep_chunk >= page->carved;
        if (ended && e->sweep_due_s != PAGE_DUE_NEVER)
            slab_note_exptime(page, e->sweep_due_s);
    }
    mutex_unlock(&c->lock);
    if (ended)
        next_page(e);
    return looked_at;
}

static bool
is_due(const struct engine *e, page_no no, uint32_t now_s)
{
    struct page *page = &e->slabs.pages[no];
    return (e->unswept > 0 ||
            atomic_load_explicit(&page->due_s, memory_order_relaxed) <= now_s) &&
           atomic_load_explicit(&page->class_id, memory_order_relaxed) != 0;
}

/* Passes over pages, to the next one that is due, or to 'end'. */
static size_t
pass_pages(struct engine *e, const struct engine_thread *t, page_no end) REQUIRES(e->flush_lock)
{
    size_t passed = 0;
    while (e->sweep_chunk == 0 && passed < PAGES_PASSED_MAX && e->sweep_page < end &&
           !is_due(e, e->sweep_page, t->now_s)) {
        next_page(e);
        passed++;
    }
    return passed;
}

/* True: nothing is left to do, or else another round follows. */
static bool
end_round(struct engine *e) REQUIRES(e->flush_lock)
{
    /* All items of the generations before this sweep began are gone. */
    e->unswept -= e->swept_from;
    e->sweep_page = 0;
    return e->unswept == 0;
}

size_t
sweep_step(struct engine *e, struct engine_thread *t, bool *ended)
{
    *ended = false;
    if (e->sweep_page == 0) {
        e->sweep_page = 1;
        e->sweep_chunk = 0;
        e->swept_from = e->unswept;
        counter_add(&t->counters.sweeps, 1);
    }
    page_no end = arena_pages_in_use(&e->arena);
    size_t looked_at = pass_pages(e, t, end);
    if (e->sweep_page >= end)
        *ended = end_round(e);
    else if (looked_at == 0)
        return epoch_limbo_room(&t->epoch) >= PIECE_CHUNKS ? sweep_page(e, t) : 0;
    return looked_at + 1;
}

#include "engine/view.h"

#include "engine/state.h"

unsigned
engine_class_count(const struct engine *e)
{
    return e->slabs.class_count;
}

void
engine_memory(struct engine *e, struct engine_memory *out)
{
    struct arena_usage usage;
    arena_usage(&e->arena, &usage);
    uint64_t page_bytes = 1ull << e->arena.page_shift;
    *out = (struct engine_memory){
        .limit_bytes = usage.limit_pages * page_bytes,
        .page_bytes = page_bytes,
        .item_pages = usage.used_pages,
        .pool_pages = usage.pool_pages,
        .free_pages = usage.free_pages,
        .buckets = index_bucket_count(&e->index),
    };
    out->index_bytes = index_bytes(&e->index, &out->overflow_bytes);
    out->eviction_bytes = ghost_bytes(&e->ghost) + ring_store_bytes(&e->rings);
}

void
engine_class_memory(struct engine *e, unsigned class_id, struct engine_class_memory *out)
{
    struct slab_class *c = slab_class(&e->slabs, class_id);
    mutex_lock(&c->lock);
    *out = (struct engine_class_memory){
        .chunk_bytes = c->chunk_bytes,
        .chunks_per_page = c->chunks_per_page,
        .pages = c->page_count,
        .used_chunks = c->used_chunks,
        .free_chunks = slab_free_chunks(c),
        .probation = ring_count(&c->ring),
        .age = balance_age(&e->slabs, c),
        .heat = c->heat,
        .evicted_age_s = atomic_load_explicit(&c->evicted_age_s, memory_order_relaxed),
    };
    mutex_unlock(&c->lock);
}

/* Takes each counter of a struct of 'bytes' bytes off its like in 'sum'. */
static void
subtract_all(void *sum, const void *counters, size_t bytes)
{
    counter_t *to = sum;
    const counter_t *from = counters;
    for (size_t i = 0; i < bytes / sizeof *to; i++)
        counter_sub(&to[i], counter_get(&from[i]));
}

static void
add_thread(const struct engine *e, struct engine_counters *total,
           struct engine_class_counters *classes, const struct engine_counters *from,
           const struct engine_class_counters *from_classes)
{
    counter_add_all(total, from, sizeof *total);
    counter_add_all(classes, from_classes, (e->slabs.class_count + 1) * sizeof *classes);
}

/* Everything ever counted. */
static void
count_raw(struct engine *e, struct engine_counters *total, struct engine_class_counters *classes)
{
    memset(total, 0, sizeof *total);
    memset(classes, 0, (e->slabs.class_count + 1) * sizeof *classes);
    mutex_lock(&e->threads_lock);
    add_thread(e, total, classes, &e->gone_counters, e->gone_class_counters);
    for (struct engine_thread *t = e->threads; t != NULL; t = t->next)
        add_thread(e, total, classes, &t->counters, t->class_counters);
    mutex_unlock(&e->threads_lock);
}

/* Threads are looked at one after the other: what the first stored later, the next may have removed. */
static void
never_below_0(_Atomic uint64_t *counter)
{
    if ((int64_t)atomic_load_explicit(counter, memory_order_relaxed) < 0)
        atomic_store_explicit(counter, 0, memory_order_relaxed);
}

void
engine_count(struct engine *e, struct engine_counters *total, struct engine_class_counters *classes)
{
    mutex_lock(&e->reset_lock);
    count_raw(e, total, classes);
    subtract_all(total, &e->reset_counters, sizeof *total);
    subtract_all(classes, e->reset_class_counters, (e->slabs.class_count + 1) * sizeof *classes);
    mutex_unlock(&e->reset_lock);
    for (unsigned id = 0; id <= e->slabs.class_count; id++) {
        never_below_0(&classes[id].number);
        never_below_0(&classes[id].bytes);
    }
}

void
engine_reset_counters(struct engine *e)
{
    mutex_lock(&e->reset_lock);
    count_raw(e, &e->reset_counters, e->reset_class_counters);
    for (unsigned id = 0; id <= e->slabs.class_count; id++) {
        atomic_store_explicit(&e->reset_class_counters[id].number, 0, memory_order_relaxed);
        atomic_store_explicit(&e->reset_class_counters[id].bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&slab_class(&e->slabs, id)->evicted_age_s, 0, memory_order_relaxed);
    }
    mutex_unlock(&e->reset_lock);
}

/* The linked item whose value begins in a chunk, or NULL. */
static const struct item *
counted_item(const struct engine *e, const struct item *chunk)
{
    enum item_state kind = item_kind(chunk);
    if (kind == ITEM_LINKED)
        return item_class(e, chunk) == chunk->class_id ? chunk : NULL;
    if (kind != ITEM_BODY)
        return NULL;
    const struct item *owner = item_at(e, ((const struct item_body *)chunk)->owner);
    bool linked = item_kind(owner) == ITEM_LINKED;
    return linked && item_at(e, item_chain(owner)->first) == chunk ? owner : NULL;
}

/* A walk over the live items of a class. */
struct walk {
    engine_visit_fn *visit;
    void *context;
    size_t items_left; /* to be visited, and chunks to be looked at, at most */
    uint32_t chunks_left;
};

static void
visit_page(struct engine_thread *t, struct slab_class *c, page_no no, struct walk *w) REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    uint32_t carved = e->slabs.pages[no].carved;
    for (uint32_t n = 0; n < carved && w->items_left > 0 && w->chunks_left > 0; n++) {
        const struct item *it = counted_item(e, slab_chunk(&e->slabs, c, no, n));
        w->chunks_left--;
        if (it == NULL || item_is_dead(e, it, t->now_s))
            continue;
        w->visit(w->context, it);
        w->items_left--;
    }
}

/* The lock is let go between two pages: nobody waits for more than one of them. */
void
engine_visit_class(struct engine_thread *t, unsigned class_id, size_t max, engine_visit_fn *visit,
                   void *context)
{
    struct slabs *s = &t->engine->slabs;
    struct slab_class *c = slab_class(s, class_id);
    struct walk w = {visit, context, max, ENGINE_VISITED_CHUNKS_MAX};
    page_no end = arena_pages_in_use(&t->engine->arena);
    for (page_no no = 1; no < end && w.items_left > 0 && w.chunks_left > 0; no++) {
        if (slab_class_of_page(s, no) != c)
            continue;
        mutex_lock(&c->lock);
        if (slab_class_of_page(s, no) == c)
            visit_page(t, c, no, &w);
        mutex_unlock(&c->lock);
    }
}

struct bucket_visit {
    struct engine_thread *t;
    engine_visit_fn *visit;
    void *context;
};

static void
visit_ref(void *context, item_ref ref)
{
    struct bucket_visit *v = context;
    const struct item *it = item_at(v->t->engine, ref);
    if (!item_is_dead(v->t->engine, it, v->t->now_s))
        v->visit(v->context, it);
}

void
engine_visit_bucket(struct engine_thread *t, uint64_t bucket, engine_visit_fn *visit, void *context)
{
    struct bucket_visit v = {t, visit, context};
    index_walk(&t->engine->index, bucket, visit_ref, &v);
}

/* What engine_class_age() looks at, at most: items, and chunks, of which some may be free. */
#define AGE_ITEMS  32
#define AGE_CHUNKS 1024

struct age_notes {
    uint32_t now_s;
    struct engine_class_age *age;
};

static void
note_age(void *context, const struct item *it)
{
    struct age_notes *notes = context;
    uint32_t atime_s = item_atime(it);
    uint32_t age_s = notes->now_s > atime_s ? notes->now_s - atime_s : 0;
    if (age_s > notes->age->any_s)
        notes->age->any_s = age_s;
    if (!item_is_on_probation(it) && age_s > notes->age->kept_s)
        notes->age->kept_s = age_s;
}

void
engine_class_age(struct engine_thread *t, unsigned class_id, struct engine_class_age *out)
{
    struct slabs *s = &t->engine->slabs;
    struct slab_class *c = slab_class(s, class_id);
    struct age_notes notes = {t->now_s, out};
    struct walk w = {note_age, &notes, AGE_ITEMS, AGE_CHUNKS};
    *out = (struct engine_class_age){0};
    mutex_lock(&c->lock);
    page_no no = c->hand_page;
    for (uint32_t i = 0; i < c->page_count && w.items_left > 0 && w.chunks_left > 0; i++) {
        visit_page(t, c, no, &w);
        no = s->pages[no].next;
    }
    const struct item *oldest = evict_oldest_on_probation(t->engine, c);
    if (oldest != NULL && item_atime(oldest) < t->now_s)
        out->probation_s = t->now_s - item_atime(oldest);
    mutex_unlock(&c->lock);
}

bool
engine_sizes(struct engine *e, engine_size_fn *row, void *context)
{
    for (uint32_t i = 0; i < e->sizes_count; i++) {
        int64_t count = atomic_load_explicit(&e->sizes[i], memory_order_relaxed);
        if (count > 0)
            row(context, i * SIZE_STEP_BYTES, (uint64_t)count);
    }
    return e->sizes_count > 0;
}

uint64_t
engine_item_bytes(const struct item *it)
{
    return item_total_bytes(it);
}

unsigned
engine_item_class(const struct engine *e, const struct item *it)
{
    return item_class(e, it);
}

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
    };
    mutex_unlock(&c->lock);
}

static void
accumulate(counter_t *to, const counter_t *from, size_t count, int sign)
{
    for (size_t i = 0; i < count; i++)
        counter_add(&to[i], sign > 0 ? counter_get(&from[i]) : 0 - counter_get(&from[i]));
}

#define TOTAL_COUNT (sizeof(struct engine_counters) / sizeof(counter_t))
#define CLASS_COUNT (sizeof(struct engine_class_counters) / sizeof(counter_t))

/* The last thread that evicted something wins. */
static void
latest_age(struct engine_class_counters *to, const struct engine_class_counters *from, uint64_t sum)
{
    uint64_t age_s = counter_get(&from->evicted_age_s);
    atomic_store_explicit(&to->evicted_age_s, age_s > sum ? age_s : sum, memory_order_relaxed);
}

static void
add_thread(const struct engine *e, struct engine_counters *total,
           struct engine_class_counters *classes, const struct engine_counters *from,
           const struct engine_class_counters *from_classes)
{
    accumulate((counter_t *)total, (const counter_t *)from, TOTAL_COUNT, 1);
    for (unsigned id = 0; id <= e->slabs.class_count; id++) {
        uint64_t age_s = counter_get(&classes[id].evicted_age_s);
        accumulate((counter_t *)&classes[id], (const counter_t *)&from_classes[id], CLASS_COUNT, 1);
        latest_age(&classes[id], &from_classes[id], age_s);
    }
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

void
engine_count(struct engine *e, struct engine_counters *total, struct engine_class_counters *classes)
{
    mutex_lock(&e->reset_lock);
    count_raw(e, total, classes);
    accumulate((counter_t *)total, (counter_t *)&e->reset_counters, TOTAL_COUNT, -1);
    for (unsigned id = 0; id <= e->slabs.class_count; id++)
        accumulate((counter_t *)&classes[id], (counter_t *)&e->reset_class_counters[id],
                   CLASS_COUNT, -1);
    mutex_unlock(&e->reset_lock);
}

void
engine_reset_counters(struct engine *e)
{
    mutex_lock(&e->reset_lock);
    count_raw(e, &e->reset_counters, e->reset_class_counters);
    for (unsigned id = 0; id <= e->slabs.class_count; id++) {
        atomic_store_explicit(&e->reset_class_counters[id].number, 0, memory_order_relaxed);
        atomic_store_explicit(&e->reset_class_counters[id].bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&e->reset_class_counters[id].evicted_age_s, 0, memory_order_relaxed);
    }
    mutex_unlock(&e->reset_lock);
}

/* The linked item whose value begins in a chunk, or NULL. */
static const struct item *
counted_item(const struct engine *e, const struct item *chunk)
{
    enum item_state kind = item_state(chunk) & ITEM_KIND;
    if (kind == ITEM_LINKED)
        return item_class(e, chunk) == chunk->class_id ? chunk : NULL;
    if (kind != ITEM_BODY)
        return NULL;
    const struct item *owner = item_at(e, ((const struct item_body *)chunk)->owner);
    bool linked = (item_state(owner) & ITEM_KIND) == ITEM_LINKED;
    return linked && item_at(e, item_chain(owner)->first) == chunk ? owner : NULL;
}

/* Calls 'visit' for the linked items of a page; returns how many of 'max' are left. */
static size_t
visit_page(struct engine_thread *t, struct slab_class *c, page_no no, size_t max,
           engine_visit_fn *visit, void *context)
{
    struct engine *e = t->engine;
    for (uint32_t n = 0; n < e->slabs.pages[no].carved && max > 0; n++) {
        const struct item *it = counted_item(e, slab_chunk(&e->slabs, c, no, n));
        if (it == NULL || item_is_dead(e, it, t->now_s))
            continue;
        visit(context, it);
        max--;
    }
    return max;
}

void
engine_visit_class(struct engine_thread *t, unsigned class_id, size_t max, engine_visit_fn *visit,
                   void *context)
{
    struct slab_class *c = slab_class(&t->engine->slabs, class_id);
    mutex_lock(&c->lock);
    page_no no = c->hand_page;
    for (uint32_t i = 0; i < c->page_count && max > 0; i++) {
        max = visit_page(t, c, no, max, visit, context);
        no = t->engine->slabs.pages[no].next;
    }
    mutex_unlock(&c->lock);
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

/* How many items engine_class_age() looks at. */
#define AGE_SAMPLE 32

struct age {
    uint32_t now_s;
    uint32_t oldest_s;
};

static void
note_age(void *context, const struct item *it)
{
    struct age *age = context;
    uint32_t atime_s = item_atime(it);
    if (atime_s < age->now_s && age->now_s - atime_s > age->oldest_s)
        age->oldest_s = age->now_s - atime_s;
}

uint32_t
engine_class_age(struct engine_thread *t, unsigned class_id)
{
    struct age age = {.now_s = t->now_s};
    engine_visit_class(t, class_id, AGE_SAMPLE, note_age, &age);
    return age.oldest_s;
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

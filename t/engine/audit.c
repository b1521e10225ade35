#include "audit.h"

#include "fixture.h"

static enum item_state
kind_of(const struct item *it)
{
    return item_state(it) & ITEM_KIND;
}

/* ---- pages and classes ---- */

static void
count_chunk(struct audit *a, enum item_state kind)
{
    a->linked_chunks += kind == ITEM_LINKED;
    a->limbo_chunks += kind == ITEM_LIMBO;
    a->reserved_chunks += kind == ITEM_RESERVED;
    a->body_chunks += kind == ITEM_BODY;
}

/* The sweep must not come too late: unless it is in the page just now. */
static void
audit_due(struct engine *e, const struct page *page, page_no no, const struct item *it)
{
    enum item_state kind = kind_of(it);
    bool counts = kind == ITEM_LINKED || kind == ITEM_RESERVED;
    if (counts && item_exptime(it) != 0 && !(e->sweep_page == no && e->sweep_chunk > 0))
        MUST(page->due_s <= item_exptime(it));
}

static void
audit_page(struct engine *e, unsigned id, page_no no, struct audit *a)
{
    const struct page *page = &e->slabs.pages[no];
    struct slab_class *c = slab_class(&e->slabs, id);
    uint32_t used = 0;
    MUST(page->class_id == id);
    MUST(page->carved <= c->chunks_per_page);
    for (uint32_t n = 0; n < page->carved; n++) {
        const struct item *it = slab_chunk(&e->slabs, c, no, n);
        enum item_state kind = kind_of(it);
        used += kind != ITEM_FREE;
        MUST(kind == ITEM_FREE || it->class_id == id);
        count_chunk(a, kind);
        audit_due(e, page, no, it);
    }
    MUST(used == page->used);
}

static void
audit_free_list(struct engine *e, struct slab_class *c, page_no no)
{
    const struct page *page = &e->slabs.pages[no];
    uint32_t count = 0;
    for (uint32_t n = page->free_head; n != 0; count++) {
        MUST(n <= page->carved);
        MUST(count < page->carved);
        const struct item *it = slab_chunk(&e->slabs, c, no, n - 1);
        MUST(kind_of(it) == ITEM_FREE);
        memcpy(&n, it, sizeof n);
    }
    MUST(count == page->carved - page->used);
    MUST(page->partial == (page->used < c->chunks_per_page));
}

static void
audit_class(struct engine *e, unsigned id, struct audit *a)
{
    struct slab_class *c = slab_class(&e->slabs, id);
    uint64_t used = 0;
    uint32_t pages = 0, partial = 0, listed = 0;
    bool hand_found = c->pages == 0 && c->hand_page == 0;
    for (page_no no = c->pages; no != 0; no = e->slabs.pages[no].next) {
        const struct page *page = &e->slabs.pages[no];
        if (pages > 0 && no == c->pages)
            break;
        MUST(pages < c->page_count);
        MUST(page->state == PAGE_IN_CLASS);
        MUST(e->slabs.pages[page->next].prev == no);
        audit_page(e, id, no, a);
        audit_free_list(e, c, no);
        hand_found |= no == c->hand_page;
        partial += page->partial;
        used += page->used;
        pages++;
    }
    for (page_no no = c->partial, last = 0; no != 0; last = no, no = e->slabs.pages[no].partial_next) {
        MUST(e->slabs.pages[no].partial && e->slabs.pages[no].partial_prev == last);
        MUST(++listed <= partial);
    }
    MUST(hand_found);
    MUST(listed == partial);
    MUST(pages == c->page_count);
    MUST(used == c->used_chunks);
    a->pages_in_class += pages;
}

/* ---- what eviction remembers ---- */

/* Every item on probation has its handle; and only one, which says its low bits. */
static void
audit_ring(struct engine *e, unsigned id, struct audit *a)
{
    const struct ring *r = &slab_class(&e->slabs, id)->ring;
    uint32_t block = r->head_block;
    MUST((block == 0) == (r->head == r->tail && r->head % RING_BLOCK_HANDLES == 0));
    for (uint64_t number = r->head; number < r->tail; number++) {
        MUST(block > 0 && block <= e->rings.fresh);
        const struct ring_block *b = &e->rings.blocks[block - 1];
        item_ref handle = b->handles[number % RING_BLOCK_HANDLES];
        MUST(handle != 0 && arena_page_of(&e->arena, handle) < e->arena.next_fresh);
        a->handles += evict_handle_is_true(e, id, handle, number);
        if (number % RING_BLOCK_HANDLES == RING_BLOCK_HANDLES - 1)
            block = b->next;
        a->blocks += number == r->head || number % RING_BLOCK_HANDLES == 0;
    }
    a->blocks += block != 0 && r->head == r->tail;
}

static void
audit_rings(struct engine *e, struct audit *a)
{
    uint64_t free_blocks = 0;
    for (unsigned id = 1; id <= e->slabs.class_count; id++)
        audit_ring(e, id, a);
    for (uint32_t block = e->rings.free_head; block != 0; block = e->rings.blocks[block - 1].next)
        MUST(++free_blocks <= e->rings.fresh);
    MUST(e->rings.fresh <= e->rings.capacity);
    MUST(e->rings.used + free_blocks == e->rings.fresh);
    MUST(e->rings.used == a->blocks);
    MUST(e->ghost.set_count <= e->ghost.capacity);
    MUST(e->config.evict || (e->rings.fresh == 0 && e->ghost.capacity == 0));
}

static void
audit_draining(struct engine *e, struct audit *a)
{
    uint32_t by_class[SLAB_CLASSES_MAX + 1] = {0};
    for (page_no no = 1; no < e->arena.next_fresh; no++) {
        const struct page *page = &e->slabs.pages[no];
        if (page->state != PAGE_DRAINING)
            continue;
        MUST(page->used > 0);
        by_class[page->class_id]++;
        a->pages_draining++;
        audit_page(e, page->class_id, no, a);
    }
    for (unsigned id = 1; id <= e->slabs.class_count; id++)
        MUST(by_class[id] == slab_class(&e->slabs, id)->draining_count);
}

static void
audit_arena(struct engine *e, const struct audit *a)
{
    const struct arena *arena = &e->arena;
    MUST(arena->used_pages == a->pages_in_class + a->pages_draining);
    MUST(arena->used_pages + arena->free_count == arena->next_fresh - 1);
    MUST(arena->cold_count <= arena->free_count);
    for (uint32_t i = 0; i < arena->free_count; i++) {
        MUST(arena->free_pages[i] < arena->next_fresh);
        MUST(e->slabs.pages[arena->free_pages[i]].state == PAGE_NONE);
    }
    uint64_t index_bytes = (e->index.bucket_capacity + e->index.overflow_capacity) * 64;
    index_bytes += ghost_bytes(&e->ghost) + ring_store_bytes(&e->rings);
    MUST(index_bytes == (uint64_t)arena->index_pages << arena->page_shift);
}

/* ---- the index ---- */

struct entry_audit {
    struct engine *e;
    struct audit *a;
    uint64_t bucket;
    uint64_t number[SLAB_CLASSES_MAX + 1];
    uint64_t bytes[SLAB_CLASSES_MAX + 1];
};

static void
audit_chain(struct engine *e, const struct item *it, struct audit *a)
{
    uint64_t bytes = 0;
    for (item_ref ref = item_chain(it)->first; ref != 0;) {
        const struct item_body *body = (const struct item_body *)item_at(e, ref);
        MUST(kind_of((const struct item *)body) == ITEM_BODY);
        MUST(body->owner == arena_ref(&e->arena, it));
        bytes += body->data_bytes;
        a->bodies++;
        ref = item_next_body(body);
    }
    MUST(bytes == item_value_bytes(it));
}

/* Handles of what is left in a page that is leaving its class are not looked for. */
static bool
is_draining(struct engine *e, const struct item *it)
{
    item_ref first = item_is_chained(it) && item_chain(it)->first != 0 ? item_chain(it)->first
                                                                      : arena_ref(&e->arena, it);
    return e->slabs.pages[arena_page_of(&e->arena, first)].state == PAGE_DRAINING;
}

static void
audit_entry(void *context, item_ref ref)
{
    struct entry_audit *x = context;
    const struct item *it = item_at(x->e, ref);
    x->a->on_probation += item_is_on_probation(it) && !is_draining(x->e, it);
    struct span key = item_key(it);
    page_no no = arena_page_of(&x->e->arena, ref);
    MUST(kind_of(it) == ITEM_LINKED);
    MUST(x->e->slabs.pages[no].class_id == it->class_id);
    MUST(key.bytes > 0 && key.bytes <= 250);
    /* Finding it proves that it is in its bucket, with its tag, and before any double. */
    MUST(index_find(&x->e->index, engine_hash(x->e, key), key) == ref);
    if (item_is_chained(it))
        audit_chain(x->e, it, x->a);
    x->number[item_class(x->e, it)]++;
    x->bytes[item_class(x->e, it)] += item_total_bytes(it);
    x->a->items++;
    x->a->item_bytes += item_total_bytes(it);
}

static uint64_t
sum_of(struct engine *e, size_t class_id, size_t offset)
{
    const char *row = (const char *)&e->gone_class_counters[class_id];
    uint64_t sum = counter_get((const counter_t *)(row + offset));
    for (struct engine_thread *t = e->threads; t != NULL; t = t->next) {
        row = (const char *)&t->class_counters[class_id];
        sum += counter_get((const counter_t *)(row + offset));
    }
    return sum;
}

static void
audit_counters(struct engine *e, const struct entry_audit *x)
{
    int64_t told = e->index.item_count;
    for (struct engine_thread *t = e->threads; t != NULL; t = t->next)
        told += t->index_delta;
    MUST(told == (int64_t)x->a->items);
    for (unsigned id = 1; id <= e->slabs.class_count; id++) {
        MUST(sum_of(e, id, offsetof(struct engine_class_counters, number)) == x->number[id]);
        MUST(sum_of(e, id, offsetof(struct engine_class_counters, bytes)) == x->bytes[id]);
    }
}

static void
audit_overflow(const struct index *ix)
{
    uint64_t used = 0, free_count = 0;
    for (uint64_t n = 0; n < index_bucket_count(ix); n++) {
        MUST((ix->buckets[n].head & 1) == 0);
        for (uint32_t link = ix->buckets[n].link; link != 0; link = ix->overflow[link - 1].link)
            MUST(++used <= ix->overflow_used);
    }
    for (uint32_t link = ix->overflow_free; link != 0; link = ix->overflow[link - 1].link)
        MUST(++free_count <= ix->overflow_fresh);
    MUST(used == ix->overflow_used);
    MUST(used + free_count == ix->overflow_fresh);
    MUST(ix->overflow_fresh <= ix->overflow_capacity);
}

static void
audit_index(struct engine *e, struct audit *a)
{
    struct entry_audit *x = calloc(1, sizeof *x);
    MUST(x != NULL);
    x->e = e;
    x->a = a;
    uint64_t buckets = index_bucket_count(&e->index);
    MUST(buckets <= e->index.bucket_capacity);
    for (x->bucket = 0; x->bucket < buckets; x->bucket++)
        index_walk(&e->index, x->bucket, audit_entry, x);
    audit_counters(e, x);
    audit_overflow(&e->index);
    free(x);
}

/* ---- the whole ---- */

void
audit_engine(struct engine *e, struct audit *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned id = 1; id <= e->slabs.class_count; id++)
        audit_class(e, id, out);
    audit_draining(e, out);
    audit_arena(e, out);
    audit_rings(e, out);
    audit_index(e, out);
    /* Chunks used twice within a probation may have two handles that look true. */
    MUST(out->on_probation <= out->handles);
    /* Every linked chunk is in the index, every body belongs to somebody. */
    MUST(out->linked_chunks == out->items);
    if (out->limbo_chunks + out->reserved_chunks == 0)
        MUST(out->body_chunks == out->bodies);
    else
        MUST(out->body_chunks >= out->bodies);
}

void
audit_empty(struct engine *e)
{
    struct audit a;
    audit_engine(e, &a);
    MUST(a.items == 0);
    MUST(a.linked_chunks + a.limbo_chunks + a.reserved_chunks + a.body_chunks == 0);
    MUST(a.pages_draining == 0);
    for (unsigned id = 1; id <= e->slabs.class_count; id++) {
        MUST(slab_class(&e->slabs, id)->page_count <= 1);
        MUST(slab_class(&e->slabs, id)->used_chunks == 0);
    }
}

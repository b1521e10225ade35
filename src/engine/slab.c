#include "engine/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"

#define SMALL_STEP_BYTES 8

static uint32_t
align_up(uint32_t v, uint32_t to)
{
    return (v + to - 1) / to * to;
}

/* Sizes grow by the factor, and then to the largest size of which a page holds as many: the end of the
 * page is of no other use. */
static uint32_t
stretch(uint32_t bytes, uint32_t page_bytes, uint32_t align)
{
    return page_bytes / (page_bytes / bytes) / align * align;
}

static void
make_classes(struct slabs *s, const struct slab_config *c)
{
    uint32_t page_bytes = 1u << s->arena->page_shift;
    uint32_t align = 1u << s->arena->shift;
    uint32_t max = page_bytes / 2;
    if (c->chunk_bytes_max != 0 && c->chunk_bytes_max < max)
        max = c->chunk_bytes_max;
    uint32_t bytes = align_up(c->chunk_bytes_min, align);
    unsigned id = 0;
    CHECK(bytes <= max);
    for (;;) {
        /* The last id is kept for the largest chunk, whatever the factor. */
        if (bytes > max / c->growth || id + 1 == SLAB_CLASSES_MAX)
            bytes = max;
        else
            bytes = stretch(bytes, page_bytes, align);
        id++;
        s->classes[id].chunk_bytes = bytes;
        s->classes[id].chunks_per_page = page_bytes / bytes;
        if (bytes == max)
            break;
        uint32_t next = align_up((uint32_t)(bytes * c->growth), align);
        bytes = next > bytes ? next : bytes + align;
    }
    s->class_count = id;
    s->chunk_bytes_max = max;
}

static unsigned
search_class(const struct slabs *s, uint32_t bytes)
{
    unsigned low = 1, high = s->class_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (s->classes[middle].chunk_bytes < bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
slab_init(struct slabs *s, struct arena *a, const struct slab_config *c)
{
    memset(s, 0, sizeof *s);
    s->arena = a;
    s->pages = mmap(NULL, a->pages_max * sizeof *s->pages, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->pages == MAP_FAILED)
        return false;
    make_classes(s, c);
    for (unsigned id = 1; id <= s->class_count; id++)
        mutex_init(&s->classes[id].lock);
    for (unsigned i = 0; i < ARRAY_COUNT(s->small_class); i++)
        s->small_class[i] = (uint8_t)search_class(s, i * SMALL_STEP_BYTES);
    return true;
}

void
slab_fini(struct slabs *s)
{
    munmap(s->pages, s->arena->pages_max * sizeof *s->pages);
    for (unsigned id = 1; id <= s->class_count; id++)
        mutex_fini(&s->classes[id].lock);
}

unsigned
slab_class_for(const struct slabs *s, uint32_t bytes)
{
    uint32_t step = (bytes + SMALL_STEP_BYTES - 1) / SMALL_STEP_BYTES;
    if (LIKELY(step < ARRAY_COUNT(s->small_class)))
        return s->small_class[step];
    return search_class(s, bytes);
}

static void
partial_add(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    page->partial = true;
    page->partial_prev = 0;
    page->partial_next = c->partial;
    if (c->partial != 0)
        s->pages[c->partial].partial_prev = no;
    c->partial = no;
}

static void
partial_remove(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    page->partial = false;
    if (page->partial_prev != 0)
        s->pages[page->partial_prev].partial_next = page->partial_next;
    else
        c->partial = page->partial_next;
    if (page->partial_next != 0)
        s->pages[page->partial_next].partial_prev = page->partial_prev;
}

/* New pages go behind the hand, so that it comes to them last. */
static void
ring_add(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    if (c->pages == 0) {
        page->next = page->prev = no;
        c->pages = c->hand_page = no;
        c->hand_chunk = 0;
    } else {
        page->next = c->hand_page;
        page->prev = s->pages[c->hand_page].prev;
        s->pages[page->prev].next = no;
        s->pages[page->next].prev = no;
    }
    c->page_count++;
}

static void
ring_remove(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    if (c->hand_page == no) {
        c->hand_page = page->next;
        c->hand_chunk = 0;
    }
    if (c->pages == no)
        c->pages = page->next;
    if (page->next == no)
        c->pages = c->hand_page = 0;
    s->pages[page->prev].next = page->next;
    s->pages[page->next].prev = page->prev;
    c->page_count--;
}

/* A new interval counts so much in the mean. */
#define INTERVAL_SHARE 0.25

void
slab_note_filled(struct slabs *s, struct slab_class *c)
{
    uint64_t now = atomic_fetch_add_explicit(&s->turns, 1, memory_order_relaxed) + 1;
    if (c->page_count > 0) {
        double passed = (double)(now - c->filled_turn);
        c->interval = c->interval == 0 ? passed : c->interval + INTERVAL_SHARE * (passed - c->interval);
    }
    c->filled_turn = now;
}

static bool
add_page(struct slabs *s, struct slab_class *c, unsigned class_id) REQUIRES(c->lock)
{
    page_no no = arena_take_page(s->arena);
    if (no == 0)
        return false;
    struct page *page = &s->pages[no];
    page->state = PAGE_IN_CLASS;
    page->used = page->carved = page->free_head = 0;
    page->moving = false;
    page->cooled_turn = slab_turn(s);
    if (c->page_count == 0)
        c->interval = c->heat = 0;
    slab_note_filled(s, c);
    c->waits = 0;
    atomic_store_explicit(&page->due_s, PAGE_DUE_NEVER, memory_order_relaxed);
    ring_add(s, c, no);
    partial_add(s, c, no);
    atomic_store_explicit(&page->class_id, (uint8_t)class_id, memory_order_relaxed);
    return true;
}

/* Takes a chunk of a page that has one. */
static struct item *
take_chunk(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    uint32_t n;
    if (page->free_head != 0) {
        n = page->free_head - 1;
        memcpy(&page->free_head, slab_chunk(s, c, no, n), sizeof page->free_head);
    } else {
        n = page->carved++;
    }
    page->used++;
    c->used_chunks++;
    if (page->free_head == 0 && page->carved == c->chunks_per_page)
        partial_remove(s, c, no);
    return slab_chunk(s, c, no, n);
}

void
slab_note_exptime(struct page *page, uint32_t exptime_s)
{
    uint32_t due_s = atomic_load_explicit(&page->due_s, memory_order_relaxed);
    /* Written even if it stays what it is.  Release: pairs with the exchange in the sweep, which comes
     * after this and then sees the exptime in the chunk, or before it. */
    while (!atomic_compare_exchange_weak_explicit(&page->due_s, &due_s,
                                                  exptime_s < due_s ? exptime_s : due_s,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

/* What the sweep must know of a chunk before it sees it.  It holds the class's lock when it looks: so what
 * stays as it is need not be written. */
static void
set_up_chunk(struct slabs *s, struct item *chunk, unsigned class_id, uint32_t exptime_s)
{
    struct page *page = &s->pages[arena_page_of(s->arena, arena_ref(s->arena, chunk))];
    atomic_store_explicit(&chunk->class_id, (uint8_t)class_id, memory_order_relaxed);
    atomic_store_explicit(&chunk->exptime_s, exptime_s, memory_order_relaxed);
    if (exptime_s != 0 &&
        exptime_s < atomic_load_explicit(&page->due_s, memory_order_relaxed))
        slab_note_exptime(page, exptime_s);
    atomic_store_explicit(&chunk->state, ITEM_RESERVED, memory_order_release);
}

static item_ref
give_out(struct slabs *s, struct slab_class *c, unsigned class_id, uint32_t exptime_s)
{
    struct item *chunk = take_chunk(s, c, c->partial);
    set_up_chunk(s, chunk, class_id, exptime_s);
    return arena_ref(s->arena, chunk);
}

item_ref
slab_take_locked(struct slabs *s, struct slab_class *c, unsigned class_id, uint32_t exptime_s)
{
    return c->partial != 0 ? give_out(s, c, class_id, exptime_s) : 0;
}

item_ref
slab_alloc(struct slabs *s, unsigned class_id, uint32_t exptime_s, struct slab_pressure *seen)
{
    struct slab_class *c = &s->classes[class_id];
    item_ref ref = 0;
    mutex_lock(&c->lock);
    if (c->partial != 0 || add_page(s, c, class_id))
        ref = give_out(s, c, class_id, exptime_s);
    seen->free_chunks = slab_free_chunks(c);
    seen->total_chunks = (uint64_t)c->page_count * c->chunks_per_page;
    mutex_unlock(&c->lock);
    return ref;
}

static void
leave_class(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    ring_remove(s, c, no);
    if (c->spare == no)
        c->spare = 0;
    if (page->partial)
        partial_remove(s, c, no);
    c->used_chunks -= page->used;
}

static void
give_back(struct slabs *s, page_no no)
{
    s->pages[no].state = PAGE_NONE;
    atomic_store_explicit(&s->pages[no].class_id, 0, memory_order_relaxed);
    arena_give_page(s->arena, no);
}

void
slab_free_locked(struct slabs *s, struct slab_class *c, item_ref ref)
{
    page_no no = arena_page_of(s->arena, ref);
    struct page *page = &s->pages[no];
    struct item *chunk = arena_ptr(s->arena, ref);
    CHECK(page->state != PAGE_NONE && page->used > 0);
    atomic_store_explicit(&chunk->state, ITEM_FREE, memory_order_release);
    page->used--;
    if (page->state == PAGE_DRAINING) {
        if (page->used == 0) {
            c->draining_count--;
            give_back(s, no);
        }
        return;
    }
    c->used_chunks--;
    memcpy(chunk, &page->free_head, sizeof page->free_head);
    page->free_head = 1 + (uint32_t)((char *)chunk - arena_page_ptr(s->arena, no)) / c->chunk_bytes;
    if (!page->partial)
        partial_add(s, c, no);
    /* An empty page is more use to everybody, once this class has another one's worth free. */
    if (page->used > 0)
        return;
    if (slab_free_chunks(c) >= 2 * (uint64_t)c->chunks_per_page) {
        leave_class(s, c, no);
        give_back(s, no);
    } else {
        c->spare = no;
    }
}

void
slab_free(struct slabs *s, item_ref ref)
{
    struct slab_class *c = &s->classes[((struct item *)arena_ptr(s->arena, ref))->class_id];
    mutex_lock(&c->lock);
    slab_free_locked(s, c, ref);
    mutex_unlock(&c->lock);
}

bool
slab_give_spare(struct slabs *s)
{
    bool given = false;
    for (unsigned id = 1; id <= s->class_count && !given; id++) {
        struct slab_class *c = &s->classes[id];
        mutex_lock(&c->lock);
        page_no no = c->spare;
        given = no != 0 && s->pages[no].used == 0;
        if (given) {
            leave_class(s, c, no);
            give_back(s, no);
        }
        mutex_unlock(&c->lock);
    }
    return given;
}

void
slab_drain_locked(struct slabs *s, struct slab_class *c, page_no no)
{
    struct page *page = &s->pages[no];
    CHECK(page->state == PAGE_IN_CLASS);
    leave_class(s, c, no);
    page->state = PAGE_DRAINING;
    atomic_store_explicit(&page->due_s, 0, memory_order_relaxed);
    c->draining_count++;
    if (page->used == 0) {
        c->draining_count--;
        give_back(s, no);
    }
}

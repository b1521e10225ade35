#include "engine/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"

/* The address space that the index may grow into, as parts of the reach.  The smallest item takes 48
 * bytes and costs about 10 bytes of index, a fifth; a quarter leaves room.  Overflow buckets stay
 * below a third of the buckets. */
#define BUCKETS_PART  4
#define OVERFLOW_PART 8

/* The same for what eviction remembers: a byte an item; four bytes for a tenth of the items. */
#define GHOST_PART 32
#define RINGS_PART 64

/* Linux 5.18; before, memory that is locked is not given back. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

#define ALIGN_BYTES (2ull << 20) /* a huge page */

/* The index does not shrink: a limit leaves this part of it, at least, to items. */
#define INDEX_ROOM_PART 2

#define SYSTEM_PAGE_BYTES 4096 /* the smallest there are: touching one in each is enough */

static uint64_t
round_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) / to * to;
}

static unsigned
shift_for(uint64_t bytes)
{
    unsigned shift = 3;
    while (bytes > (1ull << 32) << shift)
        shift++;
    return shift;
}

uint64_t
arena_reach_bytes_max(uint64_t limit_bytes)
{
    return ((1ull << 32) << shift_for(limit_bytes)) - 2 * ALIGN_BYTES;
}

static void
lay_out(struct arena *a, char *map, uint64_t pages_bytes, uint64_t reach)
{
    a->map = map;
    a->base = (char *)round_up((uint64_t)(uintptr_t)map, ALIGN_BYTES);
    a->buckets = a->base + pages_bytes;
    a->buckets_bytes_max = round_up(reach / BUCKETS_PART, ALIGN_BYTES);
    a->overflow = a->buckets + a->buckets_bytes_max;
    a->overflow_bytes_max = round_up(reach / OVERFLOW_PART, ALIGN_BYTES);
    a->ghost = a->overflow + a->overflow_bytes_max;
    a->ghost_bytes_max = round_up(reach / GHOST_PART, ALIGN_BYTES);
    a->rings = a->ghost + a->ghost_bytes_max;
    a->rings_bytes_max = round_up(reach / RINGS_PART, ALIGN_BYTES);
}

static uint64_t
bytes_beside_pages(uint64_t reach)
{
    return round_up(reach / BUCKETS_PART, ALIGN_BYTES) +
           round_up(reach / OVERFLOW_PART, ALIGN_BYTES) +
           round_up(reach / GHOST_PART, ALIGN_BYTES) + round_up(reach / RINGS_PART, ALIGN_BYTES);
}

bool
arena_init(struct arena *a, const struct arena_config *c) NO_LOCK_ANALYSIS
{
    CHECK((c->page_bytes & (c->page_bytes - 1)) == 0);
    memset(a, 0, sizeof *a);
    a->page_shift = (unsigned)__builtin_ctz(c->page_bytes);
    uint64_t reach = round_up(c->reach_bytes, ALIGN_BYTES);
    uint64_t pages_bytes = round_up(reach + c->page_bytes, ALIGN_BYTES);
    a->pages_max = (page_no)(reach >> a->page_shift) + 1;
    a->shift = shift_for(pages_bytes);
    a->mapped_bytes = pages_bytes + bytes_beside_pages(reach) + ALIGN_BYTES;

    char *map = mmap(NULL, a->mapped_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return false;
    a->free_pages = malloc(a->pages_max * sizeof *a->free_pages);
    if (a->free_pages == NULL) {
        munmap(map, a->mapped_bytes);
        errno = ENOMEM;
        return false;
    }
    lay_out(a, map, pages_bytes, reach);
    /* A core file holds the cache only if somebody asks the kernel for it. */
    madvise(map, a->mapped_bytes, MADV_DONTDUMP);
    if (c->huge_pages)
        madvise(map, a->mapped_bytes, MADV_HUGEPAGE);
    mutex_init(&a->lock);
    a->next_fresh = 1;
    a->limit_pages = (uint32_t)(c->limit_bytes >> a->page_shift);
    a->limit_pages_max = a->limit_pages < a->pages_max ? a->pages_max - 1 : a->limit_pages;
    return true;
}

void
arena_fini(struct arena *a) NO_LOCK_ANALYSIS
{
    munmap(a->map, a->mapped_bytes);
    free(a->free_pages);
    mutex_fini(&a->lock);
}

static bool
may_take(struct arena *a, uint32_t kept) REQUIRES(a->lock)
{
    bool ok = a->used_pages + a->index_pages + kept < a->limit_pages;
    atomic_store_explicit(&a->full, !ok, memory_order_relaxed);
    return ok;
}

page_no
arena_take_page(struct arena *a)
{
    page_no page = 0;
    mutex_lock(&a->lock);
    if (may_take(a, a->index_waits)) {
        if (a->free_count > 0) {
            page = a->free_pages[--a->free_count];
            if (a->cold_count > a->free_count)
                a->cold_count = a->free_count;
        } else if (a->next_fresh < a->pages_max)
            page = a->next_fresh++;
        if (page != 0)
            a->used_pages++;
        else
            atomic_store_explicit(&a->full, true, memory_order_relaxed);
    }
    mutex_unlock(&a->lock);
    return page;
}

/* Free pages keep their memory for the next taker, as long as all that has memory fits the limit: the
 * index, or a smaller limit, may have taken their place. */
static uint32_t
excess_warm_pages(const struct arena *a) REQUIRES(a->lock)
{
    uint32_t warm = a->free_count - a->cold_count;
    uint32_t taken = a->used_pages + a->index_pages;
    uint32_t room = taken < a->limit_pages ? a->limit_pages - taken : 0;
    return warm > room ? warm - room : 0;
}

/* Takes free pages that must lose their memory off the stack; returns how many. */
static uint32_t
take_excess_pages(struct arena *a, page_no *pages, uint32_t max)
{
    uint32_t count = 0;
    mutex_lock(&a->lock);
    while (count < max && excess_warm_pages(a) > 0)
        pages[count++] = a->free_pages[--a->free_count];
    mutex_unlock(&a->lock);
    return count;
}

static void
put_cold_pages(struct arena *a, const page_no *pages, uint32_t count)
{
    mutex_lock(&a->lock);
    for (uint32_t i = 0; i < count; i++) {
        a->free_pages[a->free_count++] = a->free_pages[a->cold_count];
        a->free_pages[a->cold_count++] = pages[i];
    }
    mutex_unlock(&a->lock);
}

static int
compare_pages(const void *a, const void *b)
{
    page_no left = *(const page_no *)a, right = *(const page_no *)b;
    return left < right ? -1 : left > right;
}

/* Neighbours in one call: 6.7 ms for a megabyte in pieces of 128 KiB, 0.12 ms in pieces of 2 MiB, on a
 * virtual machine, where telling the other cores of 32 pages costs more than of all. */
static void
give_to_system(const struct arena *a, page_no *pages, uint32_t count)
{
    qsort(pages, count, sizeof *pages, compare_pages);
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && pages[end] == pages[end - 1] + 1; end++)
            ;
        void *p = arena_page_ptr(a, pages[first]);
        size_t bytes = (size_t)(end - first) << a->page_shift;
        if (madvise(p, bytes, MADV_DONTNEED) != 0)
            madvise(p, bytes, MADV_DONTNEED_LOCKED); /* mlockall() */
    }
}

void
arena_cool(struct arena *a, uint32_t pages_max)
{
    page_no pages[ARENA_COOLED_MAX];
    uint32_t max = pages_max < ARENA_COOLED_MAX ? pages_max : ARENA_COOLED_MAX;
    uint32_t count = take_excess_pages(a, pages, max);
    give_to_system(a, pages, count);
    put_cold_pages(a, pages, count);
}

uint64_t
arena_excess_memory_bytes(struct arena *a)
{
    mutex_lock(&a->lock);
    uint64_t pages = excess_warm_pages(a);
    mutex_unlock(&a->lock);
    return pages << a->page_shift;
}

void
arena_give_page(struct arena *a, page_no page)
{
    mutex_lock(&a->lock);
    CHECK(a->used_pages > 0 && page > 0 && page < a->next_fresh);
    a->used_pages--;
    a->free_pages[a->free_count++] = page;
    atomic_store_explicit(&a->full, false, memory_order_relaxed);
    mutex_unlock(&a->lock);
}

bool
arena_take_index_page(struct arena *a)
{
    mutex_lock(&a->lock);
    bool ok = may_take(a, 0);
    a->index_waits = !ok;
    if (ok) {
        a->index_pages++;
    }
    mutex_unlock(&a->lock);
    return ok;
}

bool
arena_set_limit(struct arena *a, uint64_t bytes)
{
    uint64_t pages = bytes >> a->page_shift;
    mutex_lock(&a->lock);
    bool ok = pages <= a->limit_pages_max && pages >= a->index_pages + a->index_pages / INDEX_ROOM_PART;
    if (ok) {
        a->limit_pages = (uint32_t)pages;
        atomic_store_explicit(&a->full, false, memory_order_relaxed);
    }
    mutex_unlock(&a->lock);
    return ok;
}

page_no
arena_pages_in_use(struct arena *a)
{
    mutex_lock(&a->lock);
    page_no end = a->next_fresh;
    mutex_unlock(&a->lock);
    return end;
}

uint32_t
arena_excess_pages(struct arena *a)
{
    mutex_lock(&a->lock);
    uint32_t taken = a->used_pages + a->index_pages;
    uint32_t excess = taken > a->limit_pages ? taken - a->limit_pages : 0;
    mutex_unlock(&a->lock);
    return excess;
}

void
arena_usage(struct arena *a, struct arena_usage *out)
{
    mutex_lock(&a->lock);
    uint32_t taken = a->used_pages + a->index_pages;
    *out = (struct arena_usage){
        .used_pages = a->used_pages,
        .index_pages = a->index_pages,
        .limit_pages = a->limit_pages,
        .free_pages = a->free_count,
        .pool_pages = taken < a->limit_pages ? a->limit_pages - taken : 0,
    };
    mutex_unlock(&a->lock);
}

void
arena_preallocate(struct arena *a)
{
    mutex_lock(&a->lock);
    /* As free pages that have memory: when the index grows, one of them gives its memory back. */
    page_no first = a->next_fresh, end = a->limit_pages - a->index_pages + 1;
    if (end > a->pages_max)
        end = a->pages_max;
    for (page_no page = end; page > first; page--)
        a->free_pages[a->free_count++] = page - 1;
    if (end > first)
        a->next_fresh = end;
    mutex_unlock(&a->lock);
    for (char *at = arena_page_ptr(a, first); at < arena_page_ptr(a, end); at += SYSTEM_PAGE_BYTES)
        *(volatile char *)at = 0;
}

/* arena.h - the memory of a cache: one reserved mapping, counted in pages.
 *
 *     base                                                      
 *     +--------+--------+--------+- - - - - -+---------+----------+-------+-------+
 *     | page 0 | page 1 | page 2 |    ...    | index   | overflow | ghost | rings |
 *     | unused |        |        |           | buckets | buckets  |       |       |
 *     +--------+--------+--------+- - - - - -+---------+----------+-------+-------+
 *                                              each grows upward in its own range
 *
 * The mapping is much larger than the limit and costs nothing until it is touched.  Pages hold items;
 * the index and what eviction remembers grow in their own ranges, a page's worth at a time.  All is
 * counted against one limit: when the index grows, fewer pages are left for items.
 *
 * Everything inside refers by offset: item_ref = offset >> shift.  Page 0 stays empty, so that 0 is
 * no item.
 *
 * Threads: any; a mutex of the lowest rank inside.  arena_ptr() and arena_page_of() are pure.
 * Failure: taking a page fails (0, false) at the limit.
 */
#ifndef KETCH_ENGINE_ARENA_H
#define KETCH_ENGINE_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "engine/item.h"

typedef uint32_t page_no; /* 1 .. ; 0 is "none" */

struct arena_config {
    uint64_t limit_bytes;
    uint64_t reach_bytes; /* of pages at most; the largest limit that arena_set_limit() will ever accept.  May
                             be less than the limit by what the index certainly takes */
    uint32_t page_bytes;  /* a power of two */
    bool huge_pages;
};

struct arena {
    char *base;
    char *map;           /* what mmap gave; base is this, rounded up to a huge page */
    unsigned shift;      /* of item_ref: 3 up to 32 GiB of pages, one more for each doubling */
    unsigned page_shift; /* log2 of the bytes of a page */
    char *buckets;       /* where the index grows, and how far it may */
    char *overflow;
    uint64_t buckets_bytes_max;
    uint64_t overflow_bytes_max;
    char *ghost; /* ghost.h */
    char *rings; /* ring.h */
    uint64_t ghost_bytes_max;
    uint64_t rings_bytes_max;
    uint64_t mapped_bytes;
    page_no pages_max; /* page numbers are below this */

    struct mutex lock;     /* of all below but the hint */
    page_no *free_pages;  /* a stack; the lowest 'cold_count' have no memory */
    uint32_t free_count;
    uint32_t cold_count;
    page_no next_fresh;   /* pages from here on were never used */
    uint32_t used_pages;  /* given out for items */
    uint32_t index_pages; /* pages' worth given out for index, ghost, rings */
    uint32_t limit_pages;
    uint32_t limit_pages_max;
    bool index_waits;      /* the index was refused a page: the next free one is for it */
    _Atomic bool full; /* the last attempt to take a page failed; a hint */
};

/* How many bytes of pages references reach that are no coarser than what this many bytes need anyway. */
uint64_t arena_reach_bytes_max(uint64_t limit_bytes);

/* False with errno when the address space cannot be had. */
bool arena_init(struct arena *a, const struct arena_config *c) MUST_USE;
void arena_fini(struct arena *a);

/* A page, its bytes undefined; 0 at the limit. */
page_no arena_take_page(struct arena *a) MUST_USE;
void arena_give_page(struct arena *a, page_no page);

/* Gives the memory of free pages back to the system, as far as they do not fit into the limit, but at most
 * 'pages_max' of them, or ARENA_COOLED_MAX.  No lock is held over it. */
#define ARENA_COOLED_MAX 1024
void arena_cool(struct arena *a, uint32_t pages_max);

/* How much arena_cool() would give back, if it were let. */
uint64_t arena_excess_memory_bytes(struct arena *a);

/* Counts one more page's worth for the index, the ghost or the rings. */
bool arena_take_index_page(struct arena *a) MUST_USE;

/* False when 'bytes' is beyond the reach given at the start, or leaves no room for items beside the index,
 * which does not shrink. */
bool arena_set_limit(struct arena *a, uint64_t bytes) MUST_USE;

/* Page numbers from here on were never taken. */
page_no arena_pages_in_use(struct arena *a);

/* Pages that must be given back before the limit holds. */
uint32_t arena_excess_pages(struct arena *a);

struct arena_usage {
    uint32_t used_pages;
    uint32_t index_pages;
    uint32_t limit_pages;
    uint32_t pool_pages; /* may still be taken */
    uint32_t free_pages; /* were used before */
};
void arena_usage(struct arena *a, struct arena_usage *out);

/* Touches everything that the limit allows, so that no later store waits for the system. */
void arena_preallocate(struct arena *a);

static inline void *
arena_ptr(const struct arena *a, item_ref ref)
{
    return a->base + ((uint64_t)ref << a->shift);
}

static inline item_ref
arena_ref(const struct arena *a, const void *p)
{
    return (item_ref)((uint64_t)((const char *)p - a->base) >> a->shift);
}

static inline page_no
arena_page_of(const struct arena *a, item_ref ref)
{
    return ref >> (a->page_shift - a->shift);
}

static inline char *
arena_page_ptr(const struct arena *a, page_no page)
{
    return a->base + ((uint64_t)page << a->page_shift);
}

static inline bool
arena_is_full(const struct arena *a)
{
    return atomic_load_explicit(&((struct arena *)a)->full, memory_order_relaxed);
}

#endif

/* slab.h - pages cut into chunks of a few sizes.
 *
 * Every page belongs to one size class, and is cut into chunks of that class from its start.  Each page
 * keeps its own free chunks, so that a page can be taken from its class by itself:
 *
 *     class 7, 96 bytes                 page: | used | used | free-+ | used | free | never used ...
 *       pages:   12 <-> 3 <-> 40                              ^    +----------^      ^
 *       partial: 3 <-> 40                                free_head               carved
 *
 * A page that is leaving its class is "draining": it is in no list, chunks freed in it stay unused, and
 * with the last of them it goes back to the arena.
 *
 * Threads: any.  One mutex a class (rank: class, then bucket, then arena).
 * Failure: slab_alloc() returns 0 when the class has no free chunk and the arena no page.
 */
#ifndef KETCH_ENGINE_SLAB_H
#define KETCH_ENGINE_SLAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "engine/arena.h"
#include "engine/item.h"
#include "engine/ring.h"

#define SLAB_CLASSES_MAX     255 /* ids 1..255: a class id is a byte, and 0 is none */

#define PAGE_DUE_NEVER UINT32_MAX

enum page_state { PAGE_NONE, PAGE_IN_CLASS, PAGE_DRAINING };

struct page {
    uint8_t state;       /* enum page_state */
    _Atomic uint8_t class_id; /* 0: none; otherwise everything here is under that class's lock */
    bool partial;        /* in the class's list of pages with free chunks */
    bool moving;         /* draining, and a thread is not done with copying what is in use: see move.c */
    uint32_t used;       /* chunks given out */
    uint32_t carved;     /* chunks that were ever given out */
    uint32_t free_head;  /* 1 + number of a free chunk; 0: none */
    page_no next, prev;  /* the pages of the class, a ring */
    page_no partial_next, partial_prev;
    uint64_t cooled_turn; /* when it was last looked at for what is in use; move.c */
    _Atomic uint32_t due_s; /* from when on something in it may be dead; for the sweep: see sweep.c */
};

struct slab_class {
    struct mutex lock CACHE_ALIGNED;
    uint32_t chunk_bytes;
    uint32_t chunks_per_page;
    uint32_t page_count;
    uint32_t draining_count;
    uint64_t used_chunks;
    page_no pages;   /* any page of the ring; 0: none */
    page_no partial; /* head of a list */
    page_no spare;   /* a page of the class that was empty when last looked at; 0: none */
    page_no hand_page; /* where eviction goes on; see evict.c */
    uint32_t hand_chunk;
    struct ring ring; /* items on probation; see evict.c */
    uint32_t evicted;     /* chunks, since it last filled a page */
    uint64_t filled_turn; /* when that was: see balance.c, as of the rest */
    double interval;      /* turns between two such, on the average */
    uint64_t random;      /* for pages looked at */
    double heat;          /* the share of it that was in use when last looked at */
    double weight;        /* of its age */
    bool asks_first;      /* for a page, before it evicts */
    uint8_t waits;        /* times that it does not evict, for a page is on its way */
    _Atomic uint32_t evicted_age_s; /* of the last item evicted, since its last use; 0 after 'stats reset' */
};

struct slabs {
    struct arena *arena;
    struct page *pages;   /* by page_no */
    unsigned class_count; /* ids 1..class_count */
    uint32_t chunk_bytes_max;
    _Atomic uint64_t turns; /* a clock: pages that classes have filled; balance.c */
    uint8_t small_class[256]; /* class of a size in steps of 8, up to 2040 bytes */
    struct slab_class classes[SLAB_CLASSES_MAX + 1];
};

struct slab_config {
    double growth;            /* > 1 */
    uint32_t chunk_bytes_min; /* of the smallest chunk, header and all */
    uint32_t chunk_bytes_max; /* of the largest, at most; >= chunk_bytes_min; 0: half a page */
};

bool slab_init(struct slabs *s, struct arena *a, const struct slab_config *c) MUST_USE;
void slab_fini(struct slabs *s);

/* The class of the smallest chunk that holds 'bytes', which is at most chunk_bytes_max. */
unsigned slab_class_for(const struct slabs *s, uint32_t bytes);

/* What slab_alloc() saw of its class, for the decision to evict ahead. */
struct slab_pressure {
    uint64_t free_chunks;
    uint64_t total_chunks;
};

/* A chunk whose header says ITEM_RESERVED, this class and this exptime; the rest is undefined. */
item_ref slab_alloc(struct slabs *s, unsigned class_id, uint32_t exptime_s,
                    struct slab_pressure *seen) MUST_USE;

/* Something in the page will be dead at 'exptime_s', which is not 0: to be called after this was written
 * into a chunk that was given out with a later one, or none. */
void slab_note_exptime(struct page *page, uint32_t exptime_s);

/* Nobody may hold the chunk any more. */
void slab_free(struct slabs *s, item_ref ref);

/* The same, for the holder of the class's lock. */
void slab_free_locked(struct slabs *s, struct slab_class *c, item_ref ref) REQUIRES(c->lock);

/* Takes the page out of its class; it goes back to the arena when its last chunk is freed (or now). */
void slab_drain_locked(struct slabs *s, struct slab_class *c, page_no page) REQUIRES(c->lock);

/* The same for the holder of the class's lock; but no page is taken for it. */
item_ref slab_take_locked(struct slabs *s, struct slab_class *c, unsigned class_id, uint32_t exptime_s)
    REQUIRES(c->lock);

/* The class has stored, or begins to store, a page's worth of new items: the clock goes on. */
void slab_note_filled(struct slabs *s, struct slab_class *c) REQUIRES(c->lock);

static inline uint64_t
slab_turn(const struct slabs *s)
{
    return atomic_load_explicit(&((struct slabs *)s)->turns, memory_order_relaxed);
}

/* Gives one empty page of any class back to the arena; false: there is none. */
bool slab_give_spare(struct slabs *s);

static inline struct slab_class *
slab_class(struct slabs *s, unsigned id)
{
    return &s->classes[id];
}

/* The class that a page belongs to; NULL: none.  A hint, for who has not locked that class. */
static inline struct slab_class *
slab_class_of_page(const struct slabs *s, page_no page)
{
    unsigned id = atomic_load_explicit(&s->pages[page].class_id, memory_order_relaxed);
    return id != 0 ? (struct slab_class *)&s->classes[id] : NULL;
}

/* Chunk 'n' of a page of class 'c'. */
static inline struct item *
slab_chunk(const struct slabs *s, const struct slab_class *c, page_no page, uint32_t n)
{
    return (struct item *)(arena_page_ptr(s->arena, page) + (size_t)n * c->chunk_bytes);
}

static inline uint64_t
slab_free_chunks(const struct slab_class *c)
{
    return (uint64_t)c->page_count * c->chunks_per_page - c->used_chunks;
}

#endif

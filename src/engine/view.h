/* view.h - figures of an engine, for those who show them.
 *
 * Threads: any.  Figures are sums of what threads count without a lock: close, not a snapshot.
 */
#ifndef KETCH_ENGINE_VIEW_H
#define KETCH_ENGINE_VIEW_H

#include "engine/counters.h"
#include "engine/engine.h"

struct engine_memory {
    uint64_t limit_bytes;
    uint64_t page_bytes;
    uint64_t item_pages;
    uint64_t pool_pages;     /* that may still be taken */
    uint64_t free_pages;     /* were used, and wait to be used again */
    uint64_t index_bytes;    /* buckets and overflow buckets */
    uint64_t overflow_bytes; /* of these, overflow buckets in use */
    uint64_t eviction_bytes; /* what eviction remembers: handles and fingerprints */
    uint64_t buckets;
};

struct engine_class_memory {
    uint64_t chunk_bytes;
    uint64_t chunks_per_page;
    uint64_t pages;
    uint64_t used_chunks; /* with those that wait for a quiescent point */
    uint64_t free_chunks;
    uint64_t probation;   /* handles of new items, of which some may have left meanwhile */
    double age;           /* how long it takes to fill the class once, in pages filled by all classes */
    double heat;          /* 0 .. 1: the share in use, when a page was last wanted */
    uint32_t evicted_age_s; /* since its last use, of the last item evicted; 0 after a reset */
};

/* Size classes have the ids 1..engine_class_count(). */
unsigned engine_class_count(const struct engine *e);
void engine_memory(struct engine *e, struct engine_memory *out);
void engine_class_memory(struct engine *e, unsigned class_id, struct engine_class_memory *out);

/* Adds up the counters of all threads, since the last reset: into 'total', and into
 * 'classes[0 .. engine_class_count()]'. */
void engine_count(struct engine *e, struct engine_counters *total,
                  struct engine_class_counters *classes);

/* Counters start at 0 again; gauges stay. */
void engine_reset_counters(struct engine *e);

/* Seconds since the last use of the oldest of a few items that eviction would judge next. */
struct engine_class_age {
    uint32_t any_s;       /* of those that the hand comes to next */
    uint32_t kept_s;      /* of these, the ones that are kept; 0: none is */
    uint32_t probation_s; /* of the item that has been on probation for longest; 0: none is known */
};
void engine_class_age(struct engine_thread *t, unsigned class_id, struct engine_class_age *out);

/* Calls 'visit' for up to 'max' live items of a class, in address order, while the class is locked.  At most
 * so many chunks are looked at, dead and free ones too: 10 ms or so. */
#define ENGINE_VISITED_CHUNKS_MAX (1u << 18)
typedef void engine_visit_fn(void *context, const struct item *it);
void engine_visit_class(struct engine_thread *t, unsigned class_id, size_t max,
                        engine_visit_fn *visit, void *context);

/* The same for the items of one bucket of the index, of engine_memory().buckets. */
void engine_visit_bucket(struct engine_thread *t, uint64_t bucket, engine_visit_fn *visit,
                         void *context);

/* Calls 'row' for every size, in steps of 32 bytes, that items have; false: sizes are not tracked. */
typedef void engine_size_fn(void *context, uint32_t bytes, uint64_t count);
bool engine_sizes(struct engine *e, engine_size_fn *row, void *context);

/* The size class that an item is counted in. */
unsigned engine_item_class(const struct engine *e, const struct item *it);

/* Header, key, flags and value of an item, in bytes. */
uint64_t engine_item_bytes(const struct item *it);

#endif

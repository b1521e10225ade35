/* state.h - what an engine and its threads are made of; for the files of this directory only.
 *
 * Threads: see engine.h; each field says who writes it.
 */
#ifndef KETCH_ENGINE_STATE_H
#define KETCH_ENGINE_STATE_H

#include "base/counter.h"
#include "engine/arena.h"
#include "engine/counters.h"
#include "engine/engine.h"
#include "engine/epoch.h"
#include "engine/ghost.h"
#include "engine/index.h"
#include "engine/slab.h"

#define SIZE_STEP_BYTES 32 /* of the histogram of sizes, as memcached's */

struct engine {
    struct engine_config config;
    struct arena arena;
    struct slabs slabs;
    struct index index;
    struct epoch epoch;
    struct ghost ghost;
    struct ring_store rings;

    _Atomic uint64_t cas CACHE_ALIGNED; /* the last unique given out */
    _Atomic uint16_t generation; /* items of others are flushed; 7 bits, in place for item.state */
    _Atomic uint32_t flush_at_s; /* a flush that is still to come; 0: none */
    struct mutex flush_lock;     /* of the flush's steps, and of the sweep below */
    page_no sweep_page;          /* where engine_maintain() goes on; 0: at the start */
    uint32_t sweep_chunk;        /* of that page; 0: it has not begun with it */
    uint32_t sweep_due_s;        /* the least exptime seen in it */
    uint32_t unswept;            /* generations begun that no whole sweep has followed yet */
    uint32_t swept_from;         /* of these, begun before the sweep under way */
    uint64_t flushed_at_count;   /* items that had ever been stamped at the last flush */

    struct mutex threads_lock; /* of the list */
    struct engine_thread *threads;
    counter_t gone_stamped;
    struct engine_counters gone_counters; /* what threads that left have counted */
    struct engine_class_counters gone_class_counters[SLAB_CLASSES_MAX + 1];
    struct mutex reset_lock; /* of what 'stats reset' set to 0 */
    struct engine_counters reset_counters;
    struct engine_class_counters reset_class_counters[SLAB_CLASSES_MAX + 1];

    _Atomic int64_t *sizes; /* items by size, in steps of SIZE_STEP_BYTES */
    uint32_t sizes_count;   /* 0: not kept */
};

/* A page that is being emptied; see move.c. */
struct move {
    page_no page; /* 0: none */
    unsigned class_id;
    uint32_t chunk;     /* the next one to empty */
    bool keeps_all;     /* not only what is hot: there is room */
    uint32_t room_made; /* others that were evicted for what is hot in it */
};

struct engine_thread {
    struct engine *engine;
    struct engine_thread *next;
    struct epoch_thread epoch;
    struct move move;
    uint32_t now_s;
    uint32_t stored_bytes; /* see engine_stored_bytes() */
    size_t removed;        /* see engine_removed() */
    int32_t index_delta;  /* entries not yet told to index_count() */
    counter_t stamped;    /* items given a generation: see begin_generation() */
    uint32_t coming_chunks; /* evicted since the last quiescent point */
    bool made_room;       /* something was evicted, and nothing allocated since */
    uint32_t fruitless_turns; /* since it last stored an item: see give_up_or_wait() */
    bool starved;             /* until engine_was_starved() is asked */
    uint8_t patience;         /* enum engine_patience */
    struct engine_counters counters CACHE_ALIGNED;
    struct engine_class_counters class_counters[SLAB_CLASSES_MAX + 1];
};

static inline struct item *
item_at(const struct engine *e, item_ref ref)
{
    return arena_ptr(&e->arena, ref);
}

/* The class that an item is counted in: the one that holds its value. */
static inline unsigned
item_class(const struct engine *e, const struct item *it)
{
    if (LIKELY(!item_is_chained(it)) || item_chain(it)->first == 0)
        return it->class_id;
    return item_at(e, item_chain(it)->first)->class_id;
}

/* Stored before the last flush. */
static inline bool
item_is_flushed(const struct engine *e, const struct item *it)
{
    uint16_t generation = atomic_load_explicit(&((struct engine *)e)->generation,
                                               memory_order_relaxed);
    return ((item_state(it) ^ generation) >> ITEM_GENERATION_SHIFT) != 0;
}

/* Without a unique it has none that anybody could expect. */
static inline bool
item_has_unique(const struct item *it, uint64_t expected)
{
    return (item_state(it) & ITEM_HAS_CAS) != 0 && item_cas(it) == expected;
}

/* Expired, or stored before the last flush. */
bool item_is_dead(const struct engine *e, const struct item *it, uint32_t now_s);
bool item_is_expired(const struct item *it, uint32_t now_s);

/* What the item takes, without its share of chunks: header, key, flags, value. */
uint64_t item_total_bytes(const struct item *it);

/* Why an item leaves the cache. */
enum leave {
    LEAVE_DELETED,
    LEAVE_REPLACED,
    LEAVE_EVICTED,
    LEAVE_EXPIRED, /* dead, and its memory was wanted */
    LEAVE_SWEPT,   /* dead, found by the sweep */
    LEAVE_MISSED,  /* dead, found by a look-up or a store of its key */
};

/* Takes 'it' out of the index, if it is still there, and retires it; true if it was. */
bool item_unlink(struct engine_thread *t, struct item *it, enum leave why);

/* The same, for who knows the hash of its key. */
bool item_unlink_hashed(struct engine_thread *t, struct item *it, uint64_t hash, enum leave why);

/* Sets the exptime; if the item is linked, under the lock of its bucket. */
void item_set_exptime(struct engine *e, struct item *it, uint32_t exptime_s);

/* Bookkeeping of an item that has just entered or left the index; the latter retires it. */
void item_entered(struct engine_thread *t, struct item *it);
void item_left(struct engine_thread *t, struct item *it, enum leave why);

static inline uint8_t
item_freq(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->hit, memory_order_relaxed) & ITEM_FREQ_MAX;
}

/* A use, as eviction knows it; with 'marks' of enum item_hit. */
static inline void
note_use(struct item *it, uint8_t marks)
{
    uint8_t hit = atomic_load_explicit(&it->hit, memory_order_relaxed);
    uint8_t freq = hit & ITEM_FREQ_MAX;
    uint8_t now = (uint8_t)((freq < ITEM_FREQ_MAX ? freq + 1 : freq) | (hit & ITEM_FETCHED) | marks);
    if (now != hit)
        atomic_store_explicit(&it->hit, now, memory_order_relaxed);
}

/* One hit less. */
static inline void
item_cool(struct item *it)
{
    uint8_t hit = atomic_load_explicit(&it->hit, memory_order_relaxed);
    if ((hit & ITEM_FREQ_MAX) != 0)
        atomic_store_explicit(&it->hit, (uint8_t)(hit - 1), memory_order_relaxed);
}

/* Somebody has read it. */
static inline void
note_hit(struct engine_thread *t, struct item *it)
{
    note_use(it, ITEM_FETCHED);
    if (item_atime(it) != t->now_s)
        atomic_store_explicit(&it->atime_s, t->now_s, memory_order_relaxed);
}

/* The end of item_left(), for an item that is out of the index but not out of the cache. */
void item_retire(struct engine_thread *t, struct item *it);

/* Gives the memory of an item back; nobody may hold it. */
void item_free(struct engine *e, item_ref ref);

/* A chunk for 'bytes' with this exptime, evicting ahead when memory runs low.  OK, AGAIN or NO_MEMORY. */
enum engine_status chunk_alloc(struct engine_thread *t, uint32_t bytes, uint32_t exptime_s,
                               item_ref *out) MUST_USE;

/* AGAIN while memory may come back from quiescent points or from other threads, then NO_MEMORY. */
enum engine_status give_up_or_wait(struct engine_thread *t, unsigned class_id) MUST_USE;

/* Finds a page for the index, which waits for one. */
void feed_index(struct engine_thread *t);

/* Begins the flush whose time has come. */
void flush_when_due(struct engine_thread *t);

/* sweep.c */

/* Looks at a few chunks, or passes over pages; returns how many, or 0 when the limbo is full.  '*ended':
 * all pages have been seen, by a sweep that began after the last flush. */
size_t sweep_step(struct engine *e, struct engine_thread *t, bool *ended) REQUIRES(e->flush_lock) MUST_USE;

/* evict.c */

/* The linked item that a chunk is, or is a piece of; NULL for free chunks, uploads and limbo.  The
 * caller holds the lock of the chunk's class. */
struct item *item_of_chunk(const struct engine *e, struct item *chunk);

/* Is 'it', about to be linked in place of 'old' (NULL: none), to be kept from the start?  If not,
 * evict_admit() must follow.  'is_use': the store shows that somebody wants the item. */
bool evict_keeps(struct engine_thread *t, uint64_t hash, struct item *it, const struct item *old,
                 bool is_use);

/* Puts an item that was just linked on probation. */
void evict_admit(struct engine_thread *t, struct item *it);

/* The item that has been on probation for longest; NULL: none, or the next few handles are not true. */
const struct item *evict_oldest_on_probation(const struct engine *e, struct slab_class *c)
    REQUIRES(c->lock);

/* Does the handle stand for an item on probation?  For tests: no other thread may use the engine. */
bool evict_handle_is_true(struct engine *e, unsigned class_id, item_ref handle, uint64_t number);

/* Most that evict_chunks() takes at once. */
#define EVICT_BATCH_MAX 16

/* Makes some of the class's chunks free, at the next quiescent point; false: none found. */
bool evict_chunks(struct engine_thread *t, unsigned class_id, unsigned chunks);

/* The same for the holder of the class's lock; returns how many it was, about. */
unsigned evict_batch(struct engine_thread *t, struct slab_class *c, unsigned chunks) REQUIRES(c->lock);

/* Removes the item, and remembers it if it was new; false: it is gone already. */
bool evict_item(struct engine_thread *t, struct item *it, uint64_t hash);

/* balance.c */

void balance_init(struct slabs *s, double size_bias);

/* How long it takes the class to fill itself once, in turns. */
double balance_age(const struct slabs *s, const struct slab_class *c) REQUIRES(c->lock);

/* Has the class evicted another page's worth?  Then balance() is to be called without the lock. */
bool balance_is_due(struct engine *e, struct slab_class *c) REQUIRES(c->lock);

/* Takes a page from a class whose items are kept longer than those of this one; false: there is none. */
bool balance(struct engine_thread *t, unsigned class_id);

/* Starts to empty a page of some class, for another class or (0) for others; false: none could be. */
bool evict_page(struct engine_thread *t, unsigned for_class_id);

/* The same for an operator. */
bool evict_page_asked_for(struct engine_thread *t);

/* move.c */

enum move_reason {
    MOVE_FOR_AGE,    /* to a class whose items are kept for a shorter time */
    MOVE_FOR_NEED,   /* to a class that had nothing to evict */
    MOVE_FOR_OTHERS, /* to the index or to the system */
    MOVE_ASKED_FOR,  /* by an operator; not without eviction, for something might be lost */
};

/* Starts to empty a page of this class; false: none can be. */
bool move_page_of(struct engine_thread *t, unsigned class_id, enum move_reason why);

/* Goes on with it; for engine_quiesce(). */
void move_on(struct engine_thread *t);

#endif

/* epoch.h - when memory that readers may still hold can be used again.
 *
 * Quiescent-state reclamation (McKenney and Slingwine's read-copy update, without its grace-period
 * thread).  A global number grows; each thread announces at its quiescent points the number that it
 * saw.  What a thread has unlinked goes into its limbo; at its next quiescent point the bag is closed
 * under a new number, and once every online thread has announced that number, nobody can hold any of
 * it.
 *
 *     limbo of one thread, a ring of item_refs:
 *
 *        | bag 17: a b c | bag 19: d e | open: f g     |          bag numbers only grow
 *        ^ head                                ^ tail
 *
 * Threads:   a struct epoch_thread is used by its own thread only; what others read of it is atomic.
 * Failure:   the limbo is bounded: epoch_limbo_room() says what still fits.
 */
#ifndef KETCH_ENGINE_EPOCH_H
#define KETCH_ENGINE_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "engine/item.h"

#define EPOCH_THREADS_MAX 512
#define EPOCH_BAGS_MAX    64 /* a power of two; when as many are closed, the youngest takes it all */

/* Entries of a limbo, a power of two: more than the chunks of any page (1 MiB / 48), so that a whole
 * page can be emptied at once. */
#define EPOCH_LIMBO_MAX (64u << 10)

struct epoch_bag {
    uint64_t number;
    uint32_t end; /* position in the ring behind its last entry */
};

struct epoch_slot {
    _Atomic uint64_t seen CACHE_ALIGNED; /* UINT64_MAX: offline, or nobody's */
    bool taken;                          /* under epoch.lock */
};

struct epoch_thread {
    struct epoch *epoch;
    struct epoch_slot *slot;
    item_ref *limbo;
    uint32_t head, tail, closed; /* positions, growing; [closed, tail) is the open bag */
    struct epoch_bag bags[EPOCH_BAGS_MAX];
    uint32_t bag_head, bag_tail;
};

struct epoch {
    _Atomic uint64_t number CACHE_ALIGNED;
    _Atomic uint32_t slots_used; /* slots from here on were never taken */
    struct mutex lock;           /* joining and leaving */
    struct epoch_slot slots[EPOCH_THREADS_MAX];
};

/* Called with items whose time has come, in the order in which they were retired. */
typedef void epoch_free_fn(void *context, const item_ref *refs, uint32_t count);

void epoch_init(struct epoch *e);
void epoch_fini(struct epoch *e);

/* False when too many threads have joined or memory is short. */
bool epoch_join(struct epoch *e, struct epoch_thread *t) MUST_USE;

/* The limbo must be empty: call epoch_quiesce() until epoch_limbo_count() is 0. */
void epoch_leave(struct epoch_thread *t);

void epoch_retire(struct epoch_thread *t, item_ref ref);
void epoch_quiesce(struct epoch_thread *t, epoch_free_fn *free_items, void *context);
void epoch_offline(struct epoch_thread *t);
void epoch_online(struct epoch_thread *t);

static inline uint32_t
epoch_limbo_count(const struct epoch_thread *t)
{
    return t->tail - t->head;
}

static inline uint32_t
epoch_limbo_room(const struct epoch_thread *t)
{
    return EPOCH_LIMBO_MAX - epoch_limbo_count(t);
}

#endif

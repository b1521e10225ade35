#include "engine/epoch.h"

#include <stdlib.h>

#include "base/check.h"

#define OFFLINE UINT64_MAX

void
epoch_init(struct epoch *e)
{
    memset(e, 0, sizeof *e);
    atomic_init(&e->number, 1);
    for (uint32_t i = 0; i < EPOCH_THREADS_MAX; i++)
        atomic_init(&e->slots[i].seen, OFFLINE);
    mutex_init(&e->lock);
}

void
epoch_fini(struct epoch *e)
{
    mutex_fini(&e->lock);
}

static struct epoch_slot *
take_slot(struct epoch *e)
{
    struct epoch_slot *slot = NULL;
    mutex_lock(&e->lock);
    for (uint32_t i = 0; i < EPOCH_THREADS_MAX && slot == NULL; i++) {
        if (e->slots[i].taken)
            continue;
        slot = &e->slots[i];
        slot->taken = true;
        if (i >= atomic_load_explicit(&e->slots_used, memory_order_relaxed))
            atomic_store_explicit(&e->slots_used, i + 1, memory_order_seq_cst);
    }
    mutex_unlock(&e->lock);
    return slot;
}

bool
epoch_join(struct epoch *e, struct epoch_thread *t)
{
    memset(t, 0, sizeof *t);
    t->epoch = e;
    t->limbo = malloc(EPOCH_LIMBO_MAX * sizeof *t->limbo);
    if (t->limbo == NULL)
        return false;
    t->slot = take_slot(e);
    if (t->slot == NULL) {
        free(t->limbo);
        return false;
    }
    epoch_online(t);
    return true;
}

void
epoch_leave(struct epoch_thread *t)
{
    CHECK(epoch_limbo_count(t) == 0);
    epoch_offline(t);
    mutex_lock(&t->epoch->lock);
    t->slot->taken = false;
    mutex_unlock(&t->epoch->lock);
    free(t->limbo);
}

void
epoch_retire(struct epoch_thread *t, item_ref ref)
{
    CHECK(epoch_limbo_room(t) > 0);
    t->limbo[t->tail++ % EPOCH_LIMBO_MAX] = ref;
}

static void
close_bag(struct epoch_thread *t)
{
    if (t->tail == t->closed)
        return;
    /* Pairs with the load in epoch_quiesce(): who sees the new number sees what we unlinked before. */
    uint64_t number =
        atomic_fetch_add_explicit(&t->epoch->number, 1, memory_order_seq_cst) + 1;
    if (t->bag_tail - t->bag_head == EPOCH_BAGS_MAX)
        t->bag_tail--;
    t->bags[t->bag_tail++ % EPOCH_BAGS_MAX] = (struct epoch_bag){number, t->tail};
    t->closed = t->tail;
}

/* The number that every online thread has announced. */
static uint64_t
announced_by_all(struct epoch *e)
{
    uint64_t least = OFFLINE;
    uint32_t slots = atomic_load_explicit(&e->slots_used, memory_order_seq_cst);
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t seen = atomic_load_explicit(&e->slots[i].seen, memory_order_seq_cst);
        least = seen < least ? seen : least;
    }
    return least;
}

static void
free_bags(struct epoch_thread *t, epoch_free_fn *free_items, void *context)
{
    uint64_t announced = announced_by_all(t->epoch);
    uint32_t end = t->head;
    while (t->bag_head != t->bag_tail && t->bags[t->bag_head % EPOCH_BAGS_MAX].number <= announced)
        end = t->bags[t->bag_head++ % EPOCH_BAGS_MAX].end;
    while (t->head != end) {
        uint32_t at = t->head % EPOCH_LIMBO_MAX, count = end - t->head;
        if (count > EPOCH_LIMBO_MAX - at)
            count = EPOCH_LIMBO_MAX - at; /* the rest is at the start of the ring */
        free_items(context, &t->limbo[at], count);
        t->head += count;
    }
}

void
epoch_quiesce(struct epoch_thread *t, epoch_free_fn *free_items, void *context)
{
    close_bag(t);
    uint64_t number = atomic_load_explicit(&t->epoch->number, memory_order_acquire);
    /* Release: what we read before is over for whoever sees this.  Not stored again while nothing has
     * changed, so that the line stays shared. */
    if (atomic_load_explicit(&t->slot->seen, memory_order_relaxed) != number)
        atomic_store_explicit(&t->slot->seen, number, memory_order_release);
    if (t->bag_head != t->bag_tail)
        free_bags(t, free_items, context);
}

void
epoch_offline(struct epoch_thread *t)
{
    close_bag(t);
    atomic_store_explicit(&t->slot->seen, OFFLINE, memory_order_release);
}

void
epoch_online(struct epoch_thread *t)
{
    uint64_t number = atomic_load_explicit(&t->epoch->number, memory_order_acquire);
    /* Our announcement must be visible before we read anything that might be unlinked: a full barrier
     * between this store and the loads that follow.  An exchange is one on x86. */
    atomic_exchange_explicit(&t->slot->seen, number, memory_order_seq_cst);
#if !defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

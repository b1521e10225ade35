/* balance.c - pages follow the workload: from the class whose items are kept longest to the one that
 * has to evict soonest.
 *
 * Each time a class has evicted a page's worth, the age of the page at its hand is compared with that of
 * other classes.  Age is counted in turns: one for every page that a hand has finished or a class has
 * got.  So pages move as fast as the workload does, and not as fast as the clock: value sizes may
 * change from one second to the next.
 */
#include "engine/state.h"

/* A donor's page must be this much older, in halves: whole pages are given up, hot items and all, and
 * should not wander to and fro. */
#define ADVANTAGE_HALVES 3

/* Pages that a class keeps whatever their age. */
#define PAGES_KEPT 1

/* Turns since the page that the hand judges next was last judged, or was new. */
static uint64_t
age_at_hand(const struct slabs *s, const struct slab_class *c)
{
    uint64_t now = atomic_load_explicit(&((struct slabs *)s)->turns, memory_order_relaxed);
    return now - s->pages[c->hand_page].judged_turn;
}

/* The class that has kept its items longest, if that is more than 'needed' turns, or 0. */
static unsigned
find_donor(struct slabs *s, unsigned for_class_id, uint64_t needed)
{
    unsigned best = 0;
    for (unsigned id = 1; id <= s->class_count; id++) {
        struct slab_class *c = slab_class(s, id);
        if (id == for_class_id)
            continue;
        mutex_lock(&c->lock);
        uint64_t age = c->page_count > PAGES_KEPT ? age_at_hand(s, c) : 0;
        mutex_unlock(&c->lock);
        if (age > needed) {
            best = id;
            needed = age;
        }
    }
    return best;
}

void
balance(struct engine_thread *t, unsigned class_id)
{
    struct slabs *s = &t->engine->slabs;
    struct slab_class *c = slab_class(s, class_id);
    mutex_lock(&c->lock);
    uint64_t age = c->page_count > 0 ? age_at_hand(s, c) : 0;
    mutex_unlock(&c->lock);
    unsigned donor = find_donor(s, class_id, age * ADVANTAGE_HALVES / 2);
    if (donor != 0)
        evict_page_of(t, donor);
}

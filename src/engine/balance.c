/* balance.c - pages follow the workload: from the class whose items are kept longest to the one
 * that has to evict soonest.
 *
 * The age of a class is how long it takes to fill itself once with new items: its pages times the
 * interval at which it fills one, by evicting a page's worth or by getting a page.  Time is counted
 * in such pages, of all classes: a clock that runs as fast as the workload, for value sizes may
 * change from one second to the next.  A class that evicts nothing for a while is older than its
 * last interval says, and so a class that is used no more gives pages soon.
 *
 *     time, in pages  0    1    2    3    4    5    6    7    8    9       now = 9
 *     class A         x         x         x         x         x            interval 2
 *     class B              x         x         x                           2, but 4 have passed
 *
 * Small items give more hits for their memory than large ones of the same age, so ages are
 * multiplied by the chunk size to the power of 'size_bias'.  Measured in simulation on 13 traces at
 * memory for a tenth of the objects: by 0.5, 1.7 % less misses than by 0, for 1.3 % more missed
 * bytes.  Measured since, misses and missed bytes as parts of memcached 1.6.18's at the same memory
 * (tools/replay-vs-memcached --ketchd-options "-o size_bias=N"), sizes from Meta's distribution, of which
 * a hundredth of the objects hold half the bytes:
 *
 *     size_bias               0             0.25          0.5           0.75          1
 *     arc-oltp, 10 %          0.806 0.950   0.779 1.028   0.770 1.089
 *     arc-oltp, 30 %          0.832 0.991   0.813 1.054   0.806 1.106   0.796 1.210   0.796 1.227
 *     scarab-recs, 30 %       0.792 0.969   0.761 1.069   0.754 1.109   0.750 1.156   0.748 1.313
 *     arc-oltp, 10 %, <= 32k  0.846 0.917                 0.824 0.980                 0.820 1.002
 *
 * 0.5 stays: beyond it each hit costs ever more bytes.  Whose origin suffers from bytes takes 0, with
 * less of both than memcached.
 *
 * A class of which most items have been hit since the hand passed is younger by that, down to a
 * tenth: what is old and in use is not for the taking, at least not as soon.
 *
 * One page moves at a time, each time a class has filled one; when the difference is great, a class
 * asks for a page before it evicts the next time, instead of afterwards.
 */
#include "engine/state.h"

#include <math.h>

/* A donor must be this much older.  Every move costs items that would have stayed: in replays of
 * three traces at a tenth of their bytes, 1.5 missed 0.5 % to 3 % more than 3. */
#define ADVANTAGE 3.0

/* With so much, the class gets a page instead of evicting. */
#define GREAT_ADVANTAGE 8.0

/* Times that such a class does not evict while its page is on its way: others may get hold of it.
 */
#define WAITS_MAX 8

/* By so much of its age a class is younger if all of it is in use: not by all, for it must be
 * looked at again to be found out of use. */
#define HEAT_SHARE 0.9

/* Pages that a class keeps whatever their age. */
#define PAGES_KEPT 1

void
balance_init(struct slabs *s, double size_bias)
{
    for (unsigned id = 1; id <= s->class_count; id++)
        s->classes[id].weight = pow(s->classes[id].chunk_bytes, size_bias);
}

double
balance_age(const struct slabs *s, const struct slab_class *c)
{
    double interval = c->interval, passed = (double)(slab_turn(s) - c->filled_turn);
    return c->page_count * (passed > interval ? passed : interval);
}

/* The age that counts. */
static double
weighted_age(const struct slabs *s, const struct slab_class *c) REQUIRES(c->lock)
{
    return balance_age(s, c) * c->weight * (1 - HEAT_SHARE * c->heat);
}

/* The class that has kept its items longest, if that is more than 'needed', or 0.  'tried' (NULL:
 * none) says which ones not to look at. */
static unsigned
find_donor(struct slabs *s, unsigned for_class_id, const bool *tried, double needed, double *age)
{
    unsigned best = 0;
    *age = needed;
    for (unsigned id = 1; id <= s->class_count; id++) {
        struct slab_class *c = slab_class(s, id);
        if (id == for_class_id || (tried != NULL && tried[id]))
            continue;
        mutex_lock(&c->lock);
        double of_class =
            c->page_count > PAGES_KEPT ? weighted_age(s, c) : (double)c->page_count - 1;
        mutex_unlock(&c->lock);
        if (of_class > *age) {
            best = id;
            *age = of_class;
        }
    }
    return best;
}

bool
balance_is_due(struct engine *e, struct slab_class *c)
{
    if (!e->config.evict || c->evicted < c->chunks_per_page)
        return false;
    c->evicted -= c->chunks_per_page;
    slab_note_filled(&e->slabs, c);
    return true;
}

bool
balance(struct engine_thread *t, unsigned class_id)
{
    struct slabs *s = &t->engine->slabs;
    struct slab_class *c = slab_class(s, class_id);
    mutex_lock(&c->lock);
    double own = weighted_age(s, c), age;
    mutex_unlock(&c->lock);
    unsigned donor = find_donor(s, class_id, NULL, own * ADVANTAGE, &age);
    bool moves = donor != 0 && move_page_of(t, donor, MOVE_FOR_AGE);
    if (moves && age > own * GREAT_ADVANTAGE) {
        mutex_lock(&c->lock);
        c->asks_first = true;
        c->waits = WAITS_MAX;
        mutex_unlock(&c->lock);
    }
    return moves;
}

/* The oldest class that can give a page. */
static bool
move_oldest(struct engine_thread *t, unsigned for_class_id, enum move_reason why)
{
    bool tried[SLAB_CLASSES_MAX + 1] = {false};
    unsigned id;
    double age;
    while ((id = find_donor(&t->engine->slabs, for_class_id, tried, -1, &age)) != 0) {
        if (move_page_of(t, id, why))
            return true;
        tried[id] = true;
    }
    return false;
}

bool
evict_page(struct engine_thread *t, unsigned for_class_id)
{
    return move_oldest(t, for_class_id, for_class_id != 0 ? MOVE_FOR_NEED : MOVE_FOR_OTHERS);
}

bool
evict_page_asked_for(struct engine_thread *t)
{
    return move_oldest(t, 0, MOVE_ASKED_FOR);
}

/* counters.h - what the engine counts.
 *
 * Threads: each thread that joined has its own; engine_count() adds them up.  Numbers of items and
 *          bytes are raised by whoever links and lowered by whoever unlinks: only the sum means
 *          anything.
 */
#ifndef KETCH_ENGINE_COUNTERS_H
#define KETCH_ENGINE_COUNTERS_H

#include "base/counter.h"

/* name, in the words of memcached's stats where it has them */
#define ENGINE_COUNTERS(X)                                                                         \
    X(total_items)                                                                                 \
    X(get_misses)                                                                                  \
    X(get_expired)                                                                                 \
    X(get_flushed)                                                                                 \
    X(touch_misses)                                                                                \
    X(delete_misses)                                                                               \
    X(incr_misses)                                                                                 \
    X(decr_misses)                                                                                 \
    X(cas_misses)                                                                                  \
    X(cmd_flush)                                                                                   \
    X(store_too_large)                                                                             \
    X(store_no_memory)                                                                             \
    X(pages_moved)                                                                                 \
    X(moves_for_age)     /* of these, by the reasons of enum move_reason */                        \
    X(moves_for_need)                                                                              \
    X(moves_for_others)                                                                            \
    X(sweeps)

/* Counted per size class. */
#define ENGINE_CLASS_COUNTERS(X)                                                                   \
    X(number)            /* items now: a gauge */                                                  \
    X(bytes)             /* of their headers, keys, flags and values: a gauge */                   \
    X(get_hits)                                                                                    \
    X(touch_hits)                                                                                  \
    X(delete_hits)                                                                                 \
    X(incr_hits)                                                                                   \
    X(decr_hits)                                                                                   \
    X(cas_hits)                                                                                    \
    X(cas_badval)                                                                                  \
    X(set_cmds)                                                                                    \
    X(evicted)                                                                                     \
    X(evicted_nonzero)   /* with an exptime */                                                     \
    X(evicted_unfetched)                                                                           \
    X(evicted_active)    /* hit since it was last judged */                                        \
    X(promoted)          /* kept after their probation */                                          \
    X(ghost_hits)        /* new items that were kept because they had been evicted too soon */     \
    X(rescued)           /* copied out of a page that was taken */                                 \
    X(second_chances)    /* hit since the hand last passed, and passed over */                     \
    X(reclaimed)         /* dead items that were found when memory was wanted */                   \
    X(crawler_reclaimed) /* dead items that the sweep found, */                                    \
    X(crawler_items_checked) /* and all that it looked at */                                       \
    X(expired_unfetched)                                                                           \
    X(outofmemory)

#define COUNTER_FIELD(name) counter_t name;
struct engine_counters {
    ENGINE_COUNTERS(COUNTER_FIELD)
};
struct engine_class_counters {
    ENGINE_CLASS_COUNTERS(COUNTER_FIELD)
};
#undef COUNTER_FIELD

#endif

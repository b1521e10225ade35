/* counter.h - numbers that one thread writes and any thread reads.
 *
 * A module keeps its counters in a struct of counter_t, one struct a thread, and exports a table of
 * their names; whoever shows them adds up the structs by walking the table.
 *
 * Threads: counter_add() and counter_sub() from the owning thread only; counter_get() from any.  All
 *          accesses are relaxed: a sum over threads is not a snapshot.  A counter that one thread
 *          raises and another lowers may wrap below zero by itself; the sum is right.
 */
#ifndef KETCH_BASE_COUNTER_H
#define KETCH_BASE_COUNTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t counter_t;

/* One row of a table of counters. */
struct counter_def {
    const char *name; /* as 'stats' shows it */
    size_t offset;    /* of the counter_t in its struct */
};

static inline uint64_t
counter_get(const counter_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void
counter_add(counter_t *c, uint64_t n)
{
    atomic_store_explicit(c, counter_get(c) + n, memory_order_relaxed);
}

static inline void
counter_sub(counter_t *c, uint64_t n)
{
    atomic_store_explicit(c, counter_get(c) - n, memory_order_relaxed);
}

#endif

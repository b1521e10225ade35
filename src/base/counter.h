/* counter.h - numbers that one thread writes and any thread reads.
 *
 * A module keeps its counters in a struct of nothing but counter_t, one struct a thread, made by a
 * macro that lists them; whoever shows them adds up the structs with counter_add_all().
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

/* Adds each counter of a struct of 'bytes' bytes to its like in 'sum', which is the caller's own. */
static inline void
counter_add_all(void *sum, const void *counters, size_t bytes)
{
    counter_t *to = sum;
    const counter_t *from = counters;
    for (size_t i = 0; i < bytes / sizeof *to; i++)
        counter_add(&to[i], counter_get(&from[i]));
}

#endif

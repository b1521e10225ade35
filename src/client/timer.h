/* timer.h - what is due when: a heap of moments.
 *
 * A timer is a member of what it belongs to.  The heap's room is made beforehand (timers_reserve), so
 * that setting a timer cannot fail in the middle of something.
 *
 * Threads:   the client's.
 * Ownership: the heap refers to timers, it does not own them.
 * Failure:   only timers_reserve().
 */
#ifndef KETCH_CLIENT_TIMER_H
#define KETCH_CLIENT_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/attr.h"

#define TIMER_NEVER INT64_MAX

struct timer;
typedef void (*timer_function)(struct timer *timer, int64_t now_us);

/* Zero, with its function, is a timer that is not set. */
struct timer {
    timer_function due; /* called when it is; the timer is not set any more then */
    int64_t at_us;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
    struct timer **heap; /* [1..count] */
    size_t count, capacity;
    size_t reserved; /* timers that exist, set or not */
};

/* Room for one more timer, set or not; given back by timers_release(). */
bool timers_reserve(struct timers *t) MUST_USE;
void timers_release(struct timers *t);

/* Sets, or moves. */
void timer_set(struct timers *t, struct timer *timer, int64_t at_us);
void timer_clear(struct timers *t, struct timer *timer);

static inline bool
timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* The next moment, or TIMER_NEVER. */
int64_t timers_next(const struct timers *t);

/* The first timer that is due, cleared; or NULL. */
struct timer *timers_pop(struct timers *t, int64_t now_us);

void timers_fini(struct timers *t);

#endif

/* clock.h - the server's clock: whole seconds, which only tests make go back.
 *
 * It starts at CLOCK_START_S and follows CLOCK_MONOTONIC, so that a change of the system's time makes
 * nothing expire.  Dates of the outside are translated by the date at the start.
 *
 * Threads: any; tests may shift the clock while others read it.  The fields are relaxed atomics, and
 *          clock_resume() changes two of them: for a moment others may see the time it would have been.
 */
#ifndef KETCH_BASE_CLOCK_H
#define KETCH_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_START_S 62 /* memcached's: an item's times are never 0 or 1 */

struct clock {
    int64_t zero_unix_s;      /* the date at which this clock would have shown 0 */
    int64_t zero_monotonic_s; /* CLOCK_MONOTONIC at that moment */
    _Atomic int64_t shift_s;  /* by tests */
    _Atomic int64_t paused_s; /* what the clock shows while it is paused; 0: it runs */
};

/* Starts the clock: it shows CLOCK_START_S. */
void clock_init(struct clock *c);

/* Seconds; cheap (no system call where the C library has none). */
uint32_t clock_now(const struct clock *c);

/* The date at which the clock shows 'now_s', in seconds since 1970. */
int64_t clock_to_unix(const struct clock *c, uint32_t now_s);

/* For tests: move the clock by 'seconds', also while it stands; stop it; let it run on from where it
 * stands.  It never shows less than CLOCK_START_S. */
void clock_shift(struct clock *c, int64_t seconds);
void clock_pause(struct clock *c);
void clock_resume(struct clock *c);

/* CLOCK_MONOTONIC in microseconds, for spans of time: it does not stand still for tests, and nobody can
 * put it back. */
uint64_t clock_monotonic_us(void);

/* The same in milliseconds, for shorter ones: it comes round after 49 days, and is never 0. */
uint32_t clock_monotonic_ms(void);

#endif

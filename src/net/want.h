/* want.h - a connection whose store finds no memory: how long it waits, and who gives up first.
 *
 *           nothing is free              some was found, or nothing more is to be stored
 *     o ------------------------> waits -------------------------------------------------> o
 *                                 |   |
 *             it keeps memory and |   | it keeps none, and has waited
 *             is told to give up  v   v while nobody had to give up any
 *                               refused: NO_MEMORY
 *
 * A wait is that of one store, or of one chunk of a large value: who gets what it waits for and asks
 * for more begins a new one.  Nobody is refused while others keep memory that they can be made to let
 * go of: first those who keep it without using it are closed, and when there are none left, uploads
 * that wait for each other give up one by one, whoever has kept memory for longest first.
 *
 * Threads:   none of its own; a want is its connection's, a relief may be read by any thread.
 * Ownership: nothing is allocated.
 * Failure:   none.
 */
#ifndef KETCH_NET_WANT_H
#define KETCH_NET_WANT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a store waits before it is refused, or before it may be told to give up what it keeps.  A
 * client's own timeout is seldom longer. */
#define WANT_MS         3000
#define WANT_HOLDING_MS 2000

/* However much others give up. */
#define WANT_MAX_MS 10000

/* Since nobody was closed for so long, nobody is left who keeps memory without using it: where there are
 * some, one is closed every few milliseconds, or tens of them on a busy machine. */
#define WANT_CLOSED_MS 100

/* All times are clock_monotonic_ms()'s. */
struct want {
    bool waits;
    bool gives_up; /* waits, and was told to */
    uint32_t since_ms;
};

/* When a worker last made somebody let go of memory. */
struct relief {
    _Atomic uint32_t closed_ms;  /* by closing who did not use it */
    _Atomic uint32_t gave_up_ms; /* by refusing who waited for more */
};

/* How long ago: the latest of some reliefs.  Starts as RELIEF_NEVER. */
struct relief_age {
    uint32_t closed_ms;
    uint32_t gave_up_ms;
};
#define RELIEF_NEVER ((struct relief_age){UINT32_MAX, UINT32_MAX})

/* The store went on until it found no memory.  'did_some': it, or another one, got something before. */
void want_begin(struct want *w, bool did_some, uint32_t now_ms);

/* It found what it wanted, or wants nothing more. */
static inline void
want_end(struct want *w)
{
    if (w->waits)
        *w = (struct want){0};
}

/* May who keeps memory be told to give up?  'age' is of the reliefs of all workers. */
bool want_may_give_up(const struct want *w, const struct relief_age *age, uint32_t now_ms);

/* Is the next try the last?  'holds': it keeps memory, and so is told when. */
bool want_is_over(const struct want *w, bool holds, const struct relief_age *age, uint32_t now_ms);

void relief_note_closed(struct relief *r, uint32_t now_ms);
void relief_note_gave_up(struct relief *r, uint32_t now_ms);

/* Makes 'age' the least of itself and the relief's. */
void relief_add_age(struct relief_age *age, const struct relief *r, uint32_t now_ms);

#endif

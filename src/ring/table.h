/* table.h - the points of a ring, and which of them a hash belongs to.
 *
 * Points are in order, each with the server that owns the hashes from the point before up to it.
 * Above them lies a table of slots by the top bits of a hash, several slots to a point, so that the
 * search begins where it mostly ends:
 *
 *     slots    |  0 |  0 |  1 |  1 |  1 |  2 |  4 | ...     by hash >> shift
 *                |         |              |    |
 *                v         v              v    v            the first point not below the slot
 *     points   [  at 0x19..  |  at 0x4f..  |  ..  |  .. ]
 *
 * A hash above the last point belongs to the first one.  Predecessor rings are turned into this form
 * when they are made.
 *
 * Threads:   table_find() of one table by any number of threads.
 * Failure:   table_init() may find no memory.
 */
#ifndef KETCH_RING_TABLE_H
#define KETCH_RING_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ring/attr.h"

struct point {
    uint32_t at;
    uint32_t server;
};

struct table {
    uint32_t last;           /* where the last point is */
    uint32_t shift;          /* of a hash, to its slot */
    const uint16_t *narrow;  /* slots, if there are few enough points, */
    const uint32_t *wide;    /* or these */
    const struct point *points;
    uint32_t count;          /* of points; 0: nothing can be found, and nobody may try */
};

/* Takes 'sorted' from sort_points(), high halves where the points are, low halves whose they are.  Of
 * points at the same place the first stays, or the last if 'last_wins'. */
bool table_init(struct table *t, const uint64_t *sorted, size_t count, bool last_wins,
                bool predecessor) MUST_USE;

void table_fini(struct table *t);

/* The first point at or above 'hash', which is not above the last, among those from 'from' on. */
const struct point *table_search(const struct table *t, const struct point *from, uint32_t hash);

/* How many of the hashes up to 'hash_max' belong to each server: parts[server] += its number. */
void table_parts(const struct table *t, uint32_t hash_max, uint64_t *parts);

/* The point that has this hash. */
static ALWAYS_INLINE const struct point *
table_find(const struct table *t, uint32_t hash)
{
    uint32_t h = hash > t->last ? 0 : hash;
    uint32_t slot = h >> t->shift;
    const struct point *p = t->points + (t->narrow != NULL ? t->narrow[slot] : t->wide[slot]);
    p += p->at < h; /* without a branch, as nobody can foretell it */
    if (UNLIKELY(p->at < h))
        p = table_search(t, p, h);
    return p;
}

/* Starts the loads of table_find(hash). */
static ALWAYS_INLINE void
table_prefetch(const struct table *t, uint32_t hash)
{
    uint32_t slot = hash > t->last ? 0 : hash >> t->shift;
    if (t->narrow != NULL)
        __builtin_prefetch(t->narrow + slot);
    else
        __builtin_prefetch(t->wide + slot);
}

#endif

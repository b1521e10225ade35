/* table.h - the points of a ring, and which of them a hash belongs to.
 *
 * Points are in order, each with the server that owns the hashes from the point before up to it.
 * Above them lies a table of slots by the top bits of a hash, one or two slots to a point, so that the
 * search begins close to where it ends:
 *
 *     slots    |  0 |  0 |  1 |  1 |  1 |  2 |  4 | ...     by hash >> shift
 *                |         |              |    |
 *                v         v              v    v            the first point not below the slot
 *     points   [  at 0x19..  |  at 0x4f..  |  ..  |  .. ]
 *
 * From there on as many points are skipped as are below the hash, four of them without a branch, since
 * no processor can foretell how many.  A hash above the last point belongs to the first one.
 *
 * Where the nearest point decides, the one before may turn out to be it.  Rings where the point before
 * decides are turned into the form above when they are made.
 *
 * Threads:   look-ups in one table by any number of threads.
 * Failure:   table_init() may find no memory.
 */
#ifndef KETCH_RING_TABLE_H
#define KETCH_RING_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ring/attr.h"

/* A point as one number, in whose order points are sorted: the place above, the server below. */
typedef uint64_t point;

static inline point
point_make(uint32_t at, uint32_t server)
{
    return (uint64_t)at << 32 | server;
}

static inline uint32_t
point_at(point p)
{
    return (uint32_t)(p >> 32);
}

static inline uint32_t
point_server(point p)
{
    return (uint32_t)p;
}

/* Points behind the last one, which are above every hash: look-ups read beyond the end.  And before the
 * first one there is the last once more. */
enum { TABLE_GUARDS = 4 };

/* Which hashes belong to a point: those up to it, those from it on, or those that are closest to it. */
enum table_rule { TABLE_UP_TO, TABLE_FROM, TABLE_NEAREST };

struct table {
    uint32_t last;          /* where the last point is */
    uint32_t shift;         /* of a hash, to its slot */
    bool nearest;           /* TABLE_NEAREST */
    const uint16_t *narrow; /* slots, if there are few enough points, */
    const uint32_t *wide;   /* or these */
    point *points;          /* and the guards */
    uint32_t count;         /* of points; 0: nothing can be found, and nobody may try */
};

/* Room for 'count' points that table_init() takes; NULL: no memory. */
point *table_room(size_t count);
void table_free_room(point *points);

/* Takes 'points' from table_room(), in the order of their places, those at one place in the order of the
 * servers: the first stays, or the last if 'last_wins'.  Frees them if it fails. */
bool table_init(struct table *t, point *points, size_t count, bool last_wins,
                enum table_rule rule) MUST_USE;

void table_fini(struct table *t);

/* The number of the first point at or above 'hash', which is not above the last, among those from
 * 'from' on. */
uint32_t table_search(const struct table *t, uint32_t from, uint32_t hash);

/* The hash where the k-th stretch that belongs to one server ends, and the server; the first begins at
 * 0.  k is at most 'count', and the last stretch ends at UINT32_MAX. */
uint32_t table_stretch(const struct table *t, uint32_t k, uint32_t *server);

/* How many of the hashes up to 'hash_max' belong to each server: parts[server] += its number. */
void table_parts(const struct table *t, uint32_t hash_max, uint64_t *parts);

/* The number of the point that has this hash. */
static ALWAYS_INLINE uint32_t
table_find(const struct table *t, uint32_t hash)
{
    uint32_t h = hash > t->last ? 0 : hash;
    uint32_t slot = h >> t->shift;
    uint32_t i = t->narrow != NULL ? t->narrow[slot] : t->wide[slot];
    const point *p = t->points + i, key = point_make(h, 0);
    i += (p[0] < key) + (p[1] < key) + (p[2] < key) + (p[3] < key);
    if (UNLIKELY(t->points[i] < key))
        return table_search(t, i, h);
    return i;
}

/* The server that has this hash. */
static ALWAYS_INLINE uint32_t
table_server(const struct table *t, uint32_t hash)
{
    const point *p = t->points + table_find(t, hash);
    if (t->nearest) /* distances are modulo 2^32, as the ring is */
        p -= hash - point_at(p[-1]) < point_at(p[0]) - hash;
    return point_server(*p);
}

/* Starts the first load of table_find(hash). */
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

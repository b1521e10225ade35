/* points.h - the points of one server, in the order in which its number counts them.
 *
 * A share by weight only says how many of them are used, so that a builder keeps what it has made:
 * when another server leaves and this one's share grows, a few more are made and none again.
 *
 * Threads:   a sequence belongs to one thread.
 * Failure:   points_extend() may find no memory, and leaves the sequence as it was.
 */
#ifndef KETCH_RING_POINTS_H
#define KETCH_RING_POINTS_H

#include <stdbool.h>
#include <stdint.h>
#include "ring/attr.h"
#include "ring/hasher.h"

/* How points are made of a server's name. */
struct point_rule {
    struct hasher hasher;
    uint32_t words; /* points of one hash: 4 or 1 of md5, 2 or 1 of xxh3, 1 of others */
    bool chain;     /* each is the CRC-32 of the name and the point before, and 'hasher' is not used */
    char separator; /* between the name and the number */
};

struct points {
    uint32_t *at;
    uint32_t count;
};

/* Makes the first 'count' of them, if they are not there yet. */
bool points_extend(struct points *points, const struct point_rule *rule, const char *name,
                   size_t name_bytes, uint32_t count) MUST_USE;

void points_fini(struct points *points);

static inline bool
point_rule_equal(const struct point_rule *a, const struct point_rule *b)
{
    return a->hasher.hash == b->hasher.hash && a->hasher.mask == b->hasher.mask &&
           a->hasher.least == b->hasher.least && a->words == b->words && a->chain == b->chain &&
           a->separator == b->separator;
}

#endif

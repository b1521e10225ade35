/* ring.h - the inside of a ring, for those who make, ask and compare it.
 *
 * Threads:   immutable but for the count of references, which is atomic.
 * Ownership: a ring owns its table, list and warnings, and shares the identities of servers.
 * Failure:   ring_create() may find no memory.
 */
#ifndef KETCH_RING_RING_H
#define KETCH_RING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "ketch/ring.h"
#include "ring/attr.h"
#include "ring/hasher.h"
#include "ring/identity.h"
#include "ring/list.h"
#include "ring/table.h"

struct ring_server {
    struct identity *identity; /* NULL: there is none of this id any more */
    uint32_t weight;
    uint32_t points;
    bool live;
    double share;
};

enum { RING_WARNINGS_MAX = 20, RING_WARNING_BYTES = 1024 };

struct ketch_ring {
    /* What a look-up reads. */
    struct table table;   /* for searches by points */
    struct hasher hasher; /* of keys */
    bool direct;          /* on points, and nothing is done to a key or to its hash */
    bool on_points;       /* the table is used, and not the list */
    bool empty;

    struct list list;
    struct ketch_ring_conf conf;
    struct ring_server *servers; /* by id */
    uint32_t server_count;
    char (*warnings)[RING_WARNING_BYTES];
    uint32_t warning_count, warnings_lost;
    atomic_uint refs;
};

/* A ring without servers, with room for those below 'server_count' and for its warnings.  NULL: no
 * memory. */
struct ketch_ring *ring_create(const struct ketch_ring_conf *conf, const struct hasher *hasher,
                               uint32_t server_count);

/* Adds a warning while there is room; the last one says how many there was no room for. */
void ring_warn(struct ketch_ring *ring, const char *format, ...) PRINTF(2, 3);

static inline bool
ring_search_is_on_points(enum ketch_ring_search search)
{
    return search == KETCH_SEARCH_SUCCESSOR || search == KETCH_SEARCH_PREDECESSOR ||
           search == KETCH_SEARCH_NEAREST;
}

#endif

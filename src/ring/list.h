/* list.h - servers in an order, for the ways of placing keys that know no points.
 *
 * Threads:   immutable once made.
 * Ownership: it owns its arrays, and nothing that it was made of.
 * Failure:   list_init() may find no memory.
 */
#ifndef KETCH_RING_LIST_H
#define KETCH_RING_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ketch/ring.h"
#include "ring/attr.h"
#include "ring/murmur.h"

/* A server that is to be in the list. */
struct list_entry {
    const char *hashed;
    size_t hashed_bytes;
    uint32_t id;
    uint32_t weight; /* how many times, for a remainder */
};

struct list {
    enum ketch_ring_search search;
    bool weighted;
    uint32_t count;
    uint32_t *ids;          /* by place in the list */
    uint32_t *weights;      /* by place, if they matter and a server is in the list once only */
    uint32_t weight_max;
    uint64_t *name_hashes;  /* by place, for KETCH_SEARCH_RENDEZVOUS_MIX */
    struct murmur3 *starts; /* by place, for KETCH_SEARCH_RENDEZVOUS: of "name-" */
    uint64_t seed;
};

/* A list for a search that is not on a ring.  May change the order of the entries. */
bool list_init(struct list *l, const struct ketch_ring_conf *conf, struct list_entry *entries,
               size_t count) MUST_USE;

void list_fini(struct list *l);

/* Up to 'max' different servers for a key, the owner first; returns how many.  'text' is the key as it
 * is hashed, and 'hash' its hash, which only a remainder is taken of. */
size_t list_walk(const struct list *l, struct ketch_bytes text, uint32_t hash, uint32_t *ids,
                 size_t max);

#endif

/* ghost.h - remembers keys that were evicted before anybody asked for them.
 *
 * 16 bits of a key's hash, for about half as many keys as there are items: who comes back while it is
 * remembered has been evicted too soon, and is kept longer the next time (evict.c).
 *
 *      one set, a cache line:   | newest | ... | ... |  32 fingerprints of 16 bits  | oldest |
 *
 * The hash chooses the set; a new fingerprint pushes the others on, and the oldest out.  So each set is
 * a queue of its own, with no cursor and no count.  32 fingerprints of 16 bits are mistaken for another
 * key's once in 2000 look-ups.  The sets grow in number by linear hashing, as the index does; what was
 * remembered for a key that has a new set now is forgotten.
 *
 * Threads: any, without a lock: words are relaxed atomics.  Two threads that add to a set at the same
 *          time may lose or double fingerprints; one item is kept for shorter or longer then.
 * Failure: without memory for more sets, those that are there remember for a shorter time.
 */
#ifndef KETCH_ENGINE_GHOST_H
#define KETCH_ENGINE_GHOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "engine/arena.h"

#define GHOST_SET_WORDS 8

/* Fingerprints are for half as many keys: measured in simulation, a whole one for each item saves 0.3 %
 * of the misses more, none at all costs 4 %. */
#define GHOST_ITEMS_PER_SET 64

struct ghost_set {
    _Atomic uint64_t words[GHOST_SET_WORDS]; /* four fingerprints each, the newest lowest; 0: empty */
} CACHE_ALIGNED;
_Static_assert(sizeof(struct ghost_set) == CACHE_LINE_BYTES, "a set is a cache line");

struct ghost {
    struct arena *arena;
    struct ghost_set *sets;
    _Atomic uint64_t set_count;
    struct mutex grow_lock; /* of the capacity; before the arena's */
    uint64_t capacity;      /* sets that have memory */
};

void ghost_init(struct ghost *g, struct arena *a);
void ghost_fini(struct ghost *g);

void ghost_add(struct ghost *g, uint64_t hash);
bool ghost_has(const struct ghost *g, uint64_t hash);

/* Starts the load that the others need. */
void ghost_prefetch(const struct ghost *g, uint64_t hash);

/* As many sets as 'items' need; they never become fewer. */
void ghost_grow(struct ghost *g, uint64_t items);

/* Bytes that are counted against the limit. */
uint64_t ghost_bytes(struct ghost *g);

#endif

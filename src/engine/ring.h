/* ring.h - first in, first out: the queue of a class's new items.
 *
 * Handles are references of chunks.  They are kept in small blocks, so that a queue takes no more memory
 * than it needs, and none is ever copied:
 *
 *     head                                        tail
 *     +---------------+     +---------------+     +---------------+
 *     | next, handles | --> | next, handles | --> | next, h h h . |     256 bytes each
 *     +---------------+     +---------------+     +---------------+
 *
 * Every handle has a number, which only grows: number % RING_BLOCK_HANDLES is its place in its block.
 * Nothing is taken out of the middle: whoever pops a handle has to see whether it is still true.
 *
 * Threads: a ring is its owner's, who locks it.  A store of blocks is for any number of rings and has a
 *          lock of its own, after any owner's and before the arena's.
 * Failure: ring_push() fails when there is no memory for a block.
 */
#ifndef KETCH_ENGINE_RING_H
#define KETCH_ENGINE_RING_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "engine/arena.h"

#define RING_BLOCK_HANDLES 63

struct ring_block {
    uint32_t next; /* 1 + number of the block; 0: none */
    item_ref handles[RING_BLOCK_HANDLES];
};
_Static_assert(sizeof(struct ring_block) == 256, "blocks fill pages");

struct ring_store {
    struct arena *arena;
    struct ring_block *blocks;
    struct mutex lock;  /* of all below */
    uint64_t capacity;  /* blocks that have memory */
    uint64_t fresh;     /* from here on never used */
    uint32_t free_head; /* 1 + number of a free one, a list through 'next' */
    uint64_t used;
};

struct ring {
    uint64_t head, tail;              /* numbers of the next handle to pop, and to push */
    uint32_t head_block, tail_block;  /* 1 + number; 0: none, and the ring is empty */
    uint64_t chunks;                  /* that the items behind the handles take in the class, about */
};

void ring_store_init(struct ring_store *s, struct arena *a);
void ring_store_fini(struct ring_store *s);

/* Bytes that are counted against the limit. */
uint64_t ring_store_bytes(struct ring_store *s);

/* 'chunks' is what the item takes. */
bool ring_push(struct ring_store *s, struct ring *r, item_ref handle, uint32_t chunks) MUST_USE;

/* The oldest handle; '*number' is the one it was pushed under.  0: the ring is empty. */
item_ref ring_pop(struct ring_store *s, struct ring *r, uint64_t *number);

/* The handle that will be popped after 'ahead' others, if that is easy to tell; else 0. */
item_ref ring_peek(const struct ring_store *s, const struct ring *r, unsigned ahead);

static inline uint64_t
ring_count(const struct ring *r)
{
    return r->tail - r->head;
}

#endif

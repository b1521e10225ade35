/* audit.h - looks at a whole engine and fails the test where its parts contradict each other.
 *
 * Checked are: the arena's page counts against the pages; each class's rings, lists and counts against
 * its pages, and these against their chunks; every entry of the index against its item, its bucket and
 * its class; every chain of chunks against its item; items on probation against the handles in their
 * class's ring; the counters against what is there.
 *
 * Threads: one; no other thread may be using the engine.
 */
#ifndef KETCH_T_ENGINE_AUDIT_H
#define KETCH_T_ENGINE_AUDIT_H

#include "engine/state.h"

struct audit {
    uint64_t items;          /* in the index */
    uint64_t item_bytes;     /* as the counter 'bytes' counts them */
    uint64_t bodies;         /* chunks of chained items in the index */
    uint64_t linked_chunks;  /* chunks by their state, over all pages */
    uint64_t limbo_chunks;
    uint64_t reserved_chunks;
    uint64_t body_chunks;
    uint32_t pages_in_class; /* pages by their state */
    uint32_t pages_draining;
    uint64_t on_probation;   /* items, but for those in draining pages */
    uint64_t handles;        /* in rings, that stand for an item on probation */
    uint64_t blocks;         /* of handles */
};

/* Everything that must always hold. */
void audit_engine(struct engine *e, struct audit *out);

/* The same, and that no item, upload or limbo is left: each page is the arena's again, but for at most
 * one empty page in each class. */
void audit_empty(struct engine *e);

#endif

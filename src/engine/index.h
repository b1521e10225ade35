/* index.h - finds an item by its key.
 *
 * An array of one-cache-line buckets; a full bucket chains to an overflow bucket:
 *
 *      4 bytes        4 bytes    9 x 2 bytes  2    9 x 4 bytes         = 64 bytes
 *     +--------------+----------+------------+---+-------------------+
 *     | version:31   | overflow | hash tags  |   | item references   |
 *     | lock:1       | link     |            |   | (0: empty)        |
 *     +--------------+----------+------------+---+-------------------+
 *
 * The array grows by linear hashing (Litwin 1980): bucket by bucket, the next one in turn is split
 * into itself and a new last one.  Nothing ever stops, and nothing is ever rebuilt.
 *
 * A reader looks for its tag, follows the reference, compares the key.  A hit is a hit.  After a miss
 * it looks again at the version and at the number of buckets: whoever moves an entry writes the copy,
 * raises the version, and only then clears the original, so a reader that could have missed a moving
 * entry sees another version, and starts again.
 *
 * Why 9 references and a link, not 10: with the link in the tenth reference, a reader could take a
 * link for an item while a bucket overflows for the first time.
 *
 * Threads:   index_find() takes no lock: call it between two quiescent points of your thread
 *            (epoch.h); what it returns is good until the next one.  Writers lock one bucket;
 *            index_grow() locks two, the second of which nobody else can reach yet.
 * Ownership: the index refers to items, it does not own them.
 * Failure:   growth that finds no memory is put off, and look-ups walk longer chains until it
 *            succeeds; INDEX_NO_MEMORY when not even an overflow bucket can be had.
 */
#ifndef KETCH_ENGINE_INDEX_H
#define KETCH_ENGINE_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/mutex.h"
#include "base/span.h"
#include "engine/arena.h"

#define INDEX_BUCKET_SLOTS 9

struct bucket {
    _Atomic uint32_t head; /* version << 1 | lock */
    _Atomic uint32_t link; /* 1 + number of the overflow bucket; 0: none */
    _Atomic uint64_t tags[2];  /* of slots 0 to 7, 16 bits each, the lowest first: compared 4 at a time */
    _Atomic uint16_t last_tag; /* of slot 8 */
    uint16_t pad;
    _Atomic item_ref refs[INDEX_BUCKET_SLOTS];
} CACHE_ALIGNED;
_Static_assert(sizeof(struct bucket) == CACHE_LINE_BYTES, "a bucket is a cache line");

struct index {
    struct arena *arena;
    struct bucket *buckets;
    struct bucket *overflow;
    uint64_t seed;
    _Atomic uint64_t bucket_count;
    _Atomic int64_t item_count;    /* as far as the threads have told: see index_count() */
    _Atomic bool hungry;           /* growth waits for a page */
    struct mutex grow_lock;        /* of bucket_capacity and of growing; rank: before any bucket */
    uint64_t bucket_capacity;      /* buckets that have memory */
    struct mutex overflow_lock;    /* of the overflow buckets below; rank: after any bucket */
    uint64_t overflow_capacity;
    uint64_t overflow_fresh;       /* from here on never used */
    uint32_t overflow_free;        /* 1 + number of a free one, a list through 'link' */
    uint64_t overflow_used;
};

enum index_status { INDEX_OK, INDEX_CHANGED, INDEX_NO_MEMORY };

/* False when the arena has not even the first page.  'seed' goes into hash_span(). */
bool index_init(struct index *ix, struct arena *a, uint64_t seed) MUST_USE;
void index_fini(struct index *ix);

/* The item stored under 'key', or 0.  'hash' is hash_span(key, seed). */
item_ref index_find(const struct index *ix, uint64_t hash, struct span key);

/* Start the loads that index_find(hash) will need: of the bucket; of the items that may match.  Or that
 * index_swap() will need, besides the bucket: of its first overflow bucket. */
void index_prefetch(const struct index *ix, uint64_t hash);
void index_prefetch_item(const struct index *ix, uint64_t hash);
void index_prefetch_overflow(const struct index *ix, uint64_t hash);

/* Puts 'new' where 'old' is.  old = 0: a new entry; new = 0: removes it.  INDEX_CHANGED if 'old' is no
 * longer there, or, with old = 0, if the key has an entry. */
enum index_status index_swap(struct index *ix, uint64_t hash, struct span key, item_ref old,
                             item_ref new) MUST_USE;

/* Called with the bucket locked. */
typedef void index_carry_fn(void *context, item_ref old, item_ref new);

/* As index_swap() of two items, with 'carry' called just before: what it takes over from 'old' cannot
 * change any more by index_update(). */
enum index_status index_swap_carrying(struct index *ix, uint64_t hash, item_ref old, item_ref new,
                                      index_carry_fn *carry, void *context) MUST_USE;

/* Calls update(context, ref, ref), if 'ref' is still there; false if not. */
bool index_update(struct index *ix, uint64_t hash, item_ref ref, index_carry_fn *update,
                  void *context) MUST_USE;

/* Says that 'delta' entries have come; few threads' small numbers may wait. */
void index_count(struct index *ix, int64_t delta);

/* How many there are, as far as told. */
uint64_t index_item_count(const struct index *ix);

/* Splits up to 'budget' buckets if the load asks for it. */
void index_grow(struct index *ix, unsigned budget);

/* Bytes of memory in buckets; of these, in overflow buckets that are in use. */
uint64_t index_bytes(struct index *ix, uint64_t *overflow_bytes);

/* The number of buckets; index_walk() shows the entries of one to 'visit'. */
uint64_t index_bucket_count(const struct index *ix);
typedef void index_visit_fn(void *context, item_ref ref);
void index_walk(struct index *ix, uint64_t bucket, index_visit_fn *visit, void *context);

#endif

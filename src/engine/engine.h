/* engine.h - the cache as a library: keys to items in a bounded memory.
 *
 * No sockets, no protocol words, no threads of its own and no clock of its own: every thread that uses
 * an engine joins it, says from time to time that it holds no item (engine_quiesce), and says then
 * what time it is.
 *
 *      engine_join
 *          |
 *          v    engine_quiesce(now)              engine_offline
 *       online  -- look up, reserve, commit -->  ... blocked ...  --> engine_online --> online
 *
 * An item found stays readable until the thread's next engine_quiesce() or engine_offline(), whatever
 * other threads do to its key.  Nothing else has to be given back.
 *
 * Time is in seconds of the engine's own clock, which starts at ENGINE_EPOCH_S; 'exptime' 0 is never.
 *
 * Threads:   a struct engine_thread belongs to the thread that joined.  Functions that take a struct
 *            engine may be called by any thread, except create and destroy.
 * Ownership: the engine owns all items.  An upload is the caller's until commit or abandon.
 * Failure:   enum engine_status; ENGINE_AGAIN means "no memory is free before the other threads and
 *            you have passed a quiescent point": finish what you hold, quiesce, call again.
 */
#ifndef KETCH_ENGINE_ENGINE_H
#define KETCH_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/attr.h"
#include "base/span.h"
#include "engine/item.h"

struct engine;
struct engine_thread;

#define ENGINE_EPOCH_S      62         /* the clock's first value, so that 1 is always in the past */
#define ENGINE_EXPIRED_S    1          /* an exptime that has passed at any time */
#define ENGINE_THREADS_MAX  512
#define ENGINE_LIMIT_MIN    (2u << 20) /* bytes */

struct engine_config {
    uint64_t limit_bytes;     /* all the memory of items, index and eviction; >= ENGINE_LIMIT_MIN */
    uint32_t item_bytes_max;  /* memcached's -I: see engine_item_fits(); 1 KiB .. 1 GiB */
    uint32_t page_bytes;      /* 0: chosen from limit_bytes; else a power of two, 64 KiB .. 1 MiB */
    double growth;            /* of chunk sizes, > 1; 0: chosen from the number of pages */
    uint32_t chunk_bytes_min; /* room for key, flags and value in the smallest chunk; 0: 24 */
    uint64_t hash_seed;
    bool cas;                 /* items carry a 64-bit cas unique, 8 bytes each */
    bool evict;               /* false: stores fail when memory is full */
    uint32_t promote_hits;    /* 0 .. 3: hits that a new item needs to be kept; 0: one */
    double size_bias;         /* 0 .. 1: how much longer small items are kept than large ones; balance.c */
    bool huge_pages;          /* ask for transparent huge pages */
    bool preallocate;         /* touch all memory at the start; the limit is then fixed */
    bool track_sizes;         /* keep the histogram that engine_sizes() shows */
};

enum engine_status {
    ENGINE_OK,
    ENGINE_NOT_FOUND,
    ENGINE_EXISTS,      /* the item has another cas unique */
    ENGINE_NOT_STORED,  /* add on an item, replace, append or prepend on none */
    ENGINE_TOO_LARGE,
    ENGINE_NO_MEMORY,
    ENGINE_NOT_NUMERIC, /* incr or decr of a value that is no decimal u64 */
    ENGINE_AGAIN,
};

/* Fills in the defaults: 64 MiB, 1 MiB items, cas, eviction. */
void engine_config_init(struct engine_config *c);

/* NULL with errno when memory cannot be reserved, EINVAL when 'c' is out of range. */
struct engine *engine_create(const struct engine_config *c) MUST_USE;

/* All threads must have left, and no upload may be open.  Accepts NULL. */
void engine_destroy(struct engine *e);

const struct engine_config *engine_config(const struct engine *e);

/* ---- threads ---- */

/* NULL when ENGINE_THREADS_MAX have joined or memory is short.  The thread starts online. */
struct engine_thread *engine_join(struct engine *e, uint32_t now_s) MUST_USE;
void engine_leave(struct engine_thread *t);

/* "I hold no item."  'now_s' is the time of everything until the next call. */
void engine_quiesce(struct engine_thread *t, uint32_t now_s);

/* Sets the time alone. */
void engine_set_now(struct engine_thread *t, uint32_t now_s);

/* Around anything that blocks: an online thread that does not quiesce holds back all freed memory. */
void engine_offline(struct engine_thread *t);
void engine_online(struct engine_thread *t, uint32_t now_s);

/* Is memory waiting for a quiescent point of others, or is a page being moved?  Then do not block for long:
 * call engine_quiesce() again soon, until nothing waits. */
bool engine_has_limbo(const struct engine_thread *t);

/* What becomes of a store when nothing can be evicted, because others have it in their hands: other threads,
 * or clients in the middle of an upload.  Without eviction it is refused at once, always. */
enum engine_patience {
    ENGINE_PATIENT_A_WHILE, /* the default: AGAIN, a thousand times since a store last succeeded; then refused */
    ENGINE_PATIENT,         /* AGAIN: the caller knows when to give up */
    ENGINE_IMPATIENT,       /* refused: NO_MEMORY; PATIENT again once some was found: of a large value, whose
                             * chunks are waited for one by one, only the one that was waited for is refused */
};
void engine_set_patience(struct engine_thread *t, enum engine_patience p);

/* Was memory asked for since the last call, and nothing found to evict for a while?  Then uploads and
 * pinned values hold all of it: let go of some. */
bool engine_was_starved(struct engine_thread *t);

uint32_t engine_now(const struct engine_thread *t);

/* ---- look-ups ---- */

uint64_t engine_hash(const struct engine *e, struct span key);

/* Start the loads that engine_get(hash) will need: the bucket; then, some time later, the item. */
void engine_prefetch_bucket(const struct engine *e, uint64_t hash);
void engine_prefetch_item(const struct engine *e, uint64_t hash);

/* The live item of 'key', or NULL.  Counts as a hit for eviction. */
const struct item *engine_get(struct engine_thread *t, uint64_t hash, struct span key);

/* engine_get() in two steps, for who wants to see the item as it was before: nothing is noted by the
 * first.  'it' is what it returned; without 'bump' the hit counts, but not for eviction. */
const struct item *engine_look(struct engine_thread *t, uint64_t hash, struct span key);
void engine_note_get(struct engine_thread *t, const struct item *it, bool bump);

/* As engine_get(), but nothing is counted or noted, ever. */
const struct item *engine_peek(struct engine_thread *t, uint64_t hash, struct span key);

/* Sets ITEM_TOKEN_SENT of an item that was found.  True: the caller is the one who did, all others are
 * told false.  False as well if the item is no longer there. */
bool engine_claim_token(struct engine_thread *t, uint64_t hash, const struct item *it);

/* Sets the exptime and returns the item, or NULL.  Expired exptimes return the item once. */
const struct item *engine_touch(struct engine_thread *t, uint64_t hash, struct span key,
                                uint32_t exptime_s);

/* engine_touch() in steps, behind an engine_look(): sets the exptime of what it returned (false: that is
 * no longer there), and counts, as engine_note_get() does. */
bool engine_set_exptime(struct engine_thread *t, uint64_t hash, const struct item *it,
                        uint32_t exptime_s) MUST_USE;
void engine_note_touch(struct engine_thread *t, const struct item *it, bool bump);

/* The item's value as iovecs, from byte 'offset' on: fills at most 'max' of them and returns how many;
 * '*bytes' is what they hold.  0 at the end of the value. */
int engine_value_iov(const struct engine *e, const struct item *it, uint32_t offset,
                     struct iovec *iov, int max, size_t *bytes);

/* A chunk of a chained value, so that who reads it piece by piece need not walk from its start each time.
 * All zero: the first. */
struct engine_place {
    uint32_t ref;
    uint32_t offset; /* of its first byte */
};

/* engine_value_iov() that starts to look for 'offset' at 'place', and leaves the chunk there that it found
 * it in.  An 'offset' before the place is found, too. */
int engine_value_iov_from(const struct engine *e, const struct item *it, struct engine_place *place,
                          uint32_t offset, struct iovec *iov, int max, size_t *bytes);

/* Keeps a chained item's memory (item_is_chained()) across quiescent points until it is unpinned. */
void engine_pin(struct engine_thread *t, const struct item *it);
void engine_unpin(struct engine_thread *t, const struct item *it);

/* ---- storing ---- */

enum engine_store {
    ENGINE_SET,
    ENGINE_ADD,
    ENGINE_REPLACE,
    ENGINE_APPEND,
    ENGINE_PREPEND,
    ENGINE_CAS, /* replace if the item has the expected unique */
};

/* A new item on its way in: fill it through engine_upload_space(), then commit or abandon it.  Its
 * memory is outside the index and survives quiescent points. */
struct upload {
    struct item *item;     /* NULL: no upload is open */
    uint32_t value_bytes;  /* the announced length */
    uint32_t filled_bytes; /* so far */
    uint32_t tail_ref;     /* last chunk of a chained value, 0: none yet */
    uint32_t tail_filled;  /* bytes of data in it */
};

/* memcached's rule for -I, counted with memcached's own item header so that the same values fit. */
bool engine_item_fits(const struct engine *e, size_t key_bytes, uint32_t client_flags,
                      uint32_t value_bytes);

/* Opens an upload: OK, TOO_LARGE, NO_MEMORY or AGAIN. */
enum engine_status engine_reserve(struct engine_thread *t, struct span key, uint32_t client_flags,
                                  uint32_t exptime_s, uint32_t value_bytes, struct upload *up) MUST_USE;

/* Where the next bytes of the value go; '*room' bytes, at least 1 unless the value is complete.
 * OK, NO_MEMORY or AGAIN (a chunk of a chained value is allocated when it is needed). */
enum engine_status engine_upload_space(struct engine_thread *t, struct upload *up, char **to,
                                       size_t *room) MUST_USE;
void engine_upload_filled(struct upload *up, size_t bytes);

/* How something is stored, or whether it is removed.  All zero is a plain set, or no condition. */
struct engine_rules {
    uint8_t how;        /* enum engine_store */
    bool compares;      /* only if the item there has the unique 'expected'; ENGINE_CAS always does */
    bool accepts_older; /* ... or, if 'expected' is below its unique, as a stale one: with the old exptime */
    bool creates;       /* append and prepend: on none, what was uploaded becomes the item */
    bool uncounted;     /* it is no storage command: cmd_set does not count it */
    uint16_t marks;     /* ITEM_MARKS of the new item */
    uint64_t expected;
    uint64_t cas_new;   /* the new item's unique; 0: the next */
};

/* Links the complete upload; '*cas' is its unique then.
 * OK, NOT_STORED, EXISTS, NOT_FOUND, TOO_LARGE (append), NO_MEMORY; the upload is then closed.
 * AGAIN: still open, call again after a quiescent point. */
enum engine_status engine_commit(struct engine_thread *t, uint64_t hash, struct upload *up,
                                 const struct engine_rules *rules, uint64_t *cas) MUST_USE;
void engine_abandon(struct engine_thread *t, struct upload *up);

/* How long the value is that the thread's last successful store made: with what it was appended to. */
uint32_t engine_stored_bytes(const struct engine_thread *t);

/* A whole value at once: reserve, fill, commit. */
enum engine_status engine_store(struct engine_thread *t, uint64_t hash, struct span key,
                                uint32_t client_flags, uint32_t exptime_s, struct span value,
                                const struct engine_rules *rules, uint64_t *cas) MUST_USE;

struct engine_arith {
    bool decr;                  /* else incr */
    bool compares;              /* only if the item has the unique 'expected', else EXISTS */
    bool creates;               /* on none, an item with the value 'initial', flags 0 */
    bool sets_exptime;          /* of an item that is there, to 'exptime_s' */
    uint16_t marks;             /* ITEM_MARKS of a created one */
    uint32_t exptime_s;
    uint32_t created_exptime_s;
    uint64_t delta, initial, expected;
    uint64_t cas_new;           /* the new unique; 0: the next */

    /* The answer, when OK: */
    bool created;
    uint64_t result;            /* the new value */
    uint64_t cas;
    uint32_t exptime_before_s;  /* of the item that was there */
    const struct item *item;    /* as found ones are */
};

/* Adds (wraps at 2^64) or subtracts (stops at 0).  OK, NOT_FOUND, EXISTS, NOT_NUMERIC, NO_MEMORY, AGAIN.
 * A shorter result is padded with spaces to the old length, as memcached does. */
enum engine_status engine_arith(struct engine_thread *t, uint64_t hash, struct span key,
                                struct engine_arith *a) MUST_USE;

struct engine_remake {
    bool compares;         /* only if the item has the unique 'expected', else EXISTS */
    bool marks_stale;      /* ITEM_STALE, and no token was sent yet */
    bool keeps_cas;        /* the unique stays; else it is 'cas_new' */
    bool drops_value;      /* an empty value, with 'client_flags' */
    bool sets_exptime;
    uint32_t exptime_s;
    uint32_t client_flags;
    uint64_t expected;
    uint64_t cas_new;      /* 0: the next */
};

/* Puts a changed copy of an item in its place; '*cas' is its unique then.  OK, NOT_FOUND, EXISTS,
 * NO_MEMORY, AGAIN. */
enum engine_status engine_remake(struct engine_thread *t, uint64_t hash, struct span key,
                                 const struct engine_remake *m, uint64_t *cas) MUST_USE;

/* OK, NOT_FOUND, EXISTS or AGAIN; of 'rules' (NULL: none), the comparison counts.  engine_forget() does
 * not count as a delete. */
enum engine_status engine_delete(struct engine_thread *t, uint64_t hash, struct span key,
                                 const struct engine_rules *rules) MUST_USE;
enum engine_status engine_forget(struct engine_thread *t, uint64_t hash, struct span key) MUST_USE;

/* ---- the cache as a whole ---- */

/* Makes everything stored before 'at_s' vanish at that moment; now, if it is not in the future.  The
 * last call counts.  OK or AGAIN. */
enum engine_status engine_flush(struct engine_thread *t, uint32_t at_s) MUST_USE;

/* Sets the memory limit; shrinking happens in engine_maintain().  False when out of bounds. */
bool engine_set_limit(struct engine *e, uint64_t bytes);

/* Empties a page of the class, or, with 0, of the one whose items are kept longest, for whoever needs it.
 * False: it has no page to spare, or nothing may be evicted. */
bool engine_give_up_page(struct engine_thread *t, unsigned class_id);

/* Background work: sweeps dead items, gives memory back.  'budget' bounds it, in items looked at.
 * Returns how many it looked at; less than the budget: a round has ended, nothing is left to do for now. */
size_t engine_maintain(struct engine_thread *t, size_t budget);

/* How many items the thread's last engine_maintain() removed. */
size_t engine_removed(const struct engine_thread *t);

/* Is more memory in use than the limit allows, for engine_maintain() to give back? */
bool engine_is_too_large(struct engine *e);

#endif

/* item.h - one cached item, and what its bytes mean.
 *
 *     0         4          8          12    13     14      16        24
 *     +---------+----------+----------+-----+------+-------+---------+-------------+-----+-------+
 *     | exptime | vlen:20  | atime    | hit | class| state | cas     | client flags| key | value |
 *     |         | queue:4  |          |     |      |       |         |             |     |       |
 *     | u32     | klen:8   | u32      | u8  | u8   | u16   | u64     | u32, or none|     |       |
 *     +---------+----------+----------+-----+------+-------+---------+-------------+-----+-------+
 *                                                          '-- absent with -C: 16 bytes
 *
 * The first 16 bytes are there in every chunk of the arena, so that a walk over a page can tell what
 * each one is.  No NUL after the key, no line end after the value.
 *
 * A value too large for one chunk is a chain: the item ends with a struct item_chain after the key,
 * and the data is in chunks of their own, each a struct item_body and its bytes.
 *
 * Threads: key, flags, value, cas and all marks but ITEM_TOKEN_SENT never change once the item is linked.
 *          exptime, atime, hit, state and enum item_queue do, and are atomics; the last only under the
 *          lock of the class that the item is counted in.
 */
#ifndef KETCH_ENGINE_ITEM_H
#define KETCH_ENGINE_ITEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

typedef uint32_t item_ref; /* offset in the arena >> shift; 0 is "none" */

enum item_state {
    ITEM_FREE = 0,     /* in its page's free list, or never used */
    ITEM_RESERVED = 1, /* being filled */
    ITEM_LINKED = 2,   /* in the index */
    ITEM_LIMBO = 3,    /* unlinked; readers may still hold it */
    ITEM_BODY = 4,     /* a piece of a chained value */
    ITEM_KIND = 7,     /* mask of the above */
    ITEM_HAS_FLAGS = 1 << 3,
    ITEM_HAS_CAS = 1 << 4,
    ITEM_CHAINED = 1 << 5,
    ITEM_LAYOUT = ITEM_HAS_FLAGS | ITEM_HAS_CAS | ITEM_CHAINED,
    ITEM_KEY_BINARY = 1 << 6,  /* clients write the key in base64 */
    ITEM_STALE = 1 << 7,       /* invalidated, and shown as such until it is replaced */
    ITEM_TOKEN_SENT = 1 << 8,  /* a client was told to make a new one */
    ITEM_MARKS = ITEM_KEY_BINARY | ITEM_STALE | ITEM_TOKEN_SENT,
    ITEM_GENERATION_SHIFT = 9, /* the high 7 bits: which flush it was stored after */
};

enum item_hit {
    ITEM_FREQ_MAX = 3,       /* the low two bits count hits, up to this */
    ITEM_FETCHED = 1 << 2,   /* was read since it was stored */
};

/* Four bits between the lengths: of a chunk's value 20 bits are enough, of a chain's none are used. */
enum item_queue {
    ITEM_VALUE_BYTES_MAX = (1 << 20) - 1,
    ITEM_PROBATION = 1 << 20,   /* a handle in its class's ring stands for it: see evict.c */
    ITEM_HANDLE_SHIFT = 21,     /* the low bits of the number of that handle */
    ITEM_HANDLE_MASK = 7,
    ITEM_QUEUE = ITEM_PROBATION | ITEM_HANDLE_MASK << ITEM_HANDLE_SHIFT,
};

struct item {
    _Atomic uint32_t exptime_s; /* 0: never */
    _Atomic uint32_t lengths;   /* vlen:20 | enum item_queue:4 | klen:8 */
    _Atomic uint32_t atime_s;   /* of the last store or hit */
    _Atomic uint8_t hit;        /* enum item_hit */
    _Atomic uint8_t class_id;   /* written while nobody should look; a walk over a page may all the same */
    _Atomic uint16_t state;     /* enum item_state */
};
_Static_assert(sizeof(struct item) == 16, "the header without cas is 16 bytes");

#define ITEM_PIN_ORPHAN (1u << 31) /* in item_chain.pins: nobody but the pins holds it */

struct item_chain {
    item_ref first;        /* the first struct item_body */
    uint32_t value_bytes;
    _Atomic uint32_t pins; /* readers that hold the chain across quiescent points */
};

struct item_body {
    _Atomic item_ref next;     /* 0: the last; the sweep may take it for an exptime, and look too soon */
    item_ref owner;            /* the item this is a piece of */
    uint32_t data_bytes;       /* in this chunk */
    _Atomic uint8_t hit;
    _Atomic uint8_t class_id;
    _Atomic uint16_t state;
    char data[];
};
_Static_assert(offsetof(struct item_body, next) == offsetof(struct item, exptime_s), "same place");
_Static_assert(sizeof(struct item_body) == 16, "a body chunk starts like an item");
_Static_assert(offsetof(struct item_body, state) == offsetof(struct item, state), "same place");
_Static_assert(offsetof(struct item_body, class_id) == offsetof(struct item, class_id), "same place");

/* Whoever may read the chain sees it: its item was linked after it was made. */
static inline item_ref
item_next_body(const struct item_body *body)
{
    return atomic_load_explicit(&((struct item_body *)body)->next, memory_order_relaxed);
}

static inline uint16_t
item_state(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->state, memory_order_acquire);
}

/* What the chunk is: ITEM_FREE .. ITEM_BODY. */
static inline enum item_state
item_kind(const struct item *chunk)
{
    return item_state(chunk) & ITEM_KIND;
}

static inline bool
item_is_chained(const struct item *it)
{
    return (item_state(it) & ITEM_CHAINED) != 0;
}

static inline uint32_t
item_lengths(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->lengths, memory_order_relaxed);
}

static inline size_t
item_key_bytes(const struct item *it)
{
    return item_lengths(it) >> 24;
}

/* New, and not yet asked for often enough to stay. */
static inline bool
item_is_on_probation(const struct item *it)
{
    return (item_lengths(it) & ITEM_PROBATION) != 0;
}

/* Where the variable part starts: cas, flags, key, value in this order. */
static inline size_t
item_key_offset(uint16_t state)
{
    return sizeof(struct item) + ((state & ITEM_HAS_CAS) ? 8 : 0) + ((state & ITEM_HAS_FLAGS) ? 4 : 0);
}

static inline const char *
item_key_at(const struct item *it, uint16_t state)
{
    return (const char *)it + item_key_offset(state);
}

static inline struct span
item_key(const struct item *it)
{
    return span_of(item_key_at(it, item_state(it)), item_key_bytes(it));
}

static inline struct item_chain *
item_chain(const struct item *it)
{
    size_t end = item_key_offset(item_state(it)) + item_key_bytes(it);
    return (struct item_chain *)((char *)it + ((end + 3) & ~(size_t)3));
}

/* Does a reader hold the chain across quiescent points? */
static inline bool
item_is_pinned(const struct item *it)
{
    uint32_t pins = atomic_load_explicit(&item_chain(it)->pins, memory_order_relaxed);
    return (pins & ~ITEM_PIN_ORPHAN) != 0;
}

static inline uint32_t
item_value_bytes(const struct item *it)
{
    return item_is_chained(it) ? item_chain(it)->value_bytes
                               : item_lengths(it) & ITEM_VALUE_BYTES_MAX;
}

/* The value of an item that is not chained. */
static inline const char *
item_value(const struct item *it)
{
    return item_key_at(it, item_state(it)) + item_key_bytes(it);
}

static inline uint64_t
item_cas(const struct item *it)
{
    uint64_t cas = 0;
    if (item_state(it) & ITEM_HAS_CAS)
        memcpy(&cas, (const char *)it + sizeof(struct item), sizeof cas);
    return cas;
}

static inline uint32_t
item_client_flags(const struct item *it)
{
    uint32_t flags = 0;
    uint16_t state = item_state(it);
    if (state & ITEM_HAS_FLAGS)
        memcpy(&flags, (const char *)it + item_key_offset(state) - sizeof flags, sizeof flags);
    return flags;
}

static inline uint32_t
item_exptime(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->exptime_s, memory_order_relaxed);
}

static inline uint32_t
item_atime(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->atime_s, memory_order_relaxed);
}

static inline bool
item_was_fetched(const struct item *it)
{
    return (atomic_load_explicit(&((struct item *)it)->hit, memory_order_relaxed) & ITEM_FETCHED) != 0;
}

#endif

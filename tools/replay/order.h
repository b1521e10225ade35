/* order.h - the requests of a replay, one after the other: copies of a trace, interleaved.
 *
 * Copy c of n has objects of its own and begins c/n of the trace later, so that n copies need n
 * times the memory and are not in step:
 *
 *      trace      0 1 2 3 4 5
 *      2 copies   0 3' 1 4' 2 5' 3 0' 4 1' 5 2'
 *
 * An object's number, of all copies, makes its key, its value and, unless the trace says one, its
 * size.
 *
 * Threads: one struct a thread.
 */
#ifndef KETCH_TOOLS_REPLAY_ORDER_H
#define KETCH_TOOLS_REPLAY_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/keyspace.h"
#include "load/sizes.h"
#include "replay/trace.h"

/* Of all copies together: each costs 4 bytes. */
#define ORDER_OBJECTS_MAX (1u << 30)

struct order {
    const struct trace *trace;       /* borrowed */
    const struct sizes *value_bytes; /* of objects without a size; borrowed */
    struct keyspace keys;
    uint32_t copies;
    uint32_t value_bytes_max; /* what is larger is cut */
    uint64_t count;           /* requests of all copies */
    uint32_t objects;         /* of all copies */
    uint64_t next;            /* request */
    uint32_t next_copy;
    size_t step; /* requests of each copy so far */
};

/* memcached takes more for a date, and no replay lasts so long. */
#define ORDER_TTL_S_MAX (30 * 24 * 60 * 60)

struct order_request {
    uint32_t number;
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t ttl_s; /* 0: for ever; ORDER_TTL_S_MAX at most */
};

/* Goes back to the first request. */
void order_rewind(struct order *o);

/* Writes the next request to *r and its key to 'key', which has room for KEY_BYTES_MAX.  False: no
 * more. */
bool order_next(struct order *o, struct order_request *r, char *key) MUST_USE;

/* What a whole order amounts to. */
struct order_sum {
    uint64_t requests;
    uint64_t objects;       /* that are asked for at all */
    uint64_t object_bytes;  /* keys and values of them, at their first sizes */
    uint64_t request_bytes; /* of all requests */
    uint64_t checksum;      /* the same for the same requests */
};

/* Walks through all of it, and back to the first request. */
void order_add_up(struct order *o, struct order_sum *sum);

#endif

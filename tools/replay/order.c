#include "replay/order.h"

#include <stdlib.h>
#include "base/hash.h"
#include "load/buffer.h"
#include "load/rng.h"

/* Keeps sizes apart from what else is drawn from an object's number. */
#define SIZE_SALT 0x7265706c6179u

void
order_rewind(struct order *o)
{
    o->next = 0;
    o->next_copy = 0;
    o->step = 0;
}

static const struct trace_request *
traced(const struct order *o)
{
    size_t count = o->trace->count;
    size_t at = (size_t)((uint64_t)o->next_copy * count / o->copies) + o->step;
    return &o->trace->requests[at < count ? at : at - count];
}

static uint32_t
value_bytes(const struct order *o, const struct trace_request *t, uint32_t number,
            uint32_t key_bytes)
{
    uint32_t bytes = t->bytes == 0 ? sizes_pick(o->value_bytes, rng_mix(number ^ SIZE_SALT))
                     : t->bytes > key_bytes ? t->bytes - key_bytes
                                            : 0;
    return bytes < o->value_bytes_max ? bytes : o->value_bytes_max;
}

static void
advance(struct order *o)
{
    o->next++;
    if (++o->next_copy < o->copies)
        return;
    o->next_copy = 0;
    if (++o->step == o->trace->count)
        o->step = 0;
}

bool
order_next(struct order *o, struct order_request *r, char *key)
{
    if (o->next == o->count)
        return false;
    const struct trace_request *t = traced(o);
    r->number = o->next_copy * o->trace->objects + t->object;
    r->key_bytes = (uint32_t)keyspace_write(&o->keys, r->number, key);
    r->value_bytes = value_bytes(o, t, r->number, r->key_bytes);
    r->ttl_s = t->ttl_s < ORDER_TTL_S_MAX ? t->ttl_s : ORDER_TTL_S_MAX;
    advance(o);
    return true;
}

void
order_add_up(struct order *o, struct order_sum *sum)
{
    bool *seen = buffer_alloc(o->objects, sizeof(*seen));
    struct order_request r;
    char key[KEY_BYTES_MAX];
    *sum = (struct order_sum){0};
    order_rewind(o);
    while (order_next(o, &r, key)) {
        uint64_t bytes = (uint64_t)r.key_bytes + r.value_bytes;
        sum->requests++;
        sum->request_bytes += bytes;
        sum->objects += !seen[r.number];
        sum->object_bytes += seen[r.number] ? 0 : bytes;
        seen[r.number] = true;
        sum->checksum =
            rng_mix(sum->checksum + hash_span(span_of(key, r.key_bytes), bytes)) + r.ttl_s;
    }
    free(seen);
    order_rewind(o);
}

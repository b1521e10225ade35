/* pool.h - pools of servers for the tests of rings. */
#ifndef KETCH_T_RING_POOL_H
#define KETCH_T_RING_POOL_H

#include <check.h>
#include <ketch/ring.h>
#include <stdio.h>

static inline struct ketch_ring_builder *
pool_create(const char *spec)
{
    struct ketch_ring_builder *b;
    char why[200] = "";
    enum ketch_status status = ketch_ring_builder_create(spec, &b, why, sizeof(why));
    ck_assert_msg(status == KETCH_OK, "%s: %s", spec, why);
    return b;
}

static inline uint32_t
pool_add(struct ketch_ring_builder *b, const char *host, uint16_t port, uint32_t weight)
{
    uint32_t id;
    struct ketch_server s = {.host = host, .port = port, .weight = weight};
    ck_assert_int_eq(ketch_ring_builder_add(b, &s, &id), KETCH_OK);
    return id;
}

/* Servers from 10.0.0.1 on, of weight 1. */
static inline struct ketch_ring_builder *
pool_of(const char *spec, unsigned count)
{
    struct ketch_ring_builder *b = pool_create(spec);
    for (unsigned i = 0; i < count; i++) {
        char host[32];
        snprintf(host, sizeof(host), "10.%u.%u.%u", i / 62500, i / 250 % 250, i % 250 + 1);
        ck_assert_uint_eq(pool_add(b, host, 11211, 1), i);
    }
    return b;
}

static inline struct ketch_ring *
pool_build(struct ketch_ring_builder *b)
{
    struct ketch_ring *ring;
    char why[200] = "";
    enum ketch_status status = ketch_ring_builder_build(b, &ring, why, sizeof(why));
    ck_assert_msg(status == KETCH_OK, "%s", why);
    return ring;
}

/* The ring of a builder that is not needed any more. */
static inline struct ketch_ring *
pool_finish(struct ketch_ring_builder *b)
{
    struct ketch_ring *ring = pool_build(b);
    ketch_ring_builder_destroy(b);
    return ring;
}

static inline uint32_t
pool_pick(const struct ketch_ring *ring, unsigned number)
{
    char key[32];
    int bytes = snprintf(key, sizeof(key), "user:%08u", number);
    return ketch_ring_pick(ring, key, (size_t)bytes);
}

static inline struct ketch_server_view
pool_view(const struct ketch_ring *ring, uint32_t id)
{
    struct ketch_server_view v;
    ck_assert_int_eq(ketch_ring_server(ring, id, &v), KETCH_OK);
    return v;
}

#endif

#include <stdio.h>
#include <stdlib.h>
#include "client/placement.h"

struct placement {
    struct ketch_ring_builder *builder;
    struct ketch_ring *ring;
};

static enum ketch_status
add(struct placement *p, const struct ketch_server *server, char *why, size_t why_bytes)
{
    enum ketch_status status = ketch_ring_builder_add(p->builder, server, NULL);
    if (status != KETCH_OK && why_bytes > 0)
        snprintf(why, why_bytes, "server %.64s: %s", server->host, ketch_status_text(status));
    return status;
}

static enum ketch_status
fill(struct placement *p, const char *spec, const struct ketch_server *servers, size_t count, char *why,
     size_t why_bytes)
{
    enum ketch_status status = ketch_ring_builder_create(spec, &p->builder, why, why_bytes);
    for (size_t i = 0; i < count && status == KETCH_OK; i++)
        status = add(p, &servers[i], why, why_bytes);
    if (status == KETCH_OK)
        status = ketch_ring_builder_build(p->builder, &p->ring, why, why_bytes);
    return status;
}

enum ketch_status
placement_create(const char *spec, const struct ketch_server *servers, size_t count,
                 struct placement **out, char *why, size_t why_bytes)
{
    struct placement *p = calloc(1, sizeof *p);
    if (p == NULL)
        return KETCH_NO_MEMORY;
    enum ketch_status status = fill(p, spec, servers, count, why, why_bytes);
    if (status != KETCH_OK) {
        placement_destroy(p);
        return status;
    }
    *out = p;
    return KETCH_OK;
}

void
placement_destroy(struct placement *p)
{
    if (p == NULL)
        return;
    ketch_ring_unref(p->ring);
    ketch_ring_builder_destroy(p->builder);
    free(p);
}

uint32_t
placement_pick(const struct placement *p, const void *key, size_t bytes)
{
    return ketch_ring_pick(p->ring, key, bytes);
}

void
placement_pick_many(const struct placement *p, const struct ketch_bytes *keys, size_t count,
                    uint32_t *ids)
{
    ketch_ring_pick_many(p->ring, keys, count, ids);
}

size_t
placement_walk(const struct placement *p, const void *key, size_t bytes, uint32_t *ids, size_t max)
{
    return ketch_ring_walk(p->ring, key, bytes, ids, max);
}

enum ketch_status
placement_set_live(struct placement *p, uint32_t id, bool live)
{
    struct ketch_ring *ring;
    enum ketch_status status = ketch_ring_builder_set_live(p->builder, id, live);
    if (status == KETCH_OK)
        status = ketch_ring_builder_build(p->builder, &ring, NULL, 0);
    if (status != KETCH_OK)
        return status;
    ketch_ring_unref(p->ring);
    p->ring = ring;
    return KETCH_OK;
}

#include <stdlib.h>
#include "client/placement.h"

/* Until there are rings: the key's hash modulo the number of servers. */
struct placement {
    size_t count;
    bool live[];
};

enum ketch_status
placement_create(const char *spec, const struct ketch_server *servers, size_t count,
                 struct placement **out, char *why, size_t why_bytes)
{
    (void)spec, (void)servers, (void)why, (void)why_bytes;
    struct placement *p = malloc(sizeof *p + count);
    if (p == NULL)
        return KETCH_NO_MEMORY;
    p->count = count;
    for (size_t i = 0; i < count; i++)
        p->live[i] = true;
    *out = p;
    return KETCH_OK;
}

void
placement_destroy(struct placement *p)
{
    free(p);
}

static uint32_t
hash(const void *key, size_t bytes)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ ((const unsigned char *)key)[i]) * 16777619u;
    return h;
}

size_t
placement_walk(const struct placement *p, const void *key, size_t bytes, uint32_t *ids, size_t max)
{
    size_t found = 0;
    for (size_t i = 0; i < p->count && found < max; i++) {
        size_t id = (hash(key, bytes) + i) % p->count;
        if (p->live[id])
            ids[found++] = (uint32_t)id;
    }
    return found;
}

uint32_t
placement_pick(const struct placement *p, const void *key, size_t bytes)
{
    uint32_t id;
    return placement_walk(p, key, bytes, &id, 1) == 1 ? id : KETCH_RING_NONE;
}

void
placement_pick_many(const struct placement *p, const struct ketch_bytes *keys, size_t count,
                    uint32_t *ids)
{
    for (size_t i = 0; i < count; i++)
        ids[i] = placement_pick(p, keys[i].p, keys[i].bytes);
}

enum ketch_status
placement_set_live(struct placement *p, uint32_t id, bool live)
{
    p->live[id] = live;
    return KETCH_OK;
}

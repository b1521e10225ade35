#include "ringbench/pool.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOST_BYTES = 24, KEY_ROOM = 24 };

static void
give_up(const char *why)
{
    fprintf(stderr, "ring-bench: %s\n", why);
    exit(EXIT_FAILURE);
}

void *
pool_memory(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (memory == NULL)
        give_up("out of memory");
    return memory;
}

struct ketch_server *
pool_create(uint32_t number, size_t count)
{
    struct ketch_server *servers = pool_memory(count, sizeof(*servers));
    for (size_t i = 0; i < count; i++) {
        char *host = pool_memory(1, HOST_BYTES);
        snprintf(host, HOST_BYTES, "10.%u.%u.%u", number & 255, (unsigned)(i / 250) & 255,
                 (unsigned)(i % 250) + 1);
        servers[i] = (struct ketch_server){.host = host, .port = 11311, .weight = 1};
    }
    return servers;
}

void
pool_destroy(struct ketch_server *servers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)servers[i].host);
    free(servers);
}

struct ketch_ring *
pool_ring(const char *spec, const struct ketch_server *servers, size_t count)
{
    struct ketch_ring_builder *b;
    struct ketch_ring *ring;
    char why[256];
    if (ketch_ring_builder_create(spec, &b, why, sizeof(why)) != KETCH_OK)
        give_up(why);
    for (size_t i = 0; i < count; i++)
        if (ketch_ring_builder_add(b, &servers[i], NULL) != KETCH_OK)
            give_up("a server cannot be added");
    if (ketch_ring_builder_build(b, &ring, why, sizeof(why)) != KETCH_OK)
        give_up(why);
    ketch_ring_builder_destroy(b);
    return ring;
}

struct ketch_bytes *
keys_create(size_t count)
{
    struct ketch_bytes *keys = pool_memory(count, sizeof(*keys) + KEY_ROOM);
    char *text = (char *)(keys + count);
    for (size_t i = 0; i < count; i++, text += KEY_ROOM) {
        int bytes = snprintf(text, KEY_ROOM, "user:%08u:profile", (unsigned)i);
        keys[i] = (struct ketch_bytes){text, (size_t)bytes};
    }
    return keys;
}

void
keys_destroy(struct ketch_bytes *keys)
{
    free(keys);
}

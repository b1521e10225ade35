#include "ringbench/peer.h"

#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>

struct peer {
    memcached_st *client;
    memcached_server_list_st servers;
};

static void
must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ring-bench: libmemcached: %s failed\n", what);
    exit(EXIT_FAILURE);
}

const char *
peer_name(void)
{
    return "libmemcached " LIBMEMCACHED_VERSION_STRING;
}

static memcached_st *
make_ring(memcached_server_list_st servers)
{
    memcached_st *client = memcached_create(NULL);
    must(client != NULL, "memcached_create");
    must(memcached_behavior_set(client, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1) == MEMCACHED_SUCCESS,
         "KETAMA_WEIGHTED");
    must(memcached_server_push(client, servers) == MEMCACHED_SUCCESS, "memcached_server_push");
    return client;
}

struct peer *
peer_create(const struct ketch_server *servers, size_t count)
{
    struct peer *p = calloc(1, sizeof(*p));
    must(p != NULL, "calloc");
    for (size_t i = 0; i < count; i++) {
        memcached_return_t status;
        p->servers = memcached_server_list_append_with_weight(p->servers, servers[i].host,
                                                              servers[i].port, 1, &status);
        must(status == MEMCACHED_SUCCESS, "memcached_server_list_append_with_weight");
    }
    p->client = make_ring(p->servers);
    return p;
}

void
peer_destroy(struct peer *p)
{
    memcached_free(p->client);
    memcached_server_list_free(p->servers);
    free(p);
}

uint32_t
peer_pick(struct peer *p, const void *key, size_t bytes)
{
    return memcached_generate_hash(p->client, key, bytes);
}

void
peer_rebuild(const struct peer *p)
{
    memcached_free(make_ring(p->servers));
}

#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include "clientbench/peer.h"

enum { KEYS_MAX = 4096 };

struct peer {
    memcached_st memc;
    memcached_result_st
        result; /* used again and again, which saves it an allocation for each value */
};

const char *
peer_name(void)
{
    return "libmemcached " LIBMEMCACHED_VERSION_STRING;
}

static void
must(memcached_return_t rc, const char *what)
{
    if (rc == MEMCACHED_SUCCESS)
        return;
    fprintf(stderr, "client-bench: libmemcached: %s: %s\n", what, memcached_strerror(NULL, rc));
    exit(1);
}

struct peer *
peer_create(const struct ketch_server *servers, size_t count, bool blocking)
{
    struct peer *p = calloc(1, sizeof *p);
    if (p == NULL || memcached_create(&p->memc) == NULL ||
        memcached_result_create(&p->memc, &p->result) == NULL)
        exit(1);
    must(memcached_behavior_set(&p->memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1), "ketama");
    must(memcached_behavior_set(&p->memc, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 0), "text");
    must(memcached_behavior_set(&p->memc, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1), "TCP_NODELAY");
    must(memcached_behavior_set(&p->memc, MEMCACHED_BEHAVIOR_NO_BLOCK, !blocking), "NO_BLOCK");
    for (size_t i = 0; i < count; i++)
        must(memcached_server_add_with_weight(&p->memc, servers[i].host, servers[i].port, 1),
             "server");
    return p;
}

void
peer_destroy(struct peer *p)
{
    if (p == NULL)
        return;
    memcached_result_free(&p->result);
    memcached_free(&p->memc);
    free(p);
}

size_t
peer_get(struct peer *p, const struct ketch_bytes *key)
{
    size_t bytes = 0;
    uint32_t flags;
    memcached_return_t rc;
    char *value = memcached_get(&p->memc, key->p, key->bytes, &bytes, &flags, &rc);
    must(rc, "get");
    free(value);
    return bytes;
}

size_t
peer_mget(struct peer *p, const struct ketch_bytes *keys, size_t count)
{
    const char *names[KEYS_MAX];
    size_t bytes[KEYS_MAX], sum = 0;
    memcached_return_t rc;
    if (count > KEYS_MAX)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        names[i] = keys[i].p;
        bytes[i] = keys[i].bytes;
    }
    must(memcached_mget(&p->memc, names, bytes, count), "mget");
    while (memcached_fetch_result(&p->memc, &p->result, &rc) != NULL)
        sum += memcached_result_length(&p->result);
    return sum;
}

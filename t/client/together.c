/* libketch and libmemcached linked to one program, and each finds what the other has stored. */
#include <ketch/poll.h>
#include <ketch/wait.h>
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "servers.h"

enum { KEYS = 200 };

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    printf("FAIL  %s\n", what);
    exit(1);
}

static struct ketch_client *
our_client(const struct servers *s)
{
    struct ketch_client_conf conf;
    struct ketch_client *client;
    ketch_client_conf_init(&conf);
    conf.servers = s->addresses;
    conf.server_count = s->count;
    conf.timeout_ms = conf.connect_timeout_ms = 20000;
    must(ketch_client_create(&conf, &client, NULL, 0) == KETCH_OK, "create");
    must(ketch_poll_attach(client) == KETCH_OK, "attach");
    return client;
}

static memcached_st *
their_client(const struct servers *s)
{
    memcached_st *memc = memcached_create(NULL);
    must(memc != NULL, "memcached_create");
    must(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1) == MEMCACHED_SUCCESS,
         "ketama");
    for (size_t i = 0; i < s->count; i++)
        must(memcached_server_add(memc, s->addresses[i].host, s->addresses[i].port) ==
                 MEMCACHED_SUCCESS,
             "memcached_server_add");
    return memc;
}

/* What one has stored the other finds: on three servers only if both place keys alike. */
static void
exchange(struct ketch_client *ours, memcached_st *theirs)
{
    struct ketch_reply reply = KETCH_REPLY_INIT;
    for (int i = 0; i < KEYS; i++) {
        char key[32], value[32];
        size_t key_bytes = (size_t)snprintf(key, sizeof key, "together:%d", i), bytes;
        size_t value_bytes = (size_t)snprintf(value, sizeof value, "value of %d", i);
        struct ketch_bytes k = {key, key_bytes};
        uint32_t flags;
        memcached_return_t rc;
        if (i % 2 == 0)
            must(ketch_set_wait(ours, k, ketch_string(value), NULL, NULL) == KETCH_OK, "our set");
        else
            must(memcached_set(theirs, key, key_bytes, value, value_bytes, 0, 0) ==
                     MEMCACHED_SUCCESS,
                 "their set");
        must(ketch_get_wait(ours, k, NULL, &reply) == KETCH_OK &&
                 strcmp(reply.result.value.p, value) == 0,
             "our get");
        char *got = memcached_get(theirs, key, key_bytes, &bytes, &flags, &rc);
        must(rc == MEMCACHED_SUCCESS && bytes == value_bytes && memcmp(got, value, bytes) == 0,
             "their get");
        free(got);
    }
    ketch_reply_free(&reply);
}

int
main(void)
{
    struct servers s;
    servers_start(&s, SERVER, 3);
    struct ketch_client *ours = our_client(&s);
    memcached_st *theirs = their_client(&s);
    exchange(ours, theirs);
    memcached_free(theirs);
    ketch_client_destroy(ours);
    servers_stop(&s);
    return 0;
}

/* Threads with a client each, and a ring that all of them use, take and give back. */
#include <ketch/poll.h>
#include <ketch/wait.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "servers.h"

enum { THREADS = 4, KEYS = 100, ROUNDS = 5, POOL = 3 };

struct shared {
    struct servers servers;
    struct ketch_ring *ring;
};

struct worker {
    pthread_t thread;
    unsigned number;
    const struct shared *shared;
    const char *complaint; /* NULL: none */
};

static const char *
ask(struct ketch_client *client, const struct ketch_ring *ring, unsigned number, unsigned i,
    struct ketch_reply *reply)
{
    char text[40];
    int n = snprintf(text, sizeof text, "thread %u key %u", number, i);
    struct ketch_bytes key = {text, (size_t)n};
    if (ketch_ring_pick(ring, key.p, key.bytes) != ketch_client_server_of(client, key))
        return "the ring and the client do not agree";
    if (ketch_set_wait(client, key, key, NULL, NULL) != KETCH_OK)
        return "set";
    if (ketch_get_wait(client, key, NULL, reply) != KETCH_OK ||
        strcmp(reply->result.value.p, text) != 0)
        return "get";
    return NULL;
}

static const char *
ask_often(struct ketch_client *client, const struct worker *w)
{
    struct ketch_reply reply = KETCH_REPLY_INIT;
    const char *complaint = NULL;
    for (unsigned i = 0; i < KEYS * ROUNDS && complaint == NULL; i++) {
        struct ketch_ring *ring = ketch_ring_ref(w->shared->ring);
        complaint = ask(client, ring, w->number, i % KEYS, &reply);
        ketch_ring_unref(ring);
    }
    ketch_reply_free(&reply);
    return complaint;
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct ketch_client_conf conf;
    struct ketch_client *client;
    ketch_client_conf_init(&conf);
    conf.servers = w->shared->servers.addresses;
    conf.server_count = POOL;
    conf.timeout_ms = conf.connect_timeout_ms = 20000;
    w->complaint = "a client cannot be made";
    if (ketch_client_create(&conf, &client, NULL, 0) != KETCH_OK)
        return NULL;
    if (ketch_poll_attach(client) == KETCH_OK)
        w->complaint = ask_often(client, w);
    ketch_client_destroy(client);
    return NULL;
}

static struct ketch_ring *
build_ring(const struct servers *s)
{
    struct ketch_ring_builder *b;
    struct ketch_ring *ring = NULL;
    if (ketch_ring_builder_create(NULL, &b, NULL, 0) != KETCH_OK)
        return NULL;
    for (size_t i = 0; i < POOL; i++)
        if (ketch_ring_builder_add(b, &s->addresses[i], NULL) != KETCH_OK)
            exit(1);
    if (ketch_ring_builder_build(b, &ring, NULL, 0) != KETCH_OK)
        exit(1);
    ketch_ring_builder_destroy(b);
    return ring;
}

int
main(void)
{
    struct shared shared;
    struct worker workers[THREADS];
    int failed = 0;
    servers_start(&shared.servers, SERVER, POOL);
    shared.ring = build_ring(&shared.servers);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i, .shared = &shared};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].complaint == NULL)
            continue;
        printf("FAIL  thread %u: %s\n", i, workers[i].complaint);
        failed = 1;
    }
    ketch_ring_unref(shared.ring);
    servers_stop(&shared.servers);
    return failed;
}

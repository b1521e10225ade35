/* What requests through libketch take, beside libmemcached in the same run and with the same
 * servers.
 *
 *     tools/client-bench [--keys N] [--value BYTES] [--rounds N] [--seconds S] HOST:PORT ...
 *
 * Both take turns; what is shown of each is the least and the median of its rounds, in microseconds
 * for each request: by the clock, and of the processor time of this process.  The servers are the
 * user's. */
#include <getopt.h>
#include <ketch/poll.h>
#include <ketch/wait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "clientbench/peer.h"

enum { KEYS_MAX = 4096, ROUNDS_MAX = 100, KEY_BYTES = 40 };

struct options {
    size_t keys, value_bytes;
    unsigned rounds;
    double seconds; /* of one round */
    struct ketch_server_list servers;
};

struct run {
    const char *name;
    size_t (*once)(void *client, const struct ketch_bytes *keys, size_t count);
    void *client;
    double wall_us[ROUNDS_MAX], cpu_us[ROUNDS_MAX];
};

static char key_text[KEYS_MAX][KEY_BYTES];
static struct ketch_bytes keys[KEYS_MAX];

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "client-bench: %s\n", what);
    exit(1);
}

static double
clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- ours ---- */

static void
on_key(void *arg, const struct ketch_result *r)
{
    size_t *sum = arg;
    *sum += r->value.bytes;
}

struct ours {
    struct ketch_client *client;
    struct ketch_reply reply;
    bool done;
    size_t sum;
};

static void
on_each(void *arg, const struct ketch_result *r)
{
    struct ours *o = arg;
    on_key(&o->sum, r);
}

static void
on_done(void *arg, const struct ketch_result *r)
{
    struct ours *o = arg;
    must(r->status == KETCH_OK, r->text);
    o->done = true;
}

static size_t
our_mget(void *client, const struct ketch_bytes *k, size_t count)
{
    struct ours *o = client;
    o->done = false;
    o->sum = 0;
    must(ketch_mget(o->client, k, count, NULL, on_each, on_done, o) == KETCH_OK, "mget");
    must(ketch_wait(o->client, &o->done) == KETCH_OK, "wait");
    return o->sum;
}

static size_t
our_get(void *client, const struct ketch_bytes *k, size_t count)
{
    struct ours *o = client;
    (void)count;
    must(ketch_get_wait(o->client, *k, NULL, &o->reply) == KETCH_OK, "get");
    return o->reply.result.value.bytes;
}

static void
our_create(struct ours *o, const struct options *options, enum ketch_protocol protocol)
{
    struct ketch_client_conf conf;
    char why[256] = "";
    ketch_client_conf_init(&conf);
    conf.servers = options->servers.servers;
    conf.server_count = options->servers.count;
    conf.protocol = protocol;
    *o = (struct ours){.client = NULL};
    must(ketch_client_create(&conf, &o->client, why, sizeof why) == KETCH_OK, why);
    must(ketch_poll_attach(o->client) == KETCH_OK, "poll");
}

static void
store_all(struct ours *o, const struct options *options)
{
    char *value = malloc(options->value_bytes + 1);
    must(value != NULL, "no memory");
    memset(value, 'v', options->value_bytes);
    for (size_t i = 0; i < options->keys; i++) {
        struct ketch_bytes v = {value, options->value_bytes};
        must(ketch_set_wait(o->client, keys[i], v, NULL, NULL) == KETCH_OK, "set");
    }
    free(value);
}

/* ---- theirs ---- */

static size_t
their_mget(void *client, const struct ketch_bytes *k, size_t count)
{
    return peer_mget(client, k, count);
}

static size_t
their_get(void *client, const struct ketch_bytes *k, size_t count)
{
    (void)count;
    return peer_get(client, k);
}

/* ---- rounds ---- */

static void
play(struct run *r, const struct options *o, unsigned round, bool many)
{
    double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID), now = wall;
    size_t n = 0, count = many ? o->keys : 1;
    for (; now - wall < o->seconds; now = clock_s(CLOCK_MONOTONIC))
        for (int i = 0; i < 50; i++, n++)
            must(r->once(r->client, many ? keys : &keys[n % o->keys], count) ==
                     count * o->value_bytes,
                 "a value is missing");
    r->wall_us[round] = 1e6 * (now - wall) / (double)n;
    r->cpu_us[round] = 1e6 * (clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)n;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
show(const char *what, struct run *runs, size_t count, const struct options *o, bool many)
{
    double wall = 0, cpu = 0;
    for (size_t i = 0; i < count; i++) /* connections, and both in the caches */
        (void)runs[i].once(runs[i].client, keys, many ? o->keys : 1);
    for (unsigned round = 0; round < o->rounds; round++)
        for (size_t i = 0; i < count; i++)
            play(&runs[i], o, round, many);
    printf("%-34s %22s %22s\n", what, "us by the clock", "us of processor");
    for (size_t i = 0; i < count; i++) {
        struct run *r = &runs[i];
        qsort(r->wall_us, o->rounds, sizeof *r->wall_us, by_size);
        qsort(r->cpu_us, o->rounds, sizeof *r->cpu_us, by_size);
        double w = r->wall_us[o->rounds / 2], c = r->cpu_us[o->rounds / 2];
        if (i == 0) {
            wall = w;
            cpu = c;
        }
        printf("  %-32s %8.1f %8.1f x%.2f %8.1f %8.1f x%.2f\n", r->name, r->wall_us[0], w, w / wall,
               r->cpu_us[0], c, c / cpu);
    }
}

/* ---- the whole ---- */

static void
read_options(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"keys", required_argument, NULL, 'k'},
        {"value", required_argument, NULL, 'v'},
        {"rounds", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    char list[4096] = "", why[256] = "";
    *o = (struct options){.keys = 100, .value_bytes = 100, .rounds = 9, .seconds = 0.3};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'k':
            o->keys = strtoul(optarg, NULL, 10);
            break;
        case 'v':
            o->value_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            o->rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        default:
            exit(2);
        }
    }
    must(o->keys > 0 && o->keys <= KEYS_MAX && o->rounds > 0 && o->rounds <= ROUNDS_MAX &&
             o->value_bytes < 1 << 20,
         "--keys, --rounds or --value is out of range");
    must(optind < argc, "which servers?  HOST:PORT ...");
    for (int i = optind; i < argc; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s\n", argv[i]);
    }
    must(ketch_server_list_parse(list, strlen(list), &o->servers, why, sizeof why) == KETCH_OK,
         why);
}

int
main(int argc, char **argv)
{
    struct options o;
    struct ours meta, text;
    read_options(&o, argc, argv);
    for (size_t i = 0; i < o.keys; i++) {
        int n = snprintf(key_text[i], KEY_BYTES, "client-bench:%08zu", i * 2654435761u % 100000000);
        keys[i] = ketch_bytes_of(key_text[i], (size_t)n);
    }
    our_create(&meta, &o, KETCH_PROTOCOL_META);
    our_create(&text, &o, KETCH_PROTOCOL_TEXT);
    store_all(&meta, &o);
    bool peer = peer_name() != NULL;
    struct peer *polling = peer ? peer_create(o.servers.servers, o.servers.count, false) : NULL;
    struct peer *blocking = peer ? peer_create(o.servers.servers, o.servers.count, true) : NULL;
    struct run gets[] = {
        {.name = "libmemcached, NO_BLOCK", .once = their_get, .client = polling},
        {.name = "libmemcached, blocking", .once = their_get, .client = blocking},
        {.name = "libketch, meta", .once = our_get, .client = &meta},
        {.name = "libketch, text", .once = our_get, .client = &text},
    };
    struct run mgets[] = {
        {.name = "libmemcached, NO_BLOCK", .once = their_mget, .client = polling},
        {.name = "libmemcached, blocking", .once = their_mget, .client = blocking},
        {.name = "libketch, meta", .once = our_mget, .client = &meta},
        {.name = "libketch, text", .once = our_mget, .client = &text},
    };
    printf("libketch beside %s: %zu servers, %u rounds of %.2f s, least, median and ratio of "
           "medians\n",
           peer ? peer_name() : "nothing (built without libmemcached)", o.servers.count, o.rounds,
           o.seconds);
    size_t skip = peer ? 0 : 2;
    char what[64];
    snprintf(what, sizeof what, "get of %zu bytes", o.value_bytes);
    show(what, gets + skip, 4 - skip, &o, false);
    snprintf(what, sizeof what, "multi-get of %zu x %zu bytes", o.keys, o.value_bytes);
    show(what, mgets + skip, 4 - skip, &o, true);
    peer_destroy(polling);
    peer_destroy(blocking);
    ketch_reply_free(&meta.reply);
    ketch_reply_free(&text.reply);
    ketch_client_destroy(meta.client);
    ketch_client_destroy(text.client);
    ketch_server_list_free(&o.servers);
    return 0;
}

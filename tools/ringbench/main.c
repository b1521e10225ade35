/* ring-bench: what it costs to find a key's server and to make a ring, beside libmemcached in the
 * same run.
 *
 *      ring-bench [--strict] [--spread]
 *
 * Both libraries go through the same keys, in rounds of 2 ms that alternate, and the best turn of 1,024
 * keys counts for each: on a busy machine it is the one that nobody disturbed.  Before, all keys must
 * have the same servers.  --strict ends with status 1 if a goal is missed; --spread also prints how
 * evenly rings spread keys, and how many move.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ringbench/peer.h"
#include "ringbench/pool.h"
#include "ringbench/spread.h"

enum {
    KEYS = 16384,
    TURN_KEYS = 1024,
    ROUNDS = 50,
    ROUND_NS = 2000000,
    BUILDS = 60,
    PEER_SERVERS_MAX = 100,
};

/* A pool as both libraries see it. */
struct pair {
    struct ketch_server *servers;
    size_t count;
    struct ketch_ring *weighted, *native;
    struct peer *peer; /* NULL: none, or it cannot have so many servers */
};

static struct ketch_bytes *keys;

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what is measured ---- */

/* Finds the servers of TURN_KEYS keys; the sum of their ids keeps it from being left out. */
typedef uint32_t turn_fn(const struct pair *p, const struct ketch_bytes *turn);

static uint32_t
turn_peer(const struct pair *p, const struct ketch_bytes *turn)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < TURN_KEYS; i++)
        sum += peer_pick(p->peer, turn[i].p, turn[i].bytes);
    return sum;
}

static uint32_t
turn_weighted(const struct pair *p, const struct ketch_bytes *turn)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < TURN_KEYS; i++)
        sum += ketch_ring_pick(p->weighted, turn[i].p, turn[i].bytes);
    return sum;
}

static uint32_t
turn_native(const struct pair *p, const struct ketch_bytes *turn)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < TURN_KEYS; i++)
        sum += ketch_ring_pick(p->native, turn[i].p, turn[i].bytes);
    return sum;
}

static uint32_t
turn_many(const struct ketch_ring *ring, const struct ketch_bytes *turn, size_t batch)
{
    uint32_t sum = 0, ids[TURN_KEYS];
    for (size_t i = 0; i < TURN_KEYS; i += batch) {
        ketch_ring_pick_many(ring, turn + i, batch, ids);
        sum += ids[0] + ids[batch - 1];
    }
    return sum;
}

static uint32_t
turn_weighted_16(const struct pair *p, const struct ketch_bytes *turn)
{
    return turn_many(p->weighted, turn, 16);
}

static uint32_t
turn_weighted_64(const struct pair *p, const struct ketch_bytes *turn)
{
    return turn_many(p->weighted, turn, 64);
}

static uint32_t
turn_native_64(const struct pair *p, const struct ketch_bytes *turn)
{
    return turn_many(p->native, turn, 64);
}

static const struct contest {
    const char *what;
    turn_fn *ours;
    double goal; /* at most this part of libmemcached's time; 0: none */
} contests[] = {
    {"one key, md5", turn_weighted, 0.55},
    {"16 keys, md5", turn_weighted_16, 0},
    {"64 keys, md5", turn_weighted_64, 0.20},
    {"one key, native", turn_native, 0.05},
    {"64 keys, native", turn_native_64, 0.05},
};

/* ---- measuring ---- */

static volatile uint32_t sink;

static double
least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

/* The best turn of a round: 'best', if that is less.  A round is as long for both libraries; its first
 * turns bring the ring into the caches. */
static double
best_turn_ns(turn_fn *turn, const struct pair *p, double best)
{
    uint64_t end = now_ns() + ROUND_NS, now;
    size_t first = 0;
    do {
        uint64_t start = now_ns();
        sink += turn(p, keys + first);
        now = now_ns();
        best = least(best, (double)(now - start) / TURN_KEYS);
        first = (first + TURN_KEYS) % KEYS;
    } while (now < end);
    return best;
}

/* Prints a line, and says whether the goal is met. */
static bool
report(const char *what, size_t servers, const char *unit, double ours, double theirs, double goal)
{
    printf("  %-22s %5zu servers %9.2f %s", what, servers, ours, unit);
    if (theirs == 0) {
        printf("\n");
        return true;
    }
    bool met = goal == 0 || ours <= goal * theirs;
    printf(" %10.2f %s   ratio %.3f", theirs, unit, ours / theirs);
    if (goal > 0)
        printf("   goal %.2f%s", goal, met ? "" : " missed");
    printf("\n");
    return met;
}

static bool
hold_contest(const struct contest *c, const struct pair *p)
{
    double ours = 0, theirs = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        ours = best_turn_ns(c->ours, p, ours);
        if (p->peer != NULL)
            theirs = best_turn_ns(turn_peer, p, theirs);
    }
    return report(c->what, p->count, "ns", ours, theirs, c->goal);
}

static bool
measure_builds(const struct pair *p, const char *spec, double goal)
{
    double ours = 0, theirs = 0;
    for (unsigned i = 0; i < BUILDS; i++) {
        uint64_t start = now_ns();
        ketch_ring_unref(pool_ring(spec, p->servers, p->count));
        ours = least(ours, (double)(now_ns() - start) / 1e6);
        if (p->peer == NULL)
            continue;
        start = now_ns();
        peer_rebuild(p->peer);
        theirs = least(theirs, (double)(now_ns() - start) / 1e6);
    }
    char what[64];
    snprintf(what, sizeof(what), "build, %s", strcmp(spec, "native") == 0 ? spec : "md5");
    return report(what, p->count, "ms", ours, theirs, goal);
}

/* ---- pools ---- */

static void
open_pair(struct pair *p, size_t count)
{
    p->servers = pool_create(0, count);
    p->count = count;
    p->weighted = pool_ring("libmemcached-weighted", p->servers, count);
    p->native = pool_ring("native", p->servers, count);
    p->peer = peer_name() != NULL && count <= PEER_SERVERS_MAX ? peer_create(p->servers, count) : NULL;
}

static void
close_pair(struct pair *p)
{
    ketch_ring_unref(p->weighted);
    ketch_ring_unref(p->native);
    if (p->peer != NULL)
        peer_destroy(p->peer);
    pool_destroy(p->servers, p->count);
}

/* Figures of different answers would compare nothing. */
static void
check_agreement(const struct pair *p)
{
    for (size_t i = 0; p->peer != NULL && i < KEYS; i++) {
        uint32_t many, one = ketch_ring_pick(p->weighted, keys[i].p, keys[i].bytes);
        ketch_ring_pick_many(p->weighted, &keys[i], 1, &many);
        if (one == peer_pick(p->peer, keys[i].p, keys[i].bytes) && one == many)
            continue;
        fprintf(stderr, "ring-bench: %.*s: libmemcached places it elsewhere\n", (int)keys[i].bytes,
                (const char *)keys[i].p);
        exit(EXIT_FAILURE);
    }
}

static bool
measure_pool(size_t count)
{
    struct pair p;
    bool good = true;
    open_pair(&p, count);
    check_agreement(&p);
    for (size_t i = 0; i < sizeof(contests) / sizeof(contests[0]); i++)
        good &= hold_contest(&contests[i], &p);
    good &= measure_builds(&p, "libmemcached-weighted", count == 100 ? 0.25 : 0);
    good &= measure_builds(&p, "native", 0);
    close_pair(&p);
    return good;
}

/* From nothing to a ring of 1,000 servers; libmemcached makes a ring for each of them. */
static bool
measure_thousand(void)
{
    enum { COUNT = 1000, GOAL_MS = 15 };
    struct ketch_server *servers = pool_create(1, COUNT);
    double best_ms = 0;
    for (unsigned i = 0; i < BUILDS / 4; i++) {
        uint64_t start = now_ns();
        ketch_ring_unref(pool_ring("libmemcached-weighted", servers, COUNT));
        best_ms = least(best_ms, (double)(now_ns() - start) / 1e6);
    }
    pool_destroy(servers, COUNT);
    printf("  adding %d servers at once: %.2f ms   goal %d%s\n", COUNT, best_ms, GOAL_MS,
           best_ms <= GOAL_MS ? "" : " missed");
    return best_ms <= GOAL_MS;
}

int
main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"strict", no_argument, NULL, 's'}, {"spread", no_argument, NULL, 'p'}, {0}};
    bool strict = false, spread = false, good = true;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == '?') {
            fprintf(stderr, "usage: ring-bench [--strict] [--spread]\n");
            return 2;
        }
        strict |= c == 's';
        spread |= c == 'p';
    }
    keys = keys_create(KEYS);
    printf("Ketch, and %s: the best turn of each\n",
           peer_name() != NULL ? peer_name() : "no libmemcached to compare with");
    static const size_t counts[] = {8, 100, 1000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        good &= measure_pool(counts[i]);
    good &= measure_thousand();
    if (spread)
        good &= spread_print();
    keys_destroy(keys);
    return strict && !good ? EXIT_FAILURE : EXIT_SUCCESS;
}

#include "ringbench/spread.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "ringbench/pool.h"

enum { RINGS = 100 }; /* the mean of so many pools: one more or less changes nothing */

static const char *const modes[] = {"libmemcached-weighted", "native"};

/* ---- balance ---- */

struct balance {
    double most;      /* share of the server that has the most, by the mean */
    double deviation; /* standard deviation of servers, by the mean */
};

/* Of the parts of the hash space, which keys come to if there are enough of them. */
static struct balance
measure_ring(const struct ketch_ring *ring, size_t count)
{
    double most = 0, squares = 0;
    for (uint32_t id = 0; id < count; id++) {
        struct ketch_server_view view;
        if (ketch_ring_server(ring, id, &view) != KETCH_OK)
            return (struct balance){NAN, NAN};
        double part = view.share * (double)count;
        most = fmax(most, part);
        squares += (part - 1) * (part - 1);
    }
    return (struct balance){most, sqrt(squares / (double)count)};
}

static struct balance
measure_balance(const char *mode, size_t count)
{
    struct balance mean = {0, 0};
    for (uint32_t number = 0; number < RINGS; number++) {
        struct ketch_server *servers = pool_create(number, count);
        struct ketch_ring *ring = pool_ring(mode, servers, count);
        struct balance b = measure_ring(ring, count);
        mean.most += b.most / RINGS;
        mean.deviation += b.deviation / RINGS;
        ketch_ring_unref(ring);
        pool_destroy(servers, count);
    }
    return mean;
}

static bool
print_balance(void)
{
    static const struct {
        size_t servers;
        double goal; /* of native, for the server that has the most */
    } sizes[] = {{8, 1.06}, {10, 1.06}, {100, 1.11}};
    bool good = true;
    printf("\nbalance, mean of %d pools\n", RINGS);
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < 3; i++) {
            struct balance b = measure_balance(modes[m], sizes[i].servers);
            bool native = m == 1, met = !native || b.most <= sizes[i].goal;
            printf("  %-22s %4zu servers   most/mean %.3f   deviation/mean %.3f", modes[m],
                   sizes[i].servers, b.most, b.deviation);
            printf(native ? "   goal %.2f %s\n" : "\n", sizes[i].goal, met ? "" : "missed");
            good &= met;
        }
    return good;
}

/* ---- movement ---- */

/* How a pool changes, and which share of keys must move. */
struct change {
    const char *what;
    void (*make)(struct ketch_server *servers, size_t *count);
    bool weighted; /* the servers have weights of 1..5 before */
};

static void
add_one(struct ketch_server *servers, size_t *count)
{
    (void)servers; /* the last one was left out until now */
    ++*count;
}

static void
remove_middle(struct ketch_server *servers, size_t *count)
{
    struct ketch_server gone = servers[*count / 2];
    for (size_t i = *count / 2; i + 1 < *count; i++)
        servers[i] = servers[i + 1];
    servers[--*count] = gone;
}

static void
raise_weight(struct ketch_server *servers, size_t *count)
{
    servers[*count / 2].weight++;
}

static const struct change changes[] = {
    {"a server joins", add_one, false},
    {"one in the middle leaves", remove_middle, false},
    {"a server joins, weights 1..5", add_one, true},
    {"a weight rises by 1", raise_weight, true},
};

static double
weight_of(const struct ketch_server *servers, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += servers[i].weight;
    return sum;
}

/* The share of keys that moves in a pool, and the least that can. */
static double
measure_move(const char *mode, const struct change *change, uint32_t number, size_t count,
             double *least)
{
    size_t all = count + 1, before = count, after = count;
    struct ketch_server *servers = pool_create(number, all);
    for (size_t i = 0; change->weighted && i < all; i++)
        servers[i].weight = 1 + (uint32_t)i % 5;
    double old_weight = weight_of(servers, before), old_middle = servers[count / 2].weight, moved;
    struct ketch_ring *a = pool_ring(mode, servers, before);
    change->make(servers, &after);
    double new_weight = weight_of(servers, after);
    struct ketch_ring *b = pool_ring(mode, servers, after);
    *least = fabs(new_weight - old_weight) / fmax(new_weight, old_weight);
    if (before == after) /* what the server in the middle has now, without what it had */
        *least = (old_middle + 1) / new_weight - old_middle / old_weight;
    if (ketch_ring_diff(a, b, &moved) != KETCH_OK)
        moved = NAN;
    ketch_ring_unref(a);
    ketch_ring_unref(b);
    pool_destroy(servers, all);
    return moved;
}

static void
print_movement(void)
{
    static const size_t sizes[] = {8, 10, 100};
    printf("\nkeys that move, mean of %d pools\n", RINGS);
    for (size_t c = 0; c < sizeof(changes) / sizeof(changes[0]); c++)
        for (size_t i = 0; i < 3; i++) {
            double moved[2] = {0, 0}, least = 0;
            for (size_t m = 0; m < 2; m++)
                for (uint32_t number = 0; number < RINGS; number++)
                    moved[m] += measure_move(modes[m], &changes[c], number, sizes[i], &least) / RINGS;
            printf("  %-30s %4zu servers   ketama %.4f   native %.4f   least possible %.4f\n",
                   changes[c].what, sizes[i], moved[0], moved[1], least);
        }
}

bool
spread_print(void)
{
    bool good = print_balance();
    print_movement();
    return good;
}

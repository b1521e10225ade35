/* engine-times: what the engine's background work costs, and how long it makes a store wait.
 *
 *      engine-times [ITEMS [VALUE_BYTES]]
 *      engine-times growth [ITEMS [VALUE_BYTES]]
 *      KETCH_HUGE_PAGES=1 and KETCH_PREALLOCATE=1 do what ketchd -L does, each a half
 *
 * Prints, for a cache that holds so many items (1 M of 100 bytes): what a round of the sweep costs that passes
 * over every page, that looks at every item, that removes every item; how long the longest stores took
 * while the index grew, while nothing else happened, and while another thread swept pages of their class.  Each store is measured in
 * time on the wall and in time of its thread on a core, page faults included: on a busy machine the first
 * says how long the thread was left waiting for a core.  Of the slowest stores it is also told how often the
 * thread lost its core and how many page faults it took: what is in neither is the engine's own.
 *
 * 'growth' stores the items into three new engines, one after the other, that hash alike, and prints of each
 * store the shortest of its three times: what the engine does, page faults of its memory among it, comes again at
 * the same store, and a lost core does not.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "bench/histogram.h"
#include "engine/state.h"

#define STEP_ITEMS 2048
#define TTL_S      100
#define LOOKS      7 /* the best of so many rounds counts */
#define SLOWEST    5 /* stores of which all is told */
#define GROWTHS    3 /* the shortest time of so many counts */

struct run {
    struct engine *e;
    struct engine_thread *t;
    uint64_t items;
    uint32_t value_bytes;
    char *value;
};

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t
cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- stores ---- */

static void
store(struct engine_thread *t, const struct run *r, uint64_t n, uint32_t exptime_s)
{
    char name[31];
    struct span key = span_of(name, (size_t)snprintf(name, sizeof name, "key-of-the-measure-%011llu",
                                                     (unsigned long long)n));
    struct engine_rules set = {.how = ENGINE_SET};
    enum engine_status status;
    uint64_t cas;
    while ((status = engine_store(t, engine_hash(r->e, key), key, 0, exptime_s,
                                  span_of(r->value, r->value_bytes), &set, &cas)) == ENGINE_AGAIN)
        engine_quiesce(t, engine_now(t));
    CHECK(status == ENGINE_OK);
    if (n % 32 == 0)
        engine_quiesce(t, engine_now(t));
}

/* What one store took, or the thread so far. */
struct took {
    uint64_t number; /* of the store */
    uint64_t wall_ns, cpu_ns;
    uint64_t faults, switches;
};

struct waits {
    struct histogram wall, cpu;
    struct took slowest[SLOWEST]; /* by the wall, the slowest first */
};

static struct took
taken_so_far(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return (struct took){.wall_ns = clock_ns(CLOCK_MONOTONIC),
                         .cpu_ns = cpu_ns(),
                         .faults = (uint64_t)u.ru_minflt,
                         .switches = (uint64_t)(u.ru_nvcsw + u.ru_nivcsw)};
}

static void
note_slowest(struct waits *w, struct took now)
{
    for (unsigned i = 0; i < SLOWEST; i++) {
        if (now.wall_ns <= w->slowest[i].wall_ns)
            continue;
        struct took before = w->slowest[i];
        w->slowest[i] = now;
        now = before;
    }
}

static void
store_measured(struct engine_thread *t, const struct run *r, uint64_t n, uint32_t exptime_s,
               struct waits *w)
{
    struct took start = taken_so_far();
    store(t, r, n, exptime_s);
    struct took end = taken_so_far();
    struct took took = {.number = n,
                        .wall_ns = end.wall_ns - start.wall_ns,
                        .cpu_ns = end.cpu_ns - start.cpu_ns,
                        .faults = end.faults - start.faults,
                        .switches = end.switches - start.switches};
    histogram_add(&w->cpu, took.cpu_ns, 1);
    histogram_add(&w->wall, took.wall_ns, 1);
    note_slowest(w, took);
}

static void
print_histogram(const char *what, const char *which, const struct histogram *h)
{
    printf("%-28s %-4s  p50 %6.2f us  p99.9 %8.2f us  p99.999 %8.2f us  longest %8.2f us  (%llu)\n", what, which,
           (double)histogram_percentile(h, 0.5) / 1e3, (double)histogram_percentile(h, 0.999) / 1e3,
           (double)histogram_percentile(h, 0.99999) / 1e3, (double)h->max / 1e3,
           (unsigned long long)h->count);
}

static void
print_waits(const char *what, const struct waits *w)
{
    print_histogram(what, "wall", &w->wall);
    print_histogram(what, "cpu", &w->cpu);
    for (unsigned i = 0; i < SLOWEST; i++) {
        const struct took *s = &w->slowest[i];
        printf("%-28s store %9llu: wall %8.2f us, cpu %8.2f us, %llu page faults, %llu switches\n", what,
               (unsigned long long)s->number, (double)s->wall_ns / 1e3, (double)s->cpu_ns / 1e3,
               (unsigned long long)s->faults, (unsigned long long)s->switches);
    }
}

static struct waits *
new_waits(void)
{
    struct waits *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    return w;
}

/* ---- rounds ---- */

/* A whole round; the time it took on the core, freeing included. */
static uint64_t
round_ns(struct run *r, uint32_t now_s)
{
    engine_quiesce(r->t, now_s);
    uint64_t start = cpu_ns();
    while (engine_maintain(r->t, STEP_ITEMS) >= STEP_ITEMS)
        engine_quiesce(r->t, now_s);
    engine_quiesce(r->t, now_s);
    engine_quiesce(r->t, now_s);
    return cpu_ns() - start;
}

static void
make_all_due(struct run *r)
{
    for (page_no no = 1; no < arena_pages_in_use(&r->e->arena); no++)
        atomic_store(&r->e->slabs.pages[no].due_s, 1);
}

static void
measure_rounds(struct run *r, uint32_t now_s)
{
    uint64_t pages = arena_pages_in_use(&r->e->arena) - 1;
    struct arena_usage usage;
    arena_usage(&r->e->arena, &usage);
    double gib = (double)usage.used_pages * (1u << r->e->arena.page_shift) / (1u << 30);
    round_ns(r, now_s);
    double pass = (double)round_ns(r, now_s);
    double look = 0;
    for (unsigned i = 0; i < LOOKS; i++) {
        make_all_due(r);
        double ns = (double)round_ns(r, now_s);
        look = look == 0 || ns < look ? ns : look;
    }
    double removal = (double)round_ns(r, now_s + TTL_S);
    double items = (double)r->items;
    printf("%-28s %8.2f ns a page, %8.3f ms for 10 GiB (%llu pages)\n", "round, nothing due", pass / (double)pages,
           pass / gib * 10 / 1e6, (unsigned long long)pages);
    printf("%-28s %8.2f ns an item, %8.1f ms for 10 GiB\n", "round, all looked at", look / items,
           look / gib * 10 / 1e6);
    printf("%-28s %8.2f ns an item, %8.1f ms for 10 GiB\n", "round, all removed", removal / items,
           removal / gib * 10 / 1e6);
}

/* ---- a thread that sweeps all the time ---- */

struct sweeper {
    struct run *r;
    _Atomic bool stop;
    bool removes;
};

static void *
sweep_on(void *context)
{
    struct sweeper *s = context;
    uint32_t now_s = ENGINE_EPOCH_S + 1;
    struct run own = *s->r;
    own.t = engine_join(own.e, now_s);
    CHECK(own.t != NULL);
    while (!s->stop) {
        if (!s->removes)
            make_all_due(&own);
        round_ns(&own, now_s++);
    }
    engine_leave(own.t);
    return NULL;
}

/* Overwrites every item once, with a thread that sweeps beside it. */
static void
measure_beside_sweep(struct run *r, bool removes, const char *what)
{
    struct sweeper s = {.r = r, .removes = removes};
    struct waits *w = new_waits();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sweep_on, &s) == 0);
    for (uint64_t n = 0; n < r->items; n++)
        store_measured(r->t, r, n, removes ? ENGINE_EXPIRED_S : 0, w);
    s.stop = true;
    engine_offline(r->t);
    CHECK(pthread_join(thread, NULL) == 0);
    engine_online(r->t, ENGINE_EPOCH_S);
    print_waits(what, w);
    free(w);
}

/* ---- an index that grows ---- */

static void
open_engine(struct run *r, const struct engine_config *c)
{
    r->e = engine_create(c);
    CHECK(r->e != NULL);
    r->t = engine_join(r->e, ENGINE_EPOCH_S);
    CHECK(r->t != NULL);
}

static void
close_engine(struct run *r)
{
    engine_leave(r->t);
    engine_destroy(r->e);
}

/* Lowers the shortest times to those of a new engine. */
static void
grow_once(struct run *r, const struct engine_config *c, uint32_t *least_ns)
{
    struct histogram *h = calloc(1, sizeof *h);
    CHECK(h != NULL);
    open_engine(r, c);
    for (uint64_t n = 0; n < r->items; n++) {
        uint64_t start = clock_ns(CLOCK_MONOTONIC);
        store(r->t, r, n, 0);
        uint64_t ns = clock_ns(CLOCK_MONOTONIC) - start;
        histogram_add(h, ns, 1);
        least_ns[n] = ns < least_ns[n] ? (uint32_t)ns : least_ns[n];
    }
    print_histogram("index growing", "wall", h);
    close_engine(r);
    free(h);
}

static void
measure_growth(struct run *r, const struct engine_config *c)
{
    uint32_t *least_ns = malloc(r->items * sizeof *least_ns);
    CHECK(least_ns != NULL);
    memset(least_ns, 0xff, r->items * sizeof *least_ns);
    for (unsigned i = 0; i < GROWTHS; i++)
        grow_once(r, c, least_ns);
    struct waits *w = new_waits();
    for (uint64_t n = 0; n < r->items; n++) {
        histogram_add(&w->wall, least_ns[n], 1);
        note_slowest(w, (struct took){.number = n, .wall_ns = least_ns[n]});
    }
    print_histogram("index growing, the shortest", "wall", &w->wall);
    for (unsigned i = 0; i < SLOWEST; i++)
        printf("%-28s store %9llu: %8.2f us\n", "index growing, the shortest", (unsigned long long)w->slowest[i].number,
               (double)w->slowest[i].wall_ns / 1e3);
    free(w);
    free(least_ns);
}

/* ---- the program ---- */

static void
measure_all(struct run *r, const struct engine_config *c)
{
    uint32_t now_s = ENGINE_EPOCH_S;
    open_engine(r, c);
    struct waits *w = new_waits();
    for (uint64_t n = 0; n < r->items; n++)
        store_measured(r->t, r, n, now_s + TTL_S, w);
    print_waits("stores, index growing", w);
    memset(w, 0, sizeof *w);
    for (uint64_t n = 0; n < r->items; n++)
        store_measured(r->t, r, n, now_s + TTL_S, w);
    print_waits("stores, nothing else", w);
    free(w);
    measure_rounds(r, now_s);
    for (uint64_t n = 0; n < r->items; n++)
        store(r->t, r, n, 0);
    measure_beside_sweep(r, false, "stores beside a sweep");
    measure_beside_sweep(r, true, "stores beside removals");
    close_engine(r);
}

int
main(int argc, char **argv)
{
    bool growth = argc > 1 && strcmp(argv[1], "growth") == 0;
    argc -= growth;
    argv += growth;
    struct run r = {.items = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
                    .value_bytes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100};
    struct engine_config c;
    engine_config_init(&c);
    c.limit_bytes = r.items * (r.value_bytes + 100) + (64u << 20);
    c.huge_pages = getenv("KETCH_HUGE_PAGES") != NULL;
    c.preallocate = getenv("KETCH_PREALLOCATE") != NULL;
    r.value = calloc(1, r.value_bytes + 1);
    CHECK(r.value != NULL && r.items > 0);
    if (growth)
        measure_growth(&r, &c);
    else
        measure_all(&r, &c);
    free(r.value);
    return 0;
}

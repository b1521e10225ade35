/* How long placing keys and making rings takes, beside libmemcached's time in the same run.
 *
 *     tools/ring-times
 *
 * libmemcached is looked for when the program runs (Debian: libmemcached11), and only our times are
 * shown if it is not there.  Each figure is the least of several rounds, in which both take turns. */
#include <dlfcn.h>
#include <ketch/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 8192, KEY_BYTES = 32, ROUNDS = 25, BATCH = 64, LIBMEMCACHED_SERVERS_MAX = 100 };

/* What is used of libmemcached, by the numbers of its header (memcached_behavior_t). */
enum { BEHAVIOR_KETAMA_WEIGHTED = 16 };

struct libmemcached {
    void *(*create)(void *);
    void (*destroy)(void *);
    int (*server_add)(void *, const char *host, uint16_t port);
    int (*behavior_set)(void *, int behavior, uint64_t value);
    uint32_t (*generate_hash)(const void *, const char *key, size_t bytes);
};

static char key_text[KEYS][KEY_BYTES];
static struct ketch_bytes keys[KEYS];

static double
now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others on the machine do not count */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
must(enum ketch_status status, const char *what)
{
    if (status == KETCH_OK)
        return;
    fprintf(stderr, "ring-times: %s: %s\n", what, ketch_status_text(status));
    exit(1);
}

static struct ketch_ring_builder *
pool(const char *spec, unsigned servers)
{
    struct ketch_ring_builder *b;
    must(ketch_ring_builder_create(spec, &b, NULL, 0), spec);
    for (unsigned i = 0; i < servers; i++) {
        char host[32];
        snprintf(host, sizeof(host), "10.0.%u.%u", i / 250, i % 250 + 1);
        must(ketch_ring_builder_add(b, &(struct ketch_server){.host = host, .port = 11211}, NULL),
             "add");
    }
    return b;
}

static struct ketch_ring *
build(struct ketch_ring_builder *b)
{
    struct ketch_ring *ring;
    must(ketch_ring_builder_build(b, &ring, NULL, 0), "build");
    return ring;
}

/* ---- what is measured; each returns seconds ---- */

static uint32_t sink; /* so that nothing is left out */

static double
time_theirs(const struct libmemcached *lib, void *memc)
{
    double start = now_s();
    for (unsigned i = 0; i < KEYS; i++)
        sink += lib->generate_hash(memc, keys[i].p, keys[i].bytes);
    return now_s() - start;
}

static double
time_one_by_one(const struct ketch_ring *ring)
{
    double start = now_s();
    for (unsigned i = 0; i < KEYS; i++)
        sink += ketch_ring_pick(ring, keys[i].p, keys[i].bytes);
    return now_s() - start;
}

static double
time_batches(const struct ketch_ring *ring)
{
    uint32_t ids[BATCH];
    double start = now_s();
    for (unsigned i = 0; i < KEYS; i += BATCH) {
        ketch_ring_pick_many(ring, keys + i, BATCH, ids);
        sink += ids[0];
    }
    return now_s() - start;
}

static double
time_build(const char *spec, unsigned servers)
{
    double start = now_s();
    struct ketch_ring_builder *b = pool(spec, servers);
    struct ketch_ring *ring = build(b);
    double s = now_s() - start;
    ketch_ring_unref(ring);
    ketch_ring_builder_destroy(b);
    return s;
}

/* Setting this again makes the whole ring again. */
static double
time_their_build(const struct libmemcached *lib, void *memc)
{
    double start = now_s();
    lib->behavior_set(memc, BEHAVIOR_KETAMA_WEIGHTED, 1);
    return now_s() - start;
}

/* A server leaves and comes back. */
static double
time_eject(struct ketch_ring_builder *b, uint32_t id)
{
    double start = now_s();
    must(ketch_ring_builder_set_live(b, id, false), "eject");
    struct ketch_ring *ring = build(b);
    double s = now_s() - start;
    ketch_ring_unref(ring);
    must(ketch_ring_builder_set_live(b, id, true), "bring back");
    return s;
}

/* ---- figures ---- */

static void
least(double *best, double s)
{
    if (*best == 0 || s < *best)
        *best = s;
}

static void
show(const char *what, double ours, double theirs, double unit, const char *unit_name)
{
    printf("  %-34s %9.2f %s", what, ours / unit, unit_name);
    if (theirs > 0)
        printf("   %.3f x libmemcached's %.2f", ours / theirs, theirs / unit);
    putchar('\n');
}

static void *
their_pool(const struct libmemcached *lib, unsigned servers)
{
    if (lib->create == NULL || servers > LIBMEMCACHED_SERVERS_MAX)
        return NULL;
    void *memc = lib->create(NULL);
    for (unsigned i = 0; i < servers; i++) {
        char host[32];
        snprintf(host, sizeof(host), "10.0.%u.%u", i / 250, i % 250 + 1);
        lib->server_add(memc, host, 11211);
    }
    lib->behavior_set(memc, BEHAVIOR_KETAMA_WEIGHTED, 1);
    return memc;
}

static void
compare_answers(const struct libmemcached *lib, const void *memc, const struct ketch_ring *ring)
{
    for (unsigned i = 0; i < KEYS; i++)
        if (lib->generate_hash(memc, keys[i].p, keys[i].bytes) !=
            ketch_ring_pick(ring, keys[i].p, keys[i].bytes)) {
            fprintf(stderr, "ring-times: libmemcached places %s elsewhere\n", key_text[i]);
            exit(1);
        }
}

static void
measure_picks(const struct libmemcached *lib, unsigned servers)
{
    struct ketch_ring_builder *ketama = pool("libmemcached-weighted", servers);
    struct ketch_ring_builder *native = pool("native", servers);
    struct ketch_ring *k = build(ketama), *n = build(native);
    void *memc = their_pool(lib, servers);
    double theirs = 0, one = 0, batch = 0, one_native = 0, batch_native = 0;
    if (memc != NULL)
        compare_answers(lib, memc, k);
    for (int i = 0; i < ROUNDS; i++) {
        if (memc != NULL)
            least(&theirs, time_theirs(lib, memc));
        least(&one, time_one_by_one(k));
        least(&batch, time_batches(k));
        least(&one_native, time_one_by_one(n));
        least(&batch_native, time_batches(n));
    }
    const double ns = KEYS * 1e-9;
    printf("%u servers, a key\n", servers);
    show("weighted md5, one by one", one, theirs, ns, "ns");
    show("weighted md5, 64 at once", batch, theirs, ns, "ns");
    show("native, one by one", one_native, theirs, ns, "ns");
    show("native, 64 at once", batch_native, theirs, ns, "ns");
    if (memc != NULL)
        lib->destroy(memc);
    ketch_ring_unref(k);
    ketch_ring_unref(n);
    ketch_ring_builder_destroy(ketama);
    ketch_ring_builder_destroy(native);
}

static void
measure_builds(const struct libmemcached *lib, unsigned servers)
{
    void *memc = their_pool(lib, servers);
    struct ketch_ring_builder *b = pool("libmemcached-weighted", servers);
    ketch_ring_unref(build(b));
    double theirs = 0, ketama = 0, native = 0, eject = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (memc != NULL)
            least(&theirs, time_their_build(lib, memc));
        least(&ketama, time_build("libmemcached-weighted", servers));
        least(&native, time_build("native", servers));
        least(&eject, time_eject(b, servers / 2));
    }
    printf("%u servers, a ring\n", servers);
    show("weighted md5, pool and ring", ketama, theirs, 1e-3, "ms");
    show("weighted md5, an ejection", eject, theirs, 1e-3, "ms");
    show("native, pool and ring", native, theirs, 1e-3, "ms");
    if (memc != NULL)
        lib->destroy(memc);
    ketch_ring_builder_destroy(b);
}

static struct libmemcached
find_libmemcached(void)
{
    struct libmemcached lib = {.create = NULL};
    void *so = dlopen("libmemcached.so.11", RTLD_NOW);
    if (so == NULL)
        return lib;
    /* dlsym() gives objects; POSIX wants them to be functions too. */
    *(void **)&lib.create = dlsym(so, "memcached_create");
    *(void **)&lib.destroy = dlsym(so, "memcached_free");
    *(void **)&lib.server_add = dlsym(so, "memcached_server_add");
    *(void **)&lib.behavior_set = dlsym(so, "memcached_behavior_set");
    *(void **)&lib.generate_hash = dlsym(so, "memcached_generate_hash");
    return lib;
}

int
main(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        int bytes = snprintf(key_text[i], KEY_BYTES, "user:%08u:profile", i);
        keys[i] = (struct ketch_bytes){key_text[i], (size_t)bytes};
    }
    struct libmemcached lib = find_libmemcached();
    if (lib.create == NULL)
        puts("libmemcached is not installed: there is nothing to compare with");
    measure_picks(&lib, 8);
    measure_picks(&lib, 100);
    measure_picks(&lib, 1000);
    measure_builds(&lib, 10);
    measure_builds(&lib, 100);
    measure_builds(&lib, 1000);
    return sink == 42; /* nobody knows, so that it has to be computed */
}

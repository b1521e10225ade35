/* Threads that look keys up while another makes new rings and takes them away: what
 * ThreadSanitizer is to see. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include "pool.h"

enum { READERS = 3, RINGS = 200, KEYS = 50, SERVERS = 8 };

/* A place where one ring is, under a lock only to take a reference. */
struct shelf {
    pthread_mutex_t lock;
    struct ketch_ring *ring;
    atomic_bool over;
};

static struct ketch_ring *
take(struct shelf *s)
{
    pthread_mutex_lock(&s->lock);
    struct ketch_ring *ring = ketch_ring_ref(s->ring);
    pthread_mutex_unlock(&s->lock);
    return ring;
}

static void
put(struct shelf *s, struct ketch_ring *ring)
{
    pthread_mutex_lock(&s->lock);
    struct ketch_ring *old = s->ring;
    s->ring = ring;
    pthread_mutex_unlock(&s->lock);
    ketch_ring_unref(old);
}

static void *
read_rings(void *arg)
{
    struct shelf *s = arg;
    uintptr_t wrong = 0;
    while (!atomic_load(&s->over)) {
        struct ketch_ring *ring = take(s);
        for (unsigned i = 0; i < KEYS; i++) {
            uint32_t id = pool_pick(ring, i);
            struct ketch_server_view v;
            wrong += ketch_ring_server(ring, id, &v) != KETCH_OK || !v.live || v.hashed_bytes == 0;
        }
        ketch_ring_unref(ring);
    }
    return (void *)wrong;
}

START_TEST(rings_are_shared_by_threads)
{
    static const char *const specs[] = {"native", "libmemcached-weighted", "pymemcache"};
    struct ketch_ring_builder *b = pool_of(specs[_i], SERVERS);
    struct shelf s = {.lock = PTHREAD_MUTEX_INITIALIZER, .ring = pool_build(b)};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_rings, &s), 0);
    for (unsigned i = 0; i < RINGS; i++) {
        uint32_t id = i % SERVERS;
        ck_assert_int_eq(ketch_ring_builder_set_live(b, id, i / SERVERS % 2 == 1), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_set_live(b, (id + 1) % SERVERS, true), KETCH_OK);
        put(&s, pool_build(b));
    }
    ketch_ring_builder_destroy(b);
    atomic_store(&s.over, true);
    for (int i = 0; i < READERS; i++) {
        void *wrong;
        ck_assert_int_eq(pthread_join(readers[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    ketch_ring_unref(s.ring);
}
END_TEST

/* The last reference is dropped by whoever happens to be last. */
static void *
drop(void *ring)
{
    for (unsigned i = 0; i < 1000; i++)
        ketch_ring_unref(ketch_ring_ref(ring));
    ketch_ring_unref(ring);
    return NULL;
}

START_TEST(any_thread_may_drop_the_last_reference)
{
    for (unsigned round = 0; round < 20; round++) {
        struct ketch_ring *ring = pool_finish(pool_of("native", 2));
        pthread_t droppers[READERS];
        for (int i = 0; i < READERS; i++)
            ck_assert_int_eq(pthread_create(&droppers[i], NULL, drop, ketch_ring_ref(ring)), 0);
        ketch_ring_unref(ring);
        for (int i = 0; i < READERS; i++)
            ck_assert_int_eq(pthread_join(droppers[i], NULL), 0);
    }
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("threads");
    tcase_add_loop_test(t, rings_are_shared_by_threads, 0, 3);
    tcase_add_test(t, any_thread_may_drop_the_last_reference);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/threads")

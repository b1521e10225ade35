/* Epochs: what was retired comes back when nobody can hold it any more, and not before. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>

struct freed {
    uint32_t count;
    item_ref refs[EPOCH_LIMBO_MAX * 2];
};

static struct freed freed;

static void
note_freed(void *context, const item_ref *refs, uint32_t count)
{
    struct freed *f = context;
    MUST(count > 0);
    for (uint32_t i = 0; i < count; i++)
        f->refs[f->count++] = refs[i];
}

static struct epoch *
open_epoch(void)
{
    struct epoch *e = aligned_alloc(CACHE_LINE_BYTES, sizeof *e);
    MUST(e != NULL);
    epoch_init(e);
    freed.count = 0;
    return e;
}

static void
close_epoch(struct epoch *e)
{
    epoch_fini(e);
    free(e);
}

static void
quiesce(struct epoch_thread *t)
{
    epoch_quiesce(t, note_freed, &freed);
}

static void
leave(struct epoch_thread *t)
{
    for (unsigned i = 0; i < 3 && epoch_limbo_count(t) > 0; i++)
        quiesce(t);
    epoch_leave(t);
}

START_TEST(alone_memory_comes_back_at_the_next_quiescent_point)
{
    struct epoch *e = open_epoch();
    struct epoch_thread t;
    ck_assert(epoch_join(e, &t));
    epoch_retire(&t, 7);
    epoch_retire(&t, 8);
    ck_assert_uint_eq(epoch_limbo_count(&t), 2);
    ck_assert_uint_eq(freed.count, 0);
    quiesce(&t);
    ck_assert_uint_eq(freed.count, 2);
    ck_assert(freed.refs[0] == 7 && freed.refs[1] == 8);
    ck_assert_uint_eq(epoch_limbo_room(&t), EPOCH_LIMBO_MAX);
    leave(&t);
    close_epoch(e);
}
END_TEST

START_TEST(an_online_reader_holds_memory_back_until_it_quiesces)
{
    struct epoch *e = open_epoch();
    struct epoch_thread reader, writer;
    ck_assert(epoch_join(e, &reader) && epoch_join(e, &writer));
    epoch_retire(&writer, 1);
    for (unsigned i = 0; i < 10; i++)
        quiesce(&writer);
    ck_assert_uint_eq(freed.count, 0);
    quiesce(&reader);
    ck_assert_uint_eq(freed.count, 0); /* its owner frees it, nobody else */
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 1);
    leave(&reader);
    leave(&writer);
    close_epoch(e);
}
END_TEST

START_TEST(an_offline_reader_holds_nothing_back)
{
    struct epoch *e = open_epoch();
    struct epoch_thread reader, writer;
    ck_assert(epoch_join(e, &reader) && epoch_join(e, &writer));
    epoch_offline(&reader);
    epoch_retire(&writer, 1);
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 1);
    /* Back online it holds back what is retired from now on. */
    epoch_online(&reader);
    epoch_retire(&writer, 2);
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 1);
    epoch_offline(&reader);
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 2);
    leave(&reader);
    leave(&writer);
    close_epoch(e);
}
END_TEST

START_TEST(a_reader_that_comes_later_does_not_hold_earlier_memory_back)
{
    struct epoch *e = open_epoch();
    struct epoch_thread old, writer, late;
    ck_assert(epoch_join(e, &old) && epoch_join(e, &writer));
    epoch_retire(&writer, 1);
    quiesce(&writer); /* closes the bag */
    ck_assert(epoch_join(e, &late));
    quiesce(&old);
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 1);
    leave(&old);
    leave(&late);
    leave(&writer);
    close_epoch(e);
}
END_TEST

START_TEST(what_an_offline_thread_retired_waits_for_its_return)
{
    struct epoch *e = open_epoch();
    struct epoch_thread t;
    ck_assert(epoch_join(e, &t));
    epoch_retire(&t, 1);
    epoch_offline(&t);
    ck_assert_uint_eq(freed.count, 0);
    epoch_online(&t);
    quiesce(&t);
    ck_assert_uint_eq(freed.count, 1);
    leave(&t);
    close_epoch(e);
}
END_TEST

START_TEST(bags_merge_when_there_are_too_many_and_nothing_is_lost)
{
    struct epoch *e = open_epoch();
    struct epoch_thread reader, writer;
    ck_assert(epoch_join(e, &reader) && epoch_join(e, &writer));
    for (item_ref i = 1; i <= 10 * EPOCH_BAGS_MAX; i++) {
        epoch_retire(&writer, i);
        quiesce(&writer);
        if (i == 5)
            quiesce(&reader);
    }
    /* The reader has seen the first five go, and none since: a merged bag must wait for it. */
    ck_assert_uint_eq(freed.count, 5);
    quiesce(&reader);
    quiesce(&writer);
    ck_assert_uint_eq(freed.count, 10 * EPOCH_BAGS_MAX);
    for (item_ref i = 0; i < freed.count; i++)
        ck_assert_uint_eq(freed.refs[i], i + 1);
    leave(&reader);
    leave(&writer);
    close_epoch(e);
}
END_TEST

START_TEST(the_limbo_can_be_filled_and_goes_round)
{
    struct epoch *e = open_epoch();
    struct epoch_thread t;
    ck_assert(epoch_join(e, &t));
    for (unsigned round = 0; round < 5; round++) {
        freed.count = 0;
        uint32_t count = round % 2 == 0 ? EPOCH_LIMBO_MAX : 1000;
        for (item_ref i = 1; i <= count; i++)
            epoch_retire(&t, i);
        MUST(epoch_limbo_room(&t) == EPOCH_LIMBO_MAX - count);
        quiesce(&t);
        MUST(freed.count == count);
        for (item_ref i = 0; i < count; i++)
            MUST(freed.refs[i] == i + 1);
    }
    leave(&t);
    close_epoch(e);
}
END_TEST

START_TEST(threads_up_to_the_limit_can_join_and_their_places_are_used_again)
{
    struct epoch *e = open_epoch();
    struct epoch_thread *threads = calloc(EPOCH_THREADS_MAX, sizeof *threads), one_more;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < EPOCH_THREADS_MAX; i++)
            MUST(epoch_join(e, &threads[i]));
        ck_assert(!epoch_join(e, &one_more));
        for (unsigned i = 0; i < EPOCH_THREADS_MAX; i++)
            leave(&threads[i]);
    }
    free(threads);
    close_epoch(e);
}
END_TEST

/* ---- with real threads ---- */

#define OBJECTS 64

struct shared {
    struct epoch *e;
    _Atomic uint32_t published; /* the object that readers look at */
    _Atomic bool done;
    uint64_t objects[OBJECTS];  /* 0: free.  Plain: it is the epochs that keep threads apart */
};

static struct shared shared;

static void *
read_objects(void *context)
{
    struct epoch_thread t;
    (void)context;
    MUST(epoch_join(shared.e, &t));
    for (unsigned i = 0; !shared.done; i++) {
        uint32_t n = atomic_load_explicit(&shared.published, memory_order_acquire);
        for (unsigned look = 0; look < 20; look++)
            MUST(shared.objects[n] == n + 1000);
        if (i % 16 == 0) {
            epoch_offline(&t);
            sched_yield();
            epoch_online(&t);
        } else {
            quiesce(&t);
        }
    }
    epoch_leave(&t);
    return NULL;
}

static void
scrap(void *context, const item_ref *refs, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        shared.objects[refs[i]] = 0;
}

static uint32_t
publish(uint32_t start)
{
    for (uint32_t i = 0; i < OBJECTS; i++) {
        uint32_t n = (start + i) % OBJECTS;
        if (shared.objects[n] != 0)
            continue;
        shared.objects[n] = n + 1000;
        atomic_store_explicit(&shared.published, n, memory_order_release);
        return n;
    }
    return OBJECTS; /* all wait for a reader */
}

START_TEST(readers_never_see_an_object_that_was_freed)
{
    struct epoch_thread t;
    pthread_t readers[3];
    shared.e = open_epoch();
    ck_assert(epoch_join(shared.e, &t));
    uint32_t last = publish(0);
    for (unsigned i = 0; i < ARRAY_COUNT(readers); i++)
        MUST(pthread_create(&readers[i], NULL, read_objects, NULL) == 0);
    uint64_t published = 0, turns = 0;
    while (published < (SLOW_BUILD ? 2000 : 50000) && turns++ < 100000000) {
        uint32_t now = publish(last + 1);
        if (now < OBJECTS) {
            epoch_retire(&t, last);
            last = now;
            published++;
        } else {
            sched_yield();
        }
        epoch_quiesce(&t, scrap, NULL);
    }
    shared.done = true;
    for (unsigned i = 0; i < ARRAY_COUNT(readers); i++)
        MUST(pthread_join(readers[i], NULL) == 0);
    for (unsigned i = 0; i < 3; i++)
        epoch_quiesce(&t, scrap, NULL);
    epoch_leave(&t);
    close_epoch(shared.e);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("epoch");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, alone_memory_comes_back_at_the_next_quiescent_point);
    tcase_add_test(tc, an_online_reader_holds_memory_back_until_it_quiesces);
    tcase_add_test(tc, an_offline_reader_holds_nothing_back);
    tcase_add_test(tc, a_reader_that_comes_later_does_not_hold_earlier_memory_back);
    tcase_add_test(tc, what_an_offline_thread_retired_waits_for_its_return);
    tcase_add_test(tc, bags_merge_when_there_are_too_many_and_nothing_is_lost);
    tcase_add_test(tc, the_limbo_can_be_filled_and_goes_round);
    tcase_add_test(tc, threads_up_to_the_limit_can_join_and_their_places_are_used_again);
    tcase_add_test(tc, readers_never_see_an_object_that_was_freed);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/epoch")

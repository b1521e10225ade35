/* Rings: what goes in comes out in the same order, and blocks come back. */
#include "fixture.h"

struct bench {
    struct arena arena;
    struct ring_store store;
};

static struct bench *
open_bench(uint32_t pages)
{
    struct bench *b = calloc(1, sizeof *b);
    struct arena_config ac = {
        .limit_bytes = (uint64_t)pages * 64 * KIB, .reach_bytes = 64 * MIB, .page_bytes = 64 * KIB};
    MUST(b != NULL && arena_init(&b->arena, &ac));
    ring_store_init(&b->store, &b->arena);
    return b;
}

static void
close_bench(struct bench *b)
{
    ring_store_fini(&b->store);
    arena_fini(&b->arena);
    free(b);
}

START_TEST(handles_come_out_in_order_under_their_numbers)
{
    struct bench *b = open_bench(10);
    struct ring r = {0};
    uint64_t random = 7, pushed = 0, popped = 0, number;
    for (unsigned i = 0; i < 20000; i++) {
        if (random_below(&random, 100) < (i % 4000 < 2000 ? 60 : 40)) {
            MUST(ring_push(&b->store, &r, (item_ref)(pushed + 1), 1));
            pushed++;
        } else {
            item_ref handle = ring_pop(&b->store, &r, &number);
            MUST((handle == 0) == (pushed == popped));
            MUST(handle == 0 || (handle == popped + 1 && number == popped));
            popped += handle != 0;
        }
        MUST(ring_count(&r) == pushed - popped);
        MUST(r.chunks == ring_count(&r));
        MUST(b->store.used <= ring_count(&r) / RING_BLOCK_HANDLES + 2);
    }
    ck_assert_uint_gt(popped, 5000);
    while (ring_pop(&b->store, &r, &number) != 0)
        ;
    ck_assert_uint_le(b->store.used, 1);
    close_bench(b);
}
END_TEST

START_TEST(rings_of_one_store_do_not_mix)
{
    struct bench *b = open_bench(10);
    struct ring r[3] = {{0}};
    uint64_t number;
    for (unsigned i = 0; i < 3000; i++)
        MUST(ring_push(&b->store, &r[i % 3], i + 1, 1));
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n = 2999 - i; /* another order between them */
        MUST(ring_pop(&b->store, &r[n % 3], &number) == number * 3 + n % 3 + 1);
    }
    ck_assert_uint_eq(b->store.used, 3); /* each ends in the middle of a block */
    close_bench(b);
}
END_TEST

START_TEST(without_memory_a_push_fails_and_nothing_else)
{
    struct bench *b = open_bench(1);
    struct ring r = {0};
    uint64_t number;
    item_ref n = 0;
    while (ring_push(&b->store, &r, n + 1, 1))
        MUST(++n < 100000);
    ck_assert_uint_eq(n, 64 * KIB / sizeof(struct ring_block) * RING_BLOCK_HANDLES);
    ck_assert_uint_eq(ring_count(&r), n);
    for (unsigned i = 0; i < RING_BLOCK_HANDLES; i++)
        MUST(ring_pop(&b->store, &r, &number) == i + 1);
    ck_assert(ring_push(&b->store, &r, n + 1, 1));
    ck_assert_uint_eq(ring_store_bytes(&b->store), 64 * KIB);
    close_bench(b);
}
END_TEST

START_TEST(what_items_take_is_known_on_the_average)
{
    struct bench *b = open_bench(2);
    struct ring r = {0};
    uint64_t number;
    for (unsigned i = 0; i < 100; i++)
        MUST(ring_push(&b->store, &r, i + 1, 1 + i % 5));
    ck_assert_uint_eq(r.chunks, 300);
    for (unsigned i = 0; i < 50; i++)
        ring_pop(&b->store, &r, &number);
    ck_assert_uint_eq(r.chunks, 150);
    for (unsigned i = 0; i < 50; i++)
        ring_pop(&b->store, &r, &number);
    ck_assert_uint_eq(r.chunks, 0);
    close_bench(b);
}
END_TEST

START_TEST(one_can_look_ahead_within_a_block)
{
    struct bench *b = open_bench(2);
    struct ring r = {0};
    uint64_t number;
    ck_assert_uint_eq(ring_peek(&b->store, &r, 0), 0);
    for (unsigned i = 0; i < 2 * RING_BLOCK_HANDLES; i++)
        MUST(ring_push(&b->store, &r, i + 1, 1));
    ck_assert_uint_eq(ring_peek(&b->store, &r, 0), 1);
    ck_assert_uint_eq(ring_peek(&b->store, &r, RING_BLOCK_HANDLES - 1), RING_BLOCK_HANDLES);
    ck_assert_uint_eq(ring_peek(&b->store, &r, RING_BLOCK_HANDLES), 0);
    ring_pop(&b->store, &r, &number);
    ck_assert_uint_eq(ring_peek(&b->store, &r, 1), 3);
    close_bench(b);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("ring");
    tcase_add_test(tc, handles_come_out_in_order_under_their_numbers);
    tcase_add_test(tc, rings_of_one_store_do_not_mix);
    tcase_add_test(tc, without_memory_a_push_fails_and_nothing_else);
    tcase_add_test(tc, what_items_take_is_known_on_the_average);
    tcase_add_test(tc, one_can_look_ahead_within_a_block);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/ring")

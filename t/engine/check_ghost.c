/* The ghost: it knows the newest keys of each set, forgets the oldest, and rarely takes one for
 * another. */
#include "fixture.h"

struct bench {
    struct arena arena;
    struct ghost ghost;
};

static struct bench *
open_bench(uint32_t pages)
{
    struct bench *b = calloc(1, sizeof *b);
    struct arena_config ac = {
        .limit_bytes = (uint64_t)pages * 64 * KIB, .reach_bytes = 64 * MIB, .page_bytes = 64 * KIB};
    MUST(b != NULL && arena_init(&b->arena, &ac));
    ghost_init(&b->ghost, &b->arena);
    return b;
}

static void
close_bench(struct bench *b)
{
    ghost_fini(&b->ghost);
    arena_fini(&b->arena);
    free(b);
}

#define FINGERPRINTS_PER_SET (GHOST_SET_WORDS * 4u)

/* Hashes of one set, whatever their number is. */
static uint64_t
hash_with(uint64_t fingerprint)
{
    return fingerprint << 48 | 5;
}

START_TEST(before_it_has_a_set_it_knows_nothing)
{
    struct bench *b = open_bench(2);
    ghost_add(&b->ghost, hash_with(7));
    ghost_prefetch(&b->ghost, hash_with(7));
    ck_assert(!ghost_has(&b->ghost, hash_with(7)));
    ck_assert_uint_eq(ghost_bytes(&b->ghost), 0);
    close_bench(b);
}
END_TEST

START_TEST(the_newest_of_a_set_are_known_and_the_oldest_forgotten)
{
    struct bench *b = open_bench(2);
    ghost_grow(&b->ghost, 10000);
    for (uint64_t n = 0; n < 1000; n++) {
        MUST(!ghost_has(&b->ghost, hash_with(n * 64)) || n == 1);
        ghost_add(&b->ghost, hash_with(n * 64));
        for (uint64_t old = n > 40 ? n - 40 : 0; old <= n; old++)
            MUST(ghost_has(&b->ghost, hash_with(old * 64)) == (n - old < FINGERPRINTS_PER_SET));
    }
    ck_assert(!ghost_has(&b->ghost, hash_with(999 * 64) + 1)); /* another set */
    close_bench(b);
}
END_TEST

START_TEST(a_fingerprint_of_zero_is_no_empty_place)
{
    struct bench *b = open_bench(2);
    ghost_grow(&b->ghost, 1);
    ck_assert(!ghost_has(&b->ghost, hash_with(0)));
    ghost_add(&b->ghost, hash_with(0));
    ck_assert(ghost_has(&b->ghost, hash_with(0)));
    close_bench(b);
}
END_TEST

START_TEST(half_as_many_as_items_are_known_and_few_mistaken)
{
    struct bench *b = open_bench(20);
    const unsigned items = 100000;
    uint64_t random = 3, known[20000];
    unsigned found = 0, mistaken = 0;
    ghost_grow(&b->ghost, items / 2);
    ghost_grow(&b->ghost, items);
    for (unsigned i = 0; i < 5 * items; i++)
        ghost_add(&b->ghost, known[i % ARRAY_COUNT(known)] = random_u64(&random));
    for (unsigned i = 0; i < ARRAY_COUNT(known); i++) {
        found += ghost_has(&b->ghost, known[i]);
        mistaken += ghost_has(&b->ghost, random_u64(&random));
    }
    /* The newest fifth of the items. */
    ck_assert_uint_gt(found, ARRAY_COUNT(known) * 99 / 100);
    ck_assert_uint_lt(mistaken, ARRAY_COUNT(known) / 500);
    close_bench(b);
}
END_TEST

START_TEST(it_grows_with_the_items_as_far_as_there_is_memory)
{
    struct bench *b = open_bench(3);
    const uint64_t sets_of_page = 64 * KIB / sizeof(struct ghost_set);
    ghost_grow(&b->ghost, 0);
    ck_assert_uint_eq(b->ghost.set_count, 1);
    ghost_grow(&b->ghost, 1000 * GHOST_ITEMS_PER_SET);
    ck_assert_uint_eq(b->ghost.set_count, 1001);
    ghost_grow(&b->ghost, 10);
    ck_assert_uint_eq(b->ghost.set_count, 1001);
    for (unsigned i = 0; i < 10; i++)
        ghost_grow(&b->ghost, 100 * 1000 * 1000);
    ck_assert_uint_eq(b->ghost.set_count, 3 * sets_of_page);
    ck_assert_uint_eq(ghost_bytes(&b->ghost), 3 * 64 * KIB);
    struct arena_usage usage;
    arena_usage(&b->arena, &usage);
    ck_assert_uint_eq(usage.index_pages, 3);
    close_bench(b);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("ghost");
    tcase_add_test(tc, before_it_has_a_set_it_knows_nothing);
    tcase_add_test(tc, the_newest_of_a_set_are_known_and_the_oldest_forgotten);
    tcase_add_test(tc, a_fingerprint_of_zero_is_no_empty_place);
    tcase_add_test(tc, half_as_many_as_items_are_known_and_few_mistaken);
    tcase_add_test(tc, it_grows_with_the_items_as_far_as_there_is_memory);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/ghost")

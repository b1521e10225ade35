/* The arena: pages are given out up to the limit and no further, the index shares it, and what is given
 * back has no memory beyond it. */
#include "fixture.h"

#include <sys/mman.h>

#define PAGE (64 * KIB)

static struct arena
arena_of(uint32_t limit_pages, uint32_t reach_pages)
{
    struct arena a;
    struct arena_config c = {.limit_bytes = (uint64_t)limit_pages * PAGE,
                             .reach_bytes = (uint64_t)reach_pages * PAGE,
                             .page_bytes = PAGE};
    ck_assert(arena_init(&a, &c));
    return a;
}

/* Bytes of the page that have memory. */
static size_t
resident(struct arena *a, page_no page)
{
    unsigned char in[PAGE / 4096];
    size_t count = 0;
    MUST(mincore(arena_page_ptr(a, page), PAGE, in) == 0);
    for (size_t i = 0; i < sizeof in; i++)
        count += in[i] & 1;
    return count * 4096;
}

START_TEST(pages_are_distinct_never_zero_and_end_at_the_limit)
{
    struct arena a = arena_of(40, 64);
    bool seen[65] = {false};
    for (unsigned i = 0; i < 40; i++) {
        page_no page = arena_take_page(&a);
        ck_assert(page > 0 && page <= 64 && !seen[page]);
        seen[page] = true;
        memset(arena_page_ptr(&a, page), (int)i, PAGE);
    }
    ck_assert_uint_eq(arena_take_page(&a), 0);
    ck_assert(arena_is_full(&a));
    arena_give_page(&a, 17);
    ck_assert(!arena_is_full(&a));
    ck_assert_uint_eq(arena_take_page(&a), 17);
    ck_assert_uint_eq(arena_take_page(&a), 0);
    arena_fini(&a);
}
END_TEST

START_TEST(the_index_and_the_items_share_one_limit)
{
    struct arena a = arena_of(10, 10);
    struct arena_usage usage;
    for (unsigned i = 0; i < 4; i++)
        ck_assert(arena_take_index_page(&a));
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_ne(arena_take_page(&a), 0);
    ck_assert(!arena_take_index_page(&a));
    ck_assert_uint_eq(arena_take_page(&a), 0);
    arena_usage(&a, &usage);
    ck_assert_uint_eq(usage.used_pages, 6);
    ck_assert_uint_eq(usage.index_pages, 4);
    ck_assert_uint_eq(usage.limit_pages, 10);
    ck_assert_uint_eq(usage.pool_pages, 0);
    arena_fini(&a);
}
END_TEST

START_TEST(the_next_free_page_is_the_indexs_if_it_waits)
{
    struct arena a = arena_of(4, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_ne(arena_take_page(&a), 0);
    ck_assert(!arena_take_index_page(&a));
    arena_give_page(&a, 2);
    ck_assert_uint_eq(arena_take_page(&a), 0);
    ck_assert(arena_take_index_page(&a));
    arena_give_page(&a, 3);
    ck_assert_uint_eq(arena_take_page(&a), 3);
    arena_fini(&a);
}
END_TEST

START_TEST(free_pages_keep_their_memory_only_within_the_limit)
{
    struct arena a = arena_of(8, 8);
    for (unsigned i = 0; i < 8; i++)
        memset(arena_page_ptr(&a, arena_take_page(&a)), 1, PAGE);
    arena_give_page(&a, 4);
    arena_give_page(&a, 5);
    ck_assert_uint_eq(resident(&a, 4), PAGE);
    ck_assert_uint_eq(arena_excess_memory_bytes(&a), 0);
    arena_cool(&a, 8);
    ck_assert_uint_eq(resident(&a, 4) + resident(&a, 5), 2 * PAGE);
    ck_assert(arena_take_index_page(&a)); /* takes the place of one of them */
    ck_assert_uint_eq(arena_excess_memory_bytes(&a), PAGE);
    arena_cool(&a, 8);
    ck_assert_uint_eq(resident(&a, 4) + resident(&a, 5), PAGE);
    ck_assert(arena_set_limit(&a, 3 * PAGE));
    arena_cool(&a, 0);
    ck_assert_uint_eq(resident(&a, 4) + resident(&a, 5), PAGE);
    arena_cool(&a, 1);
    ck_assert_uint_eq(arena_excess_memory_bytes(&a), 0);
    ck_assert_uint_eq(resident(&a, 4) + resident(&a, 5), 0);
    ck_assert_uint_eq(arena_excess_pages(&a), 4);
    arena_give_page(&a, 6);
    arena_cool(&a, 8);
    ck_assert_uint_eq(resident(&a, 6), 0);
    ck_assert(arena_set_limit(&a, 8 * PAGE));
    ck_assert_uint_eq(arena_excess_pages(&a), 0);
    page_no page = arena_take_page(&a);
    ck_assert(page >= 4 && page <= 6);
    memset(arena_page_ptr(&a, page), 2, PAGE);
    arena_give_page(&a, page);
    ck_assert_uint_eq(resident(&a, page), PAGE);
    arena_fini(&a);
}
END_TEST

START_TEST(the_limit_can_be_raised_to_the_reach_and_no_further)
{
    struct arena a = arena_of(4, 20);
    ck_assert(!arena_set_limit(&a, 33 * PAGE)); /* the reach is rounded up to 2 MiB */
    ck_assert(arena_set_limit(&a, 32 * PAGE));
    unsigned count = 0;
    while (arena_take_page(&a) != 0)
        count++;
    ck_assert_uint_eq(count, 32);
    ck_assert_uint_eq(arena_pages_in_use(&a), 33);
    arena_fini(&a);
}
END_TEST

START_TEST(references_come_back_as_the_pointers_they_were)
{
    struct arena a = arena_of(32, 32);
    ck_assert_uint_eq(a.shift, 3);
    for (page_no page = 1; page <= 32; page++) {
        for (uint32_t at = 0; at < PAGE; at += 1 << a.shift) {
            char *p = arena_page_ptr(&a, page) + at;
            item_ref ref = arena_ref(&a, p);
            MUST(ref != 0 && arena_ptr(&a, ref) == p && arena_page_of(&a, ref) == page);
        }
    }
    arena_fini(&a);
}
END_TEST

/* Only address space: 300 GiB of it. */
START_TEST(large_arenas_have_coarser_references)
{
    struct arena a;
    struct arena_config c = {.limit_bytes = 200ull << 30, .reach_bytes = 200ull << 30,
                             .page_bytes = 1 * MIB};
    if (!arena_init(&a, &c))
        return; /* none to be had here */
    ck_assert_uint_eq(a.shift, 6);
    char *last = arena_page_ptr(&a, a.pages_max - 1) + MIB - 64;
    ck_assert(arena_ptr(&a, arena_ref(&a, last)) == last);
    ck_assert_uint_eq(arena_page_of(&a, arena_ref(&a, last)), a.pages_max - 1);
    arena_fini(&a);
}
END_TEST

/* As far as 2^32 steps of 8 bytes reach they are not made larger for what the limit may become. */
START_TEST(what_a_limit_may_become_makes_no_references_coarser)
{
    static const struct {
        uint64_t limit_gib;
        unsigned shift;
    } cases[] = {{1, 3}, {9, 3}, {32, 3}, {33, 4}, {64, 4}, {128, 5}, {200, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct arena_config c = {.limit_bytes = cases[i].limit_gib << 30, .page_bytes = 1 * MIB};
        c.reach_bytes = arena_reach_bytes_max(c.limit_bytes);
        ck_assert_uint_ge(c.reach_bytes, c.limit_bytes - 4 * MIB);
        if (!arena_init(&a, &c))
            return; /* no address space to be had here */
        ck_assert_uint_eq(a.shift, cases[i].shift);
        char *last = arena_page_ptr(&a, a.pages_max - 1) + MIB - (1u << a.shift);
        ck_assert(arena_ptr(&a, arena_ref(&a, last)) == last);
        ck_assert(arena_set_limit(&a, c.limit_bytes));
        arena_fini(&a);
    }
}
END_TEST

START_TEST(a_limit_leaves_room_beside_the_index)
{
    struct arena a = arena_of(32, 32);
    for (unsigned i = 0; i < 8; i++)
        ck_assert(arena_take_index_page(&a));
    ck_assert(!arena_set_limit(&a, 11 * PAGE));
    struct arena_usage usage;
    arena_usage(&a, &usage);
    ck_assert_uint_eq(usage.limit_pages, 32);
    ck_assert(arena_set_limit(&a, 12 * PAGE));
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_ne(arena_take_page(&a), 0);
    ck_assert_uint_eq(arena_take_page(&a), 0);
    arena_fini(&a);
}
END_TEST

/* ketchd -k */
START_TEST(memory_that_is_locked_is_given_back_too)
{
    struct arena a = arena_of(8, 8);
    page_no page = arena_take_page(&a);
    memset(arena_page_ptr(&a, page), 1, PAGE);
    bool locked = mlock(arena_page_ptr(&a, page), PAGE) == 0;
    arena_give_page(&a, page);
    ck_assert(arena_set_limit(&a, 0));
    arena_cool(&a, 8);
    if (locked) /* a locked page is not missing from memory for long, but it is empty */
        ck_assert_int_eq(*arena_page_ptr(&a, page), 0);
    arena_fini(&a);
}
END_TEST

START_TEST(preallocated_memory_is_the_limit_and_makes_room_for_the_index)
{
    struct arena a = arena_of(32, 32);
    ck_assert(arena_take_index_page(&a));
    arena_preallocate(&a);
    size_t bytes = 0;
    for (page_no page = 1; page < a.next_fresh; page++)
        bytes += resident(&a, page);
    ck_assert_uint_eq(bytes, 31 * PAGE);
    ck_assert(arena_take_index_page(&a));
    arena_cool(&a, 8);
    bytes = 0;
    for (page_no page = 1; page < a.next_fresh; page++)
        bytes += resident(&a, page);
    ck_assert_uint_eq(bytes, 30 * PAGE);
    unsigned count = 0;
    while (arena_take_page(&a) != 0)
        count++;
    ck_assert_uint_eq(count, 30);
    arena_fini(&a);
}
END_TEST

START_TEST(address_space_that_cannot_be_had_is_an_error)
{
    struct arena a;
    struct arena_config c = {.limit_bytes = 1ull << 50, .reach_bytes = 1ull << 50,
                             .page_bytes = 1 * MIB};
    ck_assert(!arena_init(&a, &c));
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("arena");
    tcase_add_test(tc, pages_are_distinct_never_zero_and_end_at_the_limit);
    tcase_add_test(tc, the_index_and_the_items_share_one_limit);
    tcase_add_test(tc, the_next_free_page_is_the_indexs_if_it_waits);
    tcase_add_test(tc, free_pages_keep_their_memory_only_within_the_limit);
    tcase_add_test(tc, the_limit_can_be_raised_to_the_reach_and_no_further);
    tcase_add_test(tc, references_come_back_as_the_pointers_they_were);
    tcase_add_test(tc, large_arenas_have_coarser_references);
    tcase_add_test(tc, what_a_limit_may_become_makes_no_references_coarser);
    tcase_add_test(tc, a_limit_leaves_room_beside_the_index);
    tcase_add_test(tc, memory_that_is_locked_is_given_back_too);
    tcase_add_test(tc, preallocated_memory_is_the_limit_and_makes_room_for_the_index);
    tcase_add_test(tc, address_space_that_cannot_be_had_is_an_error);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/arena")

/* Wants: how long who finds no memory waits, and who gives up. */
#include "suite.h"

#include "net/want.h"

#define NOW_MS 1000000u

static struct want want;
static struct relief_age age;

static void
set_up(void)
{
    want = (struct want){0};
    age = RELIEF_NEVER;
}

static bool
is_over(bool holds, uint32_t at_ms)
{
    return want_is_over(&want, holds, &age, at_ms);
}

START_TEST(who_wants_nothing_is_never_refused)
{
    ck_assert(!is_over(false, NOW_MS));
    ck_assert(!is_over(true, NOW_MS));
    ck_assert(!want_may_give_up(&want, &age, NOW_MS));
}
END_TEST

START_TEST(a_wait_ends_when_memory_was_found)
{
    want_begin(&want, false, NOW_MS);
    want_end(&want);
    ck_assert(!is_over(false, NOW_MS + 10 * WANT_MAX_MS));
    want_begin(&want, false, NOW_MS + 10 * WANT_MAX_MS);
    ck_assert(!is_over(false, NOW_MS + 10 * WANT_MAX_MS + WANT_MS - 1));
    ck_assert(!want_may_give_up(&want, &age, NOW_MS + 10 * WANT_MAX_MS + WANT_HOLDING_MS - 1));
}
END_TEST

START_TEST(trying_again_does_not_begin_a_wait_anew)
{
    for (uint32_t ms = 0; ms <= WANT_MS; ms += 100)
        want_begin(&want, false, NOW_MS + ms);
    ck_assert(is_over(false, NOW_MS + WANT_MS));
}
END_TEST

START_TEST(who_got_something_begins_another_wait)
{
    want_begin(&want, true, NOW_MS);
    want.gives_up = true;
    want_begin(&want, true, NOW_MS + WANT_MS);
    ck_assert(!is_over(false, NOW_MS + WANT_MS));
    ck_assert(!is_over(true, NOW_MS + WANT_MS + WANT_HOLDING_MS));
    ck_assert(is_over(false, NOW_MS + 2 * WANT_MS));
}
END_TEST

START_TEST(nobody_is_refused_while_others_let_go_of_memory)
{
    want_begin(&want, false, NOW_MS);
    age.closed_ms = WANT_HOLDING_MS - 1;
    ck_assert(!is_over(false, NOW_MS + WANT_MAX_MS - 1));
    age.closed_ms = WANT_HOLDING_MS;
    age.gave_up_ms = WANT_HOLDING_MS - 1;
    ck_assert(!is_over(false, NOW_MS + WANT_MAX_MS - 1));
    age.gave_up_ms = WANT_HOLDING_MS;
    ck_assert(is_over(false, NOW_MS + WANT_MS));
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
    want_begin(&want, false, NOW_MS);
    age = (struct relief_age){0, 0};
    ck_assert(is_over(false, NOW_MS + WANT_MAX_MS));
    ck_assert(is_over(true, NOW_MS + WANT_MAX_MS));
}
END_TEST

START_TEST(who_keeps_memory_gives_up_when_told_to)
{
    want_begin(&want, false, NOW_MS);
    ck_assert(!is_over(true, NOW_MS + WANT_MAX_MS - 1));
    want.gives_up = true;
    ck_assert(is_over(true, NOW_MS));
}
END_TEST

START_TEST(nobody_has_to_give_up_while_there_are_others_to_close)
{
    want_begin(&want, false, NOW_MS);
    ck_assert(!want_may_give_up(&want, &age, NOW_MS + WANT_HOLDING_MS - 1));
    ck_assert(want_may_give_up(&want, &age, NOW_MS + WANT_HOLDING_MS));
    age.closed_ms = WANT_CLOSED_MS - 1;
    ck_assert(!want_may_give_up(&want, &age, NOW_MS + WANT_HOLDING_MS));
    age = (struct relief_age){.closed_ms = WANT_CLOSED_MS};
    ck_assert(want_may_give_up(&want, &age, NOW_MS + WANT_HOLDING_MS));
}
END_TEST

START_TEST(the_latest_relief_of_all_counts)
{
    struct relief none = {0}, early = {0}, late = {0};
    relief_note_closed(&early, NOW_MS - 50);
    relief_note_gave_up(&early, NOW_MS - 20);
    relief_note_closed(&late, NOW_MS - 30);
    relief_add_age(&age, &none, NOW_MS);
    ck_assert_uint_eq(age.closed_ms, UINT32_MAX);
    relief_add_age(&age, &early, NOW_MS);
    relief_add_age(&age, &late, NOW_MS);
    relief_add_age(&age, &none, NOW_MS);
    ck_assert_uint_eq(age.closed_ms, 30);
    ck_assert_uint_eq(age.gave_up_ms, 20);
}
END_TEST

START_TEST(the_clock_may_come_round_and_be_read_by_others)
{
    struct relief r = {0};
    relief_note_closed(&r, UINT32_MAX);
    relief_note_gave_up(&r, 3);
    relief_add_age(&age, &r, 1);
    ck_assert_uint_eq(age.closed_ms, 2);
    ck_assert_uint_eq(age.gave_up_ms, 0);
    want_begin(&want, false, UINT32_MAX - 1);
    ck_assert(!is_over(true, 1));
    age = RELIEF_NEVER;
    ck_assert(!want_may_give_up(&want, &age, 1));
    ck_assert(is_over(false, WANT_MS - 1));
    relief_note_closed(&r, NOW_MS); /* weeks ago */
    relief_add_age(&age, &r, NOW_MS - 100000);
    ck_assert_uint_gt(age.closed_ms, WANT_MAX_MS);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("want");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, who_wants_nothing_is_never_refused);
    tcase_add_test(tc, a_wait_ends_when_memory_was_found);
    tcase_add_test(tc, trying_again_does_not_begin_a_wait_anew);
    tcase_add_test(tc, who_got_something_begins_another_wait);
    tcase_add_test(tc, nobody_is_refused_while_others_let_go_of_memory);
    tcase_add_test(tc, nobody_waits_for_ever);
    tcase_add_test(tc, who_keeps_memory_gives_up_when_told_to);
    tcase_add_test(tc, nobody_has_to_give_up_while_there_are_others_to_close);
    tcase_add_test(tc, the_latest_relief_of_all_counts);
    tcase_add_test(tc, the_clock_may_come_round_and_be_read_by_others);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("net/want")

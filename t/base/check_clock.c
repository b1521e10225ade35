/* The clock: where it starts, and how tests move it.  All but one of these stop it first, so that they
 * do not depend on when they run. */
#include "suite.h"

#include <time.h>
#include "base/clock.h"

static struct clock
stopped_clock(void)
{
    struct clock c;
    clock_init(&c);
    clock_pause(&c);
    return c;
}

START_TEST(it_starts_where_no_item_can_have_expired_and_runs)
{
    struct clock c;
    clock_init(&c);
    uint32_t first = clock_now(&c);
    ck_assert_uint_ge(first, CLOCK_START_S);
    ck_assert_uint_le(first, CLOCK_START_S + 1);
    ck_assert_uint_ge(clock_now(&c), first);
}
END_TEST

START_TEST(it_shows_the_date)
{
    struct clock c;
    int64_t before_s = (int64_t)time(NULL);
    clock_init(&c);
    int64_t shown_s = clock_to_unix(&c, clock_now(&c));
    /* The two clocks behind it do not tick at the same moment. */
    ck_assert_int_ge(shown_s, before_s - 1);
    ck_assert_int_le(shown_s, (int64_t)time(NULL) + 1);
    ck_assert_int_eq(clock_to_unix(&c, 1000) - clock_to_unix(&c, CLOCK_START_S),
                     1000 - CLOCK_START_S);
}
END_TEST

START_TEST(a_shift_moves_it_even_while_it_stands)
{
    struct clock c = stopped_clock();
    uint32_t at_s = clock_now(&c);
    clock_shift(&c, 100);
    ck_assert_uint_eq(clock_now(&c), at_s + 100);
    clock_shift(&c, -40);
    ck_assert_uint_eq(clock_now(&c), at_s + 60);
}
END_TEST

START_TEST(it_is_never_before_its_start)
{
    struct clock c = stopped_clock();
    clock_shift(&c, -1000);
    ck_assert_uint_eq(clock_now(&c), CLOCK_START_S);
    /* ... but what was taken away has to be given back first. */
    clock_shift(&c, 500);
    ck_assert_uint_eq(clock_now(&c), CLOCK_START_S);
}
END_TEST

START_TEST(it_runs_on_from_where_it_stood)
{
    struct clock c = stopped_clock();
    clock_shift(&c, 5000);
    uint32_t at_s = clock_now(&c);
    clock_resume(&c);
    ck_assert_uint_ge(clock_now(&c), at_s);
    ck_assert_uint_le(clock_now(&c), at_s + 1);
}
END_TEST

START_TEST(stopping_it_twice_is_stopping_it_once)
{
    struct clock c = stopped_clock();
    clock_shift(&c, 10);
    uint32_t at_s = clock_now(&c);
    clock_pause(&c);
    ck_assert_uint_eq(clock_now(&c), at_s);
    clock_resume(&c);
    clock_resume(&c);
    ck_assert_uint_ge(clock_now(&c), at_s);
    ck_assert_uint_le(clock_now(&c), at_s + 1);
}
END_TEST

START_TEST(dates_follow_a_shift)
{
    struct clock c = stopped_clock();
    int64_t shown_s = clock_to_unix(&c, clock_now(&c));
    clock_shift(&c, 3600);
    ck_assert_int_eq(clock_to_unix(&c, clock_now(&c)), shown_s + 3600);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *tc = tcase_create("clock");
    tcase_add_test(tc, it_starts_where_no_item_can_have_expired_and_runs);
    tcase_add_test(tc, it_shows_the_date);
    tcase_add_test(tc, a_shift_moves_it_even_while_it_stands);
    tcase_add_test(tc, it_is_never_before_its_start);
    tcase_add_test(tc, it_runs_on_from_where_it_stood);
    tcase_add_test(tc, stopping_it_twice_is_stopping_it_once);
    tcase_add_test(tc, dates_follow_a_shift);
    suite_add_tcase(s, tc);
}

SUITE_MAIN("base/clock")

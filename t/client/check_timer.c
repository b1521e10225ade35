#include <stdlib.h>
#include "suite.h"
#include "client/timer.h"

#define COUNT 500

static void
never_called(struct timer *timer, int64_t now_us)
{
    (void)timer, (void)now_us;
    abort();
}

START_TEST(timers_come_in_the_order_of_their_moments)
{
    struct timers t = {0};
    static struct timer all[COUNT];
    unsigned seed = 1;
    for (size_t i = 0; i < COUNT; i++) {
        all[i] = (struct timer){.due = never_called};
        ck_assert(timers_reserve(&t));
        timer_set(&t, &all[i], rand_r(&seed) % 1000);
    }
    for (size_t i = 0; i < COUNT; i += 3) /* some move, some leave */
        timer_set(&t, &all[i], rand_r(&seed) % 1000);
    for (size_t i = 1; i < COUNT; i += 7)
        timer_clear(&t, &all[i]);
    size_t popped = 0, left = t.count;
    int64_t last = 0;
    for (int64_t now = 0; now < 1000; now++)
        for (struct timer *timer; (timer = timers_pop(&t, now)) != NULL; popped++) {
            ck_assert_int_eq(timer->at_us, now);
            ck_assert_int_ge(timer->at_us, last);
            ck_assert(!timer_is_set(timer));
            last = timer->at_us;
        }
    ck_assert_uint_eq(popped, left);
    ck_assert_int_eq(timers_next(&t), TIMER_NEVER);
    timers_fini(&t);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("timers");
    tcase_add_test(c, timers_come_in_the_order_of_their_moments);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/timer")

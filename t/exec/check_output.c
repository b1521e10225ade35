/* The output: what was added comes out in order, and it is full before anything overflows. */
#include "suite.h"

#include "exec/output.h"

/* All that the output holds, as a socket would get it. */
static size_t
gather(struct output *o, char *to, size_t room)
{
    size_t at = 0;
    int count = output_finish(o);
    for (int i = 0; i < count; i++) {
        ck_assert_uint_le(at + o->iov[i].iov_len, room);
        memcpy(to + at, o->iov[i].iov_base, o->iov[i].iov_len);
        at += o->iov[i].iov_len;
    }
    return at;
}

static struct output *
new_output(void)
{
    struct output *o = malloc(sizeof *o);
    ck_assert_ptr_nonnull(o);
    output_reset(o);
    return o;
}

START_TEST(an_empty_output_has_nothing_to_send)
{
    struct output *o = new_output();
    ck_assert_int_eq(output_finish(o), 0);
    ck_assert(!output_is_full(o));
    free(o);
}
END_TEST

START_TEST(copies_join_into_one_iovec)
{
    struct output *o = new_output();
    char text[64];
    output_copy(o, SPAN("one "));
    memcpy(output_room(o), "two ", 4);
    output_wrote(o, 4);
    output_copy(o, SPAN("three"));
    ck_assert_int_eq(output_finish(o), 1);
    ck_assert_uint_eq(gather(o, text, sizeof text), 13);
    ck_assert_mem_eq(text, "one two three", 13);
    ck_assert_uint_eq(o->bytes, 13);
    free(o);
}
END_TEST

START_TEST(borrowed_bytes_keep_their_place_between_copies)
{
    struct output *o = new_output();
    static const char borrowed[] = "-borrowed-", other[] = "-other-";
    char text[64];
    output_borrow(o, borrowed, 10);
    output_copy(o, SPAN("a"));
    output_borrow(o, borrowed, 10);
    output_borrow(o, other, 7);
    output_copy(o, SPAN("b"));
    ck_assert_int_eq(output_finish(o), 5);
    ck_assert_ptr_eq(o->iov[0].iov_base, borrowed);
    ck_assert_uint_eq(gather(o, text, sizeof text), 29);
    ck_assert_mem_eq(text, "-borrowed-a-borrowed--other-b", 29);
    ck_assert_uint_eq(o->bytes, 29);
    free(o);
}
END_TEST

START_TEST(finishing_twice_adds_nothing)
{
    struct output *o = new_output();
    output_copy(o, SPAN("x"));
    ck_assert_int_eq(output_finish(o), 1);
    ck_assert_int_eq(output_finish(o), 1);
    output_copy(o, SPAN("y"));
    ck_assert_int_eq(output_finish(o), 2);
    free(o);
}
END_TEST

START_TEST(reset_forgets_everything)
{
    struct output *o = new_output();
    output_copy(o, SPAN("x"));
    output_borrow(o, "yz", 2);
    o->streamed_bytes = 2;
    output_reset(o);
    ck_assert_int_eq(output_finish(o), 0);
    ck_assert_uint_eq(o->bytes, 0);
    ck_assert_uint_eq(o->streamed_bytes, 0);
    free(o);
}
END_TEST

/* Adds the largest steps that are allowed until the output is full: nothing may be overrun, which the
 * CHECK()s inside and the sanitizers watch. */
START_TEST(the_largest_copies_fit_until_it_is_full)
{
    struct output *o = new_output();
    char step[OUTPUT_STEP_BYTES];
    memset(step, 's', sizeof step);
    size_t steps = 0;
    while (!output_is_full(o)) {
        output_copy(o, span_of(step, sizeof step));
        steps++;
        ck_assert_uint_le(o->used, OUTPUT_BUF_BYTES);
    }
    ck_assert_uint_eq(steps, OUTPUT_BYTES_MAX / OUTPUT_STEP_BYTES);
    ck_assert_int_eq(output_finish(o), 1);
    free(o);
}
END_TEST

START_TEST(the_most_iovecs_fit_until_it_is_full)
{
    struct output *o = new_output();
    unsigned steps = 0;
    while (!output_is_full(o)) {
        for (int i = 0; i < OUTPUT_STEP_IOVS / 2; i++) {
            output_copy(o, SPAN("c"));
            output_borrow(o, "b", 1);
        }
        steps++;
    }
    output_copy(o, SPAN("the last run"));
    ck_assert_int_le(output_finish(o), OUTPUT_IOV_MAX);
    ck_assert_uint_gt(steps, 50);
    free(o);
}
END_TEST

START_TEST(one_large_value_makes_it_full)
{
    struct output *o = new_output();
    char *large = calloc(1, OUTPUT_BYTES_MAX);
    ck_assert_ptr_nonnull(large);
    output_borrow(o, large, OUTPUT_BYTES_MAX - 1);
    ck_assert(!output_is_full(o));
    output_copy(o, SPAN("."));
    ck_assert(output_is_full(o));
    free(large);
    free(o);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *tc = tcase_create("output");
    tcase_add_test(tc, an_empty_output_has_nothing_to_send);
    tcase_add_test(tc, copies_join_into_one_iovec);
    tcase_add_test(tc, borrowed_bytes_keep_their_place_between_copies);
    tcase_add_test(tc, finishing_twice_adds_nothing);
    tcase_add_test(tc, reset_forgets_everything);
    tcase_add_test(tc, the_largest_copies_fit_until_it_is_full);
    tcase_add_test(tc, the_most_iovecs_fit_until_it_is_full);
    tcase_add_test(tc, one_large_value_makes_it_full);
    suite_add_tcase(s, tc);
}

SUITE_MAIN("exec/output")

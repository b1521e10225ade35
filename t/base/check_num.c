/* Numbers: what is accepted, what is refused, and that the limits are exact. */
#include "suite.h"

#include "base/num.h"

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

START_TEST(u64_accepts_digits_up_to_the_limit)
{
    uint64_t v = 7;
    ck_assert(num_parse_u64(s("0"), &v));
    ck_assert_uint_eq(v, 0);
    ck_assert(num_parse_u64(s("18446744073709551615"), &v));
    ck_assert(v == UINT64_MAX);
    ck_assert(num_parse_u64(s("00000000000000000000000042"), &v));
    ck_assert_uint_eq(v, 42);
}
END_TEST

START_TEST(u64_refuses_the_rest_and_leaves_the_result_alone)
{
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1a", "18446744073709551616",
                         "99999999999999999999", "0x10"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        uint64_t v = 7;
        ck_assert_msg(!num_parse_u64(s(bad[i]), &v), "accepted '%s'", bad[i]);
        ck_assert_uint_eq(v, 7);
    }
}
END_TEST

START_TEST(signed_limits_are_exact)
{
    int64_t v = 7;
    ck_assert(num_parse_i64(s("-9223372036854775808"), &v));
    ck_assert(v == INT64_MIN);
    ck_assert(num_parse_i64(s("9223372036854775807"), &v));
    ck_assert(v == INT64_MAX);
    ck_assert(!num_parse_i64(s("9223372036854775808"), &v));
    ck_assert(!num_parse_i64(s("-9223372036854775809"), &v));
    ck_assert(!num_parse_i64(s("-"), &v));
    int32_t w = 7;
    ck_assert(num_parse_i32(s("-2147483648"), &w));
    ck_assert_int_eq(w, INT32_MIN);
    ck_assert(!num_parse_i32(s("2147483648"), &w));
    uint32_t u = 7;
    ck_assert(!num_parse_u32(s("4294967296"), &u));
    ck_assert(num_parse_u32(s("4294967295"), &u));
    ck_assert(u == UINT32_MAX);
}
END_TEST

START_TEST(format_is_the_inverse_of_parse)
{
    uint64_t values[] = {0, 1, 9, 10, 99, 100, 4294967295u, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        char text[NUM_U64_BYTES_MAX];
        uint64_t back = ~values[i];
        ck_assert(num_parse_u64(span_of(text, num_format_u64(text, values[i])), &back));
        ck_assert(back == values[i]);
    }
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("num");
    tcase_add_test(tc, u64_accepts_digits_up_to_the_limit);
    tcase_add_test(tc, u64_refuses_the_rest_and_leaves_the_result_alone);
    tcase_add_test(tc, signed_limits_are_exact);
    tcase_add_test(tc, format_is_the_inverse_of_parse);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("base/num")

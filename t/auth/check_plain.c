/* PLAIN's message: three fields, of which the first may be empty or the second again. */
#include "suite.h"

#include "auth/plain.h"

START_TEST(parses_the_message)
{
    static const struct {
        struct span message, user, password;
    } good[] = {
        {SPAN("\0alice\0secret"), SPAN("alice"), SPAN("secret")},
        {SPAN("alice\0alice\0secret"), SPAN("alice"), SPAN("secret")},
        {SPAN("\0alice\0"), SPAN("alice"), SPAN("")},
        {SPAN("\0\0secret"), SPAN(""), SPAN("secret")},
        {SPAN("\0\0"), SPAN(""), SPAN("")},
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct span user, password;
        ck_assert(plain_parse(good[i].message, &user, &password));
        ck_assert(span_equal(user, good[i].user));
        ck_assert(span_equal(password, good[i].password));
    }
}
END_TEST

START_TEST(refuses_what_is_none)
{
    static const struct span bad[] = {
        {NULL, 0},
        SPAN(""),
        SPAN("\0"),
        SPAN("alice\0secret"),
        SPAN("\0alice"),
        SPAN("bob\0alice\0secret"),
        SPAN("\0alice\0secret\0"),
        SPAN("\0alice\0secret\0more"),
        SPAN("\0\0\0"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct span user, password;
        ck_assert_msg(!plain_parse(bad[i], &user, &password), "number %zu", i);
    }
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("plain");
    tcase_add_test(tc, parses_the_message);
    tcase_add_test(tc, refuses_what_is_none);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("auth/plain")

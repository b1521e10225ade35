/* base64: the vectors of RFC 4648, section 10, and what must be refused. */
#include "suite.h"

#include "base/base64.h"

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

START_TEST(decodes_and_encodes_the_vectors_of_the_standard)
{
    const char *vectors[][2] = {{"Zg==", "f"},       {"Zm8=", "fo"},         {"Zm9v", "foo"},
                                {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"}};
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        char out[16];
        size_t bytes = 0;
        ck_assert(base64_decode(s(vectors[i][0]), out, sizeof out, &bytes));
        ck_assert(span_equal(span_of(out, bytes), s(vectors[i][1])));
        ck_assert(span_equal(span_of(out, base64_encode(s(vectors[i][1]), out)), s(vectors[i][0])));
    }
}
END_TEST

START_TEST(refuses_what_is_not_canonical)
{
    const char *bad[] = {"", "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n", "Zm-v",
                         "Zg==Zg=="};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char out[16];
        size_t bytes;
        ck_assert_msg(!base64_decode(s(bad[i]), out, sizeof out, &bytes), "accepted '%s'", bad[i]);
    }
}
END_TEST

START_TEST(refuses_what_does_not_fit)
{
    char out[2];
    size_t bytes;
    ck_assert(!base64_decode(s("Zm9v"), out, sizeof out, &bytes));
    ck_assert(base64_decode(s("Zm8="), out, sizeof out, &bytes));
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("base64");
    tcase_add_test(tc, decodes_and_encodes_the_vectors_of_the_standard);
    tcase_add_test(tc, refuses_what_is_not_canonical);
    tcase_add_test(tc, refuses_what_does_not_fit);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("base/base64")

/* What the generator sends and how it reads the answer: keys, values that prove themselves,
 * replies. */
#include "suite.h"

#include <string.h>
#include "base/attr.h"
#include "bench/keyspace.h"
#include "bench/reply.h"
#include "bench/value.h"

static enum reply_kind
kind_of(const char *text)
{
    struct reply r;
    reply_read(span_of(text, strlen(text)), &r);
    return r.kind;
}

START_TEST(each_reply_is_told_by_its_line)
{
    ck_assert_int_eq(kind_of("END\r\n"), REPLY_END);
    ck_assert_int_eq(kind_of("STORED\r\n"), REPLY_STORED);
    ck_assert_int_eq(kind_of("SERVER_ERROR out of memory storing object\r\n"), REPLY_SERVER_ERROR);
    ck_assert_int_eq(kind_of("CLIENT_ERROR bad data chunk\r\n"), REPLY_CLIENT_ERROR);
    ck_assert_int_eq(kind_of("ERROR\r\n"), REPLY_ERROR);
    ck_assert_int_eq(kind_of("NOT_STORED\r\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("ENDX\r\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("\r\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("VALUE k 0 \r\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("VALUE k 0 x\r\n"), REPLY_OTHER);
    ck_assert_int_eq(kind_of("VALUE 12345678901\r\n"), REPLY_OTHER);
}
END_TEST

START_TEST(a_value_line_gives_its_key_and_length)
{
    const char text[] = "VALUE some:key 77 1048576\r\ndata";
    struct reply r;
    size_t used = reply_read(span_of(text, strlen(text)), &r);
    ck_assert_uint_eq(used, strlen(text) - 4);
    ck_assert_int_eq(r.kind, REPLY_VALUE);
    ck_assert_uint_eq(r.data_bytes, 1048576);
    ck_assert(span_equal(reply_key(&r), SPAN("some:key")));
}
END_TEST

START_TEST(a_line_cut_anywhere_waits_for_the_rest)
{
    const char text[] = "VALUE k 0 5\r\n";
    struct reply r;
    for (size_t cut = 0; cut < strlen(text); cut++) {
        ck_assert_uint_eq(reply_read(span_of(text, cut), &r), 0);
        ck_assert_int_eq(r.kind, REPLY_PARTIAL);
    }
}
END_TEST

START_TEST(a_line_without_an_end_is_given_up)
{
    char text[REPLY_LINE_BYTES_MAX + 1];
    struct reply r;
    memset(text, 'x', sizeof(text));
    ck_assert_uint_eq(reply_read(span_of(text, sizeof(text)), &r), sizeof(text));
    ck_assert_int_eq(r.kind, REPLY_OTHER);
}
END_TEST

START_TEST(keys_are_distinct_and_read_back)
{
    struct sizes sizes;
    struct keyspace k;
    ck_assert(sizes_parse(&sizes, "4-40", 1, 250));
    ck_assert(keyspace_init(&k, 2500, &sizes, "user:"));
    for (uint32_t i = 0; i < 2500; i++) {
        char key[KEY_BYTES_MAX];
        uint32_t back;
        size_t bytes = keyspace_write(&k, i, key);
        ck_assert_uint_ge(bytes, 4);
        ck_assert_uint_le(bytes, 40);
        ck_assert(keyspace_read(&k, span_of(key, bytes), &back));
        ck_assert_uint_eq(back, i);
    }
}
END_TEST

START_TEST(foreign_keys_are_refused)
{
    struct sizes sizes;
    struct keyspace k;
    uint32_t number;
    ck_assert(sizes_parse(&sizes, "8", 1, 250));
    ck_assert(keyspace_init(&k, 500, &sizes, "user:"));
    ck_assert(keyspace_read(&k, SPAN("user:499"), &number));
    ck_assert(!keyspace_read(&k, SPAN("user:500"), &number));
    ck_assert(!keyspace_read(&k, SPAN("usex:499"), &number));
    ck_assert(!keyspace_read(&k, SPAN("user:4x9"), &number));
    ck_assert(!keyspace_read(&k, SPAN("auser:499"), &number));
    ck_assert(!keyspace_read(&k, SPAN(""), &number));
    ck_assert_msg(!keyspace_init(&k, 1000000000, &sizes, "user:"), "9 digits do not fit 8 bytes");
}
END_TEST

/* Every length up to some beyond the header, and every byte damaged in turn. */
START_TEST(a_value_proves_whose_it_is)
{
    struct sizes sizes;
    struct value_maker m;
    char text[64];
    ck_assert(sizes_parse(&sizes, "0-64", 0, 64));
    value_init(&m, &sizes, true);
    for (uint32_t bytes = 4; bytes <= sizeof(text); bytes++) {
        value_write(&m, 7, bytes, text, bytes);
        ck_assert_int_eq(value_judge(span_of(text, bytes), 7), VALUE_GOOD);
        ck_assert_int_ne(value_judge(span_of(text, bytes), 8), VALUE_GOOD);
        ck_assert_int_ne(value_judge(span_of(text, bytes - 1), 7), VALUE_GOOD);
        for (uint32_t i = 0; i < bytes; i++) {
            text[i] ^= 1;
            ck_assert_int_eq(value_judge(span_of(text, bytes), 7), VALUE_DAMAGED);
            text[i] ^= 1;
        }
    }
    value_write(&m, 7, 1, text, 64);
    ck_assert_int_eq(value_judge(span_of(text, 64), 8), VALUE_OF_ANOTHER_KEY);
    value_fini(&m);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("reply");
    tcase_add_test(tc, each_reply_is_told_by_its_line);
    tcase_add_test(tc, a_value_line_gives_its_key_and_length);
    tcase_add_test(tc, a_line_cut_anywhere_waits_for_the_rest);
    tcase_add_test(tc, a_line_without_an_end_is_given_up);
    suite_add_tcase(suite, tc);
    TCase *content = tcase_create("content");
    tcase_add_test(content, keys_are_distinct_and_read_back);
    tcase_add_test(content, foreign_keys_are_refused);
    tcase_add_test(content, a_value_proves_whose_it_is);
    suite_add_tcase(suite, content);
}

SUITE_MAIN("tools/reply")

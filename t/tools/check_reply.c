/* What the generator sends and how it reads the answer: keys, values that prove themselves,
 * replies. */
#include "suite.h"

#include <string.h>
#include "base/attr.h"
#include "load/keyspace.h"
#include "load/reply.h"
#include "load/value.h"

static enum reply_kind
kind_of(const char *text)
{
    struct reply r;
    reply_read(PROTOCOL_TEXT, span_of(text, strlen(text)), &r);
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
    size_t used = reply_read(PROTOCOL_TEXT, span_of(text, strlen(text)), &r);
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
        ck_assert_uint_eq(reply_read(PROTOCOL_TEXT, span_of(text, cut), &r), 0);
        ck_assert_int_eq(r.kind, REPLY_PARTIAL);
    }
}
END_TEST

START_TEST(a_line_without_an_end_is_given_up)
{
    char text[REPLY_LINE_BYTES_MAX + 1];
    struct reply r;
    memset(text, 'x', sizeof(text));
    ck_assert_uint_eq(reply_read(PROTOCOL_TEXT, span_of(text, sizeof(text)), &r), sizeof(text));
    ck_assert_int_eq(r.kind, REPLY_OTHER);
}
END_TEST

START_TEST(each_meta_reply_is_told_by_its_line)
{
    static const struct {
        const char *text;
        enum reply_kind kind;
    } lines[] = {
        {"EN\r\n", REPLY_END},           {"MN\r\n", REPLY_END},
        {"HD\r\n", REPLY_STORED},        {"NS\r\n", REPLY_OTHER},
        {"ERROR\r\n", REPLY_ERROR},      {"SERVER_ERROR out of memory\r\n", REPLY_SERVER_ERROR},
        {"VA x\r\n", REPLY_OTHER},       {"VA 5 \r\n", REPLY_OTHER},
        {"VA 5 tkey\r\n", REPLY_OTHER},  {"VALUE k 0 5\r\n", REPLY_OTHER},
    };
    struct reply r;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        const char *text = lines[i].text;
        ck_assert_uint_eq(reply_read(PROTOCOL_META, span_of(text, strlen(text)), &r), strlen(text));
        ck_assert_msg(r.kind == lines[i].kind, "%s is %d", text, r.kind);
    }
    ck_assert_uint_eq(reply_read(PROTOCOL_META, SPAN("VA 1048576\r\n"), &r), 12);
    ck_assert(r.kind == REPLY_VALUE && r.is_last && r.data_bytes == 1048576 && r.end_bytes == 2);
    ck_assert_uint_eq(reply_key(&r).bytes, 0);
    reply_read(PROTOCOL_META, SPAN("VA 5 kuser:17\r\n"), &r);
    ck_assert(r.kind == REPLY_VALUE && !r.is_last && r.data_bytes == 5);
    ck_assert(span_equal(reply_key(&r), SPAN("user:17")));
}
END_TEST

/* Without opaque and cas, which nobody looks at. */
#define PACKET(opcode, key_bytes, extras_bytes, status, body_bytes)                                \
    "\x81" opcode "\0" key_bytes extras_bytes "\0\0" status "\0\0\0" body_bytes                     \
    "\0\0\0\0\0\0\0\0\0\0\0\0"

START_TEST(each_binary_reply_is_told_by_its_header)
{
    static const struct {
        struct span bytes;
        enum reply_kind kind;
        size_t used;
    } packets[] = {
        {SPAN(PACKET("\x0a", "\0", "\0", "\0", "\0")), REPLY_END, 24},
        {SPAN(PACKET("\1", "\0", "\0", "\0", "\0")), REPLY_STORED, 24},
        {SPAN(PACKET("\0", "\0", "\0", "\1", "\x09") "Not found"), REPLY_END, 33},
        {SPAN(PACKET("\1", "\0", "\0", "\3", "\x0a") "Too large."), REPLY_SERVER_ERROR, 34},
        {SPAN(PACKET("\0", "\0", "\0", "\4", "\2") "no"), REPLY_CLIENT_ERROR, 26},
        {SPAN(PACKET("\0", "\0", "\0", "\x81", "\2") "no"), REPLY_ERROR, 26},
        {SPAN(PACKET("\1", "\0", "\0", "\1", "\x09") "Not found"), REPLY_OTHER, 33},
        {SPAN(PACKET("\4", "\0", "\0", "\0", "\0")), REPLY_OTHER, 24},
        {SPAN(PACKET("\0", "\0", "\0", "\0", "\5") "abcde"), REPLY_OTHER, 24},
        {SPAN(PACKET("\0", "\2", "\4", "\0", "\5") "abcde"), REPLY_OTHER, 24},
        {SPAN("\x80" "01234567890123456789012"), REPLY_OTHER, 24},
        {SPAN(PACKET("\0", "\0", "\4", "\0", "\7") "flagabc"), REPLY_VALUE, 28},
        {SPAN(PACKET("\x0d", "\7", "\4", "\0", "\x0e") "flaguser:17abc"), REPLY_VALUE, 35},
    };
    struct reply r;
    for (size_t i = 0; i < ARRAY_COUNT(packets); i++) {
        struct span all = packets[i].bytes;
        ck_assert_uint_eq(reply_read(PROTOCOL_BINARY, all, &r), packets[i].used);
        ck_assert_msg(r.kind == packets[i].kind, "packet %zu is %d", i, r.kind);
        for (size_t cut = 0; cut < packets[i].used; cut++) {
            struct reply partial;
            size_t used = reply_read(PROTOCOL_BINARY, span_of(all.p, cut), &partial);
            ck_assert_msg(used == 0 && partial.kind == REPLY_PARTIAL, "packet %zu at %zu", i, cut);
        }
    }
    ck_assert(!r.is_last && r.data_bytes == 3 && r.end_bytes == 0);
    ck_assert(span_equal(reply_key(&r), SPAN("user:17")));
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
    tcase_add_test(tc, each_meta_reply_is_told_by_its_line);
    tcase_add_test(tc, each_binary_reply_is_told_by_its_header);
    tcase_add_test(tc, a_line_without_an_end_is_given_up);
    suite_add_tcase(suite, tc);
    TCase *content = tcase_create("content");
    tcase_add_test(content, keys_are_distinct_and_read_back);
    tcase_add_test(content, foreign_keys_are_refused);
    tcase_add_test(content, a_value_proves_whose_it_is);
    suite_add_tcase(suite, content);
}

SUITE_MAIN("tools/reply")

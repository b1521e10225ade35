/* Frames of datagrams: what is a request, and how a reply is cut. */
#include "suite.h"

#include <string.h>
#include "base/attr.h"
#include "proto/udp.h"

#define SLOTS_MAX 5

static char slots[SLOTS_MAX * UDP_DATAGRAM_BYTES + 1];
static char text[SLOTS_MAX * UDP_BODY_BYTES + 1];
static struct udp_message message;

static void
set_up(void)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + i / 251);
    memset(slots, '#', sizeof slots);
    udp_message_init(&message, 0x1234, slots, SLOTS_MAX);
}

/* Datagram i of the finished message must carry text[from, from + bytes). */
static void
expect_datagram(unsigned i, unsigned total, size_t from, size_t bytes)
{
    const char *at = slots + i * UDP_DATAGRAM_BYTES;
    const char header[UDP_HEADER_BYTES] = {0x12, 0x34, 0, (char)i, 0, (char)total, 0, 0};
    ck_assert_mem_eq(at, header, sizeof header);
    ck_assert_uint_eq(udp_message_datagram_bytes(&message, i), UDP_HEADER_BYTES + bytes);
    ck_assert_mem_eq(at + UDP_HEADER_BYTES, text + from, bytes);
}

/* ---- requests ---- */

START_TEST(a_request_is_a_header_and_a_body)
{
    struct udp_request request;
    ck_assert(udp_parse(SPAN("\xab\xcd\0\0\0\1\0\0version\r\n"), &request));
    ck_assert_uint_eq(request.id, 0xabcd);
    ck_assert(span_equal(request.body, SPAN("version\r\n")));
}
END_TEST

START_TEST(sequence_and_reserved_are_not_looked_at)
{
    struct udp_request request;
    ck_assert(udp_parse(SPAN("\0\0\xff\xff\0\1\xff\xffx"), &request));
    ck_assert_uint_eq(request.id, 0);
    ck_assert(span_equal(request.body, SPAN("x")));
}
END_TEST

START_TEST(what_is_no_whole_request_is_refused)
{
    static const char header[] = "\0\1\0\0\0\1\0\0";
    struct udp_request request;
    for (size_t bytes = 0; bytes <= UDP_HEADER_BYTES; bytes++)
        ck_assert_msg(!udp_parse(span_of(header, bytes), &request), "%zu bytes", bytes);
    ck_assert(!udp_parse(SPAN("\0\1\0\0\0\0\0\0version\r\n"), &request));
    ck_assert(!udp_parse(SPAN("\0\1\0\0\0\2\0\0version\r\n"), &request));
    ck_assert(!udp_parse(SPAN("\0\1\0\1\0\2\0\0version\r\n"), &request));
    ck_assert(!udp_parse(SPAN("\0\1\0\0\1\1\0\0version\r\n"), &request));
    ck_assert(!udp_parse(SPAN("\0\1\0\0\1\0\0\0version\r\n"), &request));
}
END_TEST

/* ---- messages ---- */

START_TEST(nothing_said_is_nothing_sent)
{
    ck_assert_uint_eq(udp_message_finish(&message), 0);
    udp_message_add(&message, SPAN(""));
    ck_assert_uint_eq(udp_message_finish(&message), 0);
}
END_TEST

START_TEST(a_message_is_cut_at_1392_bytes)
{
    static const struct {
        size_t bytes;
        unsigned total;
        size_t last_bytes;
    } rows[] = {
        {1, 1, 1},       {1391, 1, 1391}, {1392, 1, 1392}, {1393, 2, 1},
        {2784, 2, 1392}, {2785, 3, 1},    {6959, 5, 1391}, {6960, 5, 1392},
    };
    for (size_t row = 0; row < ARRAY_COUNT(rows); row++) {
        set_up();
        udp_message_add(&message, span_of(text, rows[row].bytes));
        unsigned total = udp_message_finish(&message);
        ck_assert_uint_eq(total, rows[row].total);
        for (unsigned i = 0; i + 1 < total; i++)
            expect_datagram(i, total, i * 1392, 1392);
        expect_datagram(total - 1, total, (total - 1) * 1392, rows[row].last_bytes);
        ck_assert_int_eq(slots[SLOTS_MAX * UDP_DATAGRAM_BYTES], '#');
    }
}
END_TEST

START_TEST(it_does_not_matter_in_what_pieces_it_came)
{
    static const size_t steps[] = {1, 7, 1391, 1392, 1393, 5000};
    for (size_t s = 0; s < ARRAY_COUNT(steps); s++) {
        set_up();
        for (size_t at = 0; at < 5000;) {
            size_t n = 5000 - at < steps[s] ? 5000 - at : steps[s];
            udp_message_add(&message, span_of(text + at, n));
            at += n;
        }
        ck_assert_uint_eq(udp_message_finish(&message), 4);
        for (unsigned i = 0; i < 3; i++)
            expect_datagram(i, 4, i * 1392, 1392);
        expect_datagram(3, 4, 3 * 1392, 5000 - 3 * 1392);
    }
}
END_TEST

START_TEST(a_message_that_is_too_long_is_dropped_as_a_whole)
{
    udp_message_add(&message, span_of(text, SLOTS_MAX * UDP_BODY_BYTES));
    ck_assert(!message.too_long);
    udp_message_add(&message, SPAN("x"));
    ck_assert(message.too_long);
    udp_message_add(&message, SPAN("y"));
    ck_assert_uint_eq(udp_message_finish(&message), 0);
    ck_assert_int_eq(slots[SLOTS_MAX * UDP_DATAGRAM_BYTES], '#');
    udp_message_clear(&message);
    udp_message_add(&message, span_of(text, 3));
    ck_assert_uint_eq(udp_message_finish(&message), 1);
    expect_datagram(0, 1, 0, 3);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("udp");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_request_is_a_header_and_a_body);
    tcase_add_test(tc, sequence_and_reserved_are_not_looked_at);
    tcase_add_test(tc, what_is_no_whole_request_is_refused);
    tcase_add_test(tc, nothing_said_is_nothing_sent);
    tcase_add_test(tc, a_message_is_cut_at_1392_bytes);
    tcase_add_test(tc, it_does_not_matter_in_what_pieces_it_came);
    tcase_add_test(tc, a_message_that_is_too_long_is_dropped_as_a_whole);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/udp")

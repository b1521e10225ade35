/* The binary protocol: what each packet becomes, every error, that limits are exact, and replies. */
#include "suite.h"

#include "packet.h"
#include "proto/binary.h"

static struct packets packets;
static struct request r[64];
static size_t count, used;
static struct binary_parser parser;

static char filler[2000]; /* for keys and values of any length */

static struct span
filling(size_t bytes)
{
    memset(filler, 'k', sizeof filler);
    return span_of(filler, bytes);
}

static void
parse_span(struct span in)
{
    parser = (struct binary_parser){0};
    memset(r, 0xaa, sizeof r);
    count = binary_parse(&parser, in, r, ARRAY_COUNT(r), &used);
}

static void
parse(void)
{
    parse_span(packets_span(&packets));
}

static char *
begin(uint8_t opcode, struct span extras, struct span key, struct span value)
{
    packets.bytes = 0;
    return packets_add(&packets, opcode, extras, key, value);
}

static const struct request *
parse_one(void)
{
    parse();
    ck_assert_msg(count == 1, "%zu requests", count);
    ck_assert_uint_eq(used, packets.bytes);
    ck_assert_uint_eq(r[0].start, 0);
    ck_assert_uint_eq(r[0].hash, 0);
    return &r[0];
}

static void
expect_span(struct span s, struct span want)
{
    ck_assert_msg(span_equal(s, want), "'%.*s' is not '%.*s'", (int)s.bytes, s.p, (int)want.bytes,
                  want.p);
}

/* ---- each command ---- */

#define FLAGS_EXP SPAN("\0\0\1\2\0\0\3\4")
#define DELTA     SPAN("\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\x09")
#define EXP       SPAN("\0\0\0\x0a")

START_TEST(every_opcode_has_its_command_and_its_way_to_be_answered)
{
    enum { GETQ = REQ_QUIET | REQ_MID_LINE, CAS = REQ_WITH_CAS, KEY = REQ_WITH_KEY };
    static const struct {
        uint8_t opcode;
        uint8_t extras, key, value; /* bytes */
        uint8_t cmd;
        uint8_t flags;
    } all[] = {
        {0x00, 0, 1, 0, CMD_GET, CAS},
        {0x01, 8, 1, 1, CMD_SET, REQ_WHOLE},
        {0x02, 8, 1, 1, CMD_ADD, REQ_WHOLE},
        {0x03, 8, 1, 1, CMD_REPLACE, REQ_WHOLE},
        {0x04, 0, 1, 0, CMD_DELETE, 0},
        {0x05, 20, 1, 0, CMD_INCR, 0},
        {0x06, 20, 1, 0, CMD_DECR, 0},
        {0x07, 0, 0, 0, CMD_QUIT, 0},
        {0x08, 0, 0, 0, CMD_FLUSH_ALL, 0},
        {0x08, 4, 0, 0, CMD_FLUSH_ALL, 0},
        {0x09, 0, 1, 0, CMD_GET, CAS | GETQ},
        {0x0a, 0, 0, 0, CMD_NOOP, 0},
        {0x0b, 0, 0, 0, CMD_VERSION, 0},
        {0x0c, 0, 1, 0, CMD_GET, CAS | KEY},
        {0x0d, 0, 1, 0, CMD_GET, CAS | KEY | GETQ},
        {0x0e, 0, 1, 1, CMD_APPEND, REQ_WHOLE},
        {0x0f, 0, 1, 1, CMD_PREPEND, REQ_WHOLE},
        {0x10, 0, 0, 0, CMD_STATS, 0},
        {0x11, 8, 1, 1, CMD_SET, REQ_WHOLE | REQ_QUIET},
        {0x12, 8, 1, 1, CMD_ADD, REQ_WHOLE | REQ_QUIET},
        {0x13, 8, 1, 1, CMD_REPLACE, REQ_WHOLE | REQ_QUIET},
        {0x14, 0, 1, 0, CMD_DELETE, REQ_QUIET},
        {0x15, 20, 1, 0, CMD_INCR, REQ_QUIET},
        {0x16, 20, 1, 0, CMD_DECR, REQ_QUIET},
        {0x17, 0, 0, 0, CMD_QUIT, REQ_QUIET},
        {0x18, 0, 0, 0, CMD_FLUSH_ALL, REQ_QUIET},
        {0x18, 4, 0, 0, CMD_FLUSH_ALL, REQ_QUIET},
        {0x19, 0, 1, 1, CMD_APPEND, REQ_WHOLE | REQ_QUIET},
        {0x1a, 0, 1, 1, CMD_PREPEND, REQ_WHOLE | REQ_QUIET},
        {0x1c, 4, 1, 0, CMD_TOUCH, CAS},
        {0x1d, 4, 1, 0, CMD_GAT, CAS},
        {0x1e, 4, 1, 0, CMD_GAT, CAS | GETQ},
        {0x20, 0, 0, 0, CMD_SASL_LIST, REQ_WHOLE},
        {0x21, 0, 1, 1, CMD_SASL_AUTH, REQ_WHOLE},
        {0x22, 0, 1, 1, CMD_SASL_STEP, REQ_WHOLE},
        {0x23, 4, 1, 0, CMD_GAT, CAS | KEY},
        {0x24, 4, 1, 0, CMD_GAT, CAS | KEY | GETQ},
    };
    static const char zeros[20];
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        begin(all[i].opcode, span_of(zeros, all[i].extras), filling(all[i].key),
              filling(all[i].value));
        const struct request *q = parse_one();
        ck_assert_msg(q->cmd == all[i].cmd && q->flags == all[i].flags && q->error == PROTO_OK,
                      "opcode %02x: command %u, flags %02x, error %u", all[i].opcode, q->cmd,
                      q->flags, q->error);
    }
}
END_TEST

START_TEST(a_storage_packet_has_flags_exptime_and_value)
{
    begin(0x01, FLAGS_EXP, SPAN("key"), SPAN("value"));
    const struct request *q = parse_one();
    ck_assert_uint_eq(q->client_flags, 0x102);
    ck_assert_int_eq(q->exptime, 0x304);
    ck_assert_uint_eq(q->number, 0);
    expect_span(request_key(q), SPAN("key"));
    expect_span(span_of(q->value, q->value_here), SPAN("value"));
    ck_assert_uint_eq(q->value_bytes, 5);

    begin(0x0e, SPAN_NONE, SPAN("key"), SPAN_NONE);
    ck_assert_uint_eq(parse_one()->value_bytes, 0);
    ck_assert_uint_eq(r[0].flags, REQ_WHOLE);
}
END_TEST

START_TEST(an_exptime_has_no_sign)
{
    begin(0x01, SPAN("\0\0\0\0\xff\xff\xff\xff"), SPAN("key"), SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 0xffffffff);
    begin(0x1c, SPAN("\xff\xff\xff\xff"), SPAN("key"), SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 0xffffffff);
}
END_TEST

START_TEST(set_add_and_replace_with_a_cas_compare_it)
{
    static const uint8_t opcodes[] = {0x01, 0x02, 0x03, 0x11, 0x12, 0x13};
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        packets_set_cas(begin(opcodes[i], FLAGS_EXP, SPAN("key"), SPAN("v")),
                        UINT64_C(0x1122334455667788));
        ck_assert_uint_eq(parse_one()->cmd, CMD_CAS);
        ck_assert_uint_eq(r[0].number, UINT64_C(0x1122334455667788));
    }
}
END_TEST

START_TEST(append_prepend_and_delete_keep_the_cas_to_compare)
{
    static const uint8_t opcodes[] = {0x04, 0x0e, 0x0f, 0x14, 0x19, 0x1a};
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        packets_set_cas(begin(opcodes[i], SPAN_NONE, SPAN("key"), SPAN_NONE), 77);
        ck_assert_uint_eq(parse_one()->number, 77);
        ck_assert_uint_ne(r[0].cmd, CMD_CAS);
    }
}
END_TEST

START_TEST(arithmetic_leaves_two_numbers_in_its_packet)
{
    packets_set_cas(begin(0x05, DELTA, SPAN("key"), SPAN_NONE), 42);
    ck_assert_uint_eq(parse_one()->number, 5);
    ck_assert_int_eq(r[0].exptime, 9);
    ck_assert_uint_eq(binary_initial(packets.at + r[0].start), 7);
    ck_assert_uint_eq(binary_cas(packets.at + r[0].start), 42);
}
END_TEST

START_TEST(touch_and_flush_have_a_time)
{
    begin(0x1c, EXP, SPAN("key"), SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 10);
    begin(0x24, EXP, SPAN("key"), SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 10);
    begin(0x08, EXP, SPAN_NONE, SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 10);
    begin(0x08, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    ck_assert_int_eq(parse_one()->exptime, 0);
}
END_TEST

START_TEST(the_key_of_stat_is_its_arguments)
{
    begin(0x10, SPAN_NONE, SPAN("detail dump"), SPAN_NONE);
    expect_span(request_args(parse_one()), SPAN("detail dump"));
    ck_assert_uint_eq(r[0].key_bytes, 0);
    begin(0x10, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    ck_assert_uint_eq(request_args(parse_one()).bytes, 0);
}
END_TEST

START_TEST(a_key_may_have_any_bytes)
{
    begin(0x00, SPAN_NONE, SPAN(" \r\n\0\xff"), SPAN_NONE);
    expect_span(request_key(parse_one()), SPAN(" \r\n\0\xff"));
}
END_TEST

START_TEST(type_vbucket_and_a_useless_cas_are_ignored)
{
    char *header = begin(0x00, SPAN_NONE, SPAN("key"), SPAN_NONE);
    header[5] = 7;
    packets_put_u16(header, 6, 99);
    packets_set_cas(header, 5);
    ck_assert_uint_eq(parse_one()->cmd, CMD_GET);
}
END_TEST

/* ---- pieces ---- */

START_TEST(a_packet_waits_for_its_key)
{
    begin(0x01, FLAGS_EXP, SPAN("key"), SPAN("value"));
    for (size_t bytes = 0; bytes < 24 + 8 + 3; bytes++) {
        parse_span(span_of(packets.at, bytes));
        ck_assert_uint_eq(count, 0);
        ck_assert_uint_eq(used, 0);
    }
}
END_TEST

START_TEST(a_value_may_come_later)
{
    begin(0x01, FLAGS_EXP, SPAN("key"), SPAN("value"));
    for (size_t here = 0; here < 5; here++) {
        parse_span(span_of(packets.at, 24 + 8 + 3 + here));
        ck_assert_uint_eq(count, 1);
        ck_assert_uint_eq(used, 24 + 8 + 3 + here);
        ck_assert_uint_eq(r[0].flags, 0);
        ck_assert_uint_eq(r[0].value_here, here);
        ck_assert_uint_eq(r[0].value_bytes, 5);
    }
}
END_TEST

START_TEST(an_incomplete_value_ends_the_parse)
{
    begin(0x0a, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    packets_add(&packets, 0x01, FLAGS_EXP, SPAN("key"), SPAN("value"));
    parse_span(span_of(packets.at, packets.bytes - 1));
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(r[1].start, 24);
    ck_assert_uint_eq(used, packets.bytes - 1);
}
END_TEST

START_TEST(a_pipeline_stops_at_max)
{
    packets.bytes = 0;
    for (size_t i = 0; i < 10; i++)
        packets_add(&packets, 0x0d, SPAN_NONE, SPAN("key"), SPAN_NONE);
    parser = (struct binary_parser){0};
    ck_assert_uint_eq(binary_parse(&parser, packets_span(&packets), r, 7, &used), 7);
    ck_assert_uint_eq(used, 7 * 27);
    ck_assert_uint_eq(r[6].start, 6 * 27);
}
END_TEST

START_TEST(a_key_can_be_seen_before_its_packet_is_parsed)
{
    parser = (struct binary_parser){0};
    begin(0x01, FLAGS_EXP, SPAN("key"), SPAN("value"));
    expect_span(binary_peek_key(&parser, packets_span(&packets)), SPAN("key"));
    expect_span(binary_peek_key(&parser, span_of(packets.at, 35)), SPAN("key"));
    for (size_t bytes = 0; bytes < 35; bytes++)
        ck_assert_uint_eq(binary_peek_key(&parser, span_of(packets.at, bytes)).bytes, 0);
    packets_put_u32(packets.at, 8, 10); /* a lie */
    ck_assert_uint_eq(binary_peek_key(&parser, packets_span(&packets)).bytes, 0);
    begin(0x0a, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    ck_assert_uint_eq(binary_peek_key(&parser, packets_span(&packets)).bytes, 0);
    binary_parser_swallow(&parser, 1);
    begin(0x00, SPAN_NONE, SPAN("key"), SPAN_NONE);
    ck_assert_uint_eq(binary_peek_key(&parser, packets_span(&packets)).bytes, 0);
}
END_TEST

START_TEST(swallow_takes_bytes_off_the_stream)
{
    begin(0x0a, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    parser = (struct binary_parser){0};
    binary_parser_swallow(&parser, 30);
    ck_assert_uint_eq(binary_parse(&parser, filling(20), r, 4, &used), 0);
    ck_assert_uint_eq(used, 20);
    char last[10 + 24];
    memset(last, 'x', 10);
    memcpy(last + 10, packets.at, 24);
    ck_assert_uint_eq(binary_parse(&parser, span_of(last, sizeof last), r, 4, &used), 1);
    ck_assert_uint_eq(r[0].cmd, CMD_NOOP);
    ck_assert_uint_eq(r[0].start, 10);
}
END_TEST

/* ---- what makes no sense ---- */

/* That the packet, and whatever follows, is one CMD_BAD which ends the connection. */
static void
expect_end(enum proto_error error)
{
    packets_add(&packets, 0x0a, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    parse();
    ck_assert_msg(count == 1, "%zu requests, the first is %u", count, r[0].cmd);
    ck_assert_uint_eq(r[0].cmd, CMD_BAD);
    ck_assert_uint_eq(r[0].error, error);
    ck_assert_uint_eq(r[0].flags, REQ_CLOSE);
    ck_assert_uint_gt(used, 0);
}

START_TEST(anything_but_the_magic_ends_the_connection)
{
    for (int first = 0; first < 256; first++) {
        *begin(0x00, SPAN_NONE, SPAN("key"), SPAN_NONE) = (char)first;
        if (first != 0x80)
            expect_end(PROTO_SILENT);
    }
    parse_span(SPAN("g")); /* one byte is enough to see it */
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(key_and_extras_must_fit_the_body)
{
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        packets_put_u32(begin((uint8_t)opcode, SPAN_NONE, SPAN("key"), SPAN_NONE), 8, 2);
        expect_end(PROTO_UNKNOWN);
        packets_put_u32(begin((uint8_t)opcode, FLAGS_EXP, SPAN("key"), SPAN_NONE), 8, 10);
        expect_end(PROTO_UNKNOWN);
    }
}
END_TEST

START_TEST(a_key_has_up_to_250_bytes)
{
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        begin((uint8_t)opcode, SPAN_NONE, filling(251), SPAN_NONE);
        expect_end(PROTO_BAD_FORMAT);
    }
    begin(0x00, SPAN_NONE, filling(250), SPAN_NONE);
    ck_assert_uint_eq(parse_one()->key_bytes, 250);
}
END_TEST

START_TEST(a_body_has_up_to_a_gibibyte)
{
    packets_put_u32(begin(0x01, FLAGS_EXP, SPAN("key"), SPAN_NONE), 8, (1u << 30) + 1);
    expect_end(PROTO_BAD_FORMAT);
    packets_put_u32(begin(0x50, SPAN_NONE, SPAN_NONE, SPAN_NONE), 8, (1u << 30) + 1);
    expect_end(PROTO_BAD_FORMAT);
    packets_put_u32(begin(0x01, FLAGS_EXP, SPAN("key"), SPAN_NONE), 8, UINT32_MAX);
    expect_end(PROTO_BAD_FORMAT);
    packets_put_u32(begin(0x01, FLAGS_EXP, SPAN("key"), SPAN_NONE), 8, 1u << 30);
    ck_assert_uint_eq(parse_one()->value_bytes, (1u << 30) - 11);
}
END_TEST

/* Lengths that one of our known opcodes might have, each way round. */
START_TEST(extras_key_and_value_must_be_those_of_the_opcode)
{
    static const uint8_t storage[] = {0x01, 0x02, 0x03, 0x11, 0x12, 0x13};
    static const uint8_t keyed[] = {0x00, 0x04, 0x09, 0x0c, 0x0d, 0x14};
    static const uint8_t bare[] = {0x07, 0x0a, 0x0b, 0x17};
    for (size_t i = 0; i < ARRAY_COUNT(storage); i++) {
        begin(storage[i], SPAN_NONE, SPAN("key"), SPAN("v"));
        expect_end(PROTO_BAD_FORMAT);
        begin(storage[i], EXP, SPAN("key"), SPAN("v"));
        expect_end(PROTO_BAD_FORMAT);
        begin(storage[i], FLAGS_EXP, SPAN_NONE, SPAN("v"));
        expect_end(PROTO_BAD_FORMAT);
    }
    for (size_t i = 0; i < ARRAY_COUNT(keyed); i++) {
        begin(keyed[i], EXP, SPAN("key"), SPAN_NONE);
        expect_end(PROTO_BAD_FORMAT);
        begin(keyed[i], SPAN_NONE, SPAN_NONE, SPAN_NONE);
        expect_end(PROTO_BAD_FORMAT);
        begin(keyed[i], SPAN_NONE, SPAN("key"), SPAN("v"));
        expect_end(PROTO_BAD_FORMAT);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bare); i++) {
        begin(bare[i], EXP, SPAN_NONE, SPAN_NONE);
        expect_end(PROTO_BAD_FORMAT);
        begin(bare[i], SPAN_NONE, SPAN("key"), SPAN_NONE);
        expect_end(PROTO_BAD_FORMAT);
        begin(bare[i], SPAN_NONE, SPAN_NONE, SPAN("v"));
        expect_end(PROTO_BAD_FORMAT);
    }
    begin(0x20, SPAN_NONE, SPAN("PLAIN"), SPAN_NONE);
    expect_end(PROTO_BAD_FORMAT);
    begin(0x21, SPAN_NONE, SPAN_NONE, SPAN("data"));
    expect_end(PROTO_BAD_FORMAT);
    begin(0x22, EXP, SPAN("PLAIN"), SPAN("data"));
    expect_end(PROTO_BAD_FORMAT);
    begin(0x08, FLAGS_EXP, SPAN_NONE, SPAN_NONE);
    expect_end(PROTO_BAD_FORMAT);
    begin(0x10, EXP, SPAN("items"), SPAN_NONE);
    expect_end(PROTO_BAD_FORMAT);
    begin(0x05, FLAGS_EXP, SPAN("key"), SPAN_NONE);
    expect_end(PROTO_BAD_FORMAT);
    begin(0x1c, SPAN_NONE, SPAN("key"), SPAN_NONE);
    expect_end(PROTO_BAD_FORMAT);
}
END_TEST

START_TEST(no_opcode_takes_extras_of_just_any_length)
{
    static const char zeros[255];
    for (unsigned opcode = 0; opcode <= 0x24; opcode++) {
        for (unsigned extras = 21; extras < 256; extras++) {
            begin((uint8_t)opcode, span_of(zeros, extras), SPAN("key"), SPAN("v"));
            parse();
            ck_assert_uint_eq(count, 1);
            ck_assert_uint_eq(r[0].cmd, CMD_BAD);
        }
    }
}
END_TEST

START_TEST(an_unknown_opcode_does_not_lose_the_stream)
{
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        if ((opcode <= 0x24 && opcode != 0x1b && opcode != 0x1f))
            continue;
        begin((uint8_t)opcode, EXP, SPAN("key"), filling(100));
        packets_add(&packets, 0x0a, SPAN_NONE, SPAN_NONE, SPAN_NONE);
        parse();
        ck_assert_uint_eq(count, 2);
        ck_assert_uint_eq(r[0].cmd, CMD_BAD);
        ck_assert_uint_eq(r[0].error, PROTO_UNKNOWN);
        ck_assert_uint_eq(r[0].flags, 0);
        ck_assert_uint_eq(r[1].cmd, CMD_NOOP);
        ck_assert_uint_eq(r[1].start, 24 + 4 + 3 + 100);
    }
}
END_TEST

START_TEST(an_unknown_packet_is_answered_before_its_body_has_come)
{
    begin(0x50, SPAN_NONE, SPAN_NONE, filling(1000));
    parse_span(span_of(packets.at, 24));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(parser.swallow_bytes, 1000);
}
END_TEST

/* ---- SASL ---- */

START_TEST(sasl_data_comes_in_one_piece)
{
    begin(0x21, SPAN_NONE, SPAN("PLAIN"), SPAN("\0user\0secret"));
    for (size_t bytes = 0; bytes < packets.bytes; bytes++) {
        parse_span(span_of(packets.at, bytes));
        ck_assert_uint_eq(count, 0);
    }
    expect_span(request_key(parse_one()), SPAN("PLAIN"));
    expect_span(span_of(r[0].value, r[0].value_here), SPAN("\0user\0secret"));
}
END_TEST

START_TEST(too_much_sasl_data_is_thrown_away)
{
    packets_put_u32(begin(0x22, SPAN_NONE, SPAN("PLAIN"), SPAN_NONE), 8,
                    5 + BINARY_SASL_BYTES_MAX + 1);
    ck_assert_uint_eq(parse_one()->cmd, CMD_SASL_STEP);
    ck_assert_uint_eq(r[0].flags, 0);
    ck_assert_uint_eq(parser.swallow_bytes, BINARY_SASL_BYTES_MAX + 1);

    packets_put_u32(begin(0x22, SPAN_NONE, SPAN("PLAIN"), SPAN_NONE), 8, 5 + BINARY_SASL_BYTES_MAX);
    parse();
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* ---- replies ---- */

START_TEST(a_reply_echoes_opcode_and_opaque)
{
    begin(0x0d, SPAN_NONE, SPAN("key"), SPAN_NONE);
    char header[BINARY_HEADER_BYTES];
    struct binary_body body = {.extras_bytes = 4, .key_bytes = 250, .value_bytes = 0x10000};
    binary_reply_header(header, binary_echo_of(packets.at), BINARY_NO_MEMORY, body,
                        UINT64_C(0x0102030405060708));
    expect_span(span_of(header, sizeof header),
                SPAN("\x81\x0d\0\xfa\4\0\0\x82\0\1\0\xfe"
                     "opaq\1\2\3\4\5\6\7\x08"));
}
END_TEST

START_TEST(every_status_has_its_words)
{
    static const struct {
        enum binary_status status;
        const char *text;
    } all[] = {
        {BINARY_OK, ""},
        {BINARY_NOT_FOUND, "Not found"},
        {BINARY_EXISTS, "Data exists for key."},
        {BINARY_TOO_LARGE, "Too large."},
        {BINARY_INVALID, "Invalid arguments"},
        {BINARY_NOT_STORED, "Not stored."},
        {BINARY_NOT_NUMERIC, "Non-numeric server-side value for incr or decr"},
        {BINARY_AUTH_FAILED, "Auth failure."},
        {BINARY_AUTH_CONTINUE, ""},
        {BINARY_UNKNOWN, "Unknown command"},
        {BINARY_NO_MEMORY, "Out of memory"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        expect_span(binary_status_text(all[i].status), span_of(all[i].text, strlen(all[i].text)));
    ck_assert_int_eq(binary_status_of(PROTO_UNKNOWN), BINARY_UNKNOWN);
    ck_assert_int_eq(binary_status_of(PROTO_BAD_FORMAT), BINARY_INVALID);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("binary");
    tcase_add_test(tc, every_opcode_has_its_command_and_its_way_to_be_answered);
    tcase_add_test(tc, a_storage_packet_has_flags_exptime_and_value);
    tcase_add_test(tc, an_exptime_has_no_sign);
    tcase_add_test(tc, set_add_and_replace_with_a_cas_compare_it);
    tcase_add_test(tc, append_prepend_and_delete_keep_the_cas_to_compare);
    tcase_add_test(tc, arithmetic_leaves_two_numbers_in_its_packet);
    tcase_add_test(tc, touch_and_flush_have_a_time);
    tcase_add_test(tc, the_key_of_stat_is_its_arguments);
    tcase_add_test(tc, a_key_may_have_any_bytes);
    tcase_add_test(tc, type_vbucket_and_a_useless_cas_are_ignored);
    tcase_add_test(tc, a_packet_waits_for_its_key);
    tcase_add_test(tc, a_value_may_come_later);
    tcase_add_test(tc, an_incomplete_value_ends_the_parse);
    tcase_add_test(tc, a_pipeline_stops_at_max);
    tcase_add_test(tc, a_key_can_be_seen_before_its_packet_is_parsed);
    tcase_add_test(tc, swallow_takes_bytes_off_the_stream);
    tcase_add_test(tc, anything_but_the_magic_ends_the_connection);
    tcase_add_test(tc, key_and_extras_must_fit_the_body);
    tcase_add_test(tc, a_key_has_up_to_250_bytes);
    tcase_add_test(tc, a_body_has_up_to_a_gibibyte);
    tcase_add_test(tc, extras_key_and_value_must_be_those_of_the_opcode);
    tcase_add_test(tc, no_opcode_takes_extras_of_just_any_length);
    tcase_add_test(tc, an_unknown_opcode_does_not_lose_the_stream);
    tcase_add_test(tc, an_unknown_packet_is_answered_before_its_body_has_come);
    tcase_add_test(tc, sasl_data_comes_in_one_piece);
    tcase_add_test(tc, too_much_sasl_data_is_thrown_away);
    tcase_add_test(tc, a_reply_echoes_opcode_and_opaque);
    tcase_add_test(tc, every_status_has_its_words);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/binary")

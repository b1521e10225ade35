/* The binary protocol meets the engine: what is answered, what is not, and how it goes on when a packet
 * or an answer does not fit one turn.
 *
 * Replies are compared as text, a line each, of what is not empty or zero:
 *
 *     <opcode>:<status>[ cas][ x=<extras in hex>][ k=<key>][ v=<value>]
 */
#include "client.h"
#include "packet.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* See check_exec.c. */
#define CHAINED_BYTES (33 * KIB)

#define FLAGS_5  SPAN("\0\0\0\5\0\0\0\0") /* and no exptime */
#define EXP(s)   SPAN("\0\0\0" s)
#define EXP_NONE "\xff\xff\xff\xff"

enum {
    GET = 0x00, SET = 0x01, ADD = 0x02, REPLACE = 0x03, DELETE = 0x04, INCR = 0x05, DECR = 0x06,
    QUIT = 0x07, FLUSH = 0x08, GETQ = 0x09, NOOP = 0x0a, VERSION = 0x0b, GETK = 0x0c, GETKQ = 0x0d,
    APPEND = 0x0e, PREPEND = 0x0f, STAT = 0x10, SETQ = 0x11, ADDQ = 0x12, REPLACEQ = 0x13,
    DELETEQ = 0x14, INCRQ = 0x15, DECRQ = 0x16, QUITQ = 0x17, FLUSHQ = 0x18, APPENDQ = 0x19,
    PREPENDQ = 0x1a, TOUCH = 0x1c, GAT = 0x1d, GATQ = 0x1e, SASL_LIST = 0x20, SASL_AUTH = 0x21,
    GATK = 0x23, GATKQ = 0x24,
};

static struct packets said;
static char replies[1u << 20]; /* as text */
static uint64_t last_cas;      /* of the last reply that had one */

static char *
add(uint8_t opcode, struct span extras, struct span key, struct span value)
{
    return packets_add(&said, opcode, extras, key, value);
}

static void
add_cas(uint8_t opcode, struct span extras, struct span key, struct span value, uint64_t cas)
{
    packets_set_cas(add(opcode, extras, key, value), cas);
}

static void
add_arith(uint8_t opcode, const char *key, uint64_t delta, uint64_t initial, uint32_t exptime)
{
    char extras[20];
    packets_put_u64(extras, 0, delta);
    packets_put_u64(extras, 8, initial);
    packets_put_u32(extras, 16, exptime);
    add(opcode, span_of(extras, sizeof extras), span_of(key, strlen(key)), SPAN_NONE);
}

/* Writes one reply down, and returns what it took; aborts unless it is whole. */
static size_t
describe(struct span in, char **to)
{
    uint16_t key_bytes;
    ck_assert_uint_ge(in.bytes, 24);
    memcpy(&key_bytes, in.p + 2, 2);
    key_bytes = be16toh(key_bytes);
    uint8_t extras_bytes = (uint8_t)in.p[4];
    uint32_t body_bytes = binary_u32(in.p + 8);
    uint64_t cas = binary_u64(in.p + 16);
    ck_assert_uint_eq((uint8_t)in.p[0], 0x81);
    ck_assert_mem_eq(in.p + 12, "opaq", 4);
    ck_assert_uint_ge(in.bytes - 24, body_bytes);
    uint32_t value_bytes = body_bytes - extras_bytes - key_bytes;
    *to += sprintf(*to, "%02x:%x", (uint8_t)in.p[1], (uint8_t)in.p[6] << 8 | (uint8_t)in.p[7]);
    if (cas != 0) {
        last_cas = cas;
        *to += sprintf(*to, " cas");
    }
    const char *at = in.p + 24;
    if (extras_bytes > 0)
        *to += sprintf(*to, " x=");
    for (size_t i = 0; i < extras_bytes; i++)
        *to += sprintf(*to, "%02x", (uint8_t)*at++);
    if (key_bytes > 0)
        *to += sprintf(*to, " k=%.*s", key_bytes, at);
    if (value_bytes > 0)
        *to += sprintf(*to, " v=%.*s", (int)value_bytes, at + key_bytes);
    *to += sprintf(*to, "\n");
    return 24 + body_bytes;
}

static void
read_replies(struct client *c)
{
    char *to = replies;
    size_t at = 0;
    *to = '\0';
    while (at < c->received_bytes)
        at += describe(span_of(c->received + at, c->received_bytes - at), &to);
    c->received_bytes = 0;
}

static void
expect(struct client *c, const char *want)
{
    read_replies(c);
    ck_assert_str_eq(replies, want);
}

/* Says what was added, all at once. */
static void
say(struct client *c)
{
    client_say_span(c, packets_span(&said));
    said.bytes = 0;
}

static void
say_and_expect(struct client *c, const char *want)
{
    say(c);
    expect(c, want);
}

static void
say_set(struct client *c, const char *key, struct span value)
{
    add(SET, FLAGS_5, span_of(key, strlen(key)), SPAN_NONE);
    packets_put_u32(said.at, 8, (uint32_t)(8 + strlen(key) + value.bytes));
    say(c);
    client_say_span(c, value);
    expect(c, "01:0 cas\n");
}

static uint64_t
stat_of(struct client *c, const char *group, const char *name)
{
    char wanted[80];
    add(STAT, SPAN_NONE, span_of(group, strlen(group)), SPAN_NONE);
    say(c);
    read_replies(c);
    snprintf(wanted, sizeof wanted, "10:0 k=%s v=", name);
    const char *line = strstr(replies, wanted);
    ck_assert_msg(line != NULL, "no %s", wanted);
    return strtoull(line + strlen(wanted), NULL, 10);
}

#define GIVEN_A_CLIENT                                                                             \
    struct server *sv = server_open();                                                             \
    struct client c = client_open(sv);                                                             \
    said.bytes = 0

#define CLOSE_ALL                                                                                  \
    client_close(&c);                                                                              \
    server_close(sv)

/* ---- answers ---- */

START_TEST(the_first_byte_chooses_the_protocol_once)
{
    GIVEN_A_CLIENT;
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "0a:0\n");
    client_say(&c, "get a\r\n");
    client_expect(&c, "");
    ck_assert(c.closed);
    client_close(&c);
    c = client_open(sv);
    client_ask(&c, "get a\r\n", "END\r\n");
    add(VERSION, SPAN_NONE, SPAN_NONE, SPAN("\r\n"));
    say(&c);
    client_expect(&c, "ERROR\r\n");
    client_close(&c);
    c = client_open(sv);
    c.session.protocol = PROTOCOL_BINARY; /* a listener may have decided before */
    client_say(&c, "get a\r\n");
    client_expect(&c, "");
    ck_assert(c.closed);
    CLOSE_ALL;
}
END_TEST

START_TEST(gets)
{
    GIVEN_A_CLIENT;
    add(SET, FLAGS_5, SPAN("k"), SPAN("abc"));
    say_and_expect(&c, "01:0 cas\n");
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GETK, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GETKQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "00:0 cas x=00000005 v=abc\n"
                       "09:0 cas x=00000005 v=abc\n"
                       "0c:0 cas x=00000005 k=k v=abc\n"
                       "0d:0 cas x=00000005 k=k v=abc\n");
    add(GET, SPAN_NONE, SPAN("x"), SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("x"), SPAN_NONE);
    add(GETK, SPAN_NONE, SPAN("x"), SPAN_NONE);
    add(GETKQ, SPAN_NONE, SPAN("x"), SPAN_NONE);
    say_and_expect(&c, "00:1 v=Not found\n0c:1 k=x\n");
    ck_assert_uint_eq(stat_of(&c, "", "get_hits"), 4);
    ck_assert_uint_eq(stat_of(&c, "", "get_misses"), 4);
    CLOSE_ALL;
}
END_TEST

START_TEST(touches)
{
    GIVEN_A_CLIENT;
    add(SET, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(TOUCH, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(TOUCH, EXP("\x64"), SPAN("x"), SPAN_NONE);
    say_and_expect(&c, "01:0 cas\n1c:0 cas x=00000005\n1c:1 v=Not found\n");
    server_wait(sv, 99);
    add(GAT, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATQ, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATK, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATKQ, EXP("\x32"), SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "1d:0 cas x=00000005 v=abc\n"
                       "1e:0 cas x=00000005 v=abc\n"
                       "23:0 cas x=00000005 k=k v=abc\n"
                       "24:0 cas x=00000005 k=k v=abc\n");
    server_wait(sv, 50);
    add(GAT, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATQ, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATK, EXP("\x64"), SPAN("k"), SPAN_NONE);
    add(GATKQ, EXP("\x64"), SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "1d:1 v=Not found\n23:1 k=k\n");
    ck_assert_uint_eq(stat_of(&c, "", "cmd_touch"), 10);
    ck_assert_uint_eq(stat_of(&c, "", "touch_hits"), 5);
    ck_assert_uint_eq(stat_of(&c, "", "cmd_get"), 0);
    CLOSE_ALL;
}
END_TEST

START_TEST(stores)
{
    GIVEN_A_CLIENT;
    add(REPLACE, FLAGS_5, SPAN("k"), SPAN("x"));
    add(APPEND, SPAN_NONE, SPAN("k"), SPAN("x"));
    add(PREPEND, SPAN_NONE, SPAN("k"), SPAN("x"));
    add(ADD, FLAGS_5, SPAN("k"), SPAN("b"));
    add(ADD, FLAGS_5, SPAN("k"), SPAN("x"));
    add(APPEND, SPAN_NONE, SPAN("k"), SPAN("c"));
    add(PREPEND, SPAN_NONE, SPAN("k"), SPAN("a"));
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "03:1 v=Not found\n0e:5 v=Not stored.\n0f:5 v=Not stored.\n02:0 cas\n"
                       "02:2 v=Data exists for key.\n0e:0 cas\n0f:0 cas\n"
                       "00:0 cas x=00000005 v=abc\n");
    add(REPLACE, FLAGS_5, SPAN("k"), SPAN_NONE);
    add(GETK, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "03:0 cas\n0c:0 cas x=00000005 k=k\n");
    ck_assert_uint_eq(stat_of(&c, "", "cmd_set"), 8);
    CLOSE_ALL;
}
END_TEST

START_TEST(quiet_stores_tell_of_failures_only)
{
    GIVEN_A_CLIENT;
    add(REPLACEQ, FLAGS_5, SPAN("k"), SPAN("x"));
    add(APPENDQ, SPAN_NONE, SPAN("k"), SPAN("x"));
    add(PREPENDQ, SPAN_NONE, SPAN("k"), SPAN("x"));
    add(ADDQ, FLAGS_5, SPAN("k"), SPAN("b"));
    add(ADDQ, FLAGS_5, SPAN("k"), SPAN("x"));
    add(APPENDQ, SPAN_NONE, SPAN("k"), SPAN("c"));
    add(PREPENDQ, SPAN_NONE, SPAN("k"), SPAN("a"));
    add_cas(SETQ, FLAGS_5, SPAN("k"), SPAN("x"), 1);
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("d"));
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(REPLACEQ, FLAGS_5, SPAN("k"), SPAN("e"));
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "13:1 v=Not found\n19:5 v=Not stored.\n1a:5 v=Not stored.\n"
                       "12:2 v=Data exists for key.\n11:2 v=Data exists for key.\n"
                       "09:0 cas x=00000005 v=abc\n"
                       "09:0 cas x=00000005 v=d\n"
                       "09:0 cas x=00000005 v=e\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(a_cas_makes_a_store_compare)
{
    GIVEN_A_CLIENT;
    add_cas(SET, FLAGS_5, SPAN("k"), SPAN("x"), 77);
    add_cas(ADD, FLAGS_5, SPAN("k"), SPAN("x"), 77);
    add_cas(REPLACE, FLAGS_5, SPAN("k"), SPAN("x"), 77);
    add_cas(APPEND, SPAN_NONE, SPAN("k"), SPAN("x"), 77);
    say_and_expect(&c, "01:1 v=Not found\n02:1 v=Not found\n03:1 v=Not found\n0e:5 v=Not stored.\n");
    static const uint8_t storage[] = {SET, ADD, REPLACE, APPEND, PREPEND};
    add(SET, FLAGS_5, SPAN("k"), SPAN("1"));
    say_and_expect(&c, "01:0 cas\n");
    for (size_t i = 0; i < ARRAY_COUNT(storage); i++) {
        char want[80];
        struct span extras = storage[i] >= APPEND ? SPAN_NONE : FLAGS_5;
        uint64_t cas = last_cas;
        add_cas(storage[i], extras, SPAN("k"), SPAN("1"), cas + 1);
        add_cas(storage[i], extras, SPAN("k"), SPAN("2"), cas);
        add_cas(storage[i], extras, SPAN("k"), SPAN("3"), cas);
        snprintf(want, sizeof want,
                 "%02x:2 v=Data exists for key.\n%02x:0 cas\n%02x:2 v=Data exists for key.\n",
                 storage[i], storage[i], storage[i]);
        say_and_expect(&c, want);
    }
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "00:0 cas x=00000005 v=222\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(arithmetic)
{
    GIVEN_A_CLIENT;
    add_arith(INCR, "n", 5, 10, UINT32_MAX);
    add_arith(DECR, "n", 5, 10, UINT32_MAX);
    say_and_expect(&c, "05:1 v=Not found\n06:1 v=Not found\n");
    add_arith(INCR, "n", 5, 10, 0);
    say(&c);
    client_expect_span(&c, SPAN("\x81\x05\0\0\0\0\0\0\0\0\0\x08opaq\0\0\0\0\0\0\0\2"
                                "\0\0\0\0\0\0\0\x0a"));
    add_arith(INCR, "n", 5, 10, 0);
    add_arith(DECR, "n", 1, 10, 0);
    add_arith(INCRQ, "n", 1, 10, 0);
    add_arith(DECRQ, "n", 7, 10, 0);
    add(GET, SPAN_NONE, SPAN("n"), SPAN_NONE);
    say(&c);
    ck_assert_uint_eq(c.received_bytes, 2 * 32 + 24 + 4 + 2);
    ck_assert_int_eq(c.received[31], 15);
    ck_assert_int_eq(c.received[63], 14);
    ck_assert_mem_eq(c.received + 64 + 24, "\0\0\0\0" "8 ", 6); /* 14 + 1 - 7, in two digits */
    c.received_bytes = 0;
    add_arith(DECRQ, "m", 1, UINT64_MAX, 9);
    add_arith(INCRQ, "m", 2, 0, 0);
    add(GET, SPAN_NONE, SPAN("m"), SPAN_NONE);
    say_and_expect(&c, "00:0 cas x=00000000 v=1                   \n");
    server_wait(sv, 9);
    add(GET, SPAN_NONE, SPAN("m"), SPAN_NONE);
    say_and_expect(&c, "00:1 v=Not found\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(arithmetic_that_cannot_be)
{
    GIVEN_A_CLIENT;
    add(SET, FLAGS_5, SPAN("k"), SPAN("abc"));
    say_and_expect(&c, "01:0 cas\n");
    add_arith(INCR, "k", 1, 0, 0);
    add_arith(DECRQ, "k", 1, 0, 0);
    add_arith(INCRQ, "x", 1, 0, UINT32_MAX);
    say_and_expect(&c, "05:6 v=Non-numeric server-side value for incr or decr\n"
                       "16:6 v=Non-numeric server-side value for incr or decr\n"
                       "15:1 v=Not found\n");
    add(SET, FLAGS_5, SPAN("n"), SPAN("1"));
    say_and_expect(&c, "01:0 cas\n");
    uint64_t cas = last_cas;
    add_arith(INCR, "n", 1, 0, 0);
    packets_set_cas(said.at, cas + 1);
    say_and_expect(&c, "05:2 v=Data exists for key.\n");
    add_arith(INCRQ, "n", 1, 0, 0);
    packets_set_cas(said.at, cas);
    add(GET, SPAN_NONE, SPAN("n"), SPAN_NONE);
    say_and_expect(&c, "00:0 cas x=00000005 v=2\n");
    /* There is nothing to compare with. */
    add_arith(INCRQ, "new", 1, 9, 0);
    packets_set_cas(said.at, cas);
    add(GET, SPAN_NONE, SPAN("new"), SPAN_NONE);
    say_and_expect(&c, "00:0 cas x=00000000 v=9\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(deletes)
{
    GIVEN_A_CLIENT;
    add(DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(DELETEQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add_cas(DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE, 5);
    add(SET, FLAGS_5, SPAN("k"), SPAN("abc"));
    say_and_expect(&c, "04:1 v=Not found\n14:1 v=Not found\n04:1 v=Not found\n01:0 cas\n");
    add_cas(DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE, last_cas + 1);
    add_cas(DELETEQ, SPAN_NONE, SPAN("k"), SPAN_NONE, last_cas + 1);
    add_cas(DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE, last_cas);
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(DELETEQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "04:2 v=Data exists for key.\n14:2 v=Data exists for key.\n04:0\n"
                       "00:1 v=Not found\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(flushes)
{
    GIVEN_A_CLIENT;
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(FLUSH, EXP("\x0a"), SPAN_NONE, SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "08:0\n09:0 cas x=00000005 v=abc\n");
    server_wait(sv, 10);
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(FLUSHQ, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(FLUSH, EXP("\0"), SPAN_NONE, SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "00:1 v=Not found\n08:0\n");
    ck_assert_uint_eq(stat_of(&c, "", "cmd_flush"), 3);
    CLOSE_ALL;
}
END_TEST

START_TEST(the_rest)
{
    GIVEN_A_CLIENT;
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(VERSION, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(QUIT, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "0a:0\n0b:0 v=1.6.45\n07:0\n");
    ck_assert(c.closed);
    client_close(&c);
    c = client_open(sv);
    add(QUITQ, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "");
    ck_assert(c.closed);
    CLOSE_ALL;
}
END_TEST

START_TEST(what_makes_no_sense_is_said_and_ends_the_connection)
{
    static const struct {
        uint8_t opcode, extras, key, value;
        uint32_t body; /* 0: the sum of these */
        const char *want;
    } bad[] = {
        {GET, 0, 0, 0, 0, "00:4 v=Invalid arguments\n"},
        {GETQ, 4, 1, 0, 0, "09:4 v=Invalid arguments\n"},
        {SETQ, 8, 251, 1, 0, "11:4 v=Invalid arguments\n"},
        {INCR, 8, 1, 0, 0, "05:4 v=Invalid arguments\n"},
        {TOUCH, 4, 1, 1, 0, "1c:4 v=Invalid arguments\n"},
        {QUITQ, 0, 1, 0, 0, "17:4 v=Invalid arguments\n"},
        {SET, 8, 1, 0, 8, "01:81 v=Unknown command\n"},
        {SASL_AUTH, 0, 32, 0, 1, "21:81 v=Unknown command\n"},
        {APPENDQ, 0, 1, 0, (1u << 30) + 1, "19:4 v=Invalid arguments\n"},
    };
    struct server *sv = server_open();
    static const char zeros[251];
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct client c = client_open(sv);
        said.bytes = 0;
        add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
        char *header = add(bad[i].opcode, span_of(zeros, bad[i].extras), span_of(zeros, bad[i].key),
                           span_of(zeros, bad[i].value));
        if (bad[i].body != 0)
            packets_put_u32(header, 8, bad[i].body);
        add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
        char want[80];
        snprintf(want, sizeof want, "0a:0\n%s", bad[i].want);
        say_and_expect(&c, want);
        ck_assert(c.closed);
        client_close(&c);
    }
    server_close(sv);
}
END_TEST

/* Packets that once brought memcached down, followed by a kilobyte of what an attacker might send: the
 * first is CVE-2011-4971, then CVE-2016-8704, -8705, -8706, CVE-2017-9951, CVE-2020-10931. */
START_TEST(packets_that_were_dangerous_are_not)
{
    static const struct {
        struct span packet;
        const char *want;
    } evil[] = {
        {SPAN("\x80\x12\0\1\x08\0\0\0\xff\xff\xff\xe8opaq\0\0\0\0\0\0\0\0"),
         "12:4 v=Invalid arguments\n"},
        {SPAN("\x80\x19\0\xfa\0\0\0\0\0\0\0\0opaq\0\0\0\0\0\0\0\0"),
         "19:81 v=Unknown command\n"},
        {SPAN("\x80\x0f\0\xfa\0\0\0\0\0\0\0\0opaq\0\0\0\0\0\0\0\0"),
         "0f:81 v=Unknown command\n"},
        {SPAN("\x80\1\0\xfa\x08\0\0\0\0\0\0\0opaq\0\0\0\0\0\0\0\0"),
         "01:81 v=Unknown command\n"},
        {SPAN("\x80\x21\0\x20\0\0\0\0\0\0\0\1opaq\0\0\0\0\0\0\0\0"),
         "21:81 v=Unknown command\n"},
        {SPAN("\x80\2\0\xfa\x08\0\0\0\xff\xff\xff\xfdopaq\0\0\0\0\0\0\0\0"),
         "02:4 v=Invalid arguments\n"},
        {SPAN("\x80\1\0\3\x30\0\0\0\0\0\1\0opaq\0\0\0\0\0\0\0\0"),
         "01:4 v=Invalid arguments\n"},
    };
    struct server *sv = server_open();
    static char more[1024];
    memset(more, 'A', sizeof more);
    for (size_t i = 0; i < ARRAY_COUNT(evil); i++) {
        struct client c = client_open(sv);
        said.bytes = 0;
        packets_add_bytes(&said, evil[i].packet);
        packets_add_bytes(&said, span_of(more, sizeof more));
        say_and_expect(&c, evil[i].want);
        ck_assert(c.closed);
        client_close(&c);
    }
    struct client c = client_open(sv);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "0a:0\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(every_opcode_with_extras_of_every_length_is_survived)
{
    struct server *sv = server_open();
    static const char zeros[256];
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        for (unsigned extras = 0; extras < 256; extras++) {
            struct client c = client_open(sv);
            said.bytes = 0;
            add((uint8_t)opcode, span_of(zeros, extras), SPAN("key"), SPAN_NONE);
            say(&c);
            read_replies(&c);
            client_close(&c);
        }
    }
    server_close(sv);
}
END_TEST

START_TEST(unknown_opcodes_are_passed_over)
{
    GIVEN_A_CLIENT;
    add(0x1b, SPAN("1234"), SPAN_NONE, SPAN_NONE);
    add(0x50, SPAN("1234"), SPAN("key"), SPAN("value"));
    add(SASL_LIST, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(SASL_AUTH, SPAN_NONE, SPAN("PLAIN"), SPAN("\0user\0secret"));
    add(0xff, SPAN_NONE, SPAN("key"), SPAN("value"));
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "1b:81 v=Unknown command\n50:81 v=Unknown command\n"
                       "20:81 v=Unknown command\n21:81 v=Unknown command\n"
                       "ff:81 v=Unknown command\n0a:0\n");
    ck_assert(!c.closed);
    CLOSE_ALL;
}
END_TEST

START_TEST(what_the_operator_forbids_is_refused)
{
    struct exec_config config = {.prefix_delimiter = ':'};
    struct server *sv = server_with(64 * MIB, true, config);
    struct client c = client_open(sv);
    said.bytes = 0;
    add(FLUSH, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(FLUSHQ, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    add(STAT, SPAN_NONE, SPAN("detail on"), SPAN_NONE);
    add(STAT, SPAN_NONE, SPAN("detail dump"), SPAN_NONE);
    say_and_expect(&c, "08:20 v=Auth failure.\n18:20 v=Auth failure.\n"
                       "10:20 v=Auth failure.\n10:20 v=Auth failure.\n");
    CLOSE_ALL;
}
END_TEST

START_TEST(an_exptime_is_unsigned)
{
    GIVEN_A_CLIENT;
    add(SETQ, SPAN("\0\0\0\0" EXP_NONE), SPAN("far"), SPAN("x"));
    add(SETQ, SPAN("\0\0\0\0\0\x27\x8d\x00"), SPAN("month"), SPAN("x")); /* 2592000 */
    add(SETQ, SPAN("\0\0\0\0\0\x27\x8d\x01"), SPAN("past"), SPAN("x"));
    add(GETKQ, SPAN_NONE, SPAN("past"), SPAN_NONE);
    say_and_expect(&c, "");
    server_wait(sv, 2591999);
    add(GETKQ, SPAN_NONE, SPAN("month"), SPAN_NONE);
    say_and_expect(&c, "0d:0 cas x=00000000 k=month v=x\n");
    server_wait(sv, 1);
    add(GETKQ, SPAN_NONE, SPAN("month"), SPAN_NONE);
    add(GETKQ, SPAN_NONE, SPAN("far"), SPAN_NONE);
    say_and_expect(&c, "0d:0 cas x=00000000 k=far v=x\n");
    CLOSE_ALL;
}
END_TEST

/* ---- statistics ---- */

START_TEST(statistics_are_packets_and_an_empty_one)
{
    GIVEN_A_CLIENT;
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    add(STAT, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say(&c);
    read_replies(&c);
    ck_assert_ptr_eq(strstr(replies, "10:0 k=pid v="), replies);
    ck_assert_ptr_nonnull(strstr(replies, "\n10:0 k=curr_items v=1\n"));
    ck_assert_str_eq(replies + strlen(replies) - 6, "\n10:0\n");
    add(STAT, SPAN_NONE, SPAN("settings"), SPAN_NONE);
    add(STAT, SPAN_NONE, SPAN("settings of all kinds"), SPAN_NONE);
    say_and_expect(&c, "10:0 k=maxconns v=1024\n10:0\n10:0 k=maxconns v=1024\n10:0\n");
    ck_assert_uint_eq(stat_of(&c, "items", "items:1:number"), 1);
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:used_chunks"), 1);
    ck_assert_uint_eq(stat_of(&c, "slabs", "active_slabs"), 1);
    ck_assert_uint_eq(stat_of(&c, "sizes", "32"), 1);
    CLOSE_ALL;
}
END_TEST

START_TEST(statistics_have_fewer_groups_than_in_text)
{
    static const char *const none[] = {"conns",    "cachedump 1 10", "extstore", "proxy", "itemsx",
                                       "size",     "rese",           "detail",   "detailon",
                                       "detail o", "detail  dump"};
    GIVEN_A_CLIENT;
    for (size_t i = 0; i < ARRAY_COUNT(none); i++) {
        add(STAT, SPAN_NONE, span_of(none[i], strlen(none[i])), SPAN_NONE);
        say_and_expect(&c, "10:1 v=Not found\n");
    }
    CLOSE_ALL;
}
END_TEST

void *__real_realloc(void *p, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
static size_t failing_bytes; /* so many are not to be had */

void *
__wrap_realloc(void *p, size_t bytes)
{
    return bytes != failing_bytes ? __real_realloc(p, bytes) : NULL;
}

/* A line of text would be no packet. */
START_TEST(without_memory_for_statistics_the_client_is_told_so_in_a_packet)
{
    static const char *const told = "10:82 v=Out of memory generating stats\n";
    GIVEN_A_CLIENT;
    add(STAT, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    failing_bytes = 4096; /* what a report begins with */
    say_and_expect(&c, told);
    failing_bytes = 0;
    ck_assert_uint_eq(stat_of(&c, "", "curr_items"), 0);
    CLOSE_ALL;
}
END_TEST

START_TEST(reset_forgets)
{
    GIVEN_A_CLIENT;
    add(GETQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(STAT, SPAN_NONE, SPAN("reset"), SPAN_NONE);
    say_and_expect(&c, "10:0\n");
    ck_assert_uint_eq(sv->resets, 1);
    ck_assert_uint_eq(stat_of(&c, "", "get_misses"), 0);
    CLOSE_ALL;
}
END_TEST

START_TEST(details_are_one_packet)
{
    GIVEN_A_CLIENT;
    add(STAT, SPAN_NONE, SPAN("detail on"), SPAN_NONE);
    add(SETQ, FLAGS_5, SPAN("a:1"), SPAN("abc"));
    add(APPENDQ, SPAN_NONE, SPAN("a:1"), SPAN("abc"));
    add(GETQ, SPAN_NONE, SPAN("a:1"), SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("a:2"), SPAN_NONE);
    add(TOUCH, EXP("\0"), SPAN("a:1"), SPAN_NONE);
    add(DELETEQ, SPAN_NONE, SPAN("a:1"), SPAN_NONE);
    add_arith(INCRQ, "a:1", 1, 1, 1);
    add(STAT, SPAN_NONE, SPAN("detail off"), SPAN_NONE);
    add(GETQ, SPAN_NONE, SPAN("a:2"), SPAN_NONE);
    add(STAT, SPAN_NONE, SPAN("detail dump"), SPAN_NONE);
    say_and_expect(&c, "10:0\n09:0 cas x=00000005 v=abcabc\n1c:0 cas x=00000005\n10:0\n"
                       "10:0 k=detailed v=PREFIX a get 3 hit 2 set 2 del 1\r\nEND\r\n\n10:0\n");
    CLOSE_ALL;
}
END_TEST

/* ---- in pieces ---- */

START_TEST(a_conversation_may_be_cut_between_any_two_bytes)
{
    static const char want[] = "01:0 cas\n0d:0 cas x=00000005 k=k v=0123456789\n"
                               "12:2 v=Data exists for key.\n50:81 v=Unknown command\n"
                               "00:0 cas x=00000005 v=0123456789\n04:0\n10:0\n";
    struct server *sv = server_open();
    static struct packets all;
    packets_add(&all, SET, FLAGS_5, SPAN("k"), SPAN("0123456789"));
    packets_add(&all, GETKQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    packets_add(&all, ADDQ, FLAGS_5, SPAN("k"), SPAN("x"));
    packets_add(&all, 0x50, SPAN("1234"), SPAN("k"), SPAN("value"));
    packets_add(&all, SETQ, FLAGS_5, SPAN("l"), SPAN("0123456789"));
    packets_add(&all, GET, SPAN_NONE, SPAN("l"), SPAN_NONE);
    packets_add(&all, DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE);
    packets_add(&all, STAT, SPAN_NONE, SPAN("reset"), SPAN_NONE);
    for (size_t cut = 1; cut < all.bytes; cut++) {
        struct client c = client_open(sv);
        client_say_span(&c, span_of(all.at, cut));
        client_say_span(&c, span_of(all.at + cut, all.bytes - cut));
        expect(&c, want);
        client_close(&c);
    }
    struct client c = client_open(sv);
    for (size_t i = 0; i < all.bytes; i++)
        client_say_span(&c, span_of(all.at + i, 1));
    expect(&c, want);
    CLOSE_ALL;
}
END_TEST

/* Bytes that differ from place to place, with packets among them. */
static char *
pattern(size_t bytes)
{
    char *p = malloc(bytes);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < bytes; i++)
        p[i] = "\x80\0\0\1\0\0\0\0\0\0\0\1\r\n"[(i + i / 14 * 5) % 14] ^ (char)(i / 256);
    return p;
}

/* That the only reply is the value of "k", with or without its key. */
static void
expect_value(struct client *c, struct span value, bool with_key)
{
    size_t head = 24 + 4 + with_key;
    ck_assert_uint_eq(c->received_bytes, head + value.bytes);
    ck_assert_uint_eq(binary_u32(c->received + 8), 4 + with_key + value.bytes);
    ck_assert_mem_eq(c->received + head, value.p, value.bytes);
    c->received_bytes = 0;
}

START_TEST(a_large_value_arrives_in_pieces_of_any_size)
{
    static const size_t pieces[] = {1, 7, 4096, 32752, 32768, 65536};
    GIVEN_A_CLIENT;
    const size_t bytes = 3 * CHAINED_BYTES;
    char *value = pattern(bytes);
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        packets_put_u32(add(SET, FLAGS_5, SPAN("k"), SPAN_NONE), 8, (uint32_t)(9 + bytes));
        say(&c);
        for (size_t at = 0; at < bytes; at += pieces[i]) {
            client_expect(&c, "");
            client_say_span(&c,
                            span_of(value + at, bytes - at < pieces[i] ? bytes - at : pieces[i]));
        }
        expect(&c, "01:0 cas\n");
        add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
        say(&c);
        expect_value(&c, span_of(value, bytes), false);
    }
    free(value);
    CLOSE_ALL;
}
END_TEST

START_TEST(values_of_every_size_come_back)
{
    static const size_t sizes[] = {0,    1,     2047,  2048,  2049,          4096,
                                   9000, 32000, 33000, 65536, CHAINED_BYTES, MIB - 200};
    GIVEN_A_CLIENT;
    char *value = pattern(MIB);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct span v = span_of(value, sizes[i]);
        say_set(&c, "k", v);
        add(GETK, SPAN_NONE, SPAN("k"), SPAN_NONE);
        say(&c);
        expect_value(&c, v, true);
        add(GAT, EXP("\0"), SPAN("k"), SPAN_NONE);
        say(&c);
        expect_value(&c, v, false);
    }
    free(value);
    CLOSE_ALL;
}
END_TEST

START_TEST(a_chained_value_streams_whatever_the_socket_takes)
{
    GIVEN_A_CLIENT;
    char *value = pattern(CHAINED_BYTES);
    struct span v = span_of(value, CHAINED_BYTES);
    say_set(&c, "k", v);
    static const size_t windows[] = {1, 23, 24, 25, 28, 29, 30, 1000, 32767, 65536};
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        c.window = windows[i];
        add(GETK, SPAN_NONE, SPAN("k"), SPAN_NONE);
        say(&c);
        expect_value(&c, v, true);
    }
    c.window = 10000;
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say(&c);
    size_t each = 28 + CHAINED_BYTES;
    ck_assert_uint_eq(c.received_bytes, 2 * each + 24);
    ck_assert_mem_eq(c.received + each, c.received, each);
    ck_assert_mem_eq(c.received + 2 * each, "\x81\x0a", 2);
    free(value);
    CLOSE_ALL;
}
END_TEST

START_TEST(what_is_too_large_is_thrown_away_and_the_old_value_forgotten)
{
    static const uint8_t opcodes[] = {SET, SETQ, ADD, APPEND};
    GIVEN_A_CLIENT;
    char *value = pattern(2 * MIB);
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        bool joins = opcodes[i] == APPEND;
        char want[80];
        say_set(&c, "k", SPAN("old"));
        packets_put_u32(add(opcodes[i], joins ? SPAN_NONE : FLAGS_5, SPAN("k"), SPAN_NONE), 8,
                        (joins ? 1 : 9) + 2 * MIB);
        say(&c);
        client_say_span(&c, span_of(value, 2 * MIB));
        snprintf(want, sizeof want, "%02x:3 v=Too large.\n", opcodes[i]);
        expect(&c, want);
        add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
        say_and_expect(&c, i < 2 ? "00:1 v=Not found\n" : "00:0 cas x=00000005 v=old\n");
    }
    /* Each small enough, but not together. */
    say_set(&c, "k", span_of(value, 600 * KIB));
    packets_put_u32(add(APPEND, SPAN_NONE, SPAN("k"), SPAN_NONE), 8, 1 + 600 * KIB);
    say(&c);
    client_say_span(&c, span_of(value, 600 * KIB));
    expect(&c, "0e:5 v=Not stored.\n");
    free(value);
    CLOSE_ALL;
}
END_TEST

START_TEST(without_memory_the_answer_says_so)
{
    struct server *sv = server_with(4 * MIB, false, default_config());
    struct client c = client_open(sv);
    said.bytes = 0;
    char *value = pattern(100 * KIB);
    bool refused = false;
    for (unsigned i = 0; i < 100 && !refused; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%u", i);
        packets_put_u32(add(SETQ, FLAGS_5, span_of(key, strlen(key)), SPAN_NONE), 8,
                        (uint32_t)(8 + strlen(key) + 100 * KIB));
        say(&c);
        client_say_span(&c, span_of(value, 100 * KIB));
        read_replies(&c);
        refused = strcmp(replies, "11:82 v=Out of memory allocating item\n") == 0;
        ck_assert(refused || replies[0] == '\0');
    }
    ck_assert(refused);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say_and_expect(&c, "0a:0\n");
    free(value);
    CLOSE_ALL;
}
END_TEST

START_TEST(stores_wait_for_memory_and_are_all_done)
{
    struct server *sv = server_with(4 * MIB, true, default_config());
    struct client c = client_open(sv);
    said.bytes = 0;
    char *value = pattern(CHAINED_BYTES);
    for (unsigned i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%u", i);
        say_set(&c, key, span_of(value, i % 2 ? CHAINED_BYTES : 1000));
    }
    ck_assert_uint_gt(c.again_count, 0);
    free(value);
    CLOSE_ALL;
}
END_TEST

/* ---- many at once ---- */

START_TEST(a_batch_of_quiet_gets_is_one_request_to_the_budget)
{
    GIVEN_A_CLIENT;
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    say_and_expect(&c, "");
    c.budget = 1;
    for (unsigned i = 0; i < 200; i++)
        add(GETKQ, SPAN_NONE, i % 2 ? SPAN("k") : SPAN("x"), SPAN_NONE);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say(&c);
    ck_assert_uint_eq(c.received_bytes, 100 * (24 + 4 + 1 + 3) + 24);
    ck_assert_uint_eq(c.yield_count, 0);
    c.received_bytes = 0;
    for (unsigned i = 0; i < 10; i++)
        add(GET, SPAN_NONE, SPAN("x"), SPAN_NONE);
    say(&c);
    ck_assert_uint_eq(c.yield_count, 9);
    CLOSE_ALL;
}
END_TEST

START_TEST(a_full_output_stops_a_batch_and_loses_nothing)
{
    GIVEN_A_CLIENT;
    char *value = pattern(2000);
    say_set(&c, "k", span_of(value, 2000));
    for (unsigned i = 0; i < 1000; i++)
        add(GETKQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(NOOP, SPAN_NONE, SPAN_NONE, SPAN_NONE);
    say(&c);
    ck_assert_uint_gt(c.full_count, 10);
    ck_assert_uint_eq(c.received_bytes, 1000 * (24 + 4 + 1 + 2000) + 24);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_mem_eq(c.received + i * 2029 + 29, value, 2000);
    free(value);
    CLOSE_ALL;
}
END_TEST

/* As many as references to an item were once counted with, sixteen bits, and more. */
START_TEST(one_key_may_be_asked_for_70000_times_at_once)
{
    GIVEN_A_CLIENT;
    add(SETQ, FLAGS_5, SPAN("k"), SPAN("abc"));
    say_and_expect(&c, "");
    for (unsigned i = 0; i < 70000; i++) {
        add(i % 2 ? GETQ : GETKQ, SPAN_NONE, SPAN("k"), SPAN_NONE);
        if (said.bytes + 25 > sizeof said.at)
            say(&c);
    }
    say(&c);
    ck_assert_uint_eq(c.received_bytes, 35000 * (24 + 4 + 3) + 35000 * (24 + 4 + 1 + 3));
    c.received_bytes = 0;
    add(SET, FLAGS_5, SPAN("k"), SPAN("new"));
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(DELETE, SPAN_NONE, SPAN("k"), SPAN_NONE);
    add(GET, SPAN_NONE, SPAN("k"), SPAN_NONE);
    say_and_expect(&c, "01:0 cas\n00:0 cas x=00000005 v=new\n04:0\n00:1 v=Not found\n");
    CLOSE_ALL;
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("binary");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_first_byte_chooses_the_protocol_once);
    tcase_add_test(tc, gets);
    tcase_add_test(tc, touches);
    tcase_add_test(tc, stores);
    tcase_add_test(tc, quiet_stores_tell_of_failures_only);
    tcase_add_test(tc, a_cas_makes_a_store_compare);
    tcase_add_test(tc, arithmetic);
    tcase_add_test(tc, arithmetic_that_cannot_be);
    tcase_add_test(tc, deletes);
    tcase_add_test(tc, flushes);
    tcase_add_test(tc, the_rest);
    tcase_add_test(tc, what_makes_no_sense_is_said_and_ends_the_connection);
    tcase_add_test(tc, packets_that_were_dangerous_are_not);
    tcase_add_test(tc, every_opcode_with_extras_of_every_length_is_survived);
    tcase_add_test(tc, unknown_opcodes_are_passed_over);
    tcase_add_test(tc, what_the_operator_forbids_is_refused);
    tcase_add_test(tc, an_exptime_is_unsigned);
    tcase_add_test(tc, statistics_are_packets_and_an_empty_one);
    tcase_add_test(tc, statistics_have_fewer_groups_than_in_text);
    tcase_add_test(tc, without_memory_for_statistics_the_client_is_told_so_in_a_packet);
    tcase_add_test(tc, reset_forgets);
    tcase_add_test(tc, details_are_one_packet);
    tcase_add_test(tc, a_conversation_may_be_cut_between_any_two_bytes);
    tcase_add_test(tc, a_large_value_arrives_in_pieces_of_any_size);
    tcase_add_test(tc, values_of_every_size_come_back);
    tcase_add_test(tc, a_chained_value_streams_whatever_the_socket_takes);
    tcase_add_test(tc, what_is_too_large_is_thrown_away_and_the_old_value_forgotten);
    tcase_add_test(tc, without_memory_the_answer_says_so);
    tcase_add_test(tc, stores_wait_for_memory_and_are_all_done);
    tcase_add_test(tc, a_batch_of_quiet_gets_is_one_request_to_the_budget);
    tcase_add_test(tc, a_full_output_stops_a_batch_and_loses_nothing);
    tcase_add_test(tc, one_key_may_be_asked_for_70000_times_at_once);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("exec/binary")

/* Logins through exec: before one almost nothing is open, after one everything is, in both protocols. */
#include "client.h"

#include <unistd.h>
#include "auth/auth.h"
#include "packet.h"
#include "proto/binary.h"

#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"
#define FAILURE         "CLIENT_ERROR authentication failure\r\n"

static char path[64];
static struct server *sv;
static struct auth *auth;

/* ---- servers that ask ---- */

static void
write_users(const char *text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

static void
open_server(bool sasl)
{
    strcpy(path, "/tmp/check_auth.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    write_users("alice:secret\nbob:hunter2\n");
    struct auth_config config = {.sasl = sasl};
    *(sasl ? &config.pwdb : &config.file) = path;
    auth = auth_create(&config);
    ck_assert_ptr_nonnull(auth);
    sv = server_open();
    exec_require_auth(sv->exec, auth);
}

static void
open_text(void)
{
    open_server(false);
}

static void
open_sasl(void)
{
    open_server(true);
}

static void
close_server(void)
{
    server_close(sv);
    auth_destroy(auth);
    unlink(path);
}

/* What a client receives who sends so many bytes at a time; to be freed.  "<closed>" is at the
 * end of it when the connection was closed. */
static char *
received(struct span stream, size_t step, unsigned budget, size_t *bytes)
{
    struct client c = client_open(sv);
    c.budget = budget;
    for (size_t at = 0; at < stream.bytes && !c.closed; at += step)
        client_say_span(&c, span_of(stream.p + at, stream.bytes - at < step ? stream.bytes - at : step));
    if (c.closed)
        client_receive(&c, "<closed>", 8);
    client_receive(&c, "", 1);
    *bytes = c.received_bytes - 1;
    char *copy = malloc(c.received_bytes);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, c.received, c.received_bytes);
    client_close(&c);
    return copy;
}

/* A new client says 'stream', whole and in pieces, and is always answered 'want'. */
static void
expect_span(struct span stream, struct span want)
{
    for (size_t step = stream.bytes; step > 0; step = step > 40 ? step / 2 : step - 1) {
        size_t bytes;
        char *got = received(stream, step, step % 2 == 0 ? 1 : 1000, &bytes);
        if (!span_equal(span_of(got, bytes), want))
            ck_abort_msg("by %zu bytes: %zu bytes, not %zu: %s\ninstead of %s", step, bytes, want.bytes,
                         got, want.p);
        free(got);
    }
}

/* ---- text ---- */

static void
expect(const char *stream, const char *want)
{
    expect_span(span_of(stream, strlen(stream)), span_of(want, strlen(want)));
}

#define LOGIN "set any 0 0 12\r\nalice secret\r\n"

START_TEST(a_login_opens_everything)
{
    expect("get a\r\n" LOGIN "get a\r\nset b 0 0 1\r\nx\r\nget b\r\ndelete b\r\nmn\r\n",
           UNAUTHENTICATED "STORED\r\nEND\r\nSTORED\r\nVALUE b 0 1\r\nx\r\nEND\r\nDELETED\r\nMN\r\n");
}
END_TEST

START_TEST(a_failed_login_opens_nothing)
{
    expect("set a 0 0 11\r\nalice wrong\r\nget a\r\nversion\r\nset a 0 0 10\r\nbob secret\r\nquit\r\n",
           FAILURE UNAUTHENTICATED UNAUTHENTICATED FAILURE UNAUTHENTICATED);
    expect("set a 0 0 11\r\nalice wrong\r\n" LOGIN "get a\r\n", FAILURE "STORED\r\nEND\r\n");
}
END_TEST

START_TEST(a_login_is_not_stored)
{
    expect(LOGIN "get any\r\n", "STORED\r\nEND\r\n");
}
END_TEST

START_TEST(what_is_no_line_ends_the_connection)
{
    expect("get a\r\n\r\n" LOGIN, UNAUTHENTICATED "<closed>");
    char stream[2200];
    memset(stream, 'x', sizeof stream);
    expect_span(span_of(stream, sizeof stream), SPAN("<closed>"));
}
END_TEST

START_TEST(a_long_token_is_swallowed)
{
    enum { LONG = 100000 };
    char *stream = malloc(LONG + 200);
    ck_assert_ptr_nonnull(stream);
    int bytes = sprintf(stream, "set a 0 0 %d\r\n", LONG);
    memset(stream + bytes, '\n', LONG);
    bytes += LONG;
    bytes += sprintf(stream + bytes, "\r\n" LOGIN "mn\r\n");
    for (size_t step = 7777; step <= 200000; step *= 5) {
        size_t received_bytes;
        char *got = received(span_of(stream, (size_t)bytes), step, 1000, &received_bytes);
        ck_assert_str_eq(got, "CLIENT_ERROR auth token too long\r\nSTORED\r\nMN\r\n");
        free(got);
    }
    free(stream);
}
END_TEST

START_TEST(text_stays_text)
{
    /* The first byte of the binary protocol is no way around a login. */
    char packet[BINARY_HEADER_BYTES + 2] = {(char)0x80, 0x0b};
    memcpy(packet + BINARY_HEADER_BYTES, "\r\n", 2);
    expect_span(span_of(packet, sizeof packet), SPAN(UNAUTHENTICATED));
}
END_TEST

START_TEST(logins_are_counted)
{
    struct client c = client_open(sv);
    client_ask(&c, "set a 0 0 11\r\nalice wrong\r\n", FAILURE);
    client_ask(&c, "set a 0 0 5\r\nalice\r\n", "CLIENT_ERROR bad authentication token format\r\n");
    client_ask(&c, "get a\r\n", UNAUTHENTICATED);
    client_ask(&c, LOGIN, "STORED\r\n");
    client_say(&c, "stats\r\n");
    const char *text = client_text(&c);
    ck_assert_ptr_nonnull(strstr(text, "STAT auth_cmds 2\r\nSTAT auth_errors 1\r\n"));
    client_ask(&c, "stats reset\r\n", "RESET\r\n");
    client_say(&c, "stats\r\n");
    text = client_text(&c);
    ck_assert_ptr_nonnull(strstr(text, "STAT auth_cmds 0\r\nSTAT auth_errors 0\r\n"));
    client_close(&c);
}
END_TEST

START_TEST(who_is_in_stays_in_when_the_file_changes)
{
    struct client in = client_open(sv), out = client_open(sv);
    client_ask(&in, LOGIN, "STORED\r\n");
    write_users("alice:changed\n");
    auth_reload(auth);
    client_ask(&in, "get a\r\n", "END\r\n");
    client_ask(&out, LOGIN, FAILURE);
    client_ask(&out, "set a 0 0 13\r\nalice changed\r\n", "STORED\r\n");
    client_close(&in);
    client_close(&out);
}
END_TEST

/* ---- SASL ---- */

enum { GET = 0x00, SET = 0x01, NOOP = 0x0a, VERSION = 0x0b, GETQ = 0x09, QUITQ = 0x17, LIST = 0x20,
       AUTH = 0x21, STEP = 0x22 };

static void
add_request(struct packets *p, uint8_t opcode, struct span key, struct span value)
{
    packets_add(p, opcode, opcode == SET ? SPAN("\0\0\0\0\0\0\0\0") : SPAN_NONE, key, value);
}

static void
add_answer(struct packets *p, uint8_t opcode, uint8_t status, struct span text)
{
    char *header = packets_add(p, opcode, SPAN_NONE, SPAN_NONE, text);
    header[0] = (char)0x81;
    header[7] = (char)status;
}

/* A request, and what is answered to it; 'text' is the body of the answer. */
struct exchange {
    uint8_t opcode;
    struct span key, value;
    uint8_t status;
    struct span text;
};

#define PLAIN   SPAN("PLAIN")
#define SECRET  SPAN("\0alice\0secret")
#define NONE    SPAN_NONE
#define REFUSED BINARY_AUTH_FAILED, SPAN("Auth failure.")
#define ADMITTED BINARY_OK, SPAN("Authenticated")
#define MISS    BINARY_NOT_FOUND, SPAN("Not found")

/* A new client has these exchanges, however its requests are cut; 'closed': and is closed then. */
static void
expect_exchanges(const struct exchange *e, size_t count, bool closed)
{
    static struct packets say, want;
    say.bytes = want.bytes = 0;
    for (size_t i = 0; i < count; i++) {
        add_request(&say, e[i].opcode, e[i].key, e[i].value);
        add_answer(&want, e[i].opcode, e[i].status, e[i].text);
    }
    if (closed) {
        add_request(&say, VERSION, NONE, NONE); /* and is not answered */
        packets_add_bytes(&want, SPAN("<closed>"));
    }
    expect_span(packets_span(&say), packets_span(&want));
}

#define EXPECT(closed, ...)                                                                        \
    expect_exchanges((const struct exchange[]){__VA_ARGS__},                                       \
                     sizeof((const struct exchange[]){__VA_ARGS__}) / sizeof(struct exchange), closed)

START_TEST(plain_opens_everything)
{
    EXPECT(false, {LIST, NONE, NONE, BINARY_OK, PLAIN}, {AUTH, PLAIN, SECRET, ADMITTED},
           {GET, SPAN("k"), NONE, MISS}, {NOOP, NONE, NONE, BINARY_OK, NONE},
           {LIST, NONE, NONE, BINARY_OK, PLAIN});
    EXPECT(false, {AUTH, SPAN("plain"), SPAN("bob\0bob\0hunter2"), ADMITTED},
           {GET, SPAN("k"), NONE, MISS});
}
END_TEST

START_TEST(everything_else_ends_the_connection)
{
    const uint8_t with_key[] = {GET, GETQ, SET};
    const uint8_t without[] = {NOOP, QUITQ, 0x07, 0x08, 0x10, 0x18, 0x1b, 0x7f, 0xff};
    for (size_t i = 0; i < ARRAY_COUNT(with_key); i++)
        EXPECT(true, {VERSION, NONE, NONE, BINARY_OK, SPAN("1.6.45")},
               {with_key[i], SPAN("k"), NONE, REFUSED});
    for (size_t i = 0; i < ARRAY_COUNT(without); i++)
        EXPECT(true, {without[i], NONE, NONE, REFUSED});
    EXPECT(true, {SET, SPAN("k"), SPAN("value"), REFUSED});
}
END_TEST

START_TEST(a_second_bad_attempt_is_one_too)
{
    /* CVE-2013-7239 */
    const struct span wrong = SPAN("\0alice\0wrong");
    EXPECT(true, {AUTH, PLAIN, wrong, REFUSED}, {AUTH, PLAIN, wrong, REFUSED},
           {SET, SPAN("k"), SPAN("v"), REFUSED});
    EXPECT(false, {AUTH, PLAIN, wrong, REFUSED}, {AUTH, PLAIN, SECRET, ADMITTED},
           {GET, SPAN("k"), NONE, MISS});
}
END_TEST

START_TEST(who_fails_later_is_out_again)
{
    EXPECT(true, {AUTH, PLAIN, SECRET, ADMITTED}, {AUTH, PLAIN, SPAN("\0bob\0x"), REFUSED},
           {GET, SPAN("k"), NONE, REFUSED});
    EXPECT(true, {AUTH, PLAIN, SECRET, ADMITTED}, {STEP, PLAIN, SECRET, REFUSED},
           {GET, SPAN("k"), NONE, REFUSED});
    EXPECT(false, {AUTH, PLAIN, SECRET, ADMITTED}, {AUTH, PLAIN, SECRET, ADMITTED},
           {GET, SPAN("k"), NONE, MISS});
}
END_TEST

START_TEST(plain_may_come_in_two_steps)
{
    const struct exchange begin = {AUTH, PLAIN, NONE, BINARY_AUTH_CONTINUE, NONE};
    EXPECT(false, begin, {STEP, PLAIN, SECRET, ADMITTED}, {GET, SPAN("k"), NONE, MISS});
    EXPECT(true, begin, {STEP, PLAIN, SPAN("\0bob\0x"), REFUSED}, {GET, SPAN("k"), NONE, REFUSED});
    EXPECT(true, begin, {GET, SPAN("k"), NONE, REFUSED});
    EXPECT(false, begin, begin, {AUTH, PLAIN, SECRET, ADMITTED}, {GET, SPAN("k"), NONE, MISS});
    EXPECT(false, begin, {VERSION, NONE, NONE, BINARY_OK, SPAN("1.6.45")},
           {STEP, PLAIN, SECRET, ADMITTED}, {STEP, PLAIN, SECRET, REFUSED});
}
END_TEST

START_TEST(a_step_needs_a_beginning)
{
    EXPECT(true, {STEP, PLAIN, SECRET, REFUSED}, {GET, SPAN("k"), NONE, REFUSED});
}
END_TEST

START_TEST(mechanisms_have_names)
{
    const struct span of_32 = SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF");
    const struct span of_33 = SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG");
    const struct span invalid = SPAN("Invalid arguments");
    EXPECT(true, {AUTH, SPAN("ANONYMOUS"), SPAN("me"), REFUSED}, {AUTH, of_32, SECRET, REFUSED},
           {AUTH, of_33, SECRET, BINARY_INVALID, invalid}, {AUTH, SPAN("PLAI"), SECRET, REFUSED},
           {AUTH, SPAN("PLAIN\0"), SECRET, REFUSED}, {AUTH, NONE, SECRET, BINARY_INVALID, invalid});
    EXPECT(true, {LIST, SPAN("x"), NONE, BINARY_INVALID, invalid});
    EXPECT(true, {LIST, NONE, SPAN("x"), BINARY_INVALID, invalid});
}
END_TEST

START_TEST(long_data_is_refused)
{
    static char long_data[20000];
    EXPECT(true, {AUTH, PLAIN, span_of(long_data, sizeof long_data), REFUSED},
           {AUTH, PLAIN, span_of(long_data, 16384), REFUSED}, {GET, SPAN("k"), NONE, REFUSED});
    EXPECT(false, {AUTH, PLAIN, NONE, BINARY_AUTH_CONTINUE, NONE},
           {STEP, PLAIN, span_of(long_data, sizeof long_data), REFUSED}, {STEP, PLAIN, SECRET, REFUSED},
           {AUTH, PLAIN, SECRET, ADMITTED});
}
END_TEST

START_TEST(a_key_longer_than_the_body_ends_the_connection)
{
    /* CVE-2016-8706 */
    const char packet[] = "\x80\x21\0\x20\0\0\0\0\0\0\0\x01" "opaq" "\0\0\0\0\0\0\0\0" "x";
    static struct packets want;
    add_answer(&want, AUTH, BINARY_UNKNOWN, SPAN("Unknown command"));
    packets_add_bytes(&want, SPAN("<closed>"));
    expect_span(span_of(packet, sizeof packet - 1), packets_span(&want));
}
END_TEST

START_TEST(binary_stays_binary)
{
    expect("version\r\n" LOGIN, "<closed>");
}
END_TEST

START_TEST(a_client_may_leave_at_any_time)
{
    static struct packets p;
    add_request(&p, AUTH, PLAIN, NONE);
    add_request(&p, AUTH, PLAIN, SECRET);
    for (size_t bytes = 0; bytes < p.bytes; bytes++) {
        struct client c = client_open(sv);
        client_say_span(&c, span_of(p.at, bytes));
        client_close(&c);
    }
}
END_TEST

/* ---- neither ---- */

START_TEST(nobody_asks_where_nobody_logs_in)
{
    sv = server_open();
    EXPECT(false, {LIST, NONE, NONE, BINARY_UNKNOWN, SPAN("Unknown command")},
           {AUTH, PLAIN, SECRET, BINARY_UNKNOWN, SPAN("Unknown command")},
           {STEP, PLAIN, SECRET, BINARY_UNKNOWN, SPAN("Unknown command")},
           {GET, SPAN("k"), NONE, MISS});
    expect("set a 0 0 12\r\nalice secret\r\n\r\nget a\r\n",
           "STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 12\r\nalice secret\r\nEND\r\n");
    server_close(sv);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *text = tcase_create("text"), *sasl = tcase_create("sasl"), *none = tcase_create("none");
    tcase_add_checked_fixture(text, open_text, close_server);
    tcase_add_test(text, a_login_opens_everything);
    tcase_add_test(text, a_failed_login_opens_nothing);
    tcase_add_test(text, a_login_is_not_stored);
    tcase_add_test(text, what_is_no_line_ends_the_connection);
    tcase_add_test(text, a_long_token_is_swallowed);
    tcase_add_test(text, text_stays_text);
    tcase_add_test(text, logins_are_counted);
    tcase_add_test(text, who_is_in_stays_in_when_the_file_changes);
    suite_add_tcase(suite, text);

    tcase_add_checked_fixture(sasl, open_sasl, close_server);
    tcase_add_test(sasl, plain_opens_everything);
    tcase_add_test(sasl, everything_else_ends_the_connection);
    tcase_add_test(sasl, a_second_bad_attempt_is_one_too);
    tcase_add_test(sasl, who_fails_later_is_out_again);
    tcase_add_test(sasl, plain_may_come_in_two_steps);
    tcase_add_test(sasl, a_step_needs_a_beginning);
    tcase_add_test(sasl, mechanisms_have_names);
    tcase_add_test(sasl, long_data_is_refused);
    tcase_add_test(sasl, a_key_longer_than_the_body_ends_the_connection);
    tcase_add_test(sasl, binary_stays_binary);
    tcase_add_test(sasl, a_client_may_leave_at_any_time);
    suite_add_tcase(suite, sasl);

    tcase_add_test(none, nobody_asks_where_nobody_logs_in);
    suite_add_tcase(suite, none);
}

SUITE_MAIN("exec/auth")

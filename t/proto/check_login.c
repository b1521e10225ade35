/* Logins in text: what is one, what is answered to what is none, and that no cut in the stream matters. */
#include "suite.h"

#include <stdio.h>
#include "proto/login.h"

#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"
#define BAD_FORMAT      "CLIENT_ERROR bad authentication token format\r\n"
#define BAD_END         "CLIENT_ERROR bad command line termination\r\n"
#define TOO_LONG        "CLIENT_ERROR auth token too long\r\n"

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

/* Parses all of 'in', cut behind each byte, and notes what comes of it in 'log'. */
static void
log_stream(struct span in, size_t step, char *log, size_t room)
{
    size_t used = 0, swallow = 0, here = 0;
    *log = '\0';
    while (here < in.bytes) {
        here = in.bytes - here < step ? in.bytes : here + step;
        for (;;) {
            size_t skipped = here - used < swallow ? here - used : swallow;
            used += skipped;
            swallow -= skipped;
            /* A copy, so that a sanitizer sees who reads too far. */
            size_t bytes = here - used, at = strlen(log);
            char *copy = malloc(bytes > 0 ? bytes : 1);
            struct login l;
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, in.p + used, bytes);
            enum login_kind kind = login_parse(span_of(copy, bytes), &l);
            ck_assert_uint_le(l.used, bytes);
            used += l.used;
            swallow += l.swallow_bytes;
            if (kind == LOGIN_TOKEN)
                snprintf(log + at, room - at, "[%.*s][%.*s]", (int)l.user.bytes, l.user.p,
                         (int)l.password.bytes, l.password.p);
            else if (kind == LOGIN_BAD)
                snprintf(log + at, room - at, "%.*s", (int)l.line.bytes, l.line.p);
            else if (kind == LOGIN_CLOSE)
                snprintf(log + at, room - at, "closed");
            free(copy);
            if (kind == LOGIN_CLOSE)
                return;
            if (kind == LOGIN_INCOMPLETE)
                break;
            ck_assert_uint_gt(l.used, 0);
        }
    }
}

static void
expect_span(struct span in, const char *want)
{
    for (size_t step = 1; step <= in.bytes; step = step < 8 ? step + 1 : step * 3) {
        char log[400];
        log_stream(in, step, log, sizeof log);
        ck_assert_msg(strcmp(log, want) == 0, "'%.60s' by %zu: '%s' instead of '%s'", in.p, step, log,
                      want);
    }
}

static void
expect(const char *in, const char *want)
{
    expect_span(s(in), want);
}

START_TEST(a_set_is_a_login)
{
    expect("set a 0 0 7\r\nfoo bar\r\n", "[foo][bar]");
    expect("set a 0 0 7\nfoo bar\r\n", "[foo][bar]");
    expect("set any thing at 07\r\nfoo bar\r\n", "[foo][bar]");
    expect("set  a  b  c  7\r\nfoo bar\r\n", "[foo][bar]");
    expect("settle a 0 0 7\r\nfoo bar\r\n", "[foo][bar]");
    expect("set a 0 0 7 noreply\r\nfoo bar\r\n", "[foo][bar]");
    expect("set a 0 0 7 and so on \r\nfoo bar\r\n", "[foo][bar]");
}
END_TEST

START_TEST(the_password_is_all_behind_the_user)
{
    expect("set a 0 0 11\r\nfoo bar baz\r\n", "[foo][bar baz]");
    expect("set a 0 0 13\r\n  foo   bar  \r\n", "[foo][bar]");
    expect("set a 0 0 9\r\nfoo b\r\nar\r\n", "[foo][b\r\nar]");
    struct login l;
    ck_assert_int_eq(login_parse(SPAN("set a 0 0 8\r\nfoo b:r\0\r\n"), &l), LOGIN_TOKEN);
    ck_assert(span_equal(l.password, SPAN("b:r\0")));
}
END_TEST

START_TEST(a_login_needs_a_user_and_a_password)
{
    expect("set a 0 0 0\r\n\r\n", BAD_FORMAT);
    expect("set a 0 0 3\r\nfoo\r\n", BAD_FORMAT);
    expect("set a 0 0 4\r\nfoo \r\n", BAD_FORMAT);
    expect("set a 0 0 4\r\n foo\r\n", BAD_FORMAT);
    expect("set a 0 0 3\r\n   \r\n", BAD_FORMAT);
    expect("set a 0 0 7\r\nfoo\tbar\r\n", BAD_FORMAT);
}
END_TEST

START_TEST(a_token_has_a_line_end)
{
    expect("set a 0 0 7\r\nfoo barXX", BAD_END);
    expect("set a 0 0 7\r\nfoo bar\nXget a\r\n", BAD_END UNAUTHENTICATED);
    expect("set a 0 0 6\r\nfoo bar\r\n", BAD_END "closed");
    expect("set a 0 0 9\r\nfoo bar\r\nx", "");
}
END_TEST

START_TEST(nothing_else_is_understood)
{
    const char *lines[] = {"version",       "stats",           "get a",        "quit now",
                           "add a 0 0 7",   "SET a 0 0 7",     " set a 0 0 7", "set a 0 0",
                           "set a 0 0 -1",  "set a 0 0 +7",    "set a 0 0 7x", "set a 0 0 4294967296",
                           "set ",          "set a 0 7",       "set a 0 0 x 7", "    ",
                           "mg a v", "\x80\x21\x01\x05\r"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        char line[80];
        snprintf(line, sizeof line, "%s\r\n", lines[i]);
        expect(line, UNAUTHENTICATED);
    }
    expect("get a\r\nset a 0 0 7\r\nfoo bar\r\n", UNAUTHENTICATED "[foo][bar]");
}
END_TEST

START_TEST(a_short_line_ends_the_connection)
{
    const char *lines[] = {"\n", "\r\n", "a\r\n", "mn\r\n", "abc\r\n", "abcd\n", "set\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        expect(lines[i], "closed");
    expect("abcd\r\n", UNAUTHENTICATED);
    expect("abcde\n", UNAUTHENTICATED);
}
END_TEST

START_TEST(a_long_line_ends_the_connection)
{
    static char line[4000];
    memset(line, 'x', sizeof line);
    line[2048] = '\n';
    expect_span(span_of(line, 2048), "");
    expect_span(span_of(line, 2049), UNAUTHENTICATED);
    memset(line, 'x', sizeof line);
    line[2049] = '\n';
    expect_span(span_of(line, 2050), "closed");
    memcpy(line, "get ", 4);
    expect_span(span_of(line, 2050), "closed");
}
END_TEST

START_TEST(a_long_token_is_swallowed)
{
    static char stream[20000];
    int head = sprintf(stream, "set a 0 0 16385\r\n");
    memset(stream + head, 'x', 16385);
    int bytes = head + 16385;
    bytes += sprintf(stream + bytes, "\r\nset a 0 0 7\r\nfoo bar\r\n");
    expect_span(span_of(stream, (size_t)bytes), TOO_LONG "[foo][bar]");
    expect("set a 0 0 4294967295\r\nget a\r\nset a 0 0 7\r\nfoo bar\r\n", TOO_LONG);
    expect("set a 0 0 2147483640\r\nget a\r\n", TOO_LONG);
    head = sprintf(stream, "set a 0 0 16384\r\nfoo ");
    memset(stream + head, 'x', 16380);
    sprintf(stream + head + 16380, "\r\n");
    struct login l;
    ck_assert_int_eq(login_parse(s(stream), &l), LOGIN_TOKEN);
    ck_assert_uint_eq(l.password.bytes, 16380);
    ck_assert_int_eq(login_parse(span_of(stream, (size_t)head + 16381), &l), LOGIN_INCOMPLETE);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("login");
    tcase_add_test(tc, a_set_is_a_login);
    tcase_add_test(tc, the_password_is_all_behind_the_user);
    tcase_add_test(tc, a_login_needs_a_user_and_a_password);
    tcase_add_test(tc, a_token_has_a_line_end);
    tcase_add_test(tc, nothing_else_is_understood);
    tcase_add_test(tc, a_short_line_ends_the_connection);
    tcase_add_test(tc, a_long_line_ends_the_connection);
    tcase_add_test(tc, a_long_token_is_swallowed);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/login")

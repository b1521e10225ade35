/* The log: what reaches standard error, which each of these makes a pipe. */
#include "suite.h"

#include <string.h>
#include <unistd.h>
#include "base/log.h"

static int before, pipe_end;

static void
catch_stderr(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    before = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
}

static void
expect_written(const char *want)
{
    char text[2048];
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    size_t bytes = 0;
    ssize_t n;
    while ((n = read(pipe_end, text + bytes, sizeof text - 1 - bytes)) > 0)
        bytes += (size_t)n;
    close(pipe_end);
    text[bytes] = '\0';
    ck_assert_str_eq(text, want);
}

START_TEST(lines_are_shown_up_to_the_level)
{
    catch_stderr();
    log_line(LOG_WARN, "%d warnings", 2);
    log_line(LOG_INFO, "not yet");
    log_set_level(1);
    log_line(LOG_INFO, "now");
    log_line(LOG_DEBUG, "not this");
    log_set_level(0);
    expect_written("ketchd: 2 warnings\nketchd: now\n");
}
END_TEST

START_TEST(nobody_writes_a_line_of_his_own)
{
    catch_stderr();
    log_line(LOG_WARN, "no mechanism %s", "x\r\nketchd: all is well\033[2J\x7f caf\xc3\xa9");
    expect_written("ketchd: no mechanism x??ketchd: all is well?[2J? caf\xc3\xa9\n");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    char text[3000], want[1025];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(want, "ketchd: ", 8);
    memset(want + 8, 'x', 1014);
    strcpy(want + 1022, "\n");
    catch_stderr();
    log_line(LOG_WARN, "%s", text);
    expect_written(want);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *tc = tcase_create("log");
    tcase_add_test(tc, lines_are_shown_up_to_the_level);
    tcase_add_test(tc, nobody_writes_a_line_of_his_own);
    tcase_add_test(tc, a_long_line_is_cut);
    suite_add_tcase(s, tc);
}

SUITE_MAIN("base/log")

/* Tables of users: which lines are users, who is let in, and that a large table is like a small. */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "auth/users.h"

/* Of a check of fifty users; it takes a thousand. */
#define STEPS_MAX 1000000

/* What a sanitizer adds takes as long as it likes. */
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
#define STEPS_ARE_OURS false
#else
#define STEPS_ARE_OURS true
#endif

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

static struct users *
parse_span(struct span text, struct users_format format)
{
    struct users_error error;
    struct users *u = users_parse(text, format, 42, &error);
    ck_assert_msg(u != NULL, "line %u %s", error.line, error.what);
    return u;
}

static struct users *
parse(const char *text)
{
    return parse_span(s(text), (struct users_format){0});
}

static struct users *
parse_pwdb(const char *text, const char *realm)
{
    return parse_span(s(text), (struct users_format){.fields = true, .realm = s(realm)});
}

/* "user password": the first space is between them. */
static bool
lets_in(const struct users *u, const char *who)
{
    const char *space = strchr(who, ' ');
    return users_check(u, span_of(who, (size_t)(space - who)), s(space + 1));
}

static void
expect(struct users *u, const char *const *in, const char *const *out)
{
    for (; *in != NULL; in++)
        ck_assert_msg(lets_in(u, *in), "does not let in '%s'", *in);
    for (; *out != NULL; out++)
        ck_assert_msg(!lets_in(u, *out), "lets in '%s'", *out);
    users_release(u);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(lets_in_who_is_in_a_line)
{
    expect(parse("alice:secret\nbob:hunter2\n"), LIST("alice secret", "bob hunter2"),
           LIST("alice hunter2", "bob secret", "carol secret", "alice secre", "alice secrets",
                "alic secret", "alicee secret", "Alice secret", "alice ", " secret", " "));
}
END_TEST

START_TEST(needs_no_newline_at_the_end)
{
    expect(parse("alice:secret"), LIST("alice secret"), LIST("alice secre"));
    expect(parse("x:y\nalice:secret"), LIST("alice secret", "x y"), LIST("alice secre"));
}
END_TEST

START_TEST(takes_lines_that_end_in_cr_lf)
{
    expect(parse("alice:secret\r\n\r\nbob:x"), LIST("alice secret", "bob x"), LIST("alice secret\r"));
}
END_TEST

START_TEST(passes_over_empty_lines)
{
    struct users *u = parse("\n\n\nalice:secret\n\n\nbob:x\n\n");
    ck_assert_uint_eq(users_count(u), 2);
    expect(u, LIST("alice secret", "bob x"), LIST(" "));
}
END_TEST

START_TEST(a_file_may_be_nothing_but_line_ends)
{
    enum { LINES = 1000000 };
    char *text = malloc(LINES);
    ck_assert_ptr_nonnull(text);
    memset(text, '\n', LINES);
    struct users *u = parse_span(span_of(text, LINES), (struct users_format){0});
    ck_assert_uint_eq(users_count(u), 0);
    users_release(u);
    memcpy(text + LINES / 2, "alice:secret", 12);
    u = parse_span(span_of(text, LINES), (struct users_format){0});
    free(text);
    expect(u, LIST("alice secret"), LIST(" ", "\n \n"));
}
END_TEST

START_TEST(lets_nobody_in_without_lines)
{
    const char *texts[] = {"", "\n", "\r\n\n\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct users *u = parse(texts[i]);
        ck_assert_uint_eq(users_count(u), 0);
        expect(u, (const char *const[]){NULL}, LIST(" ", "a b", ": :"));
    }
    struct users *u = parse_span((struct span){NULL, 0}, (struct users_format){0});
    ck_assert(!users_check(u, (struct span){NULL, 0}, (struct span){NULL, 0}));
    users_release(u);
}
END_TEST

START_TEST(lets_nobody_in_without_a_name_or_a_password)
{
    struct users *u = parse("alice:\n:secret\n:\n");
    ck_assert_uint_eq(users_count(u), 3);
    expect(u, (const char *const[]){NULL}, LIST("alice ", " secret", " "));
}
END_TEST

START_TEST(the_name_ends_at_the_first_colon)
{
    expect(parse("alice:a:b c:\n#x:y\n"), LIST("alice a:b c:", "#x y"), LIST("alice a", "alice:a b c:"));
}
END_TEST

START_TEST(a_user_may_have_several_passwords)
{
    expect(parse("alice:old\nbob:x\nalice:new\nalice:new\n"), LIST("alice old", "alice new", "bob x"),
           LIST("alice x", "bob old"));
}
END_TEST

START_TEST(a_password_of_a_pwdb_ends_at_the_next_colon)
{
    expect(parse_pwdb("alice:secret:more:::\nbob:x\ncarol::y\n", ""), LIST("alice secret", "bob x"),
           LIST("alice secret:more", "carol ", "carol y"));
}
END_TEST

START_TEST(the_realm_of_a_pwdb_may_be_left_out)
{
    expect(parse_pwdb("alice@here:secret:\nbob:x\ncarol@there:y\n", "here"),
           LIST("alice secret", "alice@here secret", "bob x", "bob@here x", "carol@there y"),
           LIST("carol y", "alice@there secret", "bob@there x", "alice@her secret", "@here secret",
                "alicehere secret"));
    expect(parse_pwdb("@here:secret\n", "here"), LIST("@here secret"), LIST(" secret"));
}
END_TEST

START_TEST(refuses_what_is_no_user)
{
    static const struct {
        struct span text;
        unsigned line;
    } bad[] = {
        {SPAN("alice\n"), 1},          {SPAN("alice:secret\n\nbob\n"), 3},
        {SPAN("# who may log in\n"), 1}, {SPAN("alice:sec\0ret\n"), 1},
        {SPAN("a:b\n\0"), 2},          {SPAN("\0"), 1},
        {SPAN(" "), 1},                {SPAN("a:b\r\n\r\r\n"), 2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct users_error error;
        ck_assert_ptr_null(users_parse(bad[i].text, (struct users_format){0}, 1, &error));
        ck_assert_uint_eq(error.line, bad[i].line);
        ck_assert_ptr_nonnull(error.what);
    }
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
    size_t bytes = USERS_TEXT_BYTES_MAX + 1;
    char *text = malloc(bytes);
    struct users_error error;
    ck_assert_ptr_nonnull(text);
    memset(text, '\n', bytes);
    ck_assert_ptr_null(users_parse(span_of(text, bytes), (struct users_format){0}, 1, &error));
    ck_assert_uint_eq(error.line, 0);
    ck_assert_ptr_nonnull(error.what);
    users_release(parse_span(span_of(text, bytes - 1), (struct users_format){0}));
    free(text);
}
END_TEST

START_TEST(a_check_takes_any_bytes)
{
    struct users *u = parse("alice:secret\n");
    ck_assert(!users_check(u, SPAN("alice\0"), SPAN("secret")));
    ck_assert(!users_check(u, SPAN("alice"), SPAN("secret\0")));
    ck_assert(!users_check(u, SPAN("alice:secret"), SPAN("")));
    static char long_text[100000];
    ck_assert(!users_check(u, span_of(long_text, sizeof long_text), SPAN("secret")));
    ck_assert(!users_check(u, SPAN("alice"), span_of(long_text, sizeof long_text)));
    users_release(u);
}
END_TEST

START_TEST(holds_many_users)
{
    enum { USERS = 20000 };
    char *text = malloc(USERS * 32), *at = text;
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < USERS; i++)
        at += sprintf(at, "user%d:password%d\n", i, i * 7);
    struct users *u = parse_span(span_of(text, (size_t)(at - text)), (struct users_format){0});
    ck_assert_uint_eq(users_count(u), USERS);
    for (int i = 0; i < USERS; i += 199) {
        char who[64];
        sprintf(who, "user%d password%d", i, i * 7);
        ck_assert_msg(lets_in(u, who), "does not let in %s", who);
        sprintf(who, "user%d password%d", i, i * 7 + 1);
        ck_assert_msg(!lets_in(u, who), "lets in %s", who);
    }
    users_release(u);
    free(text);
}
END_TEST

/* ---- time ---- */

/* How many instructions users_check() executes: a child does it step by step under our eyes.  0: that
 * cannot be seen here. */
static unsigned long
steps_of(const struct users *u, struct span name, struct span password)
{
    unsigned long steps = 0;
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(2);
        raise(SIGSTOP);
        bool right = users_check(u, name, password);
        kill(getpid(), SIGCONT); /* seen by the parent, and the end of it */
        _exit(right);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        return 0;
    do {
        ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        steps++;
    } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP && steps < STEPS_MAX);
    ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGCONT, "status %x after %lu steps", status,
                  steps);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return steps;
}

/* No branch depends on who is asked for, nor on how much is right: it is always the same number of
 * instructions, on any machine, however busy it is.  (That no place in memory does is for the reader
 * to see.) */
START_TEST(a_check_is_the_same_work_whatever_is_wrong)
{
    static const struct {
        struct span name, password;
    } guesses[] = {
        {SPAN("user000"), SPAN("password000")}, /* right, the first */
        {SPAN("user049"), SPAN("password049")}, /* right, the last */
        {SPAN("user020"), SPAN("password02x")}, /* wrong in its last byte */
        {SPAN("user020"), SPAN("xassword020")}, /* and in its first */
        {SPAN("user020"), SPAN("xxxxxxxxxxx")},
        {SPAN("user0xx"), SPAN("password020")}, /* no such user */
        {SPAN("xxxxxxx"), SPAN("xxxxxxxxxxx")},
        {SPAN("user020"), SPAN("password030")}, /* somebody else's */
    };
    char text[50 * 24], *at = text;
    for (int i = 0; i < 50; i++)
        at += sprintf(at, "user%03d:password%03d\n", i, i);
    struct users *u = parse_span(span_of(text, (size_t)(at - text)), (struct users_format){0});
    /* Functions that are called for the first time are looked up, which takes instructions of its own:
     * the second time counts. */
    ck_assert(users_check(u, guesses[0].name, guesses[0].password));
    (void)steps_of(u, guesses[0].name, guesses[0].password);
    unsigned long steps = steps_of(u, guesses[0].name, guesses[0].password);
    for (size_t i = 1; i < sizeof guesses / sizeof *guesses; i++)
        ck_assert_uint_eq(steps_of(u, guesses[i].name, guesses[i].password), steps);
    if (steps == 0)
        fprintf(stderr, "not tested: this process may not be traced\n");
    else /* or nothing was seen: another length must be another number */
        ck_assert_uint_ne(steps_of(u, SPAN("user020"), SPAN("longer than others")), steps);
    users_release(u);
}
END_TEST

START_TEST(is_there_until_the_last_share_is_released)
{
    struct users *u = parse("alice:secret\n");
    ck_assert_ptr_eq(users_share(u), u);
    users_release(u);
    ck_assert(lets_in(u, "alice secret"));
    users_release(u);
    users_release(NULL);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("users");
    tcase_add_test(tc, lets_in_who_is_in_a_line);
    tcase_add_test(tc, needs_no_newline_at_the_end);
    tcase_add_test(tc, takes_lines_that_end_in_cr_lf);
    tcase_add_test(tc, passes_over_empty_lines);
    tcase_add_test(tc, a_file_may_be_nothing_but_line_ends);
    tcase_add_test(tc, lets_nobody_in_without_lines);
    tcase_add_test(tc, lets_nobody_in_without_a_name_or_a_password);
    tcase_add_test(tc, the_name_ends_at_the_first_colon);
    tcase_add_test(tc, a_user_may_have_several_passwords);
    tcase_add_test(tc, a_password_of_a_pwdb_ends_at_the_next_colon);
    tcase_add_test(tc, the_realm_of_a_pwdb_may_be_left_out);
    tcase_add_test(tc, refuses_what_is_no_user);
    tcase_add_test(tc, refuses_what_is_too_large);
    tcase_add_test(tc, a_check_takes_any_bytes);
    tcase_add_test(tc, holds_many_users);
    if (STEPS_ARE_OURS)
        tcase_add_test(tc, a_check_is_the_same_work_whatever_is_wrong);
    tcase_add_test(tc, is_there_until_the_last_share_is_released);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("auth/users")

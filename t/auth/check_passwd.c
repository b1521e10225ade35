/* The file of passwords: read, read again while others check, and kept when that cannot be. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "auth/passwd.h"

static char directory[64], path[96];

static void
setup(void)
{
    strcpy(directory, "/tmp/check_passwd.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/users", directory);
}

static void
teardown(void)
{
    unlink(path);
    rmdir(directory);
    rmdir(path);
}

static void
write_span(struct span text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text.p, 1, text.bytes, f), text.bytes);
    ck_assert_int_eq(fclose(f), 0);
}

static void
write_file(const char *text)
{
    write_span(span_of(text, strlen(text)));
}

/* As those do it who know how. */
static void
replace_file(const char *text)
{
    char other[sizeof path + 4];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *f = fopen(other, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(rename(other, path), 0);
}

static struct passwd *
open_passwd(const char *name)
{
    struct passwd_report report;
    struct passwd *p = passwd_open(name, (struct users_format){0}, &report);
    ck_assert_msg(p != NULL, "%s: %s", name, report.text);
    return p;
}

static bool
lets_in(struct passwd *p, const char *user, const char *password)
{
    return passwd_check(p, span_of(user, strlen(user)), span_of(password, strlen(password)));
}

START_TEST(reads_a_file)
{
    struct passwd_report report;
    write_file("alice:secret\nbob:x");
    struct passwd *p = passwd_open(path, (struct users_format){0}, &report);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(report.users, 2);
    ck_assert(lets_in(p, "alice", "secret"));
    ck_assert(lets_in(p, "bob", "x"));
    ck_assert(!lets_in(p, "bob", "secret"));
    passwd_close(p);
    passwd_close(NULL);
}
END_TEST

START_TEST(reads_it_again)
{
    struct passwd_report report;
    write_file("alice:secret\nbob:x\n");
    struct passwd *p = open_passwd(path);
    write_file("alice:changed\n");
    ck_assert(lets_in(p, "alice", "secret"));
    ck_assert(passwd_reload(p, &report));
    ck_assert_uint_eq(report.users, 1);
    ck_assert(!lets_in(p, "alice", "secret"));
    ck_assert(lets_in(p, "alice", "changed"));
    ck_assert(!lets_in(p, "bob", "x"));
    write_file("");
    ck_assert(passwd_reload(p, &report));
    ck_assert_uint_eq(report.users, 0);
    ck_assert(!lets_in(p, "alice", "changed"));
    passwd_close(p);
}
END_TEST

/* When 'p', which lets alice in, is reloaded, it says something like 'why', and still does. */
static void
expect_kept(struct passwd *p, const char *why)
{
    struct passwd_report report;
    ck_assert(!passwd_reload(p, &report));
    ck_assert_msg(strstr(report.text, why) != NULL, "says '%s', not '%s'", report.text, why);
    ck_assert(lets_in(p, "alice", "secret"));
    ck_assert(!lets_in(p, "eve", "x"));
}

START_TEST(keeps_what_it_had_when_the_file_is_no_good)
{
    write_file("alice:secret\n");
    struct passwd *p = open_passwd(path);
    write_file("eve:x\nnonsense\n");
    expect_kept(p, "line 2 is not user:password");
    write_span(SPAN("eve:x\0\n"));
    expect_kept(p, "line 1 has a NUL");
    ck_assert_int_eq(truncate(path, USERS_TEXT_BYTES_MAX + 1), 0);
    expect_kept(p, "too large");
    ck_assert_int_eq(unlink(path), 0);
    expect_kept(p, "No such file");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    expect_kept(p, "not a regular file");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    expect_kept(p, "not a regular file"); /* and does not wait for a writer */
    passwd_close(p);
}
END_TEST

START_TEST(keeps_what_it_had_when_the_file_may_not_be_read)
{
    write_file("alice:secret\n");
    struct passwd *p = open_passwd(path);
    ck_assert_int_eq(chmod(path, 0), 0);
    if (access(path, R_OK) != 0) /* root may read everything */
        expect_kept(p, "Permission denied");
    passwd_close(p);
}
END_TEST

START_TEST(does_not_open_what_is_no_good)
{
    struct passwd_report report;
    ck_assert_ptr_null(passwd_open(path, (struct users_format){0}, &report));
    ck_assert_str_eq(report.text, "No such file or directory");
    ck_assert_ptr_null(passwd_open("", (struct users_format){0}, &report));
    ck_assert_ptr_null(passwd_open(directory, (struct users_format){0}, &report));
    ck_assert_str_eq(report.text, "not a regular file");
    write_file("nonsense\n");
    ck_assert_ptr_null(passwd_open(path, (struct users_format){0}, &report));
    ck_assert_str_eq(report.text, "line 1 is not user:password");
}
END_TEST

START_TEST(finds_a_relative_path_again_from_elsewhere)
{
    struct passwd_report report;
    write_file("alice:secret\n");
    ck_assert_int_eq(chdir(directory), 0);
    struct passwd *p = open_passwd("users");
    ck_assert_int_eq(chdir("/"), 0);
    write_file("alice:changed\n");
    ck_assert(passwd_reload(p, &report));
    ck_assert(lets_in(p, "alice", "changed"));
    passwd_close(p);
}
END_TEST

/* ---- when the system fails ---- */

/* Calls of these in the code under test, of which one may be made to fail. */
enum call { CALL_NONE, CALL_MEMORY, CALL_READ, CALL_FSTAT, CALL_GETCWD, CALL_GETRANDOM };

static enum call failing;
static unsigned fails_at; /* 1: the next one */
static int fails_with;    /* errno */

static void
let_fail(enum call call, unsigned at, int error)
{
    failing = call;
    fails_at = at;
    fails_with = error;
}

/* True: the call is to fail, and errno is set. */
static bool
has_to_fail(enum call call)
{
    if (call != failing || fails_at == 0 || --fails_at > 0)
        return false;
    errno = fails_with;
    return true;
}

/* NAME is what the linker's --wrap puts in the place of a function: see Makefile.am. */
#define WRAP(call, type, name, failure, parameters, ...)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters { return has_to_fail(call) ? failure : __real_##name(__VA_ARGS__); }

WRAP(CALL_MEMORY, void *, malloc, NULL, (size_t bytes), bytes)
WRAP(CALL_MEMORY, void *, calloc, NULL, (size_t count, size_t bytes), count, bytes)
WRAP(CALL_MEMORY, char *, strdup, NULL, (const char *s), s)
WRAP(CALL_MEMORY, char *, strndup, NULL, (const char *s, size_t bytes), s, bytes)
WRAP(CALL_READ, ssize_t, read, -1, (int fd, void *to, size_t bytes), fd, to, bytes)
WRAP(CALL_FSTAT, int, fstat, -1, (int fd, struct stat *to), fd, to)
WRAP(CALL_GETCWD, char *, getcwd, NULL, (char *to, size_t bytes), to, bytes)
WRAP(CALL_GETRANDOM, ssize_t, getrandom, -1, (void *to, size_t bytes, unsigned flags), to, bytes, flags)

START_TEST(without_memory_it_is_not_opened)
{
    struct passwd_report report;
    struct passwd *p = NULL;
    unsigned at = 0;
    write_file("alice:secret\nbob:x\n");
    while (p == NULL) {
        ck_assert_uint_le(++at, 100);
        let_fail(CALL_MEMORY, at, ENOMEM);
        p = passwd_open(path, (struct users_format){.realm = SPAN("here")}, &report);
        bool all_was_had = fails_at > 0;
        let_fail(CALL_NONE, 0, 0);
        ck_assert_int_eq(p != NULL, all_was_had);
        ck_assert_int_eq(p == NULL, report.text[0] != '\0');
    }
    ck_assert_uint_ge(at, 7); /* of which the last found enough */
    ck_assert(lets_in(p, "alice@here", "secret"));
    passwd_close(p);
}
END_TEST

START_TEST(without_memory_it_keeps_what_it_had)
{
    struct passwd_report report;
    bool done = false;
    write_file("alice:secret\n");
    struct passwd *p = open_passwd(path);
    write_file("eve:x\n");
    for (unsigned at = 1; !done; at++) {
        ck_assert_uint_le(at, 100);
        let_fail(CALL_MEMORY, at, ENOMEM);
        done = passwd_reload(p, &report);
        let_fail(CALL_NONE, 0, 0);
        ck_assert_int_eq(lets_in(p, "alice", "secret"), !done);
        ck_assert_int_eq(lets_in(p, "eve", "x"), done);
    }
    passwd_close(p);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_to_its_end_is_not_used)
{
    write_file("alice:secret\n");
    struct passwd *p = open_passwd(path);
    write_file("eve:x\n");
    let_fail(CALL_READ, 1, EIO);
    expect_kept(p, strerror(EIO));
    let_fail(CALL_READ, 2, EIO); /* instead of its end */
    expect_kept(p, strerror(EIO));
    let_fail(CALL_FSTAT, 1, EOVERFLOW);
    expect_kept(p, strerror(EOVERFLOW));
    passwd_close(p);
}
END_TEST

START_TEST(an_interrupted_read_goes_on)
{
    struct passwd_report report;
    write_file("alice:secret\n");
    let_fail(CALL_READ, 1, EINTR);
    struct passwd *p = passwd_open(path, (struct users_format){0}, &report);
    ck_assert_ptr_nonnull(p);
    ck_assert(lets_in(p, "alice", "secret"));
    let_fail(CALL_FSTAT, 2, EIO); /* whether it has changed is not known: it is read once more */
    ck_assert(passwd_reload(p, &report));
    passwd_close(p);
}
END_TEST

START_TEST(a_relative_path_needs_a_directory)
{
    struct passwd_report report;
    let_fail(CALL_GETCWD, 1, ENOENT);
    ck_assert_ptr_null(passwd_open("users", (struct users_format){0}, &report));
    ck_assert_str_eq(report.text, strerror(ENOENT));
}
END_TEST

START_TEST(without_random_numbers_it_works)
{
    struct passwd_report report;
    write_file("alice:secret\n");
    let_fail(CALL_GETRANDOM, 1, ENOSYS);
    struct passwd *p = passwd_open(path, (struct users_format){0}, &report);
    ck_assert_ptr_nonnull(p);
    ck_assert(lets_in(p, "alice", "secret"));
    ck_assert(!lets_in(p, "alice", "secre"));
    passwd_close(p);
}
END_TEST

/* ---- at the same time ---- */

struct race {
    struct passwd *passwd;
    _Atomic bool stop;
    _Atomic unsigned checks, writes;
};

static void *
check_all_the_time(void *arg)
{
    struct race *race = arg;
    while (!atomic_load(&race->stop)) {
        /* In every version of the file. */
        ck_assert(lets_in(race->passwd, "alice", "secret"));
        ck_assert(!lets_in(race->passwd, "alice", "wrong"));
        atomic_fetch_add(&race->checks, 1);
    }
    return NULL;
}

START_TEST(checks_while_it_is_read_again)
{
    enum { THREADS = 3, RELOADS = 300 };
    pthread_t threads[THREADS];
    write_file("alice:secret\n");
    struct race race = {.passwd = open_passwd(path)};
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_all_the_time, &race), 0);
    for (int i = 0; i < RELOADS || atomic_load(&race.checks) < RELOADS; i++) {
        struct passwd_report report;
        replace_file(i % 2 == 0 ? "bob:x\nalice:secret\ncarol:y\n" : "alice:secret\n");
        ck_assert(passwd_reload(race.passwd, &report));
        ck_assert_uint_eq(report.users, i % 2 == 0 ? 3 : 1);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    passwd_close(race.passwd);
}
END_TEST

static void *
grow_all_the_time(void *arg)
{
    struct race *race = arg;
    for (unsigned i = 0; !atomic_load(&race->stop); i++) {
        int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        if (i % 500 == 499)
            ck_assert_int_eq(ftruncate(fd, 13), 0);
        ck_assert_int_eq(write(fd, "bob:xyz\n", 8), 8);
        close(fd);
        atomic_fetch_add(&race->writes, 1);
    }
    return NULL;
}

START_TEST(reads_a_file_that_grows_and_shrinks)
{
    enum { RELOADS = 300, WRITES = 3000 };
    pthread_t writer;
    unsigned good = 0, reloads = 0;
    write_file("alice:secret\n");
    struct race race = {.passwd = open_passwd(path)};
    ck_assert_int_eq(pthread_create(&writer, NULL, grow_all_the_time, &race), 0);
    for (; reloads < RELOADS || atomic_load(&race.writes) < WRITES; reloads++) {
        struct passwd_report report;
        if (passwd_reload(race.passwd, &report))
            good++;
        else
            ck_assert_str_eq(report.text, "it changes while it is read");
        ck_assert(lets_in(race.passwd, "alice", "secret"));
    }
    atomic_store(&race.stop, true);
    pthread_join(writer, NULL);
    struct passwd_report report;
    ck_assert(passwd_reload(race.passwd, &report));
    printf("read %u times of %u\n", good, reloads);
    passwd_close(race.passwd);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("passwd");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_a_file);
    tcase_add_test(tc, reads_it_again);
    tcase_add_test(tc, keeps_what_it_had_when_the_file_is_no_good);
    tcase_add_test(tc, keeps_what_it_had_when_the_file_may_not_be_read);
    tcase_add_test(tc, does_not_open_what_is_no_good);
    tcase_add_test(tc, finds_a_relative_path_again_from_elsewhere);
    tcase_add_test(tc, without_memory_it_is_not_opened);
    tcase_add_test(tc, without_memory_it_keeps_what_it_had);
    tcase_add_test(tc, a_file_that_cannot_be_read_to_its_end_is_not_used);
    tcase_add_test(tc, an_interrupted_read_goes_on);
    tcase_add_test(tc, a_relative_path_needs_a_directory);
    tcase_add_test(tc, without_random_numbers_it_works);
    tcase_add_test(tc, checks_while_it_is_read_again);
    tcase_add_test(tc, reads_a_file_that_grows_and_shrinks);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("auth/passwd")

/* The process: limits, daemon, pid file.  Each test runs in a child of its own, so it may break what
 * it likes; a child that forks is watched through pipes and exit codes. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "options.h"
#include "process.h"

static char directory[] = "/tmp/check_process.XXXXXX";
static char path[128];
static struct config config;
static struct process process;

static void
set_up(void)
{
    ck_assert(options_init(&config));
    ck_assert_int_eq(process_init(&process), 0);
}

static void
tear_down(void)
{
    options_fini(&config);
    if (*path != '\0') {
        unlink(path);
        rmdir(directory);
    }
}

/* For tests that write files: 'directory' and a 'path' in it. */
static void
make_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/pid", directory);
}

static void
limit_files(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {soft, hard};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t
file_limit(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

/* Gives up root, if we are it, so that limits are what they are for others. */
static void
become_nobody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0);
}

static long
pid_in_file(void)
{
    long pid = 0;
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return -1;
    ck_assert_int_eq(fscanf(f, "%ld", &pid), 1);
    fclose(f);
    return pid;
}

START_TEST(root_must_name_a_user)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(process_check(&config), EX_USAGE);
    ck_assert(option_set_string(&config.process.user, "root"));
    ck_assert_int_eq(process_check(&config), 0);
    ck_assert_int_eq(process_switch_user(&config.process), 0);
    ck_assert_uint_eq(geteuid(), 0);
}
END_TEST

START_TEST(an_unknown_user_is_an_error_for_root_only)
{
    ck_assert(option_set_string(&config.process.user, "no such user"));
    if (geteuid() == 0)
        ck_assert_int_eq(process_switch_user(&config.process), EX_NOUSER);
    become_nobody();
    ck_assert_int_eq(process_check(&config), 0);
    ck_assert_int_eq(process_switch_user(&config.process), 0);
}
END_TEST

START_TEST(memory_that_the_machine_does_not_have_is_not_taken)
{
    ck_assert(option_set_string(&config.process.user, "root"));
    config.engine.preallocate = true;
    ck_assert_int_eq(process_check(&config), 0);
    config.engine.limit_bytes = 1ull << 50;
    ck_assert_int_eq(process_check(&config), EXIT_FAILURE);
}
END_TEST

START_TEST(the_user_is_switched_for_good)
{
    if (geteuid() != 0)
        return;
    ck_assert(option_set_string(&config.process.user, "nobody"));
    ck_assert_int_eq(process_switch_user(&config.process), 0);
    ck_assert_uint_ne(getuid(), 0);
    ck_assert_uint_ne(getgid(), 0);
    ck_assert_int_eq(getgroups(0, NULL), 0);
    ck_assert_int_ne(setuid(0), 0);
}
END_TEST

START_TEST(the_soft_limit_of_files_is_raised)
{
    config.net.conns_max = 200;
    limit_files(100, 1000);
    become_nobody();
    ck_assert_int_eq(process_set_limits(&config), 0);
    ck_assert_uint_eq(config.net.conns_max, 200);
    ck_assert_uint_gt(file_limit(), 200);
}
END_TEST

START_TEST(connections_are_lowered_to_what_the_hard_limit_allows)
{
    limit_files(256, 256);
    become_nobody();
    ck_assert_int_eq(process_set_limits(&config), 0);
    ck_assert_uint_lt(config.net.conns_max, 256);
    ck_assert_uint_gt(config.net.conns_max, 150);
    ck_assert_uint_eq(file_limit(), 256);
}
END_TEST

START_TEST(no_room_for_connections_is_an_error)
{
    limit_files(20, 20);
    become_nobody();
    ck_assert_int_eq(process_set_limits(&config), EX_OSERR);
}
END_TEST

START_TEST(forbidden_core_files_are_an_error)
{
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
    become_nobody();
    ck_assert_int_eq(process_set_limits(&config), 0);
    config.process.coredumps = true;
    ck_assert_int_eq(process_set_limits(&config), EX_OSERR);
}
END_TEST

START_TEST(the_pid_file_stays_unless_we_are_a_daemon)
{
    struct stat st;
    make_directory();
    ck_assert(option_set_string(&config.process.pid_file, path));
    process_write_pid(&process, &config.process);
    ck_assert_int_eq(pid_in_file(), getpid());
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0644);
    process_end(&process);
    ck_assert_int_eq(pid_in_file(), getpid());
    config.process.daemon = true;
    process_write_pid(&process, &config.process);
    ck_assert_int_eq(chdir("/"), 0);
    process_end(&process);
    ck_assert_int_eq(pid_in_file(), -1);
}
END_TEST

START_TEST(a_pid_file_that_cannot_be_written_is_no_error)
{
    ck_assert(option_set_string(&config.process.pid_file, "/nonexistent/pid"));
    process_write_pid(&process, &config.process);
    process_end(&process);
}
END_TEST

/* Starts a daemon that does 'work' before it is ready; returns what its parent exits with. */
static int
start_daemon(void (*work)(void))
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        config.process.daemon = true;
        if (process_daemonise(&process, &config.process) != 0)
            _exit(99);
        work();
        process_ready(&process);
        process_write_pid(&process, &config.process);
        _exit(98);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
work_well(void)
{
    ck_assert(option_set_string(&config.process.pid_file, path));
    process_write_pid(&process, &config.process);
}

static void
work_badly(void)
{
    _exit(71);
}

START_TEST(the_parent_waits_until_the_daemon_is_ready)
{
    make_directory();
    ck_assert_int_eq(start_daemon(work_well), 0);
    long pid = pid_in_file();
    ck_assert_int_gt(pid, 0);
    ck_assert_int_ne(pid, getpid());
}
END_TEST

static void
work_to_death(void)
{
    raise(SIGKILL);
}

START_TEST(the_parent_passes_on_why_a_daemon_did_not_start)
{
    ck_assert_int_eq(start_daemon(work_badly), 71);
    ck_assert_int_eq(start_daemon(work_to_death), EX_OSERR);
}
END_TEST

static int report_fd;

/* What the daemon is once it is ready: its session, directory and streams, as text. */
static void
describe_self(void)
{
    struct stat null, out;
    char cwd[256] = "";
    process_ready(&process);
    ck_assert_int_eq(stat("/dev/null", &null), 0);
    ck_assert_int_eq(fstat(STDERR_FILENO, &out), 0);
    dprintf(report_fd, "%s %s %s", getsid(0) == getpid() ? "leader" : "follower",
            getcwd(cwd, sizeof cwd), out.st_rdev == null.st_rdev ? "quiet" : "loud");
}

static void
expect_self(const char *expected)
{
    char text[256] = "";
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    report_fd = ends[1];
    ck_assert_int_eq(start_daemon(describe_self), 0);
    close(ends[1]);
    ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
    close(ends[0]);
    ck_assert_str_eq(text, expected);
}

START_TEST(a_daemon_leaves_session_directory_and_streams)
{
    make_directory();
    ck_assert_int_eq(chdir(directory), 0);
    expect_self("leader / quiet");
}
END_TEST

START_TEST(a_daemon_stays_where_it_is_for_core_files_and_talks_when_asked)
{
    char expected[256];
    make_directory();
    char *where = realpath(directory, NULL);
    ck_assert_int_eq(chdir(directory), 0);
    int spare = open("/dev/zero", O_WRONLY);
    ck_assert_int_eq(dup2(spare, STDERR_FILENO), STDERR_FILENO);
    config.process.coredumps = true;
    config.process.verbosity = 1;
    snprintf(expected, sizeof expected, "leader %s loud", where);
    free(where);
    expect_self(expected);
}
END_TEST

START_TEST(closed_standard_streams_are_filled)
{
    int saved = dup(STDERR_FILENO);
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    int status = process_init(&process);
    bool open_again = fcntl(STDIN_FILENO, F_GETFD) == 0 && fcntl(STDERR_FILENO, F_GETFD) == 0;
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq(status, 0);
    ck_assert(open_again);
}
END_TEST

START_TEST(locking_memory_never_stops_us)
{
    struct rlimit little = {4096, 4096};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    become_nobody();
    config.process.lock_memory = true;
    process_lock_memory(&config.process);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("process");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, root_must_name_a_user);
    tcase_add_test(tc, an_unknown_user_is_an_error_for_root_only);
    tcase_add_test(tc, memory_that_the_machine_does_not_have_is_not_taken);
    tcase_add_test(tc, the_user_is_switched_for_good);
    tcase_add_test(tc, the_soft_limit_of_files_is_raised);
    tcase_add_test(tc, connections_are_lowered_to_what_the_hard_limit_allows);
    tcase_add_test(tc, no_room_for_connections_is_an_error);
    tcase_add_test(tc, forbidden_core_files_are_an_error);
    tcase_add_test(tc, the_pid_file_stays_unless_we_are_a_daemon);
    tcase_add_test(tc, a_pid_file_that_cannot_be_written_is_no_error);
    tcase_add_test(tc, the_parent_waits_until_the_daemon_is_ready);
    tcase_add_test(tc, the_parent_passes_on_why_a_daemon_did_not_start);
    tcase_add_test(tc, a_daemon_leaves_session_directory_and_streams);
    tcase_add_test(tc, a_daemon_stays_where_it_is_for_core_files_and_talks_when_asked);
    tcase_add_test(tc, closed_standard_streams_are_filled);
    tcase_add_test(tc, locking_memory_never_stops_us);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN_FORKING("process")

/* The client and three real servers, on unix sockets in a directory of their own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ketch/client.h>
#include <ketch/ev.h>
#include <ketch/poll.h>
#include <ketch/sockets.h>
#include <ketch/wait.h>
#include "suite.h"

#define SERVERS 3
#define KEYS    300
/* Of a busy machine, sanitizers and all. */
#define PATIENCE_MS 20000

static char directory[] = "/tmp/ketch-live-XXXXXX";
static char paths[SERVERS][64], users[64];
static pid_t pids[SERVERS];
static struct ketch_server pool[SERVERS];

/* ---- servers ---- */

/* The path is there before the server listens. */
static bool
listens(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    bool does = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return does;
}

static void
start_server(int i, const char *auth_file)
{
    const char *program = getenv("KETCH_SERVER") != NULL ? getenv("KETCH_SERVER") : "src/ketchd";
    pids[i] = fork();
    ck_assert_int_ge(pids[i], 0);
    if (pids[i] == 0) {
        if (auth_file != NULL)
            execl(program, program, "-u", "root", "-s", paths[i], "-Y", auth_file, (char *)NULL);
        else
            execl(program, program, "-u", "root", "-s", paths[i], (char *)NULL);
        perror(program);
        _exit(127);
    }
    for (int ms = 0; ms < PATIENCE_MS && !listens(paths[i]); ms += 10)
        usleep(10 * 1000);
}

static void
stop_server(int i)
{
    if (pids[i] <= 0)
        return;
    kill(pids[i], SIGKILL);
    waitpid(pids[i], NULL, 0);
    unlink(paths[i]);
    pids[i] = 0;
}

static void
set_up(void)
{
    memcpy(strchr(directory, 0) - 6, "XXXXXX", 6); /* also if an earlier test was in this process */
    ck_assert_ptr_nonnull(mkdtemp(directory));
    for (int i = 0; i < SERVERS; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d", directory, i);
        pool[i] = (struct ketch_server){.host = paths[i]};
        start_server(i, NULL);
    }
    snprintf(users, sizeof users, "%s/users", directory);
}

static void
tear_down(void)
{
    for (int i = 0; i < SERVERS; i++)
        stop_server(i);
    unlink(users);
    rmdir(directory);
}

static struct ketch_client *
make_client(enum ketch_protocol protocol, const struct ketch_failure_policy *policy)
{
    struct ketch_client_conf conf;
    struct ketch_client *client;
    char why[200] = "";
    ketch_client_conf_init(&conf);
    conf.servers = pool;
    conf.server_count = SERVERS;
    conf.protocol = protocol;
    conf.timeout_ms = conf.connect_timeout_ms = PATIENCE_MS;
    if (policy != NULL)
        conf.policy = *policy;
    ck_assert_msg(ketch_client_create(&conf, &client, why, sizeof why) == KETCH_OK, "%s", why);
    ck_assert_int_eq(ketch_poll_attach(client), KETCH_OK);
    return client;
}

static char names[KEYS][16];
static struct ketch_bytes keys[KEYS];
static struct ketch_reply replies[KEYS];

static void
store_keys(struct ketch_client *client)
{
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "live%d", i);
        keys[i] = ketch_string(names[i]);
        if (i % 3 != 0)
            ck_assert_int_eq(ketch_set_wait(client, keys[i], keys[i], NULL, NULL), KETCH_OK);
    }
}

/* ---- tests ---- */

START_TEST(many_keys_come_back_from_three_servers)
{
    struct ketch_client *client = make_client((enum ketch_protocol)_i, NULL);
    unsigned of[SERVERS] = {0};
    store_keys(client);
    ck_assert_int_eq(ketch_mget_wait(client, keys, KEYS, NULL, replies), KETCH_OK);
    for (int i = 0; i < KEYS; i++) {
        const struct ketch_result *r = &replies[i].result;
        ck_assert_int_eq(r->status, i % 3 == 0 ? KETCH_MISS : KETCH_OK);
        if (i % 3 != 0)
            ck_assert_str_eq(r->value.p, names[i]);
        of[r->server]++;
        ketch_reply_free(&replies[i]);
    }
    ck_assert(of[0] > 30 && of[1] > 30 && of[2] > 30);
    ketch_client_destroy(client);
}
END_TEST

START_TEST(large_values_come_back_whole)
{
    struct ketch_client *client = make_client((enum ketch_protocol)_i, NULL);
    struct ketch_reply reply = KETCH_REPLY_INIT;
    static char value[900000];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)(i * 31 + i / 257);
    for (size_t bytes = 1; bytes <= sizeof value; bytes = bytes * 7 + 1) {
        struct ketch_bytes v = ketch_bytes_of(value, bytes);
        ck_assert_int_eq(ketch_set_wait(client, ketch_string("large"), v, NULL, NULL), KETCH_OK);
        ck_assert_int_eq(ketch_get_wait(client, ketch_string("large"), NULL, &reply), KETCH_OK);
        ck_assert(reply.result.value.bytes == bytes && memcmp(reply.result.value.p, value, bytes) == 0);
    }
    static char too_large[2000000];
    ck_assert_int_eq(ketch_set_wait(client, ketch_string("large"),
                                    ketch_bytes_of(too_large, sizeof too_large), NULL, NULL),
                     KETCH_TOO_LARGE);
    ck_assert_int_eq(ketch_set_wait(client, ketch_string("large"), ketch_string("x"), NULL, NULL),
                     KETCH_OK);
    ketch_reply_free(&reply);
    ketch_client_destroy(client);
}
END_TEST

START_TEST(a_killed_server_is_left_and_found_again)
{
    struct ketch_failure_policy policy = {.limit = 1, .window_ms = 10000, .retry_ms = 50,
                                          .retry_max_ms = 100, .eject = KETCH_EJECT_REBUILD};
    struct ketch_client *client = make_client(KETCH_PROTOCOL_AUTO, &policy);
    store_keys(client);
    stop_server(1);
    for (int i = 0; i < KEYS; i++) {
        struct ketch_reply reply = KETCH_REPLY_INIT;
        enum ketch_status status = ketch_get_wait(client, keys[i], NULL, &reply);
        ck_assert_msg(status == KETCH_OK || status == KETCH_MISS, "%s", ketch_status_text(status));
        ck_assert(status != KETCH_OK || strcmp(reply.result.value.p, names[i]) == 0);
        ketch_reply_free(&reply);
        ck_assert_uint_ne(ketch_client_server_of(client, keys[i]), 1);
    }
    start_server(1, NULL);
    bool home = false;
    for (int ms = 0; ms < PATIENCE_MS && !home; ms += 20) {
        ck_assert_int_eq(ketch_poll_once(client, 20), KETCH_OK);
        for (int i = 0; i < KEYS; i++)
            home |= ketch_client_server_of(client, keys[i]) == 1;
    }
    ck_assert(home);
    ck_assert_int_eq(ketch_mget_wait(client, keys, KEYS, NULL, replies), KETCH_OK);
    for (int i = 0; i < KEYS; i++)
        ketch_reply_free(&replies[i]);
    ketch_client_destroy(client);
}
END_TEST

START_TEST(without_ejection_a_dead_server_is_not_a_miss)
{
    struct ketch_client *client = make_client(KETCH_PROTOCOL_AUTO, NULL);
    store_keys(client);
    stop_server(1);
    unsigned down = 0;
    for (int i = 0; i < KEYS; i++) {
        enum ketch_status status = ketch_get_wait(client, keys[i], NULL, NULL);
        if (status != KETCH_OK && status != KETCH_MISS)
            down++;
    }
    ck_assert_uint_ge(down, 30);
    enum ketch_status status = ketch_mget_wait(client, keys, KEYS, NULL, replies);
    ck_assert_int_eq(status, KETCH_DOWN);
    for (int i = 0; i < KEYS; i++)
        ketch_reply_free(&replies[i]);
    ketch_client_destroy(client);
}
END_TEST

START_TEST(a_login_is_taken_or_refused)
{
    FILE *file = fopen(users, "w");
    ck_assert_ptr_nonnull(file);
    fputs("joe:secret\n", file);
    fclose(file);
    stop_server(0);
    start_server(0, users);
    static const char *const passwords[] = {"secret", "wrong", NULL};
    for (int i = 0; i < 3; i++) {
        struct ketch_client_conf conf;
        struct ketch_client *client;
        ketch_client_conf_init(&conf);
        conf.servers = pool;
        conf.server_count = 1;
        conf.timeout_ms = conf.connect_timeout_ms = PATIENCE_MS;
        conf.user = passwords[i] != NULL ? "joe" : NULL;
        conf.password = passwords[i];
        ck_assert_int_eq(ketch_client_create(&conf, &client, NULL, 0), KETCH_OK);
        ck_assert_int_eq(ketch_poll_attach(client), KETCH_OK);
        ck_assert_int_eq(ketch_set_wait(client, ketch_string("k"), ketch_string("v"), NULL, NULL),
                         i == 0 ? KETCH_OK : KETCH_AUTH);
        ketch_client_destroy(client);
    }
}
END_TEST

static struct ketch_bytes
key_of(struct ketch_client *client, uint32_t server)
{
    for (int i = 0; i < KEYS; i++)
        if (i % 3 != 0 && ketch_client_server_of(client, keys[i]) == server)
            return keys[i];
    ck_abort_msg("no key");
}

static void
nothing(int signal)
{
    (void)signal;
}

/* Signals come much more often than a read would wait. */
static void
tick(int every_us)
{
    struct itimerval timer = {{0, every_us}, {0, every_us}};
    struct sigaction action = {.sa_handler = nothing};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

START_TEST(a_deadline_holds_where_one_server_alone_is_silent)
{
    struct ketch_failure_policy policy = {.limit = 1000, .window_ms = 1, .retry_ms = 1,
                                          .retry_max_ms = 1};
    struct ketch_client *client = make_client((enum ketch_protocol)(_i % 3), &policy);
    struct ketch_options hurried = {.timeout_ms = 60};
    struct ketch_reply reply = KETCH_REPLY_INIT;
    store_keys(client);
    struct ketch_bytes silent = key_of(client, 1), other = key_of(client, 2);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(ketch_get_wait(client, silent, NULL, NULL), KETCH_OK);
        kill(pids[1], SIGSTOP);
        waitpid(pids[1], NULL, WUNTRACED); /* till it has stopped */
        tick(_i < 3 ? 0 : 2000);
        int64_t begin_us = ketch_monotonic_us();
        ck_assert_int_eq(ketch_get_wait(client, silent, &hurried, &reply), KETCH_TIMEOUT);
        ck_assert_int_ge(ketch_monotonic_us() - begin_us, 60000);
        ck_assert_int_lt(ketch_monotonic_us() - begin_us, PATIENCE_MS * 1000 / 2);
        ck_assert_int_eq(ketch_get_wait(client, other, NULL, &reply), KETCH_OK);
        tick(0);
        kill(pids[1], SIGCONT);
        ck_assert_int_eq(ketch_get_wait(client, silent, NULL, &reply), KETCH_OK);
        ck_assert(reply.result.value.bytes == silent.bytes &&
                  memcmp(reply.result.value.p, silent.p, silent.bytes) == 0);
    }
    ketch_reply_free(&reply);
    ketch_client_destroy(client);
}
END_TEST

/* What is stored cannot be sent again when its connection is found closed: that must be found before. */
START_TEST(the_end_of_an_idle_connection_is_found_while_others_are_used)
{
    struct ketch_client *client = make_client((enum ketch_protocol)_i, NULL);
    store_keys(client);
    struct ketch_bytes lost = key_of(client, 1), other = key_of(client, 2);
    ck_assert_int_eq(ketch_get_wait(client, lost, NULL, NULL), KETCH_OK);
    stop_server(1);
    start_server(1, NULL);
    int64_t end_us = ketch_monotonic_us() + 50000;
    do
        ck_assert_int_eq(ketch_get_wait(client, other, NULL, NULL), KETCH_OK);
    while (ketch_monotonic_us() < end_us);
    ck_assert_int_eq(ketch_set_wait(client, lost, lost, NULL, NULL), KETCH_OK);
    ketch_client_destroy(client);
}
END_TEST

static void
end_loop(void *arg, const struct ketch_result *r)
{
    *(enum ketch_status *)arg = r->status;
    ev_break(EV_DEFAULT, EVBREAK_ALL);
}

/* A program that is itself busy for longer than its requests may take has the replies all the same. */
START_TEST(what_has_come_is_read_before_anything_is_late)
{
    struct ketch_client_conf conf;
    struct ketch_client *client;
    enum ketch_status status = KETCH_INVALID;
    struct ketch_options options = {.timeout_ms = 200};
    ketch_client_conf_init(&conf);
    conf.servers = pool;
    conf.server_count = SERVERS;
    conf.timeout_ms = conf.connect_timeout_ms = PATIENCE_MS;
    ck_assert_int_eq(ketch_client_create(&conf, &client, NULL, 0), KETCH_OK);
    ck_assert_int_eq(ketch_ev_attach(client, EV_DEFAULT), KETCH_OK);
    ck_assert_int_eq(ketch_get(client, ketch_string("none"), NULL, end_loop, &status), KETCH_OK);
    ev_run(EV_DEFAULT, 0);
    ck_assert_int_eq(status, KETCH_MISS);
    for (int i = 0; i < 5; i++) {
        status = KETCH_INVALID;
        ck_assert_int_eq(ketch_get(client, ketch_string("none"), &options, end_loop, &status), KETCH_OK);
        ev_run(EV_DEFAULT, EVRUN_NOWAIT); /* sends */
        usleep(300 * 1000);
        if (status == KETCH_INVALID)
            ev_run(EV_DEFAULT, 0);
        ck_assert_int_eq(status, KETCH_MISS);
    }
    ketch_client_destroy(client);
    ev_loop_destroy(EV_DEFAULT);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("three servers");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, many_keys_come_back_from_three_servers, 0, 3);
    tcase_add_loop_test(c, large_values_come_back_whole, 0, 3);
    tcase_add_test(c, a_killed_server_is_left_and_found_again);
    tcase_add_test(c, without_ejection_a_dead_server_is_not_a_miss);
    tcase_add_test(c, a_login_is_taken_or_refused);
    tcase_add_loop_test(c, a_deadline_holds_where_one_server_alone_is_silent, 0, 6);
    tcase_add_loop_test(c, the_end_of_an_idle_connection_is_found_while_others_are_used, 0, 3);
    tcase_add_test(c, what_has_come_is_read_before_anything_is_late);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/live")

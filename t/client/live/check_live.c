/* The client and three real servers, on unix sockets in a directory of their own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ketch/client.h>
#include <ketch/poll.h>
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
    struct stat st;
    for (int ms = 0; ms < PATIENCE_MS && stat(paths[i], &st) != 0; ms += 10)
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
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/live")

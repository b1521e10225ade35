/* TLS between libketch and ketchd: a small proxy here ends it and forwards what it protects.
 * Certificates are made when the test begins. */
#include <errno.h>
#include <fcntl.h>
#include <ketch/poll.h>
#include <ketch/wait.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "certificates.h"
#include "servers.h"
#include "suite.h"

enum proxy_manner {
    FORWARDS,
    FORWARDS_TO_FRIENDS, /* who have a certificate of our authority */
    DRIPS,               /* forwards replies by single bytes, each a record */
    IS_SILENT,           /* accepts, and says nothing */
    SPEAKS_PLAINLY,      /* as a server does that was configured without TLS */
};

static char dir[64];
static struct servers servers;
static pid_t proxy;
static struct ketch_server address;
static struct ketch_tls_conf tls;
static struct ketch_client *client;
static struct ketch_reply reply;

static const char *
path(const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

/* ---- the proxy: a process, and one for each connection ---- */

static void
pump(SSL *ssl, int up, size_t piece)
{
    static char bytes[16384];
    struct pollfd fds[2] = {{SSL_get_fd(ssl), POLLIN, 0}, {up, POLLIN, 0}};
    for (;;) {
        bool pending = SSL_pending(ssl) > 0;
        if (poll(fds, 2, pending ? 0 : -1) < 0)
            return;
        if (pending || fds[0].revents != 0) {
            int n = SSL_read(ssl, bytes, sizeof bytes);
            if (n <= 0 || write(up, bytes, (size_t)n) != n)
                return;
        }
        if (fds[1].revents == 0)
            continue;
        ssize_t n = read(up, bytes, sizeof bytes);
        if (n <= 0)
            return;
        for (ssize_t at = 0; at < n; at += (ssize_t)piece) {
            size_t some = (size_t)(n - at) < piece ? (size_t)(n - at) : piece;
            if (SSL_write(ssl, bytes + at, (int)some) != (int)some)
                return;
        }
    }
}

static void
serve(int fd, const char *certificate, enum proxy_manner manner)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(servers.addresses[0].port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char name[40];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    snprintf(name, sizeof name, "%s.pem", certificate);
    SSL_CTX_use_certificate_chain_file(context, path(name));
    snprintf(name, sizeof name, "%s.key", certificate);
    SSL_CTX_use_PrivateKey_file(context, path(name), SSL_FILETYPE_PEM);
    if (manner == FORWARDS_TO_FRIENDS) {
        SSL_CTX_load_verify_locations(context, path("ours.pem"), NULL);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    SSL *ssl = SSL_new(context);
    int up = socket(AF_INET, SOCK_STREAM, 0);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && connect(up, (struct sockaddr *)&to, sizeof to) == 0)
        pump(ssl, up, manner == DRIPS ? 1 : 16384);
}

static void
run_proxy(int listener, const char *certificate, enum proxy_manner manner)
{
    static const char plain[] = "ERROR\r\n";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        if (manner == IS_SILENT)
            continue; /* the descriptor stays open */
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (manner == SPEAKS_PLAINLY)
                (void)!write(fd, plain, sizeof plain - 1);
            else
                serve(fd, certificate, manner);
            _exit(0);
        }
        close(fd);
    }
}

static void
start_proxy(const char *certificate, enum proxy_manner manner)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 10) == 0);
    ck_assert(getsockname(listener, (struct sockaddr *)&at, &bytes) == 0);
    address = (struct ketch_server){.host = "127.0.0.1", .port = ntohs(at.sin_port), .weight = 1};
    proxy = fork();
    ck_assert(proxy >= 0);
    if (proxy == 0)
        run_proxy(listener, certificate, manner);
    close(listener);
}

/* ---- client and proxy of a test ---- */

static void
set_up(void)
{
    tls = (struct ketch_tls_conf){.ca_file = path("ours.pem")};
    reply = KETCH_REPLY_INIT;
}

static void
begin(const char *certificate, enum proxy_manner manner)
{
    struct ketch_client_conf conf;
    char why[200] = "";
    start_proxy(certificate, manner);
    ketch_client_conf_init(&conf);
    conf.servers = &address;
    conf.server_count = 1;
    conf.tls = &tls;
    conf.timeout_ms = conf.connect_timeout_ms = 20000;
    if (manner == IS_SILENT)
        conf.connect_timeout_ms = 50;
    ck_assert_msg(ketch_client_create(&conf, &client, why, sizeof why) == KETCH_OK, "%s", why);
    ck_assert_int_eq(ketch_poll_attach(client), KETCH_OK);
}

static void
tear_down(void)
{
    ketch_client_destroy(client);
    ketch_reply_free(&reply);
    kill(proxy, SIGKILL);
    waitpid(proxy, NULL, 0);
}

static enum ketch_status
set(const char *key, struct ketch_bytes value)
{
    return ketch_set_wait(client, ketch_string(key), value, NULL, &reply);
}

static enum ketch_status
get(const char *key)
{
    return ketch_get_wait(client, ketch_string(key), NULL, &reply);
}

static void
works(void)
{
    ck_assert_int_eq(set("k", ketch_string("value")), KETCH_OK);
    ck_assert_int_eq(get("k"), KETCH_OK);
    ck_assert_str_eq(reply.result.value.p, "value");
    ck_assert_int_eq(get("nobody"), KETCH_MISS);
}

static void
is_refused(void)
{
    ck_assert_int_eq(get("k"), KETCH_TLS);
    ck_assert_int_eq(set("k", ketch_string("value")), KETCH_TLS);
}

/* ---- tests ---- */

START_TEST(a_certificate_for_the_address_is_good)
{
    begin("server", FORWARDS);
    works();
}
END_TEST

START_TEST(a_certificate_for_the_configured_name_is_good)
{
    tls.server_name = "ketch.test";
    begin("server", FORWARDS);
    works();
}
END_TEST

START_TEST(values_of_many_records_come_whole)
{
    static char value[900000];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)(i * 7 + i / 1000);
    begin("server", FORWARDS);
    ck_assert_int_eq(set("large", ketch_bytes_of(value, sizeof value)), KETCH_OK);
    ck_assert_int_eq(get("large"), KETCH_OK);
    ck_assert_uint_eq(reply.result.value.bytes, sizeof value);
    ck_assert(memcmp(reply.result.value.p, value, sizeof value) == 0);
}
END_TEST

START_TEST(replies_may_come_as_records_of_one_byte)
{
    struct ketch_bytes keys[20];
    struct ketch_reply replies[20];
    char names[20][16];
    begin("server", DRIPS);
    works();
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "d%d", i);
        keys[i] = ketch_string(names[i]);
        replies[i] = KETCH_REPLY_INIT;
        ck_assert_int_eq(set(names[i], keys[i]), KETCH_OK);
    }
    ck_assert_int_eq(ketch_mget_wait(client, keys, 20, NULL, replies), KETCH_OK);
    for (int i = 0; i < 20; i++) {
        ck_assert_str_eq(replies[i].result.value.p, names[i]);
        ketch_reply_free(&replies[i]);
    }
}
END_TEST

START_TEST(a_certificate_for_another_name_is_refused)
{
    tls.server_name = "other.test";
    begin("server", FORWARDS);
    is_refused();
}
END_TEST

START_TEST(a_certificate_for_another_address_is_refused)
{
    begin("elsewhere", FORWARDS);
    is_refused();
}
END_TEST

START_TEST(a_certificate_of_an_unknown_authority_is_refused)
{
    tls.ca_file = _i == 0 ? path("theirs.pem") : NULL; /* NULL: the system's */
    begin("server", FORWARDS);
    is_refused();
}
END_TEST

START_TEST(a_certificate_that_has_expired_is_refused)
{
    begin("expired", FORWARDS);
    is_refused();
}
END_TEST

START_TEST(any_certificate_is_taken_if_nothing_is_verified)
{
    tls.ca_file = path("theirs.pem");
    tls.skip_verify = true;
    begin("expired", FORWARDS);
    works();
}
END_TEST

START_TEST(the_server_may_want_our_certificate)
{
    tls.cert_file = path("client.pem");
    tls.key_file = path("client.key");
    begin("server", FORWARDS_TO_FRIENDS);
    works();
}
END_TEST

/* By TLS 1.3 the handshake is over for us before the server has looked at what we showed. */
START_TEST(who_shows_no_certificate_is_told_so)
{
    begin("server", FORWARDS_TO_FRIENDS);
    is_refused();
}
END_TEST

START_TEST(a_handshake_has_a_deadline)
{
    begin("server", IS_SILENT);
    ck_assert_int_eq(get("k"), KETCH_DOWN);
    ck_assert_int_eq(reply.result.error, ETIMEDOUT);
}
END_TEST

START_TEST(a_server_without_tls_is_refused)
{
    begin("server", SPEAKS_PLAINLY);
    is_refused();
}
END_TEST

/* The server that it starts ends with it. */
START_TEST(a_connection_that_ends_without_goodbye_is_lost_and_made_again)
{
    struct ketch_counters c;
    begin("server", FORWARDS);
    works();
    servers_kill(&servers, 0); /* the proxy ends its connections as their other sides end */
    servers_start_one(&servers, 0);
    ck_assert_int_eq(get("nobody"), KETCH_MISS);
    ketch_client_counters(client, &c);
    ck_assert(c.connects == 2 && c.ejections == 0);
}
END_TEST

START_TEST(files_that_are_missing_or_wrong_are_named)
{
    struct ketch_client_conf conf;
    char why[200] = "";
    ketch_client_conf_init(&conf);
    conf.tls = &tls;
    tls.ca_file = path("nothing.pem");
    ck_assert_int_eq(ketch_client_create(&conf, &client, why, sizeof why), KETCH_TLS);
    ck_assert_ptr_nonnull(strstr(why, "nothing.pem"));
    set_up();
    tls.cert_file = path("client.pem");
    tls.key_file = path("server.key"); /* of another certificate */
    ck_assert_int_eq(ketch_client_create(&conf, &client, why, sizeof why), KETCH_TLS);
    ck_assert_ptr_nonnull(strstr(why, "server.key"));
    client = NULL;
    start_proxy("server", IS_SILENT); /* for tear_down() */
}
END_TEST

/* ---- what all share ---- */

static void
begin_all(void)
{
    strcpy(dir, "/tmp/ketch-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    certificates_make_authority(dir, "ours");
    certificates_make_authority(dir, "theirs");
    certificates_make(dir, "server", "ours", "DNS:ketch.test,IP:127.0.0.1", 10000);
    certificates_make(dir, "elsewhere", "ours", "DNS:ketch.test,IP:127.0.0.2", 10000);
    certificates_make(dir, "expired", "ours", "DNS:ketch.test,IP:127.0.0.1", -10);
    certificates_make(dir, "client", "ours", NULL, 10000);
    servers_start(&servers, SERVER, 1);
}

static void
end_all(void)
{
    static const char *const names[] = {"ours",      "theirs",  "server",
                                        "elsewhere", "expired", "client"};
    char name[40];
    servers_stop(&servers);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s.pem", names[i]);
        unlink(path(name));
        snprintf(name, sizeof name, "%s.key", names[i]);
        unlink(path(name));
    }
    rmdir(dir);
}

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("tls");
    tcase_add_unchecked_fixture(c, begin_all, end_all);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_certificate_for_the_address_is_good);
    tcase_add_test(c, a_certificate_for_the_configured_name_is_good);
    tcase_add_test(c, values_of_many_records_come_whole);
    tcase_add_test(c, replies_may_come_as_records_of_one_byte);
    tcase_add_test(c, a_certificate_for_another_name_is_refused);
    tcase_add_test(c, a_certificate_for_another_address_is_refused);
    tcase_add_loop_test(c, a_certificate_of_an_unknown_authority_is_refused, 0, 2);
    tcase_add_test(c, a_certificate_that_has_expired_is_refused);
    tcase_add_test(c, any_certificate_is_taken_if_nothing_is_verified);
    tcase_add_test(c, the_server_may_want_our_certificate);
    tcase_add_test(c, who_shows_no_certificate_is_told_so);
    tcase_add_test(c, a_handshake_has_a_deadline);
    tcase_add_test(c, a_server_without_tls_is_refused);
    tcase_add_test(c, files_that_are_missing_or_wrong_are_named);
    tcase_add_test(
        c, a_connection_that_ends_without_goodbye_is_lost_and_made_again); /* last: see there */
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/tls")

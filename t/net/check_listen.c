/* Listening sockets: real ones, on the loopback and in a directory of their own. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "net/endpoint.h"
#include "net/listen.h"
#include "proto/protocol.h"

static char directory[] = "/tmp/check_listen.XXXXXX";
static char path[128];
static struct net_config config;
static struct listener listeners[LISTENERS_MAX];
static unsigned count;

static void
set_up(void)
{
    memcpy(strchr(directory, 0) - 6, "XXXXXX", 6); /* also if an earlier test was in this process */
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    config = (struct net_config){.workers = 3, .backlog = 16, .unix_mask = 0700};
    count = 0;
}

static void
tear_down(void)
{
    listen_close(listeners, count);
    endpoint_clear(&config);
    unlink(path);
    rmdir(directory);
}

static void
add(const char *list, int port)
{
    struct span bad;
    struct endpoint fallback = {.port = port};
    ck_assert_int_eq(endpoint_parse_list(&config, span_of(list, strlen(list)), &fallback, &bad),
                     ENDPOINT_OK);
}

static void
add_udp(const char *list, int port)
{
    struct span bad;
    struct endpoint fallback = {.udp_port = port};
    ck_assert_int_eq(endpoint_parse_list(&config, span_of(list, strlen(list)), &fallback, &bad),
                     ENDPOINT_OK);
}

static int
connect_to(const void *addr, socklen_t bytes, int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (connect(fd, addr, bytes) == 0)
        return fd;
    close(fd);
    return -1;
}

static int
connect_tcp(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to(&addr, sizeof addr, AF_INET);
}

static int
connect_unix(const char *to)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strcpy(addr.sun_path, to);
    return connect_to(&addr, sizeof addr, AF_UNIX);
}

static int
option_of(int fd, int level, int option)
{
    int value = 0;
    socklen_t bytes = sizeof value;
    ck_assert_int_eq(getsockopt(fd, level, option, &value, &bytes), 0);
    return value;
}

static bool
has_ipv6(void)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

START_TEST(an_ephemeral_port_is_found_and_named)
{
    add("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 1);
    char name[64];
    snprintf(name, sizeof name, "tcp:127.0.0.1:%u", listeners[0].port);
    ck_assert_uint_ne(listeners[0].port, 0);
    ck_assert_str_eq(listeners[0].name, name);
    ck_assert_int_eq(listeners[0].family, AF_INET);
}
END_TEST

START_TEST(sockets_do_not_block_and_what_they_accept_sends_at_once)
{
    add("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    int fd = listeners[0].fd;
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(accept(fd, NULL, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    int client = connect_tcp(listeners[0].port);
    int accepted = accept(fd, NULL, NULL);
    ck_assert_int_ge(accepted, 0);
    ck_assert_int_ne(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_ne(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    close(accepted);
    close(client);
}
END_TEST

START_TEST(every_address_gets_ipv4_and_ipv6_with_ports_of_their_own)
{
    if (!has_ipv6())
        return;
    add("*", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_ne(listeners[0].family, listeners[1].family);
    struct listener *v6 = &listeners[listeners[1].family == AF_INET6];
    ck_assert_int_eq(option_of(v6->fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    ck_assert_ptr_nonnull(strstr(v6->name, "tcp6:[::]:"));
}
END_TEST

START_TEST(several_endpoints_are_all_opened)
{
    add("127.0.0.1,127.0.0.2", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_ptr_nonnull(strstr(listeners[1].name, "tcp:127.0.0.2:"));
}
END_TEST

START_TEST(a_port_in_use_is_an_error)
{
    add("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    endpoint_clear(&config);
    add("127.0.0.1", listeners[0].port);
    ck_assert(!listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_port_can_be_taken_again_after_a_restart)
{
    add("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    uint16_t port = listeners[0].port;
    int client = connect_tcp(port);
    int accepted = accept(listeners[0].fd, NULL, NULL);
    listen_close(listeners, count);
    count = 0;
    close(accepted); /* first: so the server's side is what lingers in TIME_WAIT */
    close(client);
    endpoint_clear(&config);
    add("127.0.0.1", port);
    ck_assert(listen_tcp(&config, listeners, &count));
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_an_error)
{
    add("192.0.2.1", -1);
    ck_assert(!listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(nothing_to_open_is_no_error)
{
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert(listen_unix(&config, listeners, &count));
    config.port_file = path;
    ck_assert(listen_write_port_file(&config, listeners, count));
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(the_port_file_has_a_line_for_each_family)
{
    char text[256] = "", expected[256] = "";
    add(has_ipv6() ? "127.0.0.1,[::1]" : "127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    config.port_file = path;
    ck_assert(listen_write_port_file(&config, listeners, count));
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    int at = sprintf(expected, "TCP INET: %u\n", listeners[0].port);
    if (count == 2)
        sprintf(expected + at, "TCP INET6: %u\n", listeners[1].port);
    ck_assert_str_eq(text, expected);
    char temporary[160];
    snprintf(temporary, sizeof temporary, "%s.lck", path);
    ck_assert_int_eq(access(temporary, F_OK), -1);
}
END_TEST

START_TEST(a_port_file_that_cannot_be_is_an_error)
{
    add("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    config.port_file = "/nonexistent/ports";
    ck_assert(!listen_write_port_file(&config, listeners, count));
}
END_TEST

START_TEST(a_unix_socket_has_the_mode_of_the_mask_and_goes_away)
{
    struct stat st;
    mode_t before = umask(022);
    umask(022);
    config.unix_path = path;
    config.unix_mask = 0720;
    ck_assert(listen_unix(&config, listeners, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0720);
    ck_assert_uint_eq(umask(before), 022);
    char name[160];
    snprintf(name, sizeof name, "unix:%s", path);
    ck_assert_str_eq(listeners[0].name, name);
    int client = connect_unix(path);
    ck_assert_int_ge(client, 0);
    close(client);
    listen_close(listeners, count);
    count = 0;
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
    struct listener old[LISTENERS_MAX];
    unsigned old_count = 0;
    config.unix_path = path;
    ck_assert(listen_unix(&config, old, &old_count));
    ck_assert(listen_unix(&config, listeners, &count));
    /* The old server's end must not take the new one's socket away. */
    listen_close(old, old_count);
    int client = connect_unix(path);
    ck_assert_int_ge(client, 0);
    close(client);
}
END_TEST

START_TEST(another_file_is_left_alone)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    config.unix_path = path;
    ck_assert(!listen_unix(&config, listeners, &count));
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(unix_paths_have_limits)
{
    char long_path[200];
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    config.unix_path = long_path;
    ck_assert(!listen_unix(&config, listeners, &count));
    config.unix_path = "";
    ck_assert(!listen_unix(&config, listeners, &count));
    config.unix_path = "/nonexistent/socket";
    ck_assert(!listen_unix(&config, listeners, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* ---- UDP ---- */

static int
udp_client(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

/* The listener's sockets that have something to read; takes it. */
static unsigned
take_datagrams(const struct listener *l, unsigned counts[])
{
    char buffer[16];
    unsigned sockets = 0;
    for (unsigned i = 0; i < l->udp_fd_count; i++) {
        counts[i] = 0;
        while (recv(l->udp_fds[i], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
            counts[i]++;
        sockets += counts[i] > 0;
    }
    return sockets;
}

START_TEST(each_worker_has_a_udp_socket_at_the_same_port)
{
    add_udp("127.0.0.1", -1);
    ck_assert(listen_udp(&config, listeners, &count));
    ck_assert_uint_eq(count, 1);
    const struct listener *l = &listeners[0];
    ck_assert_int_eq(l->fd, -1);
    ck_assert_uint_eq(l->udp_fd_count, 3);
    char name[64];
    snprintf(name, sizeof name, "udp:127.0.0.1:%u", l->port);
    ck_assert_str_eq(l->name, name);
    for (unsigned i = 0; i < 3; i++) {
        struct sockaddr_in addr;
        socklen_t bytes = sizeof addr;
        ck_assert_int_eq(getsockname(l->udp_fds[i], (struct sockaddr *)&addr, &bytes), 0);
        ck_assert_uint_eq(ntohs(addr.sin_port), l->port);
        ck_assert(fcntl(l->udp_fds[i], F_GETFL) & O_NONBLOCK);
        ck_assert(fcntl(l->udp_fds[i], F_GETFD) & FD_CLOEXEC);
    }
}
END_TEST

START_TEST(a_clients_datagrams_all_come_to_one_worker)
{
    enum { CLIENTS = 40, DATAGRAMS = 5 };
    unsigned counts[3], seen[3] = {0};
    add_udp("127.0.0.1", -1);
    ck_assert(listen_udp(&config, listeners, &count));
    for (int c = 0; c < CLIENTS; c++) {
        int client = udp_client(listeners[0].port);
        for (int i = 0; i < DATAGRAMS; i++)
            ck_assert_int_eq(send(client, "x", 1, 0), 1);
        ck_assert_uint_eq(take_datagrams(&listeners[0], counts), 1);
        for (int i = 0; i < 3; i++) {
            ck_assert(counts[i] == 0 || counts[i] == DATAGRAMS);
            seen[i] += counts[i];
        }
        close(client);
    }
    /* That one of the three gets none of 40 clients happens once in ten million times. */
    for (int i = 0; i < 3; i++)
        ck_assert_uint_gt(seen[i], 0);
}
END_TEST

START_TEST(a_udp_port_in_use_is_an_error_even_if_it_could_be_shared)
{
    add_udp("127.0.0.1", -1);
    ck_assert(listen_udp(&config, listeners, &count));
    endpoint_clear(&config);
    add_udp("127.0.0.1", listeners[0].port);
    ck_assert(!listen_udp(&config, listeners, &count));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(tcp_and_udp_listeners_mix)
{
    struct span bad;
    struct endpoint fallback = {.port = -1, .udp_port = -1, .protocol = PROTOCOL_TEXT};
    struct span list = SPAN("127.0.0.1,proto[binary]:127.0.0.2");
    ck_assert_int_eq(endpoint_parse_list(&config, list, &fallback, &bad), ENDPOINT_OK);
    ck_assert(listen_udp(&config, listeners, &count));
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(listeners[i].fd < 0, i < 2);
        ck_assert_uint_eq(listeners[i].protocol, i % 2 == 0 ? PROTOCOL_TEXT : PROTOCOL_BINARY);
    }
    char text[256] = "", expected[256] = "";
    config.port_file = path;
    ck_assert(listen_write_port_file(&config, listeners, count));
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    sprintf(expected, "TCP INET: %u\nTCP INET: %u\nUDP INET: %u\nUDP INET: %u\n", listeners[2].port,
            listeners[3].port, listeners[0].port, listeners[1].port);
    ck_assert_str_eq(text, expected);
}
END_TEST

START_TEST(a_transport_without_port_is_not_opened)
{
    add_udp("127.0.0.1", -1);
    ck_assert(listen_tcp(&config, listeners, &count));
    ck_assert_uint_eq(count, 0);
    endpoint_clear(&config);
    add("127.0.0.1", -1);
    ck_assert(listen_udp(&config, listeners, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("listen");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_ephemeral_port_is_found_and_named);
    tcase_add_test(tc, sockets_do_not_block_and_what_they_accept_sends_at_once);
    tcase_add_test(tc, every_address_gets_ipv4_and_ipv6_with_ports_of_their_own);
    tcase_add_test(tc, several_endpoints_are_all_opened);
    tcase_add_test(tc, a_port_in_use_is_an_error);
    tcase_add_test(tc, a_port_can_be_taken_again_after_a_restart);
    tcase_add_test(tc, an_address_that_is_not_ours_is_an_error);
    tcase_add_test(tc, nothing_to_open_is_no_error);
    tcase_add_test(tc, the_port_file_has_a_line_for_each_family);
    tcase_add_test(tc, a_port_file_that_cannot_be_is_an_error);
    tcase_add_test(tc, a_unix_socket_has_the_mode_of_the_mask_and_goes_away);
    tcase_add_test(tc, a_stale_socket_is_replaced);
    tcase_add_test(tc, another_file_is_left_alone);
    tcase_add_test(tc, unix_paths_have_limits);
    tcase_add_test(tc, each_worker_has_a_udp_socket_at_the_same_port);
    tcase_add_test(tc, a_clients_datagrams_all_come_to_one_worker);
    tcase_add_test(tc, a_udp_port_in_use_is_an_error_even_if_it_could_be_shared);
    tcase_add_test(tc, tcp_and_udp_listeners_mix);
    tcase_add_test(tc, a_transport_without_port_is_not_opened);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("net/listen")

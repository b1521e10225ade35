/* floor-server: the least that a cache can cost on this kernel's interface.
 *
 * A yardstick, not a cache.  One thread, epoll, one read and one write a turn; each request line
 * gets a canned reply, and nothing is stored or looked up:
 *
 *      get k1 k2 ...           a VALUE for each key, always the same, and END
 *      set k f e <bytes>       the data are skipped; STORED
 *      v...                    VERSION (what a client says to see whether we live)
 *      anything else           ERROR
 *
 * Requests are taken to be well-formed.  A line or a data block may be cut by the end of a read.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES      (64u << 10)
#define OUT_BYTES       (1u << 20)
#define CANNED_BYTES    (2u << 20) /* room for one VALUE with its data */
#define EVENTS_PER_TURN 256
/* A client that does not read is cut off; being kind to it is not what we measure. */
#define WRITE_PATIENCE_MS 1000

struct connection {
    int fd;
    size_t skip_bytes; /* of a set's data and their line end, still to come */
    char *rest;        /* the start of a line that was cut; owned */
    size_t rest_bytes;
};

struct server {
    int epoll_fd;
    int listen_fd;
    char *value; /* the canned VALUE, data included */
    size_t value_bytes;
    char *in;
    size_t in_capacity;
    char *out;
    size_t out_bytes;
};

static void
die(const char *what)
{
    fprintf(stderr, "floor-server: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void *
need(void *p)
{
    if (p == NULL)
        die("memory");
    return p;
}

static void
close_connection(struct connection *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

/* ---- replies ---- */

/* False if the client is gone or does not read. */
static bool
flush(struct server *s, struct connection *c)
{
    size_t at = 0;
    while (at < s->out_bytes) {
        ssize_t n = send(c->fd, s->out + at, s->out_bytes - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {c->fd, POLLOUT, 0};
            if (poll(&p, 1, WRITE_PATIENCE_MS) <= 0)
                return false;
        } else if (n < 0) {
            return false;
        } else {
            at += (size_t)n;
        }
    }
    s->out_bytes = 0;
    return true;
}

static bool
put(struct server *s, struct connection *c, const char *bytes, size_t count)
{
    if (count > OUT_BYTES - s->out_bytes && !flush(s, c))
        return false;
    memcpy(s->out + s->out_bytes, bytes, count);
    s->out_bytes += count;
    return true;
}

static bool
answer_get(struct server *s, struct connection *c, const char *line, const char *end)
{
    const char *at = line + 3;
    while (at < end && (at = memchr(at, ' ', (size_t)(end - at))) != NULL) {
        if (!put(s, c, s->value, s->value_bytes))
            return false;
        at++;
    }
    return put(s, c, "END\r\n", 5);
}

/* The data length is the last number of the line. */
static size_t
data_bytes(const char *line, const char *end)
{
    size_t value = 0;
    size_t unit = 1;
    for (const char *at = end; at > line && at[-1] >= '0' && at[-1] <= '9'; unit *= 10)
        value += unit * (size_t)(*--at - '0');
    return value;
}

/* 'line' .. 'end' is a request without its line end. */
static bool
answer(struct server *s, struct connection *c, const char *line, const char *end)
{
    switch (line[0]) {
    case 'g':
        return answer_get(s, c, line, end);
    case 's':
        c->skip_bytes = data_bytes(line, end) + 2;
        return put(s, c, "STORED\r\n", 8);
    case 'v':
        return put(s, c, "VERSION floor\r\n", 15);
    default:
        return put(s, c, "ERROR\r\n", 7);
    }
}

/* ---- requests ---- */

static void
keep_rest(struct connection *c, const char *from, size_t bytes)
{
    if (bytes > c->rest_bytes)
        c->rest = need(realloc(c->rest, bytes));
    if (bytes > 0)
        memcpy(c->rest, from, bytes);
    c->rest_bytes = bytes;
}

static bool
serve(struct server *s, struct connection *c, const char *in, size_t bytes)
{
    const char *at = in;
    const char *end = in + bytes;
    while (at < end) {
        if (c->skip_bytes > 0) {
            size_t left = (size_t)(end - at);
            size_t skip = c->skip_bytes < left ? c->skip_bytes : left;
            c->skip_bytes -= skip;
            at += skip;
            continue;
        }
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            break;
        if (!answer(s, c, at, newline > at && newline[-1] == '\r' ? newline - 1 : newline))
            return false;
        at = newline + 1;
    }
    keep_rest(c, at, (size_t)(end - at));
    return flush(s, c);
}

/* False if the connection is to be closed. */
static bool
on_readable(struct server *s, struct connection *c)
{
    if (c->rest_bytes + READ_BYTES > s->in_capacity) {
        s->in_capacity = 2 * (c->rest_bytes + READ_BYTES);
        s->in = need(realloc(s->in, s->in_capacity));
    }
    if (c->rest_bytes > 0)
        memcpy(s->in, c->rest, c->rest_bytes);
    ssize_t n = recv(c->fd, s->in + c->rest_bytes, READ_BYTES, 0);
    if (n < 0)
        return errno == EAGAIN;
    return n > 0 && serve(s, c, s->in, c->rest_bytes + (size_t)n);
}

static void
watch(struct server *s, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void
accept_all(struct server *s)
{
    int fd;
    while ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct connection *c = need(calloc(1, sizeof(*c)));
        c->fd = fd;
        watch(s, fd, c);
    }
}

static void
turn(struct server *s)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(s->epoll_fd, events, EVENTS_PER_TURN, -1);
    for (int i = 0; i < n; i++) {
        s->out_bytes = 0;
        if (events[i].data.ptr == NULL)
            accept_all(s);
        else if (!on_readable(s, events[i].data.ptr))
            close_connection(events[i].data.ptr);
    }
}

/* ---- start ---- */

static int
listen_on(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1024) < 0)
        die("listening");
    return fd;
}

static void
can_value(struct server *s, unsigned key_bytes, unsigned value_bytes)
{
    s->value = need(malloc(CANNED_BYTES));
    char key[251];
    memset(key, 'k', sizeof(key));
    int line =
        snprintf(s->value, CANNED_BYTES, "VALUE %.*s 0 %u\r\n", (int)key_bytes, key, value_bytes);
    memset(s->value + line, 'v', value_bytes);
    memcpy(s->value + line + value_bytes, "\r\n", 2);
    s->value_bytes = (size_t)line + value_bytes + 2;
}

static unsigned
number(const char *text, unsigned max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || v > max) {
        fprintf(stderr, "floor-server: not a number up to %u: %s\n", max, text);
        exit(EXIT_FAILURE);
    }
    return (unsigned)v;
}

int
main(int argc, char **argv)
{
    static const struct option longs[] = {{"port", required_argument, NULL, 'p'},
                                          {"key-bytes", required_argument, NULL, 'k'},
                                          {"value-bytes", required_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    unsigned port = 11211;
    unsigned key_bytes = 20;
    unsigned value_bytes = 100;
    for (int c; (c = getopt_long(argc, argv, "p:", longs, NULL)) != -1;) {
        if (c == 'p') {
            port = number(optarg, 65535);
        } else if (c == 'k') {
            key_bytes = number(optarg, 250);
        } else if (c == 'v') {
            value_bytes = number(optarg, OUT_BYTES / 2);
        } else {
            puts(
                "Usage: floor-server [--port N] [--key-bytes N] [--value-bytes N]\n"
                "Answers memcached's get and set on 127.0.0.1 with canned replies: the floor that\n"
                "a cache is measured against.");
            return c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    struct server s = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .listen_fd = listen_on(port)};
    if (s.epoll_fd < 0)
        die("epoll_create1");
    can_value(&s, key_bytes, value_bytes);
    s.out = need(malloc(OUT_BYTES));
    watch(&s, s.listen_fd, NULL);
    for (;;)
        turn(&s);
}

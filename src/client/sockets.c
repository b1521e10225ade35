#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <ketch/sockets.h>
#include <ketch/transport.h>
#include "client/list.h"
#include "client/tls.h"

/* Reads of one socket in a row, so that one server with much to say does not keep the others waiting. */
#define READS_MAX 16

/* A read waits no longer than this. */
#define PATIENCE_US_MAX 1000000

enum phase {
    PHASE_CONNECTING,
    PHASE_HANDSHAKE,
    PHASE_OPEN,
};

struct ketch_socket {
    struct ketch_sockets *sockets;
    struct ketch_conn *conn; /* NULL: closed */
    int fd;
    enum phase phase;
    unsigned events; /* watched */
    bool dirty;      /* in sockets->dirty */
    int64_t patience_us; /* of a read that waits; 0: none has, and the descriptor does not block */
    void *slot;
    struct tls_session *tls;
    struct link link; /* in dirty, or in dead */
    size_t first, tried, address_count; /* 'first' is sockets->first when it began */
    struct ketch_address addresses[KETCH_ADDRESSES_MAX];
};

struct ketch_sockets {
    struct ketch_client *client;
    const struct ketch_loop *loop;
    void *ctx;
    struct list dirty; /* with output, not watched for WRITABLE */
    struct list dead;  /* closed, and perhaps still on the stack */
    unsigned depth;
    size_t first; /* of a host's addresses, which is tried first: another when one said nothing in time */
};

static const struct ketch_transport transport;

static enum ketch_status status_of(int error);
static bool try_addresses(struct ketch_socket *s, int *error);
static void opened(struct ketch_socket *s);
static void shake_hands(struct ketch_socket *s);
static void receive(struct ketch_socket *s, int flags);
static void transmit(struct ketch_socket *s);
static bool watch(struct ketch_socket *s, unsigned events);
static void fail(struct ketch_socket *s, enum ketch_status status, int error);

/* ---- coming in and going out ---- */

static void
enter(struct ketch_sockets *sockets)
{
    sockets->depth++;
}

static void
leave(struct ketch_sockets *sockets)
{
    struct link *first;
    if (--sockets->depth > 0)
        return;
    while ((first = list_first(&sockets->dead)) != NULL) {
        link_remove(first);
        free(CONTAINER_OF(first, struct ketch_socket, link));
    }
}

int64_t
ketch_monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

enum ketch_status
ketch_sockets_attach(struct ketch_client *client, const struct ketch_loop *loop, void *ctx,
                     struct ketch_sockets **out)
{
    struct ketch_sockets *sockets = calloc(1, sizeof *sockets);
    if (sockets == NULL)
        return KETCH_NO_MEMORY;
    sockets->client = client;
    sockets->loop = loop;
    sockets->ctx = ctx;
    list_init(&sockets->dirty);
    list_init(&sockets->dead);
    *out = sockets;
    enum ketch_status status = ketch_client_attach(client, &transport, sockets);
    if (status != KETCH_OK)
        free(sockets);
    return status;
}

void *
ketch_sockets_loop(const struct ketch_client *client, const struct ketch_loop *loop)
{
    struct ketch_sockets *sockets = ketch_client_transport(client, &transport);
    return sockets != NULL && sockets->loop == loop ? sockets->ctx : NULL;
}

/* ---- the transport ---- */

static int64_t
now_us(void *ctx)
{
    struct ketch_sockets *sockets = ctx;
    return sockets->loop->now_us != NULL ? sockets->loop->now_us(sockets->ctx) : ketch_monotonic_us();
}

static int64_t
unix_s(void *ctx)
{
    (void)ctx;
    return (int64_t)time(NULL);
}

static void
set_timer(void *ctx, int64_t at_us)
{
    struct ketch_sockets *sockets = ctx;
    sockets->loop->timer(sockets->ctx, at_us);
}

static enum ketch_status
run(void *ctx, const bool *done)
{
    struct ketch_sockets *sockets = ctx;
    if (sockets->loop->run == NULL)
        return KETCH_UNSUPPORTED;
    return sockets->loop->run(sockets->ctx, done);
}

static void
detach(void *ctx)
{
    struct ketch_sockets *sockets = ctx;
    sockets->loop->detach(sockets->ctx);
    enter(sockets);
    leave(sockets);
    free(sockets);
}

static void
output(void *ctx, struct ketch_conn *conn)
{
    struct ketch_sockets *sockets = ctx;
    struct ketch_socket *s = ketch_conn_data(conn);
    if (s == NULL || s->dirty || s->phase != PHASE_OPEN)
        return;
    bool first = list_is_empty(&sockets->dirty);
    s->dirty = true;
    list_append(&sockets->dirty, &s->link);
    if (first)
        sockets->loop->pending(sockets->ctx);
}

static void
close_fd(struct ketch_socket *s)
{
    tls_session_destroy(s->tls);
    s->tls = NULL;
    if (s->fd < 0)
        return;
    watch(s, 0);
    close(s->fd);
    s->fd = -1;
}

static void
bury(struct ketch_socket *s)
{
    if (s->conn == NULL)
        return;
    ketch_conn_set_data(s->conn, NULL);
    s->conn = NULL;
    close_fd(s);
    if (s->dirty)
        link_remove(&s->link);
    s->dirty = false;
    enter(s->sockets);
    list_append(&s->sockets->dead, &s->link);
    leave(s->sockets);
}

static void
close_conn(void *ctx, struct ketch_conn *conn)
{
    struct ketch_sockets *sockets = ctx;
    struct ketch_socket *s = ketch_conn_data(conn);
    if (s == NULL)
        return;
    if (s->phase == PHASE_CONNECTING && s->fd >= 0)
        sockets->first = s->first + 1;
    bury(s);
}

static void
fail(struct ketch_socket *s, enum ketch_status status, int error)
{
    struct ketch_conn *conn = s->conn;
    if (conn != NULL)
        ketch_conn_failed(conn, status, error); /* closes */
}

/* ---- where to ---- */

static enum ketch_status
address_of_path(const char *path, struct ketch_address *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    if (strlen(path) >= sizeof un->sun_path)
        return KETCH_DNS;
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    out->bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return KETCH_OK;
}

static enum ketch_status
look_up(const char *host, uint16_t port, int flags, struct ketch_address *addresses, size_t *count)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    *count = 0;
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return KETCH_DNS;
    for (struct addrinfo *a = list; a != NULL && *count < KETCH_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof addresses->storage)
            continue;
        memcpy(&addresses[*count].storage, a->ai_addr, a->ai_addrlen);
        addresses[(*count)++].bytes = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return *count > 0 ? KETCH_OK : KETCH_DNS;
}

static enum ketch_status
resolve(struct ketch_socket *s, const struct ketch_server *server)
{
    const struct ketch_loop *loop = s->sockets->loop;
    if (server->host[0] == '/') {
        s->address_count = 1;
        return address_of_path(server->host, s->addresses);
    }
    int numbers = AI_NUMERICHOST | AI_NUMERICSERV;
    if (look_up(server->host, server->port, numbers, s->addresses, &s->address_count) == KETCH_OK)
        return KETCH_OK;
    if (loop->resolve != NULL)
        return loop->resolve(s->sockets->ctx, server->host, server->port, s->addresses,
                             &s->address_count);
    return look_up(server->host, server->port, AI_NUMERICSERV | AI_ADDRCONFIG, s->addresses,
                   &s->address_count);
}

/* ---- connecting ---- */

static enum ketch_status
connect_conn(void *ctx, struct ketch_conn *conn, int *error)
{
    struct ketch_sockets *sockets = ctx;
    struct ketch_socket *s = calloc(1, sizeof *s);
    *error = ENOMEM;
    if (s == NULL)
        return KETCH_NO_MEMORY;
    s->sockets = sockets;
    s->conn = conn;
    s->fd = -1;
    s->first = sockets->first;
    *error = 0;
    enum ketch_status status = resolve(s, ketch_conn_server(conn));
    ketch_conn_set_data(conn, s);
    enter(sockets);
    if (status == KETCH_OK && !try_addresses(s, error))
        status = status_of(*error);
    if (status != KETCH_OK)
        bury(s);
    leave(sockets);
    return status;
}

/* That this process has no room for a socket is not the server's failure. */
static enum ketch_status
status_of(int error)
{
    bool ours = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    return ours ? KETCH_NO_MEMORY : KETCH_DOWN;
}

/* 0: connected or about to be; else errno. */
static int
try_address(struct ketch_socket *s, const struct ketch_address *address)
{
    int on = 1;
    const struct sockaddr *to = (const struct sockaddr *)&address->storage;
    s->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return errno;
    if (to->sa_family != AF_UNIX) {
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    s->phase = PHASE_CONNECTING;
    if (connect(s->fd, to, address->bytes) == 0) {
        opened(s);
        return 0;
    }
    if (errno != EINPROGRESS)
        return errno;
    return watch(s, KETCH_WRITABLE) ? 0 : ENOMEM;
}

static bool
try_addresses(struct ketch_socket *s, int *error)
{
    while (s->tried < s->address_count) {
        size_t i = (s->first + s->tried++) % s->address_count;
        *error = try_address(s, &s->addresses[i]);
        if (*error == 0)
            return true;
        close_fd(s);
    }
    return false;
}

static void
connect_ended(struct ketch_socket *s)
{
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
        error = errno;
    if (error == 0) {
        opened(s);
        return;
    }
    close_fd(s);
    int next_error = error;
    if (!try_addresses(s, &next_error))
        fail(s, status_of(next_error), next_error);
}

static void
opened(struct ketch_socket *s)
{
    struct ketch_tls *tls = ketch_conn_tls(s->conn);
    if (tls == NULL) {
        s->phase = PHASE_OPEN;
        if (watch(s, KETCH_READABLE))
            ketch_conn_connected(s->conn);
        else
            fail(s, KETCH_NO_MEMORY, ENOMEM);
        return;
    }
    s->phase = PHASE_HANDSHAKE;
    enum ketch_status status =
        tls_session_create(tls, s->fd, ketch_conn_server(s->conn)->host, &s->tls);
    if (status != KETCH_OK)
        fail(s, status, 0);
    else
        shake_hands(s);
}

static void
shake_hands(struct ketch_socket *s)
{
    enum tls_want want = tls_handshake(s->tls);
    if (want == TLS_FAILED) {
        fail(s, KETCH_TLS, 0);
        return;
    }
    if (!watch(s, want == TLS_WRITE ? KETCH_WRITABLE : KETCH_READABLE)) {
        fail(s, KETCH_NO_MEMORY, ENOMEM);
        return;
    }
    if (want != TLS_DONE)
        return;
    s->phase = PHASE_OPEN;
    ketch_conn_connected(s->conn);
}

static bool
watch(struct ketch_socket *s, unsigned events)
{
    if (s->events == events)
        return true;
    s->events = events;
    return s->sockets->loop->watch(s->sockets->ctx, s, s->fd, events, &s->slot);
}

/* ---- bytes ---- */

/* flags: MSG_DONTWAIT, or 0 of a read that waits. */
static ssize_t
read_some(struct ketch_socket *s, void *p, size_t room, int flags)
{
    enum tls_want want;
    if (s->tls != NULL)
        return tls_read(s->tls, p, room, &want);
    return recv(s->fd, p, room, flags);
}

static ssize_t
write_some(struct ketch_socket *s, struct ketch_bytes out, enum tls_want *want)
{
    ssize_t n;
    *want = TLS_WRITE;
    if (s->tls != NULL)
        return tls_write(s->tls, out.p, out.bytes, want);
    do
        n = send(s->fd, out.p, out.bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

static void
receive(struct ketch_socket *s, int flags)
{
    for (int i = 0; i < READS_MAX && s->conn != NULL; i++, flags = MSG_DONTWAIT) {
        size_t room;
        void *p = ketch_conn_reserve(s->conn, &room);
        if (p == NULL)
            return;
        ssize_t n = read_some(s, p, room, flags);
        /* After a signal the loop looks at its clock before anything waits again. */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            bool refused = s->tls != NULL && n < 0 && errno == EPROTO;
            fail(s, refused ? KETCH_TLS : KETCH_LOST, n == 0 ? 0 : errno);
            return;
        }
        if (!ketch_conn_commit(s->conn, (size_t)n))
            return;
        /* A read that did not fill the room has emptied the socket: no need to hear it say so. */
        if ((size_t)n < room && (s->tls == NULL || !tls_has_more(s->tls)))
            return;
    }
}

/* What the server said before it closed its end may say why. */
static void
write_failed(struct ketch_socket *s, int error)
{
    receive(s, MSG_DONTWAIT);
    fail(s, KETCH_LOST, error);
}

static void
transmit(struct ketch_socket *s)
{
    enum tls_want want;
    while (s->conn != NULL) {
        struct ketch_bytes out = ketch_conn_output(s->conn);
        if (out.bytes == 0) {
            watch(s, KETCH_READABLE);
            return;
        }
        ssize_t n = write_some(s, out, &want);
        if (n > 0) {
            ketch_conn_sent(s->conn, (size_t)n);
            if ((size_t)n == out.bytes && s->events == KETCH_READABLE)
                return;
            continue;
        }
        if (errno != EAGAIN)
            write_failed(s, errno);
        else if (!watch(s, KETCH_READABLE | (want == TLS_WRITE ? KETCH_WRITABLE : 0)))
            fail(s, KETCH_NO_MEMORY, ENOMEM);
        return;
    }
}

/* ---- told by the loop ---- */

void
ketch_socket_event(struct ketch_socket *s, unsigned events)
{
    struct ketch_sockets *sockets = s->sockets;
    enter(sockets);
    if (s->conn == NULL) {
        leave(sockets);
        return;
    }
    if (s->phase == PHASE_CONNECTING) {
        connect_ended(s);
    } else if (s->phase == PHASE_HANDSHAKE) {
        shake_hands(s);
    } else {
        if (events & KETCH_READABLE)
            receive(s, MSG_DONTWAIT);
        /* TLS may have waited for bytes to read before it could write. */
        if (s->conn != NULL && ((events & KETCH_WRITABLE) || s->tls != NULL))
            transmit(s);
    }
    leave(sockets);
}

bool
ketch_socket_owes(const struct ketch_socket *s)
{
    return s->conn != NULL && (s->phase != PHASE_OPEN || ketch_conn_owes(s->conn));
}

/* Reads may wait, for half of until_us or what is near enough: requests that have about the same time
 * need not change it.  A quarter is left for the ticks that the system may add. */
static bool
be_patient(struct ketch_socket *s, int64_t until_us)
{
    int64_t half_us = until_us / 2 < PATIENCE_US_MAX ? until_us / 2 : PATIENCE_US_MAX;
    struct timeval time = {.tv_sec = half_us / 1000000, .tv_usec = half_us % 1000000};
    if (s->patience_us >= half_us / 2 && s->patience_us <= until_us - until_us / 4)
        return true;
    if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0)
        return false;
    int flags = s->patience_us == 0 ? fcntl(s->fd, F_GETFL) : 0;
    if (s->patience_us == 0 && (flags < 0 || fcntl(s->fd, F_SETFL, flags & ~O_NONBLOCK) != 0))
        return false;
    s->patience_us = half_us;
    return true;
}

bool
ketch_socket_receive(struct ketch_socket *s, int64_t until_us)
{
    struct ketch_sockets *sockets = s->sockets;
    if (s->conn == NULL || s->phase != PHASE_OPEN || s->tls != NULL || !be_patient(s, until_us))
        return false;
    enter(sockets);
    receive(s, 0);
    leave(sockets);
    return true;
}

void
ketch_sockets_timer(struct ketch_sockets *sockets)
{
    enter(sockets);
    ketch_client_timer(sockets->client);
    leave(sockets);
}

void
ketch_sockets_flush(struct ketch_sockets *sockets)
{
    struct link *first;
    enter(sockets);
    while ((first = list_first(&sockets->dirty)) != NULL) {
        struct ketch_socket *s = CONTAINER_OF(first, struct ketch_socket, link);
        link_remove(first);
        s->dirty = false;
        transmit(s);
    }
    leave(sockets);
}

static const struct ketch_transport transport = {
    .now_us = now_us,
    .unix_s = unix_s,
    .connect = connect_conn,
    .close = close_conn,
    .output = output,
    .timer = set_timer,
    .run = run,
    .detach = detach,
};

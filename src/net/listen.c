#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"

/* What may wait for a worker, if the system allows it: datagrams that find no room are lost. */
#define UDP_RECEIVE_BYTES (1 << 20)

/* What is different between the two. */
struct transport {
    const char *name;
    int socket_type;
    /* Opens the address into '*l', which has family and protocol; false with errno. */
    bool (*open)(const struct net_config *c, const struct addrinfo *ai, struct listener *l);
};

static bool listen_endpoints(const struct net_config *c, const struct transport *t,
                             struct listener to[LISTENERS_MAX], unsigned *count);
static bool open_tcp(const struct net_config *c, const struct addrinfo *ai, struct listener *l);
static bool open_udp(const struct net_config *c, const struct addrinfo *ai, struct listener *l);
static void close_sockets(struct listener *l);
static bool remove_stale_socket(const char *path);
static int bind_unix(const struct net_config *c, const struct sockaddr_un *addr);
static void describe_unix(struct listener *l, const char *path);

static const struct transport tcp = {"TCP", SOCK_STREAM, open_tcp};
static const struct transport udp = {"UDP", SOCK_DGRAM, open_udp};

bool
listen_tcp(const struct net_config *c, struct listener to[LISTENERS_MAX], unsigned *count)
{
    return listen_endpoints(c, &tcp, to, count);
}

bool
listen_udp(const struct net_config *c, struct listener to[LISTENERS_MAX], unsigned *count)
{
    return listen_endpoints(c, &udp, to, count);
}

bool
listen_unix(const struct net_config *c, struct listener to[LISTENERS_MAX], unsigned *count)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *path = c->unix_path;
    if (path == NULL)
        return true;
    if (*path == '\0' || strlen(path) >= sizeof addr.sun_path) {
        log_line(LOG_ERROR, "failed to listen on UNIX socket: the path must have 1 to %zu bytes",
                 sizeof addr.sun_path - 1);
        return false;
    }
    strcpy(addr.sun_path, path);
    if (*count == LISTENERS_MAX || !remove_stale_socket(path))
        return false;
    int fd = bind_unix(c, &addr);
    if (fd < 0) {
        log_line(LOG_ERROR, "failed to listen on UNIX socket: %s: %s", path, strerror(errno));
        return false;
    }
    struct listener *l = &to[(*count)++];
    *l = (struct listener){.fd = fd, .family = AF_UNIX, .protocol = c->protocol};
    describe_unix(l, path);
    return true;
}

static bool
print_ports(FILE *f, const char *transport, const struct listener *listeners, unsigned count)
{
    bool done = true;
    for (unsigned i = 0; done && i < count; i++) {
        const struct listener *l = &listeners[i];
        if (l->family != AF_UNIX && strcmp(l->fd < 0 ? "UDP" : "TCP", transport) == 0)
            done = fprintf(f, "%s %s: %u\n", transport, l->family == AF_INET ? "INET" : "INET6",
                           l->port) > 0;
    }
    return done;
}

bool
listen_write_port_file(const struct net_config *c, const struct listener *listeners, unsigned count)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++)
        any = any || listeners[i].family != AF_UNIX;
    if (c->port_file == NULL || !any)
        return true;
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.lck", c->port_file) >= (int)sizeof temporary) {
        log_line(LOG_ERROR, "cannot write the port file: its name is too long");
        return false;
    }
    FILE *f = fopen(temporary, "we");
    bool done = f != NULL && print_ports(f, "TCP", listeners, count) &&
                print_ports(f, "UDP", listeners, count);
    if (f != NULL)
        done = fclose(f) == 0 && done;
    if (done && rename(temporary, c->port_file) == 0)
        return true;
    log_line(LOG_ERROR, "cannot write the port file %s: %s", c->port_file, strerror(errno));
    return false;
}

void
listen_close(struct listener *listeners, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct listener *l = &listeners[i];
        struct stat st;
        if (l->path != NULL && lstat(l->path, &st) == 0 && st.st_dev == l->device &&
            st.st_ino == l->inode)
            (void)unlink(l->path);
        free(l->path);
        l->path = NULL;
        close_sockets(l);
    }
}

static void
close_sockets(struct listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    for (unsigned i = 0; i < l->udp_fd_count; i++)
        close(l->udp_fds[i]);
    free(l->udp_fds);
    l->fd = -1;
    l->udp_fds = NULL;
    l->udp_fd_count = 0;
}

/* ---- TCP and UDP ---- */

static int
port_of(const struct transport *t, const struct endpoint *e)
{
    return t->socket_type == SOCK_STREAM ? e->port : e->udp_port;
}

/* "TCP port 11211", or "127.0.0.1:11211" as it could stand after -l. */
static const char *
endpoint_text(const struct transport *t, const struct endpoint *e, char to[LISTENER_NAME_BYTES])
{
    int port = port_of(t, e) > 0 ? port_of(t, e) : 0;
    if (e->host == NULL)
        snprintf(to, LISTENER_NAME_BYTES, "%s port %d", t->name, port);
    else
        snprintf(to, LISTENER_NAME_BYTES, strchr(e->host, ':') != NULL ? "[%s]:%d" : "%s:%d",
                 e->host, port);
    return to;
}

static struct addrinfo *
resolve(const struct transport *t, const struct endpoint *e)
{
    int wanted = port_of(t, e);
    struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = t->socket_type,
    };
    struct addrinfo *found;
    char port[16], text[LISTENER_NAME_BYTES];
    snprintf(port, sizeof port, "%d", wanted > 0 ? wanted : 0);
    int error = getaddrinfo(e->host, port, &hints, &found);
    if (error == 0)
        return found;
    log_line(LOG_ERROR, "failed to listen on %s: %s", endpoint_text(t, e, text),
             error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    return NULL;
}

/* A host listed twice in /etc/hosts comes twice; the second bind would fail. */
static bool
came_before(const struct addrinfo *list, const struct addrinfo *ai)
{
    for (; list != ai; list = list->ai_next) {
        if (list->ai_addrlen == ai->ai_addrlen &&
            memcmp(list->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    }
    return false;
}

/* A machine may know IPv6 addresses and not have the protocol: that is no error while another
 * address of the same name works. */
static bool
is_missing_protocol(int error)
{
    return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == EADDRNOTAVAIL;
}

static void
describe(const struct transport *t, struct listener *l)
{
    struct sockaddr_storage addr;
    socklen_t bytes = sizeof addr;
    char host[64] = "?"; /* an IPv6 address may have a scope behind it */
    char port[8] = "0";
    int fd = l->fd >= 0 ? l->fd : l->udp_fds[0];
    if (getsockname(fd, (struct sockaddr *)&addr, &bytes) == 0)
        (void)!getnameinfo((struct sockaddr *)&addr, bytes, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM);
    l->port = (uint16_t)strtoul(port, NULL, 10);
    snprintf(l->name, sizeof l->name, l->family == AF_INET6 ? "%s6:[%s]:%s" : "%s:%s:%s",
             t->socket_type == SOCK_STREAM ? "tcp" : "udp", host, port);
    log_line(LOG_INFO, "listening on %s", l->name);
}

static bool
listen_endpoint(const struct net_config *c, const struct transport *t, const struct endpoint *e,
                struct listener to[LISTENERS_MAX], unsigned *count)
{
    char text[LISTENER_NAME_BYTES];
    struct addrinfo *found = resolve(t, e);
    unsigned before = *count;
    int error = found == NULL ? 0 : EADDRNOTAVAIL;
    for (const struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next) {
        if (came_before(found, ai))
            continue;
        struct listener l = {.fd = -1, .family = ai->ai_family, .protocol = e->protocol};
        if (!(*count < LISTENERS_MAX ? t->open(c, ai, &l) : (errno = EMFILE, false))) {
            error = errno;
            if (is_missing_protocol(error))
                continue;
            break;
        }
        error = 0;
        describe(t, &l);
        to[(*count)++] = l;
    }
    bool done = *count > before && (error == 0 || is_missing_protocol(error));
    if (found != NULL) {
        freeaddrinfo(found);
        if (!done)
            log_line(LOG_ERROR, "failed to listen on %s: %s", endpoint_text(t, e, text),
                     strerror(error));
    }
    return done;
}

static bool
listen_endpoints(const struct net_config *c, const struct transport *t,
                 struct listener to[LISTENERS_MAX], unsigned *count)
{
    for (unsigned i = 0; i < c->endpoint_count; i++) {
        const struct endpoint *e = &c->endpoints[i];
        if (port_of(t, e) != 0 && !listen_endpoint(c, t, e, to, count))
            return false;
    }
    return true;
}

static void
set_option(int fd, int level, int option, int value, const char *name)
{
    if (setsockopt(fd, level, option, &value, sizeof value) != 0)
        log_line(LOG_WARN, "cannot set %s on a listening socket: %s", name, strerror(errno));
}

/* With the options that both transports have; -1 with errno. */
static int
open_socket(const struct net_config *c, const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd < 0)
        return -1;
    if (ai->ai_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
    if (c->sock_cookie != 0)
        set_option(fd, SOL_SOCKET, SO_MARK, (int)c->sock_cookie, "SO_MARK (-o sock_cookie_id)");
    return fd;
}

static bool
open_tcp(const struct net_config *c, const struct addrinfo *ai, struct listener *l)
{
    int fd = open_socket(c, ai);
    if (fd < 0)
        return false;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    l->fd = fd;
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, c->backlog) == 0)
        return true;
    int error = errno;
    close_sockets(l);
    errno = error;
    return false;
}

/* Another socket of the listener, bound to 'addr'. */
static bool
add_udp(const struct net_config *c, const struct addrinfo *ai, const struct sockaddr *addr,
        struct listener *l)
{
    int fd = open_socket(c, ai);
    if (fd < 0)
        return false;
    bool first = l->udp_fd_count == 0;
    l->udp_fds[l->udp_fd_count++] = fd;
    /* To whom a datagram was sent: the reply must come from there, and to a broadcast comes none. */
    if (ai->ai_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
    else
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
    set_option(fd, SOL_SOCKET, SO_RCVBUF, UDP_RECEIVE_BYTES, "SO_RCVBUF");
    if (!first)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    if (bind(fd, addr, ai->ai_addrlen) != 0)
        return false;
    if (first)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    return true;
}

static bool
open_udp(const struct net_config *c, const struct addrinfo *ai, struct listener *l)
{
    struct sockaddr_storage addr;
    socklen_t bytes = sizeof addr;
    l->udp_fds = calloc(c->workers, sizeof *l->udp_fds);
    bool ok = l->udp_fds != NULL && add_udp(c, ai, ai->ai_addr, l) &&
              getsockname(l->udp_fds[0], (struct sockaddr *)&addr, &bytes) == 0;
    while (ok && l->udp_fd_count < c->workers)
        ok = add_udp(c, ai, (struct sockaddr *)&addr, l);
    if (ok)
        return true;
    int error = errno;
    close_sockets(l);
    errno = error;
    return false;
}

/* ---- UNIX ---- */

/* True when nothing is in the way of bind(). */
static bool
remove_stale_socket(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true; /* bind() will say what is wrong with the directory, if anything is */
    if (!S_ISSOCK(st.st_mode)) {
        log_line(LOG_ERROR, "failed to listen on UNIX socket: %s is a file of another kind", path);
        return false;
    }
    if (unlink(path) == 0)
        return true;
    log_line(LOG_ERROR, "failed to listen on UNIX socket: cannot remove the old %s: %s", path,
             strerror(errno));
    return false;
}

static int
bind_unix(const struct net_config *c, const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    mode_t before = umask((mode_t)~c->unix_mask & 0777);
    int failed = bind(fd, (const struct sockaddr *)addr, sizeof *addr);
    int error = errno;
    umask(before);
    if (failed == 0 && listen(fd, c->backlog) == 0)
        return fd;
    if (failed == 0)
        error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void
describe_unix(struct listener *l, const char *path)
{
    struct stat st;
    l->path = realpath(path, NULL);
    if (l->path != NULL && lstat(l->path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
    snprintf(l->name, sizeof l->name, "unix:%s", path);
    log_line(LOG_INFO, "listening on %s", l->name);
}

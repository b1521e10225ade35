#include "net/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"

/* Connections taken per event: others of the main loop's events come in between. */
#define ACCEPTS_PER_EVENT 64

#define RESUME_CHECK_S 0.01

/* When the system has run out of something, it may come back without our closing a connection. */
#define STARVED_RETRY_US 1000000

#define REFUSED_LOG_US 1000000

uint64_t
acceptor_open_conns(const struct acceptor *a)
{
    uint64_t closed = 0;
    for (unsigned i = 0; i < a->config->workers; i++)
        closed += counter_get(&worker_counters(a->workers[i])->conns_closed);
    uint64_t accepted = counter_get(&a->accepted);
    return accepted > closed ? accepted - closed : 0;
}

static void
pause_accepting(struct acceptor *a, uint64_t resume_below)
{
    a->resume_below = resume_below;
    for (size_t i = 0; i < a->socket_count; i++)
        ev_io_stop(a->loop, &a->sockets[i].io);
    a->paused_at_us = clock_monotonic_us();
    atomic_store_explicit(&a->accepting, false, memory_order_relaxed);
    counter_add(&a->pauses, 1);
    ev_timer_again(a->loop, &a->resume);
}

/* Said once, until a connection could be accepted again. */
static void
pause_starved(struct acceptor *a, const char *why)
{
    if (!a->starved)
        log_line(LOG_WARN, "cannot accept connections: %s; trying again until it works", why);
    a->starved = true;
    pause_accepting(a, acceptor_open_conns(a));
}

static bool
may_resume(const struct acceptor *a)
{
    return acceptor_open_conns(a) < a->resume_below ||
           (a->starved && clock_monotonic_us() - a->paused_at_us >= STARVED_RETRY_US);
}

static void
on_resume(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct acceptor *a = timer->data;
    if (!may_resume(a))
        return;
    ev_timer_stop(loop, timer);
    counter_add(&a->paused_us, clock_monotonic_us() - a->paused_at_us);
    atomic_store_explicit(&a->accepting, true, memory_order_relaxed);
    for (size_t i = 0; i < a->socket_count; i++)
        ev_io_start(loop, &a->sockets[i].io);
}

static void
reject(struct acceptor *a, int fd)
{
    static const char line[] = "ERROR Too many open connections\r\n";
    (void)!send(fd, line, sizeof line - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    counter_add(&a->rejected, 1);
}

static void
hand_over(struct acceptor *a, int fd, enum protocol protocol)
{
    int on = 1;
    /* Fails on unix sockets, which need neither. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    counter_add(&a->accepted, 1);
    if (worker_give(a->workers[a->next_worker], fd, protocol)) {
        a->next_worker = (a->next_worker + 1) % a->config->workers;
        return;
    }
    counter_sub(&a->accepted, 1);
    uint64_t now_us = clock_monotonic_us();
    if (a->refused_at_us == 0 || now_us - a->refused_at_us >= REFUSED_LOG_US)
        log_line(LOG_WARN, "no memory for new connections: closing them");
    a->refused_at_us = now_us;
    close(fd);
}

/* False: there is nothing more to accept now. */
static bool
accept_one(struct acceptor *a, const struct listener *listener)
{
    if (!a->config->reject_fast && acceptor_open_conns(a) >= a->config->conns_max) {
        pause_accepting(a, a->config->conns_max);
        return false;
    }
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_starved(a, strerror(errno));
            return false;
        }
        return errno == EINTR || errno == ECONNABORTED;
    }
    a->starved = false;
    if (a->config->reject_fast && acceptor_open_conns(a) >= a->config->conns_max)
        reject(a, fd);
    else
        hand_over(a, fd, listener->protocol);
    return true;
}

static void
on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct accepting_socket *s = io->data;
    struct acceptor *a = s->acceptor;
    if (events & EV_ERROR) { /* libev could not tell the kernel, and has stopped the watcher */
        pause_starved(a, "the system cannot watch the socket");
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_EVENT && accept_one(a, s->listener); i++)
        ;
}

bool
acceptor_start(struct acceptor *a, struct ev_loop *loop, const struct net_config *config,
               const struct listener *listeners, size_t listener_count, struct worker **workers)
{
    memset(a, 0, sizeof *a);
    a->loop = loop;
    a->config = config;
    a->workers = workers;
    a->sockets = calloc(listener_count + 1, sizeof *a->sockets);
    if (a->sockets == NULL)
        return false;
    atomic_init(&a->accepting, true);
    ev_timer_init(&a->resume, on_resume, RESUME_CHECK_S, RESUME_CHECK_S);
    a->resume.data = a;
    for (size_t i = 0; i < listener_count; i++) {
        if (listeners[i].fd < 0)
            continue; /* UDP: the workers' */
        struct accepting_socket *s = &a->sockets[a->socket_count++];
        s->acceptor = a;
        s->listener = &listeners[i];
        ev_io_init(&s->io, on_accept, listeners[i].fd, EV_READ);
        s->io.data = s;
        ev_io_start(loop, &s->io);
    }
    return true;
}

void
acceptor_stop(struct acceptor *a)
{
    for (size_t i = 0; i < a->socket_count; i++)
        ev_io_stop(a->loop, &a->sockets[i].io);
    ev_timer_stop(a->loop, &a->resume);
    free(a->sockets);
}

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <ketch/poll.h>
#include <ketch/sockets.h>
#include "client/state.h"

#define CAPACITY_MIN 8

/* All are looked at as often as this, whichever are waited for: connections that servers closed while
 * nobody used them are found before the next request is sent there. */
#define POLL_EVERY_US 10000

/* A deadline nearer than this is kept by poll(): the system counts the time of a read in ticks. */
#define PATIENCE_US_MIN 40000

/* The two arrays go together: what is watched, and whose it is.  A slot of a socket is its place, from 1.
 * Places are given up by moving the last there. */
struct poll_loop {
    struct ketch_sockets *sockets;
    struct pollfd *fds;
    struct watched {
        struct ketch_socket *socket;
        void **slot;
    } *watched;
    size_t count, capacity;
    int64_t timer_us;
    int64_t polled_us; /* when all were last looked at */
};

static const struct ketch_loop loop;

static bool
grow(struct poll_loop *p)
{
    size_t capacity = p->capacity == 0 ? CAPACITY_MIN : p->capacity * 2;
    struct pollfd *fds = realloc(p->fds, capacity * sizeof *fds);
    if (fds == NULL)
        return false;
    p->fds = fds;
    struct watched *watched = realloc(p->watched, capacity * sizeof *watched);
    if (watched == NULL)
        return false;
    p->watched = watched;
    p->capacity = capacity;
    return true;
}

static void
give_up(struct poll_loop *p, size_t place)
{
    size_t last = --p->count;
    if (place == last)
        return;
    p->fds[place] = p->fds[last];
    p->watched[place] = p->watched[last];
    *p->watched[place].slot = (void *)(place + 1);
}

static bool
watch(void *ctx, struct ketch_socket *socket, int fd, unsigned events, void **slot)
{
    struct poll_loop *p = ctx;
    size_t place = (size_t)*slot;
    if (events == 0) {
        if (place > 0)
            give_up(p, place - 1);
        *slot = NULL;
        return true;
    }
    if (place == 0) {
        if (p->count == p->capacity && !grow(p))
            return false;
        place = ++p->count;
        p->watched[place - 1] = (struct watched){socket, slot};
        *slot = (void *)place;
    }
    p->fds[place - 1] = (struct pollfd){
        .fd = fd,
        .events = (short)((events & KETCH_READABLE ? POLLIN : 0) |
                          (events & KETCH_WRITABLE ? POLLOUT : 0)),
    };
    return true;
}

static void
set_timer(void *ctx, int64_t at_us)
{
    struct poll_loop *p = ctx;
    p->timer_us = at_us;
}

static void
pending(void *ctx)
{
    (void)ctx; /* flushed before every wait anyway */
}

static void
detach(void *ctx)
{
    struct poll_loop *p = ctx;
    free(p->fds);
    free(p->watched);
    free(p);
}

/* Milliseconds until the timer, rounded up. */
static int
until_timer(const struct poll_loop *p, int64_t now_us, int limit_ms)
{
    if (p->timer_us == INT64_MAX)
        return limit_ms;
    int64_t ms = p->timer_us <= now_us ? 0 : (p->timer_us - now_us + 999) / 1000;
    if (limit_ms >= 0 && ms > limit_ms)
        return limit_ms;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* From the last to the first: what is moved into a place that is given up was looked at before.  What was
 * added meanwhile has no events. */
static void
dispatch(struct poll_loop *p)
{
    for (size_t i = p->count; i-- > 0;) {
        if (i >= p->count)
            continue;
        short happened = p->fds[i].revents;
        unsigned events = 0;
        if (happened == 0)
            continue;
        p->fds[i].revents = 0;
        if (happened & ~POLLOUT)
            events |= KETCH_READABLE;
        if (happened & (POLLOUT | POLLERR | POLLHUP))
            events |= KETCH_WRITABLE;
        ketch_socket_event(p->watched[i].socket, events);
    }
}

static enum ketch_status
wait_for_all(struct poll_loop *p, int timeout_ms)
{
    int ready = poll(p->fds, (nfds_t)p->count, timeout_ms);
    if (ready < 0 && errno != EINTR && errno != EAGAIN)
        return errno == ENOMEM ? KETCH_NO_MEMORY : KETCH_INVALID;
    if (ready > 0)
        dispatch(p);
    if (p->timer_us != INT64_MAX && p->timer_us <= ketch_monotonic_us())
        ketch_sockets_timer(p->sockets);
    return KETCH_OK;
}

/* The one that replies are to come from; NULL: there are several or none, or one that cannot send. */
static struct ketch_socket *
only_debtor(const struct poll_loop *p)
{
    struct ketch_socket *debtor = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (p->fds[i].events != POLLIN)
            return NULL;
        if (!ketch_socket_owes(p->watched[i].socket))
            continue;
        if (debtor != NULL)
            return NULL;
        debtor = p->watched[i].socket;
    }
    return debtor;
}

/* Where one server alone is to answer, a read that waits does for poll() and read: 0.92 of the client's
 * processor time of a get from one of three servers, and poll() costs more the more servers there are. */
static bool
wait_for_one(struct poll_loop *p, int64_t now_us)
{
    if (now_us - p->polled_us >= POLL_EVERY_US || p->timer_us - now_us < PATIENCE_US_MIN)
        return false;
    struct ketch_socket *debtor = only_debtor(p);
    if (debtor == NULL)
        return false;
    return ketch_socket_receive(debtor, p->timer_us - now_us);
}

static enum ketch_status
turn(struct poll_loop *p)
{
    ketch_sockets_flush(p->sockets);
    int64_t now_us = ketch_monotonic_us();
    if (wait_for_one(p, now_us))
        return KETCH_OK;
    p->polled_us = now_us;
    return wait_for_all(p, until_timer(p, now_us, -1));
}

static enum ketch_status
run(void *ctx, const bool *done)
{
    enum ketch_status status = KETCH_OK;
    while (!*done && status == KETCH_OK)
        status = turn(ctx);
    return status;
}

static const struct ketch_loop loop = {
    .watch = watch,
    .timer = set_timer,
    .pending = pending,
    .run = run,
    .detach = detach,
};

enum ketch_status
ketch_poll_attach(struct ketch_client *client)
{
    struct poll_loop *p = calloc(1, sizeof *p);
    if (p == NULL)
        return KETCH_NO_MEMORY;
    p->timer_us = INT64_MAX;
    enum ketch_status status = ketch_sockets_attach(client, &loop, p, &p->sockets);
    if (status != KETCH_OK)
        detach(p);
    return status;
}

enum ketch_status
ketch_poll_once(struct ketch_client *client, int timeout_ms)
{
    struct poll_loop *p = ketch_sockets_loop(client, &loop);
    if (p == NULL)
        return KETCH_UNSUPPORTED;
    if (client->depth > 0)
        return KETCH_INVALID;
    ketch_sockets_flush(p->sockets);
    return wait_for_all(p, until_timer(p, ketch_monotonic_us(), timeout_ms));
}

/* ev.h - a client in a libev loop.  Header only: the library itself needs no libev.
 *
 *     ketch_ev_attach(client, EV_DEFAULT);
 *     ketch_get(client, key, NULL, done, arg);
 *     ev_run(EV_DEFAULT, 0);
 *
 * The watchers keep the loop running only while requests are under way or a moment is waited for that
 * the configuration asks for; call ev_unref() for what else should not.
 *
 * What is started in one turn of the loop goes out at its end, with one write for each server.
 *
 * Threads:   that of the loop.
 * Ownership: ends with the client, which must end before the loop does.
 * Failure:   KETCH_NO_MEMORY; KETCH_CONFLICT: the client has a transport.
 */
#ifndef KETCH_EV_H
#define KETCH_EV_H

#include <ev.h>
#include <stdlib.h>
#include <ketch/sockets.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !EV_MULTIPLICITY || !EV_PREPARE_ENABLE
#error "ketch/ev.h needs libev with EV_MULTIPLICITY and EV_PREPARE_ENABLE"
#endif

struct ketch_ev {
    struct ev_loop *loop;
    struct ketch_sockets *sockets;
    ev_timer timer;
    ev_prepare prepare;
};

static inline void
ketch_ev_on_io_(struct ev_loop *loop, ev_io *w, int revents)
{
    unsigned events = 0;
    if (revents & EV_ERROR) /* libev has stopped it */
        ev_ref(loop);
    if (revents & (EV_READ | EV_ERROR))
        events |= KETCH_READABLE;
    if (revents & (EV_WRITE | EV_ERROR))
        events |= KETCH_WRITABLE;
    ketch_socket_event((struct ketch_socket *)w->data, events);
}

static inline void
ketch_ev_on_timer_(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct ketch_ev *e = (struct ketch_ev *)w->data;
    (void)loop, (void)revents;
    ketch_sockets_timer(e->sockets);
}

static inline void
ketch_ev_on_prepare_(struct ev_loop *loop, ev_prepare *w, int revents)
{
    struct ketch_ev *e = (struct ketch_ev *)w->data;
    (void)loop, (void)revents;
    ketch_sockets_flush(e->sockets);
}

static inline bool
ketch_ev_watch_(void *ctx, struct ketch_socket *socket, int fd, unsigned events, void **slot)
{
    struct ketch_ev *e = (struct ketch_ev *)ctx;
    ev_io *w = (ev_io *)*slot;
    if (w == NULL) {
        if (events == 0)
            return true;
        w = (ev_io *)malloc(sizeof *w);
        if (w == NULL)
            return false;
        ev_init(w, ketch_ev_on_io_);
        w->data = socket;
        *slot = w;
    } else if (ev_is_active(w)) {
        ev_ref(e->loop);
        ev_io_stop(e->loop, w);
    }
    if (events == 0) {
        free(w);
        *slot = NULL;
        return true;
    }
    ev_io_set(w, fd, (events & KETCH_READABLE ? EV_READ : 0) | (events & KETCH_WRITABLE ? EV_WRITE : 0));
    ev_io_start(e->loop, w);
    ev_unref(e->loop); /* an idle connection is no reason to go on: deadlines are */
    return true;
}

static inline void
ketch_ev_timer_(void *ctx, int64_t at_us)
{
    struct ketch_ev *e = (struct ketch_ev *)ctx;
    double wait_s = (double)(at_us - ketch_monotonic_us()) / 1e6;
    ev_timer_stop(e->loop, &e->timer);
    if (at_us == INT64_MAX)
        return;
    /* libev counts from the beginning of its turn. */
    wait_s += ev_time() - ev_now(e->loop);
    ev_timer_set(&e->timer, wait_s > 0 ? wait_s : 0., 0.);
    ev_timer_start(e->loop, &e->timer);
}

static inline void
ketch_ev_pending_(void *ctx)
{
    (void)ctx; /* flushed before every wait */
}

static inline void
ketch_ev_detach_(void *ctx)
{
    struct ketch_ev *e = (struct ketch_ev *)ctx;
    ev_timer_stop(e->loop, &e->timer);
    ev_ref(e->loop);
    ev_prepare_stop(e->loop, &e->prepare);
    free(e);
}

static inline enum ketch_status
ketch_ev_attach(struct ketch_client *client, struct ev_loop *loop)
{
    static const struct ketch_loop table = {
        NULL, ketch_ev_watch_, ketch_ev_timer_, ketch_ev_pending_, NULL, ketch_ev_detach_, NULL,
    };
    struct ketch_ev *e = (struct ketch_ev *)calloc(1, sizeof *e);
    if (e == NULL)
        return KETCH_NO_MEMORY;
    e->loop = loop;
    ev_init(&e->timer, ketch_ev_on_timer_);
    ev_set_priority(&e->timer, EV_MINPRI); /* what has come is read before anything is late */
    e->timer.data = e;
    ev_prepare_init(&e->prepare, ketch_ev_on_prepare_);
    ev_set_priority(&e->prepare, EV_MINPRI); /* sends what others have started */
    e->prepare.data = e;
    ev_prepare_start(loop, &e->prepare);
    ev_unref(loop);
    enum ketch_status status = ketch_sockets_attach(client, &table, e, &e->sockets);
    if (status != KETCH_OK)
        ketch_ev_detach_(e);
    return status;
}

#ifdef __cplusplus
}
#endif

#endif

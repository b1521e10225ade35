#include "worker.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/check.h"

#define EVENTS_PER_TURN 256
/* So soon does worker_stop() show, and so late a stall. */
#define TURN_MS_MAX 100
/* After worker_stop(), how long to wait for replies still under way. */
#define STOP_GRACE_NS 1000000000u
/* A request due sooner than this is waited for awake, because a timer comes late. */
#define SPIN_NS 20000u

static uint32_t
share_of(uint64_t total, uint64_t parts, unsigned index)
{
    return (uint32_t)(total / parts + (index < total % parts ? 1 : 0));
}

static bool
open_connections(struct worker *w, const struct address *to, const struct options *o)
{
    uint32_t wanted = share_of(o->connections, o->threads, w->index);
    w->connections = buffer_alloc(wanted, sizeof(*w->connections));
    for (; w->connection_count < wanted; w->connection_count++) {
        uint64_t source = w->connection_count * o->threads + w->index;
        int fd = address_connect(to, source, o->timeout_s);
        if (fd < 0) {
            fprintf(stderr, "ketch-bench: cannot connect to %s: %s\n", o->server, strerror(errno));
            return false;
        }
        connection_init(&w->connections[w->connection_count], &w->session, fd);
    }
    return true;
}

bool
worker_init(struct worker *w, struct workload *load, const struct address *to, unsigned index)
{
    *w = (struct worker){.index = index};
    w->session.tally = &w->tally;
    w->session.source.workload = load;
    w->session.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(w->session.epoll_fd >= 0 && w->timer_fd >= 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    CHECK(epoll_ctl(w->session.epoll_fd, EPOLL_CTL_ADD, w->timer_fd, &event) == 0);
    return open_connections(w, to, load->options);
}

void
worker_fini(struct worker *w)
{
    for (uint32_t i = 0; i < w->connection_count; i++)
        connection_fini(&w->connections[i]);
    free(w->connections);
    close(w->session.epoll_fd);
    close(w->timer_fd);
    buffer_fini(&w->session.in);
    buffer_fini(&w->session.out);
}

void
worker_prepare(struct worker *w, struct workload *load, enum phase phase)
{
    const struct options *o = load->options;
    struct session *s = &w->session;
    w->tally = (struct tally){0};
    source_init(&s->source, load, phase, w->index);
    s->closed_loop = phase == PHASE_PRELOAD || o->rate == 0;
    s->match = phase == PHASE_RUN && (o->verify || o->look_aside);
    w->interval_ns = s->closed_loop ? 0 : 1e9 * (double)o->threads / (double)o->rate;
    w->sent = 0;
    w->next = 0;
}

void
worker_stop(struct worker *w)
{
    atomic_store_explicit(&w->stopped, true, memory_order_relaxed);
}

/* ---- open loop ---- */

/* Threads take turns: each begins a part of an interval after the one before. */
static double
phase_of(const struct worker *w)
{
    return (double)w->index / (double)w->session.source.workload->options->threads;
}

static uint64_t
due_ns(const struct worker *w)
{
    return w->start_ns + (uint64_t)(((double)w->sent + phase_of(w)) * w->interval_ns);
}

/* The next connection with room, in turn; NULL if none has. */
static struct connection *
next_with_room(struct worker *w)
{
    for (uint32_t i = 0; i < w->connection_count; i++) {
        struct connection *c = &w->connections[w->next];
        if (++w->next == w->connection_count)
            w->next = 0;
        if (connection_has_room(c))
            return c;
    }
    return NULL;
}

static void
wake_at(const struct worker *w, uint64_t at_ns)
{
    struct itimerspec when = {
        .it_value = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)}};
    CHECK(timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

/* Sends what is due.  Returns how long epoll may wait, in ms, with the timer set if a request falls
 * due before. */
static int
send_due(struct worker *w)
{
    struct session *s = &w->session;
    uint64_t now = connection_now_ns();
    bool room = true;
    while (room && now < s->send_until_ns && due_ns(w) <= now) {
        struct connection *c = next_with_room(w);
        room = c != NULL;
        if (room && connection_queue(c, s, due_ns(w))) {
            w->sent++;
            connection_flush(c, s);
        } else if (room) {
            s->send_until_ns = 0; /* the source is at its end */
        }
    }
    if (!room || due_ns(w) >= s->send_until_ns)
        return TURN_MS_MAX;
    if (due_ns(w) < now + SPIN_NS)
        return 0;
    wake_at(w, due_ns(w) - SPIN_NS / 2);
    return TURN_MS_MAX;
}

static void
clear_timer(const struct worker *w)
{
    uint64_t expirations;
    ssize_t n = read(w->timer_fd, &expirations, sizeof(expirations));
    (void)n; /* EAGAIN: it was set anew in the meantime */
}

/* ---- the loop ---- */

/* Is there anything left to wait for? */
static bool
is_over(struct worker *w, uint64_t now)
{
    struct session *s = &w->session;
    if (atomic_load_explicit(&w->stopped, memory_order_relaxed) && s->send_until_ns != 0) {
        s->send_until_ns = 0;
        s->last_reply_ns = now;
    }
    if (s->under_way == 0)
        return s->closed_loop || now >= s->send_until_ns;
    const struct options *o = s->source.workload->options;
    bool stopped = atomic_load_explicit(&w->stopped, memory_order_relaxed);
    uint64_t patience_ns = stopped ? STOP_GRACE_NS : (uint64_t)(o->timeout_s * 1e9);
    return now > s->last_reply_ns + patience_ns;
}

static bool
any_open(const struct worker *w)
{
    for (uint32_t i = 0; i < w->connection_count; i++)
        if (w->connections[i].fd >= 0)
            return true;
    return false;
}

static void
take_turn(struct worker *w)
{
    struct session *s = &w->session;
    int wait_ms = s->closed_loop ? TURN_MS_MAX : send_due(w);
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(s->epoll_fd, events, EVENTS_PER_TURN, wait_ms);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == NULL)
            clear_timer(w);
        else
            connection_on_event(events[i].data.ptr, s, events[i].events);
    }
}

static void
begin(struct worker *w)
{
    struct session *s = &w->session;
    const struct options *o = s->source.workload->options;
    bool timed = s->source.phase == PHASE_RUN && o->time_s > 0;
    w->start_ns = s->last_reply_ns = connection_now_ns();
    s->send_until_ns = timed ? w->start_ns + (uint64_t)(o->time_s * 1e9) : UINT64_MAX;
    for (uint32_t i = 0; s->closed_loop && i < w->connection_count; i++)
        if (w->connections[i].fd >= 0)
            connection_send_batch(&w->connections[i], s);
}

/* Counts what never was answered, and closes those connections: a late reply would answer the wrong
 * request of the next phase. */
static void
give_up(struct worker *w)
{
    for (uint32_t i = 0; i < w->connection_count; i++) {
        struct connection *c = &w->connections[i];
        for (; c->under_way > 0; c->under_way--)
            tally_fail(&w->tally, TALLY_UNANSWERED, w->end_ns, SPAN("no answer in time"));
        if (c->fd >= 0 && w->session.under_way > 0)
            shutdown(c->fd, SHUT_RDWR);
    }
    w->session.under_way = 0;
}

/* Requests that fell due while every connection was busy, and were still unsent when time was up.
 */
static void
count_unsent(struct worker *w)
{
    uint64_t until_ns = w->session.send_until_ns;
    if (w->session.closed_loop || until_ns == 0)
        return; /* nothing falls due, or it was not the time that ended it */
    double due = ceil((double)(until_ns - w->start_ns) / w->interval_ns - phase_of(w));
    if (due > (double)w->sent)
        counter_add(&w->tally.unsent, (uint64_t)due - w->sent);
}

void
worker_run(struct worker *w)
{
    begin(w);
    uint64_t now = w->start_ns;
    while (!is_over(w, now) && any_open(w)) {
        take_turn(w);
        now = connection_now_ns();
    }
    w->end_ns = w->session.last_reply_ns;
    count_unsent(w);
    give_up(w);
}

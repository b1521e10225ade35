#include "net/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/udp.h"

/* How long who finds no memory waits before trying again, while clients are made to let go of some. */
#define STARVED_WAIT_S  0.0025
#define STARVED_WAIT_US 2500

/* How often it is logged that clients are closed for their memory. */
#define RELIEF_LOG_S 60

/* How long the loop may block while freed memory waits for other threads to pass a quiescent point. */
#define LIMBO_WAIT_S 0.001

#define IDLE_CHECK_S 1.0

/* ---- memory that clients keep ---- */

static void
relieve(struct worker *w)
{
    if (!conn_close_hoarder(w)) {
        conn_tell_to_give_up(w);
        return;
    }
    if (w->relief_s != 0 && w->now_s - w->relief_s < RELIEF_LOG_S)
        return;
    w->relief_s = w->now_s;
    log_line(LOG_WARN, "clients that neither finish what they send nor read what they asked for keep "
                       "all the memory: closing connections, those who have kept some for longest first");
}

static void
on_relieve(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)watcher, (void)events;
    relieve(ev_userdata(loop));
}

void
worker_ask_for_memory(struct worker *w)
{
    w->starved = true; /* on_turn() looks for our own */
    uint64_t now_us = clock_monotonic_us();
    if (now_us - w->asked_at_us < STARVED_WAIT_US)
        return;
    w->asked_at_us = now_us;
    for (unsigned i = 0; i < w->context->config->workers; i++) {
        struct worker *other = w->context->workers[i];
        if (other != w)
            ev_async_send(other->loop, &other->relieve);
    }
}

struct relief_age
worker_relief_age(const struct worker *w, uint32_t now_ms)
{
    struct relief_age age = RELIEF_NEVER;
    for (unsigned i = 0; i < w->context->config->workers; i++)
        relief_add_age(&age, &w->context->workers[i]->relief, now_ms);
    return age;
}

/* ---- the loop ---- */

static void
before_poll(struct ev_loop *loop) EV_NOEXCEPT
{
    struct worker *w = ev_userdata(loop);
    engine_offline(w->engine_thread);
}

static void
after_poll(struct ev_loop *loop) EV_NOEXCEPT
{
    struct worker *w = ev_userdata(loop);
    w->now_s = clock_now(w->context->clock);
    engine_online(w->engine_thread, w->now_s);
}

/* Calls the watchers of all that has happened. */
static void
invoke_pending(struct ev_loop *loop)
{
    ev_invoke_pending(loop);
    conn_run_group(ev_userdata(loop));
}

/* One turn for everybody who waits for one.  Looking for memory is work: when one has found none, the
 * others who want some stay in line, before him; but for one who gives some up if he finds none. */
static void
run_waiting(struct worker *w)
{
    struct conn *c = w->waiting, *passed_over = NULL, **passed_over_end = &passed_over;
    w->waiting = NULL;
    w->waiting_end = &w->waiting;
    while (c != NULL) {
        struct conn *next = c->wait_next;
        if (w->starved && c->want.waits && !c->want.gives_up) {
            *passed_over_end = c;
            passed_over_end = &c->wait_next;
        } else {
            conn_turn(c);
            engine_quiesce(w->engine_thread, w->now_s);
        }
        c = next;
    }
    if (passed_over == NULL)
        return;
    *passed_over_end = w->waiting;
    if (w->waiting == NULL)
        w->waiting_end = passed_over_end;
    w->waiting = passed_over;
}

/* Each time before the loop blocks. */
static void
on_turn(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    (void)watcher, (void)events;
    struct worker *w = ev_userdata(loop);
    if (w->starved)
        relieve(w);
    w->starved = false;
    run_waiting(w);
    bool busy = w->waiting != NULL && !w->starved;
    if (busy && !ev_is_active(&w->busy))
        ev_idle_start(loop, &w->busy);
    else if (!busy && ev_is_active(&w->busy))
        ev_idle_stop(loop, &w->busy);
    if ((w->waiting != NULL || engine_has_limbo(w->engine_thread)) && !ev_is_active(&w->again)) {
        ev_timer_set(&w->again, w->starved ? STARVED_WAIT_S : LIMBO_WAIT_S, 0.);
        ev_timer_start(loop, &w->again);
    }
}

static void
on_busy(struct ev_loop *loop, ev_idle *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
}

static void
on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
}

static void
on_idle_check(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)watcher, (void)events;
    struct worker *w = ev_userdata(loop);
    uint32_t timeout_s = w->context->config->idle_timeout_s;
    struct conn *next;
    /* Only this thread changes the list. */
    for (struct conn *c = w->conns; c != NULL; c = next) {
        next = c->next;
        uint32_t last_s = atomic_load_explicit(&c->last_request_s, memory_order_relaxed);
        enum conn_state state = atomic_load_explicit(&c->state, memory_order_relaxed);
        if (state != CONN_READING || w->now_s - last_s <= timeout_s)
            continue;
        counter_add(&w->counters.idle_kicks, 1);
        conn_close(c);
    }
}

/* ---- mail from the main thread ---- */

static void
open_mailed(struct worker *w)
{
    mutex_lock(&w->mail_lock);
    struct mail *mail = w->mail;
    size_t count = w->mail_count;
    w->mail = NULL;
    w->mail_count = w->mail_room = 0;
    mutex_unlock(&w->mail_lock);
    for (size_t i = 0; i < count; i++) {
        if (conn_open(w, mail[i].fd, mail[i].protocol))
            continue;
        if (w->refused_s != w->now_s)
            log_line(LOG_WARN, "no memory for new connections: closing them");
        w->refused_s = w->now_s;
        counter_add(&w->counters.conns_opened, 1);
        counter_add(&w->counters.conns_closed, 1);
        close(mail[i].fd);
    }
    free(mail);
}

static void
on_wakeup(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)watcher, (void)events;
    struct worker *w = ev_userdata(loop);
    open_mailed(w);
    if (atomic_load(&w->answers_udp))
        udp_begin(w);
    if (atomic_load(&w->stop))
        ev_break(loop, EVBREAK_ALL);
}

bool
worker_give(struct worker *w, int fd, enum protocol protocol)
{
    mutex_lock(&w->mail_lock);
    if (w->mail_count == w->mail_room) {
        size_t room = w->mail_room == 0 ? 16 : w->mail_room * 2;
        struct mail *mail = realloc(w->mail, room * sizeof *mail);
        if (mail == NULL) {
            mutex_unlock(&w->mail_lock);
            return false;
        }
        w->mail = mail;
        w->mail_room = room;
    }
    w->mail[w->mail_count++] = (struct mail){fd, (uint8_t)protocol};
    mutex_unlock(&w->mail_lock);
    ev_async_send(w->loop, &w->wakeup);
    return true;
}

/* ---- life ---- */

static void
close_all(struct worker *w)
{
    open_mailed(w);
    while (w->conns != NULL)
        conn_close(w->conns);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    ev_run(w->loop, 0);
    close_all(w);
    udp_stop(w);
    exec_leave(w->exec_thread);
    engine_leave(w->engine_thread);
    return NULL;
}

static bool
init_loop(struct worker *w)
{
    /* LIBEV_FLAGS in the environment must not choose a backend; io_uring costs twice the CPU. */
    w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (w->loop == NULL)
        return false;
    ev_set_userdata(w->loop, w);
    ev_set_loop_release_cb(w->loop, before_poll, after_poll);
    ev_set_invoke_pending_cb(w->loop, invoke_pending);
    ev_async_init(&w->wakeup, on_wakeup);
    ev_async_start(w->loop, &w->wakeup);
    ev_async_init(&w->relieve, on_relieve);
    ev_async_start(w->loop, &w->relieve);
    ev_prepare_init(&w->turn, on_turn);
    ev_prepare_start(w->loop, &w->turn);
    ev_idle_init(&w->busy, on_busy);
    ev_timer_init(&w->again, on_again, LIMBO_WAIT_S, 0.);
    ev_timer_init(&w->idle_check, on_idle_check, IDLE_CHECK_S, IDLE_CHECK_S);
    /* As in memcached, who comes by a unix socket may be silent for ever. */
    if (w->context->config->idle_timeout_s > 0 && w->context->config->unix_path == NULL)
        ev_timer_start(w->loop, &w->idle_check);
    return true;
}

static bool
init_threads(struct worker *w)
{
    w->now_s = clock_now(w->context->clock);
    w->engine_thread = engine_join(w->context->engine, w->now_s);
    if (w->engine_thread == NULL)
        return false;
    engine_set_patience(w->engine_thread, ENGINE_PATIENT);
    w->exec_thread = exec_join(w->context->exec, w->engine_thread);
    if (w->exec_thread == NULL) {
        engine_leave(w->engine_thread);
        w->engine_thread = NULL;
        return false;
    }
    return true;
}

/* A worker whose thread never ran. */
static void
abandon(struct worker *w)
{
    udp_destroy(w);
    if (w->loop != NULL)
        ev_loop_destroy(w->loop);
    if (w->exec_thread != NULL)
        exec_leave(w->exec_thread);
    if (w->engine_thread != NULL)
        engine_leave(w->engine_thread);
    mutex_fini(&w->list_lock);
    mutex_fini(&w->mail_lock);
    free(w);
}

struct worker *
worker_start(const struct worker_context *context, unsigned number)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        log_line(LOG_ERROR, "no memory for worker %u", number);
        return NULL;
    }
    w->context = context;
    w->kept_plenty_bytes = context->config->kept_plenty_bytes / context->config->workers;
    w->waiting_end = &w->waiting;
    output_reset(&w->output);
    mutex_init(&w->list_lock);
    mutex_init(&w->mail_lock);
    if (!init_threads(w)) {
        log_line(LOG_ERROR, "no memory for worker %u", number);
    } else if (!init_loop(w)) {
        log_line(LOG_ERROR, "worker %u: no event loop: %s", number, strerror(errno));
    } else if (!udp_create(w, number)) {
        log_line(LOG_ERROR, "no memory for worker %u", number);
    } else {
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error == 0) {
            char name[16];
            snprintf(name, sizeof name, "ketch-worker%u", number % 1000);
            pthread_setname_np(w->thread, name);
            return w;
        }
        log_line(LOG_ERROR, "worker %u: no thread: %s", number, strerror(error));
    }
    abandon(w);
    return NULL;
}

void
worker_answer_udp(struct worker *w)
{
    atomic_store(&w->answers_udp, true);
    ev_async_send(w->loop, &w->wakeup);
}

void
worker_stop(struct worker *w)
{
    atomic_store(&w->stop, true);
    ev_async_send(w->loop, &w->wakeup);
}

void
worker_join(struct worker *w)
{
    CHECK(pthread_join(w->thread, NULL) == 0);
}

void
worker_destroy(struct worker *w)
{
    udp_destroy(w);
    ev_loop_destroy(w->loop);
    mutex_fini(&w->list_lock);
    mutex_fini(&w->mail_lock);
    free(w->mail);
    free(w);
}

/* ---- views ---- */

const struct worker_counters *
worker_counters(const struct worker *w)
{
    return &w->counters;
}

size_t
worker_buffer_bytes(void)
{
    return GROUP_MAX * INPUT_BYTES + OUTPUT_BUF_BYTES;
}

/* "tcp:host:port", "udp6:[host]:port", "unix:path" or "?:<AF n>". */
static void
format_address(const struct sockaddr *sa, socklen_t len, const char *transport, char *to, size_t room)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(to, room, "%s:%s:%u", transport, host, ntohs(in->sin_port));
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(to, room, "%s6:[%s]:%u", transport, host, ntohs(in6->sin6_port));
    } else if (sa->sa_family == AF_UNIX) {
        /* An unnamed socket has no path at all: 'len' says how much of it is there. */
        const struct sockaddr_un *un = (const struct sockaddr_un *)sa;
        size_t path_bytes = len > offsetof(struct sockaddr_un, sun_path)
                                ? len - offsetof(struct sockaddr_un, sun_path)
                                : 0;
        snprintf(to, room, "unix:%.*s", (int)strnlen(un->sun_path, path_bytes), un->sun_path);
    } else {
        snprintf(to, room, "?:<AF %d>", sa->sa_family);
    }
}

static const char *
transport_of(int fd)
{
    int type = SOCK_STREAM;
    socklen_t bytes = sizeof type;
    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes);
    return type == SOCK_DGRAM ? "udp" : "tcp";
}

static void
show_socket(int fd, const char *field,
            int (*get_name)(int, struct sockaddr *restrict, socklen_t *restrict),
            stat_emit_fn *emit, void *to)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    char name[32], address[160];
    if (get_name(fd, (struct sockaddr *)&ss, &len) != 0)
        return;
    format_address((struct sockaddr *)&ss, len, transport_of(fd), address, sizeof address);
    snprintf(name, sizeof name, "%d:%s", fd, field);
    emit(to, name, "%s", address);
}

void
net_show_bound(int fd, stat_emit_fn *emit, void *to)
{
    show_socket(fd, "addr", getsockname, emit, to);
}

void
net_show_listener(int fd, uint32_t age_s, stat_emit_fn *emit, void *to)
{
    char name[32];
    net_show_bound(fd, emit, to);
    snprintf(name, sizeof name, "%d:state", fd);
    emit(to, name, "conn_listening");
    snprintf(name, sizeof name, "%d:secs_since_last_cmd", fd);
    emit(to, name, "%" PRIu32, age_s);
}

/* What is known of a connection without asking the system. */
struct conn_note {
    int fd;
    enum conn_state state;
    uint32_t last_request_s;
};

static void
show_conn(const struct conn_note *c, uint32_t now_s, stat_emit_fn *emit, void *to)
{
    char name[32];
    show_socket(c->fd, "addr", getpeername, emit, to);
    show_socket(c->fd, "listen_addr", getsockname, emit, to);
    snprintf(name, sizeof name, "%d:state", c->fd);
    emit(to, name, "%s", conn_state_name(c->state));
    snprintf(name, sizeof name, "%d:secs_since_last_cmd", c->fd);
    emit(to, name, "%u", now_s > c->last_request_s ? now_s - c->last_request_s : 0);
}

static size_t
count_conns(struct worker *w)
{
    mutex_lock(&w->list_lock);
    size_t count = w->conn_count;
    mutex_unlock(&w->list_lock);
    return count;
}

/* Notes at most 'max' connections; returns how many. */
static size_t
note_conns(struct worker *w, struct conn_note *notes, size_t max)
{
    size_t count = 0;
    mutex_lock(&w->list_lock);
    for (struct conn *c = w->conns; c != NULL && count < max; c = c->next)
        notes[count++] = (struct conn_note){
            c->io.fd, atomic_load_explicit(&c->state, memory_order_relaxed),
            atomic_load_explicit(&c->last_request_s, memory_order_relaxed)};
    mutex_unlock(&w->list_lock);
    return count;
}

/* The system is asked after the lock is let go: whoever opens or closes a connection must not wait for it.
 * A descriptor may be another connection's by then; the line says what it is now. */
bool
worker_show_conns(struct worker *w, stat_emit_fn *emit, void *to)
{
    udp_show(w, emit, to);
    size_t max = count_conns(w);
    struct conn_note *notes = malloc((max + 1) * sizeof *notes);
    if (notes == NULL)
        return false;
    size_t count = note_conns(w, notes, max);
    uint32_t now_s = clock_now(w->context->clock);
    for (size_t i = 0; i < count; i++)
        show_conn(&notes[i], now_s, emit, to);
    free(notes);
    return true;
}

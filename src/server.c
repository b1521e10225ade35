#include "server.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "engine/engine.h"
#include "engine/view.h"
#include "exec/exec.h"
#include "maintenance.h"
#include "net/acceptor.h"
#include "net/listen.h"
#include "net/spare.h"
#include "net/worker.h"
#include "options.h"
#include "process.h"
#include "settings.h"

/* What 'stats reset' makes the sums of the workers begin at. */
struct base_figures {
    struct worker_counters workers;
    uint64_t rejected, pauses, paused_us;
};

struct server {
    const struct config *config;
    struct auth *auth; /* NULL: none */
    const struct listener *listeners;
    unsigned listener_count;
    struct clock clock;
    struct engine *engine;
    struct exec *exec;
    struct maintenance *maintenance;
    struct worker_context context;
    struct worker **workers;
    unsigned worker_count; /* that run */
    struct ev_loop *loop;
    struct acceptor acceptor;
    bool accepting;
    ev_signal on_int, on_term, on_hup, on_usr1;
    struct mutex base_lock; /* of 'base', and held while the sums are made that it is taken from: or
                               somebody's reset in between would make the difference negative */
    struct base_figures base;
};

/* ---- what exec asks of us ---- */

static void
emit_settings(void *context, const struct exec_settings *changed, stat_emit_fn *emit, void *to)
{
    struct server *s = context;
    struct engine_memory memory;
    engine_memory(s->engine, &memory);
    /* As it was configured, but for what the engine chose and what clients can change. */
    struct config now = *s->config;
    now.engine = *engine_config(s->engine);
    now.engine.limit_bytes = memory.limit_bytes;
    now.process.verbosity = (unsigned)log_get_level();
    now.exec.detail_enabled = changed->detail_on;
    now.compat.oldest_s = changed->oldest_s;
    settings_emit(&now, emit, to);
}

static void
add_workers(const struct server *s, struct worker_counters *sum)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        counter_add_all(sum, worker_counters(s->workers[i]), sizeof *sum);
}

/* memcached takes them for connections. */
static unsigned
udp_sockets(const struct server *s)
{
    unsigned count = 0;
    for (unsigned i = 0; i < s->listener_count; i++)
        count += s->listeners[i].udp_fd_count;
    return count;
}

static void
figures(void *context, struct exec_figures *out)
{
    struct server *s = context;
    const struct net_config *net = &s->config->net;
    const struct compat_config *compat = &s->config->compat;
    struct worker_counters sum = {0};
    mutex_lock(&s->base_lock);
    add_workers(s, &sum);
    struct base_figures *base = &s->base;
    *out = (struct exec_figures){
        .workers = net->workers,
        .conns_max = net->conns_max,
        .conns_now = acceptor_open_conns(&s->acceptor) + udp_sockets(s),
        .conns_ever = counter_get(&sum.conns_opened) - counter_get(&base->workers.conns_opened),
        .conns_rejected = counter_get(&s->acceptor.rejected) - base->rejected,
        .conn_structures = acceptor_open_conns(&s->acceptor) + udp_sockets(s),
        .reserved_fds = process_reserved_fds(s->config),
        .conn_yields = counter_get(&sum.conn_yields) - counter_get(&base->workers.conn_yields),
        .idle_kicks = counter_get(&sum.idle_kicks) - counter_get(&base->workers.idle_kicks),
        .bytes_read = counter_get(&sum.bytes_read) - counter_get(&base->workers.bytes_read),
        .bytes_written =
            counter_get(&sum.bytes_written) - counter_get(&base->workers.bytes_written),
        .listen_disabled_count = counter_get(&s->acceptor.pauses) - base->pauses,
        .listen_disabled_us = counter_get(&s->acceptor.paused_us) - base->paused_us,
        .buffer_count = net->workers,
        .buffer_bytes = net->workers * worker_buffer_bytes(),
        .buffer_bytes_free = net->workers * worker_buffer_bytes(),
        .accepting = atomic_load_explicit(&s->acceptor.accepting, memory_order_relaxed),
        .idle_timeout_on = net->idle_timeout_s > 0,
        .reject_fast_on = net->reject_fast,
        .slab_reassign_on = compat->slab_reassign,
        .lru_crawler_on = compat->lru_crawler,
        .lru_maintainer_on = compat->lru_maintainer,
        .temp_lru_on = compat->temp_lru,
    };
    mutex_unlock(&s->base_lock);
}

static bool
show_conns(void *context, stat_emit_fn *emit, void *to)
{
    struct server *s = context;
    uint32_t listening_s = clock_now(&s->clock) - CLOCK_START_S; /* since the start, all of them */
    for (unsigned i = 0; i < s->listener_count; i++)
        if (s->listeners[i].fd >= 0)
            net_show_listener(s->listeners[i].fd, listening_s, emit, to);
    for (unsigned i = 0; i < s->worker_count; i++)
        if (!worker_show_conns(s->workers[i], emit, to))
            return false;
    return true;
}

static void
shut_down(void *context, bool graceful)
{
    (void)context;
    kill(getpid(), graceful ? SIGUSR1 : SIGINT);
}

static void
reset_figures(void *context)
{
    struct server *s = context;
    struct base_figures base = {0};
    mutex_lock(&s->base_lock);
    add_workers(s, &base.workers);
    base.rejected = counter_get(&s->acceptor.rejected);
    base.pauses = counter_get(&s->acceptor.pauses);
    base.paused_us = counter_get(&s->acceptor.paused_us);
    s->base = base;
    mutex_unlock(&s->base_lock);
}

/* ---- signals ---- */

static void
on_stop_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)events;
    if (watcher->signum == SIGUSR1)
        log_line(LOG_WARN, "Gracefully stopping"); /* memcached's words, which it says without -v, too */
    else
        log_line(LOG_INFO, "stopping on signal %d (%s)", watcher->signum,
                 strsignal(watcher->signum));
    ev_break(loop, EVBREAK_ALL);
}

static void
on_reload_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    struct server *s = watcher->data;
    if (s->auth != NULL)
        auth_reload(s->auth);
    else
        log_line(LOG_INFO, "SIGHUP: there is nothing to reload");
}

static void
watch_signals(struct server *s)
{
    ev_signal_init(&s->on_int, on_stop_signal, SIGINT);
    ev_signal_init(&s->on_term, on_stop_signal, SIGTERM);
    ev_signal_init(&s->on_usr1, on_stop_signal, SIGUSR1);
    ev_signal_init(&s->on_hup, on_reload_signal, SIGHUP);
    s->on_hup.data = s;
    ev_signal_start(s->loop, &s->on_int);
    ev_signal_start(s->loop, &s->on_term);
    ev_signal_start(s->loop, &s->on_usr1);
    ev_signal_start(s->loop, &s->on_hup);
    process_take_signals();
}

/* ---- life ---- */

/* Keys must hash differently in every process, or somebody outside could fill one bucket. */
static uint64_t
random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        return seed;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15 ^ (uint64_t)getpid();
}

static bool
create_cache(struct server *s)
{
    struct engine_config ec = s->config->engine;
    struct exec_hooks hooks = {
        .context = s,
        .libev_major = ev_version_major(),
        .libev_minor = ev_version_minor(),
        .settings = emit_settings,
        .figures = figures,
        .conns = show_conns,
        .shutdown = shut_down,
        .reset = reset_figures,
    };
    ec.hash_seed = random_seed();
    s->engine = engine_create(&ec);
    if (s->engine == NULL) {
        log_line(LOG_ERROR, "cannot reserve memory for the cache: %s", strerror(errno));
        return false;
    }
    s->exec = exec_create(s->engine, &s->clock, &s->config->exec, &hooks);
    if (s->exec == NULL)
        log_line(LOG_ERROR, "out of memory");
    else if (s->auth != NULL)
        exec_require_auth(s->exec, s->auth);
    return s->exec != NULL;
}

/* Threads inherit a mask in which every signal is for the main thread. */
static bool
start_threads(struct server *s)
{
    sigset_t all, before;
    const struct net_config *net = &s->config->net;
    s->workers = calloc(net->workers, sizeof(struct worker *));
    if (s->workers == NULL) {
        log_line(LOG_ERROR, "out of memory");
        return false;
    }
    s->context = (struct worker_context){.engine = s->engine,
                                         .exec = s->exec,
                                         .clock = &s->clock,
                                         .config = net,
                                         .workers = s->workers,
                                         .listeners = s->listeners,
                                         .listener_count = s->listener_count};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->maintenance = maintenance_start(s->engine, &s->clock);
    bool ok = s->maintenance != NULL;
    while (ok && s->worker_count < net->workers) {
        struct worker *w = worker_start(&s->context, s->worker_count);
        ok = w != NULL;
        if (ok)
            s->workers[s->worker_count++] = w;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static bool
start(struct server *s)
{
    const struct net_config *net = &s->config->net;
    clock_init(&s->clock);
    if (!spare_init(net->workers + 1, (size_t)net->conns_max + process_reserved_fds(s->config))) {
        log_line(LOG_ERROR, "no memory for the event loops: %s", strerror(errno));
        return false;
    }
    s->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (s->loop == NULL) {
        log_line(LOG_ERROR, "no event loop: %s", strerror(errno));
        return false;
    }
    watch_signals(s);
    if (!create_cache(s) || !start_threads(s))
        return false;
    s->accepting = acceptor_start(&s->acceptor, s->loop, &s->config->net, s->listeners,
                                  s->listener_count, s->workers);
    if (!s->accepting)
        log_line(LOG_ERROR, "out of memory");
    for (unsigned i = 0; s->accepting && i < s->worker_count; i++)
        worker_answer_udp(s->workers[i]);
    return s->accepting;
}

static void
stop(struct server *s)
{
    if (s->accepting)
        acceptor_stop(&s->acceptor);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_stop(s->workers[i]);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_join(s->workers[i]);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_destroy(s->workers[i]);
    free(s->workers);
    maintenance_stop(s->maintenance);
    exec_destroy(s->exec);
    engine_destroy(s->engine);
    if (s->loop != NULL)
        ev_loop_destroy(s->loop);
}

int
server_run(const struct config *c, const struct listener *listeners, unsigned count,
           struct auth *auth, struct process *process)
{
    struct server s = {
        .config = c, .listeners = listeners, .listener_count = count, .auth = auth};
    mutex_init(&s.base_lock);
    bool ok = start(&s);
    if (ok) {
        process_ready(process);
        ev_run(s.loop, 0);
    }
    stop(&s);
    mutex_fini(&s.base_lock);
    return ok ? EXIT_SUCCESS : EX_OSERR;
}

#include "maintenance.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"

/* Items looked at before the thread sleeps: about 100 us of work in 1 ms while a sweep is under way. */
#define BUDGET_ITEMS  4096
#define WORKING_MS    1

/* Between two sweeps; and how often a changed memory limit is looked for meanwhile. */
#define SWEEP_EVERY_S 30
#define RESTING_MS    100

struct maintenance {
    struct engine *engine;
    const struct clock *clock;
    struct engine_thread *engine_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wakeup;
    bool stop; /* under lock */
};

/* Sleeps, offline; true: stop. */
static bool
sleep_ms(struct maintenance *m, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000l;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    engine_offline(m->engine_thread);
    CHECK(pthread_mutex_lock(&m->lock) == 0);
    int error = 0;
    while (!m->stop && error == 0)
        error = pthread_cond_timedwait(&m->wakeup, &m->lock, &until);
    bool stop = m->stop;
    CHECK(pthread_mutex_unlock(&m->lock) == 0);
    engine_online(m->engine_thread, clock_now(m->clock));
    return stop;
}

static void *
maintain(void *arg)
{
    struct maintenance *m = arg;
    uint32_t next_sweep_s = 0;
    bool stop = false;
    while (!stop) {
        uint32_t now_s = clock_now(m->clock);
        bool sweeping = now_s >= next_sweep_s;
        if (engine_maintain(m->engine_thread, sweeping ? BUDGET_ITEMS : 0) < BUDGET_ITEMS &&
            sweeping && !engine_has_limbo(m->engine_thread))
            next_sweep_s = now_s + SWEEP_EVERY_S;
        engine_quiesce(m->engine_thread, now_s);
        bool busy = now_s >= next_sweep_s || engine_has_limbo(m->engine_thread);
        stop = sleep_ms(m, busy ? WORKING_MS : RESTING_MS);
    }
    engine_leave(m->engine_thread);
    return NULL;
}

static bool
start_thread(struct maintenance *m)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wakeup, &attr);
    pthread_condattr_destroy(&attr);
    int error = pthread_create(&m->thread, NULL, maintain, m);
    if (error != 0)
        log_line(LOG_ERROR, "no thread for maintenance: %s", strerror(error));
    else
        pthread_setname_np(m->thread, "ketch-maintain");
    return error == 0;
}

struct maintenance *
maintenance_start(struct engine *e, const struct clock *clock)
{
    struct maintenance *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->engine = e;
        m->clock = clock;
        m->engine_thread = engine_join(e, clock_now(clock));
    }
    if (m == NULL || m->engine_thread == NULL) {
        log_line(LOG_ERROR, "no memory for maintenance");
        free(m);
        return NULL;
    }
    if (!start_thread(m)) {
        engine_leave(m->engine_thread);
        free(m);
        return NULL;
    }
    return m;
}

void
maintenance_stop(struct maintenance *m)
{
    if (m == NULL)
        return;
    CHECK(pthread_mutex_lock(&m->lock) == 0);
    m->stop = true;
    pthread_cond_signal(&m->wakeup);
    CHECK(pthread_mutex_unlock(&m->lock) == 0);
    CHECK(pthread_join(m->thread, NULL) == 0);
    pthread_cond_destroy(&m->wakeup);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

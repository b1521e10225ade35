#include "maintenance.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"

/* The thread works in slices, with a quiescent point after each step, and sleeps after a slice so long that
 * it takes a small part of a core.  Looking for dead items may take 2 %: 20 ms a second are enough for some
 * 3 M items.  If it finds many it may take more, for each makes room for an item that cost the server more
 * to store; and while there is more memory in use than there should be. */
#define STEP_ITEMS   2048
#define SLICE_NS     200000
#define SHARE_PCT    2
#define PAID_PCT     25
#define LOOKS_PAID   8 /* for each dead item that they found */

/* Between two looks at the clock, when nothing is to do. */
#define RESTING_MS    100

struct maintenance {
    struct engine *engine;
    const struct clock *clock;
    struct engine_thread *engine_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wakeup;
    bool stop; /* under lock */
    uint32_t round_at_s; /* when the last round over all pages began */
    bool in_round;
    size_t looked_at;    /* in this slice */
    size_t removed;
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

static uint64_t
cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* One step of a round, or of nothing but giving memory back. */
static void
step(struct maintenance *m)
{
    size_t budget = m->in_round ? STEP_ITEMS : 0;
    size_t looked_at = engine_maintain(m->engine_thread, budget);
    if (looked_at < budget)
        m->in_round = false;
    m->looked_at += looked_at;
    m->removed += engine_removed(m->engine_thread);
    engine_quiesce(m->engine_thread, clock_now(m->clock));
}

/* How long to sleep after so much work, in ms. */
static unsigned
pause_after(const struct maintenance *m, uint64_t spent_ns)
{
    bool is_paid = m->removed * LOOKS_PAID >= m->looked_at || engine_is_too_large(m->engine);
    uint64_t pct = is_paid ? PAID_PCT : SHARE_PCT;
    uint64_t ms = spent_ns * (100 - pct) / pct / 1000000 + 1;
    return ms < RESTING_MS ? (unsigned)ms : RESTING_MS;
}

/* Works for about a slice; returns for how many ms to sleep then. */
static unsigned
slice(struct maintenance *m)
{
    /* A round each second: exptimes are no finer. */
    uint32_t now_s = clock_now(m->clock);
    if (!m->in_round && now_s != m->round_at_s) {
        m->in_round = true;
        m->round_at_s = now_s;
    }
    uint64_t start_ns = cpu_ns(), spent_ns;
    m->looked_at = m->removed = 0;
    do {
        step(m);
        spent_ns = cpu_ns() - start_ns;
    } while (m->in_round && spent_ns < SLICE_NS);
    bool busy = m->in_round || engine_has_limbo(m->engine_thread) || engine_is_too_large(m->engine);
    return busy ? pause_after(m, spent_ns) : RESTING_MS;
}

static void *
maintain(void *arg)
{
    struct maintenance *m = arg;
    while (!sleep_ms(m, slice(m)))
        ;
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

#include "crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "base/check.h"

struct member {
    struct worker worker;
    pthread_t thread;
    pthread_t main_thread;
    _Atomic bool done; /* release by the worker, acquire by main: the tally is complete */
};

struct crew {
    unsigned count;
    sigset_t signals; /* those that the main thread waits for */
    struct member members[];
};

struct crew *
crew_create(struct workload *load, const struct address *to)
{
    unsigned count = (unsigned)load->options->threads;
    struct crew *crew = buffer_alloc(1, sizeof(*crew) + count * sizeof(struct member));
    while (crew->count < count) {
        bool opened = worker_init(&crew->members[crew->count].worker, load, to, crew->count);
        crew->count++;
        if (!opened) {
            crew_destroy(crew);
            return NULL;
        }
    }
    /* Only now: an interrupt while connecting just ends the program. */
    sigemptyset(&crew->signals);
    sigaddset(&crew->signals, SIGINT);
    sigaddset(&crew->signals, SIGTERM);
    sigaddset(&crew->signals, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &crew->signals, NULL) == 0);
    return crew;
}

void
crew_destroy(struct crew *crew)
{
    if (crew == NULL)
        return;
    for (unsigned i = 0; i < crew->count; i++)
        worker_fini(&crew->members[i].worker);
    free(crew);
}

static void *
thread_main(void *arg)
{
    struct member *m = arg;
    worker_run(&m->worker);
    atomic_store_explicit(&m->done, true, memory_order_release);
    pthread_kill(m->main_thread, SIGUSR1);
    return NULL;
}

static bool
all_done(struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++)
        if (!atomic_load_explicit(&crew->members[i].done, memory_order_acquire))
            return false;
    return true;
}

static uint64_t
sum_of(const struct crew *crew, size_t counter_offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < crew->count; i++)
        sum += counter_get(
            (const counter_t *)((const char *)&crew->members[i].worker.tally + counter_offset));
    return sum;
}

struct progress {
    enum phase phase;
    uint64_t start_ns;
    uint64_t shown_ns;
    uint64_t requests; /* when last shown */
};

static void
show_progress(const struct crew *crew, struct progress *p)
{
    uint64_t now = connection_now_ns();
    uint64_t requests = sum_of(crew, offsetof(struct tally, requests));
    uint64_t misses = sum_of(crew, offsetof(struct tally, misses));
    double seconds = (double)(now - p->shown_ns) / 1e9;
    fprintf(stderr, "%s %5.0f s  %12llu requests  %10.0f /s  %llu misses\n",
            p->phase == PHASE_PRELOAD ? "preload" : "run    ", (double)(now - p->start_ns) / 1e9,
            (unsigned long long)requests, (double)(requests - p->requests) / seconds,
            (unsigned long long)misses);
    p->shown_ns = now;
    p->requests = requests;
}

/* Waits for the workers; returns whether it was interrupted. */
static bool
wait_for_end(struct crew *crew, enum phase phase, bool progress)
{
    bool interrupted = false;
    struct progress shown = {phase, connection_now_ns(), connection_now_ns(), 0};
    while (!all_done(crew)) {
        struct timespec second = {1, 0};
        int signal = sigtimedwait(&crew->signals, NULL, &second);
        if (signal == SIGINT || signal == SIGTERM) {
            interrupted = true;
            for (unsigned i = 0; i < crew->count; i++)
                worker_stop(&crew->members[i].worker);
        } else if (signal < 0 && progress) {
            show_progress(crew, &shown);
        }
    }
    return interrupted;
}

static double
own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
gather(struct crew *crew, struct crew_result *result)
{
    uint64_t start_ns = UINT64_MAX;
    uint64_t end_ns = 0;
    for (unsigned i = 0; i < crew->count; i++) {
        const struct worker *w = &crew->members[i].worker;
        tally_merge(&result->tally, &w->tally);
        start_ns = w->start_ns < start_ns ? w->start_ns : start_ns;
        end_ns = w->end_ns > end_ns ? w->end_ns : end_ns;
    }
    result->seconds = end_ns > start_ns ? (double)(end_ns - start_ns) / 1e9 : 0;
}

void
crew_run(struct crew *crew, struct workload *load, enum phase phase, struct crew_result *result)
{
    *result = (struct crew_result){0};
    double cpu_before_s = own_cpu_s();
    atomic_store_explicit(&load->cursor, 0, memory_order_relaxed);
    for (unsigned i = 0; i < crew->count; i++) {
        struct member *m = &crew->members[i];
        worker_prepare(&m->worker, load, phase);
        m->main_thread = pthread_self();
        atomic_store_explicit(&m->done, false, memory_order_relaxed);
        CHECK(pthread_create(&m->thread, NULL, thread_main, m) == 0);
    }
    result->interrupted = wait_for_end(crew, phase, load->options->progress);
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->members[i].thread, NULL);
    result->cpu_s = own_cpu_s() - cpu_before_s;
    gather(crew, result);
}

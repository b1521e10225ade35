#include <stdlib.h>
#include "client/timer.h"

#define CAPACITY_MIN 64

static void sift_up(struct timers *t, size_t i);
static void sift_down(struct timers *t, size_t i);
static void put(struct timers *t, size_t i, struct timer *timer);

bool
timers_reserve(struct timers *t)
{
    if (t->reserved + 1 >= t->capacity) {
        size_t capacity = t->capacity == 0 ? CAPACITY_MIN : t->capacity * 2;
        struct timer **heap = realloc(t->heap, capacity * sizeof(struct timer *));
        if (heap == NULL)
            return false;
        t->heap = heap;
        t->capacity = capacity;
    }
    t->reserved++;
    return true;
}

void
timers_release(struct timers *t)
{
    t->reserved--;
}

void
timer_set(struct timers *t, struct timer *timer, int64_t at_us)
{
    int64_t before = timer->at_us;
    timer->at_us = at_us;
    if (timer->place == 0) {
        put(t, ++t->count, timer);
        sift_up(t, t->count);
    } else if (at_us < before) {
        sift_up(t, timer->place);
    } else {
        sift_down(t, timer->place);
    }
}

void
timer_clear(struct timers *t, struct timer *timer)
{
    size_t i = timer->place;
    if (i == 0)
        return;
    struct timer *last = t->heap[t->count--];
    timer->place = 0;
    if (last == timer)
        return;
    put(t, i, last);
    sift_up(t, i);
    sift_down(t, last->place);
}

int64_t
timers_next(const struct timers *t)
{
    return t->count > 0 ? t->heap[1]->at_us : TIMER_NEVER;
}

struct timer *
timers_pop(struct timers *t, int64_t now_us)
{
    if (t->count == 0 || t->heap[1]->at_us > now_us)
        return NULL;
    struct timer *timer = t->heap[1];
    timer_clear(t, timer);
    return timer;
}

void
timers_fini(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}

static void
put(struct timers *t, size_t i, struct timer *timer)
{
    t->heap[i] = timer;
    timer->place = i;
}

static void
sift_up(struct timers *t, size_t i)
{
    struct timer *timer = t->heap[i];
    for (; i > 1 && t->heap[i / 2]->at_us > timer->at_us; i /= 2)
        put(t, i, t->heap[i / 2]);
    put(t, i, timer);
}

static void
sift_down(struct timers *t, size_t i)
{
    struct timer *timer = t->heap[i];
    for (size_t child; (child = 2 * i) <= t->count; i = child) {
        if (child < t->count && t->heap[child + 1]->at_us < t->heap[child]->at_us)
            child++;
        if (t->heap[child]->at_us >= timer->at_us)
            break;
        put(t, i, t->heap[child]);
    }
    put(t, i, timer);
}

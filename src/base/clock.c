#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t
monotonic_s(void)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_MONOTONIC_COARSE, &ts) == 0);
    return ts.tv_sec;
}

void
clock_init(struct clock *c)
{
    c->zero_unix_s = (int64_t)time(NULL) - CLOCK_START_S;
    c->zero_monotonic_s = monotonic_s() - CLOCK_START_S;
    atomic_init(&c->shift_s, 0);
    atomic_init(&c->paused_s, 0);
}

uint32_t
clock_now(const struct clock *c)
{
    int64_t paused_s = atomic_load_explicit(&((struct clock *)c)->paused_s, memory_order_relaxed);
    int64_t now_s = paused_s != 0 ? paused_s : monotonic_s() - c->zero_monotonic_s;
    now_s += atomic_load_explicit(&((struct clock *)c)->shift_s, memory_order_relaxed);
    return now_s < CLOCK_START_S ? CLOCK_START_S : (uint32_t)now_s;
}

int64_t
clock_to_unix(const struct clock *c, uint32_t now_s)
{
    return c->zero_unix_s + now_s;
}

void
clock_shift(struct clock *c, int64_t seconds)
{
    atomic_fetch_add_explicit(&c->shift_s, seconds, memory_order_relaxed);
}

void
clock_pause(struct clock *c)
{
    int64_t running = 0;
    atomic_compare_exchange_strong(&c->paused_s, &running, monotonic_s() - c->zero_monotonic_s);
}

void
clock_resume(struct clock *c)
{
    int64_t paused_s = atomic_exchange(&c->paused_s, 0);
    if (paused_s != 0)
        clock_shift(c, paused_s - (monotonic_s() - c->zero_monotonic_s));
}

uint64_t
clock_monotonic_us(void)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint32_t
clock_monotonic_ms(void)
{
    return (uint32_t)(clock_monotonic_us() / 1000) | 1;
}

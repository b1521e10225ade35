#include "net/want.h"

static uint32_t
waited_ms(const struct want *w, uint32_t now_ms)
{
    return w->waits ? now_ms - w->since_ms : 0;
}

void
want_begin(struct want *w, bool did_some, uint32_t now_ms)
{
    if (w->waits && !did_some)
        return;
    *w = (struct want){.waits = true, .since_ms = now_ms};
}

bool
want_may_give_up(const struct want *w, const struct relief_age *age, uint32_t now_ms)
{
    return waited_ms(w, now_ms) >= WANT_HOLDING_MS && age->closed_ms >= WANT_CLOSED_MS;
}

/* Who keeps memory has been moving within WANT_HOLDING_MS when nobody gave up any for so long. */
bool
want_is_over(const struct want *w, bool holds, const struct relief_age *age, uint32_t now_ms)
{
    uint32_t ms = waited_ms(w, now_ms);
    if (w->gives_up || ms >= WANT_MAX_MS)
        return true;
    return !holds && ms >= WANT_MS && age->closed_ms >= WANT_HOLDING_MS &&
           age->gave_up_ms >= WANT_HOLDING_MS;
}

/* Relaxed: a time, that nothing else is read by. */
void
relief_note_closed(struct relief *r, uint32_t now_ms)
{
    atomic_store_explicit(&r->closed_ms, now_ms, memory_order_relaxed);
}

void
relief_note_gave_up(struct relief *r, uint32_t now_ms)
{
    atomic_store_explicit(&r->gave_up_ms, now_ms, memory_order_relaxed);
}

/* A time that is later by so little was noted by another thread after we had looked at the clock; by more,
 * it is weeks old, for the clock comes round. */
#define AHEAD_MS_MAX 1000

/* 0 is never. */
static uint32_t
least_age(uint32_t least_ms, const _Atomic uint32_t *at, uint32_t now_ms)
{
    uint32_t at_ms = atomic_load_explicit((_Atomic uint32_t *)at, memory_order_relaxed);
    if (at_ms == 0)
        return least_ms;
    uint32_t age_ms = at_ms - now_ms <= AHEAD_MS_MAX ? 0 : now_ms - at_ms;
    return age_ms < least_ms ? age_ms : least_ms;
}

void
relief_add_age(struct relief_age *age, const struct relief *r, uint32_t now_ms)
{
    age->closed_ms = least_age(age->closed_ms, &r->closed_ms, now_ms);
    age->gave_up_ms = least_age(age->gave_up_ms, &r->gave_up_ms, now_ms);
}

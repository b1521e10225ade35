#include "ring/table.h"

#include <stdlib.h>

/* Each point fills this many slots at once, more than it mostly has: the next overwrites the rest. */
enum { RUN = 8 };

/* ---- points ---- */

static uint32_t
place_of(uint64_t packed)
{
    return (uint32_t)(packed >> 32);
}

/* Of points at one place, one.  Returns how many are left. */
static uint32_t
unpack(const uint64_t *sorted, size_t count, bool last_wins, struct point *points)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool same = kept > 0 && points[kept - 1].at == place_of(sorted[i]);
        if (same && !last_wins)
            continue;
        kept -= same;
        points[kept++] = (struct point){place_of(sorted[i]), (uint32_t)sorted[i]};
    }
    return kept;
}

/* Gives each server the hashes from its points up instead of those below, by moving every point to
 * just below the next.  There is room for one point more, which is needed if hashes below the first
 * point are to belong to the last.  Returns how many points there are now. */
static uint32_t
turn_round(struct point *points, uint32_t count)
{
    uint32_t last = points[count - 1].server;
    if (points[0].at == 0) {
        for (uint32_t i = 0; i + 1 < count; i++)
            points[i].at = points[i + 1].at - 1;
        points[count - 1].at = UINT32_MAX;
        return count;
    }
    points[count] = (struct point){UINT32_MAX, last};
    for (uint32_t i = count - 1; i > 0; i--)
        points[i] = (struct point){points[i].at - 1, points[i - 1].server};
    points[0] = (struct point){points[0].at - 1, last};
    return count + 1;
}

/* ---- slots ---- */

static uint32_t
bits_of(uint64_t n)
{
    return n == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(n);
}

/* How many bits of a hash choose a slot: 4 to 8 slots a point where the slots stay in a cache close to
 * the processor, fewer where they would not, and where a few points more to look at cost less. */
static uint32_t
slot_bits(uint32_t count)
{
    uint32_t bits = bits_of(count - 1);
    if (bits <= 15)
        return bits + 2;
    if (bits <= 17)
        return bits + 1;
    return bits <= 22 ? bits : bits - 1;
}

static void
fill_narrow(const struct table *t, uint16_t *slots)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t end = t->points[i].at >> t->shift;
        if (slot > end)
            continue;
        for (int k = 0; k < RUN; k++)
            slots[slot + k] = (uint16_t)i;
        for (slot += RUN; slot <= end; slot++)
            slots[slot] = (uint16_t)i;
        slot = end + 1;
    }
}

static void
fill_wide(const struct table *t, uint32_t *slots)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t end = t->points[i].at >> t->shift;
        while (slot <= end)
            slots[slot++] = i;
    }
}

static bool
make_slots(struct table *t)
{
    uint32_t width = bits_of(t->last), bits = slot_bits(t->count);
    t->shift = width > bits ? width - bits : 0;
    size_t slots = (size_t)(t->last >> t->shift) + 1 + RUN;
    if (t->count <= UINT16_MAX) {
        uint16_t *narrow = malloc(slots * sizeof(*narrow));
        t->narrow = narrow;
        if (narrow != NULL)
            fill_narrow(t, narrow);
        return narrow != NULL;
    }
    uint32_t *wide = malloc(slots * sizeof(*wide));
    t->wide = wide;
    if (wide != NULL)
        fill_wide(t, wide);
    return wide != NULL;
}

bool
table_init(struct table *t, const uint64_t *sorted, size_t count, bool last_wins, bool predecessor)
{
    *t = (struct table){.count = 0};
    if (count == 0)
        return true;
    struct point *points = malloc((count + 1) * sizeof(*points));
    if (points == NULL)
        return false;
    t->points = points;
    t->count = unpack(sorted, count, last_wins, points);
    if (predecessor)
        t->count = turn_round(points, t->count);
    t->last = points[t->count - 1].at;
    if (make_slots(t))
        return true;
    table_fini(t);
    return false;
}

void
table_fini(struct table *t)
{
    free((void *)t->points);
    free((void *)t->narrow);
    free((void *)t->wide);
    *t = (struct table){.count = 0};
}

const struct point *
table_search(const struct table *t, const struct point *from, uint32_t hash)
{
    enum { NEAR = 6 }; /* points to look at one by one, before the rest of the ring is halved */
    for (int i = 0; i < NEAR; i++, from++)
        if (from->at >= hash)
            return from;
    const struct point *low = from, *high = t->points + t->count - 1;
    while (low < high) {
        const struct point *middle = low + (high - low) / 2;
        if (middle->at >= hash)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void
table_parts(const struct table *t, uint32_t hash_max, uint64_t *parts)
{
    uint64_t from = 0, end = (uint64_t)hash_max + 1;
    for (uint32_t i = 0; i < t->count && from < end; i++) {
        uint64_t next = (uint64_t)t->points[i].at + 1;
        parts[t->points[i].server] += (next < end ? next : end) - from;
        from = next;
    }
    if (t->count > 0 && from < end)
        parts[t->points[0].server] += end - from;
}

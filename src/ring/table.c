#include "ring/table.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Each point fills this many slots at once, more than it mostly has: the next overwrites the rest. */
enum { RUN = 4 };

/* A huge page: what is at least as large is asked for in such pages, as most of the time that a large
 * ring takes is that of page faults. */
enum { HUGE_BYTES = 2 << 20 };

/* ---- points ---- */

point *
table_room(size_t count)
{
    /* One more, which turn_round() may need, and one before. */
    size_t bytes = (1 + count + 1 + TABLE_GUARDS) * sizeof(point);
    point *block;
    if (bytes < HUGE_BYTES) {
        block = malloc(bytes);
    } else {
        size_t whole = (bytes + HUGE_BYTES - 1) & ~(size_t)(HUGE_BYTES - 1);
        block = aligned_alloc(HUGE_BYTES, whole);
        if (block != NULL)
            (void)madvise(block, whole, MADV_HUGEPAGE); /* only a wish */
    }
    return block != NULL ? block + 1 : NULL;
}

void
table_free_room(point *points)
{
    if (points != NULL)
        free(points - 1);
}

/* Of points at one place, one.  Returns how many are left. */
static uint32_t
thin_out(point *points, size_t count, bool last_wins)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        point p = points[i];
        bool same = kept > 0 && point_at(points[kept - 1]) == point_at(p);
        if (same && !last_wins)
            continue;
        kept -= same;
        points[kept++] = p;
    }
    return kept;
}

/* Gives each server the hashes from its points up instead of those below, by moving every point to
 * just below the next.  There is room for one point more, which is needed if hashes below the first
 * point are to belong to the last.  Returns how many points there are now. */
static uint32_t
turn_round(point *points, uint32_t count)
{
    uint32_t last = point_server(points[count - 1]), first_at = point_at(points[0]);
    if (first_at == 0) {
        for (uint32_t i = 0; i + 1 < count; i++)
            points[i] = point_make(point_at(points[i + 1]) - 1, point_server(points[i]));
        points[count - 1] = point_make(UINT32_MAX, last);
        return count;
    }
    points[count] = point_make(UINT32_MAX, last);
    for (uint32_t i = count - 1; i > 0; i--)
        points[i] = point_make(point_at(points[i]) - 1, point_server(points[i - 1]));
    points[0] = point_make(first_at - 1, last);
    return count + 1;
}

/* ---- slots ---- */

static uint32_t
bits_of(uint64_t n)
{
    return n == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(n);
}

/* How many bits of a hash choose a slot: one to two slots a point while the slots stay in a cache close
 * to the processor, half as many where they would not.  At least one, as no number of 32 bits can be
 * shifted by 32. */
static uint32_t
slot_bits(uint32_t count)
{
    uint32_t bits = bits_of(count - 1);
    if (bits == 0)
        return 1;
    return bits <= 17 ? bits : bits - 1;
}

static void
fill_narrow(const struct table *t, uint16_t *slots)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t end = point_at(t->points[i]) >> t->shift;
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
        uint32_t end = point_at(t->points[i]) >> t->shift;
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
table_init(struct table *t, point *points, size_t count, bool last_wins, enum table_rule rule)
{
    *t = (struct table){.points = points, .nearest = rule == TABLE_NEAREST};
    if (count == 0)
        return true;
    t->count = thin_out(points, count, last_wins);
    if (rule == TABLE_FROM)
        t->count = turn_round(points, t->count);
    t->last = point_at(points[t->count - 1]);
    points[-1] = points[t->count - 1];
    for (int i = 0; i < TABLE_GUARDS; i++)
        points[t->count + (uint32_t)i] = UINT64_MAX;
    if (make_slots(t))
        return true;
    table_fini(t);
    return false;
}

void
table_fini(struct table *t)
{
    table_free_room(t->points);
    free((void *)t->narrow);
    free((void *)t->wide);
    *t = (struct table){.count = 0};
}

uint32_t
table_search(const struct table *t, uint32_t from, uint32_t hash)
{
    const point key = point_make(hash, 0);
    uint32_t low = from, step = TABLE_GUARDS;
    /* Ever wider steps, and then halves of the last: close points are found soon, and all soon enough. */
    while (low + step < t->count && t->points[low + step] < key) {
        low += step;
        step *= 2;
    }
    uint32_t high = low + step < t->count ? low + step : t->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->points[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last of the hashes between two places that are closer to the lower one. */
static uint64_t
middle(uint64_t low, uint64_t high)
{
    return low + (high - low - 1) / 2;
}

static uint32_t
nearest_stretch(const struct table *t, uint32_t k, uint32_t *server)
{
    /* The last point's hashes go on where numbers begin again, or the first one's begin before. */
    uint64_t seam = middle(t->last, (1ull << 32) + point_at(t->points[0]));
    bool beyond = seam > UINT32_MAX;
    if (beyond && k == 0) {
        *server = point_server(t->points[t->count - 1]);
        return (uint32_t)seam;
    }
    uint32_t i = k - beyond;
    *server = point_server(t->points[i < t->count ? i : 0]);
    if (i + 1 < t->count)
        return (uint32_t)middle(point_at(t->points[i]), point_at(t->points[i + 1]));
    return i < t->count && !beyond ? (uint32_t)seam : UINT32_MAX;
}

uint32_t
table_stretch(const struct table *t, uint32_t k, uint32_t *server)
{
    if (t->nearest)
        return nearest_stretch(t, k, server);
    *server = point_server(t->points[k < t->count ? k : 0]);
    return k < t->count ? point_at(t->points[k]) : UINT32_MAX;
}

void
table_parts(const struct table *t, uint32_t hash_max, uint64_t *parts)
{
    uint64_t from = 0;
    for (uint32_t k = 0; t->count > 0 && from <= hash_max; k++) {
        uint32_t server, end = table_stretch(t, k, &server);
        if (end > hash_max)
            end = hash_max;
        if (end >= from)
            parts[server] += (uint64_t)end + 1 - from;
        from = (uint64_t)end + 1;
    }
}

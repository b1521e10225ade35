#include <ketch/ring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring/ring.h"

/* Keys that stand for all, where owners cannot be computed: one in a thousand more or less is noise. */
enum { SAMPLE = 262144, SAMPLE_BATCH = 64, SAMPLE_KEY_BYTES = 16 };

/* A server of either ring. */
struct member {
    const struct identity *identity;
    uint32_t *number;
};

/* Numbers for the servers of two rings: equal ones for equal servers. */
struct numbers {
    uint32_t *a, *b; /* by id */
};

static int
by_identity(const void *pa, const void *pb)
{
    const struct member *a = pa, *b = pb;
    return identity_compare(a->identity, b->identity);
}

static size_t
gather(const struct ketch_ring *ring, uint32_t *numbers, struct member *members)
{
    size_t count = 0;
    for (uint32_t i = 0; i < ring->server_count; i++)
        if (ring->servers[i].identity != NULL)
            members[count++] = (struct member){ring->servers[i].identity, &numbers[i]};
    return count;
}

static bool
numbers_init(struct numbers *n, const struct ketch_ring *a, const struct ketch_ring *b)
{
    size_t ids = (size_t)a->server_count + b->server_count;
    struct member *members = malloc((ids + 1) * sizeof(*members));
    n->a = calloc(ids + 1, sizeof(*n->a));
    n->b = n->a != NULL ? n->a + a->server_count : NULL;
    if (members == NULL || n->a == NULL) {
        free(members);
        free(n->a);
        return false;
    }
    size_t count = gather(a, n->a, members);
    count += gather(b, n->b, members + count);
    qsort(members, count, sizeof(*members), by_identity);
    for (size_t i = 0; i < count; i++)
        *members[i].number = i > 0 && by_identity(&members[i - 1], &members[i]) == 0
                                 ? *members[i - 1].number
                                 : (uint32_t)i;
    free(members);
    return true;
}

static void
numbers_fini(struct numbers *n)
{
    free(n->a);
}

/* Whether both rings see the same number in a key, and look for a point with it. */
static bool
hash_alike(const struct ketch_ring *a, const struct ketch_ring *b)
{
    const struct ketch_ring_conf *x = &a->conf, *y = &b->conf;
    return a->on_points && b->on_points && a->hasher.hash == b->hasher.hash &&
           a->hasher.mask == b->hasher.mask && a->hasher.least == b->hasher.least &&
           x->filter == y->filter && x->text == y->text &&
           strcmp(x->filter_text, y->filter_text) == 0 && strcmp(x->prefix, y->prefix) == 0 &&
           (x->prefix[0] == '\0' || x->prefix_limit_bytes == y->prefix_limit_bytes);
}

/* ---- computed ---- */

/* Where a walk along all hashes is in one of the rings. */
struct place {
    const struct table *table;
    uint32_t stretch, server, end;
};

static void
place_move_to(struct place *p, uint64_t hash)
{
    while (p->end < hash)
        p->end = table_stretch(p->table, ++p->stretch, &p->server);
}

static void
place_init(struct place *p, const struct table *table)
{
    p->table = table;
    p->stretch = 0;
    p->end = table_stretch(table, 0, &p->server);
}

static double
computed(const struct ketch_ring *a, const struct ketch_ring *b, const struct numbers *n)
{
    const uint64_t max = hasher_max(&a->hasher);
    uint64_t moved = 0;
    struct place in_a, in_b;
    place_init(&in_a, &a->table);
    place_init(&in_b, &b->table);
    for (uint64_t from = 0; from <= max;) {
        place_move_to(&in_a, from);
        place_move_to(&in_b, from);
        uint64_t end = in_a.end < in_b.end ? in_a.end : in_b.end;
        if (end > max)
            end = max;
        if (n->a[in_a.server] != n->b[in_b.server])
            moved += end + 1 - from;
        from = end + 1;
    }
    return (double)moved / ((double)max + 1);
}

/* ---- counted ---- */

static double
counted(const struct ketch_ring *a, const struct ketch_ring *b, const struct numbers *n)
{
    char keys[SAMPLE_BATCH][SAMPLE_KEY_BYTES];
    struct ketch_bytes views[SAMPLE_BATCH];
    uint32_t in_a[SAMPLE_BATCH], in_b[SAMPLE_BATCH], moved = 0;
    for (unsigned first = 0; first < SAMPLE; first += SAMPLE_BATCH) {
        for (unsigned i = 0; i < SAMPLE_BATCH; i++)
            views[i] = (struct ketch_bytes){
                keys[i], (size_t)snprintf(keys[i], sizeof(keys[i]), "key:%u", first + i)};
        ketch_ring_pick_many(a, views, SAMPLE_BATCH, in_a);
        ketch_ring_pick_many(b, views, SAMPLE_BATCH, in_b);
        for (unsigned i = 0; i < SAMPLE_BATCH; i++)
            moved += n->a[in_a[i]] != n->b[in_b[i]];
    }
    return (double)moved / SAMPLE;
}

enum ketch_status
ketch_ring_diff(const struct ketch_ring *a, const struct ketch_ring *b, double *moved)
{
    *moved = a->empty && b->empty ? 0 : 1;
    if (a->empty || b->empty)
        return KETCH_OK;
    struct numbers n;
    if (!numbers_init(&n, a, b))
        return KETCH_NO_MEMORY;
    *moved = hash_alike(a, b) ? computed(a, b, &n) : counted(a, b, &n);
    numbers_fini(&n);
    return KETCH_OK;
}

#include "engine/ghost.h"

#define FINGERPRINT_BITS 16
#define EVERY(bits)      (UINT64_C(0x0001000100010001) * (bits))

void
ghost_init(struct ghost *g, struct arena *a)
{
    memset(g, 0, sizeof *g);
    g->arena = a;
    g->sets = (struct ghost_set *)a->ghost;
    mutex_init(&g->grow_lock);
}

void
ghost_fini(struct ghost *g)
{
    mutex_fini(&g->grow_lock);
}

/* Never 0.  The index's tags are the same bits: nobody compares the two. */
static uint64_t
fingerprint_of(uint64_t hash)
{
    uint64_t bits = hash >> (64 - FINGERPRINT_BITS);
    return bits != 0 ? bits : 1;
}

/* NULL: there are no sets yet. */
static struct ghost_set *
set_of(const struct ghost *g, uint64_t hash)
{
    uint64_t count = atomic_load_explicit(&((struct ghost *)g)->set_count, memory_order_relaxed);
    if (count == 0)
        return NULL;
    uint64_t mask = count > 1 ? UINT64_MAX >> __builtin_clzll(count - 1) : 0;
    uint64_t n = hash & (UINT64_MAX >> FINGERPRINT_BITS) & mask;
    return &g->sets[n < count ? n : n & (mask >> 1)];
}

void
ghost_add(struct ghost *g, uint64_t hash)
{
    struct ghost_set *set = set_of(g, hash);
    if (set == NULL)
        return;
    uint64_t carry = fingerprint_of(hash);
    for (unsigned i = 0; i < GHOST_SET_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&set->words[i], memory_order_relaxed);
        atomic_store_explicit(&set->words[i], word << FINGERPRINT_BITS | carry,
                              memory_order_relaxed);
        carry = word >> (64 - FINGERPRINT_BITS);
    }
}

bool
ghost_has(const struct ghost *g, uint64_t hash)
{
    struct ghost_set *set = set_of(g, hash);
    if (set == NULL)
        return false;
    uint64_t found = 0, wanted = EVERY(fingerprint_of(hash));
    for (unsigned i = 0; i < GHOST_SET_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&set->words[i], memory_order_relaxed) ^ wanted;
        /* Not 0 if any 16 bits are all zero.  (Mycroft 1987) */
        found |= (word - EVERY(1)) & ~word & EVERY(0x8000);
    }
    return found != 0;
}

void
ghost_prefetch(const struct ghost *g, uint64_t hash)
{
    struct ghost_set *set = set_of(g, hash);
    if (set != NULL)
        __builtin_prefetch(set);
}

static bool
extend(struct ghost *g) REQUIRES(g->grow_lock)
{
    uint64_t page_bytes = 1ull << g->arena->page_shift;
    if (g->capacity * sizeof(struct ghost_set) + page_bytes > g->arena->ghost_bytes_max ||
        !arena_take_index_page(g->arena))
        return false;
    g->capacity += page_bytes / sizeof(struct ghost_set);
    return true;
}

void
ghost_grow(struct ghost *g, uint64_t items)
{
    uint64_t wanted = items / GHOST_ITEMS_PER_SET + 1;
    if (LIKELY(wanted <= atomic_load_explicit(&g->set_count, memory_order_relaxed)))
        return;
    mutex_lock(&g->grow_lock);
    if (wanted > g->capacity && !extend(g))
        wanted = g->capacity;
    if (wanted > g->capacity)
        wanted = g->capacity;
    if (wanted > atomic_load_explicit(&g->set_count, memory_order_relaxed))
        atomic_store_explicit(&g->set_count, wanted, memory_order_relaxed);
    mutex_unlock(&g->grow_lock);
}

uint64_t
ghost_bytes(struct ghost *g)
{
    mutex_lock(&g->grow_lock);
    uint64_t bytes = g->capacity * sizeof(struct ghost_set);
    mutex_unlock(&g->grow_lock);
    return bytes;
}

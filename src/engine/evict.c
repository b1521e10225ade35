/* evict.c - whose memory is used again.
 *
 * Each class is swept by a CLOCK hand in address order: a page at a time, and within it chunk by
 * chunk.  What was hit since the hand last passed loses one count of its frequency and stays; what was
 * not goes; what is dead goes at once.
 *
 * A value in several chunks is one item: a hand that meets a piece of it judges the whole, and only its
 * first piece costs it a count, so that a large value ages as fast as a small one.
 *
 * Unlinking makes no memory free by itself: that happens at a quiescent point.  So a little is evicted
 * ahead of need, and what could not wait is told ENGINE_AGAIN.
 *
 * A class that has nothing to evict is given a page of the class that has most: see evict_page().  A
 * class that evicts sooner than others is given pages of these: see balance.c.
 */
#include "engine/state.h"

#include "base/check.h"

/* Chunks looked at for one victim; after that the next one goes, however often it was hit: looked for in
 * as many again.  A store never does more than this much work for another. */
#define VISITS_MAX 128

/* Without eviction only dead items are looked for, and not for long. */
#define VISITS_FOR_DEAD 64

/* Pages of a donor that are tried: one may hold uploads. */
#define PAGES_TRIED 16

static enum item_state
kind_of(const struct item *chunk)
{
    return item_state(chunk) & ITEM_KIND;
}

/* The chunk at the hand, which moves on.  NULL: the page has none. */
static struct item *
next_chunk(struct slabs *s, struct slab_class *c)
{
    if (c->hand_chunk >= s->pages[c->hand_page].carved) {
        s->pages[c->hand_page].judged_turn = slab_next_turn(s);
        c->hand_page = s->pages[c->hand_page].next;
        c->hand_chunk = 0;
    }
    if (s->pages[c->hand_page].carved == 0)
        return NULL;
    return slab_chunk(s, c, c->hand_page, c->hand_chunk++);
}

/* The class's lock keeps a piece, and therefore its owner, from being freed. */
struct item *
item_of_chunk(const struct engine *e, struct item *chunk)
{
    enum item_state kind = kind_of(chunk);
    if (kind == ITEM_LINKED)
        return chunk;
    if (kind != ITEM_BODY)
        return NULL;
    struct item *owner = item_at(e, ((struct item_body *)chunk)->owner);
    return kind_of(owner) == ITEM_LINKED ? owner : NULL;
}

static bool
costs_a_count(const struct engine *e, const struct item *chunk, const struct item *it)
{
    return chunk == it || item_chain(it)->first == arena_ref(&e->arena, chunk);
}

/* Was 'it' hit since the hand's last pass?  Takes one count off. */
static bool
second_chance(const struct engine *e, const struct item *chunk, struct item *it)
{
    uint8_t hit = atomic_load_explicit(&it->hit, memory_order_relaxed);
    if ((hit & ITEM_FREQ_MAX) == 0)
        return false;
    if (costs_a_count(e, chunk, it))
        atomic_store_explicit(&it->hit, hit - 1, memory_order_relaxed);
    return true;
}

static bool
evict_one(struct engine_thread *t, struct slab_class *c) REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    unsigned chances = e->config.evict ? VISITS_MAX : VISITS_FOR_DEAD;
    uint64_t chunks = (uint64_t)c->page_count * c->chunks_per_page;
    /* So many visits take the last count of everything in a small class, if it has heads. */
    if (chances > (ITEM_FREQ_MAX + 1) * chunks)
        chances = (unsigned)((ITEM_FREQ_MAX + 1) * chunks);
    unsigned visits = e->config.evict ? 2 * chances : chances;
    for (unsigned i = 0; i < visits; i++) {
        struct item *chunk = next_chunk(&e->slabs, c);
        struct item *it = chunk != NULL ? item_of_chunk(e, chunk) : NULL;
        if (it == NULL)
            continue;
        bool dead = item_is_dead(e, it, t->now_s);
        if (!dead && (!e->config.evict || (i < chances && second_chance(e, chunk, it))))
            continue;
        if (!item_unlink(t, it, dead ? LEAVE_EXPIRED : LEAVE_EVICTED))
            continue;
        c->evicted += !dead;
        return true;
    }
    return false;
}

/* Has a page's worth been evicted since this was last true? */
static bool
is_time_to_balance(struct slab_class *c) REQUIRES(c->lock)
{
    if (c->evicted < c->chunks_per_page)
        return false;
    c->evicted = 0;
    return true;
}

bool
evict_chunks(struct engine_thread *t, unsigned class_id, unsigned count)
{
    struct slab_class *c = slab_class(&t->engine->slabs, class_id);
    unsigned done = 0;
    mutex_lock(&c->lock);
    while (done < count && c->pages != 0 && epoch_limbo_room(&t->epoch) > 0 && evict_one(t, c))
        done++;
    bool unbalanced = is_time_to_balance(c);
    mutex_unlock(&c->lock);
    if (unbalanced)
        balance(t, class_id);
    return done > 0;
}

/* ---- taking a page from another class ---- */

static bool
can_be_emptied(const struct engine *e, struct slab_class *c, page_no no)
{
    for (uint32_t n = 0; n < e->slabs.pages[no].carved; n++) {
        struct item *chunk = slab_chunk(&e->slabs, c, no, n);
        enum item_state kind = kind_of(chunk);
        if (kind == ITEM_BODY)
            kind = kind_of(item_at(e, ((struct item_body *)chunk)->owner));
        if (kind == ITEM_RESERVED)
            return false;
    }
    return true;
}

static void
empty_page(struct engine_thread *t, struct slab_class *c, page_no no) REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    for (uint32_t n = 0; n < e->slabs.pages[no].carved; n++) {
        struct item *it = item_of_chunk(e, slab_chunk(&e->slabs, c, no, n));
        if (it != NULL)
            item_unlink(t, it, item_is_dead(e, it, t->now_s) ? LEAVE_EXPIRED : LEAVE_EVICTED);
    }
    slab_drain_locked(&e->slabs, c, no);
    counter_add(&t->counters.pages_moved, 1);
}

/* The hand is about to judge this page: everything in it has been there longest unjudged. */
static bool
empty_a_page_of(struct engine_thread *t, struct slab_class *c) REQUIRES(c->lock)
{
    page_no no = c->hand_page;
    for (unsigned i = 0; no != 0 && i < PAGES_TRIED && i < c->page_count; i++) {
        if (can_be_emptied(t->engine, c, no)) {
            empty_page(t, c, no);
            return true;
        }
        no = t->engine->slabs.pages[no].next;
    }
    return false;
}

/* Tries the classes by falling number of pages.  Sorting them is not worth it: mostly the first one can
 * give.  'tried' says which ones could not. */
static unsigned
largest_class(struct engine *e, const bool *tried)
{
    unsigned best = 0;
    uint32_t pages = 0;
    for (unsigned id = 1; id <= e->slabs.class_count; id++) {
        struct slab_class *c = slab_class(&e->slabs, id);
        if (tried[id])
            continue;
        mutex_lock(&c->lock);
        uint32_t count = c->page_count;
        mutex_unlock(&c->lock);
        if (count > pages) {
            best = id;
            pages = count;
        }
    }
    return best;
}

bool
evict_page_of(struct engine_thread *t, unsigned class_id)
{
    struct engine *e = t->engine;
    if (epoch_limbo_room(&t->epoch) < slab_class(&e->slabs, 1)->chunks_per_page)
        return false; /* the page of the smallest chunks might not fit into the limbo */
    struct slab_class *c = slab_class(&e->slabs, class_id);
    mutex_lock(&c->lock);
    bool done = empty_a_page_of(t, c);
    mutex_unlock(&c->lock);
    return done;
}

bool
evict_page(struct engine_thread *t, unsigned for_class_id)
{
    bool tried[SLAB_CLASSES_MAX + 1] = {false};
    unsigned id;
    tried[for_class_id] = true;
    while ((id = largest_class(t->engine, tried)) != 0) {
        if (evict_page_of(t, id))
            return true;
        tried[id] = true;
    }
    return false;
}

bool
engine_give_up_page(struct engine_thread *t, unsigned class_id)
{
    if (class_id == 0)
        return evict_page(t, 0);
    struct slab_class *c = slab_class(&t->engine->slabs, class_id);
    mutex_lock(&c->lock);
    bool spare = c->page_count > 1;
    mutex_unlock(&c->lock);
    return spare && evict_page_of(t, class_id);
}

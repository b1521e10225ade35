/* move.c - a page is taken from its class: what is in use is copied to other chunks of the class,
 * the rest is evicted, and when nobody holds any of it any more the page is the arena's again.
 *
 *     page 12, leaving:   | cold | hot | free | cold | hot | upload? then another page is taken
 *                            |      |            |      |
 *                         evicted   '--> a free chunk of the class, in any other page
 *
 * If the class has free chunks for all that is alive in the page, the cold is copied, too.
 *
 * Of a few pages the one with the least in use is taken.  Where somebody uploads, or keeps a large
 * value for a client that reads slowly, the page could not be emptied: such a page is passed over.
 *
 * A copy is the item as it was, with cas unique, generation, token and exptime; who was about to
 * change the old one finds it gone, and the new one in its place.  The hits it counted are one
 * less, as if the hand had passed: who is moved again and again without being used goes in the end.
 * When no chunk is free, others of the class are evicted, and the work goes on at the thread's next
 * quiescent point. Pieces of large values do not move: the value would have to be made anew; they
 * are evicted.
 *
 * A sweep that is under way may miss an item that moves.  That is no harm: only what is alive is
 * copied, under the lock of the class, which the sweep takes for each of its steps, too.  So a
 * sweep that has passed the copy's chunk began when the copy's generation was begun already, and
 * need not see it (sweep.c).
 */
#include "engine/state.h"

#include "base/check.h"

/* Pages of which the best is taken: the next ones at the hand, and some from anywhere, for what is
 * in use may lie together.  And chunks of each that are looked at, to see how good it is. */
#define PAGES_SAMPLED      8
#define PAGES_AT_HAND      4
#define RANDOM_PAGES_TRIED 16
#define CHUNKS_SAMPLED     16

/* Chunks emptied at a time: a page of small chunks takes several quiescent points. */
#define STEP_CHUNKS 256

/* Batches evicted at a time for copies to go to; in all as much as the page holds. */
#define ROOM_BATCHES 4

/* What is looked at counts a hit less, but not before so large a part of the cache has been filled
 * since it was looked at, or the page was new. */
#define SAMPLE_PART 4

/* ---- which page ---- */

/* Does somebody hold the chunk across quiescent points? */
static bool
is_held(const struct engine *e, struct item *chunk)
{
    struct item *it = chunk;
    if (item_kind(chunk) == ITEM_BODY)
        it = item_at(e, ((struct item_body *)chunk)->owner);
    if (item_kind(it) == ITEM_FREE)
        return false;
    return item_kind(it) == ITEM_RESERVED || (item_is_chained(it) && item_is_pinned(it));
}

static bool
can_be_emptied(const struct engine *e, const struct slab_class *c, page_no no)
{
    for (uint32_t n = 0; n < e->slabs.pages[no].carved; n++)
        if (is_held(e, slab_chunk(&e->slabs, c, no, n)))
            return false;
    return true;
}

struct sample {
    page_no page;
    uint32_t live, hot, looked_at;
};

/* Would the hand pass over it? */
static bool
is_hot(const struct engine *e, const struct item *it)
{
    return item_freq(it) >= (item_is_on_probation(it) ? e->config.promote_hits : 1);
}

/* Has so much been stored since the page was last looked at that hits should have come? */
static bool
is_time_to_cool(struct engine *e, page_no no)
{
    struct page *page = &e->slabs.pages[no];
    uint64_t now = slab_turn(&e->slabs);
    if (now - page->cooled_turn < (e->config.limit_bytes >> e->arena.page_shift) / SAMPLE_PART)
        return false;
    page->cooled_turn = now;
    return true;
}

static struct sample
sample_page(struct engine_thread *t, const struct slab_class *c, page_no no)
{
    struct engine *e = t->engine;
    bool cools = is_time_to_cool(e, no);
    uint32_t carved = e->slabs.pages[no].carved;
    uint32_t step = carved / CHUNKS_SAMPLED + 1;
    struct sample s = {.page = no};
    for (uint32_t n = 0; n < carved; n += step) {
        struct item *it = item_of_chunk(e, slab_chunk(&e->slabs, c, no, n));
        s.looked_at++;
        if (it == NULL || item_is_dead(e, it, t->now_s))
            continue;
        s.live++;
        s.hot += is_hot(e, it);
        if (cools && is_hot(e, it))
            item_cool(it);
    }
    return s;
}

/* In parts of a page, for pages that are full or not. */
static double
cost_of(const struct sample *s)
{
    return s->looked_at == 0 ? 0 : (4.0 * s->hot + s->live) / s->looked_at;
}

static void
note_heat(struct slab_class *c, const struct sample *samples, unsigned count) REQUIRES(c->lock)
{
    uint32_t hot = 0, looked_at = 0;
    for (unsigned i = 0; i < count; i++) {
        hot += samples[i].hot;
        looked_at += samples[i].looked_at;
    }
    c->heat = looked_at > 0 ? (double)hot / looked_at : 0;
}

/* A page of the class; 0: another one was hit upon. */
static page_no
random_page(struct engine *e, struct slab_class *c, page_no end) REQUIRES(c->lock)
{
    c->random = c->random * UINT64_C(6364136223846793005) + 1442695040888963407; /* Knuth's */
    page_no no = 1 + (page_no)(((c->random >> 32) * (end - 1)) >> 32);
    return slab_class_of_page(&e->slabs, no) == c && e->slabs.pages[no].state == PAGE_IN_CLASS ? no
                                                                                               : 0;
}

/* The same page may be looked at twice. */
static unsigned
sample_pages(struct engine_thread *t, struct slab_class *c, struct sample *samples)
    REQUIRES(c->lock)
{
    struct slabs *s = &t->engine->slabs;
    unsigned count = 0;
    page_no no = c->hand_page, end = arena_pages_in_use(&t->engine->arena);
    for (; count < PAGES_AT_HAND && count < c->page_count; count++) {
        samples[count] = sample_page(t, c, no);
        no = s->pages[no].next;
    }
    note_heat(c, samples, count);
    for (unsigned tries = 0; tries < RANDOM_PAGES_TRIED && count < PAGES_SAMPLED; tries++)
        if ((no = random_page(t->engine, c, end)) != 0)
            samples[count++] = sample_page(t, c, no);
    return count;
}

/* 0: none can be emptied. */
static page_no
choose_page(struct engine_thread *t, struct slab_class *c) REQUIRES(c->lock)
{
    struct sample samples[PAGES_SAMPLED];
    unsigned count = sample_pages(t, c, samples);
    for (unsigned tries = 0; tries < count; tries++) {
        struct sample *best = NULL;
        for (unsigned i = 0; i < count; i++)
            if (samples[i].page != 0 && (best == NULL || cost_of(&samples[i]) < cost_of(best)))
                best = &samples[i];
        if (can_be_emptied(t->engine, c, best->page))
            return best->page;
        best->page = 0;
    }
    return 0;
}

/* ---- copies ---- */

/* What index_swap_carrying() calls: what may have changed since the copy was made. */
static void
carry_all(void *context, item_ref old_ref, item_ref new_ref)
{
    struct engine *e = context;
    struct item *old = item_at(e, old_ref), *new = item_at(e, new_ref);
    item_set_exptime(e, new, item_exptime(old));
    atomic_store_explicit(&new->state, item_state(old), memory_order_release);
}

static void
copy_item(const struct item *from, struct item *to)
{
    uint8_t hit = atomic_load_explicit(&((struct item *)from)->hit, memory_order_relaxed);
    bool counts = (hit & ITEM_FREQ_MAX) != 0 && !item_is_on_probation(from);
    atomic_store_explicit(&to->lengths, item_lengths(from) & ~(uint32_t)ITEM_QUEUE,
                          memory_order_relaxed);
    atomic_store_explicit(&to->atime_s, item_atime(from), memory_order_relaxed);
    atomic_store_explicit(&to->hit, (uint8_t)(counts ? hit - 1 : hit & ~ITEM_FREQ_MAX),
                          memory_order_relaxed);
    memcpy((char *)to + sizeof *to, (const char *)from + sizeof *from,
           item_total_bytes(from) - sizeof *from);
}

/* False: no chunk is free. */
static bool
copy_out(struct engine_thread *t, struct slab_class *c, unsigned class_id, struct item *it)
    REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    item_ref old = arena_ref(&e->arena, it),
             new = slab_take_locked(&e->slabs, c, class_id, item_exptime(it));
    if (new == 0)
        return false;
    uint64_t hash = engine_hash(e, item_key(it));
    copy_item(it, item_at(e, new));
    if (index_swap_carrying(&e->index, hash, old, new, carry_all, e) != INDEX_OK) {
        slab_free_locked(&e->slabs, c, new); /* it has just been removed, or is just being linked */
        return true;
    }
    item_retire(t, it);
    counter_add(&t->class_counters[class_id].rescued, 1);
    return true;
}

/* ---- steps ---- */

/* Is it to be copied?  Everything alive, if there is room for all of it. */
static bool
is_worth_copying(const struct engine_thread *t, const struct item *it)
{
    const struct engine *e = t->engine;
    return (t->move.keeps_all || is_hot(e, it)) && !item_is_dead(e, it, t->now_s) &&
           !item_is_chained(it);
}

/* Evicts others of the class; false: nothing, or enough. */
static bool
make_room(struct engine_thread *t, struct slab_class *c) REQUIRES(c->lock)
{
    unsigned done = 0;
    if (t->move.room_made >= c->chunks_per_page)
        return false;
    for (unsigned i = 0; i < ROOM_BATCHES; i++)
        done += evict_batch(t, c, EVICT_BATCH_MAX);
    t->move.room_made += done;
    return done > 0;
}

/* False: come back to this chunk after a quiescent point. */
static bool
empty_chunk(struct engine_thread *t, struct slab_class *c, struct item *chunk) REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    struct move *m = &t->move;
    struct item *it = item_of_chunk(e, chunk);
    if (it == NULL)
        return true;
    bool stays = is_worth_copying(t, it);
    if (stays && copy_out(t, c, m->class_id, it))
        return true;
    if (stays && is_hot(e, it) && make_room(t, c))
        return false;
    evict_item(t, it, engine_hash(e, item_key(it)));
    return true;
}

static void
step(struct engine_thread *t, struct slab_class *c) REQUIRES(c->lock)
{
    struct slabs *s = &t->engine->slabs;
    struct move *m = &t->move;
    struct page *page = &s->pages[m->page];
    /* With the last of its chunks the page may have gone, and somebody else may have it by now. */
    bool same = slab_class_of_page(s, m->page) == c && page->state == PAGE_DRAINING;
    for (unsigned i = 0; same && i < STEP_CHUNKS && m->chunk < page->carved; i++) {
        if (epoch_limbo_room(&t->epoch) == 0 ||
            !empty_chunk(t, c, slab_chunk(s, c, m->page, m->chunk)))
            return;
        m->chunk++;
    }
    if (same && m->chunk < page->carved)
        return;
    if (same)
        page->moving = false;
    m->page = 0;
}

void
move_on(struct engine_thread *t)
{
    struct slab_class *c = slab_class(&t->engine->slabs, t->move.class_id);
    mutex_lock(&c->lock);
    step(t, c);
    mutex_unlock(&c->lock);
}

/* Have the other pages of the class free chunks for all that this one holds? */
static bool
fits_elsewhere(struct engine *e, const struct slab_class *c, page_no no)
{
    uint32_t used = e->slabs.pages[no].used;
    return slab_free_chunks(c) - (c->chunks_per_page - used) >= used;
}

static void
begin(struct engine_thread *t, struct slab_class *c, unsigned class_id, page_no no)
    REQUIRES(c->lock)
{
    bool keeps_all = fits_elsewhere(t->engine, c, no);
    t->move = (struct move){.class_id = class_id, .page = no, .keeps_all = keeps_all};
    t->engine->slabs.pages[no].moving = true; /* before it may be somebody else's */
    slab_drain_locked(&t->engine->slabs, c, no);
    step(t, c);
}

static void
count_move(struct engine_thread *t, enum move_reason why)
{
    struct engine_counters *n = &t->counters;
    counter_t *const by_reason[] = {&n->moves_for_age, &n->moves_for_need, &n->moves_for_others,
                                    &n->moves_for_others};
    counter_add(&n->pages_moved, 1);
    counter_add(by_reason[why], 1);
}

/* Now, whatever is hot. */
static void
finish(struct engine_thread *t)
{
    struct slab_class *c = slab_class(&t->engine->slabs, t->move.class_id);
    t->move.room_made = UINT32_MAX;
    mutex_lock(&c->lock);
    while (t->move.page != 0 && epoch_limbo_room(&t->epoch) > 0)
        step(t, c);
    mutex_unlock(&c->lock);
}

/* One at a time: the page under way will do for whoever needs one, and who does not can do without.
 * An operator's word counts more than what is hot. */
bool
move_page_of(struct engine_thread *t, unsigned class_id, enum move_reason why)
{
    struct engine *e = t->engine;
    if (why == MOVE_ASKED_FOR && !e->config.evict)
        return false;
    if (t->move.page != 0 && why != MOVE_ASKED_FOR)
        return why != MOVE_FOR_AGE;
    if (t->move.page != 0)
        finish(t);
    if (epoch_limbo_room(&t->epoch) < STEP_CHUNKS)
        return false;
    struct slab_class *c = slab_class(&e->slabs, class_id);
    mutex_lock(&c->lock);
    page_no no = choose_page(t, c);
    if (no != 0)
        begin(t, c, class_id, no);
    mutex_unlock(&c->lock);
    if (no != 0)
        count_move(t, why);
    return no != 0;
}

bool
engine_give_up_page(struct engine_thread *t, unsigned class_id)
{
    if (class_id == 0)
        return evict_page_asked_for(t);
    struct slab_class *c = slab_class(&t->engine->slabs, class_id);
    mutex_lock(&c->lock);
    bool spare = c->page_count > 1;
    mutex_unlock(&c->lock);
    return spare && move_page_of(t, class_id, MOVE_ASKED_FOR);
}

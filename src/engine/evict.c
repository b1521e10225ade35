/* evict.c - whose memory is used again: S3-FIFO (Yang and others 2023), for each class by itself,
 * and without lists.
 *
 *            store                    popped, hit since               hit since: a count less
 *     new -----------> on probation -----------------------> kept <--------------------.
 *      |               the ring: the newest 10 %             the other 90 %             |
 *      |                    | popped, not hit                     | the hand comes by --'
 *      |                    v                                     v not hit since
 *      |                 evicted, and its key remembered       evicted
 *      '-- its key is remembered, or the item it replaces is kept: kept at once
 *
 * New items are on probation: their handles wait in the class's ring (ring.h), and are popped when
 * that holds more than a tenth of the class.  Who was asked for meanwhile stays, where it lies;
 * most are not, and go, and only a fingerprint of the key is remembered for a while (ghost.h). Kept
 * items have no order: a CLOCK hand sweeps the class in address order, a page at a time and chunk
 * by chunk.  What was hit since it last passed loses one count of its frequency and stays; what was
 * not goes.  Whoever is found dead goes at once.
 *
 * A handle in the ring is not taken back when its item leaves in another way, and the chunk may
 * hold another item by then.  So a popped handle counts only if it is that of the item that is
 * there: on probation, and noted down in it (enum item_queue), of which it keeps the low three
 * bits.  Who is mistaken nevertheless, one in eight of chunks used twice within a probation, is
 * judged too soon.  Whether an item is on probation is said by its own four bits, which only the
 * holder of its class's lock writes, never by 'hit', which readers write without a lock: a count
 * they lose or restore makes no item lose its handle.
 *
 * A value in several chunks is one item: a hand that meets a piece of it judges the whole, and only
 * its first piece costs it a count, so that a large value ages as fast as a small one.
 *
 * Unlinking makes no memory free by itself: that happens at a quiescent point.  So a little is
 * evicted ahead of need, and what could not wait is told ENGINE_AGAIN.
 *
 * A class that evicts sooner than others is given pages of these, and one that has nothing to evict
 * in any case: see balance.c and move.c.
 */
#include "engine/state.h"

#include "base/check.h"

/* The share of a class that is on probation. */
#define PROBATION_PART 10

/* How far a ring may grow, in that share and handles, when nothing pops it: handles whose items are
 * gone. */
#define RING_PARTS_MAX 2
#define RING_MORE_MAX  64
#define RING_TRIM      2 /* popped at a time then */

/* Handles whose items are loaded ahead. */
#define POPS_AHEAD 4

/* Chunks looked at for one victim; after that the next one goes, however often it was hit: looked
 * for in as many again. */
#define VISITS_MAX 128

/* A batch is not filled up when it has taken so many: no store does more work than that for others.
 */
#define BATCH_VISITS_MAX (3 * VISITS_MAX)

/* Without eviction only dead items are looked for, and not for long. */
#define VISITS_FOR_DEAD 64

/* The chunk at the hand, which moves on.  NULL: the page has none. */
static struct item *
next_chunk(struct slabs *s, struct slab_class *c)
{
    if (c->hand_chunk >= s->pages[c->hand_page].carved) {
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
    enum item_state kind = item_kind(chunk);
    if (kind == ITEM_LINKED)
        return chunk;
    if (kind != ITEM_BODY)
        return NULL;
    struct item *owner = item_at(e, ((struct item_body *)chunk)->owner);
    return item_kind(owner) == ITEM_LINKED ? owner : NULL;
}

/* The piece that stands for the item. */
static bool
is_first_piece(const struct engine *e, const struct item *chunk, const struct item *it)
{
    return chunk == it || item_chain(it)->first == arena_ref(&e->arena, chunk);
}

static item_ref
first_piece(const struct engine *e, const struct item *it)
{
    if (item_is_chained(it) && item_chain(it)->first != 0)
        return item_chain(it)->first;
    return arena_ref(&e->arena, it);
}

/* Chunks of the class that an item takes, about: pieces but the last are all of the largest class.
 */
static uint32_t
chunks_of(struct engine *e, const struct item *it, const struct slab_class *c)
{
    bool is_chain = item_is_chained(it) && c == slab_class(&e->slabs, e->slabs.class_count);
    return 1 + (is_chain ? item_value_bytes(it) / c->chunk_bytes : 0);
}

/* ---- probation ---- */

static uint64_t
probation_chunks(const struct slab_class *c) REQUIRES(c->lock)
{
    uint64_t share = (uint64_t)c->page_count * c->chunks_per_page / PROBATION_PART;
    return share > 0 ? share : 1;
}

/* The item that a handle of the class stands for; NULL: it has left, or is kept. */
static struct item *
item_of_handle(const struct engine *e, struct slab_class *c, item_ref handle, uint64_t number)
    REQUIRES(c->lock)
{
    page_no no = arena_page_of(&e->arena, handle);
    const struct page *page = &e->slabs.pages[no];
    if (slab_class_of_page(&e->slabs, no) != c || page->state != PAGE_IN_CLASS)
        return NULL;
    struct item *chunk = item_at(e, handle);
    if (chunk >= slab_chunk(&e->slabs, c, no, page->carved))
        return NULL; /* the page has been away meanwhile */
    struct item *it = item_of_chunk(e, chunk);
    if (it == NULL || !is_first_piece(e, chunk, it))
        return NULL;
    uint32_t queue = item_lengths(it) >> ITEM_HANDLE_SHIFT & ITEM_HANDLE_MASK;
    return item_is_on_probation(it) && queue == (number & ITEM_HANDLE_MASK) ? it : NULL;
}

/* Handles looked at for the oldest that is true. */
#define HANDLES_PEEKED 32

const struct item *
evict_oldest_on_probation(const struct engine *e, struct slab_class *c)
{
    const struct item *it = NULL;
    for (unsigned i = 0; i < HANDLES_PEEKED && it == NULL; i++) {
        item_ref handle = ring_peek(&e->rings, &c->ring, i);
        if (handle == 0)
            break;
        it = item_of_handle(e, c, handle, c->ring.head + i);
    }
    return it;
}

bool
evict_handle_is_true(struct engine *e, unsigned class_id, item_ref handle, uint64_t number)
{
    struct slab_class *c = slab_class(&e->slabs, class_id);
    mutex_lock(&c->lock);
    bool is_true = item_of_handle(e, c, handle, number) != NULL;
    mutex_unlock(&c->lock);
    return is_true;
}

/* Hits may be lost or come back meanwhile: they do no harm. */
static void
keep(struct item *it)
{
    atomic_store_explicit(&it->lengths, item_lengths(it) & ~(uint32_t)ITEM_QUEUE,
                          memory_order_relaxed);
    uint8_t hit = atomic_load_explicit(&it->hit, memory_order_relaxed);
    if ((hit & ITEM_FREQ_MAX) != 0)
        atomic_store_explicit(&it->hit, (uint8_t)(hit & ~ITEM_FREQ_MAX), memory_order_relaxed);
}

static struct item *
pop(struct engine *e, struct slab_class *c) REQUIRES(c->lock)
{
    uint64_t number;
    item_ref handle = ring_pop(&e->rings, &c->ring, &number);
    item_ref ahead = ring_peek(&e->rings, &c->ring, POPS_AHEAD);
    if (ahead != 0)
        __builtin_prefetch(item_at(e, ahead));
    return handle != 0 ? item_of_handle(e, c, handle, number) : NULL;
}

/* While nothing is evicted, handles pile up whose items have left. */
static void
trim_ring(struct engine *e, struct slab_class *c) REQUIRES(c->lock)
{
    uint64_t most = RING_PARTS_MAX * probation_chunks(c) + RING_MORE_MAX;
    for (unsigned i = 0; i < RING_TRIM && ring_count(&c->ring) > most; i++) {
        struct item *it = pop(e, c);
        if (it != NULL)
            keep(it);
    }
}

/* Before memory is full nobody has to be judged: who finds the ring full is kept. */
static bool
has_room_on_probation(struct engine *e, struct slab_class *c) REQUIRES(c->lock)
{
    return arena_is_full(&e->arena) || c->ring.chunks < probation_chunks(c);
}

void
evict_admit(struct engine_thread *t, struct item *it)
{
    struct engine *e = t->engine;
    struct slab_class *c = slab_class(&e->slabs, item_class(e, it));
    mutex_lock(&c->lock);
    uint64_t number = c->ring.tail;
    /* It may be unlinked already, but as we have not been quiescent since it is still the same
     * chunk. */
    if (item_kind(it) == ITEM_LINKED && has_room_on_probation(e, c) &&
        ring_push(&e->rings, &c->ring, first_piece(e, it), chunks_of(e, it, c))) {
        uint32_t queue = ITEM_PROBATION | (uint32_t)(number & ITEM_HANDLE_MASK)
                                              << ITEM_HANDLE_SHIFT;
        atomic_store_explicit(&it->lengths, item_lengths(it) | queue, memory_order_relaxed);
        trim_ring(e, c);
    }
    mutex_unlock(&c->lock);
}

/* As an update of a queued item in S3-FIFO: a hit, and the item keeps its place. */
static bool
inherit_standing(const struct engine_thread *t, struct item *it, const struct item *old,
                 bool is_use)
{
    uint8_t freq = item_freq(old);
    bool kept = !item_is_on_probation(old);
    if (is_use && freq < ITEM_FREQ_MAX)
        freq++;
    if (!kept && freq >= t->engine->config.promote_hits) {
        kept = true;
        freq = 0;
    }
    uint8_t marks = atomic_load_explicit(&it->hit, memory_order_relaxed) & ITEM_FETCHED;
    atomic_store_explicit(&it->hit, freq | marks, memory_order_relaxed);
    return kept;
}

bool
evict_keeps(struct engine_thread *t, uint64_t hash, struct item *it, const struct item *old,
            bool is_use)
{
    struct engine *e = t->engine;
    if (!e->config.evict)
        return true;
    if (old != NULL && !item_is_flushed(e, old))
        return inherit_standing(t, it, old, is_use);
    bool is_back = ghost_has(&e->ghost, hash);
    counter_add(&t->class_counters[item_class(e, it)].ghost_hits, is_back);
    return is_back;
}

/* ---- victims ---- */

struct victim {
    struct item *it;
    uint64_t hash;
    uint32_t chunks;
};

static bool
condemn(struct engine_thread *t, const struct slab_class *c, struct victim *v, struct item *it)
{
    struct engine *e = t->engine;
    *v = (struct victim){it, engine_hash(e, item_key(it)), chunks_of(e, it, c)};
    index_prefetch(&e->index, v->hash);
    if (item_is_on_probation(it))
        ghost_prefetch(&e->ghost, v->hash);
    return true;
}

/* Judges the oldest item on probation; true if it is to go. */
static bool
judge_popped(struct engine_thread *t, struct slab_class *c, struct victim *v) REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    struct item *it = pop(e, c);
    if (it == NULL)
        return false;
    if (item_freq(it) < e->config.promote_hits || item_is_dead(e, it, t->now_s))
        return condemn(t, c, v, it);
    keep(it);
    counter_add(&t->class_counters[item_class(e, it)].promoted, 1);
    return false;
}

/* Was 'it' hit since the hand's last pass?  Takes one count off. */
static bool
second_chance(struct engine_thread *t, const struct item *chunk, struct item *it)
{
    uint8_t hit = atomic_load_explicit(&it->hit, memory_order_relaxed);
    if ((hit & ITEM_FREQ_MAX) == 0)
        return false;
    if (is_first_piece(t->engine, chunk, it)) {
        atomic_store_explicit(&it->hit, hit - 1, memory_order_relaxed);
        counter_add(&t->class_counters[item_class(t->engine, it)].second_chances, 1);
    }
    return true;
}

/* Does the hand pass over the item?  New items are the ring's to judge, and a value's end in
 * another class than its first piece has no ring: there the new ones go first. */
static bool
is_spared(struct engine_thread *t, const struct item *chunk, struct item *it)
{
    if (is_first_piece(t->engine, chunk, it) || !item_is_chained(it))
        return item_is_on_probation(it) || second_chance(t, chunk, it);
    return !item_is_on_probation(it) || item_freq(it) >= t->engine->config.promote_hits;
}

/* Judges what is at the hand; true if it is to go.  'mercy': only if it deserves it. */
static bool
judge_at_hand(struct engine_thread *t, struct slab_class *c, bool mercy, struct victim *v)
    REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    struct item *chunk = next_chunk(&e->slabs, c);
    struct item *it = chunk != NULL ? item_of_chunk(e, chunk) : NULL;
    if (it == NULL)
        return false;
    if (item_is_dead(e, it, t->now_s))
        return condemn(t, c, v, it);
    if (!e->config.evict || (mercy && is_spared(t, chunk, it)))
        return false;
    return condemn(t, c, v, it);
}

/* Adds what it has looked at to '*visited'. */
static bool
find_victim(struct engine_thread *t, struct slab_class *c, struct victim *v, uint64_t *visited)
    REQUIRES(c->lock)
{
    struct engine *e = t->engine;
    uint64_t chances = e->config.evict ? VISITS_MAX : VISITS_FOR_DEAD;
    uint64_t chunks = (uint64_t)c->page_count * c->chunks_per_page;
    /* So many visits see every handle, and take the last count of everything, in a small class. */
    uint64_t enough = (ITEM_FREQ_MAX + 1) * chunks + ring_count(&c->ring);
    if (chances > enough)
        chances = enough;
    uint64_t visits = e->config.evict ? 2 * chances : chances;
    for (uint64_t i = 0; i < visits; i++, ++*visited) {
        /* Before somebody goes who is in use, the new ones are judged sooner than at other times.
         */
        bool pops =
            c->ring.chunks > probation_chunks(c) || (i >= chances && ring_count(&c->ring) > 0);
        if (pops ? judge_popped(t, c, v) : judge_at_hand(t, c, i < chances, v))
            return true;
    }
    return false;
}

bool
evict_item(struct engine_thread *t, struct item *it, uint64_t hash)
{
    enum leave why = item_is_dead(t->engine, it, t->now_s) ? LEAVE_EXPIRED : LEAVE_EVICTED;
    bool remembered = why == LEAVE_EVICTED && item_is_on_probation(it);
    if (!item_unlink_hashed(t, it, hash, why))
        return false;
    if (remembered)
        ghost_add(&t->engine->ghost, hash);
    return true;
}

/* Finds them all before it removes the first, so that the index's buckets are loaded meanwhile. */
static unsigned
find_victims(struct engine_thread *t, struct slab_class *c, unsigned chunks, struct victim *victims)
    REQUIRES(c->lock)
{
    unsigned found = 0, so_far = 0, room = epoch_limbo_room(&t->epoch);
    uint64_t visited = 0;
    while (so_far < chunks && found < room && c->pages != 0 && visited < BATCH_VISITS_MAX &&
           find_victim(t, c, &victims[found], &visited))
        so_far += victims[found++].chunks;
    return found;
}

unsigned
evict_batch(struct engine_thread *t, struct slab_class *c, unsigned chunks)
{
    struct victim victims[EVICT_BATCH_MAX];
    unsigned done = 0;
    CHECK(chunks <= EVICT_BATCH_MAX);
    unsigned found = find_victims(t, c, chunks, victims);
    for (unsigned i = 0; i < found; i++)
        if (evict_item(t, victims[i].it, victims[i].hash))
            done += victims[i].chunks;
    c->evicted += done;
    return done;
}

/* What evict_chunks() is to do first; see balance(). */
enum first { FIRST_EVICT, FIRST_WAIT, FIRST_ASK };

static enum first
what_first(struct slab_class *c) REQUIRES(c->lock)
{
    if (c->waits > 0) {
        c->waits--;
        return FIRST_WAIT;
    }
    if (!c->asks_first)
        return FIRST_EVICT;
    c->asks_first = false;
    return FIRST_ASK;
}

bool
evict_chunks(struct engine_thread *t, unsigned class_id, unsigned chunks)
{
    struct slab_class *c = slab_class(&t->engine->slabs, class_id);
    mutex_lock(&c->lock);
    enum first first = what_first(c);
    unsigned done = first == FIRST_EVICT ? evict_batch(t, c, chunks) : 0;
    bool has_filled = balance_is_due(t->engine, c);
    mutex_unlock(&c->lock);
    t->coming_chunks += done;
    if (first == FIRST_WAIT)
        return true;
    if (first == FIRST_ASK)
        return balance(t, class_id) || evict_chunks(t, class_id, chunks);
    if (has_filled)
        balance(t, class_id);
    return done > 0;
}

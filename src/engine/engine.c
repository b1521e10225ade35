#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/hash.h"
#include "engine/state.h"

#define MIB (1ull << 20)

/* Pages: about 8192 of them whatever the memory, within these limits; and finer classes when there are
 * pages enough for them (measured in simulation: below 2000 pages the finer classes cost more than
 * they save). */
#define PAGE_BYTES_MIN      (64u << 10)
#define PAGE_BYTES_MAX      (1u << 20)
_Static_assert(PAGE_BYTES_MAX / 2 <= ITEM_VALUE_BYTES_MAX, "a chunk's value has 20 bits of length");
#define PAGES_WANTED        8192
#define PAGES_FOR_FINE      2000
#define GROWTH_FINE         1.08
#define GROWTH_COARSE       1.12
#define CHUNK_ROOM_DEFAULT  24

/* Of one chunk, however large pages are: a value in one chunk is copied for a reader that is slow, a chain
 * is not. */
#define CHUNK_BYTES_MAX     (64u << 10)

/* How far the limit can be raised at run time. */
#define REACH_FACTOR        4
#define REACH_BYTES_MIN     (1024 * MIB)

/* Entries a thread keeps to itself before it tells the index; each telling may split as many buckets
 * as these entries fill, and a few more. */
#define INDEX_DELTA_MAX 32
#define INDEX_SPLITS    8

/* ---- life ---- */

void
engine_config_init(struct engine_config *c)
{
    *c = (struct engine_config){
        .limit_bytes = 64 * MIB,
        .item_bytes_max = 1u << 20,
        .cas = true,
        .evict = true,
        .promote_hits = 1,
        .size_bias = 0.5,
    };
}

static uint32_t
default_page_bytes(uint64_t limit)
{
    uint32_t bytes = PAGE_BYTES_MIN;
    while (bytes < PAGE_BYTES_MAX && (uint64_t)bytes * PAGES_WANTED < limit)
        bytes *= 2;
    return bytes;
}

static bool
config_complete(struct engine_config *c)
{
    if (c->page_bytes == 0)
        c->page_bytes = default_page_bytes(c->limit_bytes);
    if (c->growth == 0)
        c->growth = c->limit_bytes / c->page_bytes < PAGES_FOR_FINE ? GROWTH_COARSE : GROWTH_FINE;
    if (c->promote_hits == 0)
        c->promote_hits = 1;
    if (c->chunk_bytes_min == 0)
        c->chunk_bytes_min = CHUNK_ROOM_DEFAULT;
    return c->limit_bytes >= ENGINE_LIMIT_MIN && c->page_bytes >= PAGE_BYTES_MIN &&
           c->page_bytes <= PAGE_BYTES_MAX && (c->page_bytes & (c->page_bytes - 1)) == 0 &&
           c->growth > 1 && c->item_bytes_max >= 1024 && c->item_bytes_max <= 1u << 30 &&
           c->promote_hits <= ITEM_FREQ_MAX && c->size_bias >= 0 && c->size_bias <= 1;
}

static size_t
header_bytes(const struct engine *e)
{
    return sizeof(struct item) + (e->config.cas ? sizeof(uint64_t) : 0);
}

/* How far the limit may be raised: but not so far that references, and chunks with them, come in coarser
 * steps than the limit itself needs. */
static uint64_t
reach_bytes(const struct engine_config *c)
{
    uint64_t most = arena_reach_bytes_max(c->limit_bytes);
    uint64_t reach = c->limit_bytes * (c->preallocate ? 1 : REACH_FACTOR);
    if (!c->preallocate && reach < REACH_BYTES_MIN)
        reach = REACH_BYTES_MIN;
    return reach < most ? reach : most;
}

static bool
init_memory(struct engine *e)
{
    const struct engine_config *c = &e->config;
    struct arena_config ac = {
        .limit_bytes = c->limit_bytes,
        .reach_bytes = reach_bytes(c),
        .page_bytes = c->page_bytes,
        .huge_pages = c->huge_pages,
    };
    if (!arena_init(&e->arena, &ac)) {
        /* Address space is short: do without room to grow. */
        if (ac.reach_bytes <= c->limit_bytes)
            return false;
        ac.reach_bytes = c->limit_bytes;
        if (!arena_init(&e->arena, &ac))
            return false;
    }
    uint32_t smallest = (uint32_t)header_bytes(e) + c->chunk_bytes_min;
    if (smallest > c->page_bytes / 2)
        smallest = c->page_bytes / 2;
    uint32_t largest = smallest > CHUNK_BYTES_MAX ? smallest : CHUNK_BYTES_MAX;
    struct slab_config sc = {
        .growth = c->growth, .chunk_bytes_min = smallest, .chunk_bytes_max = largest};
    if (!slab_init(&e->slabs, &e->arena, &sc)) {
        arena_fini(&e->arena);
        return false;
    }
    if (!index_init(&e->index, &e->arena, c->hash_seed)) {
        slab_fini(&e->slabs);
        arena_fini(&e->arena);
        return false;
    }
    balance_init(&e->slabs, c->size_bias);
    ghost_init(&e->ghost, &e->arena);
    ring_store_init(&e->rings, &e->arena);
    return true;
}

struct engine *
engine_create(const struct engine_config *config)
{
    struct engine_config c = *config;
    if (!config_complete(&c)) {
        errno = EINVAL;
        return NULL;
    }
    struct engine *e = aligned_alloc(CACHE_LINE_BYTES, sizeof *e);
    if (e == NULL)
        return NULL;
    memset(e, 0, sizeof *e);
    e->config = c;
    e->sizes_count = c.track_sizes ? c.item_bytes_max / SIZE_STEP_BYTES + 2 : 0;
    e->sizes = calloc(e->sizes_count + 1, sizeof *e->sizes);
    if (e->sizes == NULL || !init_memory(e)) {
        free(e->sizes);
        free(e);
        errno = ENOMEM;
        return NULL;
    }
    epoch_init(&e->epoch);
    mutex_init(&e->flush_lock);
    mutex_init(&e->threads_lock);
    mutex_init(&e->reset_lock);
    atomic_init(&e->cas, 1);
    if (c.preallocate)
        arena_preallocate(&e->arena);
    return e;
}

void
engine_destroy(struct engine *e)
{
    if (e == NULL)
        return;
    CHECK(e->threads == NULL);
    ghost_fini(&e->ghost);
    ring_store_fini(&e->rings);
    index_fini(&e->index);
    slab_fini(&e->slabs);
    arena_fini(&e->arena);
    epoch_fini(&e->epoch);
    mutex_fini(&e->flush_lock);
    mutex_fini(&e->threads_lock);
    mutex_fini(&e->reset_lock);
    free(e->sizes);
    free(e);
}

const struct engine_config *
engine_config(const struct engine *e)
{
    return &e->config;
}

/* ---- threads ---- */

struct engine_thread *
engine_join(struct engine *e, uint32_t now_s)
{
    struct engine_thread *t = aligned_alloc(CACHE_LINE_BYTES, sizeof *t);
    if (t == NULL)
        return NULL;
    memset(t, 0, sizeof *t);
    t->engine = e;
    t->now_s = now_s;
    if (!epoch_join(&e->epoch, &t->epoch)) {
        free(t);
        return NULL;
    }
    mutex_lock(&e->threads_lock);
    t->next = e->threads;
    e->threads = t;
    mutex_unlock(&e->threads_lock);
    engine_quiesce(t, now_s); /* a flush may be due */
    return t;
}

/* The sums must not shrink because somebody left. */
static void
inherit_counters(struct engine *e, struct engine_thread *t)
{
    counter_add(&e->gone_stamped, counter_get(&t->stamped));
    counter_add_all(&e->gone_counters, &t->counters, sizeof t->counters);
    counter_add_all(e->gone_class_counters, t->class_counters, sizeof t->class_counters);
}

void
engine_leave(struct engine_thread *t)
{
    struct engine *e = t->engine;
    while (t->move.page != 0 || epoch_limbo_count(&t->epoch) > 0)
        engine_quiesce(t, t->now_s);
    index_count(&e->index, t->index_delta);
    epoch_leave(&t->epoch);
    mutex_lock(&e->threads_lock);
    struct engine_thread **at = &e->threads;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    inherit_counters(e, t);
    mutex_unlock(&e->threads_lock);
    free(t);
}

/* Chunks freed under one hold of their class's lock: no longer than the sweep holds it. */
#define FREED_AT_ONCE 64

/* Its bodies are of other classes, and who reads it slowly may keep it. */
static void
free_retired_chain(struct engine *e, item_ref ref)
{
    if ((atomic_fetch_or_explicit(&item_chain(item_at(e, ref))->pins, ITEM_PIN_ORPHAN,
                                  memory_order_acq_rel) &
         ~ITEM_PIN_ORPHAN) != 0)
        return; /* the last engine_unpin() frees it */
    item_free(e, ref);
}

static bool
is_whole_and_of_class(const struct item *it, unsigned class_id)
{
    return it->class_id == class_id && !item_is_chained(it);
}

/* Frees the first ones, as long as they are of one class: locking it for each was a tenth of what it
 * cost to remove an item.  Returns how many. */
static uint32_t
free_retired_run(struct engine *e, const item_ref *refs, uint32_t count)
{
    unsigned class_id = item_at(e, refs[0])->class_id;
    struct slab_class *c = slab_class(&e->slabs, class_id);
    uint32_t n = 0, max = count < FREED_AT_ONCE ? count : FREED_AT_ONCE;
    mutex_lock(&c->lock);
    do
        slab_free_locked(&e->slabs, c, refs[n++]);
    while (n < max && is_whole_and_of_class(item_at(e, refs[n]), class_id));
    mutex_unlock(&c->lock);
    return n;
}

/* What epoch.c calls when nobody can hold the items by way of the index any more. */
static void
free_retired(void *context, const item_ref *refs, uint32_t count)
{
    struct engine *e = context;
    uint32_t done = 0;
    while (done < count) {
        if (item_is_chained(item_at(e, refs[done])))
            free_retired_chain(e, refs[done++]);
        else
            done += free_retired_run(e, refs + done, count - done);
    }
}

void
engine_quiesce(struct engine_thread *t, uint32_t now_s)
{
    epoch_quiesce(&t->epoch, free_retired, t->engine);
    t->coming_chunks = 0;
    engine_set_now(t, now_s);
    if (UNLIKELY(t->move.page != 0))
        move_on(t);
}

void
engine_set_now(struct engine_thread *t, uint32_t now_s)
{
    struct engine *e = t->engine;
    t->now_s = now_s;
    uint32_t flush_at_s = atomic_load_explicit(&e->flush_at_s, memory_order_acquire);
    if (UNLIKELY(flush_at_s != 0 && flush_at_s <= now_s))
        flush_when_due(t);
}

void
engine_offline(struct engine_thread *t)
{
    epoch_offline(&t->epoch);
}

void
engine_online(struct engine_thread *t, uint32_t now_s)
{
    epoch_online(&t->epoch);
    engine_quiesce(t, now_s);
}

bool
engine_has_limbo(const struct engine_thread *t)
{
    return epoch_limbo_count(&t->epoch) > 0 || t->move.page != 0;
}

uint32_t
engine_now(const struct engine_thread *t)
{
    return t->now_s;
}

/* ---- items ---- */

bool
item_is_expired(const struct item *it, uint32_t now_s)
{
    uint32_t exptime_s = item_exptime(it);
    return exptime_s != 0 && exptime_s <= now_s;
}

bool
item_is_dead(const struct engine *e, const struct item *it, uint32_t now_s)
{
    return item_is_flushed(e, it) || item_is_expired(it, now_s);
}

uint64_t
item_total_bytes(const struct item *it)
{
    return item_key_offset(item_state(it)) + item_key_bytes(it) + item_value_bytes(it);
}

static void
count_size(struct engine *e, uint64_t bytes, int64_t delta)
{
    if (e->sizes_count == 0)
        return;
    uint64_t step = (bytes + SIZE_STEP_BYTES - 1) / SIZE_STEP_BYTES;
    if (step >= e->sizes_count)
        step = e->sizes_count - 1;
    atomic_fetch_add_explicit(&e->sizes[step], delta, memory_order_relaxed);
}

void
item_entered(struct engine_thread *t, struct item *it)
{
    struct engine_class_counters *c = &t->class_counters[item_class(t->engine, it)];
    uint64_t bytes = item_total_bytes(it);
    counter_add(&c->number, 1);
    counter_add(&c->bytes, bytes);
    counter_add(&t->counters.total_items, 1);
    count_size(t->engine, bytes, 1);
    if (++t->index_delta < INDEX_DELTA_MAX)
        return;
    index_count(&t->engine->index, t->index_delta);
    t->index_delta = 0;
    index_grow(&t->engine->index, INDEX_SPLITS);
    if (t->engine->config.evict)
        ghost_grow(&t->engine->ghost, index_item_count(&t->engine->index));
}

static void
note_evicted_age(struct engine_thread *t, const struct item *it)
{
    struct slab_class *c = slab_class(&t->engine->slabs, item_class(t->engine, it));
    uint32_t atime_s = item_atime(it);
    atomic_store_explicit(&c->evicted_age_s, t->now_s > atime_s ? t->now_s - atime_s : 0,
                          memory_order_relaxed);
}

static void
count_leaving(struct engine_thread *t, const struct item *it, enum leave why)
{
    struct engine_class_counters *c = &t->class_counters[item_class(t->engine, it)];
    bool fetched = item_was_fetched(it);
    if (why == LEAVE_EVICTED) {
        counter_add(&c->evicted, 1);
        counter_add(&c->evicted_nonzero, item_exptime(it) != 0);
        counter_add(&c->evicted_unfetched, !fetched);
        counter_add(&c->evicted_active,
                    (atomic_load_explicit(&it->hit, memory_order_relaxed) & ITEM_FREQ_MAX) != 0);
        note_evicted_age(t, it);
    } else if (why == LEAVE_EXPIRED) {
        counter_add(&c->reclaimed, 1);
        counter_add(&c->expired_unfetched, !fetched);
    } else if (why == LEAVE_SWEPT) {
        counter_add(&c->crawler_reclaimed, 1);
        counter_add(&c->expired_unfetched, !fetched && !item_is_flushed(t->engine, it));
    }
}

void
item_left(struct engine_thread *t, struct item *it, enum leave why)
{
    struct engine_class_counters *c = &t->class_counters[item_class(t->engine, it)];
    uint64_t bytes = item_total_bytes(it);
    counter_sub(&c->number, 1);
    counter_sub(&c->bytes, bytes);
    count_size(t->engine, bytes, -1);
    count_leaving(t, it, why);
    if (--t->index_delta <= -INDEX_DELTA_MAX) {
        index_count(&t->engine->index, t->index_delta);
        t->index_delta = 0;
    }
    item_retire(t, it);
}

void
item_retire(struct engine_thread *t, struct item *it)
{
    uint16_t state = item_state(it);
    atomic_store_explicit(&it->state, (uint16_t)((state & ~ITEM_KIND) | ITEM_LIMBO),
                          memory_order_release);
    epoch_retire(&t->epoch, arena_ref(&t->engine->arena, it));
}

bool
item_unlink(struct engine_thread *t, struct item *it, enum leave why)
{
    return item_unlink_hashed(t, it, engine_hash(t->engine, item_key(it)), why);
}

bool
item_unlink_hashed(struct engine_thread *t, struct item *it, uint64_t hash, enum leave why)
{
    struct engine *e = t->engine;
    if (index_swap(&e->index, hash, item_key(it), arena_ref(&e->arena, it), 0) != INDEX_OK)
        return false;
    item_left(t, it, why);
    return true;
}

void
item_set_exptime(struct engine *e, struct item *it, uint32_t exptime_s)
{
    uint32_t before_s = atomic_exchange_explicit(&it->exptime_s, exptime_s, memory_order_relaxed);
    if (exptime_s != 0 && (before_s == 0 || exptime_s < before_s))
        slab_note_exptime(&e->slabs.pages[arena_page_of(&e->arena, arena_ref(&e->arena, it))], exptime_s);
}

static void
free_bodies(struct engine *e, item_ref ref)
{
    while (ref != 0) {
        item_ref next = item_next_body((struct item_body *)item_at(e, ref));
        slab_free(&e->slabs, ref);
        ref = next;
    }
}

void
item_free(struct engine *e, item_ref ref)
{
    struct item *it = item_at(e, ref);
    if (item_is_chained(it))
        free_bodies(e, item_chain(it)->first);
    slab_free(&e->slabs, ref);
}

/* ---- look-ups ---- */

uint64_t
engine_hash(const struct engine *e, struct span key)
{
    return hash_span(key, e->config.hash_seed);
}

void
engine_prefetch_bucket(const struct engine *e, uint64_t hash)
{
    index_prefetch(&e->index, hash);
}

void
engine_prefetch_item(const struct engine *e, uint64_t hash)
{
    index_prefetch_item(&e->index, hash);
}

/* The live item of the key; a dead one that stands there is removed. */
static ALWAYS_INLINE struct item *
find_live(struct engine_thread *t, uint64_t hash, struct span key, bool count_dead)
{
    struct engine *e = t->engine;
    item_ref ref = index_find(&e->index, hash, key);
    if (ref == 0)
        return NULL;
    struct item *it = item_at(e, ref);
    if (LIKELY(!item_is_dead(e, it, t->now_s)))
        return it;
    if (count_dead)
        counter_add(item_is_flushed(e, it) ? &t->counters.get_flushed : &t->counters.get_expired, 1);
    if (epoch_limbo_room(&t->epoch) > 0)
        item_unlink(t, it, LEAVE_MISSED);
    return NULL;
}

const struct item *
engine_get(struct engine_thread *t, uint64_t hash, struct span key)
{
    const struct item *it = engine_look(t, hash, key);
    engine_note_get(t, it, true);
    return it;
}

const struct item *
engine_look(struct engine_thread *t, uint64_t hash, struct span key)
{
    return find_live(t, hash, key, true);
}

void
engine_note_get(struct engine_thread *t, const struct item *it, bool bump)
{
    if (it == NULL) {
        counter_add(&t->counters.get_misses, 1);
        return;
    }
    if (LIKELY(bump))
        note_hit(t, (struct item *)it);
    counter_add(&t->class_counters[item_class(t->engine, it)].get_hits, 1);
}

const struct item *
engine_peek(struct engine_thread *t, uint64_t hash, struct span key)
{
    return find_live(t, hash, key, false);
}

struct claim {
    struct engine *e;
    bool won;
};

static void
set_token(void *context, item_ref ref, item_ref same)
{
    struct claim *claim = context;
    (void)same;
    uint16_t before = atomic_fetch_or_explicit(&item_at(claim->e, ref)->state, ITEM_TOKEN_SENT,
                                               memory_order_acq_rel);
    claim->won = (before & ITEM_TOKEN_SENT) == 0;
}

/* Under the lock of its bucket, as engine_touch(). */
bool
engine_claim_token(struct engine_thread *t, uint64_t hash, const struct item *it)
{
    struct engine *e = t->engine;
    if (item_state(it) & ITEM_TOKEN_SENT)
        return false;
    struct claim claim = {.e = e};
    return index_update(&e->index, hash, arena_ref(&e->arena, it), set_token, &claim) && claim.won;
}

struct touch {
    struct engine *e;
    uint32_t exptime_s;
};

static void
set_exptime(void *context, item_ref ref, item_ref same)
{
    struct touch *touch = context;
    (void)same;
    item_set_exptime(touch->e, item_at(touch->e, ref), touch->exptime_s);
}

/* Under the lock of its bucket, so that an incr or append that is making a new item out of this one
 * takes the exptime over. */
bool
engine_set_exptime(struct engine_thread *t, uint64_t hash, const struct item *it, uint32_t exptime_s)
{
    struct engine *e = t->engine;
    struct touch touch = {e, exptime_s};
    return index_update(&e->index, hash, arena_ref(&e->arena, it), set_exptime, &touch);
}

void
engine_note_touch(struct engine_thread *t, const struct item *it, bool bump)
{
    if (it == NULL) {
        counter_add(&t->counters.touch_misses, 1);
        return;
    }
    if (LIKELY(bump))
        note_hit(t, (struct item *)it);
    counter_add(&t->class_counters[item_class(t->engine, it)].touch_hits, 1);
}

const struct item *
engine_touch(struct engine_thread *t, uint64_t hash, struct span key, uint32_t exptime_s)
{
    const struct item *it;
    do
        it = find_live(t, hash, key, false);
    while (it != NULL && !engine_set_exptime(t, hash, it, exptime_s));
    engine_note_touch(t, it, true);
    return it;
}

int
engine_value_iov(const struct engine *e, const struct item *it, uint32_t offset, struct iovec *iov,
                 int max, size_t *bytes)
{
    *bytes = 0;
    if (!item_is_chained(it)) {
        uint32_t value_bytes = item_value_bytes(it);
        if (offset >= value_bytes || max < 1)
            return 0;
        *bytes = value_bytes - offset;
        iov[0] = (struct iovec){(char *)item_value(it) + offset, *bytes};
        return 1;
    }
    struct engine_place start = {0};
    return engine_value_iov_from(e, it, &start, offset, iov, max, bytes);
}

/* Moves the place to the chunk that holds the byte; false: the chain ends before it. */
static bool
find_place(const struct engine *e, const struct item *it, struct engine_place *place, uint32_t offset)
{
    if (place->ref == 0 || offset < place->offset)
        *place = (struct engine_place){.ref = item_chain(it)->first};
    while (place->ref != 0) {
        const struct item_body *body = (const struct item_body *)item_at(e, place->ref);
        if (offset - place->offset < body->data_bytes)
            return true;
        place->ref = item_next_body(body);
        place->offset += body->data_bytes;
    }
    return false;
}

int
engine_value_iov_from(const struct engine *e, const struct item *it, struct engine_place *place,
                      uint32_t offset, struct iovec *iov, int max, size_t *bytes)
{
    int count = 0;
    *bytes = 0;
    if (!find_place(e, it, place, offset))
        return 0;
    uint32_t skipped = offset - place->offset;
    for (item_ref ref = place->ref; ref != 0 && count < max;) {
        struct item_body *body = (struct item_body *)item_at(e, ref);
        iov[count++] = (struct iovec){body->data + skipped, body->data_bytes - skipped};
        *bytes += body->data_bytes - skipped;
        skipped = 0;
        ref = item_next_body(body);
    }
    return count;
}

void
engine_pin(struct engine_thread *t, const struct item *it)
{
    (void)t;
    CHECK(item_is_chained(it));
    atomic_fetch_add_explicit(&item_chain(it)->pins, 1, memory_order_relaxed);
}

void
engine_unpin(struct engine_thread *t, const struct item *it)
{
    struct engine *e = t->engine;
    uint32_t before = atomic_fetch_sub_explicit(&item_chain(it)->pins, 1, memory_order_acq_rel);
    CHECK((before & ~ITEM_PIN_ORPHAN) > 0);
    if (before == (ITEM_PIN_ORPHAN | 1))
        item_free(e, arena_ref(&e->arena, it));
}

/* ---- removal ---- */

/* '*class_id' is that of what was removed. */
static enum engine_status
remove_key(struct engine_thread *t, uint64_t hash, struct span key, const struct engine_rules *rules,
           unsigned *class_id)
{
    if (epoch_limbo_room(&t->epoch) == 0)
        return ENGINE_AGAIN;
    struct item *it;
    do {
        it = find_live(t, hash, key, false);
        if (it == NULL)
            return ENGINE_NOT_FOUND;
        if (rules != NULL && rules->compares && !item_has_unique(it, rules->expected))
            return ENGINE_EXISTS;
        /* Somebody may have put another item in its place: then that one is to be deleted. */
    } while (!item_unlink(t, it, LEAVE_DELETED));
    *class_id = item_class(t->engine, it);
    return ENGINE_OK;
}

enum engine_status
engine_delete(struct engine_thread *t, uint64_t hash, struct span key, const struct engine_rules *rules)
{
    unsigned class_id;
    enum engine_status status = remove_key(t, hash, key, rules, &class_id);
    if (status == ENGINE_OK)
        counter_add(&t->class_counters[class_id].delete_hits, 1);
    else if (status == ENGINE_NOT_FOUND)
        counter_add(&t->counters.delete_misses, 1);
    return status;
}

enum engine_status
engine_forget(struct engine_thread *t, uint64_t hash, struct span key)
{
    unsigned class_id;
    return remove_key(t, hash, key, NULL, &class_id);
}

#include "engine/index.h"

#include <sched.h>

#include "base/check.h"
#include "base/hash.h"

/* Split when there are more items than this per bucket.  Linear hashing's unsplit buckets carry up to
 * twice what split ones do: at 7 of 9 slots a third of the unsplit overflow at the worst moment, and
 * the index costs 9 to 11 bytes an item. */
#define ITEMS_PER_BUCKET 7

/* No chain is walked further: an index that finds no memory to grow for long refuses entries then. */
#define CHAIN_BUCKETS_MAX 64

/* Lines of an item that are loaded ahead: header, key and a value of 100 bytes.  100,000 items of 154
 * bytes, looked up in batches: 69 ns with two lines, 58 with three, 59 with four. */
#define PREFETCH_LINES 3

/* Holes that a removal leaves when it shortens a chain, so that the next few entries do not need the
 * overflow bucket again.  Without shortening every bucket would overflow once, sooner or later, and
 * keep it: a full cache of 100-byte values had an overflow bucket to each bucket, 19 bytes an item. */
#define REMOVAL_SPARE 2

#define LOCKED 1u

static uint16_t
tag_of(uint64_t hash)
{
    return (uint16_t)(hash >> 48);
}

static uint64_t
bucket_number(uint64_t hash, uint64_t bucket_count)
{
    uint64_t low = hash & 0xffffffffffff;
    uint64_t mask = bucket_count > 1 ? UINT64_MAX >> __builtin_clzll(bucket_count - 1) : 0;
    uint64_t n = low & mask;
    return n < bucket_count ? n : n & (mask >> 1);
}

uint64_t
index_bucket_count(const struct index *ix)
{
    return atomic_load_explicit(&((struct index *)ix)->bucket_count, memory_order_acquire);
}

static struct bucket *
bucket_for(const struct index *ix, uint64_t hash)
{
    return &ix->buckets[bucket_number(hash, index_bucket_count(ix))];
}

static struct bucket *
next_bucket(const struct index *ix, struct bucket *b)
{
    uint32_t link = atomic_load_explicit(&b->link, memory_order_acquire);
    return link != 0 ? &ix->overflow[link - 1] : NULL;
}

static item_ref
ref_at(struct bucket *b, unsigned slot)
{
    return atomic_load_explicit(&b->refs[slot], memory_order_acquire);
}

#define TAG_BITS      16
#define TAGS_PER_WORD 4
#define EVERY_TAG(t)  (UINT64_C(0x0001000100010001) * (t))

/* Acquire: who passes over an entry because of a newer one's tag must see the version that was raised
 * before the older one moved away.  Pairs with put(). */
static uint64_t
tag_word(const struct bucket *b, unsigned word)
{
    return atomic_load_explicit(&((struct bucket *)b)->tags[word], memory_order_acquire);
}

static uint16_t
tag_at(const struct bucket *b, unsigned slot)
{
    if (slot == INDEX_BUCKET_SLOTS - 1)
        return atomic_load_explicit(&((struct bucket *)b)->last_tag, memory_order_acquire);
    return (uint16_t)(tag_word(b, slot / TAGS_PER_WORD) >> slot % TAGS_PER_WORD * TAG_BITS);
}

/* The slots with this tag, as bits; a few others too, so that the keys decide. */
static ALWAYS_INLINE unsigned
slots_with_tag(const struct bucket *b, uint16_t tag)
{
    uint64_t low = tag_word(b, 0) ^ EVERY_TAG(tag), high = tag_word(b, 1) ^ EVERY_TAG(tag);
    /* The top bit of each 16 that are all zero, and sometimes of one above such.  (Mycroft 1987) */
    low = (low - EVERY_TAG(1)) & ~low & EVERY_TAG(0x8000);
    high = (high - EVERY_TAG(1)) & ~high & EVERY_TAG(0x8000);
    /* The multiplication brings these four bits to the top, in order. */
    unsigned slots = (unsigned)((low >> 15) * UINT64_C(0x1000200040008) >> 48) & 15;
    slots |= (unsigned)((high >> 15) * UINT64_C(0x1000200040008) >> 48 & 15) << TAGS_PER_WORD;
    return slots | (unsigned)(tag_at(b, INDEX_BUCKET_SLOTS - 1) == tag) << (INDEX_BUCKET_SLOTS - 1);
}

/* The caller alone changes the bucket: it has the chain's lock, or nobody else knows it. */
static void
put(struct bucket *b, unsigned slot, uint16_t tag, item_ref ref)
{
    if (slot == INDEX_BUCKET_SLOTS - 1) {
        atomic_store_explicit(&b->last_tag, tag, memory_order_release);
    } else {
        unsigned word = slot / TAGS_PER_WORD, shift = slot % TAGS_PER_WORD * TAG_BITS;
        uint64_t tags = tag_word(b, word) & ~((uint64_t)UINT16_MAX << shift);
        atomic_store_explicit(&b->tags[word], tags | (uint64_t)tag << shift, memory_order_release);
    }
    atomic_store_explicit(&b->refs[slot], ref, memory_order_release);
}

static void
clear(struct bucket *b, unsigned slot)
{
    atomic_store_explicit(&b->refs[slot], 0, memory_order_release);
}

/* ---- locks of buckets ---- */

static void
lock_bucket(struct bucket *b)
{
    for (unsigned tries = 1;; tries++) {
        uint32_t head = atomic_load_explicit(&b->head, memory_order_relaxed);
        if (!(head & LOCKED) &&
            atomic_compare_exchange_weak_explicit(&b->head, &head, head | LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
            return;
        /* The holder works for tens of nanoseconds, unless it lost its core. */
        if (tries % 64 == 0)
            sched_yield();
    }
}

static void
unlock_bucket(struct bucket *b)
{
    uint32_t head = atomic_load_explicit(&b->head, memory_order_relaxed);
    atomic_store_explicit(&b->head, head & ~LOCKED, memory_order_release);
}

/* To be called between writing the copies of moving entries and clearing the originals. */
static void
raise_version(struct bucket *b)
{
    uint32_t head = atomic_load_explicit(&b->head, memory_order_relaxed);
    atomic_store_explicit(&b->head, head + 2, memory_order_release);
}

static uint32_t
version_of(struct bucket *b)
{
    return atomic_load_explicit(&b->head, memory_order_acquire) >> 1;
}

static struct bucket *
lock_for(struct index *ix, uint64_t hash)
{
    for (;;) {
        struct bucket *b = bucket_for(ix, hash);
        lock_bucket(b);
        if (LIKELY(b == bucket_for(ix, hash)))
            return b;
        unlock_bucket(b);
    }
}

/* ---- memory ---- */

/* Makes room for more buckets in one of the two ranges, by a page. */
static bool
extend(struct index *ix, uint64_t *capacity, uint64_t bytes_max)
{
    uint64_t page_bytes = 1ull << ix->arena->page_shift;
    if (*capacity * sizeof(struct bucket) + page_bytes > bytes_max)
        return false;
    if (!arena_take_index_page(ix->arena)) {
        atomic_store_explicit(&ix->hungry, true, memory_order_relaxed);
        return false;
    }
    *capacity += page_bytes / sizeof(struct bucket);
    return true;
}

/* An empty overflow bucket, as its link; 0: no memory. */
static uint32_t
overflow_alloc(struct index *ix)
{
    uint32_t link = 0;
    mutex_lock(&ix->overflow_lock);
    if (ix->overflow_free != 0) {
        link = ix->overflow_free;
        struct bucket *b = &ix->overflow[link - 1];
        ix->overflow_free = atomic_load_explicit(&b->link, memory_order_relaxed);
        atomic_store_explicit(&b->link, 0, memory_order_relaxed);
    } else if (ix->overflow_fresh < ix->overflow_capacity ||
               extend(ix, &ix->overflow_capacity, ix->arena->overflow_bytes_max)) {
        link = (uint32_t)++ix->overflow_fresh;
    }
    ix->overflow_used += link != 0;
    mutex_unlock(&ix->overflow_lock);
    return link;
}

/* All its references are 0.  A reader that still walks it may end up in another chain: it misses
 * there, and the version of its own bucket tells it to start again. */
static void
overflow_free(struct index *ix, uint32_t link)
{
    mutex_lock(&ix->overflow_lock);
    atomic_store_explicit(&ix->overflow[link - 1].link, ix->overflow_free, memory_order_relaxed);
    ix->overflow_free = link;
    ix->overflow_used--;
    mutex_unlock(&ix->overflow_lock);
}

bool
index_init(struct index *ix, struct arena *a, uint64_t seed)
{
    memset(ix, 0, sizeof *ix);
    ix->arena = a;
    ix->buckets = (struct bucket *)a->buckets;
    ix->overflow = (struct bucket *)a->overflow;
    ix->seed = seed;
    mutex_init(&ix->grow_lock);
    mutex_init(&ix->overflow_lock);
    if (!extend(ix, &ix->bucket_capacity, a->buckets_bytes_max)) {
        index_fini(ix);
        return false;
    }
    atomic_init(&ix->bucket_count, ix->bucket_capacity);
    return true;
}

void
index_fini(struct index *ix)
{
    mutex_fini(&ix->grow_lock);
    mutex_fini(&ix->overflow_lock);
}

/* ---- look-ups ---- */

static bool
has_key(const struct index *ix, item_ref ref, struct span key)
{
    const struct item *it = arena_ptr(ix->arena, ref);
    return item_key_bytes(it) == key.bytes &&
           memcmp(item_key_at(it, item_state(it)), key.p, key.bytes) == 0;
}

static item_ref
find_in_chain(const struct index *ix, struct bucket *b, uint16_t tag, struct span key)
{
    for (unsigned depth = 0; b != NULL && depth < CHAIN_BUCKETS_MAX; depth++) {
        for (unsigned slots = slots_with_tag(b, tag); slots != 0; slots &= slots - 1) {
            item_ref ref = ref_at(b, (unsigned)__builtin_ctz(slots));
            if (ref != 0 && has_key(ix, ref, key))
                return ref;
        }
        b = next_bucket(ix, b);
    }
    return 0;
}

item_ref
index_find(const struct index *ix, uint64_t hash, struct span key)
{
    for (;;) {
        struct bucket *b = bucket_for(ix, hash);
        uint32_t version = version_of(b);
        item_ref ref = find_in_chain(ix, b, tag_of(hash), key);
        if (ref != 0 || (version_of(b) == version && bucket_for(ix, hash) == b))
            return ref;
    }
}

void
index_prefetch(const struct index *ix, uint64_t hash)
{
    __builtin_prefetch(bucket_for(ix, hash));
}

void
index_prefetch_item(const struct index *ix, uint64_t hash)
{
    struct bucket *b = bucket_for(ix, hash);
    unsigned slots = slots_with_tag(b, tag_of(hash));
    if (LIKELY(slots != 0)) {
        const char *item = arena_ptr(ix->arena, ref_at(b, (unsigned)__builtin_ctz(slots)));
        for (unsigned line = 0; line < PREFETCH_LINES; line++)
            __builtin_prefetch(item + line * CACHE_LINE_BYTES);
        return;
    }
    index_prefetch_overflow(ix, hash);
}

void
index_prefetch_overflow(const struct index *ix, uint64_t hash)
{
    struct bucket *next = next_bucket(ix, bucket_for(ix, hash));
    if (next != NULL)
        __builtin_prefetch(next);
}

/* ---- changes ---- */

/* Appends an overflow bucket that already holds the entry, so that readers never see it half made. */
static enum index_status
append_overflow(struct index *ix, struct bucket *last, uint16_t tag, item_ref ref)
{
    uint32_t link = overflow_alloc(ix);
    if (link == 0)
        return INDEX_NO_MEMORY;
    put(&ix->overflow[link - 1], 0, tag, ref);
    atomic_store_explicit(&last->link, link, memory_order_release);
    return INDEX_OK;
}

/* The caller holds the lock of the chain's first bucket, or is the only one who knows it. */
static enum index_status
insert_in_chain(struct index *ix, struct bucket *b, uint16_t tag, item_ref ref)
{
    for (unsigned depth = 0; depth < CHAIN_BUCKETS_MAX; depth++) {
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++) {
            if (ref_at(b, slot) == 0) {
                put(b, slot, tag, ref);
                return INDEX_OK;
            }
        }
        struct bucket *next = next_bucket(ix, b);
        if (next == NULL && depth + 1 < CHAIN_BUCKETS_MAX) /* further on nobody would find it */
            return append_overflow(ix, b, tag, ref);
        if (next == NULL)
            break;
        b = next;
    }
    return INDEX_NO_MEMORY;
}

/* Where the chain holds 'ref'; NULL: nowhere. */
static _Atomic item_ref *
slot_of(struct index *ix, struct bucket *b, item_ref ref)
{
    for (unsigned depth = 0; b != NULL && depth < CHAIN_BUCKETS_MAX; depth++) {
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
            if (ref_at(b, slot) == ref)
                return &b->refs[slot];
        b = next_bucket(ix, b);
    }
    return NULL;
}

static enum index_status
replace_in_chain(struct index *ix, struct bucket *b, item_ref old, item_ref new)
{
    _Atomic item_ref *slot = slot_of(ix, b, old);
    if (slot == NULL)
        return INDEX_CHANGED;
    atomic_store_explicit(slot, new, memory_order_release);
    return INDEX_OK;
}

static bool shorten_chain(struct index *ix, struct bucket *first, unsigned spare);

enum index_status
index_swap(struct index *ix, uint64_t hash, struct span key, item_ref old, item_ref new)
{
    enum index_status status;
    struct bucket *b = lock_for(ix, hash);
    if (old != 0)
        status = replace_in_chain(ix, b, old, new);
    else if (find_in_chain(ix, b, tag_of(hash), key) != 0)
        status = INDEX_CHANGED;
    else
        status = insert_in_chain(ix, b, tag_of(hash), new);
    if (new == 0 && atomic_load_explicit(&b->link, memory_order_relaxed) != 0)
        shorten_chain(ix, b, REMOVAL_SPARE);
    unlock_bucket(b);
    return status;
}

enum index_status
index_swap_carrying(struct index *ix, uint64_t hash, item_ref old, item_ref new,
                    index_carry_fn *carry, void *context)
{
    struct bucket *b = lock_for(ix, hash);
    _Atomic item_ref *slot = slot_of(ix, b, old);
    if (slot != NULL) {
        carry(context, old, new);
        atomic_store_explicit(slot, new, memory_order_release);
    }
    unlock_bucket(b);
    return slot != NULL ? INDEX_OK : INDEX_CHANGED;
}

bool
index_update(struct index *ix, uint64_t hash, item_ref ref, index_carry_fn *update, void *context)
{
    struct bucket *b = lock_for(ix, hash);
    bool there = slot_of(ix, b, ref) != NULL;
    if (there)
        update(context, ref, ref);
    unlock_bucket(b);
    return there;
}

void
index_count(struct index *ix, int64_t delta)
{
    atomic_fetch_add_explicit(&ix->item_count, delta, memory_order_relaxed);
}

uint64_t
index_item_count(const struct index *ix)
{
    int64_t items = atomic_load_explicit(&((struct index *)ix)->item_count, memory_order_relaxed);
    return items > 0 ? (uint64_t)items : 0; /* removals may have been told before what they removed */
}

/* ---- growth ---- */

/* Does the entry move when bucket 'from' of 'count' is split? */
static bool
moves(const struct index *ix, item_ref ref, uint64_t from, uint64_t count)
{
    uint64_t hash = hash_span(item_key(arena_ptr(ix->arena, ref)), ix->seed);
    return bucket_number(hash, count + 1) != from;
}

static void
prefetch_chain_items(const struct index *ix, struct bucket *b)
{
    for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++) {
        item_ref ref = ref_at(b, slot);
        if (ref != 0)
            __builtin_prefetch(arena_ptr(ix->arena, ref));
    }
}

static void
free_chain(struct index *ix, struct bucket *b)
{
    uint32_t link = atomic_load_explicit(&b->link, memory_order_relaxed);
    atomic_store_explicit(&b->link, 0, memory_order_release);
    for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
        clear(b, slot);
    while (link != 0) {
        struct bucket *o = &ix->overflow[link - 1];
        uint32_t next = atomic_load_explicit(&o->link, memory_order_relaxed);
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
            clear(o, slot);
        overflow_free(ix, link);
        link = next;
    }
}

/* Copies what moves into the new chain; false, and nothing done, when memory is short. */
static bool
copy_moving(struct index *ix, uint64_t from, uint64_t count)
{
    struct bucket *to = &ix->buckets[count];
    struct bucket *b = &ix->buckets[from];
    for (; b != NULL; b = next_bucket(ix, b)) {
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++) {
            item_ref ref = ref_at(b, slot);
            if (ref == 0 || !moves(ix, ref, from, count))
                continue;
            if (insert_in_chain(ix, to, tag_at(b, slot), ref) != INDEX_OK) {
                free_chain(ix, to);
                return false;
            }
        }
    }
    return true;
}

static void
clear_moved(struct index *ix, uint64_t from, uint64_t count)
{
    for (struct bucket *b = &ix->buckets[from]; b != NULL; b = next_bucket(ix, b)) {
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++) {
            item_ref ref = ref_at(b, slot);
            if (ref != 0 && moves(ix, ref, from, count))
                clear(b, slot);
        }
    }
}

/* Moves the entries of the last overflow bucket into holes before it, and frees it, if that leaves
 * 'spare' holes; true if it did. */
static bool
shorten_chain(struct index *ix, struct bucket *first, unsigned spare)
{
    struct bucket *before = first, *last = next_bucket(ix, first);
    if (last == NULL)
        return false;
    for (struct bucket *next; (next = next_bucket(ix, last)) != NULL; last = next)
        before = last;

    unsigned holes = 0, entries = 0;
    for (struct bucket *b = first; b != last; b = next_bucket(ix, b))
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
            holes += ref_at(b, slot) == 0;
    for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
        entries += ref_at(last, slot) != 0;
    if (entries + spare > holes)
        return false;

    for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
        if (ref_at(last, slot) != 0)
            CHECK(insert_in_chain(ix, first, tag_at(last, slot), ref_at(last, slot)) == INDEX_OK);
    raise_version(first);
    uint32_t link = atomic_load_explicit(&before->link, memory_order_relaxed);
    atomic_store_explicit(&before->link, 0, memory_order_release);
    for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++)
        clear(last, slot);
    overflow_free(ix, link);
    return true;
}

/* Splits the next bucket in turn.  grow_lock is held. */
static bool
split(struct index *ix) REQUIRES(ix->grow_lock)
{
    uint64_t count = index_bucket_count(ix);
    if (count == ix->bucket_capacity &&
        !extend(ix, &ix->bucket_capacity, ix->arena->buckets_bytes_max))
        return false;
    /* The bucket whose entries the new one shares: its number without the highest bit. */
    uint64_t from = count & ~(1ull << (63 - __builtin_clzll(count)));
    struct bucket *old = &ix->buckets[from], *new = &ix->buckets[count];
    prefetch_chain_items(ix, old);
    lock_bucket(old);
    lock_bucket(new);
    bool ok = copy_moving(ix, from, count);
    if (ok) {
        atomic_store_explicit(&ix->bucket_count, count + 1, memory_order_release);
        raise_version(old);
        clear_moved(ix, from, count);
        while (shorten_chain(ix, old, 0))
            ;
    }
    unlock_bucket(new);
    unlock_bucket(old);
    return ok;
}

static bool
is_overloaded(struct index *ix)
{
    return index_item_count(ix) > index_bucket_count(ix) * ITEMS_PER_BUCKET;
}

void
index_grow(struct index *ix, unsigned budget)
{
    if (!is_overloaded(ix))
        return;
    mutex_lock(&ix->grow_lock);
    while (budget > 0 && is_overloaded(ix) && split(ix))
        budget--;
    mutex_unlock(&ix->grow_lock);
}

/* ---- views ---- */

uint64_t
index_bytes(struct index *ix, uint64_t *overflow_bytes)
{
    mutex_lock(&ix->overflow_lock);
    *overflow_bytes = ix->overflow_used * sizeof(struct bucket);
    uint64_t bytes = ix->overflow_capacity * sizeof(struct bucket);
    mutex_unlock(&ix->overflow_lock);
    mutex_lock(&ix->grow_lock);
    bytes += ix->bucket_capacity * sizeof(struct bucket);
    mutex_unlock(&ix->grow_lock);
    return bytes;
}

void
index_walk(struct index *ix, uint64_t bucket, index_visit_fn *visit, void *context)
{
    struct bucket *first = &ix->buckets[bucket];
    lock_bucket(first);
    for (struct bucket *b = first; b != NULL; b = next_bucket(ix, b)) {
        for (unsigned slot = 0; slot < INDEX_BUCKET_SLOTS; slot++) {
            item_ref ref = ref_at(b, slot);
            if (ref != 0)
                visit(context, ref);
        }
    }
    unlock_bucket(first);
}

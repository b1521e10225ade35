/* store.c - new items: filled outside the index, then linked in one step.
 *
 * Items never change once they are linked.  Whatever a store depends on - is there an item, is its
 * cas unique this, what is its value - is read first without a lock; then index_swap() puts the new
 * item where the old one was, or finds that it is no longer there, and all starts again.
 */
#include "engine/state.h"

#include "base/check.h"
#include "base/num.h"

/* memcached's item header, its NUL behind the key, its line end behind the value: counted by
 * engine_item_fits() only, so that exactly the same values are too large. */
#define MEMCACHED_HEADER_BYTES 48
#define MEMCACHED_EXTRA_BYTES  3

bool
engine_item_fits(const struct engine *e, size_t key_bytes, uint32_t client_flags,
                 uint32_t value_bytes)
{
    uint64_t total = MEMCACHED_HEADER_BYTES + (e->config.cas ? 8 : 0) + key_bytes +
                     (client_flags != 0 ? 4 : 0) + (uint64_t)value_bytes + MEMCACHED_EXTRA_BYTES;
    return total <= e->config.item_bytes_max;
}

/* ---- uploads ---- */

static uint16_t
initial_state(const struct engine *e, uint32_t client_flags, bool chained)
{
    return (uint16_t)(ITEM_RESERVED | (e->config.cas ? ITEM_HAS_CAS : 0) |
                      (client_flags != 0 ? ITEM_HAS_FLAGS : 0) | (chained ? ITEM_CHAINED : 0));
}

static void
fill_header(struct item *it, uint16_t state, struct span key, uint32_t client_flags,
            uint32_t value_bytes)
{
    bool chained = (state & ITEM_CHAINED) != 0;
    atomic_store_explicit(&it->lengths, (uint32_t)key.bytes << 24 | (chained ? 0 : value_bytes),
                          memory_order_relaxed);
    atomic_store_explicit(&it->hit, 0, memory_order_relaxed);
    atomic_store_explicit(&it->state, state, memory_order_release);
    char *at = (char *)it + item_key_offset(state);
    memcpy(at, key.p, key.bytes);
    if (client_flags != 0)
        memcpy(at - sizeof client_flags, &client_flags, sizeof client_flags);
    if (chained) {
        struct item_chain *chain = item_chain(it);
        chain->first = 0;
        chain->value_bytes = value_bytes;
        atomic_store_explicit(&chain->pins, 0, memory_order_relaxed);
    }
}

/* A value that takes more than half the cache would push all else out, only to be refused when the last
 * chunk cannot be had. */
static bool
may_ever_fit(struct engine_thread *t, uint32_t value_bytes)
{
    struct arena_usage usage;
    arena_usage(&t->engine->arena, &usage);
    if (value_bytes <= ((uint64_t)usage.limit_pages << t->engine->arena.page_shift) / 2)
        return true;
    counter_add(&t->counters.store_no_memory, 1);
    return false;
}

enum engine_status
engine_reserve(struct engine_thread *t, struct span key, uint32_t client_flags, uint32_t exptime_s,
               uint32_t value_bytes, struct upload *up)
{
    struct engine *e = t->engine;
    CHECK(key.bytes > 0 && key.bytes <= 250);
    if (!engine_item_fits(e, key.bytes, client_flags, value_bytes)) {
        counter_add(&t->counters.store_too_large, 1);
        return ENGINE_TOO_LARGE;
    }
    uint64_t bytes = item_key_offset(initial_state(e, client_flags, false)) + key.bytes;
    bool chained = bytes + value_bytes > e->slabs.chunk_bytes_max;
    if (chained && !may_ever_fit(t, value_bytes))
        return ENGINE_NO_MEMORY;
    bytes += chained ? 3 + sizeof(struct item_chain) : value_bytes;
    item_ref ref;
    enum engine_status status = chunk_alloc(t, (uint32_t)bytes, exptime_s, &ref);
    if (status != ENGINE_OK)
        return status;
    struct item *it = item_at(e, ref);
    fill_header(it, initial_state(e, client_flags, chained), key, client_flags, value_bytes);
    *up = (struct upload){.item = it, .value_bytes = value_bytes};
    return ENGINE_OK;
}

/* The next chunk of a chained value: as large as chunks are, the last one as small as it can be. */
static enum engine_status
add_body(struct engine_thread *t, struct upload *up)
{
    struct engine *e = t->engine;
    uint64_t bytes = sizeof(struct item_body) + (uint64_t)(up->value_bytes - up->filled_bytes);
    if (bytes > e->slabs.chunk_bytes_max)
        bytes = e->slabs.chunk_bytes_max;
    item_ref ref;
    enum engine_status status = chunk_alloc(t, (uint32_t)bytes, 0, &ref);
    if (status != ENGINE_OK)
        return status;
    struct item_body *body = (struct item_body *)item_at(e, ref);
    /* 'next' is 0: it is where an item has its exptime. */
    body->owner = arena_ref(&e->arena, up->item);
    body->data_bytes = (uint32_t)(bytes - sizeof *body);
    atomic_store_explicit(&body->state, ITEM_BODY, memory_order_release);
    if (up->tail_ref == 0)
        item_chain(up->item)->first = ref;
    else
        atomic_store_explicit(&((struct item_body *)item_at(e, up->tail_ref))->next, ref,
                              memory_order_relaxed);
    up->tail_ref = ref;
    up->tail_filled = 0;
    return ENGINE_OK;
}

enum engine_status
engine_upload_space(struct engine_thread *t, struct upload *up, char **to, size_t *room)
{
    struct engine *e = t->engine;
    if (!item_is_chained(up->item)) {
        *to = (char *)item_value(up->item) + up->filled_bytes;
        *room = up->value_bytes - up->filled_bytes;
        return ENGINE_OK;
    }
    struct item_body *tail = up->tail_ref != 0 ? (struct item_body *)item_at(e, up->tail_ref) : NULL;
    if (up->filled_bytes < up->value_bytes && (tail == NULL || up->tail_filled == tail->data_bytes)) {
        enum engine_status status = add_body(t, up);
        if (status != ENGINE_OK)
            return status;
        tail = (struct item_body *)item_at(e, up->tail_ref);
    }
    *to = tail->data + up->tail_filled;
    *room = tail->data_bytes - up->tail_filled;
    return ENGINE_OK;
}

void
engine_upload_filled(struct upload *up, size_t bytes)
{
    CHECK(bytes <= up->value_bytes - up->filled_bytes);
    up->filled_bytes += (uint32_t)bytes;
    up->tail_filled += (uint32_t)bytes;
}

/* Copies as much of 'data' as memory allows; '*done' says how much. */
static enum engine_status
upload_bytes(struct engine_thread *t, struct upload *up, struct span data)
{
    while (data.bytes > 0) {
        char *to;
        size_t room;
        enum engine_status status = engine_upload_space(t, up, &to, &room);
        if (status != ENGINE_OK)
            return status;
        size_t n = data.bytes < room ? data.bytes : room;
        memcpy(to, data.p, n);
        engine_upload_filled(up, n);
        data = span_of(data.p + n, data.bytes - n);
    }
    return ENGINE_OK;
}

/* Pieces of a value that are copied in one go: each go walks the chain from its start. */
#define COPY_IOVS 64

static enum engine_status
upload_value_of(struct engine_thread *t, struct upload *up, const struct item *from)
{
    uint32_t offset = 0;
    struct iovec iov[COPY_IOVS];
    size_t bytes;
    int count;
    while ((count = engine_value_iov(t->engine, from, offset, iov, COPY_IOVS, &bytes)) > 0) {
        for (int i = 0; i < count; i++) {
            enum engine_status status = upload_bytes(t, up, span_of(iov[i].iov_base, iov[i].iov_len));
            if (status != ENGINE_OK)
                return status;
        }
        offset += (uint32_t)bytes;
    }
    return ENGINE_OK;
}

void
engine_abandon(struct engine_thread *t, struct upload *up)
{
    if (up->item != NULL)
        item_free(t->engine, arena_ref(&t->engine->arena, up->item));
    up->item = NULL;
}

/* ---- items made out of others ---- */

/* Was the old one read, then so was the new one.  The rest of 'hit' is evict_keeps()'s. */
static void
inherit_fetched(struct item *it, const struct item *old)
{
    if (item_was_fetched(old))
        atomic_store_explicit(&it->hit, ITEM_FETCHED, memory_order_relaxed);
}

/* How a new item is linked. */
struct linking {
    uint16_t marks;      /* ITEM_MARKS */
    bool keeps_exptime;  /* the old item's, whatever it is at that moment */
    bool keeps_token;    /* the same of ITEM_TOKEN_SENT */
    bool is_no_use;      /* nobody asked for the item by this */
    uint64_t cas_new;    /* 0: the next */
    uint32_t atime_s;    /* of the last use; 0: now */
};

struct carry {
    struct engine *e;
    const struct linking *how;
};

/* What index_swap_carrying() calls: a touch may have come since the new item was made. */
static void
carry_over(void *context, item_ref old_ref, item_ref new_ref)
{
    struct carry *c = context;
    struct item *old = item_at(c->e, old_ref), *new = item_at(c->e, new_ref);
    if (c->how->keeps_exptime)
        item_set_exptime(c->e, new, item_exptime(old));
    if (c->how->keeps_token && (item_state(old) & ITEM_TOKEN_SENT))
        atomic_fetch_or_explicit(&new->state, ITEM_TOKEN_SENT, memory_order_release);
}

/* ---- linking ---- */

/* Makes the item ready to be seen. */
static uint64_t
stamp(struct engine_thread *t, struct item *it, const struct linking *how)
{
    struct engine *e = t->engine;
    uint64_t cas = 0;
    uint16_t state = item_state(it);
    if (state & ITEM_HAS_CAS) {
        cas = how->cas_new != 0 ? how->cas_new
                                : atomic_fetch_add_explicit(&e->cas, 1, memory_order_relaxed) + 1;
        memcpy((char *)it + sizeof *it, &cas, sizeof cas);
    }
    uint32_t atime_s = how->atime_s != 0 ? how->atime_s : t->now_s;
    atomic_store_explicit(&it->atime_s, atime_s, memory_order_relaxed);
    /* Acquire, and counted after it: pairs with begin_generation(), which counts and then raises it.
     * What it has not counted has an older generation, or is counted the next time. */
    uint16_t generation = atomic_load_explicit(&e->generation, memory_order_acquire);
    counter_add(&t->stamped, 1);
    state = (uint16_t)((state & ITEM_LAYOUT) | how->marks | ITEM_LINKED | generation);
    atomic_store_explicit(&it->state, state, memory_order_release);
    return cas;
}

static void
unstamp(struct item *it)
{
    uint16_t state = item_state(it);
    atomic_store_explicit(&it->state, (uint16_t)((state & ~ITEM_KIND) | ITEM_RESERVED),
                          memory_order_release);
}

static enum index_status
put_in_index(struct engine *e, uint64_t hash, struct item *it, item_ref old, const struct linking *how)
{
    item_ref ref = arena_ref(&e->arena, it);
    struct carry carry = {e, how};
    if (how->keeps_exptime || how->keeps_token)
        return index_swap_carrying(&e->index, hash, old, ref, carry_over, &carry);
    return index_swap(&e->index, hash, item_key(it), old, ref);
}

/* Links 'it' in place of 'old' (which may be 0).  OK, AGAIN, NO_MEMORY, or EXISTS: something else is
 * there now. */
static enum engine_status
link_item(struct engine_thread *t, uint64_t hash, struct item *it, item_ref old,
          const struct linking *how, uint64_t *cas)
{
    struct engine *e = t->engine;
    if (epoch_limbo_room(&t->epoch) < 2)
        return ENGINE_AGAIN;
    bool kept = evict_keeps(t, hash, it, old != 0 ? item_at(e, old) : NULL, !how->is_no_use);
    *cas = stamp(t, it, how);
    enum index_status status = put_in_index(e, hash, it, old, how);
    if (status == INDEX_OK) {
        t->fruitless_turns = 0;
        item_entered(t, it);
        if (!kept)
            evict_admit(t, it);
        if (old != 0)
            item_left(t, item_at(e, old),
                      item_is_dead(e, item_at(e, old), t->now_s) ? LEAVE_MISSED : LEAVE_REPLACED);
        /* A flush that came after the stamp may have been swept already, and a generation comes back
         * after a hundred others: nobody must find it then. */
        if (UNLIKELY(item_is_flushed(e, it)))
            item_unlink(t, it, LEAVE_MISSED);
        if (UNLIKELY(atomic_load_explicit(&e->index.hungry, memory_order_relaxed)))
            feed_index(t);
        return ENGINE_OK;
    }
    unstamp(it);
    if (status == INDEX_CHANGED)
        return ENGINE_EXISTS;
    feed_index(t);
    return give_up_or_wait(t, it->class_id);
}

/* What stands under a key at one moment. */
struct standing {
    item_ref ref;     /* live or dead; 0: none */
    struct item *it;  /* live; NULL: none */
};

static struct standing
standing_of(struct engine_thread *t, uint64_t hash, struct span key)
{
    struct engine *e = t->engine;
    struct standing s = {.ref = index_find(&e->index, hash, key)};
    if (s.ref != 0 && !item_is_dead(e, item_at(e, s.ref), t->now_s))
        s.it = item_at(e, s.ref);
    return s;
}

static enum engine_status
compare(const struct engine_rules *rules, const struct item *old)
{
    if (item_has_unique(old, rules->expected))
        return ENGINE_OK;
    bool is_older = (item_state(old) & ITEM_HAS_CAS) != 0 && rules->expected < item_cas(old);
    return rules->accepts_older && is_older ? ENGINE_OK : ENGINE_EXISTS;
}

/* May the store go on, with 'old' standing there? */
static enum engine_status
may_store(const struct engine_rules *rules, const struct item *old)
{
    switch ((enum engine_store)rules->how) {
    case ENGINE_SET:
        return ENGINE_OK;
    case ENGINE_ADD:
        return old == NULL ? ENGINE_OK : ENGINE_NOT_STORED;
    case ENGINE_REPLACE:
        return old != NULL ? ENGINE_OK : ENGINE_NOT_STORED;
    case ENGINE_APPEND:
    case ENGINE_PREPEND:
        if (old == NULL)
            return rules->creates ? ENGINE_OK : ENGINE_NOT_STORED;
        return rules->compares ? compare(rules, old) : ENGINE_OK;
    case ENGINE_CAS:
        return old != NULL ? compare(rules, old) : ENGINE_NOT_FOUND;
    }
    CHECK_NOT_REACHED();
}

/* A new item with the old value and the uploaded one; flags and exptime are the old item's. */
static enum engine_status
join(struct engine_thread *t, const struct item *old, const struct item *piece,
     enum engine_store how, struct upload *joined)
{
    uint64_t total = (uint64_t)item_value_bytes(old) + item_value_bytes(piece);
    if (total > UINT32_MAX)
        return ENGINE_TOO_LARGE;
    enum engine_status status = engine_reserve(t, item_key(old), item_client_flags(old),
                                               item_exptime(old), (uint32_t)total, joined);
    if (status != ENGINE_OK)
        return status;
    bool append = how == ENGINE_APPEND;
    status = upload_value_of(t, joined, append ? old : piece);
    if (status == ENGINE_OK)
        status = upload_value_of(t, joined, append ? piece : old);
    if (status != ENGINE_OK)
        engine_abandon(t, joined);
    return status;
}

/* How the new item is to be linked, with 'old' (NULL: none) in its place. */
static struct linking
linking_of(const struct engine_rules *rules, const struct item *old, bool joins)
{
    struct linking how = {.marks = rules->marks, .cas_new = rules->cas_new};
    if (joins) {
        how.keeps_exptime = true;
        how.marks |= item_state(old) & ITEM_KEY_BINARY;
    } else if (rules->accepts_older && old != NULL && !item_has_unique(old, rules->expected)) {
        how.keeps_exptime = how.keeps_token = true;
        how.marks |= ITEM_STALE;
    }
    return how;
}

/* One attempt.  '*raced': something else is there now, try again. */
static enum engine_status
try_commit(struct engine_thread *t, uint64_t hash, struct upload *up, const struct engine_rules *rules,
           uint64_t *cas, bool *raced)
{
    *raced = false;
    struct standing old = standing_of(t, hash, item_key(up->item));
    enum engine_status status = may_store(rules, old.it);
    if (status != ENGINE_OK) {
        if (rules->how == ENGINE_ADD)
            note_use(old.it, 0);
        return status;
    }
    bool joins = (rules->how == ENGINE_APPEND || rules->how == ENGINE_PREPEND) && old.it != NULL;
    struct upload joined = {.item = up->item};
    if (joins && (status = join(t, old.it, up->item, rules->how, &joined)) != ENGINE_OK)
        return status;
    struct linking how = linking_of(rules, old.it, joins);
    uint64_t unique;
    status = link_item(t, hash, joined.item, old.ref, &how, &unique);
    *raced = status == ENGINE_EXISTS;
    if (status == ENGINE_OK) {
        *cas = unique;
        t->stored_bytes = item_value_bytes(joined.item);
    }
    if (joins && status != ENGINE_OK)
        engine_abandon(t, &joined);
    else if (!joins && status == ENGINE_OK)
        up->item = NULL; /* the index's now */
    return status;
}

static void
count_store(struct engine_thread *t, unsigned class_id, enum engine_store how,
            enum engine_status status)
{
    struct engine_class_counters *c = &t->class_counters[class_id];
    counter_add(&c->set_cmds, 1);
    if (how != ENGINE_CAS)
        return;
    if (status == ENGINE_OK)
        counter_add(&c->cas_hits, 1);
    else if (status == ENGINE_EXISTS)
        counter_add(&c->cas_badval, 1);
    else if (status == ENGINE_NOT_FOUND)
        counter_add(&t->counters.cas_misses, 1);
}

enum engine_status
engine_commit(struct engine_thread *t, uint64_t hash, struct upload *up,
              const struct engine_rules *rules, uint64_t *cas)
{
    CHECK(up->filled_bytes == up->value_bytes);
    unsigned class_id = item_class(t->engine, up->item);
    bool raced;
    enum engine_status status;
    do
        status = try_commit(t, hash, up, rules, cas, &raced);
    while (raced);
    if (status == ENGINE_AGAIN)
        return status;
    if (!rules->uncounted)
        count_store(t, class_id, rules->how, status);
    engine_abandon(t, up);
    return status;
}

enum engine_status
engine_store(struct engine_thread *t, uint64_t hash, struct span key, uint32_t client_flags,
             uint32_t exptime_s, struct span value, const struct engine_rules *rules, uint64_t *cas)
{
    struct upload up;
    CHECK(value.bytes <= UINT32_MAX);
    enum engine_status status =
        engine_reserve(t, key, client_flags, exptime_s, (uint32_t)value.bytes, &up);
    if (status != ENGINE_OK)
        return status;
    status = upload_bytes(t, &up, value);
    if (status == ENGINE_OK)
        status = engine_commit(t, hash, &up, rules, cas);
    if (status != ENGINE_OK)
        engine_abandon(t, &up);
    return status;
}

uint32_t
engine_stored_bytes(const struct engine_thread *t)
{
    return t->stored_bytes;
}

/* ---- arithmetic ---- */

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Reads a value as memcached does, with strtoull(): spaces, an optional sign, digits; then the end, a
 * space or a NUL, as C programs like to store it.  What a minus makes of the digits must not be negative
 * in 64 bits: "-0" is 0. */
static bool
parse_value(const struct item *it, uint64_t *out)
{
    if (item_is_chained(it))
        return false;
    struct span s = span_of(item_value(it), item_value_bytes(it));
    while (s.bytes > 0 && is_space(*s.p))
        s = span_of(s.p + 1, s.bytes - 1);
    bool minus = s.bytes > 0 && *s.p == '-';
    if (minus || (s.bytes > 0 && *s.p == '+'))
        s = span_of(s.p + 1, s.bytes - 1);
    size_t digits = 0;
    while (digits < s.bytes && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (digits < s.bytes && !is_space(s.p[digits]) && s.p[digits] != 0)
        return false;
    if (!num_parse_u64(span_of(s.p, digits), out))
        return false;
    *out = minus ? 0 - *out : *out;
    return !minus || *out <= INT64_MAX;
}

static uint64_t
add_or_subtract(uint64_t value, uint64_t delta, bool decr)
{
    if (decr)
        return value > delta ? value - delta : 0;
    return value + delta;
}

/* Fills an upload with a number and spaces.  It is too short to be chained. */
static void
fill_number(struct engine_thread *t, struct upload *up, struct span digits)
{
    char *to;
    size_t room;
    CHECK(engine_upload_space(t, up, &to, &room) == ENGINE_OK && room >= up->value_bytes);
    memcpy(to, digits.p, digits.bytes);
    memset(to + digits.bytes, ' ', up->value_bytes - digits.bytes);
    engine_upload_filled(up, up->value_bytes);
}

/* A copy of 'old' with the number as its value, padded with spaces to the old length. */
static enum engine_status
make_number(struct engine_thread *t, const struct item *old, uint64_t number, struct upload *up)
{
    char text[NUM_U64_BYTES_MAX];
    size_t bytes = num_format_u64(text, number);
    uint32_t old_bytes = item_value_bytes(old);
    uint32_t value_bytes = bytes > old_bytes ? (uint32_t)bytes : old_bytes;
    enum engine_status status = engine_reserve(t, item_key(old), item_client_flags(old),
                                               item_exptime(old), value_bytes, up);
    if (status != ENGINE_OK)
        return status;
    fill_number(t, up, span_of(text, bytes));
    inherit_fetched(up->item, old);
    return ENGINE_OK;
}

static enum engine_status
make_first_number(struct engine_thread *t, struct span key, const struct engine_arith *a,
                  struct upload *up)
{
    char text[NUM_U64_BYTES_MAX];
    size_t bytes = num_format_u64(text, a->initial);
    enum engine_status status =
        engine_reserve(t, key, 0, a->created_exptime_s, (uint32_t)bytes, up);
    if (status == ENGINE_OK)
        fill_number(t, up, span_of(text, bytes));
    return status;
}

/* Our own chunks are smaller, but where a value is compared should not depend on that. */
#define COMPARED_BYTES_MAX (512u * 1024)

/* The new item of the number that 'a' asks for, 'old' (NULL: none) standing there. */
static enum engine_status
make_result(struct engine_thread *t, struct span key, const struct item *old, struct engine_arith *a,
            struct upload *up)
{
    uint64_t value;
    a->created = old == NULL;
    if (old == NULL && !a->creates)
        return ENGINE_NOT_FOUND;
    if (old == NULL) {
        a->result = a->initial;
        return make_first_number(t, key, a, up);
    }
    /* Nothing, and what memcached cuts in chunks, is not even compared, as it has it. */
    if (item_value_bytes(old) == 0 || item_value_bytes(old) > COMPARED_BYTES_MAX)
        return ENGINE_NOT_NUMERIC;
    if (a->compares && !item_has_unique(old, a->expected))
        return ENGINE_EXISTS;
    if (!parse_value(old, &value))
        return ENGINE_NOT_NUMERIC;
    a->result = add_or_subtract(value, a->delta, a->decr);
    a->exptime_before_s = item_exptime(old);
    return make_number(t, old, a->result, up);
}

static struct linking
linking_of_result(struct engine *e, const struct engine_arith *a, const struct item *old, struct item *it)
{
    struct linking how = {.marks = a->marks, .cas_new = a->cas_new};
    if (old == NULL)
        return how;
    how.marks = item_state(old) & (ITEM_KEY_BINARY | ITEM_STALE);
    how.keeps_token = true;
    how.keeps_exptime = !a->sets_exptime;
    if (a->sets_exptime)
        item_set_exptime(e, it, a->exptime_s);
    return how;
}

static enum engine_status
try_arith(struct engine_thread *t, uint64_t hash, struct span key, struct engine_arith *a, bool *raced)
{
    *raced = false;
    struct standing old = standing_of(t, hash, key);
    struct upload up;
    enum engine_status status = make_result(t, key, old.it, a, &up);
    if (status != ENGINE_OK)
        return status == ENGINE_TOO_LARGE ? ENGINE_NO_MEMORY : status;
    struct linking how = linking_of_result(t->engine, a, old.it, up.item);
    a->item = up.item;
    status = link_item(t, hash, up.item, old.ref, &how, &a->cas);
    *raced = status == ENGINE_EXISTS;
    if (status != ENGINE_OK)
        engine_abandon(t, &up);
    return status;
}

enum engine_status
engine_arith(struct engine_thread *t, uint64_t hash, struct span key, struct engine_arith *a)
{
    bool raced;
    enum engine_status status;
    do
        status = try_arith(t, hash, key, a, &raced);
    while (raced);
    if (status == ENGINE_NOT_FOUND) {
        counter_add(a->decr ? &t->counters.decr_misses : &t->counters.incr_misses, 1);
    } else if (status == ENGINE_OK && !a->created) {
        struct engine_class_counters *c = &t->class_counters[a->item->class_id];
        counter_add(a->decr ? &c->decr_hits : &c->incr_hits, 1);
    }
    return status;
}

/* ---- changed copies ---- */

static enum engine_status
make_copy(struct engine_thread *t, const struct item *old, const struct engine_remake *m,
          struct upload *up)
{
    uint32_t exptime_s = m->sets_exptime ? m->exptime_s : item_exptime(old);
    uint32_t client_flags = m->drops_value ? m->client_flags : item_client_flags(old);
    uint32_t value_bytes = m->drops_value ? 0 : item_value_bytes(old);
    enum engine_status status =
        engine_reserve(t, item_key(old), client_flags, exptime_s, value_bytes, up);
    if (status != ENGINE_OK)
        return status;
    if (!m->drops_value) {
        inherit_fetched(up->item, old);
        status = upload_value_of(t, up, old);
    }
    if (status != ENGINE_OK)
        engine_abandon(t, up);
    return status;
}

static enum engine_status
try_remake(struct engine_thread *t, uint64_t hash, struct span key, const struct engine_remake *m,
           uint64_t *cas, bool *raced)
{
    *raced = false;
    struct standing old = standing_of(t, hash, key);
    if (old.it == NULL)
        return ENGINE_NOT_FOUND;
    if (m->compares && !item_has_unique(old.it, m->expected))
        return ENGINE_EXISTS;
    struct upload up;
    enum engine_status status = make_copy(t, old.it, m, &up);
    if (status != ENGINE_OK)
        return status == ENGINE_TOO_LARGE ? ENGINE_NO_MEMORY : status;
    struct linking how = {
        .marks = (uint16_t)((item_state(old.it) & ITEM_KEY_BINARY) | (m->marks_stale ? ITEM_STALE : 0)),
        .keeps_exptime = !m->sets_exptime,
        .is_no_use = m->drops_value,
        .cas_new = m->keeps_cas ? item_cas(old.it) : m->cas_new,
        .atime_s = m->drops_value ? 0 : item_atime(old.it),
    };
    status = link_item(t, hash, up.item, old.ref, &how, cas);
    *raced = status == ENGINE_EXISTS;
    if (status != ENGINE_OK)
        engine_abandon(t, &up);
    return status;
}

enum engine_status
engine_remake(struct engine_thread *t, uint64_t hash, struct span key, const struct engine_remake *m,
              uint64_t *cas)
{
    bool raced;
    enum engine_status status;
    do
        status = try_remake(t, hash, key, m, cas, &raced);
    while (raced);
    return status;
}

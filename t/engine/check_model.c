/* Random operations against a naive reference that knows what every key must hold.
 *
 * With eviction an item may be missing, but what is found must be what was stored last, and neither
 * expired nor flushed; once seen missing it must stay so.  Without eviction nothing may be missing,
 * however little memory there is: stores may then be refused.
 *
 * KETCH_SEED and KETCH_OPS in the environment choose the run; each prints its seed.
 */
#include "audit.h"
#include "engine/view.h"
#include "fixture.h"

#include <ctype.h>
#include <errno.h>

#define KEYS_MAX    15000
#define UPLOADS_MAX 4
#define PINS_MAX    6
#define PIECE_MAX   (150 * KIB)

struct entry {
    bool there; /* as far as eviction is concerned; expiry is judged when asked */
    uint32_t bytes;
    uint32_t flags;
    uint32_t exptime_s;
    uint64_t cas;
    char *value;
};

/* An upload that goes on over several operations, or a pinned item. */
struct held_upload {
    struct upload up;
    unsigned key;
    uint32_t flags;
    uint32_t exptime_s;
    char *value;
};

struct held_pin {
    const struct item *item;
    uint32_t bytes;
    char *value;
};

struct scenario {
    const char *name;
    uint64_t limit_bytes;
    unsigned keys;
    bool may_miss;   /* eviction is on, and memory is short */
    bool may_refuse; /* stores may fail */
    bool no_cas;
    bool no_evict;
    bool moves_limit;
    uint32_t promote_hits;
    uint32_t item_bytes_max;
    uint32_t page_bytes;
    double growth;
    uint32_t chunk_bytes_min;
};

static const struct scenario scenarios[] = {
    {.name = "roomy", .limit_bytes = 128 * MIB, .keys = 1500, .item_bytes_max = 256 * KIB},
    {.name = "roomy, no cas", .limit_bytes = 128 * MIB, .keys = 1500, .no_cas = true,
     .item_bytes_max = 256 * KIB, .growth = 1.01, .chunk_bytes_min = 1},
    {.name = "tiny", .limit_bytes = 2 * MIB, .keys = 2500, .may_miss = true, .may_refuse = true,
     .item_bytes_max = 256 * KIB},
    {.name = "short", .limit_bytes = 6 * MIB, .keys = 10000, .may_miss = true,
     .may_refuse = true, .moves_limit = true, .item_bytes_max = 1 * MIB},
    {.name = "coarse", .promote_hits = 3, .limit_bytes = 8 * MIB, .keys = 15000, .may_miss = true,
     .may_refuse = true, .no_cas = true, .item_bytes_max = 64 * KIB, .growth = 4,
     .page_bytes = 1 * MIB, .chunk_bytes_min = 8},
    {.name = "no eviction", .limit_bytes = 4 * MIB, .keys = KEYS_MAX, .may_refuse = true,
     .no_evict = true, .item_bytes_max = 128 * KIB},
};

struct model {
    const struct scenario *s;
    struct fixture f;
    uint64_t random;
    uint64_t last_cas;
    uint32_t flush_at_s;
    uint64_t hits, missing, refused, dead;
    struct held_upload uploads[UPLOADS_MAX];
    struct held_pin pins[PINS_MAX];
    char piece[PIECE_MAX];
    char joined[4 * MIB];
    struct entry entries[KEYS_MAX];
};

static uint32_t
below(struct model *m, uint32_t n)
{
    return random_below(&m->random, n);
}

/* ---- the reference ---- */

static struct span
key_name(unsigned key, char *room)
{
    /* Lengths from 1 to 250, the same each time. */
    int bytes = sprintf(room, "%x", key);
    unsigned want = key % 37 == 0 ? 250 : (unsigned)bytes + key % 30;
    memset(room + bytes, 'k', 250 - (unsigned)bytes);
    return span_of(room, want);
}

static bool
is_live(const struct model *m, const struct entry *x)
{
    return x->there && (x->exptime_s == 0 || x->exptime_s > m->f.now_s);
}

static void
forget(struct entry *x)
{
    x->there = false;
    free(x->value);
    x->value = NULL;
}

static void
remember(struct entry *x, struct span value, uint32_t flags, uint32_t exptime_s, uint64_t cas)
{
    char *copy = malloc(value.bytes + 1);
    MUST(copy != NULL);
    if (value.bytes > 0)
        memcpy(copy, value.p, value.bytes);
    forget(x);
    *x = (struct entry){true, (uint32_t)value.bytes, flags, exptime_s, cas, copy};
}

static void
forget_all(struct model *m)
{
    for (unsigned i = 0; i < m->s->keys; i++)
        if (m->entries[i].there)
            forget(&m->entries[i]);
}

/* ---- looking ---- */

static void
compare(struct model *m, const struct entry *x, const struct item *it)
{
    MUST(value_is(m->f.e, it, span_of(x->value, x->bytes)));
    MUST(item_client_flags(it) == x->flags);
    MUST(item_exptime(it) == x->exptime_s);
    MUST(item_cas(it) == x->cas);
    m->hits++;
}

static const struct item *
check_found(struct model *m, struct entry *x, const struct item *it)
{
    bool live = is_live(m, x);
    if (it != NULL) {
        MUST(live);
        compare(m, x, it);
    } else if (live) {
        MUST(m->s->may_miss);
        m->missing++;
        forget(x);
    }
    return it;
}

static const struct item *
look(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    return check_found(m, &m->entries[key], engine_peek(m->f.t, hash_of(&m->f, name), name));
}

static void
do_get(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    check_found(m, &m->entries[key], engine_get(m->f.t, hash_of(&m->f, name), name));
}

/* ---- storing ---- */

static struct span
random_value(struct model *m)
{
    static const char *numbers[] = {"0", "1", "9", "10", "99", "100", "18446744073709551615",
                                    "18446744073709551616", "-1", " 7", "7 ", "8   ", "12 x", "x",
                                    "+5", "", "0000000000000000000000000001"};
    uint32_t dice = below(m, 1000);
    if (dice < 200)
        return text(numbers[below(m, ARRAY_COUNT(numbers))]);
    uint32_t bytes = below(m, dice < 850 ? 200 : (dice < 990 ? 3000 : PIECE_MAX));
    fill_pattern(m->piece, bytes, random_u64(&m->random));
    return span_of(m->piece, bytes);
}

static uint32_t
random_exptime(struct model *m)
{
    uint32_t dice = below(m, 10);
    if (dice < 7)
        return 0;
    return dice == 7 ? ENGINE_EXPIRED_S : m->f.now_s + below(m, 6);
}

static enum engine_status
expected(const struct model *m, const struct entry *x, enum engine_store how, uint64_t cas)
{
    bool live = is_live(m, x);
    switch (how) {
    case ENGINE_SET:
        return ENGINE_OK;
    case ENGINE_ADD:
        return live ? ENGINE_NOT_STORED : ENGINE_OK;
    case ENGINE_REPLACE:
    case ENGINE_APPEND:
    case ENGINE_PREPEND:
        return live ? ENGINE_OK : ENGINE_NOT_STORED;
    case ENGINE_CAS:
        if (!live)
            return ENGINE_NOT_FOUND;
        return !m->s->no_cas && cas == x->cas ? ENGINE_OK : ENGINE_EXISTS;
    }
    ck_abort();
}

/* What the key holds after a store that succeeded. */
static void
apply(struct model *m, struct entry *x, enum engine_store how, struct span piece, uint32_t flags,
      uint32_t exptime_s, uint64_t cas)
{
    if (!m->s->no_cas) {
        MUST(cas > m->last_cas);
        m->last_cas = cas;
    }
    if (how != ENGINE_APPEND && how != ENGINE_PREPEND) {
        remember(x, piece, flags, exptime_s, cas);
        return;
    }
    struct span old = span_of(x->value, x->bytes);
    struct span first = how == ENGINE_APPEND ? old : piece;
    struct span second = how == ENGINE_APPEND ? piece : old;
    MUST(first.bytes + second.bytes <= sizeof m->joined);
    memcpy(m->joined, first.p, first.bytes);
    memcpy(m->joined + first.bytes, second.p, second.bytes);
    remember(x, span_of(m->joined, first.bytes + second.bytes), x->flags, x->exptime_s, cas);
}

/* Judges the answer to a store, and makes the reference follow. */
static void
settle_store(struct model *m, unsigned key, enum engine_store how, struct span piece,
             uint32_t flags, uint32_t exptime_s, uint64_t old_cas, uint64_t cas,
             enum engine_status status)
{
    struct entry *x = &m->entries[key];
    bool joins = how == ENGINE_APPEND || how == ENGINE_PREPEND;
    if (status == ENGINE_NO_MEMORY) {
        MUST(m->s->may_refuse);
        m->refused++;
        look(m, key);
        return;
    }
    /* Its own store may have pushed the item out. */
    if (m->s->may_miss && status != expected(m, x, how, old_cas))
        forget(x);
    if (status == ENGINE_TOO_LARGE) {
        MUST(joins && !engine_item_fits(m->f.e, 1, 0, x->bytes + (uint32_t)piece.bytes - 300));
        return;
    }
    MUST(status == expected(m, x, how, old_cas));
    if (status == ENGINE_OK)
        apply(m, x, how, piece, flags, exptime_s, m->s->no_cas ? 0 : cas);
}

static enum engine_store
random_how(struct model *m)
{
    static const enum engine_store hows[] = {ENGINE_SET,     ENGINE_SET,    ENGINE_SET,
                                             ENGINE_SET,     ENGINE_ADD,    ENGINE_REPLACE,
                                             ENGINE_APPEND,  ENGINE_PREPEND, ENGINE_CAS,
                                             ENGINE_CAS};
    return hows[below(m, ARRAY_COUNT(hows))];
}

/* The unique to give with ENGINE_CAS: mostly the right one. */
static uint64_t
random_cas(struct model *m, unsigned key)
{
    return below(m, 4) == 0 ? below(m, 100) : m->entries[key].cas;
}

static void
do_store(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    enum engine_store how = random_how(m);
    struct span value = random_value(m);
    uint32_t flags = below(m, 3) == 0 ? (uint32_t)random_u64(&m->random) : 0;
    uint32_t exptime_s = random_exptime(m);
    uint64_t old_cas = random_cas(m, key), cas = old_cas;
    look(m, key);
    enum engine_status status = store(&m->f, name, value, how, flags, exptime_s, &cas);
    if (!engine_item_fits(m->f.e, name.bytes, flags, (uint32_t)value.bytes)) {
        MUST(status == ENGINE_TOO_LARGE);
        return;
    }
    settle_store(m, key, how, value, flags, exptime_s, old_cas, cas, status);
}

/* ---- uploads left half done ---- */

static void
upload_begin(struct model *m, struct held_upload *u, unsigned key)
{
    char room[256];
    struct span value = random_value(m);
    uint32_t flags = below(m, 2) * 77, exptime_s = random_exptime(m);
    enum engine_status status = engine_reserve(m->f.t, key_name(key, room), flags, exptime_s,
                                               (uint32_t)value.bytes, &u->up);
    MUST(status == ENGINE_OK || status == ENGINE_TOO_LARGE || status == ENGINE_AGAIN ||
         (status == ENGINE_NO_MEMORY && m->s->may_refuse));
    if (status != ENGINE_OK) {
        u->up.item = NULL;
        return;
    }
    u->key = key;
    u->flags = flags;
    u->exptime_s = exptime_s;
    u->value = malloc(value.bytes + 1);
    memcpy(u->value, value.p, value.bytes);
}

static void
upload_end(struct model *m, struct held_upload *u)
{
    enum engine_store how = random_how(m);
    char room[256];
    uint64_t old_cas = random_cas(m, u->key), cas = old_cas;
    look(m, u->key);
    uint64_t hash = hash_of(&m->f, key_name(u->key, room));
    struct engine_rules rules = rules_of(how, old_cas);
    enum engine_status status = engine_commit(m->f.t, hash, &u->up, &rules, &cas);
    if (status == ENGINE_AGAIN)
        return;
    MUST(u->up.item == NULL);
    settle_store(m, u->key, how, span_of(u->value, u->up.value_bytes), u->flags, u->exptime_s,
                 old_cas, cas, status);
    free(u->value);
}

static void
upload_some(struct model *m, struct held_upload *u)
{
    char *to;
    size_t bytes;
    enum engine_status status = engine_upload_space(m->f.t, &u->up, &to, &bytes);
    MUST(status == ENGINE_OK || status == ENGINE_AGAIN ||
         (status == ENGINE_NO_MEMORY && m->s->may_refuse));
    if (status == ENGINE_NO_MEMORY || below(m, 50) == 0) {
        engine_abandon(m->f.t, &u->up);
        MUST(u->up.item == NULL);
        free(u->value);
    }
    if (status != ENGINE_OK || u->up.item == NULL)
        return;
    if (bytes == 0) {
        upload_end(m, u);
        return;
    }
    size_t n = below(m, 2) == 0 ? bytes : 1 + below(m, (uint32_t)bytes);
    memcpy(to, u->value + u->up.filled_bytes, n);
    engine_upload_filled(&u->up, n);
}

static void
do_upload(struct model *m, unsigned key)
{
    struct held_upload *u = &m->uploads[below(m, UPLOADS_MAX)];
    if (u->up.item == NULL)
        upload_begin(m, u, key);
    else
        upload_some(m, u);
}

/* ---- the other operations ---- */

static void
unpin(struct model *m, struct held_pin *p)
{
    MUST(value_is(m->f.e, p->item, span_of(p->value, p->bytes)));
    engine_unpin(m->f.t, p->item);
    free(p->value);
    p->item = NULL;
}

static void
do_pin(struct model *m, unsigned key)
{
    struct held_pin *p = &m->pins[below(m, PINS_MAX)];
    if (p->item != NULL) {
        if (below(m, 8) == 0)
            unpin(m, p);
        return;
    }
    const struct item *it = look(m, key);
    if (it == NULL || !item_is_chained(it))
        return;
    engine_pin(m->f.t, it);
    p->item = it;
    p->bytes = m->entries[key].bytes;
    p->value = malloc(p->bytes);
    memcpy(p->value, m->entries[key].value, p->bytes);
}

/* What strtoull() takes, as long as nothing but a space or a NUL follows it; no minus. */
static bool
is_number(const struct entry *x, uint64_t *out)
{
    char *end, *copy = malloc(x->bytes + 1);
    memcpy(copy, x->value, x->bytes);
    copy[x->bytes] = 0;
    errno = 0;
    *out = strtoull(copy, &end, 10);
    bool ok = end != copy && errno == 0 && (*end == 0 || isspace((unsigned char)*end)) &&
              memchr(copy, '-', (size_t)(end - copy)) == NULL;
    free(copy);
    return ok;
}

static void
apply_number(struct model *m, unsigned key, uint64_t number)
{
    struct entry *x = &m->entries[key];
    char *padded = m->joined;
    uint32_t bytes = (uint32_t)sprintf(padded, "%llu", (unsigned long long)number);
    while (bytes < x->bytes)
        padded[bytes++] = ' ';
    char room[256];
    struct span name = key_name(key, room);
    const struct item *it = engine_peek(m->f.t, hash_of(&m->f, name), name);
    uint64_t cas = it != NULL ? item_cas(it) : 0;
    if (it != NULL && !m->s->no_cas) {
        MUST(cas > m->last_cas);
        m->last_cas = cas;
    }
    remember(x, span_of(padded, bytes), x->flags, x->exptime_s, cas);
    look(m, key);
}

static void
do_arith(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    struct entry *x = &m->entries[key];
    bool decr = below(m, 2) == 0;
    uint64_t delta = below(m, 5) == 0 ? random_u64(&m->random) : below(m, 200), value = 0;
    struct engine_arith a = {.decr = decr, .delta = delta};
    const struct item *it = look(m, key);
    bool chained = it != NULL && item_is_chained(it);
    enum engine_status status;
    UNTIL_DONE(&m->f, status,
               engine_arith(m->f.t, hash_of(&m->f, name), name, &a));
    if (status == ENGINE_NOT_FOUND && m->s->may_miss)
        forget(x);
    if (status == ENGINE_NO_MEMORY) {
        MUST(m->s->may_refuse);
        m->refused++;
        look(m, key);
    } else if (!is_live(m, x)) {
        MUST(status == ENGINE_NOT_FOUND);
    } else if (chained || !is_number(x, &value)) {
        MUST(status == ENGINE_NOT_NUMERIC);
    } else {
        uint64_t sum = decr ? (value > delta ? value - delta : 0) : value + delta;
        MUST(status == ENGINE_OK && a.result == sum);
        apply_number(m, key, sum);
    }
}

static void
do_delete(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    look(m, key);
    bool live = is_live(m, &m->entries[key]);
    MUST(drop(&m->f, name) == (live ? ENGINE_OK : ENGINE_NOT_FOUND));
    forget(&m->entries[key]);
}

static void
do_touch(struct model *m, unsigned key)
{
    char room[256];
    struct span name = key_name(key, room);
    uint32_t exptime_s = random_exptime(m);
    look(m, key);
    const struct item *it = engine_touch(m->f.t, hash_of(&m->f, name), name, exptime_s);
    MUST((it != NULL) == is_live(m, &m->entries[key]));
    if (it == NULL)
        return;
    m->entries[key].exptime_s = exptime_s;
    compare(m, &m->entries[key], it);
}

static void
do_flush(struct model *m)
{
    uint32_t at_s = m->f.now_s + below(m, 4);
    if (below(m, 4) != 0)
        return; /* rare: it makes all that follows easy */
    MUST(flush(&m->f, at_s) == ENGINE_OK);
    m->flush_at_s = at_s > m->f.now_s ? at_s : 0;
    if (m->flush_at_s == 0)
        forget_all(m);
}

static void
do_turn(struct model *m)
{
    if (below(m, 200) == 0)
        m->f.now_s += 1 + below(m, 2);
    if (below(m, 10) == 0) {
        engine_offline(m->f.t);
        engine_online(m->f.t, m->f.now_s);
    } else {
        fixture_turn(&m->f);
    }
    if (m->flush_at_s != 0 && m->flush_at_s <= m->f.now_s) {
        m->flush_at_s = 0;
        forget_all(m);
    }
}

static void
do_maintain(struct model *m)
{
    engine_maintain(m->f.t, below(m, 500));
    if ((m->s->may_miss || m->s->no_evict) && below(m, 3) == 0)
        engine_give_up_page(m->f.t, below(m, engine_class_count(m->f.e) + 1));
    if (m->s->moves_limit && below(m, 200) == 0)
        MUST(engine_set_limit(m->f.e, (2 + below(m, 12)) * (uint64_t)MIB));
}

static void
step(struct model *m)
{
    unsigned key = below(m, m->s->keys);
    uint32_t dice = below(m, 1000);
    if (dice < 380)
        do_get(m, key);
    else if (dice < 700)
        do_store(m, key);
    else if (dice < 760)
        do_arith(m, key);
    else if (dice < 800)
        do_delete(m, key);
    else if (dice < 840)
        do_touch(m, key);
    else if (dice < 870)
        do_upload(m, key);
    else if (dice < 890)
        do_pin(m, key);
    else if (dice < 900)
        do_maintain(m);
    else if (dice < 999)
        do_turn(m);
    else if (below(m, 20) == 0)
        do_flush(m);
}

/* ---- a run ---- */

static void
count_dead(void *context, item_ref ref)
{
    struct model *m = context;
    m->dead += item_is_dead(m->f.e, item_at(m->f.e, ref), m->f.now_s);
}

/* After one round of the sweep, in so many calls as the pages and chunks need, nothing dead is left. */
static void
check_sweep(struct model *m)
{
    const struct engine *e = m->f.e;
    uint64_t chunks = ((uint64_t)e->arena.next_fresh << e->arena.page_shift) / e->slabs.classes[1].chunk_bytes;
    uint64_t calls = 0, calls_max = 2 * (chunks + 2 * (uint64_t)e->arena.next_fresh) / 1000 + 20;
    fixture_turn(&m->f);
    for (unsigned rounds = 0; rounds < 2; calls++) { /* the first one may have been under way */
        MUST(calls < calls_max);
        rounds += engine_maintain(m->f.t, 1000) < 1000;
        fixture_turn(&m->f);
    }
    m->dead = 0;
    for (uint64_t bucket = 0; bucket < index_bucket_count(&e->index); bucket++)
        index_walk(&m->f.e->index, bucket, count_dead, m);
    MUST(m->dead == 0);
}

static void
check_whole(struct model *m)
{
    struct audit a;
    audit_engine(m->f.e, &a);
    struct arena_usage usage;
    arena_usage(&m->f.e->arena, &usage);
    if (!m->s->moves_limit)
        MUST(usage.used_pages + usage.index_pages <= usage.limit_pages);
    check_sweep(m);
}

static void
let_go(struct model *m)
{
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        if (m->uploads[i].up.item == NULL)
            continue;
        engine_abandon(m->f.t, &m->uploads[i].up);
        free(m->uploads[i].value);
    }
    for (unsigned i = 0; i < PINS_MAX; i++)
        if (m->pins[i].item != NULL)
            unpin(m, &m->pins[i]);
}

static void
delete_all(struct model *m)
{
    char room[256];
    for (unsigned key = 0; key < m->s->keys; key++) {
        look(m, key);
        drop(&m->f, key_name(key, room));
        if (m->entries[key].there)
            forget(&m->entries[key]);
    }
    fixture_settle(&m->f);
}

static struct model *
open_model(const struct scenario *s, uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    struct engine_config c = small_config(s->limit_bytes);
    c.item_bytes_max = s->item_bytes_max;
    c.page_bytes = s->page_bytes;
    c.growth = s->growth;
    c.chunk_bytes_min = s->chunk_bytes_min;
    c.cas = !s->no_cas;
    c.evict = !s->no_evict;
    c.promote_hits = s->promote_hits;
    c.track_sizes = true;
    m->s = s;
    m->random = seed;
    m->last_cas = 1;
    m->f = fixture_open(c);
    return m;
}

START_TEST(engine_does_what_the_reference_does)
{
    const struct scenario *s = &scenarios[_i];
    uint64_t seed = environment_u64("KETCH_SEED", 20240501 + (uint64_t)_i);
    uint64_t ops = environment_u64("KETCH_OPS", SLOW_BUILD ? 40000 : 250000);
    printf("model '%s': KETCH_SEED=%llu KETCH_OPS=%llu", s->name, (unsigned long long)seed,
           (unsigned long long)ops);
    fflush(stdout);
    struct model *m = open_model(s, seed);
    for (uint64_t i = 1; i <= ops; i++) {
        step(m);
        if (i % (ops / 24 + 1) == 0)
            check_whole(m);
    }
    check_whole(m);
    let_go(m);
    delete_all(m);
    audit_empty(m->f.e);
    printf("  %llu hits, %llu missing, %llu refused, %llu put off\n", (unsigned long long)m->hits,
           (unsigned long long)m->missing, (unsigned long long)m->refused,
           (unsigned long long)m->f.again_count);
    fixture_close(&m->f);
    free(m);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("model");
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, engine_does_what_the_reference_does, 0, ARRAY_COUNT(scenarios));
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/model")

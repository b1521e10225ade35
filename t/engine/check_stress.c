/* Several threads at once: what one of them may rely on, whatever the others do.
 *
 * Values prove themselves: they name their key and carry a checksum, so that memory given to two
 * owners, or freed too early, shows.  Run it under the sanitizers too: thread must be silent.
 *
 * KETCH_ROUNDS in the environment multiplies the work.
 */
#include "audit.h"
#include "fixture.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4

struct stage;

struct actor {
    struct stage *stage;
    struct engine_thread *t;
    unsigned number;
    uint64_t random;
    void (*play)(struct actor *a);
    pthread_t thread;
    uint64_t counts[4]; /* whatever the test counts */
};

struct stage {
    struct engine *e;
    _Atomic uint32_t now_s;
    _Atomic unsigned waiting; /* of the barrier */
    _Atomic unsigned round;
    _Atomic unsigned at_work; /* actors that still play */
    unsigned actor_count;
    struct actor actors[THREADS + 2];
};

static uint64_t
rounds(uint64_t normal)
{
    return environment_u64("KETCH_ROUNDS", 1) * (SLOW_BUILD ? normal / 8 : normal);
}

/* ---- the stage ---- */

static void *
actor_main(void *context)
{
    struct actor *a = context;
    a->t = engine_join(a->stage->e, a->stage->now_s);
    MUST(a->t != NULL);
    a->play(a);
    a->stage->at_work--;
    engine_leave(a->t);
    return NULL;
}

static struct stage *
open_stage(struct engine_config c)
{
    struct stage *s = calloc(1, sizeof *s);
    MUST(s != NULL);
    s->now_s = ENGINE_EPOCH_S;
    s->e = engine_create(&c);
    MUST(s->e != NULL);
    return s;
}

static struct actor *
cast(struct stage *s, void (*play)(struct actor *a))
{
    struct actor *a = &s->actors[s->actor_count];
    *a = (struct actor){.stage = s, .number = s->actor_count, .play = play,
                        .random = 77 + s->actor_count};
    s->actor_count++;
    return a;
}

static void
perform(struct stage *s)
{
    s->at_work = s->actor_count;
    for (unsigned i = 0; i < s->actor_count; i++)
        MUST(pthread_create(&s->actors[i].thread, NULL, actor_main, &s->actors[i]) == 0);
    for (unsigned i = 0; i < s->actor_count; i++)
        MUST(pthread_join(s->actors[i].thread, NULL) == 0);
}

/* Audits the engine as the threads left it, empties it, and audits again. */
static void
close_stage(struct stage *s)
{
    struct audit a;
    struct fixture f = {.e = s->e, .now_s = s->now_s};
    f.t = engine_join(s->e, s->now_s);
    audit_engine(s->e, &a);
    MUST(a.reserved_chunks == 0 && a.limbo_chunks == 0);
    MUST(flush(&f, 0) == ENGINE_OK);
    for (unsigned i = 0; i < 100000 && engine_maintain(f.t, 10000) >= 10000; i++)
        fixture_turn(&f);
    fixture_settle(&f);
    audit_empty(s->e);
    fixture_close(&f);
    free(s);
}

static void
turn(struct actor *a)
{
    engine_quiesce(a->t, a->stage->now_s);
}

/* All 'count' actors meet here; waiting is offline, as in a server. */
static void
meet(struct actor *a, unsigned count)
{
    struct stage *s = a->stage;
    unsigned round = s->round;
    engine_offline(a->t);
    if (++s->waiting == count) {
        s->waiting = 0;
        s->round++;
    } else {
        while (s->round == round)
            sched_yield();
    }
    engine_online(a->t, s->now_s);
}

#define WHEN_DONE(a, status, expr)                                                                 \
    do {                                                                                           \
        while (((status) = (expr)) == ENGINE_AGAIN)                                                \
            turn(a);                                                                               \
    } while (0)

static enum engine_status
set(struct actor *a, struct span key, uint32_t exptime_s, struct span value, uint64_t *cas)
{
    enum engine_status status;
    WHEN_DONE(a, status, engine_store(a->t, engine_hash(a->stage->e, key), key, 0, exptime_s, value,
                                      RULES(ENGINE_SET), cas));
    return status;
}

static const struct item *
look(struct actor *a, struct span key)
{
    return engine_get(a->t, engine_hash(a->stage->e, key), key);
}

static enum engine_status
incr(struct actor *a, struct span key, uint64_t *result)
{
    enum engine_status status;
    struct engine_arith one = {.delta = 1};
    WHEN_DONE(a, status, engine_arith(a->t, engine_hash(a->stage->e, key), key, &one));
    *result = one.result;
    return status;
}

static enum engine_status
delete(struct actor *a, struct span key)
{
    enum engine_status status;
    WHEN_DONE(a, status, engine_delete(a->t, engine_hash(a->stage->e, key), key, NULL));
    return status;
}

/* ---- one key, two threads ---- */

static void
play_incr_until_gone(struct actor *a)
{
    for (uint64_t i = 0; i < rounds(8000); i++) {
        uint64_t n, cas = 0;
        MUST(set(a, SPAN("k"), 0, SPAN("1"), &cas) == ENGINE_OK);
        meet(a, 2);
        while (incr(a, SPAN("k"), &n) == ENGINE_OK)
            turn(a);
        meet(a, 2);
    }
}

static void
play_delete_once(struct actor *a)
{
    for (uint64_t i = 0; i < rounds(8000); i++) {
        meet(a, 2);
        for (uint32_t wait = random_below(&a->random, 200); wait > 0; wait--)
            atomic_signal_fence(memory_order_seq_cst);
        MUST(delete(a, SPAN("k")) == ENGINE_OK);
        meet(a, 2);
    }
}

START_TEST(a_delete_finds_an_item_that_others_keep_changing)
{
    struct stage *s = open_stage(small_config(64 * MIB));
    cast(s, play_incr_until_gone);
    cast(s, play_delete_once);
    perform(s);
    close_stage(s);
}
END_TEST

static void
play_incr_for_ever(struct actor *a)
{
    uint64_t n;
    while (a->stage->at_work > 1) {
        MUST(incr(a, SPAN("k"), &n) == ENGINE_OK);
        turn(a);
    }
}

static void
play_touch(struct actor *a)
{
    uint64_t hash = engine_hash(a->stage->e, SPAN("k"));
    for (uint32_t i = 0; i < rounds(200000); i++) {
        uint32_t exptime_s = 1000 + i;
        MUST(engine_touch(a->t, hash, SPAN("k"), exptime_s) != NULL);
        const struct item *it = engine_peek(a->t, hash, SPAN("k"));
        MUST(it != NULL && item_exptime(it) == exptime_s);
        turn(a);
    }
}

START_TEST(a_touch_is_not_lost_to_a_concurrent_incr)
{
    struct stage *s = open_stage(small_config(64 * MIB));
    struct fixture f = {.e = s->e, .now_s = s->now_s};
    f.t = engine_join(s->e, s->now_s);
    put(&f, "k", "100000000000");
    engine_leave(f.t);
    cast(s, play_incr_for_ever);
    cast(s, play_touch);
    perform(s);
    close_stage(s);
}
END_TEST

static void
play_set_for_ever(struct actor *a)
{
    while (a->stage->at_work > 1) {
        uint64_t cas = 0;
        MUST(set(a, SPAN("k"), 0, SPAN("v"), &cas) == ENGINE_OK);
        turn(a);
    }
}

static void
play_flush(struct actor *a)
{
    for (uint64_t i = 0; i < rounds(100000); i++) {
        const struct item *it = look(a, SPAN("k"));
        uint64_t seen = it != NULL ? item_cas(it) : 0;
        enum engine_status status;
        turn(a);
        WHEN_DONE(a, status, engine_flush(a->t, 0));
        MUST(status == ENGINE_OK);
        it = look(a, SPAN("k"));
        MUST(it == NULL || item_cas(it) > seen);
        turn(a);
    }
}

START_TEST(what_was_seen_before_a_flush_is_not_seen_after_it)
{
    struct stage *s = open_stage(small_config(64 * MIB));
    cast(s, play_set_for_ever);
    cast(s, play_flush);
    perform(s);
    close_stage(s);
}
END_TEST

/* ---- counters ---- */

static void
play_incr_counter(struct actor *a)
{
    uint64_t n, last = 0;
    for (uint64_t i = 0; i < rounds(50000); i++) {
        MUST(incr(a, SPAN("k"), &n) == ENGINE_OK && n > last);
        last = n;
        turn(a);
    }
}

static void
play_cas_counter(struct actor *a)
{
    uint64_t hash = engine_hash(a->stage->e, SPAN("k"));
    for (uint64_t i = 0; i < rounds(50000);) {
        const struct item *it = engine_get(a->t, hash, SPAN("k"));
        char digits[32] = "";
        uint64_t n = strtoull(memcpy(digits, item_value(it), item_value_bytes(it)), NULL, 10);
        uint64_t cas = item_cas(it);
        int bytes = sprintf(digits, "%012llu", (unsigned long long)n + 1);
        struct engine_rules rules = rules_of(ENGINE_CAS, cas);
        enum engine_status status =
            engine_store(a->t, hash, SPAN("k"), 0, 0, span_of(digits, (size_t)bytes), &rules, &cas);
        MUST(status == ENGINE_OK || status == ENGINE_EXISTS || status == ENGINE_AGAIN);
        i += status == ENGINE_OK;
        turn(a);
    }
}

/* All claim the token of each item that there is: counts[0] of all adds up to the items. */
#define TOKEN_ROUNDS 2000

static void
play_tokens(struct actor *a)
{
    char key[16];
    for (unsigned i = 0; i < TOKEN_ROUNDS; i++) {
        struct span name = span_of(key, (size_t)sprintf(key, "t%u", i));
        uint64_t hash = engine_hash(a->stage->e, name), cas;
        enum engine_status status;
        WHEN_DONE(a, status, engine_store(a->t, hash, name, 0, 0, SPAN("v"), RULES(ENGINE_ADD), &cas));
        MUST(status == ENGINE_OK || status == ENGINE_NOT_STORED);
        const struct item *it = look(a, name);
        a->counts[0] += engine_claim_token(a->t, hash, it);
        MUST(!engine_claim_token(a->t, hash, it));
        MUST(item_state(it) & ITEM_TOKEN_SENT);
        turn(a);
    }
}

START_TEST(a_token_goes_to_one_thread)
{
    struct stage *s = open_stage(small_config(64 * MIB));
    uint64_t won = 0;
    for (unsigned i = 0; i < THREADS; i++)
        cast(s, play_tokens);
    perform(s);
    for (unsigned i = 0; i < THREADS; i++)
        won += s->actors[i].counts[0];
    ck_assert_uint_eq(won, TOKEN_ROUNDS);
    close_stage(s);
}
END_TEST

START_TEST(a_counter_of_many_threads_ends_exact)
{
    struct stage *s = open_stage(small_config(64 * MIB));
    struct fixture f = {.e = s->e, .now_s = s->now_s};
    f.t = engine_join(s->e, s->now_s);
    put(&f, "k", "000000000000");
    engine_leave(f.t);
    cast(s, play_incr_counter);
    cast(s, play_cas_counter);
    cast(s, play_incr_counter);
    cast(s, play_cas_counter);
    perform(s);
    f.t = engine_join(s->e, s->now_s);
    uint64_t n;
    ck_assert_int_eq(arith(&f, "k", false, 0, &n), ENGINE_OK);
    ck_assert(n == 4 * rounds(50000));
    engine_leave(f.t);
    close_stage(s);
}
END_TEST

/* ---- each key has one writer ---- */

#define OWN_KEYS 20000

static struct span
own_key(unsigned owner, unsigned n, char *room)
{
    return span_of(room, (size_t)sprintf(room, "%u:%u", owner, n));
}

/* The owner reads what it wrote last; to the others versions only grow. */
static void
read_version(struct actor *a, unsigned owner, unsigned n, const uint32_t *written, uint32_t *seen)
{
    char room[32];
    uint32_t version;
    const struct item *it = look(a, own_key(owner, n, room));
    if (it == NULL) {
        MUST(a->stage->e->config.limit_bytes <= 4 * MIB || seen[n] == 0);
        return;
    }
    MUST(item_value_bytes(it) == sizeof version);
    memcpy(&version, item_value(it), sizeof version);
    if (owner == a->number)
        MUST(version == written[n]);
    else
        MUST(version >= seen[n]);
    seen[n] = version;
}

static void
play_versions(struct actor *a)
{
    uint32_t *written = calloc(OWN_KEYS, sizeof *written);
    uint32_t *seen = calloc(OWN_KEYS * THREADS, sizeof *seen);
    char room[32];
    for (uint64_t i = 0; i < rounds(150000); i++) {
        /* The range grows, so that the index does. */
        unsigned range = (unsigned)(1 + i * OWN_KEYS / rounds(150000));
        unsigned n = random_below(&a->random, range);
        uint64_t cas = 0;
        if (i % 2 == 0) {
            uint32_t version = ++written[n];
            MUST(set(a, own_key(a->number, n, room), 0, span_of(&version, sizeof version), &cas) ==
                 ENGINE_OK);
        }
        unsigned owner = random_below(&a->random, THREADS);
        n = random_below(&a->random, range);
        read_version(a, owner, n, written, seen + (size_t)owner * OWN_KEYS);
        if (i % 16 == 0)
            turn(a);
    }
    free(written);
    free(seen);
}

START_TEST(a_reader_never_goes_back_in_time)
{
    struct stage *s = open_stage(small_config(_i == 0 ? 64 * MIB : 2 * MIB));
    for (unsigned i = 0; i < THREADS; i++)
        cast(s, play_versions);
    perform(s);
    close_stage(s);
}
END_TEST

/* ---- everything ---- */

#define KEYS 400

/* A value is a row of these; append and prepend add one. */
struct record {
    uint32_t key;
    uint32_t salt;
    uint64_t check;
};

static uint64_t
check_of(uint32_t key, uint32_t salt)
{
    uint64_t seed = (uint64_t)key << 32 | salt;
    return random_u64(&seed);
}

static void
fill_records(struct actor *a, struct record *r, uint32_t key, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        r[i].key = key;
        r[i].salt = (uint32_t)random_u64(&a->random);
        r[i].check = check_of(key, r[i].salt);
    }
}

static void
check_records(struct engine *e, const struct item *it, uint32_t key)
{
    uint32_t offset = 0;
    struct record r;
    struct iovec iov[2];
    size_t bytes, held = 0;
    while (engine_value_iov(e, it, offset, iov, 1, &bytes) == 1) {
        const char *p = iov[0].iov_base;
        for (size_t left = bytes, n; left > 0; left -= n, p += n) {
            n = sizeof r - held < left ? sizeof r - held : left;
            memcpy((char *)&r + held, p, n);
            held = (held + n) % sizeof r;
            if (held == 0)
                MUST(r.key == key && r.check == check_of(key, r.salt));
        }
        offset += (uint32_t)bytes;
    }
    MUST(held == 0 && offset == item_value_bytes(it));
}

struct player {
    struct actor *a;
    struct upload up;
    uint32_t up_key;
    uint32_t up_count;
    struct record *up_records;
    const struct item *pinned;
    uint32_t pinned_key;
    char name[16];
    struct record records[12000];
};

static struct span
name_of(struct player *p, uint32_t key)
{
    return span_of(p->name, (size_t)sprintf(p->name, "key%u", key));
}

static uint32_t
random_count(struct player *p)
{
    uint32_t dice = random_below(&p->a->random, 100);
    return random_below(&p->a->random, dice < 90 ? 20 : (dice < 98 ? 400 : 12000));
}

static uint32_t
random_exptime(struct player *p)
{
    uint32_t dice = random_below(&p->a->random, 8);
    return dice > 0 ? 0 : p->a->stage->now_s + random_below(&p->a->random, 3);
}

static void
act_store(struct player *p, uint32_t key)
{
    struct engine *e = p->a->stage->e;
    enum engine_store how = random_below(&p->a->random, ENGINE_PREPEND + 1);
    uint32_t count = how >= ENGINE_APPEND ? 1 : random_count(p);
    struct span name = name_of(p, key);
    uint64_t cas = 0;
    fill_records(p->a, p->records, key, count);
    enum engine_status status =
        engine_store(p->a->t, engine_hash(e, name), name, 0, random_exptime(p),
                     span_of(p->records, count * sizeof *p->records), RULES(how), &cas);
    MUST(status == ENGINE_OK || status == ENGINE_NOT_STORED || status == ENGINE_AGAIN ||
         status == ENGINE_NO_MEMORY || status == ENGINE_TOO_LARGE);
}

static void
act_get(struct player *p, uint32_t key)
{
    const struct item *it = look(p->a, name_of(p, key));
    if (it == NULL)
        return;
    check_records(p->a->stage->e, it, key);
    p->a->counts[0]++;
    if (!item_is_chained(it) || p->pinned != NULL || random_below(&p->a->random, 4) != 0)
        return;
    engine_pin(p->a->t, it);
    p->pinned = it;
    p->pinned_key = key;
}

static void
act_unpin(struct player *p)
{
    if (p->pinned == NULL)
        return;
    check_records(p->a->stage->e, p->pinned, p->pinned_key);
    engine_unpin(p->a->t, p->pinned);
    p->pinned = NULL;
}

static void
begin_upload(struct player *p, uint32_t key)
{
    uint32_t count = random_count(p);
    enum engine_status status =
        engine_reserve(p->a->t, name_of(p, key), 0, 0, count * (uint32_t)sizeof(struct record),
                       &p->up);
    if (status != ENGINE_OK) {
        p->up.item = NULL;
        return;
    }
    p->up_key = key;
    p->up_records = malloc((count + 1) * sizeof(struct record));
    fill_records(p->a, p->up_records, key, count);
}

static void
act_upload(struct player *p, uint32_t key)
{
    struct engine *e = p->a->stage->e;
    char *to;
    size_t room;
    uint64_t cas = 0;
    if (p->up.item == NULL) {
        begin_upload(p, key);
        return;
    }
    enum engine_status status = engine_upload_space(p->a->t, &p->up, &to, &room);
    if (status == ENGINE_AGAIN)
        return;
    if (status == ENGINE_OK && room > 0) {
        size_t n = 1 + random_below(&p->a->random, (uint32_t)room);
        memcpy(to, (char *)p->up_records + p->up.filled_bytes, n);
        engine_upload_filled(&p->up, n);
        if (random_below(&p->a->random, 30) > 0)
            return;
        engine_abandon(p->a->t, &p->up);
    } else if (status != ENGINE_OK) {
        engine_abandon(p->a->t, &p->up);
    } else if (engine_commit(p->a->t, engine_hash(e, name_of(p, p->up_key)), &p->up,
                             RULES(ENGINE_SET), &cas) == ENGINE_AGAIN) {
        return;
    }
    MUST(p->up.item == NULL);
    free(p->up_records);
}

static void
act_number(struct player *p, uint32_t key)
{
    uint64_t cas;
    struct engine_arith a = {.decr = key % 2 == 0, .delta = 3};
    int bytes = sprintf(p->name, "n%u", key % 50);
    struct span name = span_of(p->name, (size_t)bytes);
    enum engine_status status =
        engine_arith(p->a->t, engine_hash(p->a->stage->e, name), name, &a);
    MUST(status == ENGINE_OK || status == ENGINE_NOT_FOUND || status == ENGINE_AGAIN ||
         status == ENGINE_NO_MEMORY);
    if (status != ENGINE_NOT_FOUND)
        return;
    status = engine_store(p->a->t, engine_hash(p->a->stage->e, name), name, 0, 0, SPAN("5"),
                          RULES(ENGINE_ADD), &cas);
    MUST(status != ENGINE_EXISTS && status != ENGINE_NOT_FOUND);
}

static void
act_remake(struct player *p, uint32_t key)
{
    struct span name = name_of(p, key);
    uint64_t hash = engine_hash(p->a->stage->e, name), cas;
    struct engine_remake m = {.marks_stale = true};
    enum engine_status status = engine_remake(p->a->t, hash, name, &m, &cas);
    MUST(status == ENGINE_OK || status == ENGINE_NOT_FOUND || status == ENGINE_AGAIN ||
         status == ENGINE_NO_MEMORY);
    const struct item *it = look(p->a, name);
    if (it == NULL)
        return;
    bool sent = (item_state(it) & ITEM_TOKEN_SENT) != 0;
    MUST(!(engine_claim_token(p->a->t, hash, it) && sent));
    check_records(p->a->stage->e, it, key);
}

/* Pages move while all else goes on. */
static void
act_rare(struct player *p)
{
    struct engine *e = p->a->stage->e;
    engine_give_up_page(p->a->t, random_below(&p->a->random, e->slabs.class_count + 1));
    if (random_below(&p->a->random, 40) != 0)
        return;
    enum engine_status status =
        engine_flush(p->a->t, p->a->stage->now_s + random_below(&p->a->random, 3));
    MUST(status == ENGINE_OK || status == ENGINE_AGAIN);
}

static void
act(struct player *p)
{
    uint32_t key = random_below(&p->a->random, KEYS);
    uint32_t dice = random_below(&p->a->random, 1000);
    struct span name = name_of(p, key);
    uint64_t hash = engine_hash(p->a->stage->e, name);
    if (dice < 400)
        act_get(p, key);
    else if (dice < 700)
        act_store(p, key);
    else if (dice < 780)
        act_upload(p, key);
    else if (dice < 840)
        act_number(p, key);
    else if (dice < 900)
        (void)!engine_delete(p->a->t, hash, name, NULL);
    else if (dice < 960)
        engine_touch(p->a->t, hash, name, random_exptime(p));
    else if (dice < 975)
        act_remake(p, key);
    else if (dice < 990)
        act_unpin(p);
    else
        act_rare(p);
}

static void
play_everything(struct actor *a)
{
    struct player *p = calloc(1, sizeof *p);
    MUST(p != NULL);
    p->a = a;
    for (uint64_t i = 0; i < rounds(60000); i++) {
        act(p);
        if (random_below(&a->random, 4) == 0)
            turn(a);
        if (random_below(&a->random, 100) == 0) {
            engine_offline(a->t);
            sched_yield();
            engine_online(a->t, a->stage->now_s);
        }
    }
    act_unpin(p);
    if (p->up.item != NULL) {
        engine_abandon(a->t, &p->up);
        free(p->up_records);
    }
    MUST(a->counts[0] > rounds(60000) / 100);
    free(p);
}

/* The maintenance thread; it is the clock, too. */
static void
play_maintenance(struct actor *a)
{
    struct stage *s = a->stage;
    for (unsigned i = 0; s->at_work > 1; i++) {
        engine_maintain(a->t, 100 + random_below(&a->random, 3000));
        if (i % 50 == 0)
            s->now_s++;
        if (i % 200 == 0 && s->e->config.limit_bytes < 10 * MIB)
            MUST(engine_set_limit(s->e, (2 + random_below(&a->random, 8)) * (uint64_t)MIB));
        turn(a);
        engine_offline(a->t);
        sched_yield();
        engine_online(a->t, s->now_s);
    }
}

START_TEST(nothing_breaks_when_all_do_everything)
{
    struct engine_config c = small_config(_i == 0 ? 64 * MIB : 4 * MIB);
    c.evict = _i < 2;
    c.track_sizes = true;
    struct stage *s = open_stage(c);
    for (unsigned i = 0; i < THREADS; i++)
        cast(s, play_everything);
    cast(s, play_maintenance);
    perform(s);
    close_stage(s);
}
END_TEST

/* ---- short lives ---- */

#define LIVES_S 3

/* Stores, shortens and lengthens; whatever is found is alive. */
static void
play_mortals(struct actor *a)
{
    char room[32];
    static const char value[2000];
    for (uint64_t i = 0; i < rounds(100000); i++) {
        uint32_t exptime_s = engine_now(a->t) + 1 + random_below(&a->random, LIVES_S);
        struct span key = own_key(a->number, random_below(&a->random, 3000), room);
        uint64_t hash = engine_hash(a->stage->e, key), cas = 0;
        uint32_t dice = random_below(&a->random, 10);
        struct engine_arith one = {.delta = 1, .sets_exptime = true, .exptime_s = exptime_s};
        if (dice < 6) {
            size_t bytes = random_below(&a->random, dice == 0 ? sizeof value : 100);
            enum engine_status status = set(a, key, exptime_s, span_of(value, bytes), &cas);
            MUST(status == ENGINE_OK || status == ENGINE_NO_MEMORY);
        } else if (dice < 8) {
            engine_touch(a->t, hash, key, exptime_s);
        } else if (dice == 8) {
            set(a, key, exptime_s + 100, SPAN("1"), &cas);
            (void)!engine_arith(a->t, hash, key, &one);
        } else {
            const struct item *it = look(a, key);
            MUST(it == NULL || item_exptime(it) > engine_now(a->t));
        }
        if (i % 8 == 0)
            turn(a);
    }
}

/* Sweeps without a pause; moves the limit and flushes, now and then, and is the clock. */
static void
play_keeper(struct actor *a)
{
    struct stage *s = a->stage;
    for (unsigned i = 1; s->at_work > 1; i++) {
        engine_maintain(a->t, 50 + random_below(&a->random, 2000));
        if (i % 20 == 0)
            s->now_s++;
        if (i % 100 == 0)
            MUST(engine_set_limit(s->e, (3 + random_below(&a->random, 30)) * (uint64_t)MIB));
        if (i % 170 == 0)
            (void)!engine_flush(a->t, s->now_s + random_below(&a->random, 2));
        turn(a);
        engine_offline(a->t);
        sched_yield();
        engine_online(a->t, s->now_s);
    }
}

/* No page forgets when it is due: in the end one round removes all, and nobody helps with a flush. */
START_TEST(the_sweep_finds_all_that_died_whatever_happens_beside_it)
{
    struct stage *s = open_stage(small_config(16 * MIB));
    for (unsigned i = 0; i < THREADS - 1; i++)
        cast(s, play_mortals);
    cast(s, play_keeper);
    perform(s);
    struct fixture f = {.e = s->e, .now_s = s->now_s + 1000};
    f.t = engine_join(s->e, f.now_s);
    for (unsigned rounds = 0, calls = 0; rounds < 2; calls++) { /* the first one is under way */
        MUST(calls < 10000);
        rounds += engine_maintain(f.t, 10000) < 10000;
        fixture_turn(&f);
    }
    fixture_settle(&f);
    struct audit a;
    audit_engine(s->e, &a);
    ck_assert_uint_eq(a.items, 0);
    engine_leave(f.t);
    close_stage(s);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("stress");
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, a_delete_finds_an_item_that_others_keep_changing);
    tcase_add_test(tc, a_touch_is_not_lost_to_a_concurrent_incr);
    tcase_add_test(tc, what_was_seen_before_a_flush_is_not_seen_after_it);
    tcase_add_test(tc, a_token_goes_to_one_thread);
    tcase_add_test(tc, a_counter_of_many_threads_ends_exact);
    tcase_add_loop_test(tc, a_reader_never_goes_back_in_time, 0, 2);
    tcase_add_loop_test(tc, nothing_breaks_when_all_do_everything, 0, 3);
    tcase_add_test(tc, the_sweep_finds_all_that_died_whatever_happens_beside_it);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/stress")

/* The sweep: what is dead goes within one round, and pages in which nothing is due are not looked into. */
#include "audit.h"
#include "fixture.h"

#include "engine/view.h"

#define ROUND 1000000 /* items: more than any test stores */

static uint64_t
total_of(struct engine *e, size_t offset)
{
    struct engine_counters total;
    struct engine_class_counters classes[SLAB_CLASSES_MAX + 1];
    uint64_t sum = 0;
    engine_count(e, &total, classes);
    for (unsigned id = 1; id <= e->slabs.class_count; id++)
        sum += counter_get((const counter_t *)((const char *)&classes[id] + offset));
    return sum;
}

#define TOTAL(f, counter) total_of((f)->e, offsetof(struct engine_class_counters, counter))

static void
audit(struct fixture *f)
{
    struct audit a;
    audit_engine(f->e, &a);
}

struct round {
    uint64_t checked;
    uint64_t removed;
};

/* Goes once round all pages at a given time. */
static struct round
round_at(struct fixture *f, uint32_t now_s)
{
    struct round r = {.checked = TOTAL(f, crawler_items_checked), .removed = TOTAL(f, crawler_reclaimed)};
    unsigned calls = 0;
    f->now_s = now_s;
    fixture_turn(f);
    while (engine_maintain(f->t, ROUND) >= ROUND) {
        MUST(++calls < 100);
        fixture_turn(f);
    }
    fixture_settle(f);
    r.checked = TOTAL(f, crawler_items_checked) - r.checked;
    r.removed = TOTAL(f, crawler_reclaimed) - r.removed;
    return r;
}

static void
put_many(struct fixture *f, const char *prefix, unsigned count, uint32_t bytes, uint32_t exptime_s)
{
    char key[32], value[1000];
    MUST(bytes <= sizeof value);
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; i < count; i++) {
        uint64_t cas = 0;
        sprintf(key, "%s%05u", prefix, i);
        MUST(store(f, text(key), span_of(value, bytes), ENGINE_SET, 0, exptime_s, &cas) == ENGINE_OK);
    }
}

static void
touch(struct fixture *f, const char *key, uint32_t exptime_s)
{
    MUST(engine_touch(f->t, hash_of(f, text(key)), text(key), exptime_s) != NULL);
}

START_TEST(pages_in_which_nothing_is_due_are_passed_over)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t t0 = f.now_s;
    put_many(&f, "soon", 3000, 100, t0 + 10);
    put_many(&f, "late", 3000, 500, t0 + 1000);
    put_many(&f, "ever", 3000, 900, 0);
    ck_assert_uint_eq(round_at(&f, t0).checked, 0);
    ck_assert_uint_eq(round_at(&f, t0 + 9).checked, 0);
    struct round r = round_at(&f, t0 + 10);
    ck_assert_uint_eq(r.checked, 3000);
    ck_assert_uint_eq(r.removed, 3000);
    ck_assert_uint_eq(round_at(&f, t0 + 999).checked, 0);
    r = round_at(&f, t0 + 5000);
    ck_assert_uint_eq(r.checked, 3000);
    ck_assert_uint_eq(r.removed, 3000);
    ck_assert_uint_eq(round_at(&f, UINT32_MAX - 1).checked, 0);
    struct audit a;
    audit_engine(f.e, &a);
    ck_assert_uint_eq(a.items, 3000);
    fixture_close(&f);
}
END_TEST

START_TEST(a_page_is_due_again_when_what_stayed_in_it_dies)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t t0 = f.now_s;
    put_until(&f, "a", "v", t0 + 10);
    put_until(&f, "b", "v", t0 + 20);
    put_until(&f, "c", "v", t0 + 30);
    put(&f, "d", "v");
    for (uint32_t n = 1; n <= 3; n++) {
        ck_assert_uint_eq(round_at(&f, t0 + 10 * n - 1).checked, 0);
        struct round r = round_at(&f, t0 + 10 * n);
        ck_assert_uint_eq(r.checked, 5 - n);
        ck_assert_uint_eq(r.removed, 1);
    }
    ck_assert_uint_eq(round_at(&f, UINT32_MAX - 1).checked, 0);
    ck_assert(holds(&f, "d", "v"));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_shorter_life_is_noticed_and_a_longer_one_costs_one_look)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t t0 = f.now_s;
    put_until(&f, "shorter", "v", t0 + 100);
    touch(&f, "shorter", t0 + 10);
    ck_assert_uint_eq(round_at(&f, t0 + 9).checked, 0);
    ck_assert_uint_eq(round_at(&f, t0 + 10).removed, 1);
    put(&f, "mortal", "v");
    touch(&f, "mortal", t0 + 20);
    ck_assert_uint_eq(round_at(&f, t0 + 20).removed, 1);
    put_until(&f, "longer", "v", t0 + 30);
    touch(&f, "longer", t0 + 40);
    ck_assert_uint_eq(round_at(&f, t0 + 30).checked, 1);
    ck_assert_uint_eq(round_at(&f, t0 + 39).checked, 0);
    touch(&f, "longer", 0);
    ck_assert_uint_eq(round_at(&f, t0 + 40).checked, 1);
    ck_assert_uint_eq(round_at(&f, UINT32_MAX - 1).checked, 0);
    audit(&f);
    fixture_close(&f);
}
END_TEST

/* ---- every way to get an exptime ---- */

static void
by_set(struct fixture *f, uint32_t at_s)
{
    put_until(f, "k", "1", at_s);
}

static void
by_replacing_a_longer_one(struct fixture *f, uint32_t at_s)
{
    put_until(f, "k", "1", at_s + 500);
    put_until(f, "k", "1", at_s);
}

static void
by_append(struct fixture *f, uint32_t at_s)
{
    put_until(f, "k", "1", at_s);
    put_how(f, "k", "23", ENGINE_APPEND);
}

static void
by_a_touch_during_an_append(struct fixture *f, uint32_t at_s)
{
    put_until(f, "k", "1", at_s + 500);
    touch(f, "k", at_s);
    put_how(f, "k", "0123456789012345678901234567890123456789", ENGINE_PREPEND);
}

static void
by_incr(struct fixture *f, uint32_t at_s)
{
    uint64_t n;
    put_until(f, "k", "999", at_s);
    MUST(arith(f, "k", false, 1, &n) == ENGINE_OK);
}

static void
by_incr_that_creates(struct fixture *f, uint32_t at_s)
{
    struct engine_arith a = {.creates = true, .created_exptime_s = at_s};
    MUST(engine_arith(f->t, hash_of(f, SPAN("k")), SPAN("k"), &a) == ENGINE_OK);
}

static void
by_incr_that_sets_it(struct fixture *f, uint32_t at_s)
{
    struct engine_arith a = {.delta = 1, .sets_exptime = true, .exptime_s = at_s};
    put(f, "k", "1");
    MUST(engine_arith(f->t, hash_of(f, SPAN("k")), SPAN("k"), &a) == ENGINE_OK);
}

static void
by_a_copy(struct fixture *f, uint32_t at_s)
{
    struct engine_remake m = {.marks_stale = true};
    uint64_t cas;
    put_until(f, "k", "1", at_s);
    MUST(engine_remake(f->t, hash_of(f, SPAN("k")), SPAN("k"), &m, &cas) == ENGINE_OK);
}

static void
by_a_copy_that_sets_it(struct fixture *f, uint32_t at_s)
{
    struct engine_remake m = {.sets_exptime = true, .exptime_s = at_s};
    uint64_t cas;
    put(f, "k", "1");
    MUST(engine_remake(f->t, hash_of(f, SPAN("k")), SPAN("k"), &m, &cas) == ENGINE_OK);
}

/* The stale item takes over what the old one had. */
static void
by_an_older_unique(struct fixture *f, uint32_t at_s)
{
    struct engine_rules rules = {.how = ENGINE_CAS, .accepts_older = true, .expected = 1};
    uint64_t cas;
    put_until(f, "k", "1", at_s);
    MUST(engine_store(f->t, hash_of(f, SPAN("k")), SPAN("k"), 0, at_s + 500, SPAN("2"), &rules, &cas) ==
         ENGINE_OK);
}

static void
by_an_upload_that_takes_long(struct fixture *f, uint32_t at_s)
{
    struct upload up;
    char *to;
    size_t room;
    uint64_t cas;
    MUST(engine_reserve(f->t, SPAN("k"), 0, at_s, 1, &up) == ENGINE_OK);
    MUST(round_at(f, at_s + 1).removed == 0);
    MUST(engine_upload_space(f->t, &up, &to, &room) == ENGINE_OK);
    *to = '1';
    engine_upload_filled(&up, 1);
    MUST(engine_commit(f->t, hash_of(f, SPAN("k")), &up, RULES(ENGINE_SET), &cas) == ENGINE_OK);
}

static void
by_a_chain(struct fixture *f, uint32_t at_s)
{
    static char value[300 * KIB];
    uint64_t cas = 0;
    MUST(store(f, SPAN("k"), span_of(value, sizeof value), ENGINE_SET, 0, at_s, &cas) == ENGINE_OK);
}

static void
by_a_chain_that_is_touched(struct fixture *f, uint32_t at_s)
{
    by_a_chain(f, 0);
    touch(f, "k", at_s);
}

static void (*const ways[])(struct fixture *f, uint32_t at_s) = {
    by_set, by_replacing_a_longer_one, by_append, by_a_touch_during_an_append, by_incr,
    by_incr_that_creates, by_incr_that_sets_it, by_a_copy, by_a_copy_that_sets_it, by_an_older_unique,
    by_an_upload_that_takes_long, by_a_chain, by_a_chain_that_is_touched,
};

START_TEST(however_an_item_got_its_exptime_it_goes_when_that_comes)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t at_s = f.now_s + 50;
    ways[_i](&f, at_s);
    if (f.now_s < at_s)
        ck_assert_uint_eq(round_at(&f, at_s - 1).removed, 0);
    ck_assert_uint_eq(round_at(&f, at_s + 1).removed, 1);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

/* ---- pieces ---- */

START_TEST(a_step_looks_at_a_few_chunks_only)
{
    struct engine_config c = small_config(64 * MIB);
    c.page_bytes = 1 * MIB;
    struct fixture f = fixture_open(c);
    put_many(&f, "k", 10000, 20, f.now_s + 10);
    f.now_s += 10;
    fixture_turn(&f);
    unsigned steps = 0;
    for (size_t looked_at = 1; looked_at >= 1; steps++) {
        uint64_t before = TOTAL(&f, crawler_items_checked);
        looked_at = engine_maintain(f.t, 1);
        ck_assert_uint_le(TOTAL(&f, crawler_items_checked) - before, 64);
        MUST(steps < 1000);
    }
    ck_assert_uint_ge(steps, 10000 / 64);
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

/* The chunks that a step has freed are given out again before the next one: the sweep has passed them. */
START_TEST(what_is_stored_behind_a_sweep_is_not_forgotten)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t t0 = f.now_s;
    put_many(&f, "olds", 300, 20, t0 + 10);
    put_many(&f, "ever", 1, 20, t0 + 900);
    f.now_s = t0 + 10;
    fixture_turn(&f);
    ck_assert_uint_ge(engine_maintain(f.t, 64), 64); /* not the whole page */
    fixture_settle(&f);
    ck_assert_uint_gt(f.e->sweep_chunk, 0);
    put_many(&f, "news", 10, 20, t0 + 15);
    touch(&f, "ever00000", t0 + 16);
    struct round r = round_at(&f, t0 + 14);
    ck_assert_uint_eq(r.removed, 300 - 64);
    ck_assert_uint_eq(round_at(&f, t0 + 14).checked, 0);
    ck_assert_uint_eq(round_at(&f, t0 + 15).removed, 10);
    ck_assert_uint_eq(round_at(&f, t0 + 16).removed, 1);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_page_that_changes_hands_during_a_sweep_is_due_for_its_new_items)
{
    struct fixture f = fixture_open(small_config(2 * MIB));
    uint32_t t0 = f.now_s;
    put_many(&f, "old", 2000, 100, t0 + 10);
    f.now_s = t0 + 10;
    fixture_turn(&f);
    ck_assert_uint_ge(engine_maintain(f.t, 64), 64);
    ck_assert_uint_gt(f.e->sweep_chunk, 0);
    flush(&f, 0);
    for (unsigned i = 0; i < 60; i++) /* of another class: they need all pages */
        put_many(&f, i % 2 == 0 ? "new" : "other", 20 + i, 900, t0 + 20 + i);
    round_at(&f, t0 + 19);
    round_at(&f, t0 + 80);
    struct audit a;
    audit_engine(f.e, &a);
    ck_assert_uint_eq(a.items, 0);
    fixture_close(&f);
}
END_TEST

/* A sweep that stands in the middle of the only page, whose items are gone now; it is the arena's. */
static page_no
sweep_into_a_page_that_goes(struct fixture *f)
{
    char key[32];
    put_many(f, "k", 300, 20, f->now_s + 10);
    f->now_s += 5;
    put_many(f, "k", 1, 20, f->now_s);
    fixture_turn(f);
    ck_assert_uint_ge(engine_maintain(f->t, 1), 1);
    page_no page = f->e->sweep_page;
    ck_assert_uint_ge(f->e->sweep_chunk, 64);
    for (unsigned i = 0; i < 300; i++) {
        sprintf(key, "k%05u", i);
        MUST(drop(f, text(key)) == (i == 0 ? ENGINE_NOT_FOUND : ENGINE_OK));
    }
    fixture_settle(f);
    ck_assert(slab_give_spare(&f->e->slabs));
    ck_assert_uint_eq(f->e->slabs.pages[page].class_id, 0);
    return page;
}

/* A step: the page, and that it went on to the next. */
#define ONE_STEP 2

START_TEST(a_sweep_leaves_a_page_that_is_nobodys)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    page_no page = sweep_into_a_page_that_goes(&f);
    ck_assert_uint_le(engine_maintain(f.t, 1), ONE_STEP);
    ck_assert_uint_ne(f.e->sweep_page, page);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_sweep_leaves_a_page_that_came_back_with_less_in_it)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    page_no page = sweep_into_a_page_that_goes(&f);
    put_many(&f, "n", 5, 20, f.now_s + 10);
    ck_assert_uint_ne(f.e->slabs.pages[page].class_id, 0);
    ck_assert_uint_le(engine_maintain(f.t, 1), ONE_STEP);
    ck_assert_uint_ne(f.e->sweep_page, page);
    round_at(&f, f.now_s); /* the rest of it */
    ck_assert_uint_eq(round_at(&f, f.now_s + 10).removed, 5);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(the_memory_of_what_expired_can_be_used_for_other_sizes)
{
    struct engine_config c = small_config(8 * MIB);
    c.evict = false;
    struct fixture f = fixture_open(c);
    uint32_t t0 = f.now_s;
    char key[32];
    static char value[30 * KIB];
    unsigned stored = 0;
    while (stored < 100000) {
        sprintf(key, "%u", stored);
        if (put_until(&f, key, "a value of some bytes, not many", t0 + 5) != ENGINE_OK)
            break;
        stored++;
    }
    ck_assert_uint_gt(stored, 50000);
    ck_assert_uint_eq(round_at(&f, t0 + 5).removed, stored);
    for (unsigned i = 0; i < 180; i++) {
        sprintf(key, "big%u", i);
        ck_assert_int_eq(put_span(&f, text(key), span_of(value, sizeof value)), ENGINE_OK);
    }
    audit(&f);
    fixture_close(&f);
}
END_TEST

/* ---- figures ---- */

START_TEST(the_figures_mean_what_memcacheds_do)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t t0 = f.now_s;
    put_many(&f, "read", 10, 20, t0 + 10);
    put_many(&f, "unread", 20, 20, t0 + 10);
    put_many(&f, "flushed", 40, 20, 0);
    char key[16];
    for (unsigned i = 0; i < 10; i++) {
        sprintf(key, "read%05u", i);
        ck_assert_ptr_nonnull(get(&f, key));
    }
    /* What a look-up or a store finds dead is not the sweep's, nor was its memory wanted. */
    put_until(&f, "k", "v", ENGINE_EXPIRED_S);
    ck_assert_ptr_null(get(&f, "k"));
    put_until(&f, "k", "v", ENGINE_EXPIRED_S);
    put_until(&f, "k", "v", t0 + 10);
    round_at(&f, t0 + 10);
    ck_assert_uint_eq(TOTAL(&f, crawler_reclaimed), 31);
    ck_assert_uint_eq(TOTAL(&f, crawler_items_checked), 71);
    ck_assert_uint_eq(TOTAL(&f, expired_unfetched), 21);
    flush(&f, 0);
    round_at(&f, t0 + 10);
    ck_assert_uint_eq(TOTAL(&f, crawler_reclaimed), 71);
    ck_assert_uint_eq(TOTAL(&f, expired_unfetched), 21);
    ck_assert_uint_eq(TOTAL(&f, reclaimed), 0);
    ck_assert_uint_eq(TOTAL(&f, evicted), 0);
    fixture_close(&f);
}
END_TEST

START_TEST(what_a_full_cache_finds_dead_is_reclaimed)
{
    struct fixture f = fixture_open(small_config(2 * MIB));
    put_many(&f, "dead", 1500, 900, ENGINE_EXPIRED_S);
    put_many(&f, "live", 1500, 900, 0);
    ck_assert_uint_gt(TOTAL(&f, reclaimed), 200);
    ck_assert_uint_eq(TOTAL(&f, reclaimed), TOTAL(&f, expired_unfetched));
    ck_assert_uint_eq(TOTAL(&f, crawler_reclaimed), 0);
    fixture_close(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("sweep");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, pages_in_which_nothing_is_due_are_passed_over);
    tcase_add_test(tc, a_page_is_due_again_when_what_stayed_in_it_dies);
    tcase_add_test(tc, a_shorter_life_is_noticed_and_a_longer_one_costs_one_look);
    tcase_add_loop_test(tc, however_an_item_got_its_exptime_it_goes_when_that_comes, 0,
                        ARRAY_COUNT(ways));
    tcase_add_test(tc, a_step_looks_at_a_few_chunks_only);
    tcase_add_test(tc, what_is_stored_behind_a_sweep_is_not_forgotten);
    tcase_add_test(tc, a_page_that_changes_hands_during_a_sweep_is_due_for_its_new_items);
    tcase_add_test(tc, a_sweep_leaves_a_page_that_is_nobodys);
    tcase_add_test(tc, a_sweep_leaves_a_page_that_came_back_with_less_in_it);
    tcase_add_test(tc, the_memory_of_what_expired_can_be_used_for_other_sizes);
    tcase_add_test(tc, the_figures_mean_what_memcacheds_do);
    tcase_add_test(tc, what_a_full_cache_finds_dead_is_reclaimed);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/sweep")

/* Stores, arithmetic and deletes under conditions; marks; changed copies. */
#include "audit.h"
#include "fixture.h"

static void
audit(struct fixture *f)
{
    struct audit a;
    audit_engine(f->e, &a);
}

static enum engine_status
store_by(struct fixture *f, const char *value, struct engine_rules rules, uint32_t exptime_s,
         uint64_t *cas)
{
    enum engine_status status;
    struct span key = SPAN("k");
    UNTIL_DONE(f, status, engine_store(f->t, hash_of(f, key), key, 0, exptime_s, text(value), &rules, cas));
    return status;
}

static enum engine_status
arith_by(struct fixture *f, struct engine_arith *a)
{
    enum engine_status status;
    UNTIL_DONE(f, status, engine_arith(f->t, hash_of(f, SPAN("k")), SPAN("k"), a));
    return status;
}

static enum engine_status
remake_by(struct fixture *f, struct engine_remake m, uint64_t *cas)
{
    enum engine_status status;
    UNTIL_DONE(f, status, engine_remake(f->t, hash_of(f, SPAN("k")), SPAN("k"), &m, cas));
    return status;
}

static bool
has_marks(const struct item *it, unsigned marks)
{
    return (item_state(it) & ITEM_MARKS) == marks;
}

START_TEST(an_append_may_ask_for_the_unique)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t first, cas = 0;
    struct engine_rules rules = {.how = ENGINE_APPEND, .compares = true, .expected = 77};
    ck_assert_int_eq(store_by(&f, "b", rules, 0, &cas), ENGINE_NOT_STORED);
    ck_assert_int_eq(store_by(&f, "a", (struct engine_rules){0}, 0, &first), ENGINE_OK);
    ck_assert_int_eq(store_by(&f, "b", rules, 0, &cas), ENGINE_EXISTS);
    ck_assert(holds(&f, "k", "a"));
    rules.expected = first;
    ck_assert_int_eq(store_by(&f, "b", rules, 0, &cas), ENGINE_OK);
    ck_assert(holds(&f, "k", "ab") && cas > first);
    rules = (struct engine_rules){.how = ENGINE_PREPEND, .compares = true, .expected = cas};
    ck_assert_int_eq(store_by(&f, "c", rules, 0, &cas), ENGINE_OK);
    ck_assert(holds(&f, "k", "cab"));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(an_append_may_create)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas;
    struct engine_rules rules = {.how = ENGINE_APPEND, .creates = true};
    ck_assert_int_eq(store_by(&f, "a", rules, 500, &cas), ENGINE_OK);
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 500);
    ck_assert_int_eq(store_by(&f, "b", rules, 700, &cas), ENGINE_OK);
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 500);
    ck_assert(holds(&f, "k", "ab"));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_store_may_name_its_unique)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas;
    ck_assert_int_eq(store_by(&f, "a", (struct engine_rules){.cas_new = 1000}, 0, &cas), ENGINE_OK);
    ck_assert(cas == 1000 && item_cas(get(&f, "k")) == 1000);
    struct engine_arith incr = {.delta = 1, .cas_new = 999};
    ck_assert_int_eq(store_by(&f, "5", (struct engine_rules){0}, 0, &cas), ENGINE_OK);
    ck_assert(cas != 1000);
    ck_assert_int_eq(arith_by(&f, &incr), ENGINE_OK);
    ck_assert(incr.cas == 999 && item_cas(get(&f, "k")) == 999);
    fixture_close(&f);
}
END_TEST

START_TEST(an_older_unique_may_store_what_is_stale)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t old, cas;
    struct engine_rules rules = {.how = ENGINE_CAS, .accepts_older = true};
    ck_assert_int_eq(store_by(&f, "1", (struct engine_rules){0}, 0, &old), ENGINE_OK);
    ck_assert_int_eq(store_by(&f, "2", (struct engine_rules){0}, 500, &cas), ENGINE_OK);
    ck_assert(engine_claim_token(f.t, hash_of(&f, SPAN("k")), get(&f, "k")));
    rules.expected = cas + 1;
    ck_assert_int_eq(store_by(&f, "3", rules, 700, &cas), ENGINE_EXISTS);
    rules.expected = old;
    ck_assert_int_eq(store_by(&f, "3", rules, 700, &cas), ENGINE_OK);
    ck_assert(holds(&f, "k", "3"));
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 500);
    ck_assert(has_marks(get(&f, "k"), ITEM_STALE | ITEM_TOKEN_SENT));
    /* The right unique stores as ever. */
    rules.expected = cas;
    ck_assert_int_eq(store_by(&f, "4", rules, 700, &cas), ENGINE_OK);
    ck_assert(has_marks(get(&f, "k"), 0));
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 700);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(marks_stay_with_the_item)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas;
    struct engine_rules rules = {.marks = ITEM_KEY_BINARY | ITEM_TOKEN_SENT};
    ck_assert_int_eq(store_by(&f, "7", rules, 0, &cas), ENGINE_OK);
    ck_assert(has_marks(get(&f, "k"), ITEM_KEY_BINARY | ITEM_TOKEN_SENT));
    ck_assert(!engine_claim_token(f.t, hash_of(&f, SPAN("k")), get(&f, "k")));
    struct engine_arith incr = {.delta = 1};
    ck_assert_int_eq(arith_by(&f, &incr), ENGINE_OK);
    ck_assert(has_marks(get(&f, "k"), ITEM_KEY_BINARY | ITEM_TOKEN_SENT));
    ck_assert_int_eq(store_by(&f, "0", (struct engine_rules){.how = ENGINE_APPEND}, 0, &cas), ENGINE_OK);
    ck_assert(has_marks(get(&f, "k"), ITEM_KEY_BINARY));
    ck_assert_int_eq(store_by(&f, "0", (struct engine_rules){0}, 0, &cas), ENGINE_OK);
    ck_assert(has_marks(get(&f, "k"), 0));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_token_is_claimed_once)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "k", "v");
    const struct item *it = get(&f, "k");
    uint64_t hash = hash_of(&f, SPAN("k"));
    ck_assert(engine_claim_token(f.t, hash, it));
    ck_assert(!engine_claim_token(f.t, hash, it));
    ck_assert(has_marks(it, ITEM_TOKEN_SENT));
    put(&f, "k", "w");
    ck_assert(engine_claim_token(f.t, hash, get(&f, "k")));
    it = get(&f, "k");
    put(&f, "k", "x");
    ck_assert(!engine_claim_token(f.t, hash, it));
    ck_assert(has_marks(get(&f, "k"), 0));
    fixture_close(&f);
}
END_TEST

START_TEST(arithmetic_may_create)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct engine_arith a = {.delta = 5, .creates = true, .initial = 100, .created_exptime_s = 400,
                             .marks = ITEM_KEY_BINARY};
    ck_assert_int_eq(arith_by(&f, &a), ENGINE_OK);
    ck_assert(a.created && a.result == 100 && a.item == get(&f, "k") && a.cas == item_cas(a.item));
    ck_assert(holds(&f, "k", "100") && has_marks(a.item, ITEM_KEY_BINARY));
    ck_assert_uint_eq(item_exptime(a.item), 400);
    ck_assert_int_eq(arith_by(&f, &a), ENGINE_OK);
    ck_assert(!a.created && a.result == 105 && holds(&f, "k", "105"));
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 400);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(arithmetic_may_ask_for_the_unique_and_set_the_exptime)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas;
    ck_assert_int_eq(store_by(&f, "10", (struct engine_rules){0}, 0, &cas), ENGINE_OK);
    struct engine_arith a = {.decr = true, .delta = 1, .compares = true, .expected = cas + 1,
                             .sets_exptime = true, .exptime_s = 300};
    ck_assert_int_eq(arith_by(&f, &a), ENGINE_EXISTS);
    ck_assert(holds(&f, "k", "10"));
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 0);
    a.expected = cas;
    ck_assert_int_eq(arith_by(&f, &a), ENGINE_OK);
    ck_assert(a.result == 9 && holds(&f, "k", "9 "));
    ck_assert_uint_eq(item_exptime(get(&f, "k")), 300);
    fixture_close(&f);
}
END_TEST

START_TEST(a_delete_may_ask_for_the_unique)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas;
    ck_assert_int_eq(store_by(&f, "1", (struct engine_rules){0}, 0, &cas), ENGINE_OK);
    struct engine_rules rules = {.compares = true, .expected = cas + 1};
    uint64_t hash = hash_of(&f, SPAN("k"));
    ck_assert_int_eq(engine_delete(f.t, hash, SPAN("k"), &rules), ENGINE_EXISTS);
    ck_assert(holds(&f, "k", "1"));
    rules.expected = cas;
    ck_assert_int_eq(engine_delete(f.t, hash, SPAN("k"), &rules), ENGINE_OK);
    ck_assert_int_eq(engine_delete(f.t, hash, SPAN("k"), &rules), ENGINE_NOT_FOUND);
    fixture_close(&f);
}
END_TEST

START_TEST(a_stale_copy_is_the_item_but_for_its_unique)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char *large = malloc(300 * KIB);
    memset(large, 'x', 300 * KIB);
    for (unsigned round = 0; round < 2; round++) {
        struct span value = round == 0 ? SPAN("value") : span_of(large, 300 * KIB);
        uint64_t cas = 0, now;
        ck_assert_int_eq(store(&f, SPAN("k"), value, ENGINE_SET, 42, 600, &cas), ENGINE_OK);
        ck_assert(engine_claim_token(f.t, hash_of(&f, SPAN("k")), get(&f, "k")));
        ck_assert_int_eq(remake_by(&f, (struct engine_remake){.marks_stale = true}, &now), ENGINE_OK);
        const struct item *it = get(&f, "k");
        ck_assert(value_is(f.e, it, value) && has_marks(it, ITEM_STALE) && now == item_cas(it));
        ck_assert(now > cas && item_client_flags(it) == 42 && item_exptime(it) == 600);
        ck_assert(engine_claim_token(f.t, hash_of(&f, SPAN("k")), it));
        struct engine_remake m = {.marks_stale = true, .sets_exptime = true, .exptime_s = 99,
                                  .compares = true, .expected = cas, .cas_new = 12345};
        ck_assert_int_eq(remake_by(&f, m, &now), ENGINE_EXISTS);
        m.expected = now;
        ck_assert_int_eq(remake_by(&f, m, &now), ENGINE_OK);
        it = get(&f, "k");
        ck_assert(now == 12345 && item_cas(it) == 12345 && item_exptime(it) == 99);
        ck_assert(has_marks(it, ITEM_STALE));
    }
    drop(&f, SPAN("k"));
    uint64_t cas;
    ck_assert_int_eq(remake_by(&f, (struct engine_remake){.marks_stale = true}, &cas), ENGINE_NOT_FOUND);
    fixture_settle(&f);
    audit(&f);
    free(large);
    fixture_close(&f);
}
END_TEST

START_TEST(a_copy_may_drop_the_value)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas = 0, now;
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("value"), ENGINE_SET, 42, 600, &cas), ENGINE_OK);
    struct engine_remake m = {.drops_value = true, .keeps_cas = true, .client_flags = 7,
                              .sets_exptime = true, .exptime_s = 0};
    ck_assert_int_eq(remake_by(&f, m, &now), ENGINE_OK);
    const struct item *it = get(&f, "k");
    ck_assert(holds(&f, "k", "") && now == cas && item_cas(it) == cas);
    ck_assert(item_client_flags(it) == 7 && item_exptime(it) == 0 && has_marks(it, 0));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_look_is_noted_afterwards_or_not_at_all)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "k", "v");
    uint64_t hash = hash_of(&f, SPAN("k"));
    uint32_t stored_s = f.now_s;
    f.now_s += 10;
    fixture_turn(&f);
    const struct item *it = engine_look(f.t, hash, SPAN("k"));
    ck_assert(!item_was_fetched(it) && item_atime(it) == stored_s);
    engine_note_get(f.t, it, false);
    ck_assert(!item_was_fetched(it) && item_atime(it) == stored_s);
    engine_note_get(f.t, it, true);
    ck_assert(item_was_fetched(it) && item_atime(it) == f.now_s);
    engine_note_get(f.t, engine_look(f.t, hash_of(&f, SPAN("none")), SPAN("none")), true);
    audit(&f);
    fixture_close(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("rules");
    tcase_add_test(tc, an_append_may_ask_for_the_unique);
    tcase_add_test(tc, an_append_may_create);
    tcase_add_test(tc, a_store_may_name_its_unique);
    tcase_add_test(tc, an_older_unique_may_store_what_is_stale);
    tcase_add_test(tc, marks_stay_with_the_item);
    tcase_add_test(tc, a_token_is_claimed_once);
    tcase_add_test(tc, arithmetic_may_create);
    tcase_add_test(tc, arithmetic_may_ask_for_the_unique_and_set_the_exptime);
    tcase_add_test(tc, a_delete_may_ask_for_the_unique);
    tcase_add_test(tc, a_stale_copy_is_the_item_but_for_its_unique);
    tcase_add_test(tc, a_copy_may_drop_the_value);
    tcase_add_test(tc, a_look_is_noted_afterwards_or_not_at_all);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/rules")

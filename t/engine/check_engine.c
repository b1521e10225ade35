/* What a cache does, seen through engine.h alone (and audited behind it): each way to store, cas,
 * arithmetic, expiry, flushes, values in one chunk and in many. */
#include "audit.h"
#include "engine/view.h"
#include "fixture.h"

static void
audit(struct fixture *f)
{
    struct audit a;
    audit_engine(f->e, &a);
}

static char *
pattern(size_t bytes, uint64_t seed)
{
    char *p = malloc(bytes + 1);
    ck_assert_ptr_nonnull(p);
    fill_pattern(p, bytes, seed);
    return p;
}

/* ---- the ways to store ---- */

START_TEST(set_add_and_replace_follow_what_stands_there)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    ck_assert_ptr_null(get(&f, "k"));
    ck_assert_int_eq(put_how(&f, "k", "x", ENGINE_REPLACE), ENGINE_NOT_STORED);
    ck_assert_int_eq(put_how(&f, "k", "a", ENGINE_ADD), ENGINE_OK);
    ck_assert_int_eq(put_how(&f, "k", "b", ENGINE_ADD), ENGINE_NOT_STORED);
    ck_assert(holds(&f, "k", "a"));
    ck_assert_int_eq(put_how(&f, "k", "c", ENGINE_REPLACE), ENGINE_OK);
    ck_assert(holds(&f, "k", "c"));
    ck_assert_int_eq(put(&f, "k", ""), ENGINE_OK);
    ck_assert(holds(&f, "k", ""));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(append_and_prepend_keep_flags_and_exptime)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas = 0;
    ck_assert_int_eq(put_how(&f, "k", "x", ENGINE_APPEND), ENGINE_NOT_STORED);
    ck_assert_int_eq(put_how(&f, "k", "x", ENGINE_PREPEND), ENGINE_NOT_STORED);
    ck_assert_ptr_null(get(&f, "k"));
    store(&f, SPAN("k"), SPAN("mid"), ENGINE_SET, 42, f.now_s + 10, &cas);
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("end"), ENGINE_APPEND, 7, 0, &cas), ENGINE_OK);
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("start"), ENGINE_PREPEND, 9, 1, &cas), ENGINE_OK);
    ck_assert(holds(&f, "k", "startmidend"));
    const struct item *it = get(&f, "k");
    ck_assert_uint_eq(item_client_flags(it), 42);
    ck_assert_uint_eq(item_exptime(it), f.now_s + 10);
    ck_assert(item_cas(it) == cas);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(cas_stores_only_over_the_unique_it_names)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas = 5;
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("x"), ENGINE_CAS, 0, 0, &cas), ENGINE_NOT_FOUND);
    cas = 0;
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("1"), ENGINE_SET, 0, 0, &cas), ENGINE_OK);
    ck_assert(cas == 2); /* the first unique ever, as memcached's */
    uint64_t wrong = 0;
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("2"), ENGINE_CAS, 0, 0, &wrong), ENGINE_EXISTS);
    ck_assert(holds(&f, "k", "1"));
    uint64_t right = cas;
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("2"), ENGINE_CAS, 0, 0, &right), ENGINE_OK);
    ck_assert(right > cas);
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("3"), ENGINE_CAS, 0, 0, &cas), ENGINE_EXISTS);
    ck_assert(holds(&f, "k", "2"));
    fixture_close(&f);
}
END_TEST

START_TEST(every_change_gives_a_new_unique)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t last = 0, result;
    put(&f, "k", "1");
    for (unsigned i = 0; i < 8; i++) {
        uint64_t cas = item_cas(get(&f, "k"));
        ck_assert(cas > last);
        last = cas;
        if (i == 2)
            arith(&f, "k", false, 1, &result);
        else if (i == 3)
            arith(&f, "k", true, 1, &result);
        else if (i < 6)
            put_how(&f, "k", "1", i < 2 ? ENGINE_APPEND : ENGINE_PREPEND);
        else
            put(&f, "k", "1");
    }
    /* A touch is no change. */
    uint64_t cas = item_cas(get(&f, "k"));
    engine_touch(f.t, hash_of(&f, SPAN("k")), SPAN("k"), 0);
    ck_assert(item_cas(get(&f, "k")) == cas);
    fixture_close(&f);
}
END_TEST

START_TEST(without_cas_items_are_smaller_and_cas_never_matches)
{
    struct engine_config c = small_config(64 * MIB);
    c.cas = false;
    struct fixture f = fixture_open(c);
    put(&f, "k", "v");
    const struct item *it = get(&f, "k");
    ck_assert(item_cas(it) == 0);
    ck_assert_uint_eq(item_total_bytes(it), 16 + 1 + 1);
    for (uint64_t guess = 0; guess < 5; guess++) {
        uint64_t cas = guess;
        ck_assert_int_eq(store(&f, SPAN("k"), SPAN("w"), ENGINE_CAS, 0, 0, &cas), ENGINE_EXISTS);
    }
    uint64_t cas = 0;
    ck_assert_int_eq(store(&f, SPAN("none"), SPAN("w"), ENGINE_CAS, 0, 0, &cas), ENGINE_NOT_FOUND);
    ck_assert(holds(&f, "k", "v"));
    fixture_close(&f);
}
END_TEST

START_TEST(keys_of_every_length_and_byte_are_kept_apart)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[250], value[8];
    for (unsigned i = 0; i < 256 * 2; i++) {
        memset(key, (int)(i & 0xff), sizeof key);
        sprintf(value, "%u", i);
        ck_assert_int_eq(put_span(&f, span_of(key, 1 + i % 250), text(value)), ENGINE_OK);
    }
    for (unsigned i = 0; i < 256 * 2; i++) {
        memset(key, (int)(i & 0xff), sizeof key);
        struct span name = span_of(key, 1 + i % 250);
        sprintf(value, "%u", i);
        const struct item *it = engine_get(f.t, hash_of(&f, name), name);
        ck_assert(it != NULL && value_is(f.e, it, text(value)));
        ck_assert(span_equal(item_key(it), name));
    }
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(client_flags_are_kept_with_and_without_cas)
{
    struct engine_config c = small_config(64 * MIB);
    c.cas = _i == 0;
    struct fixture f = fixture_open(c);
    const uint32_t flags[] = {0, 1, 0x80000000, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_COUNT(flags); i++) {
        uint64_t cas = 0;
        store(&f, SPAN("k"), SPAN("v"), ENGINE_SET, flags[i], 0, &cas);
        const struct item *it = get(&f, "k");
        ck_assert_uint_eq(item_client_flags(it), flags[i]);
        ck_assert(value_is(f.e, it, SPAN("v")) && span_equal(item_key(it), SPAN("k")));
        ck_assert(!c.cas || item_cas(it) == cas);
    }
    fixture_close(&f);
}
END_TEST

/* memcached: item header 48 with cas, the key and a NUL, flags if not 0, the value and CRLF. */
START_TEST(the_largest_item_is_memcacheds_to_the_byte)
{
    struct engine_config c = small_config(64 * MIB);
    c.item_bytes_max = 4096;
    c.cas = _i == 0;
    struct fixture f = fixture_open(c);
    uint32_t most = 4096 - 48 - (c.cas ? 8 : 0) - 3 - 5;
    char *value = pattern(most + 1, 1);
    uint64_t cas = 0;
    ck_assert_int_eq(put_span(&f, SPAN("12345"), span_of(value, most)), ENGINE_OK);
    ck_assert_int_eq(put_span(&f, SPAN("12345"), span_of(value, most + 1)), ENGINE_TOO_LARGE);
    ck_assert_int_eq(store(&f, SPAN("12345"), span_of(value, most), ENGINE_SET, 1, 0, &cas),
                     ENGINE_TOO_LARGE);
    ck_assert_int_eq(put_how(&f, "12345", "x", ENGINE_APPEND), ENGINE_TOO_LARGE);
    ck_assert(value_is(f.e, get(&f, "12345"), span_of(value, most)));
    audit(&f);
    free(value);
    fixture_close(&f);
}
END_TEST

/* ---- deletion, touch ---- */

START_TEST(delete_removes_once)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    ck_assert_int_eq(drop(&f, SPAN("k")), ENGINE_NOT_FOUND);
    put(&f, "k", "v");
    const struct item *it = get(&f, "k");
    ck_assert_int_eq(drop(&f, SPAN("k")), ENGINE_OK);
    ck_assert_ptr_null(get(&f, "k"));
    ck_assert_int_eq(drop(&f, SPAN("k")), ENGINE_NOT_FOUND);
    ck_assert(value_is(f.e, it, SPAN("v"))); /* ours until the turn ends */
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(deleting_more_than_the_limbo_holds_says_again)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    unsigned put_off = 0;
    for (unsigned i = 0; i < EPOCH_LIMBO_MAX + 10; i++) {
        sprintf(key, "%u", i);
        MUST(put(&f, key, "") == ENGINE_OK);
    }
    for (unsigned i = 0; i < EPOCH_LIMBO_MAX + 10; i++) {
        sprintf(key, "%u", i);
        enum engine_status status = engine_delete(f.t, hash_of(&f, text(key)), text(key), NULL);
        MUST(status == (i < EPOCH_LIMBO_MAX ? ENGINE_OK : ENGINE_AGAIN));
        put_off += status == ENGINE_AGAIN;
    }
    ck_assert_uint_eq(put_off, 10);
    /* What needs room in the limbo waits; looking does not. */
    uint64_t cas;
    struct engine_arith incr = {.delta = 1};
    struct span first = text(key);
    ck_assert(engine_get(f.t, hash_of(&f, first), first) != NULL);
    ck_assert_int_eq(engine_store(f.t, hash_of(&f, first), first, 0, 0, SPAN("1"), RULES(ENGINE_SET), &cas),
                     ENGINE_AGAIN);
    ck_assert_int_eq(engine_arith(f.t, hash_of(&f, first), first, &incr),
                     ENGINE_NOT_NUMERIC);
    fixture_settle(&f);
    ck_assert_int_eq(put_span(&f, first, SPAN("1")), ENGINE_OK);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(touch_sets_the_exptime_and_returns_the_item_once)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t hash = hash_of(&f, SPAN("k"));
    ck_assert_ptr_null(engine_touch(f.t, hash, SPAN("k"), 0));
    put(&f, "k", "v");
    const struct item *it = engine_touch(f.t, hash, SPAN("k"), f.now_s + 5);
    ck_assert(it != NULL && item_exptime(it) == f.now_s + 5);
    f.now_s += 4;
    fixture_turn(&f);
    ck_assert(engine_touch(f.t, hash, SPAN("k"), 0) != NULL);
    f.now_s += 1000;
    fixture_turn(&f);
    ck_assert(holds(&f, "k", "v"));
    it = engine_touch(f.t, hash, SPAN("k"), ENGINE_EXPIRED_S);
    ck_assert(it != NULL && value_is(f.e, it, SPAN("v")));
    ck_assert_ptr_null(get(&f, "k"));
    ck_assert_ptr_null(engine_touch(f.t, hash, SPAN("k"), 0));
    fixture_close(&f);
}
END_TEST

START_TEST(hits_are_marked_and_peeks_are_not)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "k", "v");
    uint64_t hash = hash_of(&f, SPAN("k"));
    uint32_t stored_s = f.now_s;
    f.now_s += 3;
    fixture_turn(&f);
    const struct item *it = engine_peek(f.t, hash, SPAN("k"));
    ck_assert(!item_was_fetched(it) && item_atime(it) == stored_s);
    it = engine_get(f.t, hash, SPAN("k"));
    ck_assert(item_was_fetched(it) && item_atime(it) == f.now_s);
    ck_assert_int_eq(put_how(&f, "k", "no", ENGINE_ADD), ENGINE_NOT_STORED);
    put(&f, "k", "w");
    ck_assert(!item_was_fetched(engine_peek(f.t, hash, SPAN("k"))));
    fixture_close(&f);
}
END_TEST

/* Else a counter that is counted all the time, and rarely read, would be the first to be evicted. */
START_TEST(what_incr_and_append_make_is_as_hot_as_what_it_was_made_of)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t n;
    put(&f, "n", "1");
    uint64_t hash = hash_of(&f, SPAN("n"));
    ck_assert(item_is_on_probation(engine_peek(f.t, hash, SPAN("n"))));
    for (unsigned i = 0; i < 6; i++) { /* the first one ends the probation */
        arith(&f, "n", false, 1, &n);
        const struct item *it = engine_peek(f.t, hash, SPAN("n"));
        ck_assert(!item_is_on_probation(it));
        ck_assert_uint_eq(it->hit, i < ITEM_FREQ_MAX ? i : ITEM_FREQ_MAX);
    }
    ck_assert(get(&f, "n") != NULL);
    arith(&f, "n", false, 1, &n);
    ck_assert(item_was_fetched(engine_peek(f.t, hash, SPAN("n"))));
    put_how(&f, "n", "0", ENGINE_APPEND);
    const struct item *it = engine_peek(f.t, hash, SPAN("n"));
    ck_assert_uint_eq(it->hit, ITEM_FREQ_MAX);
    fixture_close(&f);
}
END_TEST

/* ---- exptime ---- */

START_TEST(an_item_is_gone_in_the_second_of_its_exptime)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put_until(&f, "never", "v", 0);
    put_until(&f, "past", "v", ENGINE_EXPIRED_S);
    put_until(&f, "now", "v", f.now_s);
    put_until(&f, "next", "v", f.now_s + 1);
    put_until(&f, "last", "v", UINT32_MAX);
    ck_assert_ptr_null(get(&f, "past"));
    ck_assert_ptr_null(get(&f, "now"));
    ck_assert(holds(&f, "next", "v"));
    f.now_s++;
    fixture_turn(&f);
    ck_assert_ptr_null(get(&f, "next"));
    f.now_s = UINT32_MAX - 1;
    fixture_turn(&f);
    ck_assert(holds(&f, "last", "v") && holds(&f, "never", "v"));
    f.now_s = UINT32_MAX;
    fixture_turn(&f);
    ck_assert_ptr_null(get(&f, "last"));
    ck_assert(holds(&f, "never", "v"));
    fixture_close(&f);
}
END_TEST

START_TEST(what_expired_counts_as_absent_for_every_store)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    const enum engine_store refused[] = {ENGINE_REPLACE, ENGINE_APPEND, ENGINE_PREPEND};
    uint64_t cas = 0, result;
    for (unsigned i = 0; i < ARRAY_COUNT(refused); i++) {
        put_until(&f, "k", "1", ENGINE_EXPIRED_S);
        ck_assert_int_eq(put_how(&f, "k", "2", refused[i]), ENGINE_NOT_STORED);
    }
    store(&f, SPAN("k"), SPAN("1"), ENGINE_SET, 0, ENGINE_EXPIRED_S, &cas);
    ck_assert_int_eq(store(&f, SPAN("k"), SPAN("2"), ENGINE_CAS, 0, 0, &cas), ENGINE_NOT_FOUND);
    put_until(&f, "k", "1", ENGINE_EXPIRED_S);
    ck_assert_int_eq(arith(&f, "k", false, 1, &result), ENGINE_NOT_FOUND);
    put_until(&f, "k", "1", ENGINE_EXPIRED_S);
    ck_assert_int_eq(drop(&f, SPAN("k")), ENGINE_NOT_FOUND);
    put_until(&f, "k", "1", ENGINE_EXPIRED_S);
    ck_assert_int_eq(put_how(&f, "k", "2", ENGINE_ADD), ENGINE_OK);
    ck_assert(holds(&f, "k", "2"));
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(maintenance_sweeps_what_expired)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    for (unsigned i = 0; i < 5000; i++) {
        sprintf(key, "%u", i);
        put_until(&f, key, "some value", i % 2 == 0 ? f.now_s + 10 : 0);
    }
    f.now_s += 10;
    fixture_turn(&f);
    unsigned rounds = 0;
    while (engine_maintain(f.t, 100) >= 100)
        MUST(++rounds < 1000);
    ck_assert_uint_ge(rounds, 3); /* the budget bounds each, to the page */
    fixture_settle(&f);
    struct audit a;
    audit_engine(f.e, &a);
    ck_assert_uint_eq(a.items, 2500);
    fixture_close(&f);
}
END_TEST

/* ---- arithmetic ---- */

static enum engine_status
arith_on(struct fixture *f, struct span value, bool decr, uint64_t delta, uint64_t *result)
{
    put_span(f, SPAN("n"), value);
    return arith(f, "n", decr, delta, result);
}

START_TEST(incr_wraps_and_decr_stops_at_zero)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t n;
    ck_assert_int_eq(arith(&f, "n", false, 1, &n), ENGINE_NOT_FOUND);
    ck_assert_int_eq(arith_on(&f, SPAN("0"), false, UINT64_MAX, &n), ENGINE_OK);
    ck_assert(n == UINT64_MAX && holds(&f, "n", "18446744073709551615"));
    ck_assert_int_eq(arith(&f, "n", false, 1, &n), ENGINE_OK);
    ck_assert(n == 0);
    ck_assert_int_eq(arith_on(&f, SPAN("18446744073709551615"), false, 11, &n), ENGINE_OK);
    ck_assert(n == 10);
    ck_assert_int_eq(arith_on(&f, SPAN("5"), true, 6, &n), ENGINE_OK);
    ck_assert(n == 0 && holds(&f, "n", "0"));
    ck_assert_int_eq(arith_on(&f, SPAN("5"), true, 5, &n), ENGINE_OK);
    ck_assert(n == 0);
    ck_assert_int_eq(arith_on(&f, SPAN("5"), true, 0, &n), ENGINE_OK);
    ck_assert(n == 5);
    fixture_close(&f);
}
END_TEST

START_TEST(a_shorter_number_is_padded_to_the_old_length)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t n;
    arith_on(&f, SPAN("100"), true, 1, &n);
    ck_assert(n == 99 && holds(&f, "n", "99 "));
    arith(&f, "n", false, 1, &n);
    ck_assert(n == 100 && holds(&f, "n", "100"));
    arith(&f, "n", false, 900, &n);
    ck_assert(n == 1000 && holds(&f, "n", "1000"));
    arith_on(&f, SPAN("7     "), false, 3, &n);
    ck_assert(n == 10 && holds(&f, "n", "10    "));
    arith_on(&f, SPAN("000"), false, 1, &n);
    ck_assert(holds(&f, "n", "1  "));
    fixture_close(&f);
}
END_TEST

START_TEST(arithmetic_reads_what_strtoull_would)
{
    /* Each of these was tried on memcached. */
    const struct span good[] = {SPAN("5"),     SPAN(" 5"),     SPAN("5 "),  SPAN("5 x"), SPAN("+5"),
                                SPAN("\t5"),   SPAN("\v5"),    SPAN("005"), SPAN("5\0"), SPAN("5\0x"),
                                SPAN("5\r\n"), SPAN("00000000000000000000000000005")};
    const struct span bad[] = {SPAN(""),   SPAN(" "),  SPAN("x"),  SPAN("5x"), SPAN("-5"), SPAN("+"),
                               SPAN("++5"), SPAN("+ 5"), SPAN("0x5"), SPAN("\0005"),
                               SPAN("18446744073709551616"), SPAN("99999999999999999999999")};
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t n = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(good); i++) {
        ck_assert_msg(arith_on(&f, good[i], false, 1, &n) == ENGINE_OK, "good[%u]", i);
        ck_assert(n == 6);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_msg(arith_on(&f, bad[i], false, 1, &n) == ENGINE_NOT_NUMERIC, "bad[%u]", i);
        ck_assert(value_is(f.e, get(&f, "n"), bad[i]));
    }
    fixture_close(&f);
}
END_TEST

START_TEST(arithmetic_keeps_flags_and_exptime)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint64_t cas = 0, n;
    store(&f, SPAN("n"), SPAN("99"), ENGINE_SET, 0xdead, f.now_s + 9, &cas);
    arith(&f, "n", false, 1, &n);
    const struct item *it = get(&f, "n");
    ck_assert_uint_eq(item_client_flags(it), 0xdead);
    ck_assert_uint_eq(item_exptime(it), f.now_s + 9);
    ck_assert(item_cas(it) > cas);
    fixture_close(&f);
}
END_TEST

/* ---- flush ---- */

START_TEST(a_flush_divides_its_second)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "before", "v");
    ck_assert_int_eq(flush(&f, f.now_s), ENGINE_OK);
    put(&f, "after", "v");
    ck_assert_ptr_null(get(&f, "before"));
    ck_assert(holds(&f, "after", "v"));
    ck_assert_int_eq(put_how(&f, "before", "w", ENGINE_REPLACE), ENGINE_NOT_STORED);
    ck_assert_int_eq(flush(&f, 0), ENGINE_OK);
    ck_assert_ptr_null(get(&f, "after"));
    ck_assert_int_eq(flush(&f, 0), ENGINE_OK);
    put(&f, "again", "v");
    ck_assert(holds(&f, "again", "v"));
    fixture_close(&f);
}
END_TEST

START_TEST(a_delayed_flush_takes_what_was_stored_before_its_moment)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "a", "v");
    ck_assert_int_eq(flush(&f, f.now_s + 5), ENGINE_OK);
    f.now_s += 4;
    fixture_turn(&f);
    put(&f, "b", "v");
    ck_assert(holds(&f, "a", "v"));
    f.now_s += 1;
    fixture_turn(&f);
    ck_assert_ptr_null(get(&f, "a"));
    ck_assert_ptr_null(get(&f, "b"));
    put(&f, "c", "v");
    f.now_s += 100;
    fixture_turn(&f);
    ck_assert(holds(&f, "c", "v"));
    fixture_close(&f);
}
END_TEST

START_TEST(the_last_flush_replaces_a_pending_one)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    flush(&f, f.now_s + 5);
    flush(&f, f.now_s + 50);
    put(&f, "a", "v");
    f.now_s += 10;
    fixture_turn(&f);
    ck_assert(holds(&f, "a", "v"));
    flush(&f, f.now_s);
    put(&f, "b", "v");
    f.now_s += 100;
    fixture_turn(&f);
    ck_assert(holds(&f, "b", "v"));
    ck_assert_ptr_null(get(&f, "a"));
    fixture_close(&f);
}
END_TEST

START_TEST(whoever_joins_or_wakes_sees_the_flush_that_is_due)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "a", "v");
    flush(&f, f.now_s + 5);
    engine_offline(f.t);
    struct engine_thread *late = engine_join(f.e, f.now_s + 5);
    ck_assert_ptr_null(engine_get(late, hash_of(&f, SPAN("a")), SPAN("a")));
    engine_leave(late);
    engine_online(f.t, f.now_s + 4);
    ck_assert_ptr_null(get(&f, "a"));
    fixture_close(&f);
}
END_TEST

/* Generations are 7 bits: item 'old' must not come back when they wrap. */
START_TEST(six_hundred_flushes_with_stores_between_bring_nothing_back)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    put(&f, "old", "v");
    for (unsigned i = 0; i < 600; i++) {
        sprintf(key, "k%u", i);
        put(&f, key, "v");
        ck_assert(holds(&f, key, "v"));
        ck_assert_int_eq(flush(&f, f.now_s), ENGINE_OK);
        MUST(get(&f, key) == NULL);
        if (i % 64 == 0)
            MUST(engine_peek(f.t, hash_of(&f, SPAN("old")), SPAN("old")) == NULL);
        if (_i == 1)
            engine_maintain(f.t, 100);
    }
    for (unsigned i = 0; i < 600; i++) {
        sprintf(key, "k%u", i);
        MUST(get(&f, key) == NULL);
    }
    audit(&f);
    fixture_close(&f);
}
END_TEST

/* Nobody sweeps, so the flushes must: but not all at once, however much there is. */
START_TEST(a_flush_that_must_sweep_is_put_off_and_not_slow)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    for (unsigned i = 0; i < 50000; i++) {
        sprintf(key, "%u", i);
        put(&f, key, "v");
    }
    unsigned put_off = 0;
    for (unsigned i = 0; i < 300; i++) {
        put(&f, "k", "v");
        enum engine_status status = engine_flush(f.t, 0);
        if (status == ENGINE_AGAIN) {
            put_off++;
            ck_assert_uint_le(epoch_limbo_count(&f.t->epoch), 25000);
            ck_assert(holds(&f, "k", "v"));
        } else {
            ck_assert_int_eq(status, ENGINE_OK);
            MUST(get(&f, "k") == NULL);
        }
        fixture_turn(&f);
    }
    ck_assert_uint_ge(put_off, 2);
    ck_assert_uint_le(put_off, 10);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(flushes_without_stores_between_cost_no_generation)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "k", "v");
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_eq(engine_flush(f.t, 0), ENGINE_OK);
    ck_assert_uint_le(f.e->unswept, 1);
    ck_assert_ptr_null(get(&f, "k"));
    put(&f, "k", "v");
    ck_assert(holds(&f, "k", "v"));
    fixture_close(&f);
}
END_TEST

START_TEST(a_flushed_cache_is_swept_empty)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    for (unsigned i = 0; i < 10000; i++) {
        sprintf(key, "%u", i);
        put(&f, key, "some value");
    }
    flush(&f, 0);
    for (unsigned i = 0; i < 10000 && engine_maintain(f.t, 64) >= 64; i++)
        fixture_turn(&f);
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_flush_during_a_sweep_is_swept_to_the_end)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    for (unsigned i = 0; i < 10000; i++) {
        sprintf(key, "%u", i);
        put_until(&f, key, "some value", i % 2 == 0 ? f.now_s : 0);
    }
    ck_assert_uint_ge(engine_maintain(f.t, 2000), 2000);
    flush(&f, 0);
    for (unsigned i = 0; i < 10000 && engine_maintain(f.t, 2000) >= 2000; i++)
        fixture_turn(&f);
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_sweep_that_fills_the_limbo_has_not_ended)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char key[16];
    for (unsigned i = 0; i < EPOCH_LIMBO_MAX + 1000; i++) {
        sprintf(key, "%u", i);
        put(&f, key, "");
    }
    flush(&f, 0);
    ck_assert_uint_ge(engine_maintain(f.t, 1000000), 1000000);
    fixture_turn(&f);
    ck_assert_uint_lt(engine_maintain(f.t, 1000000), 1000000);
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

/* ---- values in several chunks ---- */

/* Stores, reads, appends and deletes a value of 'bytes'. */
static void
round_trip(struct fixture *f, uint32_t bytes)
{
    char *value = pattern(bytes + 2, bytes);
    MUST(put_span(f, SPAN("big"), span_of(value, bytes)) == ENGINE_OK);
    MUST(value_is(f->e, get(f, "big"), span_of(value, bytes)));
    uint64_t cas = 0;
    MUST(store(f, SPAN("big"), span_of(value + bytes, 2), ENGINE_APPEND, 0, 0, &cas) == ENGINE_OK);
    MUST(value_is(f->e, get(f, "big"), span_of(value, bytes + 2)));
    MUST(put_span(f, SPAN("big"), span_of(value + 2, bytes)) == ENGINE_OK);
    MUST(store(f, SPAN("big"), span_of(value, 2), ENGINE_PREPEND, 0, 0, &cas) == ENGINE_OK);
    MUST(value_is(f->e, get(f, "big"), span_of(value, bytes + 2)));
    audit(f);
    MUST(drop(f, SPAN("big")) == ENGINE_OK);
    free(value);
}

START_TEST(values_around_the_edges_of_chunks_survive)
{
    struct engine_config c = small_config(64 * MIB);
    c.cas = _i == 0;
    struct fixture f = fixture_open(c);
    uint32_t chunk = f.e->slabs.chunk_bytes_max, data = chunk - sizeof(struct item_body);
    ck_assert_uint_eq(chunk, 32 * KIB);
    /* The largest that is not chained; the page's half; multiples of a body; each a few around. */
    const uint32_t edges[] = {chunk - 24 - 3, chunk - 16 - 3, chunk, data, 2 * chunk,
                              2 * data,       3 * data,       5 * data, 9 * chunk};
    for (unsigned i = 0; i < ARRAY_COUNT(edges); i++)
        for (uint32_t bytes = edges[i] - 4; bytes <= edges[i] + 4; bytes++)
            round_trip(&f, bytes);
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_value_can_be_read_from_any_byte_on)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t total = 3 * 32 * KIB + 77;
    char *value = pattern(total, 3);
    put_span(&f, SPAN("big"), span_of(value, total));
    const struct item *it = get(&f, "big");
    ck_assert(item_is_chained(it));
    struct iovec iov[8];
    size_t bytes;
    for (uint32_t offset = 0; offset < total; offset += 997) {
        int count = engine_value_iov(f.e, it, offset, iov, 8, &bytes);
        ck_assert_int_ge(count, 1);
        ck_assert_uint_eq(bytes, total - offset);
        ck_assert(memcmp(iov[0].iov_base, value + offset, iov[0].iov_len) == 0);
    }
    ck_assert_int_eq(engine_value_iov(f.e, it, total, iov, 8, &bytes), 0);
    ck_assert_uint_eq(bytes, 0);
    ck_assert_int_eq(engine_value_iov(f.e, it, 5, iov, 0, &bytes), 0);
    free(value);
    fixture_close(&f);
}
END_TEST

START_TEST(uploads_in_small_steps_survive_turns_and_stay_unseen)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    uint32_t total = 100 * KIB;
    char *value = pattern(total, 4);
    struct upload up;
    put(&f, "k", "old");
    ck_assert_int_eq(engine_reserve(f.t, SPAN("k"), 5, 0, total, &up), ENGINE_OK);
    while (up.filled_bytes < total) {
        char *to;
        size_t room;
        MUST(engine_upload_space(f.t, &up, &to, &room) == ENGINE_OK && room > 0);
        size_t n = room < 1000 ? room : 1000;
        memcpy(to, value + up.filled_bytes, n);
        engine_upload_filled(&up, n);
        fixture_turn(&f);
        MUST(holds(&f, "k", "old"));
    }
    uint64_t cas = 0;
    ck_assert_int_eq(engine_commit(f.t, hash_of(&f, SPAN("k")), &up, RULES(ENGINE_SET), &cas), ENGINE_OK);
    ck_assert_ptr_null(up.item);
    ck_assert(value_is(f.e, get(&f, "k"), span_of(value, total)));
    free(value);
    fixture_close(&f);
}
END_TEST

START_TEST(an_abandoned_upload_leaves_nothing)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    for (uint32_t steps = 0; steps < 5; steps++) {
        struct upload up;
        char *to;
        size_t room;
        ck_assert_int_eq(engine_reserve(f.t, SPAN("k"), 0, 0, 150 * KIB, &up), ENGINE_OK);
        for (uint32_t i = 0; i < steps; i++) {
            ck_assert_int_eq(engine_upload_space(f.t, &up, &to, &room), ENGINE_OK);
            engine_upload_filled(&up, room);
        }
        engine_abandon(f.t, &up);
        ck_assert_ptr_null(up.item);
        engine_abandon(f.t, &up);
    }
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_refused_commit_closes_the_upload)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put(&f, "k", "v");
    for (int chained = 0; chained < 2; chained++) {
        struct upload up;
        uint32_t bytes = chained ? 100 * KIB : 10;
        ck_assert_int_eq(engine_reserve(f.t, SPAN("k"), 0, 0, bytes, &up), ENGINE_OK);
        while (up.filled_bytes < bytes) {
            char *to;
            size_t room;
            ck_assert_int_eq(engine_upload_space(f.t, &up, &to, &room), ENGINE_OK);
            engine_upload_filled(&up, room);
        }
        uint64_t cas = 0;
        ck_assert_int_eq(engine_commit(f.t, hash_of(&f, SPAN("k")), &up, RULES(ENGINE_ADD), &cas),
                         ENGINE_NOT_STORED);
        ck_assert_ptr_null(up.item);
    }
    drop(&f, SPAN("k"));
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

START_TEST(a_chained_value_is_no_number)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char *value = malloc(64 * KIB);
    uint64_t n;
    memset(value, ' ', 64 * KIB);
    value[0] = '7';
    put_span(&f, SPAN("n"), span_of(value, 64 * KIB));
    ck_assert_int_eq(arith(&f, "n", false, 1, &n), ENGINE_NOT_NUMERIC);
    put_span(&f, SPAN("n"), span_of(value, 30 * KIB));
    ck_assert_int_eq(arith(&f, "n", false, 1, &n), ENGINE_OK);
    ck_assert_uint_eq(item_value_bytes(get(&f, "n")), 30 * KIB);
    free(value);
    fixture_close(&f);
}
END_TEST

/* ---- pins ---- */

START_TEST(a_pinned_value_outlives_its_key)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char *value = pattern(100 * KIB, 5);
    struct span whole = span_of(value, 100 * KIB);
    put_span(&f, SPAN("k"), whole);
    const struct item *it = get(&f, "k");
    engine_pin(f.t, it);
    engine_pin(f.t, it);
    drop(&f, SPAN("k"));
    fixture_settle(&f);
    char name[16];
    for (unsigned i = 0; i < 100; i++) {
        sprintf(name, "other%u", i);
        put_span(&f, text(name), span_of(value + i, 90 * KIB));
        fixture_turn(&f);
    }
    ck_assert(value_is(f.e, it, whole));
    engine_unpin(f.t, it);
    fixture_settle(&f);
    ck_assert(value_is(f.e, it, whole));
    engine_unpin(f.t, it);
    for (unsigned i = 0; i < 100; i++) {
        sprintf(name, "other%u", i);
        drop(&f, text(name));
    }
    fixture_settle(&f);
    audit_empty(f.e);
    free(value);
    fixture_close(&f);
}
END_TEST

START_TEST(a_pin_of_an_item_that_stays_costs_nothing)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    char *value = pattern(100 * KIB, 6);
    put_span(&f, SPAN("k"), span_of(value, 100 * KIB));
    for (unsigned i = 0; i < 70000; i++) /* more than 16 bits of references */
        engine_pin(f.t, get(&f, "k"));
    fixture_turn(&f);
    for (unsigned i = 0; i < 70000; i++)
        engine_unpin(f.t, get(&f, "k"));
    ck_assert(value_is(f.e, get(&f, "k"), span_of(value, 100 * KIB)));
    drop(&f, SPAN("k"));
    fixture_settle(&f);
    audit_empty(f.e);
    free(value);
    fixture_close(&f);
}
END_TEST

/* ---- readers ---- */

START_TEST(an_item_found_stays_readable_until_the_finder_turns)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct engine_thread *writer = engine_join(f.e, f.now_s);
    put(&f, "k", "first");
    const struct item *it = get(&f, "k");
    uint64_t hash = hash_of(&f, SPAN("k")), cas = 0;
    char other[16];
    for (unsigned i = 0; i < 100; i++) {
        ck_assert_int_eq(engine_store(writer, hash, SPAN("k"), 0, 0, SPAN("later"), RULES(ENGINE_SET), &cas),
                         ENGINE_OK);
        engine_quiesce(writer, f.now_s);
        sprintf(other, "%u", i);
        ck_assert_int_eq(engine_store(writer, hash_of(&f, text(other)), text(other), 0, 0,
                                      SPAN("junk!"), RULES(ENGINE_SET), &cas), ENGINE_OK);
    }
    ck_assert(engine_has_limbo(writer));
    ck_assert(value_is(f.e, it, SPAN("first")));
    fixture_turn(&f);
    engine_quiesce(writer, f.now_s);
    ck_assert(!engine_has_limbo(writer));
    /* An offline thread holds nothing back. */
    engine_offline(f.t);
    ck_assert_int_eq(engine_delete(writer, hash, SPAN("k"), NULL), ENGINE_OK);
    engine_quiesce(writer, f.now_s);
    ck_assert(!engine_has_limbo(writer));
    engine_online(f.t, f.now_s);
    engine_leave(writer);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(counters_survive_the_threads_that_counted)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct engine_thread *t = engine_join(f.e, f.now_s);
    uint64_t cas = 0;
    ck_assert_int_eq(engine_store(t, hash_of(&f, SPAN("k")), SPAN("k"), 0, 0, SPAN("v"), RULES(ENGINE_SET),
                                  &cas), ENGINE_OK);
    engine_leave(t);
    audit(&f); /* adds the counters up */
    drop(&f, SPAN("k"));
    fixture_settle(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

/* ---- no memory ---- */

/* Stores 'count' small items named from 'first' on; returns how many were refused. */
static unsigned
store_many(struct fixture *f, unsigned first, unsigned count)
{
    unsigned refused = 0;
    char key[16];
    for (unsigned i = first; i < first + count; i++) {
        sprintf(key, "%u", i);
        enum engine_status status = put(f, key, "v");
        MUST(status == ENGINE_OK || status == ENGINE_NO_MEMORY);
        refused += status == ENGINE_NO_MEMORY;
    }
    return refused;
}

static unsigned
count_held(struct fixture *f, unsigned count)
{
    unsigned held = 0;
    char key[16];
    for (unsigned i = 0; i < count; i++) {
        sprintf(key, "%u", i);
        held += get(f, key) != NULL;
    }
    return held;
}

/* The index cannot grow either, and says so when a bucket is full. */
START_TEST(without_eviction_a_full_cache_refuses_and_keeps_all)
{
    struct engine_config c = small_config(2 * MIB);
    c.evict = false;
    struct fixture f = fixture_open(c);
    const unsigned count = 60000;
    unsigned refused = store_many(&f, 0, count);
    ck_assert_uint_gt(refused, 10000);
    ck_assert_uint_eq(count_held(&f, count), count - refused);
    audit(&f);
    /* Replacing needs no more memory than is there, once a little has been freed. */
    char key[16];
    unsigned freed = 0;
    for (unsigned i = 0; i < 2000; i++) {
        sprintf(key, "%u", i);
        freed += drop(&f, text(key)) == ENGINE_OK;
    }
    fixture_settle(&f);
    ck_assert_uint_eq(store_many(&f, 2000, 1000), 0);
    ck_assert_uint_eq(count_held(&f, count), count - refused - freed);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_full_bucket_without_memory_to_overflow_refuses)
{
    struct engine_config c = small_config(2 * MIB);
    c.evict = false;
    struct fixture f = fixture_open(c);
    char *value = pattern(30 * KIB, 9), key[16];
    ck_assert_int_eq(put(&f, "a page for small items", "v"), ENGINE_OK);
    unsigned big = 0, stored = 0, refused = 0;
    do
        sprintf(key, "big%u", big++);
    while (put_span(&f, text(key), span_of(value, 30 * KIB)) == ENGINE_OK);
    for (unsigned i = 0; stored + refused < 20; i++) {
        sprintf(key, "%u", i);
        if ((hash_of(&f, text(key)) & 1023) != 5) /* all into one of the first 1024 buckets */
            continue;
        enum engine_status status = put(&f, key, "v");
        ck_assert(status == ENGINE_OK || status == ENGINE_NO_MEMORY);
        stored += status == ENGINE_OK;
        refused += status != ENGINE_OK;
    }
    ck_assert_uint_ge(stored, INDEX_BUCKET_SLOTS - 2);
    ck_assert_uint_ge(refused, 20 - INDEX_BUCKET_SLOTS);
    audit(&f);
    free(value);
    fixture_close(&f);
}
END_TEST

START_TEST(a_page_of_the_smallest_chunks_fits_into_the_limbo_or_stays)
{
    struct engine_config c = small_config(10 * MIB);
    c.cas = false;
    c.chunk_bytes_min = 1;
    c.page_bytes = 1 * MIB;
    struct fixture f = fixture_open(c);
    char key[16], *value = pattern(200 * KIB, 10);
    const unsigned count = 4 * 43690;
    for (unsigned i = 0; i < count; i++) {
        sprintf(key, "%x", i);
        MUST(put(&f, key, "") == ENGINE_OK);
    }
    /* Less room in the limbo than a page has chunks. */
    for (unsigned i = 0; i < count; i += 5) {
        sprintf(key, "%x", i);
        MUST(engine_delete(f.t, hash_of(&f, text(key)), text(key), NULL) == ENGINE_OK);
    }
    /* Each of a class of its own, which has nothing to evict. */
    for (unsigned i = 1; i < 20; i++) {
        sprintf(key, "b%u", i);
        uint64_t cas;
        enum engine_status status = engine_store(f.t, hash_of(&f, text(key)), text(key), 0, 0,
                                                 span_of(value, i * 10 * KIB), RULES(ENGINE_SET), &cas);
        MUST(status == ENGINE_OK || status == ENGINE_AGAIN);
    }
    fixture_settle(&f);
    audit(&f);
    free(value);
    fixture_close(&f);
}
END_TEST

static void
fill_up(struct fixture *f, unsigned count, uint32_t bytes)
{
    char key[16], *value = pattern(bytes, 11);
    for (unsigned i = 0; i < count; i++) {
        sprintf(key, "%u", i);
        MUST(put_span(f, text(key), span_of(value, bytes)) == ENGINE_OK);
    }
    free(value);
}

/* Turns of the maintenance thread, until it has nothing to do. */
static unsigned
maintain(struct fixture *f)
{
    unsigned turns = 0;
    while (engine_maintain(f->t, 1000) >= 1000) {
        fixture_turn(f);
        MUST(++turns < 10000);
    }
    fixture_settle(f);
    return turns;
}

START_TEST(a_lower_limit_is_reached_soon_and_a_higher_one_at_once)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct arena_usage usage;
    fill_up(&f, 3000, 20000);
    arena_usage(&f.e->arena, &usage);
    ck_assert_uint_gt(usage.used_pages, 900);
    ck_assert(engine_set_limit(f.e, 8 * MIB));
    ck_assert_uint_le(maintain(&f), usage.used_pages / 4 + 10); /* four pages a turn */
    arena_usage(&f.e->arena, &usage);
    ck_assert_uint_le(usage.used_pages + usage.index_pages, 8 * MIB / (64 * KIB));
    ck_assert_uint_ge(usage.used_pages + usage.index_pages, 8 * MIB / (64 * KIB) - 2);
    ck_assert_uint_le(f.e->arena.free_count, f.e->arena.cold_count);
    audit(&f);
    ck_assert(engine_set_limit(f.e, 64 * MIB));
    fill_up(&f, 2500, 20000);
    ck_assert_uint_eq(count_held(&f, 2500), 2500);
    ck_assert(!engine_set_limit(f.e, ENGINE_LIMIT_MIN - 1));
    ck_assert(!engine_set_limit(f.e, 1ull << 50));
    fixture_close(&f);
}
END_TEST

/* The index stays, and there must be room for items beside it. */
START_TEST(a_limit_that_leaves_no_room_beside_the_index_is_refused)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct arena_usage usage;
    fill_up(&f, 1000000, 1);
    arena_usage(&f.e->arena, &usage);
    ck_assert_uint_gt(usage.index_pages, 8 * MIB / (64 * KIB));
    ck_assert(!engine_set_limit(f.e, 8 * MIB));
    ck_assert(engine_set_limit(f.e, 32 * MIB));
    maintain(&f);
    fill_up(&f, 1000, 100);
    ck_assert_uint_gt(count_held(&f, 1000), 100); /* no clock has moved: all are as old */
    fixture_close(&f);
}
END_TEST

/* 32 GiB of address space, no memory. */
START_TEST(a_large_limit_makes_chunks_no_coarser_than_it_must)
{
    struct engine_config c;
    engine_config_init(&c);
    c.limit_bytes = 32ull << 30;
    struct engine *e = engine_create(&c);
    if (e == NULL)
        return; /* not to be had here */
    ck_assert_uint_eq(e->arena.shift, 3);
    ck_assert_uint_eq(e->arena.limit_pages, 32 * KIB);
    engine_destroy(e);
}
END_TEST

START_TEST(counts_that_were_added_up_while_they_changed_are_not_below_0)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    struct engine_counters total;
    struct engine_class_counters *classes =
        calloc(f.e->slabs.class_count + 1, sizeof *classes);
    ck_assert_ptr_nonnull(classes);
    f.t->class_counters[2].number--; /* of an item that another thread stored just after it was looked at */
    f.t->class_counters[2].bytes -= 50;
    engine_count(f.e, &total, classes);
    ck_assert(classes[2].number == 0 && classes[2].bytes == 0);
    f.t->class_counters[2].number++;
    f.t->class_counters[2].bytes += 50;
    free(classes);
    fixture_close(&f);
}
END_TEST

START_TEST(a_smaller_cache_gives_memory_back_while_it_shrinks)
{
    struct fixture f = fixture_open(small_config(256 * MIB));
    fill_up(&f, 13000, 20000);
    ck_assert(engine_set_limit(f.e, 32 * MIB));
    uint64_t most_bytes = 0;
    unsigned turns = 0;
    while (engine_maintain(f.t, 0) == 0 && engine_is_too_large(f.e)) {
        uint64_t bytes = arena_excess_memory_bytes(&f.e->arena);
        most_bytes = bytes > most_bytes ? bytes : most_bytes;
        fixture_turn(&f);
        MUST(++turns < 10000);
    }
    ck_assert(!engine_is_too_large(f.e));
    ck_assert_uint_lt(most_bytes, 24 * MIB);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_pinned_page_does_not_make_a_smaller_cache_empty_itself)
{
    struct fixture f = fixture_open(small_config(16 * MIB));
    fill_up(&f, 100, 100 * KIB);
    const struct item *pinned[50];
    char key[16];
    for (unsigned i = 0; i < ARRAY_COUNT(pinned); i++) {
        sprintf(key, "%u", 2 * i);
        pinned[i] = get(&f, key);
        engine_pin(f.t, pinned[i]);
    }
    ck_assert(engine_set_limit(f.e, 8 * MIB));
    for (unsigned i = 0; i < 500; i++) {
        engine_maintain(f.t, 1000);
        fixture_turn(&f);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(pinned); i++)
        engine_unpin(f.t, pinned[i]);
    ck_assert_uint_ge(count_held(&f, 100), 20);
    maintain(&f);
    audit(&f);
    fixture_close(&f);
}
END_TEST

/* As happens when a store links its item while another thread empties the page. */
START_TEST(an_item_left_behind_in_a_page_that_was_emptied_goes_with_the_sweep)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    fill_up(&f, 10, 10);
    fill_up(&f, 20, 100 * KIB);
    for (unsigned id = 1; id <= f.e->slabs.class_count; id++) {
        struct slab_class *c = slab_class(&f.e->slabs, id);
        mutex_lock(&c->lock);
        while (c->pages != 0)
            slab_drain_locked(&f.e->slabs, c, c->pages);
        mutex_unlock(&c->lock);
    }
    maintain(&f);
    audit_empty(f.e);
    fixture_close(&f);
}
END_TEST

/* Each class keeps an empty page, until another one needs it. */
START_TEST(memory_that_was_freed_can_be_used_for_any_other_size)
{
    struct engine_config c = small_config(2 * MIB);
    c.evict = _i == 0;
    struct fixture f = fixture_open(c);
    char *value = pattern(30 * KIB, 12), key[16];
    for (uint32_t bytes = 1; bytes < 30 * KIB; bytes += 1 + bytes / 10) {
        sprintf(key, "%u", bytes);
        if (put_span(&f, text(key), span_of(value, bytes)) == ENGINE_OK)
            drop(&f, text(key));
        fixture_turn(&f);
    }
    unsigned stored = 0;
    for (unsigned i = 0; i < 60; i++) {
        sprintf(key, "big%u", i);
        stored += put_span(&f, text(key), span_of(value, 30 * KIB)) == ENGINE_OK;
    }
    unsigned held = 0;
    for (unsigned i = 0; i < 60; i++) {
        sprintf(key, "big%u", i);
        held += get(&f, key) != NULL;
    }
    ck_assert_uint_ge(held, 55);
    ck_assert_uint_ge(stored, held);
    audit(&f);
    free(value);
    fixture_close(&f);
}
END_TEST

/* A class that holds only the ends of large values: the hand sees them, but takes no count off. */
START_TEST(a_small_class_of_ends_can_be_evicted_from)
{
    struct fixture f = fixture_open(small_config(2 * MIB));
    uint32_t body = f.e->slabs.chunk_bytes_max - sizeof(struct item_body);
    uint32_t end = f.e->slabs.classes[f.e->slabs.class_count - 1].chunk_bytes;
    char *value = pattern(2 * body, 13), key[16];
    for (unsigned i = 0; i < 3; i++) {
        sprintf(key, "%u", i);
        put_span(&f, text(key), span_of(value, body + end - sizeof(struct item_body)));
        for (unsigned hit = 0; hit < 5; hit++)
            ck_assert_ptr_nonnull(get(&f, key));
    }
    unsigned id = f.e->slabs.class_count - 1;
    ck_assert_uint_eq(slab_class(&f.e->slabs, id)->used_chunks, 3);
    ck_assert(evict_chunks(f.t, id, 1));
    fixture_settle(&f);
    ck_assert_uint_eq(slab_class(&f.e->slabs, id)->used_chunks, 2);
    free(value);
    fixture_close(&f);
}
END_TEST

/* ---- configurations ---- */

START_TEST(configurations_out_of_range_are_refused)
{
    struct engine_config good = small_config(64 * MIB), c;
#define REFUSED(field, value)                                                                      \
    c = good;                                                                                      \
    c.field = (value);                                                                             \
    ck_assert_msg(engine_create(&c) == NULL, #field)
    REFUSED(limit_bytes, ENGINE_LIMIT_MIN - 1);
    REFUSED(page_bytes, 32 * KIB);
    REFUSED(page_bytes, 2 * MIB);
    REFUSED(page_bytes, 96 * KIB);
    REFUSED(growth, 1.0);
    REFUSED(growth, -2);
    REFUSED(item_bytes_max, 1023);
    REFUSED(item_bytes_max, (1u << 30) + 1);
#undef REFUSED
    engine_destroy(NULL);
}
END_TEST

static const struct engine_config shapes[] = {
    {.limit_bytes = 2 * MIB, .growth = 1.01, .chunk_bytes_min = 1},
    {.limit_bytes = 2 * MIB, .growth = 4.0},
    {.limit_bytes = 8 * MIB, .growth = 1.001, .page_bytes = 1 * MIB},
    {.limit_bytes = 8 * MIB, .growth = 1.08, .page_bytes = 1 * MIB, .chunk_bytes_min = 100000},
    {.limit_bytes = 64 * MIB, .growth = 1.25, .chunk_bytes_min = 48},
    {.limit_bytes = 64 * MIB, .chunk_bytes_min = 1 << 30},
    {.limit_bytes = 64 * MIB, .preallocate = true},
    {.limit_bytes = 64 * MIB, .huge_pages = true, .track_sizes = true},
};

START_TEST(every_size_can_be_stored_in_every_shape)
{
    struct engine_config c = shapes[_i / 2];
    c.item_bytes_max = 1 * MIB;
    c.cas = _i % 2 == 0;
    c.evict = true;
    struct fixture f = fixture_open(c);
    uint32_t most = c.limit_bytes < 4 * MIB ? 256 * KIB : 900 * KIB;
    char *value = pattern(most, 7);
    char key[16];
    for (uint32_t bytes = 0; bytes < most; bytes += 1 + bytes / 40) {
        sprintf(key, "%u", bytes);
        MUST(put_span(&f, text(key), span_of(value, bytes)) == ENGINE_OK);
        const struct item *it = get(&f, key);
        MUST(it != NULL && value_is(f.e, it, span_of(value, bytes)));
        fixture_turn(&f);
    }
    audit(&f);
    flush(&f, 0);
    for (unsigned i = 0; i < 1000 && engine_maintain(f.t, 1000) >= 1000; i++)
        fixture_turn(&f);
    fixture_settle(&f);
    audit_empty(f.e);
    free(value);
    fixture_close(&f);
}
END_TEST

/* Fills memory with chunks of open uploads; returns how many are open. */
static unsigned
hold_all_memory(struct fixture *f, struct upload *ups, unsigned max)
{
    unsigned count = 0;
    for (; count < max; count++) {
        enum engine_status status;
        char *to;
        size_t room;
        UNTIL_DONE(f, status, engine_reserve(f->t, SPAN("half"), 0, 0, 1000000, &ups[count]));
        if (status == ENGINE_NO_MEMORY)
            break;
        UNTIL_DONE(f, status, engine_upload_space(f->t, &ups[count], &to, &room));
        if (status == ENGINE_NO_MEMORY)
            return count + 1;
    }
    return count;
}

START_TEST(impatience_ends_with_what_was_waited_for)
{
    struct fixture f = fixture_open(small_config(4 * MIB));
    struct upload ups[200], up; /* of 31000 bytes: in a chunk as those of uploads are */
    unsigned count = hold_all_memory(&f, ups, ARRAY_COUNT(ups));
    ck_assert_uint_lt(count, ARRAY_COUNT(ups));
    engine_set_patience(f.t, ENGINE_IMPATIENT);
    ck_assert_int_eq(engine_reserve(f.t, SPAN("k"), 0, 0, 31000, &up), ENGINE_NO_MEMORY);
    engine_abandon(f.t, &ups[0]);
    ck_assert_int_eq(engine_reserve(f.t, SPAN("k"), 0, 0, 31000, &up), ENGINE_OK);
    /* What comes next has not been waited for yet. */
    ck_assert_int_eq(engine_reserve(f.t, SPAN("l"), 0, 0, 31000, &ups[0]), ENGINE_AGAIN);
    engine_abandon(f.t, &up);
    for (unsigned i = 1; i < count; i++)
        engine_abandon(f.t, &ups[i]);
    audit(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(one_gibibyte_items_are_configurable)
{
    struct engine_config c = small_config(64 * MIB);
    c.item_bytes_max = 1u << 30;
    struct fixture f = fixture_open(c);
    uint32_t bytes = 20 * MIB;
    char *value = pattern(bytes, 8);
    ck_assert_int_eq(put_span(&f, SPAN("k"), span_of(value, bytes)), ENGINE_OK);
    ck_assert(value_is(f.e, get(&f, "k"), span_of(value, bytes)));
    audit(&f);
    /* More than there is memory: refused soon, and the cache lives on. */
    struct upload up;
    enum engine_status status;
    UNTIL_DONE(&f, status, engine_reserve(f.t, SPAN("x"), 0, 0, (1u << 30) - 1000, &up));
    ck_assert_int_eq(status, ENGINE_NO_MEMORY);
    ck_assert_int_eq(put(&f, "k", "v"), ENGINE_OK);
    fixture_settle(&f);
    audit(&f);
    free(value);
    fixture_close(&f);
}
END_TEST

static void
add_storing(Suite *suite)
{
    TCase *tc = tcase_create("storing");
    tcase_add_test(tc, set_add_and_replace_follow_what_stands_there);
    tcase_add_test(tc, append_and_prepend_keep_flags_and_exptime);
    tcase_add_test(tc, cas_stores_only_over_the_unique_it_names);
    tcase_add_test(tc, every_change_gives_a_new_unique);
    tcase_add_test(tc, without_cas_items_are_smaller_and_cas_never_matches);
    tcase_add_test(tc, keys_of_every_length_and_byte_are_kept_apart);
    tcase_add_loop_test(tc, client_flags_are_kept_with_and_without_cas, 0, 2);
    tcase_add_loop_test(tc, the_largest_item_is_memcacheds_to_the_byte, 0, 2);
    tcase_add_test(tc, delete_removes_once);
    tcase_add_test(tc, deleting_more_than_the_limbo_holds_says_again);
    tcase_add_test(tc, touch_sets_the_exptime_and_returns_the_item_once);
    tcase_add_test(tc, hits_are_marked_and_peeks_are_not);
    tcase_add_test(tc, what_incr_and_append_make_is_as_hot_as_what_it_was_made_of);
    suite_add_tcase(suite, tc);
}

static void
add_time(Suite *suite)
{
    TCase *tc = tcase_create("expiry and flush");
    tcase_add_test(tc, an_item_is_gone_in_the_second_of_its_exptime);
    tcase_add_test(tc, what_expired_counts_as_absent_for_every_store);
    tcase_add_test(tc, maintenance_sweeps_what_expired);
    tcase_add_test(tc, a_flush_divides_its_second);
    tcase_add_test(tc, a_delayed_flush_takes_what_was_stored_before_its_moment);
    tcase_add_test(tc, the_last_flush_replaces_a_pending_one);
    tcase_add_test(tc, whoever_joins_or_wakes_sees_the_flush_that_is_due);
    tcase_add_loop_test(tc, six_hundred_flushes_with_stores_between_bring_nothing_back, 0, 2);
    tcase_add_test(tc, a_flush_that_must_sweep_is_put_off_and_not_slow);
    tcase_add_test(tc, flushes_without_stores_between_cost_no_generation);
    tcase_add_test(tc, a_flushed_cache_is_swept_empty);
    tcase_add_test(tc, a_flush_during_a_sweep_is_swept_to_the_end);
    tcase_add_test(tc, a_sweep_that_fills_the_limbo_has_not_ended);
    suite_add_tcase(suite, tc);
}

static void
add_arithmetic(Suite *suite)
{
    TCase *tc = tcase_create("arithmetic");
    tcase_add_test(tc, incr_wraps_and_decr_stops_at_zero);
    tcase_add_test(tc, a_shorter_number_is_padded_to_the_old_length);
    tcase_add_test(tc, arithmetic_reads_what_strtoull_would);
    tcase_add_test(tc, arithmetic_keeps_flags_and_exptime);
    suite_add_tcase(suite, tc);
}

static void
add_chains(Suite *suite)
{
    TCase *tc = tcase_create("chains");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, values_around_the_edges_of_chunks_survive, 0, 2);
    tcase_add_test(tc, a_value_can_be_read_from_any_byte_on);
    tcase_add_test(tc, uploads_in_small_steps_survive_turns_and_stay_unseen);
    tcase_add_test(tc, an_abandoned_upload_leaves_nothing);
    tcase_add_test(tc, a_refused_commit_closes_the_upload);
    tcase_add_test(tc, a_chained_value_is_no_number);
    tcase_add_test(tc, a_pinned_value_outlives_its_key);
    tcase_add_test(tc, a_pin_of_an_item_that_stays_costs_nothing);
    suite_add_tcase(suite, tc);
}

static void
add_whole(Suite *suite)
{
    TCase *tc = tcase_create("whole");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, an_item_found_stays_readable_until_the_finder_turns);
    tcase_add_test(tc, counters_survive_the_threads_that_counted);
    tcase_add_test(tc, without_eviction_a_full_cache_refuses_and_keeps_all);
    tcase_add_test(tc, a_full_bucket_without_memory_to_overflow_refuses);
    tcase_add_test(tc, a_page_of_the_smallest_chunks_fits_into_the_limbo_or_stays);
    tcase_add_test(tc, a_lower_limit_is_reached_soon_and_a_higher_one_at_once);
    tcase_add_test(tc, a_smaller_cache_gives_memory_back_while_it_shrinks);
    tcase_add_test(tc, a_limit_that_leaves_no_room_beside_the_index_is_refused);
    tcase_add_test(tc, a_large_limit_makes_chunks_no_coarser_than_it_must);
    tcase_add_test(tc, counts_that_were_added_up_while_they_changed_are_not_below_0);
    tcase_add_test(tc, a_pinned_page_does_not_make_a_smaller_cache_empty_itself);
    tcase_add_test(tc, an_item_left_behind_in_a_page_that_was_emptied_goes_with_the_sweep);
    tcase_add_loop_test(tc, memory_that_was_freed_can_be_used_for_any_other_size, 0, 2);
    tcase_add_test(tc, a_small_class_of_ends_can_be_evicted_from);
    tcase_add_test(tc, configurations_out_of_range_are_refused);
    tcase_add_loop_test(tc, every_size_can_be_stored_in_every_shape, 0, 2 * ARRAY_COUNT(shapes));
    tcase_add_test(tc, one_gibibyte_items_are_configurable);
    tcase_add_test(tc, impatience_ends_with_what_was_waited_for);
    suite_add_tcase(suite, tc);
}

static void
add_tests(Suite *suite)
{
    add_storing(suite);
    add_time(suite);
    add_arithmetic(suite);
    add_chains(suite);
    add_whole(suite);
}

SUITE_MAIN("engine/engine")

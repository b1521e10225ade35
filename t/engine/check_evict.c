/* Who stays and who goes: short scripts against one class of a small cache. */
#include "audit.h"
#include "engine/view.h"
#include "fixture.h"

#define VALUE_BYTES 400

/* A cache whose items are all of one class. */
static struct fixture
open_cache(uint32_t promote_hits)
{
    struct engine_config c = small_config(4 * MIB);
    c.promote_hits = promote_hits;
    return fixture_open(c);
}

static const char *
name_of(char kind, unsigned n)
{
    static char room[16];
    sprintf(room, "%c%08u", kind, n);
    return room;
}

static void
store_until(struct fixture *f, char kind, unsigned n, uint32_t exptime_s)
{
    char value[VALUE_BYTES];
    uint64_t cas = 0;
    fill_pattern(value, sizeof value, n);
    MUST(store(f, text(name_of(kind, n)), span_of(value, sizeof value), ENGINE_SET, 0, exptime_s,
               &cas) == ENGINE_OK);
    fixture_turn(f);
}

static void
store_one(struct fixture *f, char kind, unsigned n)
{
    store_until(f, kind, n, 0);
}

static const struct item *
peek(struct fixture *f, char kind, unsigned n)
{
    struct span key = text(name_of(kind, n));
    return engine_peek(f->t, hash_of(f, key), key);
}

static bool
is_there(struct fixture *f, char kind, unsigned n)
{
    return peek(f, kind, n) != NULL;
}

static void
hit(struct fixture *f, char kind, unsigned n, unsigned times)
{
    while (times-- > 0)
        MUST(get(f, name_of(kind, n)) != NULL);
}

/* Of all classes; good until the next call. */
static const struct engine_class_counters *
sums(struct fixture *f)
{
    static struct engine_class_counters sum;
    struct engine_counters total;
    struct engine_class_counters classes[SLAB_CLASSES_MAX + 1];
    engine_count(f->e, &total, classes);
    memset(&sum, 0, sizeof sum);
    for (unsigned id = 1; id <= engine_class_count(f->e); id++)
        counter_add_all(&sum, &classes[id], sizeof sum);
    return &sum;
}

static struct slab_class *
the_class(struct fixture *f)
{
    return slab_class(&f->e->slabs, slab_class_for(&f->e->slabs, 24 + 9 + VALUE_BYTES));
}

/* Stores new items until the first is evicted; returns how many the cache holds. */
static unsigned
fill(struct fixture *f)
{
    unsigned n = 0;
    while (sums(f)->evicted == 0) {
        store_one(f, 'f', n++);
        MUST(n < 100000);
    }
    return n;
}

static void
scan(struct fixture *f, char kind, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        store_one(f, kind, n);
}

static void
close_cache(struct fixture *f)
{
    struct audit a;
    audit_engine(f->e, &a);
    fixture_close(f);
}

START_TEST(before_memory_is_full_a_tenth_is_on_probation)
{
    struct fixture f = open_cache(1);
    scan(&f, 'a', 4000);
    ck_assert_uint_eq(sums(&f)->evicted, 0);
    unsigned count = 0;
    for (unsigned n = 0; n < 4000; n++)
        count += item_is_on_probation(peek(&f, 'a', n));
    ck_assert_uint_ge(count, 390);
    ck_assert_uint_le(count, 420);
    close_cache(&f);
}
END_TEST

START_TEST(who_is_hit_on_probation_stays_and_who_is_not_goes)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    store_one(&f, 'x', 1);
    store_one(&f, 'x', 2);
    ck_assert(item_is_on_probation(peek(&f, 'x', 1)));
    hit(&f, 'x', 1, 1);
    scan(&f, 's', held / 5);
    ck_assert(is_there(&f, 'x', 1) && !is_there(&f, 'x', 2));
    /* The hits of the probation count for this only. */
    ck_assert(!item_is_on_probation(peek(&f, 'x', 1)));
    ck_assert_uint_eq(item_freq(peek(&f, 'x', 1)), 0);
    ck_assert_uint_ge(sums(&f)->promoted, 1);
    close_cache(&f);
}
END_TEST

START_TEST(as_many_hits_as_wanted_end_the_probation)
{
    struct fixture f = open_cache((uint32_t)_i);
    unsigned held = fill(&f);
    for (unsigned n = 0; n <= ITEM_FREQ_MAX; n++) {
        store_one(&f, 'x', n);
        hit(&f, 'x', n, n);
    }
    scan(&f, 's', held / 5);
    for (unsigned n = 0; n <= ITEM_FREQ_MAX; n++)
        MUST(is_there(&f, 'x', n) == (n >= (unsigned)_i));
    close_cache(&f);
}
END_TEST

START_TEST(a_scan_of_many_times_the_cache_leaves_what_is_kept)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    for (unsigned n = 0; n < held / 20; n++) {
        store_one(&f, 'x', n);
        hit(&f, 'x', n, 1);
    }
    scan(&f, 's', 10 * held);
    /* The hand makes room for these themselves, and for one in 2000 of the others, which is taken
     * for one that comes back. */
    unsigned left = 0;
    for (unsigned n = 0; n < held / 20; n++)
        left += is_there(&f, 'x', n);
    ck_assert_uint_ge(left, held / 20 * 85 / 100);
    close_cache(&f);
}
END_TEST

START_TEST(who_comes_back_is_kept_at_once)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    store_one(&f, 'x', 1);
    scan(&f, 's', held / 5);
    ck_assert(!is_there(&f, 'x', 1));
    uint64_t before = sums(&f)->ghost_hits;
    store_one(&f, 'x', 1);
    ck_assert(!item_is_on_probation(peek(&f, 'x', 1)));
    ck_assert_uint_eq(sums(&f)->ghost_hits, before + 1);
    scan(&f, 't', 2 * held);
    ck_assert(is_there(&f, 'x', 1));
    close_cache(&f);
}
END_TEST

START_TEST(who_comes_back_too_late_is_new)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    store_one(&f, 'x', 1);
    scan(&f, 's', 4 * held);
    store_one(&f, 'x', 1);
    ck_assert(item_is_on_probation(peek(&f, 'x', 1)));
    close_cache(&f);
}
END_TEST

START_TEST(who_was_deleted_is_not_remembered)
{
    struct fixture f = open_cache(1);
    fill(&f);
    store_one(&f, 'x', 1);
    drop(&f, text(name_of('x', 1)));
    store_one(&f, 'x', 1);
    ck_assert(item_is_on_probation(peek(&f, 'x', 1)));
    close_cache(&f);
}
END_TEST

START_TEST(an_update_keeps_its_place_and_counts_as_a_hit)
{
    struct fixture f = open_cache(2);
    fill(&f);
    store_one(&f, 'x', 1);
    store_one(&f, 'x', 1);
    ck_assert(item_is_on_probation(peek(&f, 'x', 1)));
    ck_assert_uint_eq(item_freq(peek(&f, 'x', 1)), 1);
    store_one(&f, 'x', 1); /* the second one */
    ck_assert(!item_is_on_probation(peek(&f, 'x', 1)));
    ck_assert_uint_eq(item_freq(peek(&f, 'x', 1)), 0);
    for (unsigned i = 1; i < 6; i++) {
        store_one(&f, 'x', 1);
        ck_assert(!item_is_on_probation(peek(&f, 'x', 1)));
        ck_assert_uint_eq(item_freq(peek(&f, 'x', 1)), i < ITEM_FREQ_MAX ? i : ITEM_FREQ_MAX);
    }
    ck_assert(!item_was_fetched(peek(&f, 'x', 1)));
    close_cache(&f);
}
END_TEST

START_TEST(what_follows_a_flushed_item_is_new)
{
    struct fixture f = open_cache(1);
    store_one(&f, 'x', 1);
    store_one(&f, 'x', 1);
    ck_assert(!item_is_on_probation(peek(&f, 'x', 1)));
    flush(&f, f.now_s);
    store_one(&f, 'x', 1);
    ck_assert(item_is_on_probation(peek(&f, 'x', 1)));
    close_cache(&f);
}
END_TEST

START_TEST(the_hand_spares_what_was_hit_for_as_many_rounds)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    /* All that is there is kept; new ones that are hit at once press on it. */
    const unsigned first = held / 2, count = held / 20;
    bool kept[10000];
    MUST(count <= ARRAY_COUNT(kept));
    for (unsigned n = first; n < first + count; n++) {
        kept[n - first] = !item_is_on_probation(peek(&f, 'f', n));
        hit(&f, 'f', n, 1);
    }
    for (unsigned n = 0; n < held * 6 / 10; n++) {
        store_one(&f, 'p', n);
        hit(&f, 'p', n, 1);
    }
    unsigned others = 0;
    for (unsigned n = first; n < first + count; n++)
        MUST(is_there(&f, 'f', n) || !kept[n - first]);
    for (unsigned n = first - count; n < first; n++)
        others += is_there(&f, 'f', n);
    ck_assert_uint_lt(others, count);
    ck_assert_uint_gt(sums(&f)->second_chances, 0);
    close_cache(&f);
}
END_TEST

START_TEST(the_dead_go_before_the_living)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    uint64_t before = sums(&f)->evicted;
    for (unsigned n = 0; n < held; n++)
        store_until(&f, 'd', n, f.now_s + 1);
    uint64_t living = sums(&f)->evicted;
    ck_assert_uint_gt(living, before);
    f.now_s += 5;
    fixture_turn(&f);
    /* All on probation are dead now. */
    scan(&f, 's', held / 12);
    ck_assert_uint_eq(sums(&f)->evicted, living);
    ck_assert_uint_ge(sums(&f)->reclaimed, held / 13);
    close_cache(&f);
}
END_TEST

START_TEST(handles_of_what_has_left_do_not_pile_up)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f);
    for (unsigned n = 0; n < 20 * held; n++) {
        store_one(&f, 'q', n);
        drop(&f, text(name_of('q', n)));
        fixture_turn(&f);
        MUST(ring_count(&the_class(&f)->ring) < held / 3);
    }
    close_cache(&f);
}
END_TEST

START_TEST(a_handle_is_not_that_of_the_next_item_in_its_chunk)
{
    struct fixture f = open_cache(1);
    unsigned held = fill(&f), judged_early = 0;
    /* One chunk is used again and again: each time another handle stands for it. */
    for (unsigned n = 0; n < held / 40; n++) {
        store_one(&f, 'q', n);
        drop(&f, text(name_of('q', n)));
        fixture_settle(&f);
    }
    for (unsigned round = 0; round < 16; round++) {
        store_one(&f, 'x', round);
        scan(&f, (char)('A' + round), held / 20);
        judged_early += !is_there(&f, 'x', round);
    }
    ck_assert_uint_le(judged_early, 4);
    close_cache(&f);
}
END_TEST

START_TEST(large_values_are_on_probation_as_one)
{
    struct engine_config c = small_config(8 * MIB);
    struct fixture f = fixture_open(c);
    char *value = malloc(150 * KIB), key[16];
    fill_pattern(value, 150 * KIB, 1);
    for (unsigned n = 0; n < 200; n++) {
        sprintf(key, "k%u", n);
        MUST(put_span(&f, text(key), span_of(value, 150 * KIB)) == ENGINE_OK);
        fixture_turn(&f);
        if (n % 10 == 0)
            MUST(get(&f, key) != NULL);
    }
    unsigned hit_ones = 0, others = 0;
    for (unsigned n = 100; n < 190; n++) {
        sprintf(key, "k%u", n);
        struct span name = text(key);
        bool there = engine_peek(f.t, hash_of(&f, name), name) != NULL;
        hit_ones += n % 10 == 0 && there;
        others += n % 10 != 0 && there;
    }
    ck_assert_uint_ge(hit_ones, 8);
    ck_assert_uint_lt(others, 30);
    struct audit a;
    audit_engine(f.e, &a);
    free(value);
    fixture_close(&f);
}
END_TEST

START_TEST(without_eviction_nobody_is_on_probation)
{
    struct engine_config c = small_config(4 * MIB);
    c.evict = false;
    struct fixture f = fixture_open(c);
    scan(&f, 'a', 1000);
    for (unsigned n = 0; n < 1000; n++)
        MUST(!item_is_on_probation(peek(&f, 'a', n)));
    struct engine_memory m;
    engine_memory(f.e, &m);
    ck_assert_uint_eq(m.eviction_bytes, 0);
    close_cache(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("evict");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, before_memory_is_full_a_tenth_is_on_probation);
    tcase_add_test(tc, who_is_hit_on_probation_stays_and_who_is_not_goes);
    tcase_add_loop_test(tc, as_many_hits_as_wanted_end_the_probation, 1, ITEM_FREQ_MAX + 1);
    tcase_add_test(tc, a_scan_of_many_times_the_cache_leaves_what_is_kept);
    tcase_add_test(tc, who_comes_back_is_kept_at_once);
    tcase_add_test(tc, who_comes_back_too_late_is_new);
    tcase_add_test(tc, who_was_deleted_is_not_remembered);
    tcase_add_test(tc, an_update_keeps_its_place_and_counts_as_a_hit);
    tcase_add_test(tc, what_follows_a_flushed_item_is_new);
    tcase_add_test(tc, the_hand_spares_what_was_hit_for_as_many_rounds);
    tcase_add_test(tc, the_dead_go_before_the_living);
    tcase_add_test(tc, handles_of_what_has_left_do_not_pile_up);
    tcase_add_test(tc, a_handle_is_not_that_of_the_next_item_in_its_chunk);
    tcase_add_test(tc, large_values_are_on_probation_as_one);
    tcase_add_test(tc, without_eviction_nobody_is_on_probation);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/evict")

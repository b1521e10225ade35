/* Figures of an engine: what they mean, and that showing them has a bound. */
#include "audit.h"
#include "fixture.h"

#include "engine/view.h"

static const char value[900];

static void
put_many(struct fixture *f, const char *prefix, unsigned count)
{
    char key[32];
    for (unsigned i = 0; i < count; i++) {
        sprintf(key, "%s%u", prefix, i);
        MUST(put_span(f, text(key), span_of(value, sizeof value)) == ENGINE_OK);
    }
}

static unsigned
class_of(struct fixture *f, const char *key)
{
    const struct item *it = engine_peek(f->t, hash_of(f, text(key)), text(key));
    ck_assert_ptr_nonnull(it);
    return engine_item_class(f->e, it);
}

static uint32_t
evicted_age_s(struct fixture *f, unsigned class_id)
{
    struct engine_class_memory m;
    engine_class_memory(f->e, class_id, &m);
    return m.evicted_age_s;
}

/* Goes on as another thread; the one before is offline. */
static struct engine_thread *
change_thread(struct fixture *f, struct engine_thread *to)
{
    struct engine_thread *before = f->t;
    fixture_settle(f);
    engine_offline(before);
    f->t = to;
    engine_online(to, f->now_s);
    return before;
}

/* Not of the thread that evicted the oldest. */
START_TEST(the_age_of_what_was_evicted_last_is_known)
{
    enum { MANY = 3000 }; /* more than fit */
    struct fixture f = fixture_open(small_config(2 * MIB));
    struct engine_thread *other = engine_join(f.e, f.now_s);
    ck_assert_ptr_nonnull(other);
    engine_offline(other);
    put_many(&f, "old", 1000);
    unsigned id = class_of(&f, "old999");
    ck_assert_uint_eq(evicted_age_s(&f, id), 0);
    f.now_s += 100;
    put_many(&f, "new", 1000);
    uint32_t age_s = evicted_age_s(&f, id);
    ck_assert_uint_eq(age_s, 100);
    put_many(&f, "newer", MANY);
    f.now_s += 7;
    other = change_thread(&f, other);
    put_many(&f, "newest", 60);
    ck_assert_uint_eq(evicted_age_s(&f, id), 7);
    engine_reset_counters(f.e);
    ck_assert_uint_eq(evicted_age_s(&f, id), 0);
    other = change_thread(&f, other);
    engine_leave(other);
    fixture_close(&f);
}
END_TEST

START_TEST(ages_are_those_of_what_would_be_judged_next)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    struct engine_class_age age;
    put_many(&f, "first", 1);
    unsigned id = class_of(&f, "first0");
    f.now_s += 30;
    fixture_turn(&f);
    engine_class_age(f.t, id, &age);
    ck_assert_uint_eq(age.any_s, 30);
    ck_assert_uint_eq(age.probation_s, 30);
    ck_assert_uint_eq(age.kept_s, 0);
    put_many(&f, "kept", 20); /* more than may be on probation, while there is memory */
    f.now_s += 5;
    fixture_turn(&f);
    engine_class_age(f.t, id, &age);
    ck_assert_uint_eq(age.any_s, 35);
    ck_assert_uint_eq(age.probation_s, 35);
    ck_assert_uint_eq(age.kept_s, 5);
    ck_assert_ptr_nonnull(get(&f, "first0"));
    engine_class_age(f.t, id, &age);
    ck_assert_uint_eq(age.probation_s, 0);
    fixture_close(&f);
}
END_TEST

static void
count_item(void *context, const struct item *it)
{
    (void)it;
    ++*(unsigned *)context;
}

static unsigned
visited(struct fixture *f, unsigned class_id, size_t max)
{
    unsigned count = 0;
    engine_visit_class(f->t, class_id, max, count_item, &count);
    return count;
}

START_TEST(a_walk_visits_what_lives_up_to_a_number)
{
    struct fixture f = fixture_open(small_config(64 * MIB));
    put_many(&f, "k", 500);
    unsigned id = class_of(&f, "k0");
    ck_assert_uint_eq(visited(&f, id, 1000), 500);
    ck_assert_uint_eq(visited(&f, id, 123), 123);
    ck_assert_uint_eq(visited(&f, id + 1, 1000), 0);
    drop(&f, SPAN("k77"));
    ck_assert_uint_eq(visited(&f, id, 1000), 499);
    flush(&f, 0);
    ck_assert_uint_eq(visited(&f, id, 1000), 0);
    fixture_close(&f);
}
END_TEST

/* Or a client who has just flushed millions of items could keep everybody waiting. */
START_TEST(a_walk_gives_up_among_the_dead)
{
    struct engine_config c = small_config(64 * MIB);
    c.page_bytes = MIB;
    struct fixture f = fixture_open(c);
    struct engine_class_age age;
    char key[16];
    for (unsigned i = 0; i < ENGINE_VISITED_CHUNKS_MAX; i++) {
        sprintf(key, "%07u", i);
        MUST(put_until(&f, key, "v", f.now_s + 10) == ENGINE_OK);
    }
    put_until(&f, "alive01", "v", 0);
    unsigned id = class_of(&f, "alive01");
    ck_assert_uint_eq(visited(&f, id, 10), 10);
    f.now_s += 10;
    fixture_turn(&f);
    ck_assert_uint_eq(visited(&f, id, 10), 0);
    engine_class_age(f.t, id, &age);
    ck_assert_uint_eq(age.any_s, 0);
    drop(&f, SPAN("0000000"));
    fixture_settle(&f);
    put_until(&f, "alive02", "v", 0); /* in the chunk that is free */
    ck_assert_uint_eq(visited(&f, id, 10), 1);
    fixture_close(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("view");
    tcase_add_test(tc, the_age_of_what_was_evicted_last_is_known);
    tcase_add_test(tc, ages_are_those_of_what_would_be_judged_next);
    tcase_add_test(tc, a_walk_visits_what_lives_up_to_a_number);
    tcase_add_test(tc, a_walk_gives_up_among_the_dead);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/view")

/* Pages that leave their class: what is in use stays, what is held is left alone, and pages go
 * where they are wanted. */
#include "audit.h"
#include "engine/view.h"
#include "fixture.h"

#define SMALL_BYTES 100
#define LARGE_BYTES (20 * KIB)

static const char *
name_of(char kind, unsigned n)
{
    static char room[16];
    sprintf(room, "%c%u", kind, n);
    return room;
}

static void
store_one(struct fixture *f, char kind, unsigned n, uint32_t bytes)
{
    static char value[LARGE_BYTES];
    MUST(bytes <= sizeof value);
    fill_pattern(value, bytes, n);
    MUST(put_span(f, text(name_of(kind, n)), span_of(value, bytes)) == ENGINE_OK);
    fixture_turn(f);
}

static void
store_many(struct fixture *f, char kind, unsigned count, uint32_t bytes)
{
    for (unsigned n = 0; n < count; n++)
        store_one(f, kind, n, bytes);
}

static const struct item *
peek(struct fixture *f, char kind, unsigned n)
{
    struct span key = text(name_of(kind, n));
    return engine_peek(f->t, hash_of(f, key), key);
}

static unsigned
count_held(struct fixture *f, char kind, unsigned count)
{
    unsigned held = 0;
    for (unsigned n = 0; n < count; n++)
        held += peek(f, kind, n) != NULL;
    return held;
}

static bool
is_pattern(struct fixture *f, const struct item *it, unsigned n)
{
    static char value[LARGE_BYTES];
    uint32_t bytes = item_value_bytes(it);
    fill_pattern(value, bytes, n);
    return value_is(f->e, it, span_of(value, bytes));
}

static struct engine_counters
totals(struct fixture *f, uint64_t *rescued, uint64_t *evicted)
{
    struct engine_counters total;
    struct engine_class_counters classes[SLAB_CLASSES_MAX + 1];
    engine_count(f->e, &total, classes);
    *rescued = *evicted = 0;
    for (unsigned id = 1; id <= engine_class_count(f->e); id++) {
        *rescued += classes[id].rescued;
        *evicted += classes[id].evicted;
    }
    return total;
}

static uint64_t
moves(struct fixture *f)
{
    uint64_t rescued, evicted;
    struct engine_counters total = totals(f, &rescued, &evicted);
    return total.pages_moved;
}

static unsigned
class_of(struct fixture *f, uint32_t value_bytes)
{
    return slab_class_for(&f->e->slabs, 24 + 5 + value_bytes);
}

/* Takes pages from a class until it has so many left. */
static void
shrink_class(struct fixture *f, unsigned id, uint32_t pages)
{
    for (unsigned i = 0; slab_class(&f->e->slabs, id)->page_count > pages || f->t->move.page != 0;
         i++) {
        MUST(i < TURNS_MAX);
        if (f->t->move.page == 0)
            engine_give_up_page(f->t, id);
        fixture_turn(f);
    }
    fixture_settle(f);
}

static void
close_cache(struct fixture *f)
{
    struct audit a;
    fixture_settle(f);
    audit_engine(f->e, &a);
    fixture_close(f);
}

START_TEST(what_is_hot_moves_as_it_is_and_the_cold_goes)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    const unsigned count = 30000, hot = 8000;
    uint64_t *uniques = calloc(count, sizeof *uniques);
    for (unsigned n = 0; n < count; n++) {
        char value[SMALL_BYTES];
        uint64_t cas = 0;
        fill_pattern(value, sizeof value, n);
        MUST(store(&f, text(name_of('k', n)), span_of(value, sizeof value), ENGINE_SET, n,
                   n % 2 == 0 ? 0 : f.now_s + 1000 + n, &cas) == ENGINE_OK);
        uniques[n] = cas;
    }
    /* Those on probation have to prove themselves once more. */
    static bool kept[30000];
    unsigned sure = 0, held = 0;
    for (unsigned n = 0; n < hot; n++) {
        sure += kept[n] = !item_is_on_probation(peek(&f, 'k', n));
        for (unsigned i = 0; i < ITEM_FREQ_MAX; i++)
            get(&f, name_of('k', n));
    }
    unsigned id = class_of(&f, SMALL_BYTES);
    uint32_t pages = slab_class(&f.e->slabs, id)->page_count;
    for (uint32_t left = pages; left > pages / 2; left -= 2) {
        shrink_class(&f, id, left);
        for (unsigned n = 0; n < hot; n++)
            get(&f, name_of('k', n));
    }
    for (unsigned n = 0; n < hot; n++)
        held += kept[n] && peek(&f, 'k', n) != NULL;
    ck_assert_uint_ge(held, sure * 99 / 100);
    ck_assert_uint_lt(count_held(&f, 'k', count), count * 6 / 10);
    for (unsigned n = 0; n < count; n++) {
        const struct item *it = peek(&f, 'k', n);
        if (it == NULL)
            continue;
        MUST(item_cas(it) == uniques[n] && item_client_flags(it) == n && is_pattern(&f, it, n));
        MUST(item_exptime(it) == (n % 2 == 0 ? 0 : f.now_s + 1000 + n));
        MUST(item_was_fetched(it) == (n < hot));
    }
    uint64_t rescued, evicted;
    totals(&f, &rescued, &evicted);
    ck_assert_uint_ge(rescued, 200);
    free(uniques);
    close_cache(&f);
}
END_TEST

START_TEST(nothing_is_lost_while_the_class_has_room)
{
    struct engine_config c = small_config(8 * MIB);
    c.evict = _i == 0;
    struct fixture f = fixture_open(c);
    store_many(&f, 'k', 20000, SMALL_BYTES);
    for (unsigned n = 0; n < 20000; n++)
        if (n % 4 != 0)
            drop(&f, text(name_of('k', n)));
    fixture_settle(&f);
    unsigned id = class_of(&f, SMALL_BYTES);
    uint32_t pages = slab_class(&f.e->slabs, id)->page_count;
    if (c.evict)
        shrink_class(&f, id, pages / 2);
    else
        ck_assert(!engine_give_up_page(f.t, id) && !engine_give_up_page(f.t, 0));
    ck_assert_uint_eq(count_held(&f, 'k', 20000), 5000);
    close_cache(&f);
}
END_TEST

START_TEST(who_found_an_item_may_read_it_while_it_moves)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    store_many(&f, 'k', 20000, SMALL_BYTES);
    for (unsigned n = 0; n < 20000; n++)
        get(&f, name_of('k', n));
    const struct item *before[1000];
    unsigned id = class_of(&f, SMALL_BYTES), moved = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(before); i++)
        before[i] = peek(&f, 'k', 20 * i);
    for (unsigned i = 0; i < 10; i++)
        ck_assert(engine_give_up_page(f.t, id));
    for (unsigned i = 0; i < ARRAY_COUNT(before); i++) {
        moved += before[i] != peek(&f, 'k', 20 * i);
        MUST(before[i] == NULL || is_pattern(&f, before[i], 20 * i));
    }
    ck_assert_uint_ge(moved, 50);
    close_cache(&f);
}
END_TEST

START_TEST(uploads_are_left_where_they_are)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    struct upload ups[40];
    store_many(&f, 'k', 4000, SMALL_BYTES);
    for (unsigned i = 0; i < ARRAY_COUNT(ups); i++) {
        MUST(engine_reserve(f.t, text(name_of('u', i)), 0, 0, SMALL_BYTES, &ups[i]) == ENGINE_OK);
        for (unsigned n = 0; n < 300; n++)
            store_one(&f, 'l', i * 300 + n, SMALL_BYTES);
    }
    unsigned id = class_of(&f, SMALL_BYTES);
    for (unsigned i = 0; i < 200; i++) {
        engine_give_up_page(f.t, id);
        fixture_turn(&f);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(ups); i++) {
        char *to;
        size_t room;
        uint64_t cas;
        MUST(engine_upload_space(f.t, &ups[i], &to, &room) == ENGINE_OK && room == SMALL_BYTES);
        fill_pattern(to, room, i);
        engine_upload_filled(&ups[i], room);
        struct span key = text(name_of('u', i));
        MUST(engine_commit(f.t, hash_of(&f, key), &ups[i], RULES(ENGINE_SET), &cas) == ENGINE_OK);
        MUST(is_pattern(&f, peek(&f, 'u', i), i));
    }
    close_cache(&f);
}
END_TEST

START_TEST(pinned_values_do_not_keep_others_from_giving_pages)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    char *value = malloc(100 * KIB);
    fill_pattern(value, 100 * KIB, 9);
    MUST(put_span(&f, SPAN("pinned"), span_of(value, 100 * KIB)) == ENGINE_OK);
    const struct item *it = get(&f, "pinned");
    ck_assert(item_is_chained(it));
    engine_pin(f.t, it);
    for (unsigned n = 0; n < 30; n++)
        MUST(put_span(&f, text(name_of('o', n)), span_of(value, 100 * KIB)) == ENGINE_OK);
    unsigned id = f.e->slabs.class_count;
    uint32_t pages = slab_class(&f.e->slabs, id)->page_count;
    shrink_class(&f, id, pages / 2);
    ck_assert(peek(&f, 'p', 0) == NULL);
    ck_assert(value_is(f.e, it, span_of(value, 100 * KIB)));
    ck_assert(get(&f, "pinned") == it);
    for (unsigned i = 0; i < 2 * pages; i++) { /* nothing but the pinned one is left in the end */
        engine_give_up_page(f.t, id);
        fixture_turn(&f);
    }
    ck_assert(get(&f, "pinned") == it);
    engine_unpin(f.t, it);
    free(value);
    close_cache(&f);
}
END_TEST

static unsigned
shift_share(struct fixture *f, unsigned count, uint32_t bytes)
{
    store_many(f, 'n', count, bytes);
    store_many(f, 'n', count, bytes);
    return count_held(f, 'n', count) * 100 / count;
}

START_TEST(pages_follow_values_that_become_larger)
{
    struct fixture f = fixture_open(small_config(16 * MIB));
    store_many(&f, 'o', 120000, SMALL_BYTES);
    if (_i == 1) /* what was in use goes as well, when it is no more */
        for (unsigned n = 0; n < 120000; n++)
            get(&f, name_of('o', n));
    ck_assert_uint_ge(shift_share(&f, 600, LARGE_BYTES), 95);
    close_cache(&f);
}
END_TEST

START_TEST(pages_follow_values_that_become_smaller)
{
    struct fixture f = fixture_open(small_config(16 * MIB));
    store_many(&f, 'o', 1000, LARGE_BYTES);
    if (_i == 1)
        for (unsigned n = 0; n < 1000; n++)
            get(&f, name_of('o', n));
    ck_assert_uint_ge(shift_share(&f, 80000, SMALL_BYTES), 95);
    close_cache(&f);
}
END_TEST

START_TEST(pages_stay_when_all_classes_are_as_busy)
{
    struct fixture f = fixture_open(small_config(16 * MIB));
    static const uint32_t sizes[] = {60, 100, 200, 400, 700};
    uint64_t random = 11;
    for (unsigned n = 0; n < 100000; n++)
        store_one(&f, 'a', n, sizes[random_below(&random, ARRAY_COUNT(sizes))]);
    uint64_t settled = moves(&f), rescued, evicted;
    for (unsigned n = 100000; n < 300000; n++)
        store_one(&f, 'a', n, sizes[random_below(&random, ARRAY_COUNT(sizes))]);
    totals(&f, &rescued, &evicted);
    /* More than twenty times the cache has been evicted. */
    ck_assert_uint_ge(evicted, 200000);
    ck_assert_uint_le(moves(&f) - settled, 10);
    close_cache(&f);
}
END_TEST

/* Hot small items against a stream of large ones that nobody reads: the stream takes what is cold.
 */
START_TEST(a_stream_of_large_values_does_not_drive_out_what_is_in_use)
{
    struct fixture f = fixture_open(small_config(16 * MIB));
    const unsigned in_use = 30000;
    store_many(&f, 'h', in_use, SMALL_BYTES);
    store_many(&f, 'c', 80000, SMALL_BYTES);
    uint64_t random = 5;
    unsigned missed = 0;
    for (unsigned n = 0; n < 4000; n++) {
        for (unsigned i = 0; i < 40; i++) {
            unsigned key = random_below(&random, in_use);
            if (get(&f, name_of('h', key)) != NULL)
                continue;
            missed += n >= 2000;
            store_one(&f, 'h', key, SMALL_BYTES);
        }
        store_one(&f, 's', n, LARGE_BYTES);
    }
    /* Of 80,000 gets. */
    ck_assert_uint_le(missed, 5000);
    close_cache(&f);
}
END_TEST

START_TEST(a_move_that_lasts_is_ended_when_the_thread_leaves)
{
    struct fixture f = fixture_open(small_config(8 * MIB));
    store_many(&f, 'k', 60000, SMALL_BYTES);
    for (unsigned n = 0; n < 60000; n++)
        get(&f, name_of('k', n));
    struct engine_thread *other = engine_join(f.e, f.now_s);
    engine_offline(f.t);
    MUST(engine_give_up_page(other, class_of(&f, SMALL_BYTES)));
    ck_assert_uint_ne(other->move.page, 0);
    engine_leave(other);
    engine_online(f.t, f.now_s);
    struct audit a;
    audit_engine(f.e, &a);
    ck_assert_uint_eq(a.pages_draining, 0);
    close_cache(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("move");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, what_is_hot_moves_as_it_is_and_the_cold_goes);
    tcase_add_loop_test(tc, nothing_is_lost_while_the_class_has_room, 0, 2);
    tcase_add_test(tc, who_found_an_item_may_read_it_while_it_moves);
    tcase_add_test(tc, uploads_are_left_where_they_are);
    tcase_add_test(tc, pinned_values_do_not_keep_others_from_giving_pages);
    tcase_add_loop_test(tc, pages_follow_values_that_become_larger, 0, 2);
    tcase_add_loop_test(tc, pages_follow_values_that_become_smaller, 0, 2);
    tcase_add_test(tc, pages_stay_when_all_classes_are_as_busy);
    tcase_add_test(tc, a_stream_of_large_values_does_not_drive_out_what_is_in_use);
    tcase_add_test(tc, a_move_that_lasts_is_ended_when_the_thread_leaves);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/move")

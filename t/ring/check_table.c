/* Points and whose hashes are whose, against the simplest search there is. */
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring/sort.h"
#include "ring/table.h"

/* Where points may lie: everywhere, in a few places, close together, in the lowest 15 bits, at the ends. */
enum spread { EVERYWHERE, COMMON, CLUSTERS, LOW, ENDS, SPREADS };

static uint64_t state;

static uint32_t
draw(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static uint32_t
draw_place(enum spread spread)
{
    uint32_t r = draw();
    switch (spread) {
    case COMMON:
        return r % 7 * 613566756;
    case CLUSTERS:
        return (r & UINT32_C(0xf0000000)) + draw() % 300;
    case LOW:
        return r & 0x7fff;
    case ENDS:
        return r % 2 == 0 ? r % 5 : UINT32_MAX - r % 5;
    default:
        return r;
    }
}

static uint64_t
seed_of(int round)
{
    const char *text = getenv("KETCH_SEED");
    uint64_t seed = (text != NULL ? strtoull(text, NULL, 10) : 1) * 1000 + (uint64_t)round;
    printf("KETCH_SEED of round %d: %" PRIu64 "\n", round, seed / 1000);
    return seed;
}

/* Of 'count' points in any order, the server that has the hash. */
static uint32_t
simplest(const point *points, size_t count, bool last_wins, enum table_rule rule, uint32_t hash)
{
    uint64_t least = UINT64_MAX;
    uint32_t server = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t up = point_at(points[i]) - hash, down = hash - point_at(points[i]);
        /* Twice the distance, and one more for those that lose when both are as far. */
        uint64_t distance = rule == TABLE_UP_TO  ? up
                            : rule == TABLE_FROM ? down
                            : up <= down         ? 2 * (uint64_t)up
                                                 : 2 * (uint64_t)down + 1;
        if (distance < least || (distance == least && last_wins)) {
            least = distance;
            server = point_server(points[i]);
        }
    }
    return server;
}

struct fixture {
    point *given; /* as they were made, by server */
    struct table table;
    size_t count;
    bool last_wins;
    enum table_rule rule;
};

static void
fixture_init(struct fixture *f, size_t count, enum spread spread, enum table_rule rule, bool last_wins)
{
    *f = (struct fixture){.count = count, .rule = rule, .last_wins = last_wins};
    point *points = table_room(count), *scratch = table_room(count);
    f->given = malloc(count * sizeof(*f->given));
    ck_assert(points != NULL && scratch != NULL && f->given != NULL);
    for (size_t i = 0; i < count; i++)
        points[i] = f->given[i] = point_make(draw_place(spread), (uint32_t)i);
    point *sorted = sort_points(points, scratch, count);
    table_free_room(sorted == points ? scratch : points);
    for (size_t i = 1; i < count; i++)
        if (sorted[i - 1] >= sorted[i]) /* the servers rise at one place, as the sort is stable */
            ck_abort_msg("point %zu is out of order", i);
    ck_assert(table_init(&f->table, sorted, count, last_wins, rule));
}

static void
fixture_fini(struct fixture *f)
{
    table_fini(&f->table);
    free(f->given);
}

static void
compare(const struct fixture *f, uint32_t hash)
{
    uint32_t want = simplest(f->given, f->count, f->last_wins, f->rule, hash);
    uint32_t got = table_server(&f->table, hash);
    if (got != want)
        ck_abort_msg("hash %u of %zu points, rule %d: %u, not %u", hash, f->count, (int)f->rule, got, want);
}

static void
compare_all(const struct fixture *f, size_t hashes)
{
    compare(f, 0);
    compare(f, UINT32_MAX);
    for (size_t i = 0; i < hashes; i++) {
        uint32_t at = point_at(f->given[i % f->count]);
        compare(f, at);
        compare(f, at - 1);
        compare(f, at + 1);
        compare(f, draw());
    }
}

/* Stretches follow each other to the end, and the server of each is that of its hashes. */
static void
compare_stretches(const struct fixture *f)
{
    const struct table *t = &f->table;
    uint64_t from = 0, total = 0;
    uint64_t *parts = calloc(f->count, sizeof(*parts)), *sums = calloc(f->count, sizeof(*sums));
    ck_assert(parts != NULL && sums != NULL);
    for (uint32_t k = 0; from <= UINT32_MAX; k++) {
        uint32_t server, end = table_stretch(t, k, &server);
        if (k > t->count || (uint64_t)end + 1 < from)
            ck_abort_msg("stretch %u of %u ends at %u", k, t->count, end);
        if (end >= from) {
            sums[server] += (uint64_t)end + 1 - from;
            if (table_server(t, (uint32_t)from) != server || table_server(t, end) != server)
                ck_abort_msg("stretch %u, up to %u, is not %u's", k, end, server);
        }
        from = (uint64_t)end + 1;
    }
    table_parts(t, UINT32_MAX, parts);
    for (size_t i = 0; i < f->count; i++)
        total += parts[i];
    ck_assert(total == UINT64_C(1) << 32);
    ck_assert_int_eq(memcmp(parts, sums, f->count * sizeof(*parts)), 0);
    free(parts);
    free(sums);
}

START_TEST(every_hash_has_the_server_of_the_simplest_search)
{
    state = seed_of(_i);
    for (int rule = TABLE_UP_TO; rule <= TABLE_NEAREST; rule++)
        for (int spread = 0; spread < SPREADS; spread++)
            for (int last_wins = 0; last_wins < 2; last_wins++) {
                static const size_t counts[] = {1, 2, 3, 4, 5, 8, 9, 40, 300, 1000};
                for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
                    struct fixture f;
                    fixture_init(&f, counts[i], (enum spread)spread, (enum table_rule)rule, last_wins);
                    compare_all(&f, counts[i] < 40 ? counts[i] : 40);
                    compare_stretches(&f);
                    fixture_fini(&f);
                }
            }
}
END_TEST

/* More points than 16 bits can count, and more than huge pages begin with. */
START_TEST(large_tables_are_searched_as_well)
{
    static const size_t counts[] = {65535, 65536, 140000, 300000};
    state = seed_of(100);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        for (int rule = TABLE_UP_TO; rule <= TABLE_NEAREST; rule++) {
            struct fixture f;
            fixture_init(&f, counts[i], i == 1 ? CLUSTERS : EVERYWHERE, (enum table_rule)rule, false);
            compare_all(&f, 10);
            compare_stretches(&f);
            fixture_fini(&f);
        }
}
END_TEST

START_TEST(parts_are_of_the_hashes_that_there_are)
{
    struct fixture f;
    uint64_t parts[3] = {0};
    state = 1;
    fixture_init(&f, 3, LOW, TABLE_UP_TO, false);
    table_parts(&f.table, 0x7fff, parts);
    ck_assert(parts[0] + parts[1] + parts[2] == 0x8000);
    fixture_fini(&f);
}
END_TEST

START_TEST(a_table_may_be_empty)
{
    struct table t;
    uint64_t none = 0;
    ck_assert(table_init(&t, table_room(0), 0, false, TABLE_NEAREST));
    ck_assert_uint_eq(t.count, 0);
    table_parts(&t, UINT32_MAX, &none);
    ck_assert(none == 0);
    table_fini(&t);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("table");
    tcase_add_loop_test(t, every_hash_has_the_server_of_the_simplest_search, 0, 5);
    tcase_add_test(t, large_tables_are_searched_as_well);
    tcase_add_test(t, parts_are_of_the_hashes_that_there_are);
    tcase_add_test(t, a_table_may_be_empty);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/table")

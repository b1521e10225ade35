/* The index against a naive map: what was put is found, in any order of growth, removal and collision,
 * and also while all that happens. */
#include "fixture.h"

#include <pthread.h>

#include "base/hash.h"

struct bench {
    struct arena arena;
    struct index index;
    char *at, *end; /* room for items */
    uint32_t pages; /* taken for them */
};

static struct bench *
open_bench(uint32_t limit_pages)
{
    struct bench *b = calloc(1, sizeof *b);
    struct arena_config c = {.limit_bytes = limit_pages * 64ull * KIB,
                             .reach_bytes = 64 * MIB, .page_bytes = 64 * KIB};
    MUST(b != NULL && arena_init(&b->arena, &c) && index_init(&b->index, &b->arena, 99));
    return b;
}

static void
close_bench(struct bench *b)
{
    index_fini(&b->index);
    arena_fini(&b->arena);
    free(b);
}

/* An item that is nothing but its key. */
static item_ref
make_item(struct bench *b, struct span key)
{
    size_t bytes = (sizeof(struct item) + key.bytes + 7) & ~(size_t)7;
    if (b->at == NULL || b->at + bytes > b->end) {
        page_no page = arena_take_page(&b->arena);
        MUST(page != 0);
        b->pages++;
        b->at = arena_page_ptr(&b->arena, page);
        b->end = b->at + 64 * KIB;
    }
    struct item *it = (struct item *)b->at;
    b->at += bytes;
    it->lengths = (uint32_t)key.bytes << 24;
    atomic_store(&it->state, ITEM_LINKED);
    memcpy(it + 1, key.p, key.bytes);
    return arena_ref(&b->arena, it);
}

static struct span
number_key(uint32_t n, char *room)
{
    return span_of(room, (size_t)sprintf(room, "key %u", n));
}

static uint64_t
hash_key(const struct bench *b, struct span key)
{
    return hash_span(key, b->index.seed);
}

static enum index_status
insert(struct bench *b, uint64_t hash, struct span key, item_ref *ref)
{
    *ref = make_item(b, key);
    return index_swap(&b->index, hash, key, 0, *ref);
}

/* ---- one entry ---- */

START_TEST(an_entry_is_found_by_its_whole_key_only)
{
    struct bench *b = open_bench(64);
    item_ref ref;
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("abc")), 0);
    ck_assert_int_eq(insert(b, 5, SPAN("abc"), &ref), INDEX_OK);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("abc")), ref);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("ab")), 0);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("abcd")), 0);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("abd")), 0);
    ck_assert_uint_eq(index_find(&b->index, 6, SPAN("abc")), 0);
    close_bench(b);
}
END_TEST

START_TEST(a_swap_happens_only_if_the_old_entry_is_there)
{
    struct bench *b = open_bench(64);
    item_ref first, second = make_item(b, SPAN("k")), third = make_item(b, SPAN("k"));
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), second, third), INDEX_CHANGED);
    ck_assert_int_eq(insert(b, 5, SPAN("k"), &first), INDEX_OK);
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), 0, second), INDEX_CHANGED);
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), second, third), INDEX_CHANGED);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("k")), first);
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), first, second), INDEX_OK);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("k")), second);
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), second, 0), INDEX_OK);
    ck_assert_int_eq(index_swap(&b->index, 5, SPAN("k"), second, 0), INDEX_CHANGED);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("k")), 0);
    close_bench(b);
}
END_TEST

struct carried {
    item_ref old, new;
    unsigned count;
};

static void
note_carried(void *context, item_ref old, item_ref new)
{
    struct carried *c = context;
    *c = (struct carried){old, new, c->count + 1};
}

START_TEST(carrying_and_updating_call_back_only_for_what_is_there)
{
    struct bench *b = open_bench(64);
    struct carried c = {0, 0, 0};
    item_ref first, second = make_item(b, SPAN("k"));
    ck_assert(!index_update(&b->index, 5, second, note_carried, &c));
    ck_assert_int_eq(insert(b, 5, SPAN("k"), &first), INDEX_OK);
    ck_assert(index_update(&b->index, 5, first, note_carried, &c));
    ck_assert(c.count == 1 && c.old == first && c.new == first);
    ck_assert_int_eq(index_swap_carrying(&b->index, 5, second, first, note_carried, &c),
                     INDEX_CHANGED);
    ck_assert_uint_eq(c.count, 1);
    ck_assert_int_eq(index_swap_carrying(&b->index, 5, first, second, note_carried, &c), INDEX_OK);
    ck_assert(c.count == 2 && c.old == first && c.new == second);
    ck_assert_uint_eq(index_find(&b->index, 5, SPAN("k")), second);
    close_bench(b);
}
END_TEST

/* ---- collisions ---- */

/* The longest chain that is allowed. */
#define CHAIN_ENTRIES_MAX (64 * INDEX_BUCKET_SLOTS)

START_TEST(keys_of_one_hash_are_kept_apart_up_to_the_longest_chain)
{
    struct bench *b = open_bench(64);
    const uint64_t hash = 0xabcd000000000007;
    item_ref refs[CHAIN_ENTRIES_MAX], refused;
    char room[32];
    for (uint32_t i = 0; i < CHAIN_ENTRIES_MAX; i++) {
        MUST(insert(b, hash, number_key(i, room), &refs[i]) == INDEX_OK);
        MUST(b->index.overflow_used == i / INDEX_BUCKET_SLOTS);
    }
    ck_assert_int_eq(insert(b, hash, SPAN("one more"), &refused), INDEX_NO_MEMORY);
    for (uint32_t i = 0; i < CHAIN_ENTRIES_MAX; i++)
        MUST(index_find(&b->index, hash, number_key(i, room)) == refs[i]);
    /* Out in another order than in; the holes are filled again without more memory. */
    uint64_t overflow = b->index.overflow_used;
    for (uint32_t i = 0; i < CHAIN_ENTRIES_MAX; i++) {
        uint32_t n = i * 331 % CHAIN_ENTRIES_MAX;
        MUST(index_swap(&b->index, hash, number_key(n, room), refs[n], 0) == INDEX_OK);
        MUST(index_find(&b->index, hash, number_key(n, room)) == 0);
    }
    for (uint32_t i = 0; i < CHAIN_ENTRIES_MAX; i++)
        MUST(insert(b, hash, number_key(i, room), &refs[i]) == INDEX_OK);
    ck_assert_uint_eq(b->index.overflow_used, overflow);
    close_bench(b);
}
END_TEST

/* ---- against a naive map, growing ---- */

#define RANGE 150000

struct map {
    struct bench *b;
    item_ref refs[RANGE]; /* by key number */
    uint32_t count;
};

static void
count_ref(void *context, item_ref ref)
{
    (void)ref;
    ++*(uint64_t *)context;
}

static uint64_t
walk(struct index *ix)
{
    uint64_t count = 0;
    for (uint64_t bucket = 0; bucket < index_bucket_count(ix); bucket++)
        index_walk(ix, bucket, count_ref, &count);
    return count;
}

static void
toggle(struct map *m, uint32_t n)
{
    char room[32];
    struct span key = number_key(n, room);
    uint64_t hash = hash_key(m->b, key);
    MUST(index_find(&m->b->index, hash, key) == m->refs[n]);
    if (m->refs[n] == 0) {
        MUST(insert(m->b, hash, key, &m->refs[n]) == INDEX_OK);
        index_count(&m->b->index, 1);
        m->count++;
    } else {
        MUST(index_swap(&m->b->index, hash, key, m->refs[n], 0) == INDEX_OK);
        index_count(&m->b->index, -1);
        m->refs[n] = 0;
        m->count--;
    }
}

static void
compare(struct map *m)
{
    char room[32];
    for (uint32_t n = 0; n < RANGE; n++) {
        struct span key = number_key(n, room);
        MUST(index_find(&m->b->index, hash_key(m->b, key), key) == m->refs[n]);
    }
    MUST(walk(&m->b->index) == m->count);
}

START_TEST(it_agrees_with_a_naive_map_from_empty_to_large_and_back)
{
    struct map *m = calloc(1, sizeof *m);
    m->b = open_bench(600);
    uint64_t random = environment_u64("KETCH_SEED", 4);
    printf("index: KETCH_SEED=%llu\n", (unsigned long long)random);
    for (uint32_t n = 0; n < RANGE; n++) {
        toggle(m, n);
        if (n % 3 == 0)
            toggle(m, random_below(&random, n + 1));
        index_grow(&m->b->index, 2);
        if (n == 5000 || n == 60000)
            compare(m);
    }
    compare(m);
    uint64_t buckets = index_bucket_count(&m->b->index);
    ck_assert_uint_ge(m->count, 80000);
    ck_assert_uint_ge(buckets * 7 + 7, m->count);
    ck_assert_uint_le(buckets * 6, m->count + 7000); /* what was removed again counts, too */
    uint64_t overflow_bytes, bytes = index_bytes(&m->b->index, &overflow_bytes);
    ck_assert_uint_le(overflow_bytes, bytes / 4);
    for (uint32_t n = 0; n < RANGE; n++)
        if (m->refs[n] != 0)
            toggle(m, n);
    compare(m);
    close_bench(m->b);
    free(m);
}
END_TEST

START_TEST(overflow_appears_without_growth_and_goes_with_it)
{
    struct map *m = calloc(1, sizeof *m);
    m->b = open_bench(300);
    for (uint32_t n = 0; n < 40000; n++)
        toggle(m, n);
    uint64_t without = m->b->index.overflow_used;
    ck_assert_uint_eq(index_bucket_count(&m->b->index), 1024);
    ck_assert_uint_gt(without, 3000); /* 40 entries a bucket: four more buckets each */
    compare(m);
    for (unsigned i = 0; i < 10000; i++)
        index_grow(&m->b->index, 1);
    ck_assert_uint_ge(index_bucket_count(&m->b->index), 40000 / 7);
    ck_assert_uint_lt(m->b->index.overflow_used, without / 2);
    compare(m);
    close_bench(m->b);
    free(m);
}
END_TEST

/* As in a full cache: one out, one in, for ever. */
START_TEST(overflow_does_not_pile_up_while_entries_come_and_go)
{
    struct map *m = calloc(1, sizeof *m);
    m->b = open_bench(600);
    uint64_t random = 6;
    for (uint32_t n = 0; n < 7000; n++)
        toggle(m, n);
    for (unsigned i = 0; i < 100000; i++)
        toggle(m, random_below(&random, 14000));
    ck_assert_uint_eq(index_bucket_count(&m->b->index), 1024);
    ck_assert_uint_lt(m->b->index.overflow_used, 1024 / 2);
    for (uint32_t n = 0; n < 14000; n++)
        if (m->refs[n] != 0)
            toggle(m, n);
    ck_assert_uint_eq(m->b->index.overflow_used, 0);
    compare(m);
    close_bench(m->b);
    free(m);
}
END_TEST

/* ---- no memory ---- */

START_TEST(growth_without_memory_is_put_off_and_made_up_for_later)
{
    struct map *m = calloc(1, sizeof *m);
    m->b = open_bench(16);
    uint32_t n = 0;
    while (m->b->pages < 8 || m->b->at + 64 < m->b->end)
        toggle(m, n++);
    while (arena_take_page(&m->b->arena) != 0)
        ;
    ck_assert_uint_gt(m->count, 10000);
    index_grow(&m->b->index, 1000);
    ck_assert_uint_eq(index_bucket_count(&m->b->index), 1024);
    ck_assert(m->b->index.hungry);
    compare(m);
    ck_assert(arena_set_limit(&m->b->arena, 64 * 64 * KIB));
    for (unsigned i = 0; i < 100; i++)
        index_grow(&m->b->index, 1000);
    ck_assert_uint_ge(index_bucket_count(&m->b->index), m->count / 7);
    compare(m);
    close_bench(m->b);
    free(m);
}
END_TEST

START_TEST(a_full_bucket_without_memory_refuses_and_stays_as_it_was)
{
    struct bench *b = open_bench(2); /* buckets and items; none to overflow */
    item_ref refs[INDEX_BUCKET_SLOTS], refused;
    char room[32];
    for (uint32_t i = 0; i < INDEX_BUCKET_SLOTS; i++)
        ck_assert_int_eq(insert(b, 3, number_key(i, room), &refs[i]), INDEX_OK);
    ck_assert_int_eq(insert(b, 3, SPAN("x"), &refused), INDEX_NO_MEMORY);
    ck_assert(b->index.hungry);
    ck_assert_uint_eq(index_find(&b->index, 3, SPAN("x")), 0);
    for (uint32_t i = 0; i < INDEX_BUCKET_SLOTS; i++)
        ck_assert_uint_eq(index_find(&b->index, 3, number_key(i, room)), refs[i]);
    ck_assert_int_eq(index_swap(&b->index, 3, number_key(4, room), refs[4], 0), INDEX_OK);
    ck_assert_int_eq(insert(b, 3, SPAN("x"), &refused), INDEX_OK);
    ck_assert_uint_eq(walk(&b->index), INDEX_BUCKET_SLOTS);
    close_bench(b);
}
END_TEST

START_TEST(an_index_without_its_first_page_cannot_be_made)
{
    struct arena a;
    struct index ix;
    struct arena_config c = {.limit_bytes = 2 * 64 * KIB, .reach_bytes = 1 * MIB,
                             .page_bytes = 64 * KIB};
    ck_assert(arena_init(&a, &c));
    ck_assert(arena_take_page(&a) != 0 && arena_take_page(&a) != 0);
    ck_assert(!index_init(&ix, &a, 1));
    arena_fini(&a);
}
END_TEST

/* ---- readers without locks ---- */

#define STANDING 3000

struct race {
    struct bench *b;
    item_ref refs[STANDING];
    _Atomic bool done;
};

/* Keys that are never removed are found at every moment. */
static void *
find_standing(void *context)
{
    struct race *r = context;
    char room[32];
    uint64_t found = 0;
    while (!r->done) {
        for (uint32_t n = 0; n < STANDING; n++) {
            struct span key = number_key(n, room);
            MUST(index_find(&r->b->index, hash_key(r->b, key), key) == r->refs[n]);
        }
        found += STANDING;
    }
    MUST(found > 0);
    return NULL;
}

static void
stir(struct race *r, uint32_t count)
{
    char room[32];
    for (uint32_t n = STANDING; n < count; n++) {
        struct span key = number_key(n, room);
        item_ref ref;
        MUST(insert(r->b, hash_key(r->b, key), key, &ref) == INDEX_OK);
        index_count(&r->b->index, 1);
        /* Every third stays; growth comes in bursts, so that chains get long and short. */
        if (n % 3 != 0) {
            MUST(index_swap(&r->b->index, hash_key(r->b, key), key, ref, 0) == INDEX_OK);
            index_count(&r->b->index, -1);
        }
        if (n % 2000 == 0)
            index_grow(&r->b->index, 200);
    }
}

START_TEST(readers_find_what_stands_while_the_index_grows)
{
    struct race *r = calloc(1, sizeof *r);
    pthread_t readers[2];
    char room[32];
    r->b = open_bench(900);
    for (uint32_t n = 0; n < STANDING; n++) {
        struct span key = number_key(n, room);
        MUST(insert(r->b, hash_key(r->b, key), key, &r->refs[n]) == INDEX_OK);
        index_count(&r->b->index, 1);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(readers); i++)
        MUST(pthread_create(&readers[i], NULL, find_standing, r) == 0);
    stir(r, SLOW_BUILD ? 50000 : 400000);
    r->done = true;
    for (unsigned i = 0; i < ARRAY_COUNT(readers); i++)
        MUST(pthread_join(readers[i], NULL) == 0);
    ck_assert_uint_gt(index_bucket_count(&r->b->index), 1500);
    close_bench(r->b);
    free(r);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("index");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, an_entry_is_found_by_its_whole_key_only);
    tcase_add_test(tc, a_swap_happens_only_if_the_old_entry_is_there);
    tcase_add_test(tc, carrying_and_updating_call_back_only_for_what_is_there);
    tcase_add_test(tc, keys_of_one_hash_are_kept_apart_up_to_the_longest_chain);
    tcase_add_test(tc, it_agrees_with_a_naive_map_from_empty_to_large_and_back);
    tcase_add_test(tc, overflow_appears_without_growth_and_goes_with_it);
    tcase_add_test(tc, overflow_does_not_pile_up_while_entries_come_and_go);
    tcase_add_test(tc, growth_without_memory_is_put_off_and_made_up_for_later);
    tcase_add_test(tc, a_full_bucket_without_memory_refuses_and_stays_as_it_was);
    tcase_add_test(tc, an_index_without_its_first_page_cannot_be_made);
    tcase_add_test(tc, readers_find_what_stands_while_the_index_grows);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/index")

/* Slabs: every size has the smallest class that holds it, chunks do not overlap, pages come and go. */
#include "fixture.h"

struct bench {
    struct arena arena;
    struct slabs slabs;
};

static struct bench *
open_bench(uint32_t pages, uint32_t page_bytes, double growth, uint32_t chunk_bytes_min)
{
    struct bench *b = calloc(1, sizeof *b);
    struct arena_config ac = {.limit_bytes = (uint64_t)pages * page_bytes,
                              .reach_bytes = (uint64_t)pages * page_bytes,
                              .page_bytes = page_bytes};
    struct slab_config sc = {.growth = growth, .chunk_bytes_min = chunk_bytes_min};
    MUST(b != NULL && arena_init(&b->arena, &ac) && slab_init(&b->slabs, &b->arena, &sc));
    return b;
}

static void
close_bench(struct bench *b)
{
    slab_fini(&b->slabs);
    arena_fini(&b->arena);
    free(b);
}

static item_ref
take(struct bench *b, unsigned class_id)
{
    struct slab_pressure seen;
    item_ref ref = slab_alloc(&b->slabs, class_id, 0, &seen);
    struct slab_class *c = slab_class(&b->slabs, class_id);
    MUST(seen.total_chunks == (uint64_t)c->page_count * c->chunks_per_page);
    MUST(seen.free_chunks == slab_free_chunks(c));
    return ref;
}

static uint32_t
used_pages(struct bench *b)
{
    struct arena_usage usage;
    arena_usage(&b->arena, &usage);
    return usage.used_pages;
}

/* ---- classes ---- */

static const struct {
    uint32_t page_bytes;
    double growth;
    uint32_t chunk_bytes_min;
} shapes[] = {
    {64 * KIB, 1.12, 48}, {64 * KIB, 1.08, 40},  {64 * KIB, 1.01, 17},   {64 * KIB, 4.0, 48},
    {1 * MIB, 1.08, 48},  {1 * MIB, 1.001, 24},  {1 * MIB, 1.25, 96},    {256 * KIB, 1.12, 48},
    {64 * KIB, 1.12, 32 * KIB}, {1 * MIB, 100.0, 48}, {1 * MIB, 1.5, 500000},
};

START_TEST(every_size_has_the_smallest_class_that_holds_it)
{
    struct bench *b = open_bench(32, shapes[_i].page_bytes, shapes[_i].growth,
                                 shapes[_i].chunk_bytes_min);
    const struct slabs *s = &b->slabs;
    ck_assert_uint_le(s->class_count, SLAB_CLASSES_MAX);
    ck_assert_uint_eq(s->chunk_bytes_max, shapes[_i].page_bytes / 2);
    ck_assert_uint_eq(s->classes[s->class_count].chunk_bytes, s->chunk_bytes_max);
    ck_assert_uint_ge(s->classes[1].chunk_bytes, shapes[_i].chunk_bytes_min);
    for (uint32_t bytes = 1; bytes <= s->chunk_bytes_max; bytes++) {
        unsigned id = slab_class_for(s, bytes);
        MUST(id >= 1 && id <= s->class_count);
        MUST(s->classes[id].chunk_bytes >= bytes);
        MUST(id == 1 || s->classes[id - 1].chunk_bytes < bytes);
    }
    close_bench(b);
}
END_TEST

START_TEST(classes_grow_are_aligned_and_waste_no_chunk_of_a_page)
{
    struct bench *b = open_bench(32, shapes[_i].page_bytes, shapes[_i].growth,
                                 shapes[_i].chunk_bytes_min);
    for (unsigned id = 1; id <= b->slabs.class_count; id++) {
        const struct slab_class *c = &b->slabs.classes[id];
        MUST(c->chunk_bytes % 8 == 0);
        MUST(id == 1 || c->chunk_bytes > b->slabs.classes[id - 1].chunk_bytes);
        MUST(c->chunks_per_page == shapes[_i].page_bytes / c->chunk_bytes);
        /* What the page has left over is less than eight bytes a chunk. */
        uint32_t left = shapes[_i].page_bytes - c->chunks_per_page * c->chunk_bytes;
        MUST(left < 8 * c->chunks_per_page);
    }
    close_bench(b);
}
END_TEST

START_TEST(no_size_wastes_more_than_the_growth_allows)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.08, 48);
    /* Up to a 64th of a page; above, the number of chunks in a page makes the steps coarser. */
    for (uint32_t bytes = 100; bytes < 1024; bytes++) {
        uint32_t chunk = b->slabs.classes[slab_class_for(&b->slabs, bytes)].chunk_bytes;
        MUST((double)chunk <= bytes * 1.08 * 1.03 + 8);
    }
    close_bench(b);
}
END_TEST

/* ---- chunks ---- */

START_TEST(chunks_do_not_overlap_and_stay_inside_their_page)
{
    struct bench *b = open_bench(100, 64 * KIB, 1.12, 48);
    for (unsigned id = 1; id <= b->slabs.class_count; id++) {
        struct slab_class *c = slab_class(&b->slabs, id);
        uint32_t count = c->chunks_per_page + 1;
        item_ref *refs = malloc(count * sizeof *refs);
        for (uint32_t i = 0; i < count; i++) {
            refs[i] = take(b, id);
            char *p = arena_ptr(&b->arena, refs[i]);
            page_no page = arena_page_of(&b->arena, refs[i]);
            MUST(p + c->chunk_bytes <= arena_page_ptr(&b->arena, page) + 64 * KIB);
            MUST(((struct item *)p)->class_id == id);
            memset(p + sizeof(struct item), (int)i, c->chunk_bytes - sizeof(struct item));
        }
        for (uint32_t i = 0; i < count; i++) {
            const char *p = arena_ptr(&b->arena, refs[i]);
            for (uint32_t at = sizeof(struct item); at < c->chunk_bytes; at++)
                MUST(p[at] == (char)i);
        }
        for (uint32_t i = 0; i < count; i++)
            slab_free(&b->slabs, refs[i]);
        free(refs);
        MUST(c->used_chunks == 0 && c->page_count == 1);
    }
    close_bench(b);
}
END_TEST

START_TEST(a_freed_chunk_is_used_again_before_a_new_page)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    unsigned id = slab_class_for(&b->slabs, 1000);
    uint32_t per_page = slab_class(&b->slabs, id)->chunks_per_page;
    item_ref refs[200];
    for (uint32_t i = 0; i < 2 * per_page; i++)
        refs[i] = take(b, id);
    ck_assert_uint_eq(used_pages(b), 2);
    for (uint32_t i = 0; i < 2 * per_page; i += 3) {
        slab_free(&b->slabs, refs[i]);
        refs[i] = 0;
    }
    for (uint32_t i = 0; i < 2 * per_page; i += 3) {
        refs[i] = take(b, id);
        ck_assert_uint_ne(refs[i], 0);
    }
    ck_assert_uint_eq(used_pages(b), 2);
    for (uint32_t i = 0; i < 2 * per_page; i++)
        for (uint32_t j = 0; j < i; j++)
            MUST(refs[i] != refs[j]);
    ck_assert_uint_ne(take(b, id), 0);
    ck_assert_uint_eq(used_pages(b), 3);
    close_bench(b);
}
END_TEST

START_TEST(an_allocation_without_a_page_to_be_had_fails_and_changes_nothing)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    unsigned id = b->slabs.class_count;
    item_ref last = 0, ref;
    unsigned count = 0;
    while ((ref = take(b, id)) != 0) {
        last = ref;
        count++;
    }
    ck_assert_uint_eq(count, 64);
    ck_assert_uint_eq(take(b, 1), 0);
    ck_assert_uint_eq(slab_class(&b->slabs, 1)->page_count, 0);
    slab_free(&b->slabs, last);
    ck_assert_uint_eq(take(b, 1), 0);
    ck_assert_uint_eq(take(b, id), last);
    close_bench(b);
}
END_TEST

/* ---- pages ---- */

START_TEST(empty_pages_go_back_but_for_one)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    unsigned id = slab_class_for(&b->slabs, 4000);
    struct slab_class *c = slab_class(&b->slabs, id);
    item_ref refs[32 * 16];
    uint32_t count = 20 * c->chunks_per_page;
    for (uint32_t i = 0; i < count; i++)
        refs[i] = take(b, id);
    ck_assert_uint_eq(used_pages(b), 20);
    for (uint32_t i = 0; i < count; i++)
        slab_free(&b->slabs, refs[i]);
    ck_assert_uint_eq(used_pages(b), 1);
    ck_assert(slab_give_spare(&b->slabs));
    ck_assert_uint_eq(used_pages(b), 0);
    ck_assert(!slab_give_spare(&b->slabs));
    close_bench(b);
}
END_TEST

START_TEST(a_page_in_use_is_no_spare)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    item_ref ref = take(b, 3);
    ck_assert(!slab_give_spare(&b->slabs));
    slab_free(&b->slabs, ref);
    ref = take(b, 3);
    ck_assert(!slab_give_spare(&b->slabs));
    slab_free(&b->slabs, ref);
    ck_assert(slab_give_spare(&b->slabs));
    close_bench(b);
}
END_TEST

static void
drain(struct bench *b, unsigned id, page_no page)
{
    struct slab_class *c = slab_class(&b->slabs, id);
    mutex_lock(&c->lock);
    slab_drain_locked(&b->slabs, c, page);
    mutex_unlock(&c->lock);
}

START_TEST(a_draining_page_gives_no_chunks_and_leaves_with_its_last)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    unsigned id = slab_class_for(&b->slabs, 4000);
    struct slab_class *c = slab_class(&b->slabs, id);
    item_ref refs[3] = {take(b, id), take(b, id), take(b, id)};
    page_no page = arena_page_of(&b->arena, refs[0]);
    drain(b, id, page);
    ck_assert_uint_eq(c->page_count, 0);
    ck_assert_uint_eq(c->draining_count, 1);
    ck_assert_uint_eq(c->used_chunks, 0);
    item_ref other = take(b, id);
    ck_assert_uint_ne(arena_page_of(&b->arena, other), page);
    slab_free(&b->slabs, refs[1]);
    slab_free(&b->slabs, refs[0]);
    ck_assert_uint_eq(used_pages(b), 2);
    slab_free(&b->slabs, refs[2]);
    ck_assert_uint_eq(used_pages(b), 1);
    ck_assert_uint_eq(c->draining_count, 0);
    drain(b, id, arena_page_of(&b->arena, other));
    slab_free(&b->slabs, other);
    ck_assert_uint_eq(used_pages(b), 0);
    close_bench(b);
}
END_TEST

START_TEST(an_empty_page_that_is_drained_leaves_at_once)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    item_ref ref = take(b, 5);
    slab_free(&b->slabs, ref);
    ck_assert_uint_eq(used_pages(b), 1);
    drain(b, 5, arena_page_of(&b->arena, ref));
    ck_assert_uint_eq(used_pages(b), 0);
    ck_assert(!slab_give_spare(&b->slabs));
    close_bench(b);
}
END_TEST

START_TEST(a_page_can_serve_any_class_after_another)
{
    struct bench *b = open_bench(32, 64 * KIB, 1.12, 48);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned id = 1; id <= b->slabs.class_count; id++) {
            struct slab_class *c = slab_class(&b->slabs, id);
            item_ref ref;
            unsigned count = 0;
            while ((ref = take(b, id)) != 0) {
                memset((struct item *)arena_ptr(&b->arena, ref) + 1, 0xff,
                       c->chunk_bytes - sizeof(struct item));
                count++;
            }
            MUST(count == 32 * c->chunks_per_page);
            while (c->pages != 0) {
                page_no page = c->pages;
                for (uint32_t n = 0; n < c->chunks_per_page; n++) {
                    if (n == c->chunks_per_page / 2)
                        drain(b, id, page);
                    slab_free(&b->slabs, arena_ref(&b->arena, slab_chunk(&b->slabs, c, page, n)));
                }
            }
            MUST(used_pages(b) == 0);
        }
    }
    close_bench(b);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("slab");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_size_has_the_smallest_class_that_holds_it, 0, ARRAY_COUNT(shapes));
    tcase_add_loop_test(tc, classes_grow_are_aligned_and_waste_no_chunk_of_a_page, 0,
                        ARRAY_COUNT(shapes));
    tcase_add_test(tc, no_size_wastes_more_than_the_growth_allows);
    tcase_add_test(tc, chunks_do_not_overlap_and_stay_inside_their_page);
    tcase_add_test(tc, a_freed_chunk_is_used_again_before_a_new_page);
    tcase_add_test(tc, an_allocation_without_a_page_to_be_had_fails_and_changes_nothing);
    tcase_add_test(tc, empty_pages_go_back_but_for_one);
    tcase_add_test(tc, a_page_in_use_is_no_spare);
    tcase_add_test(tc, a_draining_page_gives_no_chunks_and_leaves_with_its_last);
    tcase_add_test(tc, an_empty_page_that_is_drained_leaves_at_once);
    tcase_add_test(tc, a_page_can_serve_any_class_after_another);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/slab")

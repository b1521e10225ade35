/* Memory that cannot be had: every allocation of the library's is made to fail in turn.  What fails must
 * say so, lose nothing, and work the next time.
 *
 * The linker sends the library's allocations through the functions here (--wrap). */
#include "suite.h"

#include <string.h>
#include "pool.h"

static struct {
    bool armed;
    unsigned fail_at; /* this call fails, and with 'all' those after it */
    bool all;
    unsigned calls;
} failing;

/* Allocations that were not freed.  By their addresses, as Check frees what libc has allocated. */
enum { LIVE_MAX = 65536 };
static void *allocated[LIVE_MAX];
static unsigned live;

static bool
fails(void)
{
    if (!failing.armed)
        return false;
    unsigned call = ++failing.calls;
    return call == failing.fail_at || (failing.all && call > failing.fail_at);
}

static void *
counted(void *p)
{
    if (p != NULL && live < LIVE_MAX)
        allocated[live++] = p;
    return p;
}

static void
forget(void *p)
{
    for (unsigned i = live; p != NULL && i > 0; i--)
        if (allocated[i - 1] == p) {
            allocated[i - 1] = allocated[--live];
            return;
        }
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void __real_free(void *p);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void __wrap_free(void *p);

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : counted(__real_malloc(bytes));
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : counted(__real_calloc(count, bytes));
}

void *
__wrap_realloc(void *p, size_t bytes)
{
    if (fails())
        return NULL;
    forget(p);
    return counted(__real_realloc(p, bytes));
}

void *
__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails() ? NULL : counted(__real_aligned_alloc(align, bytes));
}

void
__wrap_free(void *p)
{
    forget(p);
    __real_free(p);
}

/* A call of the library's: Check allocates too, and must not fail. */
#define LIBRARY(call)                                                                              \
    __extension__({                                                                                \
        failing.armed = true;                                                                      \
        enum ketch_status status_ = call;                                                          \
        failing.armed = false;                                                                     \
        status_;                                                                                   \
    })

/* Something that may run out of memory; false if it said so. */
typedef bool try_fn(void *arg);

/* Lets each allocation of 'try' fail, until there are no more of them. */
static void
fail_each(try_fn *try, void *arg, bool all)
{
    for (unsigned at = 1;; at++) {
        failing = (typeof(failing)){.fail_at = at, .all = all};
        bool done = try(arg);
        if (failing.calls < at) {
            ck_assert(done);
            ck_assert_uint_gt(at, 1);
            return;
        }
        ck_assert_msg(!done, "allocation %u failed, and nobody has said so", at);
        ck_assert_uint_lt(at, 10000);
    }
}

static bool
said(enum ketch_status status)
{
    ck_assert(status == KETCH_OK || status == KETCH_NO_MEMORY);
    return status == KETCH_OK;
}

/* ---- what is tried ---- */

static bool
try_create(void *spec)
{
    struct ketch_ring_builder *b;
    if (!said(LIBRARY(ketch_ring_builder_create(spec, &b, NULL, 0)))) {
        ck_assert_ptr_null(b);
        return false;
    }
    ketch_ring_builder_destroy(b);
    return true;
}

static bool
try_fill(void *spec)
{
    struct ketch_ring_builder *b;
    bool done = said(LIBRARY(ketch_ring_builder_create(spec, &b, NULL, 0)));
    for (unsigned i = 0; done && i < 40; i++) {
        uint32_t id = 77;
        struct ketch_server s = {.host = "host", .port = (uint16_t)(1 + i), .name = "n"};
        done = said(LIBRARY(ketch_ring_builder_add(b, &s, &id)));
        ck_assert_uint_eq(id, done ? i : 77);
    }
    ketch_ring_builder_destroy(b);
    return done;
}

static bool
try_build(void *builder)
{
    struct ketch_ring *ring;
    char why[100] = "";
    if (!said(LIBRARY(ketch_ring_builder_build(builder, &ring, why, sizeof(why))))) {
        ck_assert_ptr_null(ring);
        ck_assert_str_eq(why, "out of memory");
        return false;
    }
    ketch_ring_unref(ring);
    return true;
}

static bool
try_parse(void *text)
{
    struct ketch_server_list list;
    bool done = said(LIBRARY(ketch_server_list_parse(text, strlen(text), &list, NULL, 0)));
    ck_assert_uint_eq(list.count, done ? 2 : 0);
    ketch_server_list_free(&list);
    return done;
}

static bool
try_diff(void *rings)
{
    struct ketch_ring **r = rings;
    double moved;
    return said(LIBRARY(ketch_ring_diff(r[0], r[1], &moved)));
}

/* ---- tests ---- */

static const char *
spec_of(int i)
{
    return ketch_ring_preset_name((enum ketch_ring_preset)i);
}

START_TEST(a_builder_survives_each_failure)
{
    char spec[64];
    snprintf(spec, sizeof(spec), "%s", spec_of(_i));
    unsigned before = live;
    for (int all = 0; all < 2; all++) {
        fail_each(try_create, spec, all);
        fail_each(try_fill, spec, all);
        ck_assert_uint_eq(live, before);
    }
}
END_TEST

/* After every failure the same builder goes on as if nothing had been. */
START_TEST(a_build_can_be_tried_again)
{
    unsigned before = live;
    for (int all = 0; all < 2; all++) {
        struct ketch_ring_builder *b = pool_of(spec_of(_i), 7), *untouched = pool_of(spec_of(_i), 7);
        fail_each(try_build, b, all);
        ck_assert_int_eq(ketch_ring_builder_set_live(b, 3, false), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_set_live(untouched, 3, false), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_set_weight(b, 1, 9), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_set_weight(untouched, 1, 9), KETCH_OK);
        fail_each(try_build, b, all);
        struct ketch_ring *ring = pool_finish(b), *other = pool_finish(untouched);
        for (unsigned k = 0; k < 300; k++)
            ck_assert_uint_eq(pool_pick(ring, k), pool_pick(other, k));
        ketch_ring_unref(ring);
        ketch_ring_unref(other);
        ck_assert_uint_eq(live, before);
    }
}
END_TEST

/* Large rings take their memory in another way. */
START_TEST(a_large_build_can_be_tried_again)
{
    unsigned before = live;
    struct ketch_ring_builder *b = pool_of("native:65535", 5);
    fail_each(try_build, b, false);
    ketch_ring_unref(pool_finish(b));
    ck_assert_uint_eq(live, before);
}
END_TEST

START_TEST(lists_and_diffs_survive_too)
{
    char text[] = "a:1\nb:2 n\n";
    unsigned before = live;
    fail_each(try_parse, text, false);
    struct ketch_ring *rings[2] = {pool_finish(pool_of("native", 3)), pool_finish(pool_of("native", 4))};
    fail_each(try_diff, rings, false);
    fail_each(try_diff, rings, true);
    ketch_ring_unref(rings[0]);
    ketch_ring_unref(rings[1]);
    ck_assert_uint_eq(live, before);
}
END_TEST

START_TEST(looking_keys_up_allocates_nothing)
{
    struct ketch_ring *ring = pool_finish(pool_of(spec_of(_i), 7));
    uint32_t ids[7];
    failing = (typeof(failing)){.armed = true, .fail_at = 1, .all = true};
    uint32_t id = ketch_ring_pick(ring, "key", 3);
    size_t count = ketch_ring_walk(ring, "key", 3, ids, 7);
    ketch_ring_pick_many(ring, &(struct ketch_bytes){"key", 3}, 1, ids);
    failing.armed = false;
    ck_assert_uint_eq(failing.calls, 0);
    ck_assert_uint_lt(id, 7);
    ck_assert_uint_eq(count, 7);
    ketch_ring_unref(ring);
}
END_TEST

static void
add_tests(Suite *s)
{
    int presets = 0;
    while (spec_of(presets) != NULL)
        presets++;
    TCase *t = tcase_create("oom");
    tcase_add_loop_test(t, a_builder_survives_each_failure, 0, presets);
    tcase_add_loop_test(t, a_build_can_be_tried_again, 0, presets);
    tcase_add_test(t, a_large_build_can_be_tried_again);
    tcase_add_test(t, lists_and_diffs_survive_too);
    tcase_add_loop_test(t, looking_keys_up_allocates_nothing, 0, presets);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/oom")

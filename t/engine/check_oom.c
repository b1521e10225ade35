/* Memory that cannot be had: each call that asks the system or the arena for some is made to fail in
 * turn.  What fails must say so, leak nothing, and work again later.
 *
 * The linker sends the calls named below through the functions here (--wrap). */
#include "audit.h"
#include "fixture.h"

#include <sys/mman.h>

/* ---- calls that fail ---- */

/* Which call of a kind fails: the fail_at-th from now on, and all after it if fail_on. */
struct failing {
    bool armed;
    bool fail_on;
    uint64_t fail_at;
    uint64_t calls;
    int64_t live; /* allocations and mappings that were not given back */
};

static struct failing of_system, of_pages;

static bool
fails(struct failing *f)
{
    if (!f->armed)
        return false;
    uint64_t call = ++f->calls;
    return call == f->fail_at || (f->fail_on && call > f->fail_at);
}

static void
arm(struct failing *f, uint64_t fail_at, bool fail_on)
{
    *f = (struct failing){.armed = true, .fail_on = fail_on, .fail_at = fail_at};
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void __real_free(void *p);
void *__real_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *p, size_t bytes);
page_no __real_arena_take_page(struct arena *a);
bool __real_arena_take_index_page(struct arena *a);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void __wrap_free(void *p);
void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t bytes);
page_no __wrap_arena_take_page(struct arena *a);
bool __wrap_arena_take_index_page(struct arena *a);

static void *
count_live(void *p)
{
    of_system.live += of_system.armed && p != NULL;
    return p;
}

void *
__wrap_malloc(size_t bytes)
{
    return fails(&of_system) ? NULL : count_live(__real_malloc(bytes));
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return fails(&of_system) ? NULL : count_live(__real_calloc(count, bytes));
}

void *
__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails(&of_system) ? NULL : count_live(__real_aligned_alloc(align, bytes));
}

void
__wrap_free(void *p)
{
    of_system.live -= of_system.armed && p != NULL;
    __real_free(p);
}

void *
__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    if (fails(&of_system))
        return MAP_FAILED;
    void *p = __real_mmap(at, bytes, prot, flags, fd, offset);
    of_system.live += of_system.armed && p != MAP_FAILED;
    return p;
}

int
__wrap_munmap(void *p, size_t bytes)
{
    of_system.live -= of_system.armed;
    return __real_munmap(p, bytes);
}

page_no
__wrap_arena_take_page(struct arena *a)
{
    return fails(&of_pages) ? 0 : __real_arena_take_page(a);
}

bool
__wrap_arena_take_index_page(struct arena *a)
{
    return !fails(&of_pages) && __real_arena_take_index_page(a);
}

/* ---- the system has none ---- */

/* Makes an engine and joins it twice; true if all of that worked. */
static bool
start_and_stop(void)
{
    struct engine_config c = small_config(64 * MIB);
    c.track_sizes = true;
    struct engine *e = engine_create(&c);
    if (e == NULL)
        return false;
    struct engine_thread *one = engine_join(e, ENGINE_EPOCH_S);
    struct engine_thread *two = engine_join(e, ENGINE_EPOCH_S);
    bool ok = one != NULL && two != NULL;
    if (one != NULL && two != NULL)
        engine_offline(two);
    if (one != NULL)
        engine_leave(one);
    if (two != NULL)
        engine_leave(two);
    engine_destroy(e);
    return ok;
}

START_TEST(every_allocation_of_a_start_may_fail)
{
    uint64_t n = 1, failed = 0;
    for (;; n++) {
        arm(&of_system, n, _i == 1);
        bool ok = start_and_stop();
        of_system.armed = false;
        ck_assert_int_eq(of_system.live, 0);
        failed += !ok;
        if (of_system.calls < n)
            break;
        ck_assert_uint_lt(n, 1000);
    }
    ck_assert_uint_ge(n, 8);
    ck_assert_uint_ge(failed, 5);
}
END_TEST

START_TEST(a_start_without_room_to_grow_does_without)
{
    struct engine_config c = small_config(64 * MIB);
    arm(&of_system, 3, false); /* the mapping, after the engine and its sizes */
    struct fixture f = fixture_open(c);
    of_system.armed = false;
    ck_assert(!engine_set_limit(f.e, 128 * MIB));
    ck_assert(engine_set_limit(f.e, 32 * MIB));
    ck_assert_int_eq(put(&f, "k", "v"), ENGINE_OK);
    fixture_close(&f);
}
END_TEST

/* ---- the arena has none ---- */

#define KEYS 4000

static struct span
key_of(uint32_t n, char *room)
{
    return span_of(room, (size_t)sprintf(room, "%u", n));
}

/* Sizes from one byte to three chunks. */
static uint32_t
bytes_of(uint32_t n)
{
    return n % 200 == 0 ? 70 * KIB + n : n * 37 % 1500;
}

/* Stores and reads all keys; without eviction none that was stored may be missing.  Returns how many
 * stores were refused. */
static unsigned
store_and_check(struct fixture *f, const char *value)
{
    unsigned refused = 0;
    char room[16];
    bool stored[KEYS];
    for (uint32_t n = 0; n < KEYS; n++) {
        enum engine_status status =
            put_span(f, key_of(n, room), span_of(value + n, bytes_of(n)));
        MUST(status == ENGINE_OK || status == ENGINE_NO_MEMORY);
        stored[n] = status == ENGINE_OK;
        refused += !stored[n];
    }
    for (uint32_t n = 0; n < KEYS; n++) {
        struct span key = key_of(n, room);
        const struct item *it = engine_get(f->t, hash_of(f, key), key);
        MUST(it == NULL || value_is(f->e, it, span_of(value + n, bytes_of(n))));
        MUST(it != NULL || !stored[n] || f->e->config.evict);
    }
    return refused;
}

static void
delete_all(struct fixture *f)
{
    char room[16];
    for (uint32_t n = 0; n < KEYS; n++)
        drop(f, key_of(n, room));
    fixture_settle(f);
}

static char *
long_value(void)
{
    char *value = malloc(200 * KIB);
    fill_pattern(value, 200 * KIB, 5);
    return value;
}

START_TEST(any_page_may_fail_to_be_had)
{
    char *value = long_value();
    struct engine_config c = small_config(16 * MIB);
    c.evict = _i == 1;
    for (uint64_t n = 1;; n += n < 20 && !SLOW_BUILD ? 1 : 7) {
        struct fixture f = fixture_open(c);
        arm(&of_pages, n, false);
        store_and_check(&f, value);
        of_pages.armed = false;
        struct audit a;
        audit_engine(f.e, &a);
        MUST(store_and_check(&f, value) == 0);
        delete_all(&f);
        audit_empty(f.e);
        fixture_close(&f);
        if (of_pages.calls < n)
            break;
        MUST(n < 2000);
    }
    free(value);
}
END_TEST

START_TEST(all_pages_may_fail_from_any_on)
{
    char *value = long_value();
    struct engine_config c = small_config(16 * MIB);
    c.evict = _i == 1;
    for (uint64_t n = 1; n < 100; n += SLOW_BUILD ? 13 : 3) {
        struct fixture f = fixture_open(c);
        arm(&of_pages, n, true);
        unsigned refused = store_and_check(&f, value);
        MUST(refused > 0 || c.evict || of_pages.calls < n);
        of_pages.armed = false;
        struct audit a;
        audit_engine(f.e, &a);
        delete_all(&f);
        MUST(store_and_check(&f, value) == 0);
        delete_all(&f);
        audit_empty(f.e);
        fixture_close(&f);
    }
    free(value);
}
END_TEST

/* Uploads, appends and increments in a cache of no spare page at all. */
START_TEST(every_way_to_store_survives_an_arena_that_is_dry)
{
    struct engine_config c = small_config(2 * MIB);
    c.evict = _i == 1;
    struct fixture f = fixture_open(c);
    char *value = long_value();
    put(&f, "n", "1");
    put_span(&f, SPAN("long"), span_of(value, 100 * KIB));
    arm(&of_pages, 1, true);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t cas = 0, result;
        struct upload up;
        char *to;
        size_t room;
        store(&f, SPAN("long"), span_of(value, 40 * KIB), ENGINE_APPEND, 0, 0, &cas);
        store(&f, SPAN("long"), span_of(value, 10), ENGINE_PREPEND, 0, 0, &cas);
        arith(&f, "n", false, 1, &result);
        enum engine_status status;
        UNTIL_DONE(&f, status, engine_reserve(f.t, SPAN("up"), 0, 0, 80 * KIB, &up));
        if (status != ENGINE_OK)
            continue;
        for (unsigned piece = 0; piece < 3; piece++) {
            UNTIL_DONE(&f, status, engine_upload_space(f.t, &up, &to, &room));
            if (status == ENGINE_OK)
                engine_upload_filled(&up, room);
        }
        engine_abandon(f.t, &up);
    }
    of_pages.armed = false;
    struct audit a;
    audit_engine(f.e, &a);
    drop(&f, SPAN("n"));
    drop(&f, SPAN("long"));
    fixture_settle(&f);
    audit_empty(f.e);
    free(value);
    fixture_close(&f);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("oom");
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, every_allocation_of_a_start_may_fail, 0, 2);
    tcase_add_test(tc, a_start_without_room_to_grow_does_without);
    tcase_add_loop_test(tc, any_page_may_fail_to_be_had, 0, 2);
    tcase_add_loop_test(tc, all_pages_may_fail_from_any_on, 0, 2);
    tcase_add_loop_test(tc, every_way_to_store_survives_an_arena_that_is_dry, 0, 2);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("engine/oom")

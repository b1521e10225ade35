/* Prefix statistics: what is a prefix, what is counted, what the dump says, and that there is an end. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include "exec/prefix.h"

#define SEED 7

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

/* The dump as a string, from malloc. */
static char *
dump_of(struct prefixes *p)
{
    size_t bytes;
    char *text = prefixes_dump(p, &bytes);
    ck_assert_ptr_nonnull(text);
    char *string = malloc(bytes + 1);
    ck_assert_ptr_nonnull(string);
    memcpy(string, text, bytes);
    string[bytes] = '\0';
    free(text);
    return string;
}

static void
assert_dump(struct prefixes *p, const char *want)
{
    char *text = dump_of(p);
    ck_assert_str_eq(text, want);
    free(text);
}

START_TEST(nothing_counted_is_an_empty_list)
{
    struct prefixes *p = prefixes_create(':', SEED);
    assert_dump(p, "END\r\n");
    prefixes_destroy(p);
}
END_TEST

START_TEST(events_are_counted_by_what_stands_before_the_first_delimiter)
{
    struct prefixes *p = prefixes_create(':', SEED);
    prefixes_count(p, s("user:1"), PREFIX_GET);
    prefixes_count(p, s("user:1"), PREFIX_HIT);
    prefixes_count(p, s("user:2:name"), PREFIX_GET);
    prefixes_count(p, s("user:"), PREFIX_SET);
    prefixes_count(p, s("user:3"), PREFIX_DELETE);
    assert_dump(p, "PREFIX user get 2 hit 1 set 1 del 1\r\nEND\r\n");
    prefixes_destroy(p);
}
END_TEST

START_TEST(keys_without_the_delimiter_are_not_counted)
{
    struct prefixes *p = prefixes_create('/', SEED);
    prefixes_count(p, s("user:1"), PREFIX_GET);
    prefixes_count(p, s("a/b"), PREFIX_SET);
    assert_dump(p, "PREFIX a get 0 hit 0 set 1 del 0\r\nEND\r\n");
    prefixes_destroy(p);
}
END_TEST

START_TEST(a_prefix_may_be_empty_or_hold_any_byte)
{
    struct prefixes *p = prefixes_create(':', SEED);
    prefixes_count(p, s(":x"), PREFIX_GET);
    assert_dump(p, "PREFIX  get 1 hit 0 set 0 del 0\r\nEND\r\n");
    prefixes_clear(p);
    prefixes_count(p, SPAN("%s\x01\0\xff:x"), PREFIX_GET);
    size_t bytes;
    char *text = prefixes_dump(p, &bytes);
    const struct span want = SPAN("PREFIX %s\x01\0\xff get 1 hit 0 set 0 del 0\r\nEND\r\n");
    ck_assert_uint_eq(bytes, want.bytes);
    ck_assert_mem_eq(text, want.p, bytes);
    free(text);
    prefixes_destroy(p);
}
END_TEST

START_TEST(clearing_starts_again)
{
    struct prefixes *p = prefixes_create(':', SEED);
    prefixes_count(p, s("a:1"), PREFIX_GET);
    prefixes_clear(p);
    assert_dump(p, "END\r\n");
    prefixes_count(p, s("a:1"), PREFIX_SET);
    assert_dump(p, "PREFIX a get 0 hit 0 set 1 del 0\r\nEND\r\n");
    prefixes_destroy(p);
}
END_TEST

static size_t
lines_of(const char *text)
{
    size_t lines = 0;
    /* Not with strchr(): a sanitizer may look at the whole rest of the text each time. */
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(there_is_a_limit_and_known_prefixes_are_counted_beyond_it)
{
    struct prefixes *p = prefixes_create(':', SEED);
    char key[32];
    for (unsigned i = 0; i < PREFIXES_MAX + 100; i++) {
        snprintf(key, sizeof key, "prefix-%u:key", i);
        prefixes_count(p, s(key), PREFIX_GET);
    }
    prefixes_count(p, s("prefix-0:key"), PREFIX_HIT);
    char *text = dump_of(p);
    ck_assert_uint_eq(lines_of(text), PREFIXES_MAX + 1);
    ck_assert_ptr_nonnull(strstr(text, "PREFIX prefix-0 get 1 hit 1 set 0 del 0\r\n"));
    ck_assert_ptr_null(strstr(text, "PREFIX prefix-65536 "));
    free(text);
    prefixes_destroy(p);
}
END_TEST

#define THREADS     4
#define PER_THREAD  2000

static void *
count_many(void *arg)
{
    struct prefixes *p = arg;
    char key[32];
    for (unsigned i = 0; i < PER_THREAD; i++) {
        snprintf(key, sizeof key, "p%u:", i % 10);
        prefixes_count(p, s(key), PREFIX_GET);
        if (i % 500 == 0)
            free(dump_of(p));
    }
    return NULL;
}

START_TEST(threads_count_together)
{
    struct prefixes *p = prefixes_create(':', SEED);
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, p), 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    char *text = dump_of(p);
    ck_assert_uint_eq(lines_of(text), 11);
    ck_assert_ptr_nonnull(strstr(text, "PREFIX p7 get 800 hit 0 set 0 del 0\r\n"));
    free(text);
    prefixes_destroy(p);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("prefix");
    tcase_add_test(tc, nothing_counted_is_an_empty_list);
    tcase_add_test(tc, events_are_counted_by_what_stands_before_the_first_delimiter);
    tcase_add_test(tc, keys_without_the_delimiter_are_not_counted);
    tcase_add_test(tc, a_prefix_may_be_empty_or_hold_any_byte);
    tcase_add_test(tc, clearing_starts_again);
    tcase_add_test(tc, there_is_a_limit_and_known_prefixes_are_counted_beyond_it);
    tcase_add_test(tc, threads_count_together);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("exec/prefix")

/* What ketch-replay reads, makes up and puts in order. */
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/attr.h"
#include "replay/generate.h"
#include "replay/keymap.h"
#include "replay/order.h"
#include "replay/trace.h"

static struct span
text(const char *s)
{
    return span_of(s, strlen(s));
}

static bool
parse_csv(struct trace *t, const char *csv)
{
    *t = (struct trace){0};
    return trace_parse_csv(t, text(csv), "test");
}

static void
assert_request(const struct trace *t, size_t i, uint32_t object, uint32_t bytes, uint32_t ttl_s)
{
    ck_assert_uint_lt(i, t->count);
    ck_assert_uint_eq(t->requests[i].object, object);
    ck_assert_uint_eq(t->requests[i].bytes, bytes);
    ck_assert_uint_eq(t->requests[i].ttl_s, ttl_s);
}

/* ---- CSV ---- */

START_TEST(csv_keys_are_numbered_by_first_use)
{
    struct trace t;
    ck_assert(
        parse_csv(&t, "key,size,ttl\r\nb,100\r\n# a remark, with commas\r\na,7,60\r\n\r\nb,0,0"));
    ck_assert_uint_eq(t.count, 3);
    ck_assert_uint_eq(t.objects, 2);
    assert_request(&t, 0, 0, 100, 0);
    assert_request(&t, 1, 1, 7, 60);
    assert_request(&t, 2, 0, 0, 0);
    trace_fini(&t);
}
END_TEST

START_TEST(csv_column_names_are_data_but_in_the_first_line)
{
    struct trace t;
    ck_assert(!parse_csv(&t, "a,1\nkey,size\n"));
    trace_fini(&t);
}
END_TEST

START_TEST(csv_lines_that_are_no_requests_are_refused)
{
    const char *bad[] = {"",
                         "\n",
                         "a\n",
                         ",1\n",
                         "a,\n",
                         "a,x\n",
                         "a,-1\n",
                         "a,1,\n",
                         "a,1,x\n",
                         "a,1,2,3\n",
                         "a,99999999999\n",
                         "a,67108865\n",
                         "a,1\nb\n",
                         "# nothing\n"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct trace t;
        ck_assert_msg(!parse_csv(&t, bad[i]), "accepted '%s'", bad[i]);
        trace_fini(&t);
    }
}
END_TEST

START_TEST(csv_keys_have_a_limit)
{
    char line[TRACE_KEY_BYTES_MAX + 10];
    struct trace t;
    memset(line, 'k', sizeof(line));
    strcpy(line + TRACE_KEY_BYTES_MAX, ",1\n");
    ck_assert(parse_csv(&t, line));
    trace_fini(&t);
    strcpy(line + TRACE_KEY_BYTES_MAX, "k,1\n");
    ck_assert(!parse_csv(&t, line));
    trace_fini(&t);
}
END_TEST

START_TEST(many_keys_keep_their_numbers)
{
    enum { KEYS = 20000 };
    static char keys[KEYS][8];
    struct keymap m;
    keymap_init(&m, 5);
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof(keys[i]), "k%u", i);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < KEYS; i++)
            if (keymap_number(&m, text(keys[i])) != 5 + i)
                ck_abort_msg("round %u, key %u", round, i);
    keymap_fini(&m);
}
END_TEST

/* ---- binary ---- */

START_TEST(binary_traces_are_little_endian_halves)
{
    const char bytes[] = "\0\0\0\0\1\0\0\0\0\0\0\0"
                         "\x2c\1\0\0\0\0\1\0\0\0\0\0";
    struct trace t = {0};
    ck_assert(trace_parse_binary(&t, span_of(bytes, 24), "test"));
    ck_assert_uint_eq(t.count, 3);
    ck_assert_uint_eq(t.objects, 2);
    assert_request(&t, 0, 0, 300, 0);
    assert_request(&t, 1, 1, 65536, 0);
    assert_request(&t, 2, 0, 0, 0);
    trace_fini(&t);
}
END_TEST

START_TEST(binary_traces_that_are_none_are_refused)
{
    const struct span bad[] = {
        SPAN(""),
        SPAN("1234567"),
        SPAN("\0\0\0\0\0\0\0\0\0"),
        SPAN("\1\0\0\0\0\0\0\0"),                 /* the first object is 0 */
        SPAN("\0\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0"), /* and the next new one 1 */
        SPAN("\0\0\0\0\1\0\0\4"),                 /* of more than 64 MiB */
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct trace t = {0};
        ck_assert_msg(!trace_parse_binary(&t, bad[i], "test"), "accepted trace %zu", i);
        trace_fini(&t);
    }
}
END_TEST

START_TEST(a_cut_trace_has_only_the_objects_of_its_start)
{
    struct trace t;
    ck_assert(parse_csv(&t, "a,1\nb,1\na,1\nc,1\n"));
    trace_cut(&t, 3);
    ck_assert_uint_eq(t.count, 3);
    ck_assert_uint_eq(t.objects, 2);
    trace_cut(&t, 10);
    ck_assert_uint_eq(t.count, 3);
    trace_fini(&t);
}
END_TEST

/* ---- generators ---- */

static void
make(struct trace *t, enum generator g, uint64_t seed)
{
    static struct sizes sizes = {.shape = SIZES_RANGE, .low = 50, .high = 100};
    struct recipe recipe = {.generator = g,
                            .seed = seed,
                            .requests = 50000,
                            .objects = 1000,
                            .exponent = 0.9,
                            .churn = 0.01,
                            .value_bytes = &sizes,
                            .key_bytes = 30};
    *t = (struct trace){0};
    generate(t, &recipe);
    ck_assert_uint_eq(t->count, 50000);
}

static bool
same(const struct trace *a, const struct trace *b)
{
    return a->count == b->count &&
           memcmp(a->requests, b->requests, a->count * sizeof(*a->requests)) == 0;
}

START_TEST(the_same_seed_makes_the_same_requests)
{
    for (enum generator g = GENERATE_ZIPF; g < GENERATORS; g++) {
        struct trace first, again, other;
        make(&first, g, 42);
        make(&again, g, 42);
        make(&other, g, 43);
        ck_assert_msg(same(&first, &again), "%s with the same seed", generate_name(g));
        ck_assert_msg(!same(&first, &other), "%s with another seed", generate_name(g));
        trace_fini(&first);
        trace_fini(&again);
        trace_fini(&other);
    }
}
END_TEST

START_TEST(generated_objects_are_numbered_by_first_use)
{
    for (enum generator g = GENERATE_ZIPF; g < GENERATORS; g++) {
        struct trace t;
        uint32_t next = 0;
        make(&t, g, 7);
        for (size_t i = 0; i < t.count; i++) {
            if (t.requests[i].object > next)
                ck_abort_msg("%s, request %zu", generate_name(g), i);
            next += t.requests[i].object == next;
        }
        ck_assert_uint_eq(next, t.objects);
        trace_fini(&t);
    }
}
END_TEST

/* Churn of 0.01 over 50,000 requests replaces a thousand objects about 500 times. */
START_TEST(churn_brings_new_objects)
{
    struct trace t;
    make(&t, GENERATE_ZIPF, 7);
    ck_assert_uint_gt(t.objects, 1100);
    ck_assert_uint_le(t.objects, 1600);
    trace_fini(&t);
}
END_TEST

START_TEST(shifting_sizes_grow_and_shrink_in_steps)
{
    struct trace t;
    uint32_t most[5] = {0};
    make(&t, GENERATE_SHIFT, 7);
    for (size_t i = 0; i < t.count; i++) {
        uint32_t *m = &most[i * 5 / t.count];
        *m = t.requests[i].bytes > *m ? t.requests[i].bytes : *m;
    }
    ck_assert_uint_le(most[0], 130);
    ck_assert_uint_gt(most[1], 300);
    ck_assert_uint_le(most[1], 430);
    ck_assert_uint_gt(most[2], 1400);
    ck_assert_uint_le(most[2], 1630);
    trace_fini(&t);
}
END_TEST

/* The last fifth of each 500 requests: a hundred objects that occur once in it. */
START_TEST(scans_ask_for_one_object_after_the_other)
{
    struct trace t;
    make(&t, GENERATE_SCAN, 7);
    for (size_t i = 401; i < 500; i++)
        ck_assert_uint_eq(t.requests[i].object, t.requests[i - 1].object + 1);
    for (size_t i = 400; i < 500; i++) /* the whole turn is ten scans long */
        ck_assert_uint_eq(t.requests[i + 5000].object, t.requests[i].object);
    trace_fini(&t);
}
END_TEST

/* ---- order ---- */

struct arrangement {
    struct trace trace;
    struct sizes key_bytes;
    struct sizes value_bytes;
    struct order order;
};

static void
arrange(struct arrangement *a, const char *csv, uint32_t copies, uint32_t cap)
{
    ck_assert(parse_csv(&a->trace, csv));
    a->key_bytes = (struct sizes){.shape = SIZES_RANGE, .low = 10, .high = 10};
    a->value_bytes = (struct sizes){.shape = SIZES_RANGE, .low = 1, .high = 1000000};
    a->order = (struct order){.trace = &a->trace,
                              .value_bytes = &a->value_bytes,
                              .copies = copies,
                              .value_bytes_max = cap,
                              .count = (uint64_t)a->trace.count * copies,
                              .objects = a->trace.objects * copies};
    ck_assert(keyspace_init(&a->order.keys, a->order.objects, &a->key_bytes, "k"));
}

static struct order_request
next(struct arrangement *a)
{
    struct order_request r;
    char key[KEY_BYTES_MAX];
    ck_assert(order_next(&a->order, &r, key));
    return r;
}

START_TEST(copies_have_keys_of_their_own_and_begin_elsewhere)
{
    struct arrangement a;
    arrange(&a, "a,11\nb,12\nc,13\nd,14\n", 2, 1000);
    const uint32_t wanted[] = {0, 4 + 2, 1, 4 + 3, 2, 4 + 0, 3, 4 + 1};
    for (unsigned round = 0; round < 2; round++) {
        struct order_request r;
        char key[KEY_BYTES_MAX];
        for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
            r = next(&a);
            ck_assert_uint_eq(r.number, wanted[i]);
            ck_assert_uint_eq(r.key_bytes, 10);
            ck_assert_uint_eq(r.value_bytes, 1 + wanted[i] % 4);
        }
        ck_assert(!order_next(&a.order, &r, key));
        order_rewind(&a.order);
    }
    trace_fini(&a.trace);
}
END_TEST

/* It would be a moment of 1970. */
START_TEST(no_ttl_is_taken_for_a_date)
{
    struct arrangement a;
    arrange(&a, "a,11\nb,12,60\nc,13,2592000\nd,14,2592001\ne,15,4294967295\n", 1, 1000);
    static const uint32_t wanted_s[] = {0, 60, 2592000, 2592000, 2592000};
    for (size_t i = 0; i < ARRAY_COUNT(wanted_s); i++)
        ck_assert_uint_eq(next(&a).ttl_s, wanted_s[i]);
    trace_fini(&a.trace);
}
END_TEST

START_TEST(sizes_are_cut_at_the_cap_and_at_nothing)
{
    struct arrangement a;
    arrange(&a, "a,11\nb,5\nc,5000\n", 1, 1000);
    ck_assert_uint_eq(next(&a).value_bytes, 1);
    ck_assert_uint_eq(next(&a).value_bytes, 0);
    ck_assert_uint_eq(next(&a).value_bytes, 1000);
    trace_fini(&a.trace);
}
END_TEST

START_TEST(an_object_without_a_size_always_gets_the_same)
{
    struct arrangement a;
    arrange(&a, "a,0\nb,0\na,0\n", 1, 1000000);
    uint32_t first = next(&a).value_bytes;
    ck_assert_uint_ne(next(&a).value_bytes, first);
    ck_assert_uint_eq(next(&a).value_bytes, first);
    trace_fini(&a.trace);
}
END_TEST

START_TEST(the_sum_counts_each_object_once)
{
    struct arrangement a;
    struct order_sum sum, other;
    arrange(&a, "a,20\nb,30\na,20\n", 3, 1000);
    order_add_up(&a.order, &sum);
    ck_assert_uint_eq(sum.requests, 9);
    ck_assert_uint_eq(sum.objects, 6);
    ck_assert_uint_eq(sum.object_bytes, 150);
    ck_assert_uint_eq(sum.request_bytes, 210);
    trace_fini(&a.trace);
    arrange(&a, "a,20\nb,30\na,20,1\n", 3, 1000);
    order_add_up(&a.order, &other);
    ck_assert(sum.checksum != other.checksum);
    trace_fini(&a.trace);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *csv = tcase_create("csv");
    tcase_add_test(csv, csv_keys_are_numbered_by_first_use);
    tcase_add_test(csv, csv_column_names_are_data_but_in_the_first_line);
    tcase_add_test(csv, csv_lines_that_are_no_requests_are_refused);
    tcase_add_test(csv, csv_keys_have_a_limit);
    tcase_add_test(csv, many_keys_keep_their_numbers);
    suite_add_tcase(suite, csv);
    TCase *binary = tcase_create("binary");
    tcase_add_test(binary, binary_traces_are_little_endian_halves);
    tcase_add_test(binary, binary_traces_that_are_none_are_refused);
    tcase_add_test(binary, a_cut_trace_has_only_the_objects_of_its_start);
    suite_add_tcase(suite, binary);
    TCase *generators = tcase_create("generators");
    tcase_add_test(generators, the_same_seed_makes_the_same_requests);
    tcase_add_test(generators, generated_objects_are_numbered_by_first_use);
    tcase_add_test(generators, churn_brings_new_objects);
    tcase_add_test(generators, shifting_sizes_grow_and_shrink_in_steps);
    tcase_add_test(generators, scans_ask_for_one_object_after_the_other);
    suite_add_tcase(suite, generators);
    TCase *order = tcase_create("order");
    tcase_add_test(order, copies_have_keys_of_their_own_and_begin_elsewhere);
    tcase_add_test(order, no_ttl_is_taken_for_a_date);
    tcase_add_test(order, sizes_are_cut_at_the_cap_and_at_nothing);
    tcase_add_test(order, an_object_without_a_size_always_gets_the_same);
    tcase_add_test(order, the_sum_counts_each_object_once);
    suite_add_tcase(suite, order);
}

SUITE_MAIN("tools/replay")

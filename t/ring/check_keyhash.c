/* Hashes: what other implementations say, and that no way to call them changes an answer. */
#include "suite.h"
#include <stdio.h>
#include <string.h>
#include "hash_answers.h"
#include "ring/bucket.h"
#include "ring/crc.h"
#include "ring/jenkins.h"
#include "ring/murmur.h"
#include "ring/utf8.h"
#include "ring/xxh3.h"

enum { ANSWERS = sizeof answers / sizeof answers[0] };

START_TEST(every_hash_gives_what_others_give)
{
    const struct answer *a = &answers[_i];
    for (size_t k = 0; k < ANSWER_KEYS; k++) {
        uint32_t got = ring_hash(a->hash, answer_keys[k].p, answer_keys[k].bytes);
        ck_assert_msg(got == a->of_key[k], "%s of key %zu: 0x%08x instead of 0x%08x",
                      ring_hash_name(a->hash), k, got, a->of_key[k]);
        ck_assert_uint_le(got, ring_hash_max(a->hash));
    }
}
END_TEST

START_TEST(there_is_an_answer_for_every_hash_and_each_has_a_name)
{
    ck_assert_int_eq(ANSWERS, RING_HASH_COUNT);
    for (unsigned i = 0; i < RING_HASH_COUNT; i++) {
        ck_assert_uint_eq(answers[i].hash, i);
        ck_assert_ptr_nonnull(ring_hash_name((enum ring_hash)i));
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(ring_hash_name((enum ring_hash)i),
                             ring_hash_name((enum ring_hash)j));
    }
    ck_assert_ptr_null(ring_hash_name(RING_HASH_COUNT));
}
END_TEST

START_TEST(many_keys_at_once_have_the_answers_of_one_key)
{
    const struct answer *a = &answers[_i];
    for (size_t first = 0; first < ANSWER_KEYS; first++) {
        uint32_t got[ANSWER_KEYS + 1];
        size_t count = ANSWER_KEYS - first;
        memset(got, 0xa5, sizeof got);
        ring_hash_many(a->hash, answer_keys + first, count, got);
        ck_assert_mem_eq(got, a->of_key + first, count * sizeof got[0]);
        ck_assert_uint_eq(got[count], 0xa5a5a5a5);
    }
}
END_TEST

/* The address of a key must not matter; malloc'd to its size, ASan sees a load outside of it. */
START_TEST(keys_may_begin_anywhere)
{
    const struct answer *a = &answers[_i];
    for (size_t shift = 0; shift < 9; shift++)
        for (size_t k = 0; k < ANSWER_KEYS; k++) {
            size_t bytes = answer_keys[k].bytes;
            char *copy = malloc(shift + bytes + (shift + bytes == 0));
            ck_assert_ptr_nonnull(copy);
            memcpy(copy + shift, answer_keys[k].p, bytes);
            ck_assert_uint_eq(ring_hash(a->hash, copy + shift, bytes), a->of_key[k]);
            free(copy);
        }
}
END_TEST

START_TEST(a_crc_goes_on_where_another_ended)
{
    static const char text[] = "10.0.1.1\00011211";
    for (size_t cut = 0; cut <= sizeof text; cut++)
        ck_assert_uint_eq(crc32_ieee_more(crc32_ieee(text, cut), text + cut, sizeof text - cut),
                          crc32_ieee(text, sizeof text));
}
END_TEST

START_TEST(murmur3_does_not_mind_how_its_bytes_come)
{
    static const char text[] = "10.0.1.1:11211-user:42:profile";
    for (size_t bytes = 0; bytes < sizeof text; bytes++)
        for (size_t cut = 0; cut <= bytes; cut++) {
            struct murmur3 m;
            murmur3_start(&m, UINT32_C(0xdeadbeef) * (uint32_t)bytes);
            murmur3_add(&m, text, cut);
            murmur3_add_code_points(&m, text + cut, bytes - cut);
            ck_assert_uint_eq(murmur3_end(&m), ring_hash(RING_HASH_MURMUR3, text, bytes));
        }
}
END_TEST

/* As pymemcache 3.5.2 does: murmur3_32("h:1-" and the str). */
START_TEST(murmur3_takes_the_low_byte_of_each_character)
{
    struct murmur3 m;
    murmur3_start(&m, 0);
    murmur3_add(&m, "h:1-", 4);
    murmur3_add_code_points(&m, "caf\303\251:\342\202\254:\360\237\230\200", 14);
    ck_assert_uint_eq(murmur3_end(&m), PYMEMCACHE_ANSWER);
}
END_TEST

START_TEST(broken_utf8_is_replaced_as_java_and_python_do)
{
    static const struct {
        const char *text;
        size_t points;
        uint32_t expected[8];
    } cases[] = {
        {"a\303\251\342\202\254\360\237\230\200", 4, {'a', 0xe9, 0x20ac, 0x1f600}},
        {"\200\277", 2, {0xfffd, 0xfffd}},                       /* nothing to continue */
        {"\300\257", 2, {0xfffd, 0xfffd}},                       /* too long a form */
        {"\340\200\257", 3, {0xfffd, 0xfffd, 0xfffd}},           /* another one */
        {"\355\240\200", 3, {0xfffd, 0xfffd, 0xfffd}},           /* a surrogate */
        {"\364\220\200\200", 4, {0xfffd, 0xfffd, 0xfffd, 0xfffd}}, /* behind the last character */
        {"\360\237\230x", 2, {0xfffd, 'x'}},                     /* cut by a character */
        {"\360\237\230", 1, {0xfffd}},                           /* cut by the end */
        {"\303", 1, {0xfffd}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *p = (const uint8_t *)cases[i].text, *end = p + strlen(cases[i].text);
        size_t points = 0;
        for (; p < end; points++)
            ck_assert_uint_eq(utf8_next(&p, end), cases[i].expected[points]);
        ck_assert_uint_eq(points, cases[i].points);
    }
}
END_TEST

/* Made with models in Python of MurmurHash64A, SpookyHash V2, furc_hash and jump hash, which give
 * what mcrouter's and memcached's own sources do. */
START_TEST(the_hashes_of_64_bits_give_what_others_give)
{
    for (size_t i = 0; i < ANSWER_KEYS; i++) {
        const void *p = answer_keys[i].p;
        size_t bytes = answer_keys[i].bytes;
        ck_assert_uint_eq(murmur64a(p, bytes, 4193360111), wide_answers[i].murmur64a);
        ck_assert_uint_eq(jenkins_spooky32(p, bytes, 0xface2014), wide_answers[i].spooky32);
        ck_assert_uint_eq(xxh3_64(p, bytes, 0), wide_answers[i].xxh3);
        ck_assert_uint_eq(bucket_furc(p, bytes, 7), wide_answers[i].furc_7);
        ck_assert_uint_eq(bucket_furc(p, bytes, 1000), wide_answers[i].furc_1000);
        ck_assert_uint_eq(bucket_jump(wide_answers[i].xxh3, 7), wide_answers[i].jump_7);
        ck_assert_uint_eq(bucket_jump(wide_answers[i].xxh3, 1000), wide_answers[i].jump_1000);
        ck_assert_uint_eq(murmur64_pair(wide_answers[i].murmur64a, wide_answers[i].xxh3),
                          wide_answers[i].pair);
    }
    ck_assert_uint_eq(murmur64a_of_u64(UINT64_C(0x6867666564636261), 5),
                      murmur64a("abcdefgh", 8, 5));
}
END_TEST

START_TEST(one_bucket_takes_all_and_none_is_zero)
{
    for (uint32_t buckets = 0; buckets < 2; buckets++) {
        ck_assert_uint_eq(bucket_jump(UINT64_C(0x123456789abcdef), buckets), 0);
        ck_assert_uint_eq(bucket_furc("abc", 3, buckets), 0);
    }
}
END_TEST

START_TEST(another_bucket_at_the_end_moves_keys_only_there)
{
    for (uint32_t buckets = 1; buckets < 200; buckets++)
        for (unsigned i = 0; i < 100; i++) {
            char key[32];
            size_t bytes = (size_t)snprintf(key, sizeof key, "key-%u", i);
            uint64_t hash = xxh3_64(key, bytes, 0);
            uint32_t before = bucket_jump(hash, buckets), after = bucket_jump(hash, buckets + 1);
            ck_assert(after == before || after == buckets);
            before = bucket_furc(key, bytes, buckets);
            after = bucket_furc(key, bytes, buckets + 1);
            ck_assert(after == before || after == buckets);
        }
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("keyhash");
    tcase_add_loop_test(t, every_hash_gives_what_others_give, 0, ANSWERS);
    tcase_add_test(t, there_is_an_answer_for_every_hash_and_each_has_a_name);
    tcase_add_loop_test(t, many_keys_at_once_have_the_answers_of_one_key, 0, ANSWERS);
    tcase_add_loop_test(t, keys_may_begin_anywhere, 0, ANSWERS);
    tcase_add_test(t, a_crc_goes_on_where_another_ended);
    tcase_add_test(t, murmur3_does_not_mind_how_its_bytes_come);
    tcase_add_test(t, murmur3_takes_the_low_byte_of_each_character);
    tcase_add_test(t, broken_utf8_is_replaced_as_java_and_python_do);
    tcase_add_test(t, the_hashes_of_64_bits_give_what_others_give);
    tcase_add_test(t, one_bucket_takes_all_and_none_is_zero);
    tcase_add_test(t, another_bucket_at_the_end_moves_keys_only_there);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/keyhash")

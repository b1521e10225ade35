/* MD5: the answers are those of Python's hashlib, one key at a time and in batches by every path that
 * this machine can take. */
#include "suite.h"
#include <stdio.h>
#include <string.h>
#include "ring/md5.h"
#include "ring/md5_path.h"

enum { KEY_MAX_BYTES = 1100, BATCH_MAX = 700 };

/* The key of n bytes that answers are known for: byte i is 7 i + n. */
static void
make_key(uint8_t *key, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        key[i] = (uint8_t)(7 * i + bytes);
}

static const struct {
    size_t bytes;
    uint32_t words[4];
} answers[] = {
    {0, {0xd98c1dd4, 0x04b2008f, 0x980980e9, 0x7e42f8ec}},
    {1, {0x0840a555, 0x89a51bad, 0x260d21aa, 0x41dfc129}},
    {3, {0x81e4aec9, 0x86ef2305, 0x8d1b1258, 0x416b2c49}},
    {4, {0xa3ce317b, 0x48e5d475, 0x13d505ef, 0x329b0c71}},
    {7, {0x4d38f5ad, 0xfee6a0cd, 0x8ec7a87d, 0x6dafea48}},
    {8, {0x4dc05e91, 0x48cc1886, 0x6ce539a2, 0xbafcc2bc}},
    {9, {0x03822a76, 0x69703866, 0x9eb4ad5c, 0x841e7abe}},
    {15, {0x6d34b17f, 0x72012f8b, 0x371e5753, 0xc0ea794e}},
    {16, {0x183ddb2b, 0x5b27c361, 0x12c2b58a, 0xb35d8d3a}},
    {21, {0x3baad2b1, 0xe1106d04, 0x76b8d063, 0x1de6a7cf}},
    {54, {0x66fcc0c6, 0x537f5f2f, 0x67d29b20, 0x6256346b}},
    {55, {0x329728f1, 0x75183525, 0x2ab6220e, 0x48171a57}},
    {56, {0x9f3b9e17, 0x3ea272a2, 0xbd328b2a, 0x145401e1}},
    {57, {0x9aa5f0d5, 0x16d8d6a9, 0xfb54374d, 0x0978f691}},
    {63, {0x455978dd, 0x7eb8d6d1, 0x6d270dca, 0xfd5687bb}},
    {64, {0x4c39abe3, 0xa07debe4, 0x2e7da220, 0x3c144324}},
    {65, {0xf9b0a628, 0xa0aed918, 0x169a973e, 0xf6d0d857}},
    {119, {0x532097d4, 0x316a380a, 0xdcc0ea91, 0xbdd10d84}},
    {120, {0x0400448a, 0x6a2869b5, 0x2922c742, 0xa6c5e15c}},
    {121, {0xf029631f, 0x7620b66f, 0x8b27f2be, 0x0fe60770}},
    {127, {0x5834d036, 0xe645a7e8, 0x22f0fc1a, 0x126e8257}},
    {128, {0xca29cc52, 0x8093fdec, 0x801a26a2, 0x87678ec5}},
    {129, {0xc1eaa50f, 0x878f495b, 0x9c809494, 0xc79f9374}},
    {183, {0x5825f5e9, 0x7d224591, 0x47ad5739, 0x4a74c959}},
    {184, {0x99fc126b, 0x7a2f0a08, 0x4aac266c, 0x870fb040}},
    {250, {0x1af2e6ab, 0xdba6170a, 0xe6d11030, 0xcb68c0c9}},
    {1000, {0x8d96b2c3, 0x4538e034, 0x82c8145d, 0x93e15671}},
};

/* Of the words of the keys of 0..599 bytes: sum = sum * 31 + word. */
#define SUM_OF_600_KEYS 0xc65ef216u

START_TEST(a_key_has_the_digest_that_hashlib_gives)
{
    uint8_t key[KEY_MAX_BYTES];
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        uint32_t words[4];
        make_key(key, answers[i].bytes);
        md5_words(key, answers[i].bytes, words);
        ck_assert_mem_eq(words, answers[i].words, sizeof words);
        ck_assert_uint_eq(md5_word0(key, answers[i].bytes), words[0]);
    }
}
END_TEST

START_TEST(so_have_keys_of_all_lengths)
{
    uint8_t key[KEY_MAX_BYTES];
    uint32_t sum = 0;
    for (size_t bytes = 0; bytes < 600; bytes++) {
        uint32_t words[4];
        make_key(key, bytes);
        md5_words(key, bytes, words);
        ck_assert_uint_eq(md5_word0(key, bytes), words[0]);
        for (unsigned i = 0; i < 4; i++)
            sum = sum * 31 + words[i];
    }
    ck_assert_uint_eq(sum, SUM_OF_600_KEYS);
}
END_TEST

/* A batch of keys, each in memory of its own size, so that ASan sees a load outside of it. */
struct batch {
    struct ketch_bytes keys[BATCH_MAX];
    void *memory[BATCH_MAX];
    uint32_t words[BATCH_MAX][4]; /* what one key at a time gives */
    size_t count;
};

static uint64_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

static void
add_key(struct batch *b, size_t bytes, size_t shift, uint64_t *random)
{
    uint8_t *memory = malloc(shift + bytes + (shift + bytes == 0));
    ck_assert_ptr_nonnull(memory);
    for (size_t i = 0; i < bytes; i++)
        memory[shift + i] = (uint8_t)next_random(random);
    md5_words(memory + shift, bytes, b->words[b->count]);
    b->memory[b->count] = memory;
    b->keys[b->count++] = (struct ketch_bytes){memory + shift, bytes};
}

static void
end_batch(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        free(b->memory[i]);
    b->count = 0;
}

/* The path answers like md5_words(), and writes nothing behind the answers. */
static void
check_batch(const struct md5_path *path, const struct batch *b)
{
    static const uint32_t untouched = 0x5a5a5a5a;
    uint32_t word0[BATCH_MAX + 1], words[BATCH_MAX + 1][4];
    memset(word0, 0x5a, sizeof word0);
    memset(words, 0x5a, sizeof words);
    path->word0_many(b->keys, b->count, word0);
    path->words_many(b->keys, b->count, words);
    for (size_t i = 0; i < b->count; i++) {
        ck_assert_msg(word0[i] == b->words[i][0], "%s: key %zu of %zu, of %zu bytes", path->name, i,
                      b->count, b->keys[i].bytes);
        ck_assert_msg(memcmp(words[i], b->words[i], sizeof words[i]) == 0,
                      "%s, all words: key %zu of %zu, of %zu bytes", path->name, i, b->count,
                      b->keys[i].bytes);
    }
    ck_assert_uint_eq(word0[b->count], untouched);
    ck_assert_uint_eq(words[b->count][0], untouched);
}

static void
check_on_all_paths(const struct batch *b)
{
    for (const struct md5_path *const *path = md5_paths; *path != NULL; path++)
        if ((*path)->usable())
            check_batch(*path, b);
}

START_TEST(every_path_takes_every_number_of_keys)
{
    struct batch b = {.count = 0};
    uint64_t random = 1;
    check_on_all_paths(&b);
    for (size_t count = 1; count < 300; count++) {
        add_key(&b, next_random(&random) % 56, next_random(&random) % 16, &random);
        check_on_all_paths(&b);
    }
    end_batch(&b);
}
END_TEST

START_TEST(every_path_takes_every_length)
{
    struct batch b = {.count = 0};
    uint64_t random = 2;
    for (size_t bytes = 0; bytes < BATCH_MAX; bytes++)
        add_key(&b, bytes, bytes % 16, &random);
    check_on_all_paths(&b);
    end_batch(&b);
    for (size_t bytes = 0; bytes < 200; bytes++) {
        for (size_t i = 0; i < 70; i++)
            add_key(&b, bytes, i % 16, &random);
        check_on_all_paths(&b);
        end_batch(&b);
    }
}
END_TEST

/* How mixed the lengths are decides how the lanes are filled. */
START_TEST(every_path_takes_mixed_lengths)
{
    static const unsigned long_percent[] = {0, 1, 5, 20, 50, 90, 100};
    struct batch b = {.count = 0};
    uint64_t random = (uint64_t)_i;
    for (size_t mix = 0; mix < sizeof long_percent / sizeof long_percent[0]; mix++)
        for (unsigned round = 0; round < 10; round++) {
            size_t count = 1 + next_random(&random) % (BATCH_MAX - 1);
            if (round < 7)
                count = count % 80 + 1;
            for (size_t i = 0; i < count; i++) {
                bool is_long = next_random(&random) % 100 < long_percent[mix];
                size_t bytes = next_random(&random) % 56;
                if (is_long)
                    bytes = 56 + next_random(&random) % (round % 2 == 0 ? 195 : KEY_MAX_BYTES);
                add_key(&b, bytes, next_random(&random) % 16, &random);
            }
            check_on_all_paths(&b);
            end_batch(&b);
        }
}
END_TEST

START_TEST(the_batch_that_everybody_calls_takes_one_of_the_paths)
{
    struct batch b = {.count = 0};
    uint64_t random = 4;
    uint32_t word0[BATCH_MAX], words[BATCH_MAX][4];
    for (size_t i = 0; i < 100; i++)
        add_key(&b, next_random(&random) % 100, 0, &random);
    md5_word0_many(b.keys, b.count, word0);
    md5_words_many(b.keys, b.count, words);
    for (size_t i = 0; i < b.count; i++) {
        ck_assert_uint_eq(word0[i], b.words[i][0]);
        ck_assert_mem_eq(words[i], b.words[i], sizeof words[i]);
    }
    end_batch(&b);
}
END_TEST

START_TEST(the_last_path_is_one_for_every_machine)
{
    size_t count = 0;
    while (md5_paths[count] != NULL)
        count++;
    ck_assert_uint_gt(count, 0);
    ck_assert(md5_paths[count - 1]->usable());
    for (size_t i = 0; i < count; i++)
        printf("%s: %s\n", md5_paths[i]->name, md5_paths[i]->usable() ? "tested" : "not here");
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("md5");
    tcase_add_test(t, a_key_has_the_digest_that_hashlib_gives);
    tcase_add_test(t, so_have_keys_of_all_lengths);
    tcase_add_test(t, every_path_takes_every_number_of_keys);
    tcase_add_test(t, every_path_takes_every_length);
    tcase_add_loop_test(t, every_path_takes_mixed_lengths, 10, 13);
    tcase_add_test(t, the_batch_that_everybody_calls_takes_one_of_the_paths);
    tcase_add_test(t, the_last_path_is_one_for_every_machine);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/md5")

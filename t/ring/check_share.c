/* Shares by weight: what the processor's own binary32 says, for every pool of up to 1000 servers. */
#include "suite.h"

#include <stdbool.h>
#include <stdint.h>
#include "ring/share.h"

/* Every step goes through memory, so that the compiler can neither fuse nor reorder nor widen it. */
static uint32_t
libmemcached(uint32_t weight, uint64_t total, uint32_t count)
{
    volatile float w = (float)weight, t = (float)total, n = (float)count, tiny = 1e-10f;
    volatile float part = w / t;
    volatile float points = part * 160.0f;
    volatile float hashes = points / 4.0f;
    volatile float all = hashes * n;
    volatile float more = all + tiny;
    return 4 * (uint32_t)more;
}

static uint32_t
libketama(uint32_t weight, uint64_t total, uint32_t count)
{
    volatile float w = (float)weight, t = (float)total, n = (float)count;
    volatile float part = w / t;
    volatile double hashes = (double)part * 40.0;
    volatile double all = hashes * (double)n;
    volatile float rounded = (float)all;
    return 4 * (uint32_t)rounded;
}

static void
compare(uint32_t weight, uint64_t total, uint32_t count)
{
    /* Check's assertions take longer than what they would assert here. */
    if (share_libmemcached(weight, total, count, 160) != libmemcached(weight, total, count))
        ck_abort_msg("libmemcached: weight %u of %llu, %u servers", weight, (unsigned long long)total,
                     count);
    if (share_libketama(weight, total, count, 160) != libketama(weight, total, count))
        ck_abort_msg("libketama: weight %u of %llu, %u servers", weight, (unsigned long long)total,
                     count);
}

START_TEST(equal_servers_have_the_share_of_binary32)
{
    for (uint32_t n = 1; n <= 1000; n++)
        for (uint32_t weight = 1; weight <= 40; weight++)
            compare(weight, (uint64_t)n * weight, n);
}
END_TEST

START_TEST(weights_have_the_share_of_binary32)
{
    for (uint32_t n = 2; n <= 1000; n += n < 40 ? 1 : 37)
        for (uint32_t total = n; total <= 3000; total += 7)
            for (uint32_t weight = 1; weight + n - 1 <= total; weight += 1 + weight / 8)
                compare(weight, total, n);
}
END_TEST

START_TEST(weights_beyond_24_bits_are_rounded_too)
{
    uint64_t x = 88172645463325252u; /* a sequence of xorshift's */
    for (int i = 0; i < 300000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint32_t weight = (uint32_t)x >> (x >> 59);
        uint32_t n = 1 + (uint32_t)(x >> 32) % 65535;
        weight += weight == 0;
        compare(weight, weight + (uint64_t)(n - 1) * (1 + (x >> 40) % 70000), n);
    }
}
END_TEST

/* The pools that everybody finds out about too late. */
START_TEST(some_pools_have_156_points_a_server)
{
    static const uint32_t pools[] = {25,  47,  50,  55,  61,  71,  94,  100, 107, 109,
                                     110, 115, 122, 142, 159, 163, 188, 193, 200, 209,
                                     214, 218, 219, 220, 230, 237, 243, 244};
    size_t at = 0;
    for (uint32_t n = 1; n <= 256; n++) {
        bool listed = at < sizeof(pools) / sizeof(pools[0]) && pools[at] == n;
        ck_assert_uint_eq(share_libmemcached(1, n, n, 160), listed ? 156 : 160);
        at += listed;
    }
    for (uint32_t n = 1; n <= 256; n++)
        ck_assert_uint_eq(share_libketama(1, n, n, 160),
                          n == 61 || n == 122 || n == 237 || n == 244 ? 156 : 160);
}
END_TEST

START_TEST(libmemcached_and_libketama_differ_as_known)
{
    ck_assert_uint_eq(share_libmemcached(29, 60, 3, 160), 4 * 57);
    ck_assert_uint_eq(share_libketama(29, 60, 3, 160), 4 * 58);
    ck_assert_uint_eq(share_libmemcached(21, 40, 3, 160), 4 * 63);
    ck_assert_uint_eq(share_libketama(21, 40, 3, 160), 4 * 62);
}
END_TEST

START_TEST(exact_shares_are_rounded_down_once)
{
    ck_assert_uint_eq(share_exact(1, 3, 3, 160), 160);
    ck_assert_uint_eq(share_exact(1, 100, 100, 160), 160);
    ck_assert_uint_eq(share_exact(29, 60, 3, 160), 232);
    ck_assert_uint_eq(share_exact(1, 1000, 3, 160), 0);
    /* Products of more than 64 bits. */
    ck_assert_uint_eq(share_exact(UINT32_MAX, UINT32_MAX, 1 << 20, 65535), (1ull << 20) * 65535);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("share");
    tcase_add_test(t, equal_servers_have_the_share_of_binary32);
    tcase_add_test(t, weights_have_the_share_of_binary32);
    tcase_add_test(t, weights_beyond_24_bits_are_rounded_too);
    tcase_add_test(t, some_pools_have_156_points_a_server);
    tcase_add_test(t, libmemcached_and_libketama_differ_as_known);
    tcase_add_test(t, exact_shares_are_rounded_down_once);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/share")

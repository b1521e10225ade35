/* UDP: who is answered. */
#include "suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "base/attr.h"
#include "net/udp.h"

static bool
answers(const char *address, uint16_t port, bool everywhere)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return udp_may_answer((struct sockaddr *)&in, everywhere);
    ck_assert_int_eq(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    return udp_may_answer((struct sockaddr *)&in6, everywhere);
}

START_TEST(private_addresses_are_answered)
{
    static const char *const addresses[] = {
        "127.0.0.1",   "127.255.255.254", "10.0.0.1",    "10.255.255.255", "172.16.0.1",
        "172.31.9.9",  "192.168.0.1",     "192.168.255.1", "100.64.0.1",   "100.127.255.1",
        "169.254.1.1", "::1",             "fe80::1",     "febf::1",        "fc00::1",
        "fdff::1",
    };
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++)
        ck_assert_msg(answers(addresses[i], 1, false), "%s", addresses[i]);
}
END_TEST

START_TEST(public_addresses_are_answered_only_if_wanted)
{
    static const char *const addresses[] = {
        "8.8.8.8",     "1.2.3.4",     "9.255.255.255", "11.0.0.0",  "126.255.255.255", "128.0.0.1",
        "172.15.0.1",  "172.32.0.1",  "192.167.0.1",   "192.169.0.1", "100.63.0.1",    "100.128.0.1",
        "169.253.0.1", "203.0.113.1", "2001:db8::1",   "2600::1",   "::2",             "fec0::1",
        "fe00::1",     "fbff::1",
    };
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
        ck_assert_msg(!answers(addresses[i], 1, false), "%s", addresses[i]);
        ck_assert_msg(answers(addresses[i], 1, true), "%s", addresses[i]);
    }
}
END_TEST

START_TEST(nobody_is_at_port_0)
{
    ck_assert(!answers("127.0.0.1", 0, false));
    ck_assert(!answers("127.0.0.1", 0, true));
    ck_assert(!answers("::1", 0, true));
}
END_TEST

START_TEST(other_families_are_strangers)
{
    struct sockaddr from = {.sa_family = AF_UNIX};
    ck_assert(!udp_may_answer(&from, true));
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("udp");
    tcase_add_test(tc, private_addresses_are_answered);
    tcase_add_test(tc, public_addresses_are_answered_only_if_wanted);
    tcase_add_test(tc, nobody_is_at_port_0);
    tcase_add_test(tc, other_families_are_strangers);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("net/udp")

/* Endpoints: the value of -l, in every form that memcached takes. */
#include "suite.h"

#include <string.h>
#include "net/endpoint.h"
#include "proto/protocol.h"

static struct net_config config;
static struct span bad;
static struct endpoint fallback;

static enum endpoint_status
parse(const char *list)
{
    endpoint_clear(&config);
    return endpoint_parse_list(&config, span_of(list, strlen(list)), &fallback, &bad);
}

static void
set_up(void)
{
    fallback = (struct endpoint){.port = 11211};
}

static void
expect_one(const char *list, const char *host, int port)
{
    ck_assert_msg(parse(list) == ENDPOINT_OK, "refused '%s'", list);
    ck_assert_msg(config.endpoint_count == 1, "'%s' is %u endpoints", list, config.endpoint_count);
    const struct endpoint *e = &config.endpoints[0];
    if (host == NULL)
        ck_assert_ptr_null(e->host);
    else
        ck_assert_str_eq(e->host, host);
    ck_assert_int_eq(e->port, port);
}

START_TEST(one_address_in_every_form)
{
    expect_one("127.0.0.1", "127.0.0.1", 11211);
    expect_one("127.0.0.1:80", "127.0.0.1", 80);
    expect_one("localhost:65535", "localhost", 65535);
    expect_one("::1", "::1", 11211);
    expect_one("[::1]", "::1", 11211);
    expect_one("[fe80::1%eth0]:1", "fe80::1%eth0", 1);
    expect_one("*", NULL, 11211);
    expect_one("*:12", NULL, 12);
    expect_one("notls:127.0.0.1:80", "127.0.0.1", 80);
    expect_one("notls:[::1]:80", "::1", 80);
    expect_one("tag_host", "tag_host", 11211);
    expect_one("tag_host:80", "tag_host", 80);
    expect_one("proto", "proto", 11211);
    expect_one("tag", "tag", 11211);
}
END_TEST

START_TEST(prefixes_come_off_in_memcacheds_order)
{
    expect_one("proto[ascii]:a", "a", 11211);
    expect_one("proto[negotiating]:[::1]:80", "::1", 80);
    expect_one("tag[x]:a:80", "a", 80);
    expect_one("tag[12345678]:*", NULL, 11211);
    expect_one("tag_x_:a", "a", 11211);
    expect_one("tag_tag_host_:b:80", "b", 80);
    expect_one("notls:proto[binary]:tag[x]:a", "a", 11211);
    expect_one("proto[ascii]:tag_x_:a", "a", 11211);
}
END_TEST

START_TEST(the_protocol_is_the_prefixs_or_the_fallback)
{
    static const struct {
        const char *list;
        enum protocol fallback, want;
    } rows[] = {
        {"a", PROTOCOL_AUTO, PROTOCOL_AUTO},
        {"a", PROTOCOL_BINARY, PROTOCOL_BINARY},
        {"proto[ascii]:a", PROTOCOL_AUTO, PROTOCOL_TEXT},
        {"proto[ascii]:a", PROTOCOL_BINARY, PROTOCOL_TEXT},
        {"proto[binary]:a", PROTOCOL_TEXT, PROTOCOL_BINARY},
        {"proto[negotiating]:a", PROTOCOL_BINARY, PROTOCOL_AUTO},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        fallback.protocol = (uint8_t)rows[i].fallback;
        ck_assert_int_eq(parse(rows[i].list), ENDPOINT_OK);
        ck_assert_msg(config.endpoints[0].protocol == rows[i].want, "row %zu", i);
    }
    /* An entry's protocol is its own. */
    fallback.protocol = PROTOCOL_TEXT;
    ck_assert_int_eq(parse("proto[binary]:a,b"), ENDPOINT_OK);
    ck_assert_uint_eq(config.endpoints[0].protocol, PROTOCOL_BINARY);
    ck_assert_uint_eq(config.endpoints[1].protocol, PROTOCOL_TEXT);
}
END_TEST

START_TEST(a_port_is_for_the_transports_that_are_on)
{
    static const struct {
        const char *list;
        int tcp, udp, want_tcp, want_udp;
    } rows[] = {
        {"a", 1, 2, 1, 2},  {"a:80", 1, 2, 80, 80},  {"a:80", 1, 0, 80, 0}, {"a:80", 0, 2, 0, 80},
        {"a", -1, 0, -1, 0}, {"a:80", -1, -1, 80, 80}, {"*", 0, -1, 0, -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        fallback.port = rows[i].tcp;
        fallback.udp_port = rows[i].udp;
        ck_assert_int_eq(parse(rows[i].list), ENDPOINT_OK);
        ck_assert_msg(config.endpoints[0].port == rows[i].want_tcp &&
                          config.endpoints[0].udp_port == rows[i].want_udp,
                      "row %zu: %d and %d", i, config.endpoints[0].port,
                      config.endpoints[0].udp_port);
    }
}
END_TEST

START_TEST(lists_are_split_at_commas_and_semicolons)
{
    ck_assert_int_eq(parse("127.0.0.1,[::1]:12;;*:13,"), ENDPOINT_OK);
    ck_assert_uint_eq(config.endpoint_count, 3);
    ck_assert_str_eq(config.endpoints[0].host, "127.0.0.1");
    ck_assert_str_eq(config.endpoints[1].host, "::1");
    ck_assert_int_eq(config.endpoints[1].port, 12);
    ck_assert_ptr_null(config.endpoints[2].host);
    ck_assert_int_eq(config.endpoints[2].port, 13);
    ck_assert_int_eq(parse(","), ENDPOINT_OK);
    ck_assert_uint_eq(config.endpoint_count, 0);
}
END_TEST

START_TEST(what_is_wrong_is_named_with_the_entry)
{
    static const struct {
        const char *list;
        enum endpoint_status status;
        const char *entry;
    } rows[] = {
        {"a,b:", ENDPOINT_BAD_PORT, "b:"},
        {"b:x,a", ENDPOINT_BAD_PORT, "b:x"},
        {"b:0", ENDPOINT_BAD_PORT, "b:0"},
        {"b:-1", ENDPOINT_BAD_PORT, "b:-1"},
        {"b:65536", ENDPOINT_BAD_PORT, "b:65536"},
        {"[::1]:", ENDPOINT_BAD_PORT, "[::1]:"},
        {"[::1", ENDPOINT_BAD_ADDRESS, "[::1"},
        {"[::1]x", ENDPOINT_BAD_ADDRESS, "[::1]x"},
        {"[]:80", ENDPOINT_BAD_ADDRESS, "[]:80"},
        {":80", ENDPOINT_BAD_ADDRESS, ":80"},
        {"notls:", ENDPOINT_BAD_ADDRESS, "notls:"},
        {"btls:a", ENDPOINT_UNSUPPORTED, "btls:a"},
        {"mtls:a", ENDPOINT_UNSUPPORTED, "mtls:a"},
        {"proto[proxy]:a", ENDPOINT_UNSUPPORTED, "proto[proxy]:a"},
        {"b,proto[foo]:a", ENDPOINT_BAD_PROTOCOL, "proto[foo]:a"},
        {"proto[]:a", ENDPOINT_BAD_PROTOCOL, "proto[]:a"},
        {"proto[ascii:a", ENDPOINT_BAD_PROTOCOL, "proto[ascii:a"},
        {"proto[ascii]", ENDPOINT_BAD_PROTOCOL, "proto[ascii]"},
        {"proto[ascii]:", ENDPOINT_BAD_ADDRESS, "proto[ascii]:"},
        {"tag[]:a", ENDPOINT_BAD_TAG, "tag[]:a"},
        {"tag[123456789]:a", ENDPOINT_BAD_TAG, "tag[123456789]:a"},
        {"tag[x:a", ENDPOINT_BAD_TAG, "tag[x:a"},
        {"tag_123456789_:a", ENDPOINT_BAD_TAG, "tag_123456789_:a"},
        {"tag__:a", ENDPOINT_BAD_TAG, "tag__:a"},
        {"tag_x_:", ENDPOINT_BAD_ADDRESS, "tag_x_:"},
        /* Prefixes in another order are no prefixes. */
        {"proto[ascii]:notls:a", ENDPOINT_BAD_PORT, "proto[ascii]:notls:a"},
        {"tag[x]:proto[ascii]:a", ENDPOINT_BAD_PORT, "tag[x]:proto[ascii]:a"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        ck_assert_msg(parse(rows[i].list) == rows[i].status, "'%s'", rows[i].list);
        ck_assert_msg(span_equal(bad, span_of(rows[i].entry, strlen(rows[i].entry))),
                      "'%s' blames '%.*s'", rows[i].list, (int)bad.bytes, bad.p);
        ck_assert_str_ne(endpoint_status_text(rows[i].status), "unknown error");
    }
}
END_TEST

START_TEST(there_is_room_for_so_many_and_no_more)
{
    char list[2 * NET_ENDPOINTS_MAX + 3] = "";
    for (int i = 0; i < NET_ENDPOINTS_MAX; i++)
        strcat(list, "*,");
    ck_assert_int_eq(parse(list), ENDPOINT_OK);
    ck_assert_uint_eq(config.endpoint_count, NET_ENDPOINTS_MAX);
    strcat(list, "*");
    ck_assert_int_eq(parse(list), ENDPOINT_TOO_MANY);
    ck_assert_int_eq(endpoint_add_any(&config, &fallback), ENDPOINT_TOO_MANY);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("endpoint");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, one_address_in_every_form);
    tcase_add_test(tc, prefixes_come_off_in_memcacheds_order);
    tcase_add_test(tc, the_protocol_is_the_prefixs_or_the_fallback);
    tcase_add_test(tc, a_port_is_for_the_transports_that_are_on);
    tcase_add_test(tc, lists_are_split_at_commas_and_semicolons);
    tcase_add_test(tc, what_is_wrong_is_named_with_the_entry);
    tcase_add_test(tc, there_is_room_for_so_many_and_no_more);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("net/endpoint")

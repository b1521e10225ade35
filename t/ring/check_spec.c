/* What people write: settings of a ring, and lists of servers. */
#include "suite.h"

#include <ketch/ring.h>
#include <stdio.h>
#include <string.h>

/* ---- settings ---- */

static struct ketch_ring_conf
good(const char *spec)
{
    struct ketch_ring_conf c;
    char why[200] = "";
    ck_assert_msg(ketch_ring_conf_parse(&c, spec, why, sizeof(why)) == KETCH_OK, "%s: %s", spec, why);
    return c;
}

START_TEST(every_preset_is_a_spec)
{
    unsigned count = 0;
    for (const char *name; (name = ketch_ring_preset_name((enum ketch_ring_preset)count)) != NULL;
         count++)
        ck_assert_int_eq(good(name).preset, (int)count);
    ck_assert_uint_eq(count, KETCH_RING_MCROUTER_WEIGHTED_RENDEZVOUS + 1);
    ck_assert_int_eq(good(NULL).preset, KETCH_RING_LIBMEMCACHED_WEIGHTED);
}
END_TEST

START_TEST(every_preset_makes_a_ring)
{
    for (unsigned i = 0; ketch_ring_preset_name((enum ketch_ring_preset)i) != NULL; i++) {
        struct ketch_ring_conf conf;
        struct ketch_ring_builder *b;
        struct ketch_ring *ring;
        ck_assert_int_eq(ketch_ring_conf_init(&conf, (enum ketch_ring_preset)i), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_create_conf(&conf, &b, NULL, 0), KETCH_OK);
        struct ketch_server s = {.host = "cache", .port = 11211};
        ck_assert_int_eq(ketch_ring_builder_add(b, &s, NULL), KETCH_OK);
        ck_assert_int_eq(ketch_ring_builder_build(b, &ring, NULL, 0), KETCH_OK);
        ck_assert_uint_eq(ketch_ring_pick(ring, "key", 3), 0);
        ketch_ring_unref(ring);
        ketch_ring_builder_destroy(b);
    }
}
END_TEST

START_TEST(settings_change_one_knob_each)
{
    ck_assert_int_eq(good("twemproxy,hash=md5").key_hash, KETCH_HASH_MD5);
    ck_assert_int_eq(good("dalli,point-hash=md5").point_hash, KETCH_HASH_MD5);
    ck_assert_uint_eq(good("native,points=100").point_count, 100);
    ck_assert_uint_eq(good("cache-memcached-fast:77").point_count, 77);
    ck_assert_uint_eq(good("native,words=1").point_words, 1);
    ck_assert_int_eq(good("spymemcached,weights=relative").points, KETCH_POINTS_SHARE);
    ck_assert_int_eq(good("native,name=host-port").name, KETCH_NAME_HOST_PORT);
    ck_assert_int_eq(good("native,search=predecessor").search, KETCH_SEARCH_PREDECESSOR);
    ck_assert_int_eq(good("native,ties=last").ties, KETCH_TIES_LAST);
    ck_assert_int_eq(good("mcrouter-ch3,filter=none").filter, KETCH_FILTER_NONE);
    ck_assert_int_eq(good("pymemcache,text=python-repr").text, KETCH_TEXT_PYTHON_REPR);
    ck_assert_str_eq(good("mcproxy-jump,seed=abc").seed, "abc");
    ck_assert(good("libmemcached-weighted,hash=crc,force").force);
}
END_TEST

START_TEST(values_may_be_escaped)
{
    ck_assert_str_eq(good("native,prefix=a%2cb%25").prefix, "a,b%");
    ck_assert_str_eq(good("twemproxy,tag=%2c%2C").filter_text, ",,");
    ck_assert_str_eq(good("mcproxy-jump,stop=|#|").filter_text, "|#|");
}
END_TEST

START_TEST(some_words_mean_what_the_client_means)
{
    ck_assert_int_eq(good("twemproxy,hash=crc32").key_hash, KETCH_HASH_CRC);
    ck_assert_int_eq(good("twemproxy,hash=crc32a").key_hash, KETCH_HASH_CRC32);
    ck_assert_int_eq(good("dalli,hash=crc32").key_hash, KETCH_HASH_CRC32);
    ck_assert_int_eq(good("twemproxy,tag={}").filter, KETCH_FILTER_TAG);
    ck_assert_int_eq(good("mcproxy-jump,tag={}").filter, KETCH_FILTER_TAG_STRICT);
    ck_assert_int_eq(good("cache-memcached-fast:0").preset, KETCH_RING_CACHE_MEMCACHED);
}
END_TEST

START_TEST(what_is_no_spec_is_refused_with_a_reason)
{
    static const char *const bad[] = {
        "",
        "nativ",
        "native2",
        "native,",
        "native,hash",
        "native,hash=",
        "native,hash=md6",
        "native,hash=auto",
        "native,hash=crc32_chain",
        "native,point-hash=",
        "native,points=0",
        "native,points=65536",
        "native,points=99999999999999999999",
        "native,points=1x",
        "native,points=-1",
        "native,words=3",
        "native:",
        "native:x",
        "native:0",
        "native,weights=all",
        "native,name=mine",
        "native,search=up",
        "native,ties=none",
        "native,filter=tag",
        "native,text=utf-8",
        "twemproxy,tag={",
        "twemproxy,tag={}}",
        "twemproxy,stop=",
        "native,prefix=%",
        "native,prefix=%4",
        "native,prefix=%zz",
        "native,prefix=%00",
        "native,force=1",
        "native,unknown=1",
        " native",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ketch_ring_conf c;
        char why[200] = "";
        ck_assert_msg(ketch_ring_conf_parse(&c, bad[i], why, sizeof(why)) == KETCH_INVALID, "'%s'",
                      bad[i]);
        ck_assert_msg(why[0] != '\0', "'%s' is refused without a reason", bad[i]);
        ck_assert_int_eq(ketch_ring_conf_parse(&c, bad[i], NULL, 0), KETCH_INVALID);
        ck_assert_int_eq(ketch_ring_conf_parse(&c, bad[i], why, 1), KETCH_INVALID);
        ck_assert_str_eq(why, "");
    }
}
END_TEST

START_TEST(prefixes_have_a_longest_length)
{
    char spec[400] = "native,prefix=";
    size_t start = strlen(spec);
    memset(spec + start, 'p', KETCH_RING_PREFIX_MAX + 1);
    struct ketch_ring_conf c;
    ck_assert_int_eq(ketch_ring_conf_parse(&c, spec, NULL, 0), KETCH_INVALID);
    spec[start + KETCH_RING_PREFIX_MAX] = '\0';
    ck_assert_uint_eq(strlen(good(spec).prefix), KETCH_RING_PREFIX_MAX);
}
END_TEST

START_TEST(knobs_out_of_range_are_refused)
{
    const struct ketch_ring_conf fine = good("native");
    struct ketch_ring_builder *b;
    struct ketch_ring_conf bad[] = {fine, fine, fine, fine, fine, fine, fine, fine, fine, fine};
    bad[0].struct_bytes = 8;
    bad[1].name = (enum ketch_ring_name)99;
    bad[2].points = (enum ketch_ring_points)99;
    bad[3].point_hash = (enum ketch_ring_hash)99;
    bad[4].key_hash = KETCH_HASH_AUTO;
    bad[5].search = (enum ketch_ring_search)99;
    bad[6].ties = (enum ketch_ring_ties)99;
    bad[7].filter = KETCH_FILTER_TAG;
    bad[8].text = (enum ketch_ring_text)99;
    memset(bad[9].prefix, 'x', sizeof(bad[9].prefix));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(ketch_ring_builder_create_conf(&bad[i], &b, NULL, 0), KETCH_INVALID);
        ck_assert_ptr_null(b);
    }
}
END_TEST

/* ---- lists of servers ---- */

static void
is_read(const char *text, const char *host, uint16_t port, uint32_t weight, const char *name)
{
    struct ketch_server_list list;
    char why[200] = "";
    ck_assert_msg(ketch_server_list_parse(text, strlen(text), &list, why, sizeof(why)) == KETCH_OK,
                  "'%s': %s", text, why);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.servers[0].host, host);
    ck_assert_uint_eq(list.servers[0].port, port);
    ck_assert_uint_eq(list.servers[0].weight, weight);
    ck_assert_pstr_eq(list.servers[0].name, name);
    ketch_server_list_free(&list);
    ck_assert_uint_eq(list.count, 0);
}

START_TEST(servers_are_read_in_every_form)
{
    is_read("cache", "cache", 11211, 1, NULL);
    is_read("10.0.0.1:11311", "10.0.0.1", 11311, 1, NULL);
    is_read("10.0.0.1:11311:7", "10.0.0.1", 11311, 7, NULL);
    is_read("10.0.0.1:11311:7 a1", "10.0.0.1", 11311, 7, "a1");
    is_read("10.0.0.1:11311 a1", "10.0.0.1", 11311, 1, "a1");
    is_read("10.0.0.1:11311:7 12", "10.0.0.1", 11311, 7, "12");
    is_read("10.0.0.1:11311\t600", "10.0.0.1", 11311, 600, NULL); /* libketama's */
    is_read("10.0.0.1 11311", "10.0.0.1", 11311, 1, NULL);
    is_read("10.0.0.1 11311 4294967295", "10.0.0.1", 11311, UINT32_MAX, NULL);
    is_read("10.0.0.1\t11311\t3\tn", "10.0.0.1", 11311, 3, "n");
    is_read("[fd00::1]", "fd00::1", 11211, 1, NULL);
    is_read("[fd00::1]:11311", "fd00::1", 11311, 1, NULL);
    is_read("[fd00::1]:11311:2 six", "fd00::1", 11311, 2, "six");
    is_read("fd00::1 11311 2 six", "fd00::1", 11311, 2, "six");
    is_read("::1 11311", "::1", 11311, 1, NULL);
    is_read("/run/a.sock", "/run/a.sock", 0, 1, NULL);
    is_read("/run/a.sock:5", "/run/a.sock", 0, 5, NULL);
    is_read("/run/a.sock:5 a", "/run/a.sock", 0, 5, "a");
    is_read("/run/a.sock a", "/run/a.sock", 0, 1, "a");
    is_read("/run/a:b.sock", "/run/a:b.sock", 0, 1, NULL);
    is_read("/run/a.sock 0 3", "/run/a.sock", 0, 3, NULL);
    is_read("/run/a.sock 11211 3 n", "/run/a.sock", 11211, 3, "n");
    is_read("\r\n \t\n# nothing\n  cache:1   # here\r\n\n", "cache", 1, 1, NULL);
    is_read("Cache-C.example.com:65535", "Cache-C.example.com", 65535, 1, NULL);
}
END_TEST

START_TEST(several_lines_are_several_servers)
{
    static const char text[] = "a:1\nb:2:3 bee\n/c:4";
    struct ketch_server_list list;
    ck_assert_int_eq(ketch_server_list_parse(text, strlen(text), &list, NULL, 0), KETCH_OK);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.servers[0].host, "a");
    ck_assert_str_eq(list.servers[1].name, "bee");
    ck_assert_str_eq(list.servers[2].host, "/c");
    ketch_server_list_free(&list);
    ck_assert_int_eq(ketch_server_list_parse("", 0, &list, NULL, 0), KETCH_OK);
    ck_assert_uint_eq(list.count, 0);
    ketch_server_list_free(&list);
}
END_TEST

START_TEST(lines_that_are_no_server_are_named)
{
    static const char *const bad[] = {
        "a:",        "a:0",         "a:65536",       "a:x",      "a:1:",   "a:1:0", "a:1:x",
        "a:1:2:3",   "fd00::1",     "::1",           ":1",       "[::1",   "[::1]x", "[::1]:",
        "[]:1",      "a 0",         "a x",           "a 1 0",    "a 1 2 n more",    "a:1 n more",
        "/p:0",      "/p 0 0",      "a:1:4294967296", "a:1 0",   "a:1:2 n more",
        "[::1] x",   "/p:1 n more", "1:2:3:4:5:6:7:8"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ketch_server_list list;
        char text[100], why[200] = "";
        int bytes = snprintf(text, sizeof(text), "good:1\n%s\n", bad[i]);
        ck_assert_msg(ketch_server_list_parse(text, (size_t)bytes, &list, why, sizeof(why)) ==
                          KETCH_INVALID,
                      "'%s' is taken", bad[i]);
        ck_assert_msg(strncmp(why, "line 2: ", 8) == 0, "'%s': %s", bad[i], why);
        ck_assert_uint_eq(list.count, 0);
    }
}
END_TEST

START_TEST(hosts_and_names_have_a_longest_length)
{
    char text[1000];
    struct ketch_server_list list;
    memset(text, 'h', sizeof(text));
    ck_assert_int_eq(ketch_server_list_parse(text, KETCH_RING_HOST_MAX, &list, NULL, 0), KETCH_OK);
    ketch_server_list_free(&list);
    ck_assert_int_eq(ketch_server_list_parse(text, KETCH_RING_HOST_MAX + 1, &list, NULL, 0),
                     KETCH_INVALID);
    memcpy(text, "h:1 ", 4);
    ck_assert_int_eq(ketch_server_list_parse(text, 4 + KETCH_RING_NAME_MAX, &list, NULL, 0), KETCH_OK);
    ketch_server_list_free(&list);
    ck_assert_int_eq(ketch_server_list_parse(text, 5 + KETCH_RING_NAME_MAX, &list, NULL, 0),
                     KETCH_INVALID);
    ck_assert_int_eq(ketch_server_list_parse("a\0b", 3, &list, NULL, 0), KETCH_INVALID);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("spec");
    tcase_add_test(t, every_preset_is_a_spec);
    tcase_add_test(t, every_preset_makes_a_ring);
    tcase_add_test(t, settings_change_one_knob_each);
    tcase_add_test(t, values_may_be_escaped);
    tcase_add_test(t, some_words_mean_what_the_client_means);
    tcase_add_test(t, what_is_no_spec_is_refused_with_a_reason);
    tcase_add_test(t, prefixes_have_a_longest_length);
    tcase_add_test(t, knobs_out_of_range_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("servers");
    tcase_add_test(t, servers_are_read_in_every_form);
    tcase_add_test(t, several_lines_are_several_servers);
    tcase_add_test(t, lines_that_are_no_server_are_named);
    tcase_add_test(t, hosts_and_names_have_a_longest_length);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/spec")

/* What a ring promises, by the public functions alone.  That keys are where real clients have them is
 * vectors.sh's business. */
#include "suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "pool.h"

static unsigned
preset_count(void)
{
    unsigned n = 0;
    while (ketch_ring_preset_name((enum ketch_ring_preset)n) != NULL)
        n++;
    return n;
}

static void
same_owners(const struct ketch_ring *a, const struct ketch_ring *b, unsigned keys)
{
    for (unsigned i = 0; i < keys; i++)
        if (pool_pick(a, i) != pool_pick(b, i))
            ck_abort_msg("key %u has another server", i);
}

/* ---- pools ---- */

START_TEST(a_pool_without_servers_has_no_owners)
{
    for (unsigned i = 0; i < preset_count(); i++) {
        struct ketch_ring *ring = pool_finish(pool_create(ketch_ring_preset_name((enum ketch_ring_preset)i)));
        uint32_t id = 7;
        ck_assert_uint_eq(ketch_ring_pick(ring, "k", 1), KETCH_RING_NONE);
        ketch_ring_pick_many(ring, &(struct ketch_bytes){"k", 1}, 1, &id);
        ck_assert_uint_eq(id, KETCH_RING_NONE);
        ck_assert_uint_eq(ketch_ring_walk(ring, "k", 1, &id, 1), 0);
        ck_assert_uint_eq(ketch_ring_server_count(ring), 0);
        ck_assert_uint_eq(ketch_ring_warnings(ring, NULL, 0), 0);
        ketch_ring_unref(ring);
    }
}
END_TEST

START_TEST(servers_that_cannot_be_are_refused)
{
    struct ketch_ring_builder *b = pool_create("native");
    char lengthy[KETCH_RING_HOST_MAX + 2];
    memset(lengthy, 'h', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    uint32_t id = 99;
    ck_assert_int_eq(ketch_ring_builder_add(b, &(struct ketch_server){.host = NULL}, &id), KETCH_INVALID);
    ck_assert_int_eq(ketch_ring_builder_add(b, &(struct ketch_server){.host = ""}, &id), KETCH_INVALID);
    ck_assert_int_eq(ketch_ring_builder_add(b, &(struct ketch_server){.host = lengthy}, &id),
                     KETCH_INVALID);
    ck_assert_int_eq(
        ketch_ring_builder_add(b, &(struct ketch_server){.host = "h", .name = lengthy}, &id),
        KETCH_INVALID);
    ck_assert_uint_eq(id, 99);
    ck_assert_int_eq(ketch_ring_builder_remove(b, 0), KETCH_INVALID);
    ck_assert_int_eq(ketch_ring_builder_set_live(b, 0, true), KETCH_INVALID);
    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 0, 1), KETCH_INVALID);
    ketch_ring_builder_destroy(b);
}
END_TEST

START_TEST(a_ring_shows_its_servers)
{
    struct ketch_ring_builder *b = pool_create("libmemcached-weighted");
    pool_add(b, "10.0.0.1", 0, 0);
    pool_add(b, "/run/s", 0, 3);
    pool_add(b, "fd00::1", 11311, 1);
    ck_assert_int_eq(ketch_ring_builder_set_live(b, 2, false), KETCH_OK);
    struct ketch_ring *ring = pool_finish(b);

    struct ketch_server_view v = pool_view(ring, 0);
    ck_assert_str_eq(v.server.host, "10.0.0.1");
    ck_assert_uint_eq(v.server.port, 11211);
    ck_assert_uint_eq(v.server.weight, 1);
    ck_assert_str_eq(v.hashed, "10.0.0.1");
    ck_assert_uint_eq(v.points, 80);
    ck_assert(v.live);
    v = pool_view(ring, 1);
    ck_assert_uint_eq(v.server.port, 0);
    ck_assert_str_eq(v.hashed, "/run/s:0");
    ck_assert_uint_eq(v.points, 240);
    v = pool_view(ring, 2);
    ck_assert_str_eq(v.hashed, "fd00::1:11311");
    ck_assert_uint_eq(v.points, 0);
    ck_assert(!v.live && v.share == 0);
    ck_assert_double_eq_tol(pool_view(ring, 0).share + pool_view(ring, 1).share, 1, 1e-12);
    ck_assert_int_eq(ketch_ring_server(ring, 3, &v), KETCH_INVALID);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(servers_are_hashed_by_the_names_that_clients_use)
{
    static const struct {
        const char *spec, *host, *hashed;
        uint16_t port;
    } names[] = {
        {"libmemcached-weighted", "h", "h", 11211},
        {"libmemcached-weighted", "h", "h:1", 1},
        {"libmemcached-weighted", "/s", "/s:0", 0},
        {"libmemcached-weighted", "/s", "/s", 11211},
        {"libmemcached-spy", "h", "/h:11211", 11211},
        {"libketama", "h", "h:11211", 11211},
        {"twemproxy", "h", "h", 11211},
        {"twemproxy", "/s", "/s:", 0},
        {"mcproxy-evcache", "h", "h/h:1", 1},
        {"spymemcached", "10.0.0.1", "10.0.0.1:11211", 11211},
        {"spymemcached", "fd00::1", "[fd00:0:0:0:0:0:0:1]:11211", 11211},
        {"spymemcached", "::ffff:10.0.0.1", "10.0.0.1:11211", 11211},
        {"spymemcached-libmemcached", "fd00::abcd", "fd00:0:0:0:0:0:0:abcd", 11211},
        {"spymemcached-libmemcached", "h", "h:1", 1},
        {"dalli", "/s", "/s", 0},
        {"mcrouter-rendezvous", "/s", "/s:0", 0},
        {"mcrouter-rendezvous", "::1", "[::1]:11211", 11211},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ketch_ring_builder *b = pool_create(names[i].spec);
        pool_add(b, names[i].host, names[i].port, 1);
        struct ketch_ring *ring = pool_finish(b);
        ck_assert_str_eq(pool_view(ring, 0).hashed, names[i].hashed);
        ketch_ring_unref(ring);
    }
}
END_TEST

START_TEST(a_given_name_is_hashed_where_clients_have_names)
{
    static const struct {
        const char *spec, *hashed;
    } names[] = {{"twemproxy", "n"}, {"native", "n"}, {"spymemcached", "n"}, {"dalli", "h:11211"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ketch_ring_builder *b = pool_create(names[i].spec);
        struct ketch_server s = {.host = "h", .name = "n"};
        ck_assert_int_eq(ketch_ring_builder_add(b, &s, NULL), KETCH_OK);
        struct ketch_ring *ring = pool_finish(b);
        ck_assert_str_eq(pool_view(ring, 0).hashed, names[i].hashed);
        ck_assert_str_eq(pool_view(ring, 0).server.name, "n");
        ketch_ring_unref(ring);
    }
}
END_TEST

START_TEST(ids_stay_when_a_server_is_removed)
{
    struct ketch_ring_builder *b = pool_of("native", 5);
    ck_assert_int_eq(ketch_ring_builder_remove(b, 1), KETCH_OK);
    ck_assert_int_eq(ketch_ring_builder_remove(b, 1), KETCH_INVALID);
    ck_assert_uint_eq(pool_add(b, "new", 11211, 1), 5);
    struct ketch_ring *ring = pool_finish(b);
    struct ketch_server_view v;
    ck_assert_uint_eq(ketch_ring_server_count(ring), 6);
    ck_assert_int_eq(ketch_ring_server(ring, 1, &v), KETCH_INVALID);
    ck_assert_str_eq(pool_view(ring, 4).server.host, "10.0.0.5");
    for (unsigned i = 0; i < 10000; i++)
        if (pool_pick(ring, i) == 1 || pool_pick(ring, i) >= 6)
            ck_abort_msg("key %u is nobody's", i);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(a_ring_does_not_change_with_its_builder)
{
    struct ketch_ring_builder *b = pool_of("libmemcached-weighted", 10);
    struct ketch_ring *before = pool_build(b);
    struct ketch_ring *copy = pool_build(b);
    for (uint32_t i = 0; i < 9; i++)
        ck_assert_int_eq(ketch_ring_builder_remove(b, i), KETCH_OK);
    struct ketch_ring *after = pool_finish(b);
    same_owners(before, copy, 2000);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(pool_pick(after, i), 9);
    ck_assert_str_eq(pool_view(before, 0).server.host, "10.0.0.1");
    ketch_ring_unref(before);
    ketch_ring_unref(copy);
    ketch_ring_unref(after);
}
END_TEST

START_TEST(pools_may_have_65535_servers)
{
    struct ketch_ring *ring = pool_finish(pool_of("libmemcached-weighted:4", 65535));
    uint32_t largest = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t id = pool_pick(ring, i);
        if (id >= 65535)
            ck_abort_msg("key %u has server %u", i, id);
        largest = id > largest ? id : largest;
    }
    ck_assert_uint_gt(largest, 65000);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(a_ring_may_have_one_point)
{
    struct ketch_ring *ring = pool_finish(pool_of("native,weights=none,points=1,words=1", 1));
    ck_assert_uint_eq(pool_view(ring, 0).points, 1);
    ck_assert_double_eq(pool_view(ring, 0).share, 1);
    ck_assert_uint_eq(pool_pick(ring, 1), 0);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(pools_have_bounds)
{
    struct ketch_ring_builder *b = pool_of("native", 1);
    struct ketch_ring *ring;
    char why[200] = "";
    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 0, UINT32_MAX), KETCH_OK);
    ck_assert_int_eq(ketch_ring_builder_build(b, &ring, why, sizeof(why)), KETCH_TOO_LARGE);
    ck_assert_ptr_null(ring);
    ck_assert_ptr_nonnull(strstr(why, "points"));
    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 0, 1), KETCH_OK);
    ketch_ring_unref(pool_finish(b));
}
END_TEST

/* ---- ejection ---- */

/* The ring of a pool in which 'gone' never was, with its own ids. */
static struct ketch_ring *
ring_without(const char *spec, const uint32_t *weights, unsigned count, unsigned gone, uint32_t *ids)
{
    struct ketch_ring_builder *b = pool_create(spec);
    for (unsigned i = 0, id = 0; i < count; i++) {
        char host[32];
        if (i == gone)
            continue;
        snprintf(host, sizeof(host), "10.0.0.%u", i + 1);
        ids[id++] = i;
        pool_add(b, host, 11211, weights[i]);
    }
    return pool_finish(b);
}

START_TEST(an_ejection_makes_the_ring_of_the_live)
{
    static const uint32_t weights[] = {1, 2, 3, 10, 100, 7, 7, 1};
    enum { SERVERS = sizeof(weights) / sizeof(weights[0]), KEYS = 400 };
    for (unsigned p = 0; p < preset_count(); p++) {
        const char *spec = ketch_ring_preset_name((enum ketch_ring_preset)p);
        struct ketch_ring_builder *b = pool_create(spec);
        for (unsigned i = 0; i < SERVERS; i++) {
            char host[32];
            snprintf(host, sizeof(host), "10.0.0.%u", i + 1);
            pool_add(b, host, 11211, weights[i]);
        }
        struct ketch_ring *all = pool_build(b);
        for (unsigned gone = 0; gone < SERVERS; gone++) {
            uint32_t ids[SERVERS];
            ck_assert_int_eq(ketch_ring_builder_set_live(b, gone, false), KETCH_OK);
            struct ketch_ring *live = pool_build(b);
            struct ketch_ring *other = ring_without(spec, weights, SERVERS, gone, ids);
            for (unsigned k = 0; k < KEYS; k++)
                if (pool_pick(live, k) != ids[pool_pick(other, k)])
                    ck_abort_msg("%s without %u places key %u elsewhere", spec, gone, k);
            ck_assert_int_eq(ketch_ring_builder_set_live(b, gone, true), KETCH_OK);
            ketch_ring_unref(live);
            ketch_ring_unref(other);
        }
        struct ketch_ring *again = pool_finish(b);
        same_owners(all, again, KEYS);
        ketch_ring_unref(all);
        ketch_ring_unref(again);
    }
}
END_TEST

START_TEST(nobody_has_a_key_when_all_are_ejected)
{
    struct ketch_ring_builder *b = pool_of("native", 3);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_int_eq(ketch_ring_builder_set_live(b, i, false), KETCH_OK);
    struct ketch_ring *ring = pool_finish(b);
    ck_assert_uint_eq(pool_pick(ring, 1), KETCH_RING_NONE);
    ck_assert_uint_eq(ketch_ring_server_count(ring), 3);
    ketch_ring_unref(ring);
}
END_TEST

/* ---- ties ---- */

/* Two servers of one name have all points in common, so that ties decide everything. */
static uint32_t
winner(const char *spec, const char *first, const char *second)
{
    struct ketch_ring_builder *b = pool_create(spec);
    pool_add(b, first, 11211, 1);
    pool_add(b, second, 11211, 1);
    struct ketch_ring *ring = pool_finish(b);
    uint32_t id = pool_pick(ring, 0);
    for (unsigned i = 1; i < 100; i++)
        ck_assert_uint_eq(pool_pick(ring, i), id);
    ketch_ring_unref(ring);
    return id;
}

START_TEST(a_point_of_two_servers_is_one_s)
{
    ck_assert_uint_eq(winner("libmemcached-weighted", "h", "h"), 0);
    ck_assert_uint_eq(winner("libmemcached-weighted,ties=last", "h", "h"), 1);
    ck_assert_uint_eq(winner("spymemcached", "10.0.0.1", "10.0.0.1"), 1);
    ck_assert_uint_eq(winner("dalli", "h", "h"), 0);
}
END_TEST

START_TEST(the_loser_of_all_ties_is_reported)
{
    struct ketch_ring_builder *b = pool_create("libmemcached-weighted");
    pool_add(b, "h", 11211, 1);
    pool_add(b, "h", 11211, 1);
    struct ketch_ring *ring = pool_finish(b);
    const char *text;
    ck_assert_uint_eq(ketch_ring_warnings(ring, &text, 1), 1);
    ck_assert_ptr_nonnull(strstr(text, "server 1 (h:11211)"));
    ck_assert_ptr_nonnull(strstr(text, "same name"));
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(order_by_name_or_host_is_the_order_of_remainders)
{
    static const char *const hosts[] = {"ccc", "bb", "aaa"};
    static const struct {
        const char *spec;
        uint32_t order[3];
    } cases[] = {{"twemproxy-modula", {1, 2, 0}},
                 {"twemproxy-modula,ties=first", {0, 1, 2}},
                 {"twemproxy-modula,ties=host", {2, 1, 0}}};
    struct ketch_ring *plain = NULL;
    for (size_t i = 0; i < 3; i++) {
        struct ketch_ring_builder *b = pool_create(cases[i].spec), *p = pool_create(cases[1].spec);
        for (size_t k = 0; k < 3; k++) {
            pool_add(b, hosts[k], 11211, 1);
            pool_add(p, hosts[k], 11211, 1);
        }
        struct ketch_ring *ring = pool_finish(b);
        plain = pool_finish(p);
        for (unsigned k = 0; k < 500; k++)
            ck_assert_uint_eq(pool_pick(ring, k), cases[i].order[pool_pick(plain, k)]);
        ketch_ring_unref(ring);
        ketch_ring_unref(plain);
    }
}
END_TEST

/* ---- look-ups ---- */

START_TEST(many_keys_have_the_owners_of_each)
{
    enum { KEYS = 333 };
    static char text[KEYS][64];
    struct ketch_bytes keys[KEYS];
    for (unsigned i = 0; i < KEYS; i++) {
        int bytes = snprintf(text[i], sizeof(text[i]), "{tag%u}%0*u", i % 7, (int)(i % 40) + 1, i);
        keys[i] = (struct ketch_bytes){text[i], i == 5 ? 0 : (size_t)bytes};
    }
    static const char *const others[] = {"twemproxy,tag={}", "native,prefix=p:", "gomemcache",
                                         "twemproxy,hash=crc32,force", "mcproxy-jump,tag={}"};
    for (unsigned p = 0; p < preset_count() + sizeof(others) / sizeof(others[0]); p++) {
        const char *spec = p < preset_count() ? ketch_ring_preset_name((enum ketch_ring_preset)p)
                                              : others[p - preset_count()];
        struct ketch_ring *ring = pool_finish(pool_of(spec, 30));
        uint32_t ids[KEYS];
        for (unsigned count = 0; count <= KEYS; count += count < 70 ? 1 : 263) {
            ketch_ring_pick_many(ring, keys, count, ids);
            for (unsigned i = 0; i < count; i++)
                if (ids[i] != ketch_ring_pick(ring, keys[i].p, keys[i].bytes))
                    ck_abort_msg("%s: key %u of %u", spec, i, count);
        }
        ketch_ring_unref(ring);
    }
}
END_TEST

START_TEST(a_walk_begins_with_the_owner_and_meets_each_server_once)
{
    enum { SERVERS = 12 };
    for (unsigned p = 0; p < preset_count(); p++) {
        struct ketch_ring *ring =
            pool_finish(pool_of(ketch_ring_preset_name((enum ketch_ring_preset)p), SERVERS));
        for (unsigned k = 0; k < 200; k++) {
            char key[32];
            uint32_t ids[SERVERS + 5], some[3];
            bool seen[SERVERS] = {false};
            size_t bytes = (size_t)snprintf(key, sizeof(key), "user:%08u", k);
            ck_assert_uint_eq(ketch_ring_walk(ring, key, bytes, ids, SERVERS + 5), SERVERS);
            ck_assert_uint_eq(ids[0], ketch_ring_pick(ring, key, bytes));
            for (unsigned i = 0; i < SERVERS; i++) {
                if (ids[i] >= SERVERS || seen[ids[i]])
                    ck_abort_msg("key %u walks to %u twice", k, ids[i]);
                seen[ids[i]] = true;
            }
            ck_assert_uint_eq(ketch_ring_walk(ring, key, bytes, some, 3), 3);
            ck_assert_mem_eq(some, ids, sizeof(some));
            ck_assert_uint_eq(ketch_ring_walk(ring, key, bytes, some, 0), 0);
        }
        ketch_ring_unref(ring);
    }
}
END_TEST

/* The second of a walk gets the key if the first leaves: where points are not shares, and in bids. */
START_TEST(a_walk_is_the_order_of_succession)
{
    static const char *const specs[] = {"native", "mcproxy-ketama", "pymemcache",
                                        "mcrouter-rendezvous"};
    for (size_t s = 0; s < sizeof(specs) / sizeof(specs[0]); s++) {
        struct ketch_ring_builder *b = pool_of(specs[s], 9);
        struct ketch_ring *ring = pool_build(b);
        for (unsigned k = 0; k < 100; k++) {
            char key[32];
            uint32_t ids[9];
            size_t bytes = (size_t)snprintf(key, sizeof(key), "user:%08u", k);
            ck_assert_uint_eq(ketch_ring_walk(ring, key, bytes, ids, 9), 9);
            for (unsigned gone = 0; gone < 3; gone++) {
                ck_assert_int_eq(ketch_ring_builder_set_live(b, ids[gone], false), KETCH_OK);
                struct ketch_ring *less = pool_build(b);
                ck_assert_uint_eq(ketch_ring_pick(less, key, bytes), ids[gone + 1]);
                ketch_ring_unref(less);
            }
            for (unsigned gone = 0; gone < 3; gone++)
                ck_assert_int_eq(ketch_ring_builder_set_live(b, ids[gone], true), KETCH_OK);
        }
        ketch_ring_unref(ring);
        ketch_ring_builder_destroy(b);
    }
}
END_TEST

START_TEST(keys_that_hash_alike_share_a_server)
{
    struct ketch_ring *ring = pool_finish(pool_of("twemproxy,tag={}", 20));
    ck_assert_uint_eq(ketch_ring_pick(ring, "{user1}a", 8), ketch_ring_pick(ring, "{user1}bcd", 10));
    ck_assert_uint_eq(ketch_ring_pick(ring, "user1", 5), ketch_ring_pick(ring, "x{user1}", 8));
    ketch_ring_unref(ring);

    ring = pool_finish(pool_of("mcrouter-ch3", 20));
    ck_assert_uint_eq(ketch_ring_pick(ring, "/a/b/k|#|1", 10), ketch_ring_pick(ring, "k", 1));
    ck_assert_uint_eq(ketch_ring_pick(ring, "/a", 2), ketch_ring_pick(ring, "/a|#|b", 6));
    ketch_ring_unref(ring);

    struct ketch_ring *with = pool_finish(pool_of("native,prefix=app:", 20));
    struct ketch_ring *without = pool_finish(pool_of("native", 20));
    ck_assert_uint_eq(ketch_ring_pick(with, "k", 1), ketch_ring_pick(without, "app:k", 5));
    ketch_ring_unref(with);
    ketch_ring_unref(without);
}
END_TEST

/* libmemcached's HASH_WITH_PREFIX_KEY gives up above 250 bytes; the hash is 0 then. */
START_TEST(long_prefixed_keys_hash_to_nothing_in_libmemcached)
{
    struct ketch_ring *ring = pool_finish(pool_of("libmemcached-modula,prefix=12345", 7));
    char key[246];
    memset(key, 'k', sizeof(key));
    ck_assert_uint_eq(ketch_ring_pick(ring, key, 246), 0);
    key[0] = 'x';
    ck_assert_uint_eq(ketch_ring_pick(ring, key, 246), 0);
    struct ketch_ring *whole = pool_finish(pool_of("libmemcached-modula", 7));
    char text[250];
    memset(text, 'k', sizeof(text));
    memcpy(text, "12345x", 6);
    ck_assert_uint_eq(ketch_ring_pick(ring, key, 245), ketch_ring_pick(whole, text, 250));
    ketch_ring_unref(ring);
    ketch_ring_unref(whole);
}
END_TEST

START_TEST(keys_of_any_length_have_a_server)
{
    static char key[100000];
    memset(key, 'k', sizeof(key));
    for (unsigned p = 0; p < preset_count(); p++) {
        struct ketch_ring *ring =
            pool_finish(pool_of(ketch_ring_preset_name((enum ketch_ring_preset)p), 5));
        for (size_t bytes = 0; bytes <= sizeof(key); bytes = bytes * 3 + 1)
            ck_assert_uint_lt(ketch_ring_pick(ring, key, bytes), 5);
        ck_assert_uint_lt(ketch_ring_pick(ring, NULL, 0), 5);
        ketch_ring_unref(ring);
    }
}
END_TEST

/* ---- shares ---- */

START_TEST(shares_are_those_of_the_keys)
{
    enum { SERVERS = 10, KEYS = 60000 };
    static const char *const specs[] = {"native", "libmemcached-weighted", "dalli", "spymemcached",
                                        "mcproxy-default", "cache-memcached-fast",
                                        "twemproxy-modula"};
    for (size_t s = 0; s < sizeof(specs) / sizeof(specs[0]); s++) {
        struct ketch_ring_builder *b = pool_of(specs[s], SERVERS);
        ck_assert_int_eq(ketch_ring_builder_set_weight(b, 3, 4), KETCH_OK);
        struct ketch_ring *ring = pool_finish(b);
        unsigned counts[SERVERS] = {0};
        double sum = 0;
        for (unsigned k = 0; k < KEYS; k++)
            counts[pool_pick(ring, k)]++;
        for (uint32_t id = 0; id < SERVERS; id++) {
            double share = pool_view(ring, id).share;
            sum += share;
            /* Six standard deviations of so many keys; fnv of such similar keys has no such right. */
            double noise = strcmp(specs[s], "twemproxy-modula") == 0 ? 0.01 : 6 * sqrt(share / KEYS);
            ck_assert_double_eq_tol((double)counts[id] / KEYS, share, noise);
        }
        ck_assert_double_eq_tol(sum, 1, 1e-9);
        ketch_ring_unref(ring);
    }
}
END_TEST

/* The largest share by weight, compared with the mean. */
static double
largest(const struct ketch_ring *ring, uint64_t weights)
{
    double max = 0;
    for (uint32_t id = 0; id < ketch_ring_server_count(ring); id++) {
        struct ketch_server_view v;
        if (ketch_ring_server(ring, id, &v) == KETCH_OK && v.share / v.server.weight > max)
            max = v.share / v.server.weight;
    }
    return max * (double)weights;
}

/* The mean of twelve pools, which have different names. */
static double
native_balance(unsigned servers)
{
    enum { POOLS = 12 };
    double sum = 0;
    for (unsigned p = 0; p < POOLS; p++) {
        struct ketch_ring_builder *b = pool_create("native");
        for (unsigned i = 0; i < servers; i++) {
            char host[40];
            snprintf(host, sizeof(host), "10.%u.%u.%u", p, i / 250, i % 250 + 1);
            pool_add(b, host, 11211, 1);
        }
        struct ketch_ring *ring = pool_finish(b);
        sum += largest(ring, servers);
        ketch_ring_unref(ring);
    }
    return sum / POOLS;
}

START_TEST(native_rings_are_even)
{
    double ten = native_balance(10), hundred = native_balance(100);
    printf("native: the largest share is %.3f of the mean of 10 servers, %.3f of 100\n", ten, hundred);
    ck_assert_double_le(ten, 1.06);
    ck_assert_double_le(hundred, 1.11);
}
END_TEST

/* ---- diff ---- */

static double
moved(const struct ketch_ring *a, const struct ketch_ring *b)
{
    double share = -1;
    ck_assert_int_eq(ketch_ring_diff(a, b, &share), KETCH_OK);
    return share;
}

START_TEST(a_diff_is_the_share_of_keys_that_move)
{
    enum { KEYS = 40000 };
    static const char *const specs[] = {"native", "libmemcached-weighted", "dalli", "spymemcached",
                                        "twemproxy,hash=murmur", "pymemcache", "mcrouter-ch3",
                                        "gomemcache"};
    for (size_t s = 0; s < sizeof(specs) / sizeof(specs[0]); s++) {
        struct ketch_ring_builder *b = pool_of(specs[s], 10);
        struct ketch_ring *before = pool_build(b);
        ck_assert_int_eq(ketch_ring_builder_remove(b, 4), KETCH_OK);
        struct ketch_ring *after = pool_finish(b);
        unsigned count = 0;
        for (unsigned k = 0; k < KEYS; k++)
            count += pool_pick(before, k) != pool_pick(after, k);
        ck_assert_double_eq_tol(moved(before, after), (double)count / KEYS, 0.015);
        ck_assert_double_eq_tol(moved(after, before), moved(before, after), 1e-12);
        ck_assert_double_eq(moved(before, before), 0);
        ketch_ring_unref(before);
        ketch_ring_unref(after);
    }
}
END_TEST

START_TEST(a_diff_knows_servers_by_their_address)
{
    struct ketch_ring_builder *b = pool_create("libmemcached-weighted");
    pool_add(b, "10.0.0.2", 11211, 1);
    pool_add(b, "10.0.0.1", 11211, 1);
    struct ketch_ring *turned = pool_finish(b), *plain = pool_finish(pool_of("libmemcached-weighted", 2));
    ck_assert_double_eq(moved(turned, plain), 0);
    struct ketch_ring *other = pool_finish(pool_of("twemproxy,hash=md5", 2));
    ck_assert_double_eq(moved(plain, other), 0);
    struct ketch_ring *counted = pool_finish(pool_of("pymemcache", 2));
    ck_assert_double_eq_tol(moved(plain, counted), 0.5, 0.1);
    struct ketch_ring *none = pool_finish(pool_create("native"));
    ck_assert_double_eq(moved(plain, none), 1);
    ck_assert_double_eq(moved(none, none), 0);
    ketch_ring_unref(turned);
    ketch_ring_unref(plain);
    ketch_ring_unref(other);
    ketch_ring_unref(counted);
    ketch_ring_unref(none);
}
END_TEST

/* What moves, and what would have to move at least for the shares to become what they become. */
static void
moves_little(const struct ketch_ring *before, const struct ketch_ring *after)
{
    double least = 0;
    for (uint32_t id = 0; id < ketch_ring_server_count(after); id++) {
        struct ketch_server_view a = {.share = 0}, b = {.share = 0};
        (void)ketch_ring_server(before, id, &a);
        (void)ketch_ring_server(after, id, &b);
        least += fabs(a.share - b.share) / 2;
    }
    double share = moved(before, after);
    ck_assert_double_ge(share, least - 1e-12);
    ck_assert_double_le(share, 1.03 * least);
}

static void
native_changes_move_little(unsigned servers)
{
    struct ketch_ring_builder *b = pool_of("native", servers);
    for (uint32_t i = 0; i < servers; i++)
        ck_assert_int_eq(ketch_ring_builder_set_weight(b, i, 1 + i % 5), KETCH_OK);
    struct ketch_ring *plain = pool_build(b);

    uint32_t id = pool_add(b, "new", 11211, 2);
    struct ketch_ring *joined = pool_build(b);
    moves_little(plain, joined);
    double weights = 0;
    for (uint32_t i = 0; i <= servers; i++)
        weights += pool_view(joined, i).server.weight;
    /* A join takes what the new server gets, which is its weight's part but for the balance. */
    ck_assert_double_eq_tol(moved(plain, joined), pool_view(joined, id).share, 1e-9);
    ck_assert_double_eq_tol(moved(plain, joined) * weights / 2, 1, 0.09);

    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 1, 3), KETCH_OK);
    struct ketch_ring *heavier = pool_build(b);
    moves_little(joined, heavier);

    ck_assert_int_eq(ketch_ring_builder_remove(b, 2), KETCH_OK);
    struct ketch_ring *left = pool_build(b);
    moves_little(heavier, left);
    ck_assert_double_eq_tol(moved(heavier, left), pool_view(heavier, 2).share, 1e-9);
    ketch_ring_unref(plain);
    ketch_ring_unref(joined);
    ketch_ring_unref(heavier);
    ketch_ring_unref(left);
    ketch_ring_builder_destroy(b);
}

START_TEST(native_rings_move_no_more_than_they_must)
{
    native_changes_move_little(10);
    native_changes_move_little(100);
}
END_TEST

/* ---- warnings and conflicts ---- */

START_TEST(rounded_shares_are_reported)
{
    const char *text = "";
    struct ketch_ring *ring = pool_finish(pool_of("libmemcached-weighted", 25));
    ck_assert_uint_eq(ketch_ring_warnings(ring, &text, 1), 1);
    ck_assert_ptr_nonnull(strstr(text, "25 equal servers have 156 points each and not 160"));
    ketch_ring_unref(ring);
    ring = pool_finish(pool_of("libmemcached-weighted", 24));
    ck_assert_uint_eq(ketch_ring_warnings(ring, NULL, 0), 0);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(servers_without_points_are_reported)
{
    struct ketch_ring_builder *b = pool_create("libmemcached-weighted");
    pool_add(b, "heavy", 11211, 1000);
    pool_add(b, "light", 11311, 1);
    struct ketch_ring *ring = pool_finish(b);
    const char *text = "";
    ck_assert_uint_eq(pool_view(ring, 1).points, 0);
    ck_assert_uint_eq(ketch_ring_warnings(ring, &text, 1), 1);
    ck_assert_ptr_nonnull(strstr(text, "server 1 (light:11311) has no point"));
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(pool_pick(ring, i), 0);
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(warnings_are_bounded)
{
    struct ketch_ring_builder *b = pool_create("libmemcached-weighted");
    pool_add(b, "heavy", 11211, 4000000);
    for (unsigned i = 0; i < 500; i++)
        pool_add(b, "light", (uint16_t)(1 + i), 1);
    struct ketch_ring *ring = pool_finish(b);
    const char *texts[100];
    size_t count = ketch_ring_warnings(ring, texts, 100);
    ck_assert_uint_gt(count, 10);
    ck_assert_uint_lt(count, 100);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_gt(strlen(texts[i]), 10);
    ck_assert_ptr_nonnull(strstr(texts[count - 1], "more"));
    ketch_ring_unref(ring);
}
END_TEST

START_TEST(a_short_hash_on_a_long_ring_is_a_conflict)
{
    static const char *const bad[] = {"libmemcached-weighted,hash=crc", "twemproxy,hash=crc32",
                                      "native,hash=crc_nonzero", "dalli,hash=crc"};
    static const char *const good[] = {"libmemcached-weighted,hash=crc,force",
                                       "libmemcached-consistent,hash=crc",
                                       "libmemcached-modula,hash=crc", "twemproxy,hash=crc32a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ketch_ring_builder *b = pool_of(bad[i], 3);
        struct ketch_ring *ring;
        char why[200] = "";
        ck_assert_int_eq(ketch_ring_builder_build(b, &ring, why, sizeof(why)), KETCH_CONFLICT);
        ck_assert_ptr_null(ring);
        ck_assert_ptr_nonnull(strstr(why, "15 bits"));
        ketch_ring_builder_destroy(b);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ketch_ring_unref(pool_finish(pool_of(good[i], 3)));
}
END_TEST

START_TEST(a_weight_turns_libmemcached_s_consistent_ring_into_another)
{
    struct ketch_ring_builder *b = pool_of("libmemcached-consistent,hash=md5", 4);
    struct ketch_ring *plain = pool_build(b);
    ck_assert_uint_eq(pool_view(plain, 0).points, 100);
    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 2, 2), KETCH_OK);
    struct ketch_ring *weighted = pool_build(b);
    struct ketch_ring_builder *w = pool_of("libmemcached-weighted", 4);
    ck_assert_int_eq(ketch_ring_builder_set_weight(w, 2, 2), KETCH_OK);
    struct ketch_ring *same = pool_finish(w);
    same_owners(weighted, same, 2000);
    ck_assert_int_eq(ketch_ring_builder_set_weight(b, 2, 1), KETCH_OK);
    struct ketch_ring *again = pool_finish(b);
    same_owners(plain, again, 2000);
    ketch_ring_unref(plain);
    ketch_ring_unref(weighted);
    ketch_ring_unref(same);
    ketch_ring_unref(again);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *t = tcase_create("pools");
    tcase_add_test(t, a_pool_without_servers_has_no_owners);
    tcase_add_test(t, servers_that_cannot_be_are_refused);
    tcase_add_test(t, a_ring_shows_its_servers);
    tcase_add_test(t, servers_are_hashed_by_the_names_that_clients_use);
    tcase_add_test(t, a_given_name_is_hashed_where_clients_have_names);
    tcase_add_test(t, ids_stay_when_a_server_is_removed);
    tcase_add_test(t, a_ring_does_not_change_with_its_builder);
    tcase_add_test(t, pools_may_have_65535_servers);
    tcase_add_test(t, a_ring_may_have_one_point);
    tcase_add_test(t, pools_have_bounds);
    tcase_add_test(t, an_ejection_makes_the_ring_of_the_live);
    tcase_add_test(t, nobody_has_a_key_when_all_are_ejected);
    suite_add_tcase(s, t);
    t = tcase_create("look-ups");
    tcase_add_test(t, a_point_of_two_servers_is_one_s);
    tcase_add_test(t, the_loser_of_all_ties_is_reported);
    tcase_add_test(t, order_by_name_or_host_is_the_order_of_remainders);
    tcase_add_test(t, many_keys_have_the_owners_of_each);
    tcase_add_test(t, a_walk_begins_with_the_owner_and_meets_each_server_once);
    tcase_add_test(t, a_walk_is_the_order_of_succession);
    tcase_add_test(t, keys_that_hash_alike_share_a_server);
    tcase_add_test(t, long_prefixed_keys_hash_to_nothing_in_libmemcached);
    tcase_add_test(t, keys_of_any_length_have_a_server);
    suite_add_tcase(s, t);
    t = tcase_create("shares");
    tcase_add_test(t, shares_are_those_of_the_keys);
    tcase_add_test(t, native_rings_are_even);
    tcase_add_test(t, a_diff_is_the_share_of_keys_that_move);
    tcase_add_test(t, a_diff_knows_servers_by_their_address);
    tcase_add_test(t, native_rings_move_no_more_than_they_must);
    tcase_add_test(t, rounded_shares_are_reported);
    tcase_add_test(t, servers_without_points_are_reported);
    tcase_add_test(t, warnings_are_bounded);
    tcase_add_test(t, a_short_hash_on_a_long_ring_is_a_conflict);
    tcase_add_test(t, a_weight_turns_libmemcached_s_consistent_ring_into_another);
    suite_add_tcase(s, t);
}

SUITE_MAIN("ring/ring")

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fake.h"
#include "suite.h"

static struct fake f;
static struct ketch_client_conf conf;
static unsigned events[KETCH_EVENT_POOL + 1];

static void
on_event(void *arg, const struct ketch_event *e)
{
    (void)arg;
    events[e->kind]++;
}

/* A pool of so many, with gutters behind them. */
static void
prepare(size_t servers, enum ketch_eject eject)
{
    memset(events, 0, sizeof events);
    fake_init(&f);
    fake_conf(&f, &conf, servers);
    conf.policy.eject = eject;
    conf.policy.jitter_percent = 0;
    conf.policy.gutter = f.addresses + servers;
    conf.policy.gutter_count = 2;
    conf.on_event = on_event;
}

static void
begin(size_t servers, enum ketch_eject eject)
{
    prepare(servers, eject);
    fake_start(&f, &conf);
}

static void
end(void)
{
    fake_fini(&f);
}

/* A key of this server. */
static struct ketch_bytes
key_of(uint32_t server)
{
    static char names[8][16];
    static unsigned next;
    char *name = names[next++ % 8];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof names[0], "k%u", i);
        if (ketch_client_server_of(f.client, ketch_string(name)) == server)
            return ketch_string(name);
    }
    ck_abort_msg("no key of server %u", server);
}

static enum ketch_status
set(struct ketch_bytes key, struct outcome *o)
{
    return ketch_set(f.client, key, ketch_string("v"), &(struct ketch_options){.ttl_s = 1000},
                     outcome_keep, o);
}

START_TEST(without_ejection_requests_to_a_dead_server_fail_at_once)
{
    struct outcome o = {0};
    begin(3, KETCH_EJECT_NONE);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_REFUSES;
    ck_assert_int_eq(set(key, &o), KETCH_OK);
    ck_assert(o.times == 1 && o.status == KETCH_DOWN && o.error == ECONNREFUSED);
    ck_assert_uint_eq(f.servers[1].connects, 2); /* the limit */
    ck_assert(events[KETCH_EVENT_OUT] == 1);
    /* Placement does not change, and nothing is tried until the time has come. */
    ck_assert_uint_eq(ketch_client_server_of(f.client, key), KETCH_SERVER_NONE);
    ck_assert_int_eq(set(key, &o), KETCH_DOWN);
    ck_assert_uint_eq(f.servers[1].connects, 2);
    end();
    ck_assert_uint_eq(o.times, 1);
}
END_TEST

START_TEST(keys_come_home_when_the_server_is_back)
{
    static const enum ketch_eject all[] = {KETCH_EJECT_NONE, KETCH_EJECT_REBUILD, KETCH_EJECT_NEXT,
                                           KETCH_EJECT_GUTTER};
    struct outcome o = {0};
    begin(3, all[_i]);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_REFUSES;
    set(key, &o);
    ck_assert_uint_ne(ketch_client_server_of(f.client, key), 1);
    f.servers[1].manner = FAKE_ACCEPTS;
    fake_advance(&f, 999);
    ck_assert(!fake_is_connected(&f, 1));
    fake_advance(&f, 1);
    /* It must answer a question before it gets requests. */
    ck_assert_str_eq(fake_heard(&f, 1), "mn probe\r\n");
    ck_assert_uint_ne(ketch_client_server_of(f.client, key), 1);
    fake_say(&f, 1, "MN\r\n");
    ck_assert_uint_eq(ketch_client_server_of(f.client, key), 1);
    ck_assert_uint_eq(events[KETCH_EVENT_BACK], 1);
    end();
}
END_TEST

START_TEST(rebuilding_moves_the_keys_as_a_smaller_pool_has_them)
{
    struct outcome o = {0};
    char name[16];
    uint32_t after[200], smaller[200];
    begin(3, KETCH_EJECT_REBUILD);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_REFUSES;
    set(key, &o);
    /* The request went where its key belongs now. */
    uint32_t now = ketch_client_server_of(f.client, key);
    ck_assert(now == 0 || now == 2);
    ck_assert(strncmp(fake_heard(&f, now), "ms ", 3) == 0);
    fake_say(&f, now, "HD O0\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_OK && o.server == now);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "x%d", i);
        after[i] = ketch_client_server_of(f.client, ketch_string(name));
    }
    end();
    struct ketch_server two[] = {f.addresses[0], f.addresses[2]};
    conf.servers = two;
    conf.server_count = 2;
    fake_start(&f, &conf);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "x%d", i);
        smaller[i] = ketch_client_server_of(f.client, ketch_string(name)) == 0 ? 0 : 2;
        ck_assert_uint_eq(after[i], smaller[i]);
    }
    end();
}
END_TEST

START_TEST(next_takes_the_next_server_of_the_same_ring)
{
    struct outcome o = {0};
    char name[16];
    begin(3, KETCH_EJECT_NEXT);
    uint32_t before[200];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "x%d", i);
        before[i] = ketch_client_server_of(f.client, ketch_string(name));
    }
    f.servers[1].manner = FAKE_REFUSES;
    set(key_of(1), &o);
    unsigned to[3] = {0};
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "x%d", i);
        uint32_t after = ketch_client_server_of(f.client, ketch_string(name));
        ck_assert_uint_ne(after, 1);
        if (before[i] != 1)
            ck_assert_uint_eq(after, before[i]);
        else
            to[after]++;
    }
    ck_assert(to[0] > 0 && to[2] > 0);
    /* All dead: that is said. */
    f.servers[0].manner = f.servers[2].manner = FAKE_REFUSES;
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    fake_hang_up(&f, 2, KETCH_LOST, 0);
    struct outcome last = {0};
    enum ketch_status status = KETCH_OK;
    for (int i = 0; i < 5 && status == KETCH_OK; i++)
        status = set(ketch_string("x1"), &last);
    ck_assert_int_eq(status, KETCH_NO_SERVER);
    end();
}
END_TEST

START_TEST(the_gutter_takes_keys_for_a_short_time)
{
    struct outcome o = {0};
    prepare(3, KETCH_EJECT_GUTTER);
    conf.policy.gutter_ttl_s = 10;
    fake_start(&f, &conf);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_REFUSES;
    set(key, &o);
    uint32_t now = ketch_client_server_of(f.client, key);
    ck_assert(now == 3 || now == 4);
    fake_heard(&f, now);
    ck_assert_int_eq(set(key, &o), KETCH_OK);
    ck_assert_ptr_nonnull(strstr(fake_heard(&f, now), " T10 "));
    end();
}
END_TEST

START_TEST(retries_come_less_and_less_often)
{
    struct outcome o = {0};
    begin(2, KETCH_EJECT_NONE);
    f.servers[1].manner = FAKE_REFUSES;
    set(key_of(1), &o);
    unsigned tried = f.servers[1].connects;
    static const int64_t pauses_s[] = {1, 2, 4, 8, 16, 30, 30, 30};
    for (size_t i = 0; i < 8; i++) {
        fake_advance(&f, pauses_s[i] * 1000 - 1);
        ck_assert_uint_eq(f.servers[1].connects, tried);
        fake_advance(&f, 1);
        ck_assert_uint_eq(f.servers[1].connects, ++tried);
    }
    end();
}
END_TEST

START_TEST(jitter_spreads_the_retries)
{
    int64_t first = 0;
    bool differs = false;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct outcome o = {0};
        prepare(2, KETCH_EJECT_NONE);
        conf.policy.jitter_percent = 20;
        conf.seed = seed;
        fake_start(&f, &conf);
        f.servers[1].manner = FAKE_REFUSES;
        set(key_of(1), &o);
        int64_t pause_us = f.timer_us - f.now_us;
        ck_assert(pause_us >= 800000 && pause_us <= 1200000);
        differs |= first != 0 && pause_us != first;
        first = pause_us;
        end();
    }
    ck_assert(differs);
}
END_TEST

START_TEST(timeouts_put_a_silent_server_out)
{
    struct outcome o = {0}, other = {0};
    begin(2, KETCH_EJECT_REBUILD);
    struct ketch_bytes key = key_of(1);
    for (int i = 0; i < 3; i++) /* of the same moment: one failure */
        ck_assert_int_eq(set(key, &o), KETCH_OK);
    fake_heard(&f, 1);
    fake_advance(&f, 1000);
    ck_assert(o.times == 3 && o.status == KETCH_TIMEOUT && events[KETCH_EVENT_OUT] == 0);
    set(key, &o);
    fake_advance(&f, 500);
    set(key, &other);
    fake_heard(&f, 1);
    fake_advance(&f, 500);
    ck_assert(o.times == 4 && events[KETCH_EVENT_OUT] == 1);
    ck_assert(!fake_is_connected(&f, 1));
    ck_assert_uint_eq(ketch_client_server_of(f.client, key), 0);
    ck_assert(other.times == 1 && other.status == KETCH_LOST);
    end();
}
END_TEST

START_TEST(failures_count_within_their_window_only)
{
    struct outcome o = {0};
    begin(2, KETCH_EJECT_NONE);
    struct ketch_bytes key = key_of(1);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(set(key, &o), KETCH_OK);
        fake_heard(&f, 1);
        fake_hang_up(&f, 1, KETCH_LOST, 0);
        ck_assert(o.status == KETCH_LOST);
        fake_advance(&f, 10001);
    }
    ck_assert_uint_eq(events[KETCH_EVENT_OUT], 0);
    end();
}
END_TEST

static unsigned each_times, done_times;
static uint32_t each_server[64];

static void
each(void *arg, const struct ketch_result *r)
{
    (void)arg;
    each_times++;
    each_server[r->index] = r->server;
}

static void
done(void *arg, const struct ketch_result *r)
{
    (void)arg, (void)r;
    done_times++;
}

START_TEST(many_keys_are_divided_anew)
{
    struct ketch_bytes keys[40];
    char names[40][16];
    each_times = done_times = 0;
    begin(3, KETCH_EJECT_NEXT);
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "m%d", i);
        keys[i] = ketch_string(names[i]);
    }
    f.servers[1].manner = FAKE_REFUSES;
    for (int round = 1; round <= 2; round++) { /* while it goes out, and when it is */
        ck_assert_int_eq(ketch_mget(f.client, keys, 40, NULL, each, done, NULL), KETCH_OK);
        for (int i = 0; i < 3; i += 2)
            for (const char *said = fake_heard(&f, (size_t)i); *said != '\0';
                 said = strchr(said, '\n') + 1)
                if (strncmp(said, "mn", 2) == 0)
                    ck_assert(fake_say(&f, (size_t)i, "MN\r\n"));
        ck_assert_uint_eq(each_times, 40 * (unsigned)round);
        ck_assert_uint_eq(done_times, (unsigned)round);
        for (int i = 0; i < 40; i++)
            ck_assert_uint_eq(each_server[i], ketch_client_server_of(f.client, keys[i]));
    }
    end();
}
END_TEST

START_TEST(a_slow_connection_is_given_up)
{
    struct outcome o = {0};
    prepare(2, KETCH_EJECT_NONE);
    conf.connect_timeout_ms = 100;
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_IS_SLOW;
    ck_assert_int_eq(set(key, &o), KETCH_OK);
    fake_advance(&f, 99);
    ck_assert_uint_eq(o.times, 0);
    fake_advance(&f, 1);
    ck_assert(o.times == 1 && o.status == KETCH_DOWN && o.error == ETIMEDOUT);
    end();
}
END_TEST

START_TEST(what_moves_to_the_gutter_does_not_live_long_there_either)
{
    struct outcome o = {0};
    prepare(2, KETCH_EJECT_GUTTER);
    conf.policy.gutter_ttl_s = 60;
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    struct ketch_bytes key = key_of(1);
    f.servers[1].manner = FAKE_IS_SLOW;
    ck_assert_int_eq(set(key, &o), KETCH_OK); /* waits for its own server */
    fake_hang_up(&f, 1, KETCH_DOWN, ECONNREFUSED);
    size_t gutter = f.servers[2].conn != NULL ? 2 : 3;
    ck_assert_ptr_nonnull(strstr(fake_heard(&f, gutter), " T60 "));
    end();
}
END_TEST

START_TEST(a_spare_server_that_is_in_the_pool_too_is_another_one)
{
    prepare(2, KETCH_EJECT_GUTTER);
    conf.policy.gutter = f.addresses;
    conf.policy.gutter_ttl_s = 60;
    fake_start(&f, &conf);
    struct outcome o = {0};
    struct ketch_bytes key = key_of(1);
    ck_assert_int_eq(set(key, &o), KETCH_OK);
    ck_assert_ptr_nonnull(strstr(fake_heard(&f, 1), " T1000 "));
    fake_say(&f, 1, "HD O0\r\n");
    ck_assert(o.status == KETCH_OK && o.server == 1);
    ck_assert_uint_eq(ketch_client_server_of(f.client, key), 1);
    end();
}
END_TEST

static void
keep_status(void *arg, const struct ketch_result *r)
{
    *(enum ketch_status *)arg = r->status;
}

START_TEST(many_keys_are_told_why_their_server_is_out)
{
    enum ketch_status status = KETCH_OK;
    prepare(1, KETCH_EJECT_NONE);
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    f.servers[0].manner = FAKE_IS_SLOW;
    struct ketch_bytes key = ketch_string("a");
    for (int round = 0; round < 2; round++) { /* while it goes out, and when it is */
        ck_assert_int_eq(ketch_mget(f.client, &key, 1, NULL, keep_status, keep_status, &status),
                         KETCH_OK);
        fake_hang_up(&f, 0, KETCH_TLS, 0);
        ck_assert_int_eq(status, KETCH_TLS);
        status = KETCH_OK;
    }
    end();
}
END_TEST

/* Server 1 of two is out, speaks an unknown protocol, and is asked for it at its first retry. */
static void
begin_with_unknown_that_is_out(enum ketch_protocol protocol, struct outcome *o)
{
    prepare(2, KETCH_EJECT_NONE);
    conf.protocol = protocol;
    fake_start(&f, &conf);
    f.servers[1].manner = FAKE_REFUSES;
    set(key_of(1), o);
    ck_assert_uint_eq(events[KETCH_EVENT_OUT], 1);
    f.servers[1].manner = FAKE_ACCEPTS;
    fake_advance(&f, 1000);
    ck_assert_str_eq(fake_heard(&f, 1), "mn probe\r\n");
}

static void
wait_for_a_retry(size_t server)
{
    for (int i = 0; i < 320 && !fake_is_connected(&f, server); i++)
        fake_advance(&f, 100);
}

/* What hangs up may be a proxy that does not know 'mn', or one whose server is not up yet. */
START_TEST(who_hangs_up_at_a_retry_is_asked_otherwise_and_then_again)
{
    struct outcome o = {0};
    begin_with_unknown_that_is_out(KETCH_PROTOCOL_AUTO, &o);
    for (int i = 0; i < 3; i++) {
        fake_hang_up(&f, 1, KETCH_LOST, 0);
        fake_advance(&f, 1);
        ck_assert_str_eq(fake_heard(&f, 1), "version\r\n");
        fake_hang_up(&f, 1, KETCH_LOST, 0);
        fake_advance(&f, 1000);
        ck_assert(!fake_is_connected(&f, 1)); /* it waits longer each time */
        wait_for_a_retry(1);
        ck_assert_str_eq(fake_heard(&f, 1), "mn probe\r\n");
    }
    fake_say(&f, 1, "MN\r\n");
    ck_assert_uint_eq(events[KETCH_EVENT_BACK], 1);
    ck_assert_int_eq(ketch_client_server_protocol(f.client, 1), KETCH_PROTOCOL_META);
    end();
}
END_TEST

START_TEST(a_proxy_that_hangs_up_at_a_retry_is_back_when_asked_otherwise)
{
    struct outcome o = {0};
    begin_with_unknown_that_is_out(KETCH_PROTOCOL_AUTO, &o);
    fake_hang_up(&f, 1, KETCH_LOST, 0);
    fake_advance(&f, 1);
    fake_heard(&f, 1);
    fake_say(&f, 1, "VERSION 1\r\n");
    ck_assert_uint_eq(events[KETCH_EVENT_BACK], 1);
    ck_assert_int_eq(ketch_client_server_protocol(f.client, 1), KETCH_PROTOCOL_TEXT);
    end();
}
END_TEST

/* That this process has no memory is not the server's failure; it is tried again all the same. */
START_TEST(a_retry_that_ends_for_want_of_memory_is_followed_by_another)
{
    struct outcome o = {0};
    begin_with_unknown_that_is_out(KETCH_PROTOCOL_META, &o);
    fake_hang_up(&f, 1, KETCH_NO_MEMORY, ENOMEM);
    wait_for_a_retry(1);
    ck_assert_str_eq(fake_heard(&f, 1), "mn probe\r\n");
    fake_say(&f, 1, "MN\r\n");
    ck_assert_uint_eq(events[KETCH_EVENT_BACK], 1);
    end();
}
END_TEST

/* A balancer whose servers are not up takes connections, and ends them. */
START_TEST(a_protocol_that_was_guessed_is_forgotten_when_the_server_is_out)
{
    struct outcome o = {0};
    prepare(1, KETCH_EJECT_NONE);
    conf.protocol = KETCH_PROTOCOL_AUTO;
    fake_start(&f, &conf);
    set(ketch_string("k"), &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "set k 0 1000 1\r\nv\r\n");
    ck_assert_int_eq(ketch_client_server_protocol(f.client, 0), KETCH_PROTOCOL_TEXT);
    for (int i = 0; i < 3 && events[KETCH_EVENT_OUT] == 0; i++) {
        fake_hang_up(&f, 0, KETCH_LOST, 0);
        set(ketch_string("k"), &o);
    }
    ck_assert_uint_eq(events[KETCH_EVENT_OUT], 1);
    fake_advance(&f, 1000);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    end();
}
END_TEST

static void
ask_on_disconnection(void *arg, const struct ketch_event *e)
{
    static struct outcome o;
    (void)arg;
    on_event(arg, e);
    if (e->kind == KETCH_EVENT_DISCONNECTED)
        (void)!ketch_get(f.client, ketch_string("k"), NULL, outcome_keep, &o);
}

/* A callback connects to the server whose failure is just being told. */
START_TEST(a_server_that_is_out_has_no_connection_and_is_tried_again)
{
    struct outcome o = {0};
    prepare(1, KETCH_EJECT_NONE);
    conf.policy.limit = 1;
    conf.on_event = ask_on_disconnection;
    fake_start(&f, &conf);
    set(key_of(0), &o);
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    ck_assert_uint_eq(events[KETCH_EVENT_OUT], 1);
    ck_assert(!fake_is_connected(&f, 0));
    fake_heard(&f, 0);
    fake_advance(&f, 1000);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    end();
}
END_TEST

/* One of eighteen is left, and may be the last on the way of a key. */
START_TEST(next_goes_as_far_as_there_are_servers)
{
    struct outcome o = {0};
    prepare(18, KETCH_EJECT_NEXT);
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    for (uint32_t i = 0; i < 17; i++)
        f.servers[i].manner = FAKE_REFUSES;
    for (uint32_t i = 0; i < 1000 && events[KETCH_EVENT_OUT] < 17; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", i);
        set(ketch_string(name), &o);
    }
    ck_assert_uint_eq(events[KETCH_EVENT_OUT], 17);
    for (uint32_t i = 0; i < 1000; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", i);
        ck_assert_uint_eq(ketch_client_server_of(f.client, ketch_string(name)), 17);
    }
    end();
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("policy");
    tcase_add_test(c, who_hangs_up_at_a_retry_is_asked_otherwise_and_then_again);
    tcase_add_test(c, a_proxy_that_hangs_up_at_a_retry_is_back_when_asked_otherwise);
    tcase_add_test(c, a_retry_that_ends_for_want_of_memory_is_followed_by_another);
    tcase_add_test(c, a_protocol_that_was_guessed_is_forgotten_when_the_server_is_out);
    tcase_add_test(c, a_server_that_is_out_has_no_connection_and_is_tried_again);
    tcase_add_test(c, next_goes_as_far_as_there_are_servers);
    tcase_add_test(c, without_ejection_requests_to_a_dead_server_fail_at_once);
    tcase_add_loop_test(c, keys_come_home_when_the_server_is_back, 0, 4);
    tcase_add_test(c, rebuilding_moves_the_keys_as_a_smaller_pool_has_them);
    tcase_add_test(c, next_takes_the_next_server_of_the_same_ring);
    tcase_add_test(c, the_gutter_takes_keys_for_a_short_time);
    tcase_add_test(c, retries_come_less_and_less_often);
    tcase_add_test(c, jitter_spreads_the_retries);
    tcase_add_test(c, timeouts_put_a_silent_server_out);
    tcase_add_test(c, failures_count_within_their_window_only);
    tcase_add_test(c, many_keys_are_divided_anew);
    tcase_add_test(c, a_slow_connection_is_given_up);
    tcase_add_test(c, what_moves_to_the_gutter_does_not_live_long_there_either);
    tcase_add_test(c, a_spare_server_that_is_in_the_pool_too_is_another_one);
    tcase_add_test(c, many_keys_are_told_why_their_server_is_out);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/policy")

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <ketch/wait.h>
#include "fake.h"
#include "suite.h"
#include "client/key.h"

static struct fake f;

static void
begin(size_t servers, enum ketch_protocol protocol)
{
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, servers);
    conf.protocol = protocol;
    fake_start(&f, &conf);
}

static void
begin_meta(void)
{
    begin(1, KETCH_PROTOCOL_META);
}

static void
end(void)
{
    fake_fini(&f);
}

static struct ketch_bytes
key(const char *s)
{
    return ketch_string(s);
}

static void
get(const char *k, struct outcome *o)
{
    ck_assert_int_eq(ketch_get(f.client, key(k), NULL, outcome_keep, o), KETCH_OK);
}

/* ---- single requests ---- */

START_TEST(a_value_comes_back_by_meta)
{
    struct outcome o = {0};
    begin_meta();
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O0\r\n");
    fake_say(&f, 0, "VA 5 f9 O0\r\nhello\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_OK && o.flags == 9 && o.server == 0);
    ck_assert_str_eq(o.value, "hello");
    ck_assert_str_eq(o.key, "foo");
    get("foo", &o);
    fake_say(&f, 0, "EN O1\r\n");
    ck_assert(o.times == 2 && o.status == KETCH_MISS);
    end();
    ck_assert_uint_eq(o.times, 2);
}
END_TEST

START_TEST(a_value_comes_back_by_text)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_TEXT);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "get foo\r\n");
    fake_say(&f, 0, "VALUE foo 9 5\r\nhello\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_OK && o.flags == 9);
    fake_say(&f, 0, "END\r\n");
    get("foo", &o);
    fake_say(&f, 0, "END\r\n");
    ck_assert(o.times == 2 && o.status == KETCH_MISS);
    end();
}
END_TEST

/* What is sent for each verb in both protocols, and what its replies mean.  NULL: text cannot. */
static const struct verb_case {
    enum ketch_verb verb;
    const char *value;
    struct ketch_options options;
    const char *meta, *text;
    const char *meta_reply, *text_reply;
    enum ketch_status status;
} verbs[] = {
    {KETCH_VERB_GET, NULL, {.want = KETCH_WANT_CAS}, "mg k v f c O0\r\n", "gets k\r\n",
     "VA 1 f0 c7 O0\r\nx\r\n", "VALUE k 0 1 7\r\nx\r\nEND\r\n", KETCH_OK},
    {KETCH_VERB_GAT, NULL, {.ttl_s = 5}, "mg k T5 v f O0\r\n", "gat 5 k\r\n", "EN O0\r\n",
     "END\r\n", KETCH_MISS},
    {KETCH_VERB_TOUCH, NULL, {.ttl_s = 5}, "mg k T5 O0\r\n", "touch k 5\r\n", "HD O0\r\n",
     "TOUCHED\r\n", KETCH_OK},
    {KETCH_VERB_TOUCH, NULL, {.ttl_s = -5}, "mg k T-1 O0\r\n", "touch k -1\r\n", "EN O0\r\n",
     "NOT_FOUND\r\n", KETCH_MISS},
    {KETCH_VERB_SET, "abc", {.flags = 3, .ttl_s = 9}, "ms k 3 F3 T9 O0\r\nabc\r\n",
     "set k 3 9 3\r\nabc\r\n", "HD O0\r\n", "STORED\r\n", KETCH_OK},
    {KETCH_VERB_SET, "", {0}, "ms k 0 O0\r\n\r\n", "set k 0 0 0\r\n\r\n", "NS O0\r\n",
     "NOT_STORED\r\n", KETCH_NOT_STORED},
    {KETCH_VERB_SET, "a", {.cas = 8}, "ms k 1 C8 O0\r\na\r\n", "cas k 0 0 1 8\r\na\r\n", "EX O0\r\n",
     "EXISTS\r\n", KETCH_EXISTS},
    {KETCH_VERB_ADD, "a", {0}, "ms k 1 ME O0\r\na\r\n", "add k 0 0 1\r\na\r\n", "NS O0\r\n",
     "NOT_STORED\r\n", KETCH_NOT_STORED},
    {KETCH_VERB_REPLACE, "a", {0}, "ms k 1 MR O0\r\na\r\n", "replace k 0 0 1\r\na\r\n",
     "HD O0\r\n", "STORED\r\n", KETCH_OK},
    {KETCH_VERB_APPEND, "a", {0}, "ms k 1 MA O0\r\na\r\n", "append k 0 0 1\r\na\r\n", "NS O0\r\n",
     "NOT_STORED\r\n", KETCH_NOT_STORED},
    {KETCH_VERB_PREPEND, "a", {0}, "ms k 1 MP O0\r\na\r\n", "prepend k 0 0 1\r\na\r\n", "HD O0\r\n",
     "STORED\r\n", KETCH_OK},
    {KETCH_VERB_APPEND, "a", {.cas = 4}, "ms k 1 MA C4 O0\r\na\r\n", NULL, "EX O0\r\n", NULL,
     KETCH_EXISTS},
    {KETCH_VERB_CAS, "a", {.cas = 4}, "ms k 1 C4 O0\r\na\r\n", "cas k 0 0 1 4\r\na\r\n", "NF O0\r\n",
     "NOT_FOUND\r\n", KETCH_MISS},
    {KETCH_VERB_INCR, NULL, {0}, "ma k v D2 O0\r\n", "incr k 2\r\n", "VA 2 O0\r\n42\r\n", "42\r\n",
     KETCH_OK},
    {KETCH_VERB_DECR, NULL, {0}, "ma k v MD D2 O0\r\n", "decr k 2\r\n", "NF O0\r\n",
     "NOT_FOUND\r\n", KETCH_MISS},
    {KETCH_VERB_DELETE, NULL, {0}, "md k O0\r\n", "delete k\r\n", "HD O0\r\n", "DELETED\r\n", KETCH_OK},
    {KETCH_VERB_DELETE, NULL, {.cas = 2}, "md k C2 O0\r\n", NULL, "EX O0\r\n", NULL, KETCH_EXISTS},
    {KETCH_VERB_INVALIDATE, NULL, {.ttl_s = 30}, "md k I T30 O0\r\n", NULL, "NF O0\r\n", NULL,
     KETCH_MISS},
    {KETCH_VERB_SET, "a", {.ttl_s = 2592000}, "ms k 1 T2592000 O0\r\na\r\n",
     "set k 0 2592000 1\r\na\r\n", "HD O0\r\n", "STORED\r\n", KETCH_OK},
    /* Beyond 30 days a date; beyond what 31 bits hold, the last one. */
    {KETCH_VERB_SET, "a", {.ttl_s = 2592001}, "ms k 1 T1702592001 O0\r\na\r\n",
     "set k 0 1702592001 1\r\na\r\n", "HD O0\r\n", "STORED\r\n", KETCH_OK},
    {KETCH_VERB_SET, "a", {.ttl_s = INT64_MAX}, "ms k 1 T2147483647 O0\r\na\r\n",
     "set k 0 2147483647 1\r\na\r\n", "HD O0\r\n", "STORED\r\n", KETCH_OK},
    {KETCH_VERB_SET, "a", {0}, "ms k 1 O0\r\na\r\n", "set k 0 0 1\r\na\r\n",
     "SERVER_ERROR object too large for cache\r\n", "SERVER_ERROR object too large for cache\r\n",
     KETCH_TOO_LARGE},
    {KETCH_VERB_INCR, NULL, {0}, "ma k v D2 O0\r\n", "incr k 2\r\n",
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n", KETCH_CLIENT_ERROR},
    {KETCH_VERB_GET, NULL, {0}, "mg k v f O0\r\n", "get k\r\n", "SERVER_ERROR out of memory\r\n",
     "SERVER_ERROR out of memory\r\n", KETCH_SERVER_ERROR},
    {KETCH_VERB_VERSION, NULL, {0}, "version\r\n", "version\r\n", "VERSION 1\r\n", "VERSION 1\r\n",
     KETCH_OK},
    {KETCH_VERB_FLUSH, NULL, {0}, "flush_all 2\r\n", "flush_all 2\r\n", "OK\r\n", "OK\r\n", KETCH_OK},
};

static void
play_verb(const struct verb_case *v, enum ketch_protocol protocol, const char *sent, const char *reply,
          bool byte_by_byte)
{
    struct outcome o = {0}, after = {0};
    struct ketch_request r = {.verb = v->verb, .key = key("k"), .delta = 2, .options = v->options,
                              .done = outcome_keep, .arg = &o};
    if (v->value != NULL)
        r.value = ketch_string(v->value);
    begin(1, protocol);
    f.byte_by_byte = byte_by_byte;
    enum ketch_status status = ketch_submit(f.client, &r);
    if (sent == NULL) {
        /* The connection is made for it, and then it cannot be said. */
        ck_assert(status == KETCH_UNSUPPORTED || o.status == KETCH_UNSUPPORTED);
        end();
        ck_assert_uint_le(o.times, 1);
        return;
    }
    ck_assert_int_eq(status, KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), sent);
    ck_assert(fake_say(&f, 0, reply));
    ck_assert_msg(o.times == 1 && o.status == v->status, "%s%s: %s", sent, reply,
                  ketch_status_text(o.status));
    /* Still in step. */
    get("next", &after);
    fake_say(&f, 0, protocol == KETCH_PROTOCOL_META ? "VA 1 f0 O1\r\nn\r\n"
                                                    : "VALUE next 0 1\r\nn\r\nEND\r\n");
    ck_assert(after.status == KETCH_OK && strcmp(after.value, "n") == 0);
    end();
    ck_assert_uint_eq(o.times, 1);
}

START_TEST(every_verb_is_spoken_in_both_protocols)
{
    const struct verb_case *v = &verbs[_i];
    for (int slowly = 0; slowly < 2; slowly++) {
        play_verb(v, KETCH_PROTOCOL_META, v->meta, v->meta_reply, slowly);
        play_verb(v, KETCH_PROTOCOL_TEXT, v->text, v->text_reply, slowly);
    }
}
END_TEST

START_TEST(a_number_is_made_where_there_is_none)
{
    struct outcome o = {0};
    struct ketch_options options = {.initial = 10, .ttl_s = 60, .want = KETCH_WANT_INITIAL};
    begin_meta();
    ck_assert(ketch_incr(f.client, key("n"), 3, &options, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "ma n v D3 N60 J10 O0\r\n");
    fake_say(&f, 0, "VA 2 O0\r\n10\r\n");
    ck_assert(o.status == KETCH_OK && o.number == 10);
    end();

    /* In text: incr, add, and incr again if somebody else was faster. */
    begin(1, KETCH_PROTOCOL_TEXT);
    ck_assert(ketch_incr(f.client, key("n"), 3, &options, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "incr n 3\r\n");
    fake_say(&f, 0, "NOT_FOUND\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "add n 0 60 2\r\n10\r\n");
    fake_say(&f, 0, "NOT_STORED\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "incr n 3\r\n");
    fake_say(&f, 0, "13\r\n");
    ck_assert(o.times == 2 && o.status == KETCH_OK && o.number == 13);
    end();
}
END_TEST

START_TEST(keys_cannot_break_the_stream)
{
    static const struct {
        const char *p;
        size_t bytes;
    } odd[] = {{"a b", 3}, {"a\r\nflush_all\r\n", 14}, {"a\0b", 3}, {"\x7f", 1}};
    char longest[251];
    struct outcome o = {0};
    memset(longest, 'x', sizeof longest);
    begin(1, KETCH_PROTOCOL_TEXT);
    for (size_t i = 0; i < 4; i++)
        ck_assert(ketch_get(f.client, ketch_bytes_of(odd[i].p, odd[i].bytes), NULL, outcome_keep,
                            &o) == KETCH_BAD_KEY);
    ck_assert(ketch_get(f.client, key(""), NULL, outcome_keep, &o) == KETCH_BAD_KEY);
    ck_assert(ketch_get(f.client, ketch_bytes_of(longest, 251), NULL, outcome_keep, &o) == KETCH_BAD_KEY);
    struct ketch_bytes endless = ketch_bytes_of(longest, SIZE_MAX);
    ck_assert(ketch_get(f.client, endless, NULL, outcome_keep, &o) == KETCH_BAD_KEY);
    ck_assert(ketch_mget(f.client, &endless, 1, NULL, outcome_keep, outcome_keep, &o) == KETCH_BAD_KEY);
    ck_assert(ketch_fetch(f.client, endless, NULL, outcome_keep, &o) == KETCH_BAD_KEY);
    ck_assert_uint_eq(ketch_client_server_of(f.client, endless), KETCH_SERVER_NONE);
    ck_assert(ketch_get(f.client, ketch_bytes_of(longest, 250), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert(ketch_get(f.client, key("\xc3\xa4"), NULL, outcome_keep, &o) == KETCH_OK);
    end();
    ck_assert_uint_eq(o.times, 2);

    begin_meta();
    ck_assert(ketch_set(f.client, ketch_bytes_of("a\r\nb", 4), key("v"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "ms YQ0KYg== 1 b O0\r\nv\r\n");
    fake_say(&f, 0, "HD O0\r\n");
    ck_assert_int_eq(o.status, KETCH_OK);
    longest[0] = '\n';
    ck_assert(ketch_get(f.client, ketch_bytes_of(longest, 187), NULL, outcome_keep, &o) == KETCH_BAD_KEY);
    ck_assert(ketch_get(f.client, ketch_bytes_of(longest, 186), NULL, outcome_keep, &o) == KETCH_OK);
    end();
}
END_TEST

/* Each byte in each place of keys of several lengths. */
START_TEST(every_byte_that_breaks_a_line_is_found)
{
    char k[20];
    for (size_t bytes = 1; bytes <= sizeof k; bytes++)
        for (size_t at = 0; at < bytes; at++)
            for (int byte = 0; byte < 256; byte++) {
                memset(k, bytes % 2 ? '!' : '\xff', sizeof k);
                k[at] = (char)byte;
                bool plain = byte > 0x20 && byte != 0x7f;
                if (key_is_plain(ketch_bytes_of(k, bytes)) != plain)
                    ck_abort_msg("byte %d at %zu of %zu", byte, at, bytes);
            }
}
END_TEST

START_TEST(a_prefix_goes_before_every_key)
{
    struct ketch_client_conf conf;
    struct outcome o = {0};
    fake_init(&f);
    fake_conf(&f, &conf, 4);
    conf.prefix = ketch_string("app:");
    fake_start(&f, &conf);
    uint32_t of_bare = ketch_client_server_of(f.client, key("foo"));
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, of_bare), "mg app:foo v f O0\r\n");
    fake_say(&f, of_bare, "EN O0\r\n");
    ck_assert_str_eq(o.key, "foo");
    end();
    /* Hashed or not makes a difference for some key. */
    bool differs = false;
    char name[16];
    uint32_t owners[64];
    for (int hashed = 0; hashed < 2; hashed++) {
        conf.prefix_hashed = hashed;
        fake_start(&f, &conf);
        for (int i = 0; i < 64; i++) {
            snprintf(name, sizeof name, "k%d", i);
            uint32_t owner = ketch_client_server_of(f.client, key(name));
            if (hashed)
                differs |= owner != owners[i];
            owners[i] = owner;
        }
        end();
    }
    ck_assert(differs);
}
END_TEST

START_TEST(raw_meta_commands_show_their_flags)
{
    struct outcome o = {0};
    begin_meta();
    struct ketch_bytes none = {NULL, 0};
    ck_assert(ketch_meta(f.client, "mg", key("k"), none, key("t v N30"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "mg k t v N30 O0\r\n");
    fake_say(&f, 0, "VA 1 t30 O0 W\r\nx\r\n");
    ck_assert(o.status == KETCH_OK && o.marks == KETCH_WON);
    ck_assert_str_eq(o.code, "VA");
    ck_assert_str_eq(o.meta, " t30 O0 W");
    static const char *const wrong[] = {"q", "v q", "k", "Ox", "b", "v\r\nflush_all", "v\tt"};
    for (size_t i = 0; i < 7; i++)
        ck_assert(ketch_meta(f.client, "mg", key("k"), none, key(wrong[i]), NULL, outcome_keep, &o) == KETCH_INVALID);
    ck_assert(ketch_meta(f.client, "mn", key("k"), none, none, NULL, outcome_keep, &o) == KETCH_INVALID);
    ck_assert(ketch_meta(f.client, "ms", key("k"), none, none, NULL, outcome_keep, &o) == KETCH_INVALID);
    ck_assert_str_eq(fake_heard(&f, 0), "");
    end();
}
END_TEST

static void
count_line(void *arg, const struct ketch_result *r)
{
    char *text = arg;
    sprintf(text + strlen(text), "%.*s=%.*s;", (int)r->key.bytes, (const char *)r->key.p,
            (int)r->value.bytes, (const char *)r->value.p);
}

static void
end_line(void *arg, const struct ketch_result *r)
{
    char *text = arg;
    sprintf(text + strlen(text), "%s", r->text);
}

START_TEST(stats_come_line_by_line)
{
    char text[200] = "";
    begin_meta();
    ck_assert(ketch_stats(f.client, 0, key("slabs"), NULL, count_line, end_line, text) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "stats slabs\r\n");
    fake_say(&f, 0, "STAT a 1\r\nSTAT b two words\r\nSTAT empty\r\nEND\r\n");
    ck_assert_str_eq(text, "a=1;b=two words;empty=;done");
    ck_assert(ketch_stats(f.client, 0, key("x\r\n"), NULL, count_line, end_line, text) == KETCH_INVALID);
    ck_assert(ketch_stats(f.client, 1, key(""), NULL, count_line, end_line, text) == KETCH_INVALID);
    end();
}
END_TEST

/* More than 30 days would be a date. */
START_TEST(a_flush_may_be_put_off_for_long)
{
    struct outcome o = {0};
    begin_meta();
    ck_assert(ketch_flush(f.client, 0, 2592000, NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "flush_all 2592000\r\n");
    ck_assert(ketch_flush(f.client, 0, 2592001, NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "flush_all 1702592001\r\n");
    end();
}
END_TEST

/* ---- staying in step ---- */

START_TEST(a_late_reply_is_thrown_away)
{
    struct outcome first = {0}, second = {0};
    struct ketch_counters c;
    begin_meta();
    get("foo", &first);
    fake_heard(&f, 0);
    fake_advance(&f, 1000);
    ck_assert(first.times == 1 && first.status == KETCH_TIMEOUT);
    get("foo", &second);
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O1\r\n");
    fake_say(&f, 0, "VA 3 f0 O0\r\nold\r\n");
    ck_assert_uint_eq(second.times, 0);
    fake_say(&f, 0, "VA 3 f0 O1\r\nnew\r\n");
    ck_assert(second.times == 1 && strcmp(second.value, "new") == 0);
    ck_assert_uint_eq(first.times, 1);
    ketch_client_counters(f.client, &c);
    ck_assert(c.late == 1 && c.timeouts == 1);
    end();
}
END_TEST

START_TEST(a_late_text_reply_is_thrown_away)
{
    struct outcome first = {0}, second = {0};
    begin(1, KETCH_PROTOCOL_TEXT);
    get("foo", &first);
    fake_heard(&f, 0);
    fake_advance(&f, 1000);
    get("foo", &second);
    fake_say(&f, 0, "VALUE foo 0 3\r\nold\r\nEND\r\n");
    ck_assert_uint_eq(second.times, 0);
    fake_say(&f, 0, "VALUE foo 0 3\r\nnew\r\nEND\r\n");
    ck_assert(second.times == 1 && strcmp(second.value, "new") == 0);
    end();
}
END_TEST

START_TEST(a_reply_that_never_comes_costs_the_connection)
{
    struct outcome o = {0}, other = {0};
    begin_meta();
    get("foo", &o);
    fake_heard(&f, 0);
    fake_advance(&f, 1900);
    ck_assert(o.status == KETCH_TIMEOUT && fake_is_connected(&f, 0));
    get("bar", &other);
    fake_heard(&f, 0);
    fake_advance(&f, 100);
    ck_assert_uint_eq(f.closes, 1);
    /* The second failure: the server is out, and 'bar' was lost. */
    ck_assert(other.times == 1 && other.status != KETCH_OK && other.status != KETCH_MISS);
    end();
}
END_TEST

static const char *const nonsense_meta[] = {
    "VA 1 f0 O1\r\nx\r\n", /* not the token that was sent */
    "VA 1 f0\r\nx\r\n",    /* none */
    "HD\r\n",
    "STORED\r\n",
    "MN\r\n",
    "VALUE foo 0 1\r\nx\r\n",
    "bla\r\n",
    "\r\n",
    "VA 1 f0 O0\r\nxyz\r\n",
    "12\r\n",
};

START_TEST(replies_that_do_not_fit_close_the_connection)
{
    struct outcome o = {0};
    begin_meta();
    get("foo", &o);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, nonsense_meta[_i]));
    ck_assert_uint_eq(f.closes, 1);
    /* A read is sent again, once. */
    ck_assert_uint_eq(o.times, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O1\r\n");
    fake_say(&f, 0, "VA 1 f0 O1\r\ny\r\n");
    ck_assert(o.times == 1 && strcmp(o.value, "y") == 0);
    end();
}
END_TEST

static const char *const nonsense_text[] = {
    "VALUE bar 0 1\r\nx\r\nEND\r\n", /* another key */
    "VALUE foo2 0 1\r\nx\r\nEND\r\n",
    "STORED\r\n",
    "HD\r\n",
    "EN\r\n",
    "VALUE foo 0 1\r\nxyz",
};

START_TEST(text_replies_that_do_not_fit_close_the_connection)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_TEXT);
    get("foo", &o);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, nonsense_text[_i]) || f.closes == 1);
    ck_assert_uint_eq(o.times, 0);
    end();
    ck_assert_uint_eq(o.times, 1);
}
END_TEST

START_TEST(a_second_value_for_one_key_closes_the_connection)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_TEXT);
    get("foo", &o);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VALUE foo 0 1\r\nx\r\n");
    ck_assert(o.times == 1 && strcmp(o.value, "x") == 0);
    ck_assert(!fake_say(&f, 0, "VALUE foo 0 1\r\ny\r\n"));
    ck_assert(o.times == 1 && f.closes == 1);
    end();
}
END_TEST

START_TEST(what_nobody_asked_for_closes_the_connection)
{
    struct outcome o = {0};
    begin_meta();
    get("foo", &o);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, "EN O0\r\nEN O1\r\n"));
    ck_assert(o.times == 1 && f.closes == 1);
    end();
}
END_TEST

START_TEST(after_a_refused_value_the_connection_is_not_trusted)
{
    struct outcome o = {0};
    begin_meta();
    ck_assert(ketch_set(f.client, key("k"), key("get x\r\n"), NULL, outcome_keep, &o) == KETCH_OK);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, "CLIENT_ERROR bad data chunk\r\n"));
    ck_assert(o.status == KETCH_CLIENT_ERROR && f.closes == 1);
    ck_assert_str_eq(o.message, "bad data chunk");
    end();
}
END_TEST

START_TEST(a_value_beyond_the_limit_ends_the_request)
{
    struct ketch_client_conf conf;
    struct outcome o = {0};
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.value_bytes_max = 10;
    fake_start(&f, &conf);
    ck_assert(ketch_set(f.client, key("k"), key("01234567890"), NULL, outcome_keep, &o) ==
              KETCH_TOO_LARGE);
    get("foo", &o);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, "VA 11 f0 O0\r\n"));
    ck_assert(o.times == 1 && o.status == KETCH_TOO_LARGE);
    end();
}
END_TEST

/* ---- lost connections ---- */

START_TEST(reads_are_sent_again_and_writes_are_not)
{
    struct outcome read = {0}, write = {0};
    begin_meta();
    get("foo", &read);
    ck_assert(ketch_set(f.client, key("k"), key("v"), NULL, outcome_keep, &write) == KETCH_OK);
    fake_heard(&f, 0);
    fake_hang_up(&f, 0, KETCH_LOST, ECONNRESET);
    ck_assert(write.times == 1 && write.status == KETCH_LOST && write.error == ECONNRESET);
    ck_assert_uint_eq(read.times, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O2\r\n");
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    ck_assert(read.times == 1 && read.status == KETCH_LOST);
    end();
}
END_TEST

START_TEST(what_was_not_sent_waits_for_the_next_connection)
{
    struct outcome write = {0};
    begin_meta();
    ck_assert(ketch_set(f.client, key("k"), key("v"), NULL, outcome_keep, &write) == KETCH_OK);
    fake_hang_up(&f, 0, KETCH_LOST, 0); /* nothing was taken from the connection */
    ck_assert_uint_eq(write.times, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "ms k 1 O1\r\nv\r\n");
    fake_say(&f, 0, "HD O1\r\n");
    ck_assert(write.times == 1 && write.status == KETCH_OK);
    end();
}
END_TEST

START_TEST(an_idle_connection_that_ends_is_no_failure)
{
    struct outcome o = {0};
    struct ketch_counters c;
    begin_meta();
    for (int i = 0; i < 5; i++) {
        char reply[20];
        get("foo", &o);
        fake_heard(&f, 0);
        snprintf(reply, sizeof reply, "EN O%d\r\n", i);
        fake_say(&f, 0, reply);
        fake_hang_up(&f, 0, KETCH_LOST, 0);
    }
    ketch_client_counters(f.client, &c);
    ck_assert(o.times == 5 && c.ejections == 0 && c.connects == 5);
    end();
}
END_TEST

START_TEST(everything_ends_with_the_client)
{
    struct outcome waiting = {0}, sent = {0}, timed_out = {0}, fetch = {0};
    begin(2, KETCH_PROTOCOL_META);
    f.servers[1].manner = FAKE_IS_SLOW;
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        get(name, ketch_client_server_of(f.client, key(name)) == 0 ? &sent : &waiting);
    }
    ck_assert(ketch_get(f.client, key("k0"), &(struct ketch_options){.timeout_ms = 5}, outcome_keep,
                        &timed_out) == KETCH_OK);
    ck_assert(ketch_fetch(f.client, key("k0"), NULL, outcome_keep, &fetch) == KETCH_OK);
    fake_heard(&f, 0);
    fake_advance(&f, 6);
    end();
    ck_assert(waiting.times + sent.times == 40);
    ck_assert(waiting.status == KETCH_CANCELLED && sent.status == KETCH_CANCELLED);
    ck_assert(timed_out.times == 1 && timed_out.status == KETCH_TIMEOUT);
    ck_assert(fetch.times == 1 && fetch.status == KETCH_CANCELLED);
}
END_TEST

START_TEST(a_cancelled_request_leaves_the_connection_in_step)
{
    struct outcome a = {0}, b = {0};
    begin_meta();
    get("a", &a);
    get("b", &b);
    get("a", &a);
    fake_heard(&f, 0);
    ck_assert_uint_eq(ketch_cancel(f.client, &a), 2);
    ck_assert(a.times == 2 && a.status == KETCH_CANCELLED);
    fake_say(&f, 0, "VA 1 f0 O0\r\nx\r\nVA 1 f0 O1\r\ny\r\nVA 1 f0 O2\r\nz\r\n");
    ck_assert(a.times == 2 && b.times == 1 && strcmp(b.value, "y") == 0);
    end();
}
END_TEST

/* ---- protocol and login ---- */

START_TEST(the_protocol_is_asked_for_once)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_say(&f, 0, "MN\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O0\r\n");
    ck_assert_int_eq(ketch_client_server_protocol(f.client, 0), KETCH_PROTOCOL_META);
    fake_say(&f, 0, "EN O0\r\n");
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O1\r\n");
    end();
}
END_TEST

START_TEST(an_old_server_is_spoken_to_in_text)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_say(&f, 0, "ERROR\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "get foo\r\n");
    fake_say(&f, 0, "END\r\n");
    ck_assert_int_eq(o.status, KETCH_MISS);
    end();
}
END_TEST

START_TEST(a_proxy_that_hangs_up_at_the_question_is_spoken_to_in_text)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "get foo\r\n");
    fake_say(&f, 0, "END\r\n");
    ck_assert_int_eq(o.status, KETCH_MISS);
    end();
}
END_TEST

START_TEST(a_server_that_died_at_the_question_is_asked_again)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    f.servers[0].manner = FAKE_REFUSES;
    fake_hang_up(&f, 0, KETCH_LOST, ECONNRESET);
    ck_assert_int_eq(o.status, KETCH_DOWN);
    f.servers[0].manner = FAKE_ACCEPTS;
    fake_advance(&f, 1500);
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_say(&f, 0, "MN\r\n");
    ck_assert_int_eq(ketch_client_server_protocol(f.client, 0), KETCH_PROTOCOL_META);
    end();
}
END_TEST

START_TEST(a_server_that_unlearned_meta_is_asked_again)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    fake_heard(&f, 0);
    fake_say(&f, 0, "MN\r\n");
    fake_heard(&f, 0);
    fake_say(&f, 0, "EN O0\r\n");
    ck_assert(ketch_set(f.client, key("k"), key("v"), NULL, outcome_keep, &o) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "ERROR\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "mn probe\r\n");
    fake_say(&f, 0, "ERROR\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "set k 0 0 1\r\nv\r\n");
    fake_say(&f, 0, "STORED\r\n");
    ck_assert(o.times == 2 && o.status == KETCH_OK);
    end();
}
END_TEST

static void
begin_login(void)
{
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.user = "joe";
    conf.password = "secret";
    fake_start(&f, &conf);
}

START_TEST(a_login_comes_first)
{
    struct outcome o = {0};
    begin_login();
    get("foo", &o);
    ck_assert_str_eq(fake_heard(&f, 0), "set login 0 0 10\r\njoe secret\r\n");
    fake_say(&f, 0, "STORED\r\n");
    ck_assert_str_eq(fake_heard(&f, 0), "mg foo v f O0\r\n");
    fake_say(&f, 0, "EN O0\r\n");
    ck_assert_int_eq(o.status, KETCH_MISS);
    end();
}
END_TEST

START_TEST(a_refused_login_is_not_a_miss)
{
    struct outcome o = {0};
    begin_login();
    get("foo", &o);
    for (int i = 0; i < 2; i++) {
        fake_heard(&f, 0);
        fake_say(&f, 0, "CLIENT_ERROR authentication failure\r\n");
    }
    ck_assert(o.times == 1 && o.status == KETCH_AUTH);
    end();
}
END_TEST

START_TEST(a_server_that_wants_a_login_says_so)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_AUTO);
    get("foo", &o);
    for (int i = 0; i < 2; i++)
        fake_say(&f, 0, "CLIENT_ERROR unauthenticated\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_AUTH);
    end();
}
END_TEST

/* ---- many keys ---- */

#define KEYS 40

struct many {
    unsigned each[KEYS];
    enum ketch_status status[KEYS];
    char value[KEYS][16];
    unsigned done;
    enum ketch_status first;
};

static void
many_each(void *arg, const struct ketch_result *r)
{
    struct many *m = arg;
    ck_assert_uint_lt(r->index, KEYS);
    ck_assert_uint_eq(m->done, 0);
    m->each[r->index]++;
    m->status[r->index] = r->status;
    snprintf(m->value[r->index], 16, "%.*s", (int)r->value.bytes, (const char *)r->value.p);
}

static void
many_done(void *arg, const struct ketch_result *r)
{
    struct many *m = arg;
    m->done++;
    m->first = r->status;
}

static char names[KEYS][16];
static struct ketch_bytes keys[KEYS];

static void
make_keys(void)
{
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = key(names[i]);
    }
}

/* Answers the mg lines of server i: keys with an even number hit.  'order' -1: backwards. */
static void
answer_mget(size_t i, int order)
{
    char text[8000], *lines[100], *save;
    int count = 0;
    snprintf(text, sizeof text, "%s", fake_heard(&f, i));
    for (char *l = strtok_r(text, "\r\n", &save); l != NULL; l = strtok_r(NULL, "\r\n", &save))
        lines[count++] = l;
    ck_assert_str_eq(lines[count - 1], "mn");
    for (int n = 0; n < count - 1; n++) {
        int number;
        unsigned opaque;
        const char *line = lines[order > 0 ? n : count - 2 - n];
        ck_assert_int_eq(sscanf(line, "mg k%d v f q O%u", &number, &opaque), 2);
        char reply[64];
        snprintf(reply, sizeof reply, "VA %d f0 O%u\r\nv%d\r\n", number < 10 ? 2 : 3, opaque, number);
        if (number % 2 == 0)
            ck_assert(fake_say(&f, i, reply));
    }
    ck_assert(fake_say(&f, i, "MN\r\n"));
}

static void
check_many(const struct many *m)
{
    for (int i = 0; i < KEYS; i++) {
        ck_assert_msg(m->each[i] == 1, "key %d: %u times", i, m->each[i]);
        ck_assert_int_eq(m->status[i], i % 2 == 0 ? KETCH_OK : KETCH_MISS);
        if (i % 2 == 0)
            ck_assert_str_eq(m->value[i] + 1, names[i] + 1);
    }
    ck_assert(m->done == 1 && m->first == KETCH_OK);
}

START_TEST(each_key_of_many_is_answered_once)
{
    struct many m = {0};
    make_keys();
    begin(3, KETCH_PROTOCOL_META);
    f.byte_by_byte = _i == 1;
    ck_assert(ketch_mget(f.client, keys, KEYS, NULL, many_each, many_done, &m) == KETCH_OK);
    for (size_t i = 0; i < 3; i++)
        answer_mget(i, _i == 2 ? -1 : 1);
    check_many(&m);
    ck_assert_uint_eq(ketch_client_pending(f.client), 0);
    end();
}
END_TEST

static void
answer_get(size_t i, int order)
{
    char text[8000], *words[100], *save;
    int count = 0;
    snprintf(text, sizeof text, "%s", fake_heard(&f, i));
    for (char *w = strtok_r(text, " \r\n", &save); w != NULL; w = strtok_r(NULL, " \r\n", &save))
        words[count++] = w;
    ck_assert_str_eq(words[0], "get");
    for (int n = 1; n < count; n++) {
        const char *word = words[order > 0 ? n : count - n];
        int number = atoi(word + 1);
        char reply[64];
        snprintf(reply, sizeof reply, "VALUE %s 0 %d\r\nv%d\r\n", word, number < 10 ? 2 : 3, number);
        if (number % 2 == 0)
            ck_assert(fake_say(&f, i, reply));
    }
    ck_assert(fake_say(&f, i, "END\r\n"));
}

START_TEST(each_key_of_many_is_answered_once_by_text)
{
    struct many m = {0};
    make_keys();
    begin(3, KETCH_PROTOCOL_TEXT);
    f.byte_by_byte = _i == 1;
    ck_assert(ketch_mget(f.client, keys, KEYS, NULL, many_each, many_done, &m) == KETCH_OK);
    for (size_t i = 0; i < 3; i++)
        answer_get(i, _i == 2 ? -1 : 1);
    check_many(&m);
    end();
}
END_TEST

START_TEST(no_keys_are_answered_at_once)
{
    struct many m = {0};
    begin_meta();
    ck_assert(ketch_mget(f.client, NULL, 0, NULL, many_each, many_done, &m) == KETCH_OK);
    ck_assert(m.done == 1 && m.first == KETCH_OK);
    end();
}
END_TEST

START_TEST(keys_without_an_answer_end_at_the_deadline)
{
    struct many m = {0};
    make_keys();
    begin(3, KETCH_PROTOCOL_META);
    ck_assert(ketch_mget(f.client, keys, KEYS, NULL, many_each, many_done, &m) == KETCH_OK);
    answer_mget(0, 1);
    fake_heard(&f, 1);
    fake_heard(&f, 2);
    fake_advance(&f, 1000);
    ck_assert(m.done == 1 && m.first == KETCH_TIMEOUT);
    for (int i = 0; i < KEYS; i++) {
        ck_assert_uint_eq(m.each[i], 1);
        uint32_t owner = ketch_client_server_of(f.client, keys[i]);
        ck_assert(owner == 0 ? m.status[i] != KETCH_TIMEOUT : m.status[i] == KETCH_TIMEOUT);
    }
    /* The rest of the late answers goes by. */
    ck_assert(fake_say(&f, 1, "VA 1 f0 O0\r\nx\r\nMN\r\n"));
    end();
    ck_assert_uint_eq(m.done, 1);
}
END_TEST

START_TEST(an_error_in_the_middle_does_not_become_a_miss)
{
    struct many m = {0};
    make_keys();
    begin_meta();
    ck_assert(ketch_mget(f.client, keys, 3, NULL, many_each, many_done, &m) == KETCH_OK);
    fake_heard(&f, 0);
    ck_assert(fake_say(&f, 0, "VA 1 f0 O1\r\nx\r\nSERVER_ERROR out of memory\r\nMN\r\n"));
    ck_assert(m.status[1] == KETCH_OK && m.status[0] == KETCH_SERVER_ERROR &&
              m.status[2] == KETCH_SERVER_ERROR);
    ck_assert(m.done == 1 && m.first == KETCH_SERVER_ERROR);
    end();
}
END_TEST

START_TEST(many_keys_survive_a_lost_connection_once)
{
    struct many m = {0};
    make_keys();
    begin_meta();
    ck_assert(ketch_mget(f.client, keys, 3, NULL, many_each, many_done, &m) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 1 f0 O1\r\nx\r\n");
    fake_hang_up(&f, 0, KETCH_LOST, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "mg k0 v f q O3\r\nmg k2 v f q O5\r\nmn\r\n");
    fake_say(&f, 0, "VA 1 f0 O5\r\ny\r\nMN\r\n");
    ck_assert(m.done == 1 && m.each[0] == 1 && m.each[1] == 1 && m.each[2] == 1);
    ck_assert(m.status[0] == KETCH_MISS && strcmp(m.value[2], "y") == 0);
    end();
}
END_TEST

static const char *const nonsense_many[] = {
    "VA 1 f0 O3\r\nx\r\n", "VA 1 f0 O4294967295\r\nx\r\n", "VA 1 f0\r\nx\r\n",
    "VA 1 f0 O1\r\nx\r\nVA 1 f0 O1\r\nx\r\n", "HD O1\r\n", "END\r\n", "MN\r\nMN\r\n",
};

START_TEST(no_key_gets_the_value_of_another)
{
    struct many m = {0};
    struct ketch_client_conf conf;
    make_keys();
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.no_resend = true;
    fake_start(&f, &conf);
    ck_assert(ketch_mget(f.client, keys, 3, NULL, many_each, many_done, &m) == KETCH_OK);
    fake_heard(&f, 0);
    ck_assert(!fake_say(&f, 0, nonsense_many[_i]));
    ck_assert(f.closes == 1 && m.done == 1);
    ck_assert(m.each[0] == 1 && m.each[1] == 1 && m.each[2] == 1);
    end();
}
END_TEST

/* ---- callbacks that do things ---- */

static void
again(void *arg, const struct ketch_result *r)
{
    unsigned *times = arg;
    (void)r;
    if (++*times < 5)
        ck_assert(ketch_get(f.client, key("again"), NULL, again, times) == KETCH_OK);
}

START_TEST(a_callback_can_ask_again)
{
    unsigned times = 0;
    begin_meta();
    ck_assert(ketch_get(f.client, key("again"), NULL, again, &times) == KETCH_OK);
    for (int i = 0; i < 5; i++) {
        char reply[20];
        fake_heard(&f, 0);
        snprintf(reply, sizeof reply, "EN O%d\r\n", i);
        ck_assert(fake_say(&f, 0, reply));
    }
    ck_assert_uint_eq(times, 5);
    end();
}
END_TEST

static void
change_pool(void *arg, const struct ketch_result *r)
{
    unsigned *times = arg;
    (void)r;
    ++*times;
    ck_assert(ketch_client_set_servers(f.client, f.addresses + 1, 1, NULL, 0) == KETCH_OK);
    ketch_cancel(f.client, arg);
}

static void
ask_again_if_cancelled(void *arg, const struct ketch_result *r)
{
    unsigned *times = arg;
    ++*times;
    ck_assert(r->status == KETCH_CANCELLED);
    ck_assert(ketch_get(f.client, key("again"), NULL, ask_again_if_cancelled, arg) == KETCH_CANCELLED);
    ck_assert(ketch_fetch(f.client, key("again"), NULL, ask_again_if_cancelled, arg) == KETCH_CANCELLED);
    struct ketch_bytes one = key("again");
    ck_assert(ketch_mget(f.client, &one, 1, NULL, ask_again_if_cancelled, ask_again_if_cancelled, arg) ==
              KETCH_CANCELLED);
}

START_TEST(who_is_cancelled_cannot_ask_again_at_once)
{
    unsigned times = 0;
    begin_meta();
    for (int i = 0; i < 3; i++)
        ck_assert(ketch_get(f.client, key("a"), NULL, ask_again_if_cancelled, &times) == KETCH_OK);
    fake_heard(&f, 0);
    ck_assert_uint_eq(ketch_cancel(f.client, &times), 3);
    ck_assert_uint_eq(times, 3);
    ck_assert(ketch_get(f.client, key("a"), NULL, ask_again_if_cancelled, &times) == KETCH_OK);
    ck_assert_uint_eq(ketch_cancel(f.client, &times), 1);
    end();
}
END_TEST

START_TEST(a_callback_can_take_its_own_server_away)
{
    unsigned times = 0;
    begin_meta();
    for (int i = 0; i < 3; i++)
        ck_assert(ketch_get(f.client, key("a"), NULL, change_pool, &times) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 1 f0 O0\r\nx\r\nEN O1\r\nEN O2\r\n");
    ck_assert_uint_eq(times, 3);
    ck_assert(!fake_is_connected(&f, 0));
    end();
}
END_TEST

/* ---- the pool ---- */

START_TEST(requests_under_way_end_where_they_are)
{
    struct outcome old = {0}, new = {0};
    begin(1, KETCH_PROTOCOL_META);
    get("foo", &old);
    fake_heard(&f, 0);
    ck_assert(ketch_client_set_servers(f.client, f.addresses + 1, 2, NULL, 0) == KETCH_OK);
    ck_assert_uint_eq(ketch_client_server_count(f.client), 2);
    get("foo", &new);
    ck_assert(fake_is_connected(&f, 0));
    fake_say(&f, 0, "VA 3 f0 O0\r\nold\r\n");
    ck_assert(old.times == 1 && strcmp(old.value, "old") == 0);
    ck_assert(!fake_is_connected(&f, 0)); /* and is gone with its last request */
    ck_assert_uint_eq(new.times, 0);
    end();
}
END_TEST

START_TEST(connections_stay_when_their_servers_do)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_META);
    get("foo", &o);
    fake_heard(&f, 0);
    fake_say(&f, 0, "EN O0\r\n");
    ck_assert(ketch_client_set_servers(f.client, f.addresses, 3, NULL, 0) == KETCH_OK);
    ck_assert(fake_is_connected(&f, 0) && f.closes == 0);
    ck_assert_str_eq(ketch_client_server_name(f.client, 2), "fake:1002");
    ck_assert_ptr_null(ketch_client_server_name(f.client, 3));
    ck_assert(ketch_client_set_servers(f.client, f.addresses, 0, NULL, 0) == KETCH_OK);
    ck_assert_int_eq(ketch_get(f.client, key("foo"), NULL, outcome_keep, &o), KETCH_NO_SERVER);
    end();
}
END_TEST

START_TEST(the_pool_says_itself_who_is_in_it)
{
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.discovery_ms = 60000;
    fake_start(&f, &conf);
    fake_advance(&f, 0);
    ck_assert_str_eq(fake_heard(&f, 0), "config get cluster\r\n");
    fake_say(&f, 0, "CONFIG cluster 0 38\r\n2\nfake|1.2.3.4|1000 fake|1.2.3.5|1001\n\r\nEND\r\n");
    ck_assert_uint_eq(ketch_client_server_count(f.client), 2);
    ck_assert_str_eq(ketch_client_server_name(f.client, 1), "fake:1001");
    ck_assert(fake_is_connected(&f, 0));
    /* An older version, and nonsense, change nothing. */
    static const char *const ignored[] = {
        "CONFIG cluster 0 20\r\n1\nfake|1.2.3.4|1000\n\r\nEND\r\n",
        "CONFIG cluster 0 20\r\n3\nfake|1.2.3.4|99999\r\nEND\r\n",
        "CONFIG cluster 0 3\r\n9\n\n\r\nEND\r\n",
        "CONFIG cluster 0 0\r\n\r\nEND\r\n",
        "END\r\n",
        "ERROR\r\n",
    };
    for (size_t i = 0; i < 6; i++) {
        fake_advance(&f, 60000);
        size_t asked = *fake_heard(&f, 0) != '\0' ? 0 : 1;
        fake_heard(&f, 1);
        ck_assert_msg(fake_say(&f, asked, ignored[i]), "%s", ignored[i]);
        ck_assert_uint_eq(ketch_client_server_count(f.client), 2);
    }
    end();
}
END_TEST

/* ---- fetch ---- */

START_TEST(the_first_reader_is_to_make_the_value)
{
    struct outcome o = {0}, stored = {0};
    begin_meta();
    ck_assert(ketch_fetch(f.client, key("v"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "mg v v f c N10 O0\r\n");
    fake_say(&f, 0, "VA 0 f0 c77 O0 W\r\n\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_MISS && o.marks == KETCH_WON && o.cas == 77);
    struct ketch_options options = {.cas = o.cas, .ttl_s = 60};
    ck_assert(ketch_fetch_store(f.client, key("v"), key("x"), &options, outcome_keep, &stored) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "ms v 1 T60 C77 O1\r\nx\r\n");
    fake_say(&f, 0, "EX O1\r\n");
    ck_assert_int_eq(stored.status, KETCH_EXISTS);
    end();
}
END_TEST

START_TEST(other_readers_wait_with_growing_pauses)
{
    struct outcome o = {0};
    unsigned asked = 0;
    int64_t last_us = 0, pauses[64];
    begin_meta();
    struct ketch_fetch_options options = {.timeout_ms = 2000, .wait_ms = 5};
    ck_assert(ketch_fetch(f.client, key("v"), &options, outcome_keep, &o) == KETCH_OK);
    for (int ms = 0; ms < 1500; ms++) {
        if (*fake_heard(&f, 0) != '\0') {
            char reply[64];
            ck_assert_uint_lt(asked, 60);
            pauses[asked] = f.now_us - last_us;
            last_us = f.now_us;
            snprintf(reply, sizeof reply, "VA 0 f0 c7 O%u Z\r\n\r\n", asked++);
            ck_assert(fake_say(&f, 0, reply));
        }
        fake_advance(&f, 1);
    }
    ck_assert(o.times == 0 && asked >= 8 && asked <= 40);
    ck_assert(pauses[1] <= 9000);             /* 5 ms, more or less a half */
    ck_assert(pauses[asked - 1] >= 79000);    /* 32 times that */
    ck_assert(pauses[asked - 1] <= 242000);
    while (*fake_heard(&f, 0) == '\0')
        fake_advance(&f, 1);
    char reply[64];
    snprintf(reply, sizeof reply, "VA 3 f0 c8 O%u\r\nnew\r\n", asked);
    fake_say(&f, 0, reply);
    ck_assert(o.times == 1 && o.status == KETCH_OK && strcmp(o.value, "new") == 0);
    end();
}
END_TEST

START_TEST(nobody_waits_beyond_the_deadline)
{
    struct outcome o = {0};
    begin_meta();
    struct ketch_fetch_options options = {.timeout_ms = 50};
    ck_assert(ketch_fetch(f.client, key("v"), &options, outcome_keep, &o) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 0 f0 c7 O0 Z\r\n\r\n");
    for (unsigned ms = 0, asked = 1; ms < 60; ms++) {
        char reply[64];
        fake_advance(&f, 1);
        if (*fake_heard(&f, 0) == '\0')
            continue;
        snprintf(reply, sizeof reply, "VA 0 f0 c7 O%u Z\r\n\r\n", asked++);
        fake_say(&f, 0, reply);
    }
    ck_assert(o.times == 1 && o.status == KETCH_TIMEOUT);
    end();
}
END_TEST

START_TEST(an_old_value_is_better_than_waiting)
{
    struct outcome stale = {0}, winner = {0};
    begin_meta();
    struct ketch_fetch_options options = {.refresh_before_s = 30};
    ck_assert(ketch_fetch(f.client, key("v"), &options, outcome_keep, &stale) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "mg v v f c N10 R30 O0\r\n");
    fake_say(&f, 0, "VA 3 f0 c7 O0 X Z\r\nold\r\n");
    ck_assert(stale.status == KETCH_OK && stale.marks == (KETCH_STALE | KETCH_TAKEN));
    ck_assert(ketch_fetch(f.client, key("v"), &options, outcome_keep, &winner) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 3 f0 c7 O1 W\r\nold\r\n");
    ck_assert(winner.status == KETCH_OK && winner.marks == KETCH_WON && winner.cas == 7);
    end();
}
END_TEST

START_TEST(text_gives_everybody_the_task)
{
    struct outcome o = {0};
    begin(1, KETCH_PROTOCOL_TEXT);
    ck_assert(ketch_fetch(f.client, key("v"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_str_eq(fake_heard(&f, 0), "gets v\r\n");
    fake_say(&f, 0, "END\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_MISS && o.marks == KETCH_WON && o.cas == 0);
    end();
}
END_TEST

START_TEST(a_fetch_that_waits_can_be_cancelled)
{
    struct outcome o = {0};
    begin_meta();
    ck_assert(ketch_fetch(f.client, key("v"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_uint_eq(ketch_cancel(f.client, &o), 1);
    ck_assert(o.times == 1 && o.status == KETCH_CANCELLED);
    ck_assert(ketch_fetch(f.client, key("w"), NULL, outcome_keep, &o) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "EN O0\r\nVA 0 f0 c7 O1 Z\r\n\r\n");
    ck_assert_uint_eq(ketch_cancel(f.client, &o), 1);
    ck_assert_uint_eq(o.times, 2);
    end();
    ck_assert_uint_eq(o.times, 2);
}
END_TEST

/* ---- bounds ---- */

START_TEST(what_waits_is_bounded)
{
    struct ketch_client_conf conf;
    struct outcome o = {0};
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.pending_max = 3;
    fake_start(&f, &conf);
    f.servers[0].manner = FAKE_IS_SLOW;
    for (int i = 0; i < 3; i++)
        get("a", &o);
    ck_assert_int_eq(ketch_get(f.client, key("a"), NULL, outcome_keep, &o), KETCH_BUSY);
    ck_assert_uint_eq(ketch_client_pending(f.client), 3);
    end();
    ck_assert_uint_eq(o.times, 3);
}
END_TEST

START_TEST(bad_configurations_are_refused_with_a_reason)
{
    struct ketch_client_conf conf;
    struct ketch_client *client;
    char why[200];
    for (int i = 0; i < 9; i++) {
        fake_init(&f);
        fake_conf(&f, &conf, 2);
        switch (i) {
        case 0: conf.timeout_ms = 0; break;
        case 1: conf.policy.limit = 0; break;
        case 2: conf.policy.eject = KETCH_EJECT_GUTTER; break;
        case 3: conf.user = "x"; break;
        case 4: conf.user = "x y", conf.password = "z"; break;
        case 5: conf.ring = "no such ring"; break;
        case 6: f.addresses[1].host = ""; break;
        case 7: conf.size = 3; break;
        case 8: conf.policy.retry_max_ms = 1; break;
        }
        why[0] = '\0';
        ck_assert_msg(ketch_client_create(&conf, &client, why, sizeof why) != KETCH_OK, "%d", i);
        ck_assert_msg(why[0] != '\0', "%d", i);
    }
}
END_TEST

#define ADD(function) tcase_add_test(c, function)
#define ADD_LOOP(function, table) tcase_add_loop_test(c, function, 0, (int)(sizeof table / sizeof table[0]))

/* ---- what attackers of the library found ---- */

static void
hang_up(void *arg, const struct ketch_result *r)
{
    outcome_keep(arg, r);
    fake_hang_up(&f, 0, KETCH_LOST, EPIPE);
}

START_TEST(a_connection_may_end_while_many_keys_are_told_their_deadline)
{
    struct outcome each = {0};
    struct ketch_bytes four[] = {key("a"), key("b"), key("c"), key("d")};
    begin_meta();
    ck_assert_int_eq(ketch_mget(f.client, four, 4, NULL, hang_up, outcome_keep, &each), KETCH_OK);
    fake_heard(&f, 0);
    fake_advance(&f, 1000);
    ck_assert(each.times == 5 && each.status == KETCH_TIMEOUT); /* four keys, and the end */
    end();
}
END_TEST

START_TEST(the_transport_is_told_that_a_retired_server_is_gone)
{
    struct outcome o = {0};
    size_t room;
    begin(2, KETCH_PROTOCOL_META);
    uint32_t server = ketch_client_server_of(f.client, key("foo"));
    get("foo", &o);
    fake_heard(&f, server);
    struct ketch_conn *conn = f.servers[server].conn;
    ck_assert(ketch_client_set_servers(f.client, f.addresses + 1 - server, 1, NULL, 0) == KETCH_OK);
    ck_assert(o.times == 0 && f.servers[server].conn == conn);
    void *p = ketch_conn_reserve(conn, &room);
    memcpy(p, "EN O0\r\n", 7);
    ck_assert(!ketch_conn_commit(conn, 7)); /* else it would go on with memory that is freed */
    ck_assert(o.times == 1 && o.status == KETCH_MISS);
    end();
}
END_TEST

START_TEST(a_value_beyond_the_limit_is_nobodys_failure)
{
    struct ketch_client_conf conf;
    struct outcome large = {0}, write = {0}, read = {0};
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.value_bytes_max = 10;
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    get("large", &large);
    ck_assert_int_eq(ketch_delete(f.client, key("k"), NULL, outcome_keep, &write), KETCH_OK);
    get("small", &read);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 11 f0 O0\r\n");
    ck_assert(large.times == 1 && large.status == KETCH_TOO_LARGE);
    ck_assert(write.times == 1 && write.status == KETCH_LOST);
    ck_assert_str_eq(fake_heard(&f, 0), "mg small v f O3\r\n"); /* by a new connection at once */
    fake_say(&f, 0, "VA 1 f0 O3\r\ns\r\n");
    ck_assert(read.times == 1 && read.status == KETCH_OK);
    end();
}
END_TEST

static void
swap_servers(void *arg, const struct ketch_result *r)
{
    struct outcome *o = arg;
    if (r->status == KETCH_DOWN && o->times == 0) {
        struct ketch_server other[] = {f.addresses[1], f.addresses[2], f.addresses[0]};
        ck_assert(ketch_client_set_servers(f.client, other, 3, NULL, 0) == KETCH_OK);
    }
    outcome_keep(arg, r);
}

START_TEST(a_pool_that_changes_while_many_keys_start_gets_them_where_they_belong)
{
    struct outcome o = {0};
    char name[40][16], line[32];
    struct ketch_bytes many[40];
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, 3);
    conf.policy.limit = 1;
    fake_start(&f, &conf);
    for (int i = 0; i < 40; i++) {
        snprintf(name[i], sizeof name[i], "m%d", i);
        many[i] = key(name[i]);
    }
    f.servers[0].manner = FAKE_REFUSES; /* it is asked first: its keys end before the others start */
    ck_assert_int_eq(ketch_mget(f.client, many, 40, NULL, swap_servers, outcome_keep, &o), KETCH_OK);
    static char heard[3][FAKE_HEARD_MAX];
    for (size_t i = 0; i < 3; i++)
        strcpy(heard[i], fake_heard(&f, i));
    for (int i = 0; i < 40; i++) {
        size_t at = (ketch_client_server_of(f.client, many[i]) + 1) % 3; /* port of the new id */
        snprintf(line, sizeof line, "mg m%d ", i);
        for (size_t s = 0; s < 3; s++)
            ck_assert(s == at || strstr(heard[s], line) == NULL);
    }
    end();
}
END_TEST

static void
wait_in_callback(void *arg, const struct ketch_result *r)
{
    bool never = false;
    outcome_keep(arg, r);
    ck_assert_int_eq(ketch_wait(f.client, &never), KETCH_INVALID);
    ck_assert_int_eq(ketch_incr_wait(f.client, key("n"), 1, NULL, NULL), KETCH_INVALID);
    ck_assert_int_eq(ketch_mget_wait(f.client, NULL, 0, NULL, NULL), KETCH_INVALID);
    ck_assert_int_eq(ketch_flush_wait(f.client, 0, 0, NULL, NULL), KETCH_INVALID);
    ck_assert_int_eq(ketch_version_wait(f.client, 0, NULL, NULL), KETCH_INVALID);
    ck_assert_int_eq(ketch_stats_wait(f.client, 0, key(""), NULL, outcome_keep, NULL), KETCH_INVALID);
    ck_assert_int_eq(ketch_meta_wait(f.client, "mg", key("n"), key(""), key("v"), NULL, NULL), KETCH_INVALID);
}

static enum ketch_status
run_nothing(void *ctx, const bool *done)
{
    (void)ctx, (void)done;
    ck_abort_msg("a callback has got through to the loop");
    return KETCH_OK;
}

START_TEST(callbacks_cannot_wait)
{
    struct outcome o = {0};
    struct ketch_client_conf conf;
    struct ketch_transport can_wait = *fake_transport();
    can_wait.run = run_nothing;
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    ck_assert(ketch_client_create(&conf, &f.client, NULL, 0) == KETCH_OK);
    ck_assert(ketch_client_attach(f.client, &can_wait, &f) == KETCH_OK);
    ck_assert(ketch_get(f.client, key("a"), NULL, wait_in_callback, &o) == KETCH_OK);
    fake_heard(&f, 0);
    fake_say(&f, 0, "EN O0\r\n");
    ck_assert_uint_eq(o.times, 1);
    ck_assert_str_eq(fake_heard(&f, 0), ""); /* what is refused is not done either */
    ck_assert(ketch_fetch_wait(f.client, key("a"), NULL, NULL, NULL, NULL) == KETCH_INVALID);
    end();
}
END_TEST

START_TEST(a_fetch_is_one_request_however_often_it_asks)
{
    struct outcome o = {0};
    struct ketch_counters c;
    begin_meta();
    ck_assert(ketch_fetch(f.client, key("a"), NULL, outcome_keep, &o) == KETCH_OK);
    ck_assert_uint_eq(ketch_client_pending(f.client), 1);
    fake_heard(&f, 0);
    fake_say(&f, 0, "VA 0 f0 c1 O0 Z\r\n\r\n");
    ck_assert_uint_eq(ketch_client_pending(f.client), 1);
    fake_advance(&f, 10);
    fake_say(&f, 0, "VA 1 f0 c1 O1\r\nv\r\n");
    ck_assert(o.times == 1 && o.status == KETCH_OK);
    ketch_client_counters(f.client, &c);
    ck_assert(c.requests == 1 && c.completed == 1);
    end();
}
END_TEST

static void
add_attacks(Suite *s)
{
    TCase *c = tcase_create("attacks");
    ADD(a_connection_may_end_while_many_keys_are_told_their_deadline);
    ADD(the_transport_is_told_that_a_retired_server_is_gone);
    ADD(a_value_beyond_the_limit_is_nobodys_failure);
    ADD(a_pool_that_changes_while_many_keys_start_gets_them_where_they_belong);
    ADD(callbacks_cannot_wait);
    ADD(a_fetch_is_one_request_however_often_it_asks);
    suite_add_tcase(s, c);
}

static void
add_single(Suite *s)
{
    TCase *c = tcase_create("requests");
    ADD(a_value_comes_back_by_meta);
    ADD(a_value_comes_back_by_text);
    ADD_LOOP(every_verb_is_spoken_in_both_protocols, verbs);
    ADD(a_number_is_made_where_there_is_none);
    ADD(keys_cannot_break_the_stream);
    ADD(every_byte_that_breaks_a_line_is_found);
    ADD(a_prefix_goes_before_every_key);
    ADD(raw_meta_commands_show_their_flags);
    ADD(stats_come_line_by_line);
    ADD(a_flush_may_be_put_off_for_long);
    ADD(what_waits_is_bounded);
    ADD(bad_configurations_are_refused_with_a_reason);
    suite_add_tcase(s, c);
}

static void
add_step(Suite *s)
{
    TCase *c = tcase_create("staying in step");
    ADD(a_late_reply_is_thrown_away);
    ADD(a_late_text_reply_is_thrown_away);
    ADD(a_reply_that_never_comes_costs_the_connection);
    ADD_LOOP(replies_that_do_not_fit_close_the_connection, nonsense_meta);
    ADD_LOOP(text_replies_that_do_not_fit_close_the_connection, nonsense_text);
    ADD(a_second_value_for_one_key_closes_the_connection);
    ADD(what_nobody_asked_for_closes_the_connection);
    ADD(after_a_refused_value_the_connection_is_not_trusted);
    ADD(a_value_beyond_the_limit_ends_the_request);
    ADD(reads_are_sent_again_and_writes_are_not);
    ADD(what_was_not_sent_waits_for_the_next_connection);
    ADD(an_idle_connection_that_ends_is_no_failure);
    ADD(everything_ends_with_the_client);
    ADD(who_is_cancelled_cannot_ask_again_at_once);
    ADD(a_cancelled_request_leaves_the_connection_in_step);
    suite_add_tcase(s, c);
}

static void
add_tests(Suite *s)
{
    add_single(s);
    add_step(s);
    add_attacks(s);
    TCase *c = tcase_create("protocol and login");
    ADD(the_protocol_is_asked_for_once);
    ADD(an_old_server_is_spoken_to_in_text);
    ADD(a_proxy_that_hangs_up_at_the_question_is_spoken_to_in_text);
    ADD(a_server_that_died_at_the_question_is_asked_again);
    ADD(a_server_that_unlearned_meta_is_asked_again);
    ADD(a_login_comes_first);
    ADD(a_refused_login_is_not_a_miss);
    ADD(a_server_that_wants_a_login_says_so);
    suite_add_tcase(s, c);
    c = tcase_create("many keys");
    tcase_add_loop_test(c, each_key_of_many_is_answered_once, 0, 3);
    tcase_add_loop_test(c, each_key_of_many_is_answered_once_by_text, 0, 3);
    ADD(no_keys_are_answered_at_once);
    ADD(keys_without_an_answer_end_at_the_deadline);
    ADD(an_error_in_the_middle_does_not_become_a_miss);
    ADD(many_keys_survive_a_lost_connection_once);
    ADD_LOOP(no_key_gets_the_value_of_another, nonsense_many);
    suite_add_tcase(s, c);
    c = tcase_create("callbacks and pools");
    ADD(a_callback_can_ask_again);
    ADD(a_callback_can_take_its_own_server_away);
    ADD(requests_under_way_end_where_they_are);
    ADD(connections_stay_when_their_servers_do);
    ADD(the_pool_says_itself_who_is_in_it);
    suite_add_tcase(s, c);
    c = tcase_create("fetch");
    ADD(the_first_reader_is_to_make_the_value);
    ADD(other_readers_wait_with_growing_pauses);
    ADD(nobody_waits_beyond_the_deadline);
    ADD(an_old_value_is_better_than_waiting);
    ADD(text_gives_everybody_the_task);
    ADD(a_fetch_that_waits_can_be_cancelled);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/client")

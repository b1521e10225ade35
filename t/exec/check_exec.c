/* Requests meet the engine: what is answered, and how an answer, a value or a request that does not
 * fit one turn goes on in the next. */
#include "client.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* Large enough to be a chain of chunks where a page is 64 KiB, small enough to try every byte of
 * it. */
#define CHAINED_BYTES (33 * KIB)

/* Bytes that differ from place to place, with line ends and commands among them. */
static char *
pattern(size_t bytes)
{
    char *p = malloc(bytes + 1);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < bytes; i++)
        p[i] = "END\r\nget x\r\n"[(i + i / 12 * 5) % 12] ^ (char)(i / 256);
    p[bytes] = '\0';
    return p;
}

static void
say_set(struct client *c, const char *key, struct span value, const char *noreply)
{
    char head[300];
    snprintf(head, sizeof head, "set %s 5 0 %zu%s\r\n", key, value.bytes, noreply);
    client_say(c, head);
    client_say_span(c, value);
    client_say(c, "\r\n");
}

static void
expect_value(struct client *c, const char *key, struct span value)
{
    char head[300];
    int head_bytes = snprintf(head, sizeof head, "VALUE %s 5 %zu\r\n", key, value.bytes);
    size_t bytes = (size_t)head_bytes + value.bytes + 7;
    char *want = malloc(bytes);
    ck_assert_ptr_nonnull(want);
    memcpy(want, head, (size_t)head_bytes);
    memcpy(want + head_bytes, value.p, value.bytes);
    memcpy(want + bytes - 7, "\r\nEND\r\n", 7);
    client_expect_span(c, span_of(want, bytes));
    free(want);
}

/* The number behind "STAT <name> " in the answer to 'stats <group>'. */
static uint64_t
stat_of(struct client *c, const char *group, const char *name)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "stats %s\r\n", group);
    client_say(c, wanted);
    snprintf(wanted, sizeof wanted, "STAT %s ", name);
    const char *line = strstr(client_text(c), wanted);
    ck_assert_msg(line != NULL, "no %s", wanted);
    return strtoull(line + strlen(wanted), NULL, 10);
}

/* ---- answers ---- */

static const struct {
    const char *say;
    const char *want;
} dialogue[] = {
    {"get a\r\n", "END\r\n"},
    {"set a 1 0 3\r\nabc\r\n", "STORED\r\n"},
    {"get a b a\r\n", "VALUE a 1 3\r\nabc\r\nVALUE a 1 3\r\nabc\r\nEND\r\n"},
    {"gets a\r\n", "VALUE a 1 3 2\r\nabc\r\nEND\r\n"},
    {"add a 0 0 1\r\nx\r\n", "NOT_STORED\r\n"},
    {"replace b 0 0 1\r\nx\r\n", "NOT_STORED\r\n"},
    {"append b 0 0 1\r\nx\r\n", "NOT_STORED\r\n"},
    {"append a 9 9 1\r\nd\r\n", "STORED\r\n"},
    {"prepend a 9 9 1\r\n_\r\n", "STORED\r\n"},
    {"get a\r\n", "VALUE a 1 5\r\n_abcd\r\nEND\r\n"},
    {"cas a 0 0 1 1\r\nx\r\n", "EXISTS\r\n"},
    {"cas b 0 0 1 1\r\nx\r\n", "NOT_FOUND\r\n"},
    {"cas a 0 0 1 4\r\nx\r\n", "STORED\r\n"},
    {"add b 0 0 2 noreply\r\n41\r\n", ""},
    {"incr b 1\r\n", "42\r\n"},
    {"decr b 40\r\n", "2\r\n"},
    {"incr c 1\r\n", "NOT_FOUND\r\n"},
    {"incr a 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"},
    {"incr b x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n"},
    {"incr b 1 noreply\r\n", ""},
    {"touch b 100\r\n", "TOUCHED\r\n"},
    {"touch c 100\r\n", "NOT_FOUND\r\n"},
    {"touch b x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"},
    {"gat 50 b c\r\n", "VALUE b 0 2\r\n3 \r\nEND\r\n"},
    {"gats 50 c\r\n", "END\r\n"},
    {"delete b\r\n", "DELETED\r\n"},
    {"delete b\r\n", "NOT_FOUND\r\n"},
    {"delete b noreply\r\n", ""},
    {"set a 0 0 1\r\nabc\r\n",
     "CLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\n"},
    {"set a 0 0 x\r\n", "CLIENT_ERROR bad command line format\r\n"},
    {"set a 0 0 2000000\r\n", "SERVER_ERROR object too large for cache\r\n"},
};

START_TEST(commands_are_answered_as_memcached_does)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    for (size_t i = 0; i < ARRAY_COUNT(dialogue); i++)
        client_ask(&c, dialogue[i].say, dialogue[i].want);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_pipeline_is_answered_in_order)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c,
               "set a 0 0 1\r\n1\r\nget a\r\nincr a 1\r\nget a\r\nbad\r\ndelete a\r\nget a\r\n"
               "mn\r\nversion\r\n",
               "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n2\r\nVALUE a 0 1\r\n2\r\nEND\r\nERROR\r\n"
               "DELETED\r\nEND\r\nMN\r\nVERSION 1.6.45\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(administration)
{
    struct exec_config config = default_config();
    config.shutdown_enabled = true;
    struct server *sv = server_with(64 * MIB, true, config);
    struct client c = client_open(sv);
    client_ask(&c, "verbosity 0\r\n", "OK\r\n");
    client_ask(&c, "verbosity\r\n", "CLIENT_ERROR bad command line format\r\n");
    client_ask(&c, "cache_memlimit 100\r\n", "OK\r\n");
    ck_assert_uint_eq(stat_of(&c, "", "limit_maxbytes"), 100 * MIB);
    client_ask(&c, "cache_memlimit 7\r\n",
               "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n");
    client_ask(&c, "cache_memlimit 1000000001\r\n",
               "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n");
    client_ask(&c, "cache_memlimit 1000000000\r\n",
               "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n");
    client_ask(&c, "watch\r\nextstore\r\n", "ERROR\r\nERROR\r\n");
    client_ask(&c, "slabs automove 1\r\nslabs automove 1 noreply\r\n", "OK\r\n");
    client_ask(&c, "lru_crawler crawl all\r\nlru_crawler crawl 1,2\r\n", "OK\r\nOK\r\n");
    client_ask(&c, "lru_crawler crawl hash\r\n", "ERROR an unknown error happened\r\n");
    client_ask(&c, "lru_crawler crawl 1,0\r\n", "BADCLASS invalid class id\r\n");
    client_ask(&c, "shutdown now\r\n", "CLIENT_ERROR invalid shutdown mode\r\n");
    client_ask(&c, "shutdown g\r\n", "");
    ck_assert(c.closed && sv->shutdowns == 1 && sv->graceful_shutdowns == 1);
    client_close(&c);
    c = client_open(sv);
    client_ask(&c, "shutdown\r\nget a\r\n", "");
    ck_assert(c.closed && sv->shutdowns == 2 && sv->graceful_shutdowns == 1);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(what_the_operator_forbids_is_refused)
{
    struct exec_config config = {.prefix_delimiter = ':'};
    struct server *sv = server_with(64 * MIB, true, config);
    struct client c = client_open(sv);
    client_ask(&c, "flush_all\r\n", "CLIENT_ERROR flush_all not allowed\r\n");
    client_ask(&c, "flush_all noreply\r\n", "");
    client_ask(&c, "stats cachedump 1 1\r\n", "CLIENT_ERROR stats cachedump not allowed\r\n");
    client_ask(&c, "stats detail on\r\n", "CLIENT_ERROR stats detail not allowed\r\n");
    client_ask(&c, "lru_crawler metadump all\r\n", "ERROR metadump not allowed\r\n");
    client_ask(&c, "lru_crawler mgdump all\r\n", "ERROR key dump not allowed\r\n");
    client_ask(&c, "lru_crawler metadump\r\n", "ERROR\r\n");
    client_ask(&c, "watch fetchers\r\n", "CLIENT_ERROR watch commands not allowed\r\n");
    client_ask(&c, "shutdown\r\n", "SERVER_ERROR: shutdown not enabled\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(meta_debug_shows_an_item)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "set a 0 100 3\r\nabc\r\nset b 0 0 1\r\nb\r\n", "STORED\r\nSTORED\r\n");
    server_wait(sv, 10);
    client_say(&c, "me a\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME a exp=90 la=10 cas=2 fetch=no cls=1 size="));
    client_say(&c, "get a\r\nme a\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME a exp=90 la=0 cas=2 fetch=yes cls=1 size="));
    client_say(&c, "me b\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME b exp=-1 la=10 cas=3 "));
    client_say(&c, "me Yg== b\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME b exp=-1 "));
    client_ask(&c, "me c\r\nme !!! b\r\n", "EN\r\nCLIENT_ERROR bad command line format\r\n");
    ck_assert_uint_eq(stat_of(&c, "", "cmd_meta"), 6);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(an_item_that_another_thread_used_later_was_used_just_now)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    struct engine_thread *ahead = engine_join(sv->engine, clock_now(&sv->clock) + 1);
    client_ask(&c, "set a 0 0 1\r\na\r\n", "STORED\r\n");
    ck_assert_ptr_nonnull(engine_get(ahead, engine_hash(sv->engine, SPAN("a")), SPAN("a")));
    engine_leave(ahead);
    client_say(&c, "me a\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), " la=0 "));
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- time ---- */

START_TEST(exptimes_are_relative_up_to_thirty_days_and_dates_beyond)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char line[100];
    int64_t date_s = clock_to_unix(&sv->clock, clock_now(&sv->clock));
    snprintf(line, sizeof line, "set date 0 %lld 1\r\nx\r\n", (long long)date_s + 100);
    client_ask(&c, line, "STORED\r\n");
    client_ask(&c, "set rel 0 2592000 1\r\nx\r\n", "STORED\r\n");
    client_ask(&c, "set past 0 2592001 1\r\nx\r\n", "STORED\r\n");
    client_ask(&c, "set neg 0 -1 1\r\nx\r\n", "STORED\r\n");
    client_ask(&c, "set far 0 99999999999 1\r\nx\r\n", "STORED\r\n");
    client_ask(&c, "get past neg\r\n", "END\r\n");
    server_wait(sv, 99);
    client_ask(&c, "get date\r\n", "VALUE date 0 1\r\nx\r\nEND\r\n");
    server_wait(sv, 1);
    client_ask(&c, "get date\r\n", "END\r\n");
    server_wait(sv, 2592000 - 101);
    client_ask(&c, "get rel\r\n", "VALUE rel 0 1\r\nx\r\nEND\r\n");
    server_wait(sv, 1);
    client_ask(&c, "get rel far\r\n", "VALUE far 0 1\r\nx\r\nEND\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(gat_with_a_negative_exptime_shows_the_value_once)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "set a 0 0 1\r\nx\r\n", "STORED\r\n");
    client_ask(&c, "gat -1 a\r\ngat 100 a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\nEND\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_flush_strikes_when_it_says)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    uint32_t start_s = clock_now(&sv->clock);
    client_ask(&c, "stats settings\r\n", "STAT maxconns 1024\r\nEND\r\n");
    ck_assert_uint_eq(sv->shown.oldest_s, 0);
    client_ask(&c, "set a 0 0 1\r\nx\r\nflush_all 10\r\nget a\r\n",
               "STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    client_ask(&c, "stats settings\r\n", "STAT maxconns 1024\r\nEND\r\n");
    ck_assert_uint_eq(sv->shown.oldest_s, start_s + 9);
    server_wait(sv, 9);
    client_ask(&c, "set b 0 0 1\r\nx\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    server_wait(sv, 1);
    client_ask(&c, "get a b\r\nset c 0 0 1\r\nx\r\nget c\r\n",
               "END\r\nSTORED\r\nVALUE c 0 1\r\nx\r\nEND\r\n");
    client_ask(&c, "flush_all 0\r\nget c\r\n", "OK\r\nEND\r\n");
    client_ask(&c, "stats settings\r\n", "STAT maxconns 1024\r\nEND\r\n");
    ck_assert_uint_eq(sv->shown.oldest_s, start_s + 9);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_flush_in_a_century_does_not_strike_now)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "set a 0 0 1\r\nx\r\nflush_all 99999999999\r\nget a\r\n",
               "STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    client_ask(&c, "flush_all -1\r\nget a\r\n", "OK\r\nEND\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- requests in pieces ---- */

START_TEST(a_conversation_may_be_cut_between_any_two_bytes)
{
    static const char said[] = "set k 5 0 10\r\n0123456789\r\nget k x\r\nincr k 1\r\n"
                               "set k 5 0 4 noreply\r\nabcdef\r\nget k\r\ndelete k\r\n";
    static const char want[] = "STORED\r\nVALUE k 5 10\r\n0123456789\r\nEND\r\n123456790\r\n"
                               "CLIENT_ERROR bad command line format\r\n"
                               "VALUE k 5 10\r\n123456790 \r\nEND\r\nDELETED\r\n";
    struct server *sv = server_open();
    for (size_t cut = 1; cut < sizeof said - 1; cut++) {
        struct client c = client_open(sv);
        client_say_span(&c, span_of(said, cut));
        client_say(&c, said + cut);
        client_expect(&c, want);
        client_close(&c);
    }
    struct client c = client_open(sv);
    for (size_t i = 0; i < sizeof said - 1; i++)
        client_say_span(&c, span_of(said + i, 1));
    client_expect(&c, want);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_large_value_arrives_in_pieces_of_any_size)
{
    static const size_t pieces[] = {1, 7, 4096, 32752, 32768, 65536};
    struct server *sv = server_open();
    const size_t bytes = 3 * CHAINED_BYTES;
    char *value = pattern(bytes);
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        struct client c = client_open(sv);
        char head[64];
        snprintf(head, sizeof head, "set k 5 0 %zu\r\n", bytes);
        client_say(&c, head);
        for (size_t at = 0; at < bytes; at += pieces[i])
            client_say_span(&c,
                            span_of(value + at, bytes - at < pieces[i] ? bytes - at : pieces[i]));
        client_say(&c, "\r");
        client_expect(&c, "");
        client_ask(&c, "\n", "STORED\r\n");
        client_say(&c, "get k\r\n");
        expect_value(&c, "k", span_of(value, bytes));
        client_ask(&c, "delete k\r\n", "DELETED\r\n");
        client_close(&c);
    }
    free(value);
    server_close(sv);
}
END_TEST

START_TEST(an_upload_without_its_line_end_is_undone)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "set k 5 0 3\r\nold\r\n", "STORED\r\n");
    client_say(&c, "set k 5 0 10\r\n01234");
    client_ask(&c, "56789xyget k\r\n",
               "CLIENT_ERROR bad data chunk\r\nVALUE k 5 3\r\nold\r\nEND\r\n");
    client_say(&c, "set k 5 0 10 noreply\r\n01234");
    client_ask(&c, "56789xyget k\r\n", "VALUE k 5 3\r\nold\r\nEND\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(what_is_too_large_is_swallowed_and_the_old_value_forgotten)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(2 * MIB);
    struct span large = span_of(value, 2 * MIB);
    client_ask(&c, "set k 5 0 3\r\nold\r\nset n 5 0 3\r\nold\r\n", "STORED\r\nSTORED\r\n");
    say_set(&c, "k", large, "");
    client_expect(&c, "SERVER_ERROR object too large for cache\r\n");
    say_set(&c, "n", large, " noreply");
    client_expect(&c, "");
    client_ask(&c, "get k n\r\n", "END\r\n");
    /* The same with all of it there at once. */
    client_ask(&c, "set k 5 0 3\r\nold\r\n", "STORED\r\n");
    char *all = malloc(large.bytes + 64);
    int head = snprintf(all, 64, "set k 5 0 %zu\r\n", large.bytes);
    memcpy(all + head, large.p, large.bytes);
    memcpy(all + head + large.bytes, "\r\n", 2);
    client_say_span(&c, span_of(all, (size_t)head + large.bytes + 2));
    client_expect(&c, "SERVER_ERROR object too large for cache\r\n");
    client_ask(&c, "get k\r\n", "END\r\n");
    ck_assert_uint_eq(stat_of(&c, "", "store_too_large"), 3);
    free(all);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_client_may_go_in_the_middle_of_anything)
{
    struct server *sv = server_open();
    char *value = pattern(CHAINED_BYTES);
    struct client c = client_open(sv);
    say_set(&c, "k", span_of(value, CHAINED_BYTES), "");
    client_expect(&c, "STORED\r\n");
    client_say(&c, "set u 0 0 100000\r\nsome of it");
    client_close(&c);
    c = client_open(sv);
    size_t used;
    unsigned budget = 10;
    ck_assert_int_eq(
        exec_run(sv->exec_thread, &c.session, SPAN("get k\r\n"), &sv->output, &budget, &used),
        EXEC_FULL);
    output_reset(&sv->output);
    client_close(&c);
    c = client_open(sv);
    ck_assert_int_eq(
        exec_run(sv->exec_thread, &c.session, SPAN("stats\r\n"), &sv->output, &budget, &used),
        EXEC_FULL);
    output_reset(&sv->output);
    client_close(&c);
    c = client_open(sv);
    client_ask(&c, "get u\r\n", "END\r\n");
    client_say(&c, "get k\r\n");
    expect_value(&c, "k", span_of(value, CHAINED_BYTES));
    client_close(&c);
    free(value);
    server_close(sv);
}
END_TEST

/* ---- answers in pieces ---- */

START_TEST(a_chained_value_streams_whatever_the_socket_takes)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(CHAINED_BYTES);
    struct span v = span_of(value, CHAINED_BYTES);
    say_set(&c, "k", v, "");
    client_expect(&c, "STORED\r\n");
    /* The first output is cut at every offset, and the rest goes at once. */
    size_t all = CHAINED_BYTES + 100;
    for (size_t cut = 0; cut < all; cut++) {
        c.window = cut;
        c.input = realloc(c.input, 16);
        memcpy(c.input, "get k\r\n", 7);
        c.input_bytes = 7;
        if (client_step(&c) != EXEC_FULL)
            ck_abort_msg("a value of many chunks was no stream");
        c.window = SIZE_MAX;
        client_say(&c, "");
        expect_value(&c, "k", v);
    }
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_stream_goes_on_when_the_socket_takes_little)
{
    static const size_t windows[] = {1, 2, 3, 1000, 32767, 65536};
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(CHAINED_BYTES);
    struct span v = span_of(value, CHAINED_BYTES);
    say_set(&c, "k", v, "");
    client_expect(&c, "STORED\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        c.window = windows[i];
        client_say(&c, "get k\r\n");
        expect_value(&c, "k", v);
    }
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_stream_shows_the_value_that_was_there_when_it_began)
{
    struct server *sv = server_open();
    struct client reader = client_open(sv), writer = client_open(sv);
    const size_t bytes = 10 * CHAINED_BYTES;
    char *value = pattern(bytes);
    say_set(&writer, "k", span_of(value, bytes), "");
    client_expect(&writer, "STORED\r\n");
    reader.window = 1000;
    reader.input = malloc(16);
    memcpy(reader.input, "get k\r\n", 7);
    reader.input_bytes = 7;
    ck_assert_int_eq(client_step(&reader), EXEC_FULL);
    client_ask(&writer, "set k 5 0 3\r\nnew\r\n", "STORED\r\n");
    for (unsigned i = 0; i < 100; i++) { /* what is freed is used again */
        char key[16];
        snprintf(key, sizeof key, "other%u", i % 10);
        say_set(&writer, key, SPAN("other"), " noreply");
        say_set(&writer, "large", span_of(value + 1, bytes - 1), " noreply");
    }
    reader.window = SIZE_MAX;
    client_say(&reader, "");
    expect_value(&reader, "k", span_of(value, bytes));
    client_say(&reader, "get k\r\n");
    expect_value(&reader, "k", SPAN("new"));
    free(value);
    client_close(&reader);
    client_close(&writer);
    server_close(sv);
}
END_TEST

START_TEST(what_follows_a_stream_follows_it)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(CHAINED_BYTES);
    say_set(&c, "k", span_of(value, CHAINED_BYTES), "");
    client_expect(&c, "STORED\r\n");
    c.window = 10000;
    client_say(&c, "get k\r\nget k\r\nversion\r\nquit\r\nversion\r\n");
    size_t each = strlen("VALUE k 5 33792\r\n") + CHAINED_BYTES + strlen("\r\nEND\r\n");
    ck_assert_uint_eq(c.received_bytes, 2 * each + strlen("VERSION 1.6.45\r\n"));
    ck_assert_mem_eq(c.received + each, c.received, each);
    ck_assert_mem_eq(c.received + 2 * each - 5, "END\r\nVERSION 1.6.45\r\n", 21);
    ck_assert(c.closed);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_full_output_stops_a_long_line_and_loses_nothing)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(1000);
    say_set(&c, "k", span_of(value, 1000), "");
    client_expect(&c, "STORED\r\n");
    const size_t keys = 1000;
    char *line = malloc(4 + 2 * keys + 2);
    memcpy(line, "get ", 4);
    for (size_t i = 0; i < keys; i++)
        memcpy(line + 4 + 2 * i, "k ", 2);
    memcpy(line + 4 + 2 * keys, "\r\n", 2);
    client_say_span(&c, span_of(line, 4 + 2 * keys + 2));
    size_t each = strlen("VALUE k 5 1000\r\n") + 1000 + 2;
    ck_assert_uint_eq(c.received_bytes, keys * each + 5);
    for (size_t i = 1; i < keys; i++)
        if (memcmp(c.received, c.received + i * each, each) != 0)
            ck_abort_msg("value %zu is another", i);
    ck_assert_uint_ge(c.full_count, keys * each / OUTPUT_BYTES_MAX);
    free(line);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(values_of_every_way_out_stand_side_by_side)
{
    static const size_t sizes[] = {0, 1, 2047, 2048, 2049, 20000, 32000, CHAINED_BYTES};
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(CHAINED_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", i);
        say_set(&c, key, span_of(value, sizes[i]), "");
        client_expect(&c, "STORED\r\n");
    }
    c.window = 5000;
    client_say(&c, "get k0 k1 k2 k3 k4 k5 k6 k7 k0 k7 k5\r\n");
    size_t at = 0;
    static const unsigned order[] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 7, 5};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        size_t bytes = sizes[order[i]];
        char head[64];
        size_t head_bytes =
            (size_t)snprintf(head, sizeof head, "VALUE k%u 5 %zu\r\n", order[i], bytes);
        ck_assert_uint_le(at + head_bytes + bytes + 2, c.received_bytes);
        ck_assert_mem_eq(c.received + at, head, head_bytes);
        ck_assert(memcmp(c.received + at + head_bytes, value, bytes) == 0);
        ck_assert_mem_eq(c.received + at + head_bytes + bytes, "\r\n", 2);
        at += head_bytes + bytes + 2;
    }
    ck_assert_uint_eq(c.received_bytes, at + 5);
    ck_assert_mem_eq(c.received + at, "END\r\n", 5);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- the budget ---- */

START_TEST(the_budget_bounds_the_requests_of_one_call)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    struct span in = SPAN("get a\r\nset a 0 0 1\r\nx\r\nget a b c\r\nversion\r\nget a\r\n");
    unsigned budget = 3;
    size_t used;
    ck_assert_int_eq(exec_run(sv->exec_thread, &c.session, in, &sv->output, &budget, &used),
                     EXEC_YIELD);
    ck_assert_uint_eq(budget, 0);
    client_flush(&c);
    client_expect(&c, "END\r\nSTORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    in = span_of(in.p + used, in.bytes - used);
    ck_assert_mem_eq(in.p, "version", 7);
    budget = 3;
    ck_assert_int_eq(exec_run(sv->exec_thread, &c.session, in, &sv->output, &budget, &used),
                     EXEC_NEED_INPUT);
    ck_assert_uint_eq(budget, 1);
    ck_assert_uint_eq(used, in.bytes);
    client_flush(&c);
    client_expect(&c, "VERSION 1.6.45\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(without_budget_nothing_is_done)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    unsigned budget = 0;
    size_t used;
    ck_assert_int_eq(
        exec_run(sv->exec_thread, &c.session, SPAN("version\r\n"), &sv->output, &budget, &used),
        EXEC_YIELD);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(sv->output.bytes, 0);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_budget_of_one_serves_a_pipeline_one_by_one)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    c.budget = 1;
    for (unsigned i = 0; i < 100; i++)
        client_say(&c, "set a 0 0 1\r\nx\r\nget a a\r\nmn\r\n");
    static const char want[] = "STORED\r\nVALUE a 0 1\r\nx\r\nVALUE a 0 1\r\nx\r\nEND\r\nMN\r\n";
    ck_assert_uint_eq(c.received_bytes, 100 * (sizeof want - 1));
    for (unsigned i = 0; i < 100; i++)
        ck_assert_mem_eq(c.received + i * (sizeof want - 1), want, sizeof want - 1);
    ck_assert_uint_ge(c.yield_count, 200);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(answers_are_added_to_what_the_output_holds)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    output_borrow(&sv->output, "kept from before\r\n", 18);
    client_ask(&c, "mn\r\n", "kept from before\r\nMN\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- memory ---- */

/* Stores of one batch, more than a small cache holds, without a quiescent point between them. */
START_TEST(stores_wait_for_memory_and_are_all_done)
{
    struct server *sv = server_with(2 * MIB, true, default_config());
    struct client c = client_open(sv);
    const unsigned count = 3000;
    char *said = malloc(count * 1100), *at = said;
    for (unsigned i = 0; i < count; i++) {
        at += sprintf(at, "set k%u 0 0 1000\r\n", i);
        memset(at, 'v', 1000);
        memcpy(at + 1000, "\r\n", 2);
        at += 1002;
    }
    c.budget = UINT32_MAX;
    client_say_span(&c, span_of(said, (size_t)(at - said)));
    ck_assert_uint_eq(c.received_bytes, 8 * count);
    for (unsigned i = 0; i < count; i++)
        if (memcmp(c.received + 8 * i, "STORED\r\n", 8) != 0)
            ck_abort_msg("store %u failed: %.8s", i, c.received + 8 * i);
    c.received_bytes = 0;
    ck_assert_uint_gt(c.again_count, 0);
    ck_assert_uint_gt(stat_of(&c, "", "evictions"), 1000);
    ck_assert_uint_eq(stat_of(&c, "", "cmd_set"), count);
    ck_assert_uint_eq(stat_of(&c, "", "store_no_memory"), 0);
    free(said);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(large_uploads_wait_for_memory_in_their_middle)
{
    struct server *sv = server_with(2 * MIB, true, default_config());
    struct client c = client_open(sv);
    const size_t bytes = 900 * KIB;
    char *value = pattern(bytes);
    for (unsigned i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        say_set(&c, key, span_of(value, bytes), "");
        client_expect(&c, "STORED\r\n");
        snprintf(key, sizeof key, "get k%u\r\n", i);
        client_say(&c, key);
        ck_assert_uint_gt(c.received_bytes, bytes);
        c.received_bytes = 0;
    }
    ck_assert_uint_gt(c.again_count, 0);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_cache_that_may_not_evict_refuses_and_forgets_the_old_value)
{
    struct server *sv = server_with(2 * MIB, false, default_config());
    struct client c = client_open(sv);
    char *value = pattern(900 * KIB);
    client_ask(&c, "set k 5 0 3\r\nold\r\nset j 5 0 3\r\nold\r\n", "STORED\r\nSTORED\r\n");
    unsigned stored = 0;
    do {
        char key[16];
        snprintf(key, sizeof key, "fill%u", stored);
        say_set(&c, key, span_of(value, 60 * KIB), "");
        stored++;
    } while (stored < 100 && strcmp(client_text(&c), "STORED\r\n") == 0);
    ck_assert_uint_lt(stored, 40);
    /* Announced and begun, but memory runs out in the middle: */
    say_set(&c, "k", span_of(value, 500 * KIB), "");
    client_expect(&c, "SERVER_ERROR out of memory storing object\r\n");
    client_ask(&c, "get k\r\n", "END\r\n");
    say_set(&c, "j", span_of(value, 500 * KIB), " noreply");
    client_ask(&c, "get j\r\nversion\r\n", "END\r\nVERSION 1.6.45\r\n");
    ck_assert_uint_ge(stat_of(&c, "", "store_no_memory"), 2);
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- reports ---- */

START_TEST(stats_counts_what_happened)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_say(&c,
               "set a 0 0 1\r\n1\r\nget a a b\r\ngat 0 a\r\ngat 0 b\r\ntouch a 0\r\nincr a 1\r\n"
               "decr b 1\r\ndelete b\r\ncas a 0 0 1 99\r\n1\r\ncas b 0 0 1 1\r\n1\r\n"
               "flush_all\r\nget a\r\n");
    c.received_bytes = 0;
    static const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"cmd_set", 3},     {"cmd_get", 4},        {"get_hits", 2},         {"get_misses", 2},
        {"get_flushed", 1}, {"cmd_touch", 3},      {"touch_hits", 2},       {"touch_misses", 1},
        {"incr_hits", 1},   {"incr_misses", 0},    {"decr_misses", 1},      {"delete_misses", 1},
        {"delete_hits", 0}, {"cas_badval", 1},     {"cas_misses", 1},       {"cas_hits", 0},
        {"cmd_flush", 1},   {"curr_items", 0},     {"total_items", 2},      {"bytes", 0},
        {"threads", 4},     {"bytes_read", 12345}, {"curr_connections", 7},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        ck_assert_msg(stat_of(&c, "", rows[i].name) == rows[i].value, "%s is %llu", rows[i].name,
                      (unsigned long long)stat_of(&c, "", rows[i].name));
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(what_is_found_expired_is_a_miss_that_counts_as_expired)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "set e 0 2 1\r\nx\r\n", "STORED\r\n");
    server_wait(sv, 1);
    client_ask(&c, "get e\r\n", "VALUE e 0 1\r\nx\r\nEND\r\n");
    ck_assert_uint_eq(stat_of(&c, "", "get_expired"), 0);
    server_wait(sv, 1);
    client_ask(&c, "get e\r\n", "END\r\n");
    ck_assert_uint_eq(stat_of(&c, "", "get_expired"), 1);
    ck_assert_uint_eq(stat_of(&c, "", "get_misses"), 1);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(reset_keeps_what_is_there_and_forgets_what_happened)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_say(&c,
               "set a:b 0 0 1\r\n1\r\nget a:b a:b x\r\nme a:b\r\nstats detail on\r\nget a:b\r\n");
    c.received_bytes = 0;
    uint64_t bytes = stat_of(&c, "", "bytes");
    client_ask(&c, "stats r\r\n", "RESET\r\n");
    ck_assert_uint_eq(sv->resets, 1);
    ck_assert_uint_eq(stat_of(&c, "", "curr_items"), 1);
    ck_assert_uint_eq(stat_of(&c, "", "bytes"), bytes);
    ck_assert_uint_gt(bytes, 0);
    static const char *const counters[] = {"get_hits", "get_misses", "cmd_set", "total_items",
                                           "cmd_meta"};
    for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
        ck_assert_uint_eq(stat_of(&c, "", counters[i]), 0);
    ck_assert_uint_eq(stat_of(&c, "items", "items:1:number"), 1);
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:used_chunks"), 1);
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:get_hits"), 0);
    client_ask(&c, "stats detail dump\r\n", "END\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(items_and_slabs_add_up)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = pattern(CHAINED_BYTES);
    for (unsigned i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "s%u", i);
        say_set(&c, key, SPAN("v"), " noreply");
    }
    say_set(&c, "large", span_of(value, CHAINED_BYTES), " noreply");
    client_say(&c, "get s1 s2 large\r\n");
    c.received_bytes = 0;
    uint64_t bytes = stat_of(&c, "", "bytes");
    uint64_t small_bytes = stat_of(&c, "items", "items:1:mem_requested");
    ck_assert_uint_eq(stat_of(&c, "items", "items:1:number"), 10);
    ck_assert_uint_eq(small_bytes, 10 * (24 + 4 + 2 + 1)); /* header, flags, key, value */
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:get_hits"), 2);
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:cmd_set"), 10);
    ck_assert_uint_eq(stat_of(&c, "slabs", "1:used_chunks"), 11); /* one is the head of 'large' */
    uint64_t pages = stat_of(&c, "slabs", "active_slabs");
    ck_assert_uint_ge(pages, 2);
    ck_assert_uint_ge(stat_of(&c, "slabs", "total_malloced"), pages * 64 * KIB);
    ck_assert_uint_eq(bytes - small_bytes, 24 + 5 + 4 + CHAINED_BYTES);
    client_say(&c, "stats sizes\r\n");
    ck_assert_str_eq(client_text(&c), "STAT 32 10\r\nSTAT 33856 1\r\nEND\r\n");
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(cachedump_lists_a_class)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char want[100];
    client_ask(&c, "set a 0 100 3\r\nabc\r\n", "STORED\r\n");
    snprintf(want, sizeof want, "ITEM a [3 b; %lld s]\r\nEND\r\n",
             (long long)clock_to_unix(&sv->clock, clock_now(&sv->clock)) + 100);
    client_ask(&c, "stats cachedump 1 0\r\n", want);
    client_ask(&c, "set a 0 0 3\r\nabc\r\nset b 0 0 0\r\n\r\n", "STORED\r\nSTORED\r\n");
    client_say(&c, "stats cachedump 1 1\r\n");
    ck_assert_uint_eq(strlen(client_text(&c)), strlen("ITEM a [3 b; 0 s]\r\nEND\r\n"));
    client_ask(&c, "stats cachedump 2 0\r\n", "END\r\n");
    client_ask(&c, "stats cachedump 300 0\r\n", "CLIENT_ERROR Illegal slab id\r\n");
    client_ask(&c, "stats cachedump 1\r\n", "CLIENT_ERROR bad command line\r\n");
    client_ask(&c, "stats cachedump 1 x\r\n", "CLIENT_ERROR bad command line format\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(detail_is_counted_while_it_is_on)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "get p:1\r\nstats detail on\r\n", "END\r\nOK\r\n");
    client_ask(&c, "stats settings\r\n", "STAT maxconns 1024\r\nEND\r\n");
    ck_assert(sv->shown.detail_on);
    client_ask(
        &c,
        "set p:1 0 0 1\r\nx\r\nget p:1 p:2\r\ngat 0 p:1\r\ndelete p:2\r\nincr p:1 1\r\n"
        "touch p:1 0\r\nget q\r\n",
        "STORED\r\nVALUE p:1 0 1\r\nx\r\nEND\r\nVALUE p:1 0 1\r\nx\r\nEND\r\nNOT_FOUND\r\n"
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\nTOUCHED\r\nEND\r\n");
    client_ask(&c, "stats detail of\r\nget p:1\r\n", "OK\r\nVALUE p:1 0 1\r\nx\r\nEND\r\n");
    client_ask(&c, "stats detail dump\r\n", "PREFIX p get 3 hit 2 set 1 del 1\r\nEND\r\n");
    client_ask(&c, "stats detail\r\n", "CLIENT_ERROR usage: stats detail on|off|dump\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_report_longer_than_an_output_streams_whatever_the_socket_takes)
{
    static const size_t windows[] = {SIZE_MAX, 1, 4097, 65536, 100000};
    struct exec_config config = default_config();
    config.detail_enabled = true;
    struct server *sv = server_with(64 * MIB, true, config);
    struct client c = client_open(sv);
    for (unsigned i = 0; i < 3000; i++) {
        char line[64];
        snprintf(line, sizeof line, "get prefix%u:x\r\n", i);
        client_say(&c, line);
    }
    c.received_bytes = 0;
    client_say(&c, "stats detail dump\r\n");
    size_t bytes = c.received_bytes;
    char *first = malloc(bytes);
    memcpy(first, c.received, bytes);
    ck_assert_uint_gt(bytes, OUTPUT_BYTES_MAX + 1000);
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        c.received_bytes = 0;
        c.window = windows[i];
        client_say(&c, "stats detail dump\r\n");
        client_expect_span(&c, span_of(first, bytes));
    }
    free(first);
    client_close(&c);
    server_close(sv);
}
END_TEST

static int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines of 'text' into 'lines'; returns how many there are. */
static size_t
sort_lines(char *text, char **lines, size_t max)
{
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        ck_assert_uint_lt(count, max);
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    return count;
}

START_TEST(a_dump_shows_every_key_once_whatever_the_socket_takes)
{
    static const size_t windows[] = {SIZE_MAX, 1, 4097, 65536};
    enum { ITEMS = 5000 };
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char line[64], *lines[ITEMS + 3];
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(line, sizeof line, "set k%05u 0 0 1 noreply\r\nx\r\n", i);
        client_say(&c, line);
    }
    for (size_t w = 0; w < ARRAY_COUNT(windows); w++) {
        c.window = windows[w];
        client_say(&c, "lru_crawler mgdump all\r\nmn\r\n");
        char *text = strdup(client_text(&c));
        ck_assert(strncmp(text, "OK\r\nmg ", 7) == 0);
        ck_assert_ptr_nonnull(strstr(text, "EN\r\nMN\r\n"));
        ck_assert_uint_eq(sort_lines(text, lines, ARRAY_COUNT(lines)), ITEMS + 3);
        for (unsigned i = 0; i < ITEMS; i++) {
            snprintf(line, sizeof line, "mg k%05u\r", i);
            if (strcmp(lines[i + 3], line) != 0)
                ck_abort_msg("%s instead of %s", lines[i + 3], line);
        }
        free(text);
    }
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_dump_of_nothing_goes_through_the_index_in_steps)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    const unsigned items = 200000; /* two pieces of the index, at about seven in a bucket */
    char line[64];
    for (unsigned i = 0; i < items; i++) {
        int n = snprintf(line, sizeof line, "set k%u 0 0 1 noreply\r\nx\r\n", i);
        client_say_span(&c, span_of(line, (size_t)n));
    }
    c.full_count = 0;
    client_ask(&c, "lru_crawler metadump 20,21\r\n", "OK\r\nEND\r\n");
    ck_assert_uint_ge(c.full_count, 2);
    client_say(&c, "set k 7 100 1\r\nx\r\n");
    client_close(&c);
    /* A client that goes away in the middle leaves nothing behind. */
    c = client_open(sv);
    c.input = strdup("lru_crawler metadump all\r\n");
    c.input_bytes = strlen(c.input);
    ck_assert_int_eq(client_step(&c), EXEC_FULL);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* Each could keep a piece of 32 KB, and there may be thousands of them. */
START_TEST(dumps_that_nobody_reads_keep_little)
{
    enum { CLIENTS = 1000, ITEMS = 5000 };
    struct server *sv = server_open();
    struct client good = client_open(sv);
    static struct client bad[CLIENTS];
    char line[300];
    for (unsigned i = 0; i < ITEMS; i++) {
        int n = snprintf(line, sizeof line, "set %0200u 0 0 1 noreply\r\nx\r\n", i);
        client_say_span(&good, span_of(line, (size_t)n));
    }
    uint64_t kept_bytes = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        bad[i] = client_open(sv);
        bad[i].input = strdup("lru_crawler metadump all\r\n");
        bad[i].input_bytes = strlen(bad[i].input);
        ck_assert_int_eq(client_step(&bad[i]), EXEC_FULL);
        kept_bytes += bad[i].session.stream.bytes;
    }
    ck_assert_uint_lt(kept_bytes, (8u << 20) + CLIENTS * (8u << 10));
    client_ask(&good, "stats items\r\n", "SERVER_ERROR out of memory writing stats\r\n");
    /* Who reads gets all of it, if in smaller pieces. */
    client_say(&bad[CLIENTS - 1], "");
    ck_assert_uint_gt(bad[CLIENTS - 1].received_bytes, ITEMS * 200);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_close(&bad[i]);
    good.received_bytes = 0;
    client_say(&good, "stats items\r\n");
    ck_assert_uint_gt(good.received_bytes, 100);
    client_close(&good);
    server_close(sv);
}
END_TEST

START_TEST(a_dump_describes_an_item)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char want[200];
    long long now = (long long)clock_to_unix(&sv->clock, clock_now(&sv->clock));
    client_ask(&c, "set a/b 7 100 1\r\nx\r\nlru_crawler metadump 300\r\n",
               "STORED\r\nBADCLASS invalid class id\r\n");
    snprintf(want, sizeof want,
             "OK\r\nkey=a%%2Fb exp=%lld la=%lld cas=2 fetch=no cls=1 size=32 flags=7 \nEND\r\n",
             now + 100, now);
    client_ask(&c, "lru_crawler metadump 1\r\n", want);
    client_ask(&c, "lru_crawler mgdump 2\r\n", "OK\r\nEN\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(groups_are_known_by_their_beginning)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "stats con\r\n", "STAT 9:state conn_read\r\nEND\r\n");
    client_ask(&c, "stats  settings  x\r\n", "STAT maxconns 1024\r\nEND\r\n");
    client_ask(&c, "stats ext\r\n", "END\r\n");
    client_ask(&c, "stats items\r\n", "END\r\n");
    client_ask(&c, "stats item\r\n", "ERROR\r\n");
    client_ask(&c, "stats nonsense\r\n", "ERROR\r\n");
    client_ask(&c, "stats settingsx\r\n", "ERROR\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

/* A thread that holds items keeps what was freed from being used again, for as long as it likes. */
START_TEST(a_report_does_not_wait_for_ever_for_other_threads)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    struct engine_thread *holder = engine_join(sv->engine, clock_now(&sv->clock));
    client_ask(&c, "set a 0 0 1\r\nx\r\nset a 0 0 1\r\ny\r\n", "STORED\r\nSTORED\r\n");
    ck_assert(engine_has_limbo(sv->engine_thread));
    ck_assert_uint_eq(stat_of(&c, "", "curr_items"), 1);
    ck_assert_uint_gt(c.again_count, 0);
    engine_leave(holder);
    client_close(&c);
    server_close(sv);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *tc = tcase_create("answers");
    tcase_add_test(tc, commands_are_answered_as_memcached_does);
    tcase_add_test(tc, a_pipeline_is_answered_in_order);
    tcase_add_test(tc, administration);
    tcase_add_test(tc, what_the_operator_forbids_is_refused);
    tcase_add_test(tc, meta_debug_shows_an_item);
    tcase_add_test(tc, an_item_that_another_thread_used_later_was_used_just_now);
    suite_add_tcase(s, tc);

    tc = tcase_create("time");
    tcase_add_test(tc, exptimes_are_relative_up_to_thirty_days_and_dates_beyond);
    tcase_add_test(tc, gat_with_a_negative_exptime_shows_the_value_once);
    tcase_add_test(tc, a_flush_strikes_when_it_says);
    tcase_add_test(tc, a_flush_in_a_century_does_not_strike_now);
    suite_add_tcase(s, tc);

    tc = tcase_create("pieces");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_conversation_may_be_cut_between_any_two_bytes);
    tcase_add_test(tc, a_large_value_arrives_in_pieces_of_any_size);
    tcase_add_test(tc, an_upload_without_its_line_end_is_undone);
    tcase_add_test(tc, what_is_too_large_is_swallowed_and_the_old_value_forgotten);
    tcase_add_test(tc, a_client_may_go_in_the_middle_of_anything);
    tcase_add_test(tc, a_chained_value_streams_whatever_the_socket_takes);
    tcase_add_test(tc, a_stream_goes_on_when_the_socket_takes_little);
    tcase_add_test(tc, a_stream_shows_the_value_that_was_there_when_it_began);
    tcase_add_test(tc, what_follows_a_stream_follows_it);
    tcase_add_test(tc, a_full_output_stops_a_long_line_and_loses_nothing);
    tcase_add_test(tc, values_of_every_way_out_stand_side_by_side);
    suite_add_tcase(s, tc);

    tc = tcase_create("budget");
    tcase_add_test(tc, the_budget_bounds_the_requests_of_one_call);
    tcase_add_test(tc, without_budget_nothing_is_done);
    tcase_add_test(tc, a_budget_of_one_serves_a_pipeline_one_by_one);
    tcase_add_test(tc, answers_are_added_to_what_the_output_holds);
    suite_add_tcase(s, tc);

    tc = tcase_create("memory");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, stores_wait_for_memory_and_are_all_done);
    tcase_add_test(tc, large_uploads_wait_for_memory_in_their_middle);
    tcase_add_test(tc, a_cache_that_may_not_evict_refuses_and_forgets_the_old_value);
    suite_add_tcase(s, tc);

    tc = tcase_create("reports");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, stats_counts_what_happened);
    tcase_add_test(tc, what_is_found_expired_is_a_miss_that_counts_as_expired);
    tcase_add_test(tc, reset_keeps_what_is_there_and_forgets_what_happened);
    tcase_add_test(tc, items_and_slabs_add_up);
    tcase_add_test(tc, cachedump_lists_a_class);
    tcase_add_test(tc, detail_is_counted_while_it_is_on);
    tcase_add_test(tc, a_report_longer_than_an_output_streams_whatever_the_socket_takes);
    tcase_add_test(tc, a_dump_shows_every_key_once_whatever_the_socket_takes);
    tcase_add_test(tc, a_dump_of_nothing_goes_through_the_index_in_steps);
    tcase_add_test(tc, dumps_that_nobody_reads_keep_little);
    tcase_add_test(tc, a_dump_describes_an_item);
    tcase_add_test(tc, groups_are_known_by_their_beginning);
    tcase_add_test(tc, a_report_does_not_wait_for_ever_for_other_threads);
    suite_add_tcase(s, tc);
}

SUITE_MAIN("exec")

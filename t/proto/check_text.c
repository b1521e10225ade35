/* The classic text protocol: what each command line becomes, every error, and that limits are exact. */
#include "suite.h"

#include <stdio.h>
#include "proto/text.h"

#define K10  "kkkkkkkkkk"
#define K50  K10 K10 K10 K10 K10
#define K250 K50 K50 K50 K50 K50
#define K251 K250 "k"

/* What one parse of a whole text gave. */
static struct request r[64];
static size_t count;
static size_t used;
static struct text_parser parser;

static void
parse_more(struct span in, size_t max)
{
    memset(r, 0xaa, sizeof r);
    count = text_parse(&parser, in, r, max, &used);
}

static void
parse_bytes(struct span in)
{
    parser = (struct text_parser){.mode = TEXT_LINE};
    parse_more(in, ARRAY_COUNT(r));
}

static void
parse(const char *text)
{
    parse_bytes(span_of(text, strlen(text)));
    ck_assert_msg(used <= strlen(text), "used too much of '%s'", text);
}

/* Parses 'text' and expects one request and no rest. */
static const struct request *
parse_one(const char *text)
{
    parse(text);
    ck_assert_msg(count == 1, "%zu requests of '%s'", count, text);
    ck_assert_msg(used == strlen(text), "'%s' used only %zu", text, used);
    ck_assert_uint_eq(r[0].start, 0);
    ck_assert_uint_eq(r[0].hash, 0);
    return &r[0];
}

static void
expect_bad(const struct request *q, enum proto_error error, unsigned flags, const char *text)
{
    ck_assert_msg(q->cmd == CMD_BAD, "'%s' is command %u", text, q->cmd);
    ck_assert_msg(q->error == error, "'%s' is error %u, not %u", text, q->error, error);
    ck_assert_msg(q->flags == flags, "'%s' has flags %u, not %u", text, q->flags, flags);
    ck_assert_uint_eq(q->key_bytes, 0);
    ck_assert_uint_eq(q->value_here, 0);
    ck_assert_uint_eq(q->value_bytes, 0);
}

static void
parse_bad(const char *text, enum proto_error error)
{
    expect_bad(parse_one(text), error, 0, text);
    ck_assert_uint_eq(parser.mode, TEXT_LINE);
}

static void
expect_span(struct span s, const char *text)
{
    ck_assert_msg(span_equal(s, span_of(text, strlen(text))), "'%.*s' is not '%s'", (int)s.bytes, s.p,
                  text);
}

static void
expect_key(const struct request *q, const char *key)
{
    expect_span(request_key(q), key);
}

/* ---- lines ---- */

START_TEST(lines_end_with_crlf_or_with_lf)
{
    const char *texts[] = {"delete key\r\n", "delete key\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        const struct request *q = parse_one(texts[i]);
        ck_assert_uint_eq(q->cmd, CMD_DELETE);
        expect_key(q, "key");
    }
}
END_TEST

START_TEST(only_the_last_cr_belongs_to_the_line_end)
{
    expect_key(parse_one("delete key\r\r\n"), "key\r");
    expect_key(parse_one("delete k\rey\n"), "k\rey");
    parse("get a\r b\r\r\n");
    ck_assert_uint_eq(count, 3);
    expect_key(&r[0], "a\r");
    expect_key(&r[1], "b\r");
    parse("get \r\r\n");
    ck_assert_uint_eq(count, 2);
    expect_key(&r[0], "\r");
}
END_TEST

START_TEST(a_line_under_four_bytes_is_an_error)
{
    const char *texts[] = {"\n", "\r\n", "a\n", "a\r\n", "mn\n", "\r\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        parse_bad(texts[i], PROTO_BAD_FORMAT);
    ck_assert_uint_eq(parse_one("mn\r\n")->cmd, CMD_META_NOOP);
    parse_bad("abc\n", PROTO_UNKNOWN);
}
END_TEST

START_TEST(nothing_is_said_before_the_newline)
{
    const char *texts[] = {"", "g", "get", "get ", "get key", "get key\r", "set k 0 0 1\r", "\r", "xx"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        parse(texts[i]);
        ck_assert_uint_eq(count, 0);
        ck_assert_uint_eq(used, 0);
    }
}
END_TEST

START_TEST(a_line_may_have_2048_bytes_before_its_newline)
{
    char line[TEXT_LINE_BYTES_MAX + 3];
    memset(line, 'x', sizeof line);
    memcpy(line, "delete key ", 11);
    parse_bytes(span_of(line, 2048));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(used, 0);

    line[2048] = '\n';
    parse_bytes(span_of(line, 2049));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(r[0].cmd, CMD_DELETE);
    ck_assert_uint_eq(used, 2049);

    line[2048] = '\r';
    line[2049] = '\n';
    for (size_t bytes = 2049; bytes <= 2050; bytes++) {
        parse_bytes(span_of(line, bytes));
        ck_assert_uint_eq(count, 1);
        expect_bad(&r[0], PROTO_SILENT, REQ_CLOSE, "delete key xxx...");
    }
}
END_TEST

START_TEST(an_endless_line_ends_the_connection_whatever_it_begins_with)
{
    const char *heads[] = {"",         "set ",    "mg ",          "getx ",        "get\t",  " get k ",
                           "incr k 1", "gat 1",   "get",          "version ",     "Get k ", "\0",
                           "gat ",     "gets",    "get_k",        "stats ",       "shutdown "};
    char line[4000];
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        memset(line, strcmp(heads[i], "gat ") == 0 ? ' ' : 'x', sizeof line);
        memcpy(line, heads[i], strlen(heads[i]));
        parse_bytes(span_of(line, sizeof line));
        ck_assert_uint_eq(count, 1);
        expect_bad(&r[0], PROTO_SILENT, REQ_CLOSE, heads[i]);
    }
}
END_TEST

START_TEST(spaces_without_end_end_the_connection)
{
    static char line[70000];
    memset(line, ' ', sizeof line);
    const char *heads[] = {"", "set", "gat 1", "gats"};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        memcpy(line, heads[i], strlen(heads[i]));
        parse_bytes(span_of(line, sizeof line));
        ck_assert_uint_eq(count, 1);
        expect_bad(&r[0], PROTO_SILENT, REQ_CLOSE, heads[i]);
    }
}
END_TEST

START_TEST(a_pipeline_is_cut_at_its_line_ends)
{
    parse("mn\r\nget a\nset b 0 0 2\r\nxy\r\nincr c 1\r\nversion\r\nget d");
    ck_assert_uint_eq(count, 6);
    unsigned cmds[] = {CMD_META_NOOP, CMD_GET, CMD_END, CMD_SET, CMD_INCR, CMD_VERSION};
    unsigned starts[] = {0, 4, 9, 10, 27, 37};
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(r[i].cmd, cmds[i]);
        ck_assert_uint_eq(r[i].start, starts[i]);
    }
    ck_assert_uint_eq(used, 46);
}
END_TEST

START_TEST(no_more_requests_are_made_than_asked_for)
{
    const char *text = "get a b\r\nget c\r\nmn\r\n";
    unsigned cmds[] = {CMD_GET, CMD_GET, CMD_END, CMD_GET, CMD_END, CMD_META_NOOP};
    for (size_t max = 1; max <= ARRAY_COUNT(cmds); max++) {
        struct span rest = span_of(text, strlen(text));
        parser = (struct text_parser){.mode = TEXT_LINE};
        for (size_t seen = 0; seen < ARRAY_COUNT(cmds); seen += count) {
            parse_more(rest, max);
            ck_assert(count >= 1 && count <= max);
            for (size_t i = 0; i < count; i++)
                ck_assert_uint_eq(r[i].cmd, cmds[seen + i]);
            rest = span_of(rest.p + used, rest.bytes - used);
        }
        ck_assert_uint_eq(rest.bytes, 0);
    }
}
END_TEST

/* ---- names ---- */

START_TEST(unknown_commands_are_errors)
{
    const char *texts[] = {"foo\r\n",       "SET k 0 0 1\r\n", " get foo\r\n",   "getx k\r\n",
                           "ge k\r\n",      "versionx\r\n",    "quitx\r\n",      "stat\r\n",
                           "lr mode\r\n",   "lrux\r\n",        "slab\r\n",       "lru_crawlerx\r\n",
                           "get\tk\r\n",    "    \r\n",        "          \n",   "mgx k\r\n",
                           "m k 1\r\n",     "mdx k\r\n",       "mb k\r\n",       "mnx\r\n",
                           "\001\002\003\n", "noreply\r\n",    "   noreply\r\n", "cache_memlimi 1\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        parse_bad(texts[i], PROTO_UNKNOWN);
}
END_TEST

START_TEST(nul_bytes_are_bytes)
{
    parse_bytes(SPAN("\0\0\0\0\n"));
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_UNKNOWN, 0, "NULs");
    parse_bytes(SPAN("\0\r\n"));
    expect_bad(&r[0], PROTO_BAD_FORMAT, 0, "one NUL");
    parse_bytes(SPAN("get\0k\r\n"));
    expect_bad(&r[0], PROTO_UNKNOWN, 0, "get NUL");
    parse_bytes(SPAN("get a\0b\r\n"));
    ck_assert(span_equal(request_key(&r[0]), SPAN("a\0b")));
    parse_bytes(SPAN("set \0 0 0 1\r\n\0\r\n"));
    ck_assert_uint_eq(r[0].cmd, CMD_SET);
    ck_assert(span_equal(request_key(&r[0]), SPAN("\0")));
}
END_TEST

START_TEST(any_byte_but_space_and_newline_may_be_in_a_key)
{
    for (int byte = 0; byte < 256; byte++) {
        if (byte == ' ' || byte == '\n')
            continue;
        char text[] = "get aXb cd\r\ndelete aXb\r\nset aXb 0 0 0\r\n\r\n";
        text[5] = text[20] = text[29] = (char)byte;
        parse_bytes(span_of(text, sizeof text - 1));
        ck_assert_msg(count == 5, "byte %d: %zu requests", byte, count);
        char key[] = {'a', (char)byte, 'b'};
        ck_assert(span_equal(request_key(&r[0]), span_of(key, 3)));
        ck_assert(span_equal(request_key(&r[3]), span_of(key, 3)));
        ck_assert(span_equal(request_key(&r[4]), span_of(key, 3)));
    }
}
END_TEST

START_TEST(an_unknown_command_with_noreply_is_not_answered)
{
    expect_bad(parse_one("foo noreply\r\n"), PROTO_UNKNOWN, REQ_NOREPLY, "foo");
    expect_bad(parse_one("foo bar noreply  \r\n"), PROTO_UNKNOWN, REQ_NOREPLY, "foo bar");
    parse_bad("foo noreply bar\r\n", PROTO_UNKNOWN);
    parse_bad("foo xnoreply\r\n", PROTO_UNKNOWN);
    parse_bad("foo NOREPLY\r\n", PROTO_UNKNOWN);
}
END_TEST

START_TEST(http_ends_the_connection)
{
    const char *texts[] = {"GET / HTTP/1.1\r\n", "POST /x HTTP/1.0\n", "x HTTP/\r\n", "x  HTTP/1.1  \r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        expect_bad(parse_one(texts[i]), PROTO_SILENT, REQ_CLOSE, texts[i]);
    parse_bad("HTTP/1.1\r\n", PROTO_UNKNOWN);
    parse_bad(" HTTP/1.1\r\n", PROTO_UNKNOWN);
    parse_bad("x HTTP/1.1 y\r\n", PROTO_UNKNOWN);
    parse_bad("x HTTP\r\n", PROTO_UNKNOWN);

    parse("GET / HTTP/1.1\r\nflush_all\r\n");
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(used, 16);
}
END_TEST

/* ---- get, gets, gat, gats ---- */

START_TEST(each_key_of_a_get_is_a_request_and_then_comes_the_end)
{
    const char *text = "gets a  bc   a \r\n";
    parse(text);
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(used, strlen(text));
    const char *keys[] = {"a", "bc", "a"};
    unsigned starts[] = {0, 8, 13};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(r[i].cmd, CMD_GET);
        ck_assert_uint_eq(r[i].start, starts[i]);
        ck_assert_uint_eq(r[i].flags, i == 0 ? REQ_WITH_CAS : REQ_WITH_CAS | REQ_MID_LINE);
        expect_key(&r[i], keys[i]);
    }
    ck_assert_uint_eq(r[3].cmd, CMD_END);
    ck_assert_uint_eq(r[3].flags, REQ_MID_LINE);
    ck_assert_uint_eq(r[3].start, 15);
}
END_TEST

START_TEST(a_single_get_is_a_key_and_an_end)
{
    const char *texts[] = {"get k\r\n", "get k\n", "get  k \r\n", "get k \n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        parse(texts[i]);
        ck_assert_uint_eq(count, 2);
        ck_assert_uint_eq(used, strlen(texts[i]));
        ck_assert_uint_eq(r[0].cmd, CMD_GET);
        ck_assert_uint_eq(r[0].flags, 0);
        ck_assert_uint_eq(r[0].start, 0);
        expect_key(&r[0], "k");
        ck_assert_uint_eq(r[1].cmd, CMD_END);
        ck_assert_uint_eq(r[1].flags, REQ_MID_LINE);
        ck_assert(r[1].start < used);
    }
}
END_TEST

START_TEST(gat_gives_its_exptime_to_every_key)
{
    parse("gats -5 a b\r\ngat 9223372036854775807 c\r\n");
    ck_assert_uint_eq(count, 5);
    unsigned flags[] = {REQ_WITH_CAS, REQ_WITH_CAS | REQ_MID_LINE};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(r[i].cmd, CMD_GAT);
        ck_assert_int_eq(r[i].exptime, -5);
        ck_assert_uint_eq(r[i].flags, flags[i]);
    }
    ck_assert_uint_eq(r[3].cmd, CMD_GAT);
    ck_assert_uint_eq(r[3].flags, 0);
    ck_assert_int_eq(r[3].exptime, INT64_MAX);
    expect_key(&r[3], "c");
}
END_TEST

START_TEST(a_retrieval_without_a_key_is_an_error)
{
    const char *texts[] = {"get\r\n",     "get \r\n",  "get    \n", "gets\r\n", "gets \r\n", "gat\r\n",
                           "gat 10\r\n", "gat 10 \r\n", "gat x\r\n", "gats 0\n", "gats\r\n",  "gat \n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        parse_bad(texts[i], PROTO_BAD_FORMAT);
}
END_TEST

START_TEST(gat_wants_a_64_bit_exptime)
{
    const char *texts[] = {"gat x k\r\n", "gats +1 k\r\n", "gat 1x k\r\n", "gat - k\r\n",
                           "gat 9223372036854775808 k\r\n", "gat x " K251 "\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        parse_bad(texts[i], PROTO_BAD_EXPTIME);
}
END_TEST

START_TEST(noreply_is_a_key_to_a_retrieval)
{
    parse("get k noreply\r\nget noreply\r\n");
    ck_assert_uint_eq(count, 5);
    expect_key(&r[1], "noreply");
    expect_key(&r[3], "noreply");
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(r[i].flags & REQ_NOREPLY, 0);
}
END_TEST

START_TEST(a_key_may_have_250_bytes)
{
    const char *good[] = {"get " K250 "\r\n",           "get " K250 "\n",    "get a " K250 "\r\n",
                          "get " K250 " " K250 " a\r\n", "gats 1 " K250 "\n", "get a " K250 " \n"};
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        parse(good[i]);
        ck_assert_uint_eq(r[count - 1].cmd, CMD_END);
        ck_assert_uint_eq(used, strlen(good[i]));
    }
    const char *bad[] = {"get " K251 "\r\n",    "get " K251 "\n",     "get a " K251 "\r\n",
                         "get " K251 " a\r\n",  "get a " K251 " b\n", "gats 1 a " K251 "\n",
                         "get " K250 " " K251 "\r\n", "get " K250 "\r\r\n", "gets " K251 K251 "\n",
                         "get a " K250 "\r \n"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        parse_bad(bad[i], PROTO_BAD_FORMAT);
}
END_TEST

/* A retrieval line that is too long to be looked at as a whole: "get" and keys of ten bytes, then
 * 'tail'. */
static struct span
long_line(const char *head, size_t keys, const char *tail)
{
    static char line[70000];
    size_t bytes = strlen(head);
    memcpy(line, head, bytes);
    for (size_t i = 0; i < keys; i++, bytes += 11)
        memcpy(line + bytes, " " K10, 11);
    memcpy(line + bytes, tail, strlen(tail));
    bytes += strlen(tail);
    ck_assert(bytes < sizeof line);
    return span_of(line, bytes);
}

START_TEST(a_long_retrieval_line_streams)
{
    const char *heads[] = {"get", "gets", "gat -1", "gats 100"};
    int64_t exptimes[] = {0, 0, -1, 100};
    for (size_t h = 0; h < ARRAY_COUNT(heads); h++) {
        struct span rest = long_line(heads[h], 5000, "\r\n");
        parser = (struct text_parser){.mode = TEXT_LINE};
        size_t keys = 0;
        do {
            /* As if only so much had come. */
            parse_more(span_of(rest.p, rest.bytes < 3000 ? rest.bytes : 3000), 64);
            ck_assert_uint_ge(count, 1);
            for (size_t i = 0; i < count && r[i].cmd != CMD_END; i++, keys++) {
                ck_assert_uint_eq(r[i].cmd, h < 2 ? CMD_GET : CMD_GAT);
                ck_assert_int_eq(r[i].exptime, exptimes[h]);
                unsigned flags = h % 2 == 1 ? REQ_WITH_CAS : 0;
                ck_assert_uint_eq(r[i].flags, keys == 0 ? flags : flags | REQ_MID_LINE);
                expect_key(&r[i], K10);
            }
            rest = span_of(rest.p + used, rest.bytes - used);
        } while (rest.bytes > 0);
        ck_assert_uint_eq(keys, 5000);
        ck_assert_uint_eq(r[count - 1].cmd, CMD_END);
        ck_assert_uint_eq(parser.mode, TEXT_LINE);
    }
}
END_TEST

START_TEST(a_bad_key_in_a_long_line_ends_it_with_one_error)
{
    struct span in = long_line("get", 200, " " K251 " more " K251 " keys\r\nmn\r\n");
    parser = (struct text_parser){.mode = TEXT_LINE};
    size_t keys = 0;
    for (; keys < 200; keys += count) {
        parse_more(in, 50);
        ck_assert_uint_eq(count, 50);
        in = span_of(in.p + used, in.bytes - used);
    }
    parse_more(in, 64);
    ck_assert_uint_eq(count, 2);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_MID_LINE, "long key");
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
    ck_assert_uint_eq(used, in.bytes);
}
END_TEST

START_TEST(a_key_without_end_is_an_error_as_soon_as_it_is_too_long)
{
    struct span in = long_line("get", 200, " " K250 "k\rk");
    parser = (struct text_parser){.mode = TEXT_KEYS, .cmd = CMD_GET};
    in = span_of(in.p + 3 + 200 * 11, in.bytes - 3 - 200 * 11);
    parse_more(span_of(in.p, 1 + 251), 64); /* its 251st byte could be the CR of the line end */
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(used, 1);
    parse_more(span_of(in.p, 1 + 252), 64);
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_MID_LINE, "endless key");
    ck_assert_uint_eq(parser.mode, TEXT_SKIP_LINE);
}
END_TEST

START_TEST(a_long_line_may_begin_with_a_bad_key_or_a_bad_exptime)
{
    parse_bytes(long_line("get " K251, 200, "\r\nmn\r\n"));
    ck_assert_uint_eq(count, 2);
    expect_bad(&r[0], PROTO_BAD_FORMAT, 0, "bad first key");
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);

    parse_bytes(long_line("gat 1x", 200, "\r\nmn\r\n"));
    ck_assert_uint_eq(count, 2);
    expect_bad(&r[0], PROTO_BAD_EXPTIME, 0, "bad exptime");
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
}
END_TEST

/* A line of spaces that begins with 'head' and has 'tail' at byte 'at'. */
static struct span
spaced_line(const char *head, size_t at, const char *tail)
{
    static char line[70000];
    memset(line, ' ', sizeof line);
    memcpy(line, head, strlen(head));
    memcpy(line + at, tail, strlen(tail));
    return span_of(line, at + strlen(tail));
}

START_TEST(the_first_key_of_a_long_gat_begins_within_2048_bytes)
{
    struct span in = spaced_line("gat 1", 2048, K250 "\r\n");
    parse_bytes(span_of(in.p, 2048));
    ck_assert_uint_eq(count, 0);
    parse_bytes(span_of(in.p, TEXT_INPUT_BYTES_MIN - 1));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(used, 0);
    parse_bytes(span_of(in.p, TEXT_INPUT_BYTES_MIN));
    ck_assert_uint_eq(count, 2);
    expect_key(&r[0], K250);
    ck_assert_uint_eq(r[0].flags, 0);

    parse_bytes(span_of(spaced_line("gat 1", 2049, "k\n").p, 2049));
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_SILENT, REQ_CLOSE, "late key");

    in = spaced_line("gat 1", 2048, "\r\n"); /* not yet known to be a line end */
    parse_bytes(span_of(in.p, 2049));
    ck_assert_uint_eq(count, 0);
    parse_bytes(in);
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_BAD_FORMAT, 0, "no key");
}
END_TEST

START_TEST(the_keys_of_a_get_may_come_after_any_number_of_spaces)
{
    size_t places[] = {4, 2040, 2047, 2048, 2049, 2050, 3000, 60000};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        parse_bytes(spaced_line("gets", places[i] + 1, "a b\r\nmn\r\n"));
        ck_assert_uint_eq(count, 4);
        expect_key(&r[0], "a");
        expect_key(&r[1], "b");
        ck_assert_uint_eq(r[0].flags & ~(unsigned)REQ_MID_LINE, REQ_WITH_CAS);
        ck_assert_uint_eq(r[1].flags, REQ_WITH_CAS | REQ_MID_LINE);
        ck_assert_uint_eq(r[2].cmd, CMD_END);
        ck_assert_uint_eq(r[3].cmd, CMD_META_NOOP);

        parse_bytes(spaced_line("get", places[i], "\r\nmn\r\n"));
        ck_assert_uint_eq(count, 2);
        expect_bad(&r[0], PROTO_BAD_FORMAT, r[0].flags & REQ_MID_LINE, "get, no key");
        ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);

        parse_bytes(spaced_line("get", places[i] + 1, K251 " a\r\nmn\r\n"));
        ck_assert_uint_eq(count, 2);
        expect_bad(&r[0], PROTO_BAD_FORMAT, r[0].flags & REQ_MID_LINE, "get, long key");
    }
}
END_TEST

START_TEST(spaces_before_the_keys_are_not_kept)
{
    struct span in = spaced_line("get", 60000, "k\r\n");
    parse_bytes(span_of(in.p, 60000));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(used, 60000);
    parse_more(SPAN("k\r\n"), 64);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(r[0].flags, REQ_MID_LINE);
    expect_key(&r[0], "k");

    parse_bytes(span_of(in.p, 60000));
    parse_more(SPAN(" \r\n"), 64);
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_MID_LINE, "no key");
    text_parser_rewind(&parser, &r[0]);
    parse_more(SPAN("\r\n"), 64);
    ck_assert_uint_eq(count, 1);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_MID_LINE, "no key");
}
END_TEST

/* ---- storage ---- */

START_TEST(a_storage_command_with_its_data_is_whole)
{
    static const struct { const char *name; enum cmd cmd; } commands[] = {
        {"set", CMD_SET},         {"add", CMD_ADD},         {"replace", CMD_REPLACE},
        {"append", CMD_APPEND},   {"prepend", CMD_PREPEND}, {"cas", CMD_CAS}};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        char text[100];
        bool cas = commands[i].cmd == CMD_CAS;
        snprintf(text, sizeof text, "%s key 7 60 3%s\r\nabc\r\n", commands[i].name, cas ? " 42" : "");
        const struct request *q = parse_one(text);
        ck_assert_uint_eq(q->cmd, commands[i].cmd);
        ck_assert_uint_eq(q->flags, REQ_WHOLE);
        expect_key(q, "key");
        ck_assert_uint_eq(q->client_flags, 7);
        ck_assert_int_eq(q->exptime, 60);
        ck_assert_uint_eq(q->value_bytes, 3);
        expect_span(span_of(q->value, q->value_here), "abc");
        ck_assert_uint_eq(q->number, cas ? 42 : 0);
    }
}
END_TEST

START_TEST(the_last_month_of_32_bits_is_negative)
{
    ck_assert_int_eq(parse_one("set k 0 4294967295 0\r\n\r\n")->exptime, -1);
    ck_assert_int_eq(parse_one("cas k 0 4292375296 0 1\r\n\r\n")->exptime, -2592000);
    ck_assert_int_eq(parse_one("set k 0 4292375295 0\r\n\r\n")->exptime, INT64_C(4292375295));
    ck_assert_int_eq(parse_one("touch k 4294967295\r\n")->exptime, -1);
    parse("gat 4294967295 k\r\n");
    ck_assert_int_eq(r[0].exptime, -1);
    ck_assert_int_eq(parse_one("flush_all 4294967295\r\n")->exptime, INT64_C(4294967295));
}
END_TEST

START_TEST(storage_numbers_have_exact_limits)
{
    ck_assert_uint_eq(parse_one("set k 4294967295 0 0\r\n\r\n")->client_flags, UINT32_MAX);
    ck_assert_uint_eq(parse_one("set k +5 0 0\r\n\r\n")->client_flags, 5);
    ck_assert_int_eq(parse_one("set k 0 9223372036854775807 0\r\n\r\n")->exptime, INT64_MAX);
    ck_assert_int_eq(parse_one("set k 0 -9223372036854775808 0\r\n\r\n")->exptime, INT64_MIN);
    ck_assert_int_eq(parse_one("set k 0 +4294967296 0\r\n\r\n")->exptime, INT64_C(4294967296));
    ck_assert(parse_one("cas k 0 0 0 18446744073709551615\r\n\r\n")->number == UINT64_MAX);
    ck_assert_uint_eq(parse_one("set " K250 " 0 0 0\r\n\r\n")->key_bytes, 250);
}
END_TEST

START_TEST(extra_tokens_of_a_storage_command_are_ignored)
{
    ck_assert_uint_eq(parse_one("set k 0 0 3 junk\r\nabc\r\n")->flags, REQ_WHOLE);
    ck_assert_uint_eq(parse_one("cas k 0 0 3 1 junk noreply\r\nabc\r\n")->flags,
                      REQ_WHOLE | REQ_NOREPLY);
    ck_assert_uint_eq(parse_one("set  k   0 0  3  noreply \r\nabc\r\n")->flags,
                      REQ_WHOLE | REQ_NOREPLY);
    ck_assert_uint_eq(parse_one("set k 0 0 3 noreply x\r\nabc\r\n")->flags, REQ_WHOLE);
    ck_assert_uint_eq(parse_one("set noreply 0 0 3\r\nabc\r\n")->flags, REQ_WHOLE);
}
END_TEST

START_TEST(bad_arguments_of_a_storage_command_swallow_its_data)
{
    const char *lines[] = {
        "set " K251 " 0 0 3",         "set k x 0 3",     "set k -1 0 3",  "set k 4294967296 0 3",
        "set k 0 x 3",                "set k 0 1.5 3",   "set k 0 +-1 3", "set k 0 9223372036854775808 3",
        "set k + 0 3",                "set k 0 - 3",     "set k 0 + 3",   "set k ++1 0 3",
        "cas k 0 0 3",                "cas k 0 0 3 x",   "cas k 0 0 3 -1", "cas k 0 0 3 +1",
        "cas k 0 0 3 18446744073709551616"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        char text[400];
        snprintf(text, sizeof text, "%s\r\nmn\r\r\nmn\r\n", lines[i]); /* the first "mn" is data */
        parse(text);
        ck_assert_msg(count == 2, "%zu requests of '%s'", count, text);
        expect_bad(&r[0], PROTO_BAD_FORMAT, 0, text);
        ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
    }
    parse("cas k 0 0 3 noreply\r\nabc\r\nmn\r\n");
    ck_assert_uint_eq(count, 2);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_NOREPLY, "cas noreply");
}
END_TEST

START_TEST(without_a_length_the_data_is_commands)
{
    const char *lines[] = {"set",           "set k",          "set k 0",          "set k 0 0",
                           "set k 0 0 x",   "set k 0 0 -1",   "set k 0 0 +3",     "set k 0 0 2147483646",
                           "set k 0 0 2147483647", "set k 0 0 -2147483648", "set k 0 0 4294967295",
                           "set k 0 0 4294967299", "set k 0 0 18446744073709551619", "set k x x x",
                           "set " K251 " 0 0 x", "cas k 0 0 x 1", "add k 0 0 3x", "set k 0 0 0x3"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        char text[400];
        snprintf(text, sizeof text, "%s\r\nmn\r\n", lines[i]);
        parse(text);
        ck_assert_msg(count == 2, "%zu requests of '%s'", count, text);
        expect_bad(&r[0], PROTO_BAD_FORMAT, 0, text);
        ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
    }
    parse("set k 0 0 noreply\r\nmn\r\n");
    ck_assert_uint_eq(count, 2);
    expect_bad(&r[0], PROTO_BAD_FORMAT, REQ_NOREPLY, "noreply for a length");
}
END_TEST

START_TEST(the_largest_length_is_int_max_less_two)
{
    const char *text = "set k 0 0 2147483645\r\nabc";
    const struct request *q = parse_one(text);
    ck_assert_uint_eq(q->cmd, CMD_SET);
    ck_assert_uint_eq(q->value_bytes, 2147483645);
    ck_assert_uint_eq(q->value_here, 3);
    ck_assert_uint_eq(q->flags, 0);

    parse("set k x 0 2147483645\r\nabc");
    ck_assert_uint_eq(parser.mode, TEXT_SWALLOW);
    ck_assert(parser.swallow_bytes == UINT64_C(2147483647) - 3);
}
END_TEST

START_TEST(a_data_block_must_end_in_crlf)
{
    const char *texts[] = {"set k 0 0 3\r\nabcde", "set k 0 0 3\r\nabc\n\n", "set k 0 0 3\r\nabcd\n",
                           "set k 0 0 3\r\nabc\r\r", "set k 0 0 0\r\nxx", "set k 0 0 3\nabc\n\r"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        expect_bad(parse_one(texts[i]), PROTO_BAD_DATA_CHUNK, 0, texts[i]);
    expect_bad(parse_one("cas k 0 0 3 9 noreply\r\nabcde"), PROTO_BAD_DATA_CHUNK, REQ_NOREPLY, "cas");

    parse("set k 0 0 3\r\nabcdefgh\r\nmn\r\n");
    ck_assert_uint_eq(count, 3);
    expect_bad(&r[0], PROTO_BAD_DATA_CHUNK, 0, "long data");
    expect_bad(&r[1], PROTO_UNKNOWN, 0, "fgh");
    ck_assert_uint_eq(r[1].start, 18);
}
END_TEST

START_TEST(data_may_be_anything)
{
    parse("set k 0 0 12\r\nget x\r\nmn\r\n\n\r\nmn\r\n");
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(r[0].flags, REQ_WHOLE);
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
}
END_TEST

START_TEST(incomplete_data_is_handed_over_without_its_line_end)
{
    const char *text = "mn\r\nset k 1 2 3 noreply\r\nabc\r\n";
    size_t line_end = strlen(text) - 5;
    for (size_t bytes = line_end; bytes < strlen(text); bytes++) {
        parse_bytes(span_of(text, bytes));
        ck_assert_uint_eq(count, 2);
        ck_assert_uint_eq(r[1].cmd, CMD_SET);
        ck_assert_uint_eq(r[1].flags, REQ_NOREPLY);
        size_t here = bytes - line_end < 3 ? bytes - line_end : 3;
        ck_assert_uint_eq(r[1].value_here, here);
        ck_assert_uint_eq(r[1].value_bytes, 3);
        ck_assert_ptr_eq(r[1].value, text + line_end);
        ck_assert_uint_eq(used, line_end + here);
        ck_assert_uint_eq(parser.mode, TEXT_LINE);
    }
}
END_TEST

START_TEST(swallowing_counts_exactly)
{
    parser = (struct text_parser){.mode = TEXT_LINE};
    text_parser_swallow(&parser, 5);
    parse_more(SPAN("abc"), 64);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(used, 3);
    parse_more(SPAN("demn\r\n"), 64);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(r[0].cmd, CMD_META_NOOP);
    ck_assert_uint_eq(r[0].start, 2);
    ck_assert_uint_eq(used, 6);
    text_parser_swallow(&parser, 0);
    ck_assert_uint_eq(parser.mode, TEXT_LINE);
}
END_TEST

/* ---- the other commands ---- */

START_TEST(incr_and_decr_have_a_key_and_a_delta)
{
    const struct request *q = parse_one("incr k 18446744073709551615\r\n");
    ck_assert_uint_eq(q->cmd, CMD_INCR);
    ck_assert(q->number == UINT64_MAX);
    expect_key(q, "k");
    q = parse_one("decr " K250 " 0 noreply\r\n");
    ck_assert_uint_eq(q->cmd, CMD_DECR);
    ck_assert_uint_eq(q->flags, REQ_NOREPLY);
    ck_assert_uint_eq(parse_one("incr k 1 junk\r\n")->cmd, CMD_INCR);

    const char *deltas[] = {"x", "-1", "+1", "18446744073709551616", "1.0", "1x"};
    for (size_t i = 0; i < ARRAY_COUNT(deltas); i++) {
        char text[100];
        snprintf(text, sizeof text, "incr k %s\r\n", deltas[i]);
        parse_bad(text, PROTO_BAD_DELTA);
    }
    parse_bad("incr\r\n", PROTO_BAD_FORMAT);
    parse_bad("decr k\r\n", PROTO_BAD_FORMAT);
    parse_bad("incr " K251 " 1\r\n", PROTO_BAD_FORMAT);
    parse_bad("incr " K251 " x\r\n", PROTO_BAD_FORMAT);
    expect_bad(parse_one("incr k x noreply\r\n"), PROTO_BAD_DELTA, REQ_NOREPLY, "incr");
}
END_TEST

START_TEST(delete_ignores_what_follows_the_key)
{
    const char *texts[] = {"delete k\r\n", "delete k 0\r\n", "delete k 10\r\n", "delete k a b\r\n",
                           "delete k noreply x\r\n", "delete k a b c\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        const struct request *q = parse_one(texts[i]);
        ck_assert_uint_eq(q->cmd, CMD_DELETE);
        ck_assert_uint_eq(q->flags, 0);
        expect_key(q, "k");
    }
    ck_assert_uint_eq(parse_one("delete k 0 noreply\r\n")->flags, REQ_NOREPLY);
    parse_bad("delete\r\n", PROTO_BAD_FORMAT);
    parse_bad("delete \r\n", PROTO_BAD_FORMAT);
    parse_bad("delete a b c d e\r\n", PROTO_BAD_FORMAT);
    parse_bad("delete " K251 "\r\n", PROTO_BAD_FORMAT);
    expect_bad(parse_one("delete " K251 " noreply\r\n"), PROTO_BAD_FORMAT, REQ_NOREPLY, "delete");
}
END_TEST

START_TEST(a_key_named_noreply_can_be_deleted)
{
    const struct request *q = parse_one("delete noreply\r\n");
    ck_assert_uint_eq(q->flags, 0);
    expect_key(q, "noreply");
    q = parse_one("delete noreply noreply\r\n");
    ck_assert_uint_eq(q->flags, REQ_NOREPLY);
    expect_key(q, "noreply");
}
END_TEST

START_TEST(touch_has_a_key_and_an_exptime)
{
    const struct request *q = parse_one("touch k -9223372036854775808 noreply\r\n");
    ck_assert_uint_eq(q->cmd, CMD_TOUCH);
    ck_assert_int_eq(q->exptime, INT64_MIN);
    ck_assert_uint_eq(q->flags, REQ_NOREPLY);
    parse_bad("touch\r\n", PROTO_BAD_FORMAT);
    parse_bad("touch k\r\n", PROTO_BAD_FORMAT);
    parse_bad("touch " K251 " 1\r\n", PROTO_BAD_FORMAT);
    parse_bad("touch k x\r\n", PROTO_BAD_EXPTIME);
    parse_bad("touch k +1\r\n", PROTO_BAD_EXPTIME);
    parse_bad("touch k -9223372036854775809\r\n", PROTO_BAD_EXPTIME);
}
END_TEST

START_TEST(flush_all_may_have_a_delay)
{
    static const struct { const char *text; int64_t exptime; unsigned flags; } good[] = {
        {"flush_all\r\n", 0, 0},          {"flush_all noreply\r\n", 0, REQ_NOREPLY},
        {"flush_all 10\r\n", 10, 0},      {"flush_all -1 noreply\r\n", -1, REQ_NOREPLY},
        {"flush_all 0 a b c\r\n", 0, 0},  {"flush_all 5000000000 x\r\n", INT64_C(5000000000), 0}};
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        const struct request *q = parse_one(good[i].text);
        ck_assert_uint_eq(q->cmd, CMD_FLUSH_ALL);
        ck_assert_int_eq(q->exptime, good[i].exptime);
        ck_assert_uint_eq(q->flags, good[i].flags);
    }
    parse_bad("flush_all x\r\n", PROTO_BAD_EXPTIME);
    parse_bad("flush_all +1\r\n", PROTO_BAD_EXPTIME);
    parse_bad("flush_all noreply x\r\n", PROTO_BAD_EXPTIME);
    expect_bad(parse_one("flush_all x noreply\r\n"), PROTO_BAD_EXPTIME, REQ_NOREPLY, "flush_all");
}
END_TEST

START_TEST(verbosity_wants_a_level)
{
    const struct request *q = parse_one("verbosity 4294967295 noreply\r\n");
    ck_assert_uint_eq(q->cmd, CMD_VERBOSITY);
    ck_assert_uint_eq(q->number, UINT32_MAX);
    ck_assert_uint_eq(q->flags, REQ_NOREPLY);
    const char *bad[] = {"verbosity\r\n", "verbosity x\r\n", "verbosity -1\r\n",
                         "verbosity 4294967296\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        parse_bad(bad[i], PROTO_BAD_FORMAT);
    expect_bad(parse_one("verbosity noreply\r\n"), PROTO_BAD_FORMAT, REQ_NOREPLY, "verbosity");
}
END_TEST

START_TEST(cache_memlimit_wants_megabytes)
{
    const struct request *q = parse_one("cache_memlimit 64\r\n");
    ck_assert_uint_eq(q->cmd, CMD_CACHE_MEMLIMIT);
    ck_assert_uint_eq(q->number, 64);
    const char *bad[] = {"cache_memlimit\r\n", "cache_memlimit x\r\n", "cache_memlimit 4294967296\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        parse_bad(bad[i], PROTO_UNKNOWN);
    expect_bad(parse_one("cache_memlimit noreply\r\n"), PROTO_UNKNOWN, REQ_NOREPLY, "cache_memlimit");
}
END_TEST

START_TEST(version_quit_and_mn_ignore_arguments)
{
    static const struct { const char *name; enum cmd cmd; } commands[] = {
        {"version", CMD_VERSION}, {"quit", CMD_QUIT}, {"mn", CMD_META_NOOP}};
    const char *args[] = {"", " ", " x y", " noreply"};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(args); j++) {
            char text[100];
            snprintf(text, sizeof text, "%s%s\r\n", commands[i].name, args[j]);
            const struct request *q = parse_one(text);
            ck_assert_uint_eq(q->cmd, commands[i].cmd);
            ck_assert_uint_eq(q->flags, 0);
        }
    }
}
END_TEST

START_TEST(stats_and_shutdown_keep_their_arguments)
{
    const struct request *q = parse_one("stats  detail  dump \r\n");
    ck_assert_uint_eq(q->cmd, CMD_STATS);
    expect_span(request_args(q), "detail  dump");
    expect_span(request_args(parse_one("stats\r\n")), "");
    expect_span(request_args(parse_one("stats noreply\r\n")), "noreply");
    ck_assert_uint_eq(r[0].flags, 0);

    q = parse_one("shutdown graceful noreply\r\n");
    ck_assert_uint_eq(q->cmd, CMD_SHUTDOWN);
    ck_assert_uint_eq(q->flags, REQ_NOREPLY);
    expect_span(request_args(q), "graceful");
    expect_span(request_args(parse_one("shutdown\n")), "");
}
END_TEST

START_TEST(administration_is_handed_on_as_a_word_and_arguments)
{
    const char *words[] = {"slabs",         "lru",       "lru_crawler", "extstore", "refresh_certs",
                           "debugtime",     "debugitem", "misbehave",   "watch"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        char text[100];
        bool watch = strcmp(words[i], "watch") == 0;
        snprintf(text, sizeof text, "%s a  b noreply\r\n", words[i]);
        const struct request *q = parse_one(text);
        ck_assert_uint_eq(q->cmd, CMD_ADMIN);
        expect_key(q, words[i]);
        expect_span(request_args(q), watch ? "a  b noreply" : "a  b");
        ck_assert_uint_eq(q->flags, watch ? 0 : REQ_NOREPLY);

        snprintf(text, sizeof text, "%s\r\n", words[i]);
        q = parse_one(text);
        ck_assert_uint_eq(q->flags, 0);
        expect_span(request_args(q), "");
    }
}
END_TEST

START_TEST(me_wants_a_key)
{
    const struct request *q = parse_one("me key b\r\n");
    ck_assert_uint_eq(q->cmd, CMD_META_DEBUG);
    expect_key(q, "key");
    expect_span(request_args(q), "b");
    expect_span(request_args(parse_one("me key\r\n")), "");
    parse_bad("me\r\n", PROTO_BAD_FORMAT);
    parse_bad("me \r\n", PROTO_BAD_FORMAT);
    parse_bad("me " K251 "\r\n", PROTO_BAD_FORMAT);
}
END_TEST

START_TEST(noreply_silences_these_commands_and_no_others)
{
    static const struct { const char *text; bool silent; } lines[] = {
        {"set k 0 0 0 noreply\r\n\r\n", true},     {"add k 0 0 0 noreply\r\n\r\n", true},
        {"replace k 0 0 0 noreply\r\n\r\n", true}, {"append k 0 0 0 noreply\r\n\r\n", true},
        {"prepend k 0 0 0 noreply\r\n\r\n", true}, {"cas k 0 0 0 1 noreply\r\n\r\n", true},
        {"incr k 1 noreply\r\n", true},           {"decr k 1 noreply\r\n", true},
        {"delete k noreply\r\n", true},           {"touch k 1 noreply\r\n", true},
        {"flush_all noreply\r\n", true},          {"verbosity 1 noreply\r\n", true},
        {"cache_memlimit 1 noreply\r\n", true},   {"shutdown noreply\r\n", true},
        {"slabs noreply\r\n", true},              {"lru noreply\r\n", true},
        {"lru_crawler noreply\r\n", true},        {"extstore noreply\r\n", true},
        {"refresh_certs noreply\r\n", true},      {"debugtime noreply\r\n", true},
        {"debugitem noreply\r\n", true},          {"misbehave noreply\r\n", true},
        {"nonsense noreply\r\n", true},           {"stats noreply\r\n", false},
        {"version noreply\r\n", false},           {"quit noreply\r\n", false},
        {"watch noreply\r\n", false},             {"mn noreply\r\n", false},
        {"me k noreply\r\n", false},              {"gat x noreply\r\n", false}};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        unsigned flags = parse_one(lines[i].text)->flags & ~(unsigned)REQ_WHOLE;
        ck_assert_msg(flags == (lines[i].silent ? REQ_NOREPLY : 0), "'%s'", lines[i].text);
    }
}
END_TEST

/* ---- going back ---- */

START_TEST(a_rewound_parser_gives_the_same_requests_again)
{
    struct span in = long_line("gats 9", 30, " last\r\nset k 0 0 3\r\nabc\r\nset k x 0 3\r\nabc\r\nmn\r\n");
    parse_bytes(in);
    struct request first[ARRAY_COUNT(r)];
    memcpy(first, r, sizeof first);
    size_t all = count;
    ck_assert_uint_eq(all, 30 + 2 + 3);
    for (size_t i = 0; i < all; i++) {
        parse_bytes(in);
        text_parser_rewind(&parser, &r[i]);
        size_t back = r[i].start;
        parse_more(span_of(in.p + back, in.bytes - back), ARRAY_COUNT(r));
        ck_assert_uint_eq(count, all - i);
        for (size_t j = 0; j < count; j++) {
            r[j].start += (uint32_t)back;
            ck_assert_mem_eq(&r[j], &first[i + j], sizeof r[j]);
        }
    }
}
END_TEST

/* ---- answers ---- */

START_TEST(errors_have_memcacheds_words_and_one_line_end)
{
    static const char *lines[PROTO_ERROR_COUNT] = {
        [PROTO_OK] = "",
        [PROTO_SILENT] = "",
        [PROTO_UNKNOWN] = "ERROR\r\n",
        [PROTO_BAD_FORMAT] = "CLIENT_ERROR bad command line format\r\n",
        [PROTO_BAD_DATA_CHUNK] = "CLIENT_ERROR bad data chunk\r\n",
        [PROTO_BAD_EXPTIME] = "CLIENT_ERROR invalid exptime argument\r\n",
        [PROTO_BAD_DELTA] = "CLIENT_ERROR invalid numeric delta argument\r\n",
        [PROTO_INVALID_FLAG] = "CLIENT_ERROR invalid flag\r\n",
        [PROTO_DUPLICATE_FLAG] = "CLIENT_ERROR duplicate flag\r\n",
        [PROTO_BAD_FLAG] = "CLIENT_ERROR invalid or duplicate flag\r\n",
        [PROTO_TOO_MANY_FLAGS] = "CLIENT_ERROR options flags are too long\r\n",
        [PROTO_BAD_TOKEN] = "CLIENT_ERROR bad token in command line format\r\n",
        [PROTO_BAD_BASE64] = "CLIENT_ERROR error decoding key\r\n",
        [PROTO_OPAQUE_TOO_LONG] = "CLIENT_ERROR opaque token too long\r\n",
        [PROTO_BAD_META_DELTA] = "CLIENT_ERROR invalid numeric delta value\r\n",
        [PROTO_BAD_INITIAL] = "CLIENT_ERROR invalid numeric initial value\r\n",
        [PROTO_BAD_SET_MODE] = "CLIENT_ERROR invalid mode for ms M token\r\n",
        [PROTO_BAD_ARITH_MODE] = "CLIENT_ERROR invalid mode for ma M token\r\n",
    };
    for (unsigned e = 0; e < PROTO_ERROR_COUNT; e++)
        expect_span(text_error_line((enum proto_error)e), lines[e]);
}
END_TEST

START_TEST(a_value_header_fits_its_announced_room)
{
    char to[TEXT_VALUE_HEADER_BYTES_MAX];
    uint64_t cas = UINT64_MAX;
    size_t bytes = text_value_header(to, SPAN(K250), UINT32_MAX, UINT32_MAX, &cas);
    expect_span(span_of(to, bytes), "VALUE " K250 " 4294967295 4294967295 18446744073709551615\r\n");
    ck_assert_uint_eq(bytes, sizeof to);
    cas = 0;
    expect_span(span_of(to, text_value_header(to, SPAN("k"), 0, 0, &cas)), "VALUE k 0 0 0\r\n");
    expect_span(span_of(to, text_value_header(to, SPAN("k"), 7, 10, NULL)), "VALUE k 7 10\r\n");
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("lines");
    tcase_add_test(tc, lines_end_with_crlf_or_with_lf);
    tcase_add_test(tc, only_the_last_cr_belongs_to_the_line_end);
    tcase_add_test(tc, a_line_under_four_bytes_is_an_error);
    tcase_add_test(tc, nothing_is_said_before_the_newline);
    tcase_add_test(tc, a_line_may_have_2048_bytes_before_its_newline);
    tcase_add_test(tc, an_endless_line_ends_the_connection_whatever_it_begins_with);
    tcase_add_test(tc, spaces_without_end_end_the_connection);
    tcase_add_test(tc, a_pipeline_is_cut_at_its_line_ends);
    tcase_add_test(tc, no_more_requests_are_made_than_asked_for);
    suite_add_tcase(suite, tc);

    tc = tcase_create("names");
    tcase_add_test(tc, unknown_commands_are_errors);
    tcase_add_test(tc, nul_bytes_are_bytes);
    tcase_add_test(tc, any_byte_but_space_and_newline_may_be_in_a_key);
    tcase_add_test(tc, an_unknown_command_with_noreply_is_not_answered);
    tcase_add_test(tc, http_ends_the_connection);
    suite_add_tcase(suite, tc);

    tc = tcase_create("retrieval");
    tcase_add_test(tc, each_key_of_a_get_is_a_request_and_then_comes_the_end);
    tcase_add_test(tc, a_single_get_is_a_key_and_an_end);
    tcase_add_test(tc, gat_gives_its_exptime_to_every_key);
    tcase_add_test(tc, a_retrieval_without_a_key_is_an_error);
    tcase_add_test(tc, gat_wants_a_64_bit_exptime);
    tcase_add_test(tc, noreply_is_a_key_to_a_retrieval);
    tcase_add_test(tc, a_key_may_have_250_bytes);
    tcase_add_test(tc, a_long_retrieval_line_streams);
    tcase_add_test(tc, a_bad_key_in_a_long_line_ends_it_with_one_error);
    tcase_add_test(tc, a_key_without_end_is_an_error_as_soon_as_it_is_too_long);
    tcase_add_test(tc, a_long_line_may_begin_with_a_bad_key_or_a_bad_exptime);
    tcase_add_test(tc, the_first_key_of_a_long_gat_begins_within_2048_bytes);
    tcase_add_test(tc, the_keys_of_a_get_may_come_after_any_number_of_spaces);
    tcase_add_test(tc, spaces_before_the_keys_are_not_kept);
    suite_add_tcase(suite, tc);

    tc = tcase_create("storage");
    tcase_add_test(tc, a_storage_command_with_its_data_is_whole);
    tcase_add_test(tc, the_last_month_of_32_bits_is_negative);
    tcase_add_test(tc, storage_numbers_have_exact_limits);
    tcase_add_test(tc, extra_tokens_of_a_storage_command_are_ignored);
    tcase_add_test(tc, bad_arguments_of_a_storage_command_swallow_its_data);
    tcase_add_test(tc, without_a_length_the_data_is_commands);
    tcase_add_test(tc, the_largest_length_is_int_max_less_two);
    tcase_add_test(tc, a_data_block_must_end_in_crlf);
    tcase_add_test(tc, data_may_be_anything);
    tcase_add_test(tc, incomplete_data_is_handed_over_without_its_line_end);
    tcase_add_test(tc, swallowing_counts_exactly);
    suite_add_tcase(suite, tc);

    tc = tcase_create("others");
    tcase_add_test(tc, incr_and_decr_have_a_key_and_a_delta);
    tcase_add_test(tc, delete_ignores_what_follows_the_key);
    tcase_add_test(tc, a_key_named_noreply_can_be_deleted);
    tcase_add_test(tc, touch_has_a_key_and_an_exptime);
    tcase_add_test(tc, flush_all_may_have_a_delay);
    tcase_add_test(tc, verbosity_wants_a_level);
    tcase_add_test(tc, cache_memlimit_wants_megabytes);
    tcase_add_test(tc, version_quit_and_mn_ignore_arguments);
    tcase_add_test(tc, stats_and_shutdown_keep_their_arguments);
    tcase_add_test(tc, administration_is_handed_on_as_a_word_and_arguments);
    tcase_add_test(tc, me_wants_a_key);
    tcase_add_test(tc, noreply_silences_these_commands_and_no_others);
    tcase_add_test(tc, a_rewound_parser_gives_the_same_requests_again);
    tcase_add_test(tc, errors_have_memcacheds_words_and_one_line_end);
    tcase_add_test(tc, a_value_header_fits_its_announced_room);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/text")

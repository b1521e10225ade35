#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ketch/client.h>
#include "suite.h"
#include "client/reply.h"

#define VALUE_MAX 1000

static enum reply_status
parse(const char *text, struct reply *r)
{
    struct reply_parser parser = {0};
    return reply_parse(&parser, text, strlen(text), VALUE_MAX, r);
}

/* ---- one reply ---- */

static const struct {
    const char *text;
    enum reply_kind kind;
} lines[] = {
    {"HD\r\n", REPLY_HD},
    {"HD O1 kfoo\r\n", REPLY_HD},
    {"EN\r\n", REPLY_EN},
    {"NF O1\r\n", REPLY_NF},
    {"NS\r\n", REPLY_NS},
    {"EX\r\n", REPLY_EX},
    {"MN\r\n", REPLY_MN},
    {"ME foo exp=-1 la=2\r\n", REPLY_ME},
    {"END\r\n", REPLY_END},
    {"STORED\r\n", REPLY_STORED},
    {"NOT_STORED\r\n", REPLY_NOT_STORED},
    {"EXISTS\r\n", REPLY_EXISTS},
    {"NOT_FOUND\r\n", REPLY_NOT_FOUND},
    {"DELETED\r\n", REPLY_DELETED},
    {"TOUCHED\r\n", REPLY_TOUCHED},
    {"OK\r\n", REPLY_OK},
    {"RESET\r\n", REPLY_RESET},
    {"12\r\n", REPLY_NUMBER},
    {"12  \r\n", REPLY_NUMBER},
    {"18446744073709551615\r\n", REPLY_NUMBER},
    {"18446744073709551616\r\n", REPLY_OTHER},
    {"1 2\r\n", REPLY_OTHER},
    {"VERSION 1.6\r\n", REPLY_VERSION},
    {"STAT a b c\r\n", REPLY_STAT},
    {"ERROR\r\n", REPLY_ERROR},
    {"CLIENT_ERROR what\r\n", REPLY_CLIENT_ERROR},
    {"SERVER_ERROR: shutdown not enabled\r\n", REPLY_SERVER_ERROR},
    {"HDX\r\n", REPLY_OTHER},
    {"hd\r\n", REPLY_OTHER},
    {" HD\r\n", REPLY_OTHER},
};

START_TEST(the_first_word_says_what_a_line_is)
{
    struct reply r;
    ck_assert_msg(parse(lines[_i].text, &r) == REPLY_WHOLE, "%s", lines[_i].text);
    ck_assert_msg(r.kind == lines[_i].kind, "%s is %d", lines[_i].text, r.kind);
    ck_assert_uint_eq(r.bytes, strlen(lines[_i].text));
    ck_assert_ptr_null(r.value.p);
}
END_TEST

static const char *const bad[] = {
    "\n",
    "\r\n",
    "HD\n",
    "VA\r\n",
    "VA x\r\n",
    "VA -1\r\n",
    "VA 3 f0\r\nabcd\r\n",
    "VA 3 f0\r\nabc\n\n",
    "VALUE k 0\r\n",
    "VALUE k x 3\r\nabc\r\n",
    "VALUE k 0 3 x\r\nabc\r\n",
    "VALUE\r\n",
    "VALUE k 0 99999999999999999999\r\n",
};

START_TEST(what_no_server_says_is_bad)
{
    struct reply r;
    ck_assert_msg(parse(bad[_i], &r) == REPLY_BAD, "%s", bad[_i]);
}
END_TEST

START_TEST(a_value_is_found_behind_its_line)
{
    struct reply r;
    ck_assert(parse("VALUE key 7 5 99\r\na\r\nbc\r\n", &r) == REPLY_WHOLE);
    ck_assert(r.kind == REPLY_VALUE && r.flags == 7 && r.has_cas && r.number == 99);
    ck_assert_mem_eq(r.value.p, "a\r\nbc", 5);
    ck_assert_mem_eq(r.key.p, "key", 3);
    ck_assert(parse("VA 0 f1\r\n\r\n", &r) == REPLY_WHOLE);
    ck_assert(r.kind == REPLY_VA && r.value.bytes == 0 && r.value.p != NULL);
}
END_TEST

START_TEST(a_value_beyond_the_limit_is_refused_before_it_comes)
{
    struct reply r;
    ck_assert(parse("VA 1001 f0\r\n", &r) == REPLY_LARGE);
    ck_assert(parse("VA 18446744073709551615 f0\r\n", &r) == REPLY_LARGE);
    ck_assert(parse("VA 1000 f0\r\n", &r) == REPLY_MORE);
}
END_TEST

START_TEST(a_line_without_end_is_bad)
{
    static char line[REPLY_LINE_BYTES_MAX + 2];
    struct reply_parser parser = {0};
    struct reply r;
    memset(line, 'x', sizeof line);
    ck_assert(reply_parse(&parser, line, REPLY_LINE_BYTES_MAX, VALUE_MAX, &r) == REPLY_MORE);
    ck_assert(reply_parse(&parser, line, sizeof line, VALUE_MAX, &r) == REPLY_BAD);
}
END_TEST

START_TEST(meta_flags_are_read_in_any_order)
{
    struct reply_meta m;
    ck_assert(reply_meta_read(ketch_bytes_of("f5 c18446744073709551615 t-1 h1 l9 O7 W X Z kfoo", 48), &m));
    ck_assert(m.flags == 5 && m.cas == UINT64_MAX && m.ttl_s == -1 && m.hit && m.idle_s == 9);
    ck_assert(m.has_opaque && m.opaque == 7 && m.won && m.stale && m.taken);
    ck_assert(reply_meta_read(ketch_bytes_of("", 0), &m) && !m.has_opaque && !m.won);
    ck_assert(!reply_meta_read(ketch_bytes_of("fx", 2), &m));
    ck_assert(!reply_meta_read(ketch_bytes_of("O", 1), &m));
    ck_assert(!reply_meta_read(ketch_bytes_of("O4294967296", 11), &m));
    ck_assert(!reply_meta_read(ketch_bytes_of("t--1", 4), &m));
}
END_TEST

/* ---- streams in pieces ---- */

#define STREAM_MAX 20000

/* Writes what can be compared of a reply; returns the end. */
static char *
describe(char *to, const struct reply *r)
{
    to += sprintf(to, "%d %u %u %u;", r->kind, r->flags, (unsigned)r->number, r->has_cas);
    memcpy(to, r->rest.p, r->rest.bytes);
    to += r->rest.bytes;
    *to++ = ';';
    if (r->value.bytes > 0)
        memcpy(to, r->value.p, r->value.bytes);
    return to + r->value.bytes;
}

/* Lines, and values with bytes that look like lines. */
static size_t
make_values(char *to, unsigned *seed)
{
    size_t bytes = 0;
    while (bytes < STREAM_MAX - 1000) {
        unsigned n = (unsigned)rand_r(seed) % 300;
        if (rand_r(seed) % 3 == 0) {
            bytes += (size_t)sprintf(to + bytes, "%s", lines[(size_t)rand_r(seed) % 30].text);
            continue;
        }
        bytes += rand_r(seed) % 2 ? (size_t)sprintf(to + bytes, "VA %u f1 O%u\r\n", n, n)
                                  : (size_t)sprintf(to + bytes, "VALUE k %u %u 7\r\n", n, n);
        for (unsigned i = 0; i < n; i++)
            to[bytes++] = "ab\r\n\0 VALUE"[rand_r(seed) % 11];
        to[bytes++] = '\r';
        to[bytes++] = '\n';
    }
    return bytes;
}

/* Feeds the stream in pieces of up to 'piece' bytes, each time from a copy of exactly what has come, so
 * that a look beyond it is found out.  Writes what was parsed; returns its length. */
static size_t
play(const char *stream, size_t bytes, unsigned piece, unsigned *seed, char *out)
{
    struct reply_parser parser = {0};
    size_t begin = 0, end = 0;
    char *to = out;
    while (end < bytes) {
        end += 1 + (unsigned)rand_r(seed) % piece;
        end = end > bytes ? bytes : end;
        for (enum reply_status status = REPLY_WHOLE; status == REPLY_WHOLE && begin < end;) {
            struct reply r;
            char *copy = malloc(end - begin);
            memcpy(copy, stream + begin, end - begin);
            status = reply_parse(&parser, copy, end - begin, VALUE_MAX, &r);
            if (status == REPLY_WHOLE) {
                to = describe(to, &r);
                begin += r.bytes;
            }
            free(copy);
            if (status == REPLY_BAD || status == REPLY_LARGE) {
                to += sprintf(to, "bad");
                return (size_t)(to - out);
            }
        }
    }
    to += sprintf(to, "%zu left", bytes - begin);
    return (size_t)(to - out);
}

START_TEST(pieces_make_no_difference)
{
    static char stream[STREAM_MAX + 1000], whole[4 * STREAM_MAX], pieces[4 * STREAM_MAX];
    unsigned seed = (unsigned)_i + 1;
    size_t bytes = make_values(stream, &seed);
    bytes -= (size_t)rand_r(&seed) % 20; /* the last one is cut */
    size_t n = play(stream, bytes, STREAM_MAX * 2, &seed, whole);
    for (unsigned piece = 1; piece <= 64; piece *= 8) {
        size_t m = play(stream, bytes, piece, &seed, pieces);
        ck_assert_msg(n == m && memcmp(whole, pieces, n) == 0, "seed %d, pieces of %u", _i + 1, piece);
    }
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("replies");
    int streams = getenv("KETCH_RUNS") != NULL ? atoi(getenv("KETCH_RUNS")) : 12;
    tcase_add_loop_test(c, the_first_word_says_what_a_line_is, 0, sizeof lines / sizeof lines[0]);
    tcase_add_loop_test(c, what_no_server_says_is_bad, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(c, a_value_is_found_behind_its_line);
    tcase_add_test(c, a_value_beyond_the_limit_is_refused_before_it_comes);
    tcase_add_test(c, a_line_without_end_is_bad);
    tcase_add_test(c, meta_flags_are_read_in_any_order);
    tcase_add_loop_test(c, pieces_make_no_difference, 0, streams);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/reply")

/* The requests of a stream do not depend on how it is cut: scripts of random lines, good, bad and
 * monstrous, are played whole, byte by byte, and in random pieces with rewinds in between.
 *
 * KETCH_SEED=<n> replays the script that a failure has named; KETCH_SCRIPTS=<n> plays more of them.
 */
#include "suite.h"

#include <stdarg.h>
#include <stdlib.h>
#include "base/check.h"
#include "split.h"

#define SCRIPTS 1500
#define SCRIPT_BYTES_MAX 60000
#define LINES_MAX 25

struct script {
    uint64_t random;
    char bytes[SCRIPT_BYTES_MAX];
    size_t length;
};

static size_t
below(struct script *s, size_t n)
{
    return (size_t)(stream_random(&s->random) % n);
}

static void
add_bytes(struct script *s, const char *p, size_t bytes)
{
    if (bytes > SCRIPT_BYTES_MAX - s->length)
        bytes = SCRIPT_BYTES_MAX - s->length;
    memcpy(s->bytes + s->length, p, bytes);
    s->length += bytes;
}

static void PRINTF(2, 3)
add(struct script *s, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    int bytes = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    CHECK(bytes >= 0 && (size_t)bytes < sizeof text);
    add_bytes(s, text, (size_t)bytes);
}

static void
add_repeated(struct script *s, char byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_bytes(s, &byte, 1);
}

/* Mostly one; now and then several, and rarely very many. */
static void
add_spaces(struct script *s)
{
    size_t dice = below(s, 200);
    add_repeated(s, ' ', dice == 0 ? below(s, 3000) : dice < 20 ? 1 + below(s, 4) : 1);
}

/* Lengths crowd around the limit, and the bytes are the ones that a parser might trip over. */
static void
add_key(struct script *s)
{
    static const char alphabet[] = "abcdefgh\r\r\t\0\x80\xff";
    size_t dice = below(s, 40);
    size_t bytes = dice == 0 ? 248 + below(s, 6) : dice == 1 ? below(s, 600) : 1 + below(s, 20);
    for (size_t i = 0; i < bytes; i++)
        add_bytes(s, &alphabet[below(s, 20) == 0 ? below(s, sizeof alphabet - 1) : below(s, 8)], 1);
}

static void
add_number(struct script *s)
{
    static const char *numbers[] = {"0", "1", "10", "-1", "+5", "4294967295", "4294967296", "x",
                                    "2592000", "9223372036854775807", "9223372036854775808",
                                    "18446744073709551615", "18446744073709551616", "1x", "-"};
    add(s, "%s", numbers[below(s, below(s, 2) ? 3 : ARRAY_COUNT(numbers))]);
}

static void
add_line_end(struct script *s)
{
    static const char *ends[] = {"\r\n", "\r\n", "\r\n", "\n", "\r\r\n", " \r\n", " noreply\r\n", ""};
    add(s, "%s", ends[below(s, ARRAY_COUNT(ends) - (below(s, 10) != 0))]);
}

static void
add_retrieval(struct script *s)
{
    static const char *words[] = {"get", "gets", "gat", "gats"};
    size_t word = below(s, ARRAY_COUNT(words));
    add(s, "%s", words[word]);
    if (word >= 2) {
        add_spaces(s);
        add_number(s);
    }
    size_t dice = below(s, 8);
    size_t keys = dice == 0 ? below(s, 500) : dice == 1 ? 150 + below(s, 60) : below(s, 6);
    for (size_t i = 0; i < keys; i++) {
        add_spaces(s);
        if (below(s, 400) != 0 && keys > 20)
            add(s, "key-%zu", below(s, 100000));
        else
            add_key(s);
    }
    add_line_end(s);
}

static void
add_storage(struct script *s)
{
    static const char *words[] = {"set", "add", "replace", "append", "prepend", "cas"};
    static const size_t lengths[] = {0, 1, 2, 3, 10, 100, 3000};
    add(s, "%s", words[below(s, ARRAY_COUNT(words))]);
    add_spaces(s);
    add_key(s);
    for (int i = 0; i < 2; i++) {
        add_spaces(s);
        add_number(s);
    }
    size_t bytes = lengths[below(s, ARRAY_COUNT(lengths))];
    add(s, " %zu", bytes);
    if (below(s, 2) == 0) {
        add_spaces(s);
        add_number(s);
    }
    add_line_end(s);
    size_t data = below(s, 12) == 0 ? below(s, 12) : bytes;
    for (size_t i = 0; i < data; i++)
        add_bytes(s, &"ab \r\n"[below(s, 5)], 1);
    add(s, "%s", below(s, 12) == 0 ? "\n" : "\r\n");
}

static void
add_meta_flags(struct script *s)
{
    static const char *flags[] = {"v",  "k",  "q",     "O1234", "t", "s", "c", "f", "h",
                                  "T30", "b", "N",     "R5",    "I", "v", "x", "Tx", "Z",
                                  "-",  "MA", "MX",    "C",     "E7", "D3", "J9", "\r", "F1"};
    for (size_t i = below(s, below(s, 10) == 0 ? 25 : 5); i > 0; i--) {
        add_spaces(s);
        add(s, "%s", flags[below(s, below(s, 3) ? 10 : ARRAY_COUNT(flags))]);
        if (below(s, 200) == 0)
            add_repeated(s, 'O', below(s, 300));
    }
}

static void
add_meta(struct script *s)
{
    static const char *words[] = {"mg", "ms", "md", "ma", "mn", "me"};
    size_t word = below(s, ARRAY_COUNT(words)), bytes = below(s, below(s, 5) ? 10 : 3000);
    add(s, "%s", words[word]);
    add_spaces(s);
    add_key(s);
    if (word == 1)
        add(s, " %zu", bytes);
    add_meta_flags(s);
    add_line_end(s);
    if (word != 1)
        return;
    size_t data = below(s, 12) == 0 ? below(s, 12) : bytes;
    for (size_t i = 0; i < data; i++)
        add_bytes(s, &"mn \r\n"[below(s, 5)], 1);
    add(s, "%s", below(s, 12) == 0 ? "\n" : "\r\n");
}

static void
add_other(struct script *s)
{
    static const char *lines[] = {
        "incr %s 1", "decr %s x", "delete %s", "delete noreply", "touch %s 10", "touch %s", "mn", "me %s",
        "stats", "stats items", "version", "verbosity 1", "flush_all", "flush_all x", "slabs automove %s",
        "lru_crawler metadump all", "shutdown", "cache_memlimit 64", "quit", "watch %s", "nonsense %s",
        "SET %s 0 0 1", " get %s", "", "a", "\r", "mg %s v", "set", "set %s", "set %s 0 0 x"};
    add(s, lines[below(s, ARRAY_COUNT(lines))], "key");
    add_line_end(s);
}

static void
add_monster(struct script *s)
{
    static const char *heads[] = {"", "get ", "gat ", "gats 1 ", "set ", "mg ", "mg k ", "get k ", "get k", "delete k "};
    add(s, "%s", heads[below(s, ARRAY_COUNT(heads))]);
    add_repeated(s, " xk"[below(s, 3)], 1900 + below(s, below(s, 2) ? 300 : 3000));
    add_key(s);
    add_line_end(s);
}

static void
write_script(struct script *s, uint64_t seed)
{
    s->random = seed;
    s->length = 0;
    for (size_t i = 1 + below(s, LINES_MAX); i > 0; i--) {
        size_t dice = below(s, 60);
        if (dice == 0)
            add_monster(s);
        else if (dice == 1)
            add(s, "GET / HTTP/1.1\r\n");
        else if (dice < 20)
            add_retrieval(s);
        else if (dice < 35)
            add_storage(s);
        else if (dice < 50)
            add_meta(s);
        else
            add_other(s);
    }
    if (below(s, 10) == 0)
        s->length -= below(s, s->length < 40 ? s->length + 1 : 40); /* breaks off anywhere */
}

static void
play(void *script, uint64_t seed)
{
    struct script *s = script;
    write_script(s, seed);
    split_at_random(span_of(s->bytes, s->length), PROTOCOL_TEXT, seed);
}

START_TEST(the_requests_do_not_depend_on_how_the_stream_is_cut)
{
    struct script *s = malloc(sizeof *s);
    split_scripts(play, s, SCRIPTS);
    free(s);
}
END_TEST

/* All cuts of one stream into two pieces, wherever it breaks off. */
START_TEST(two_pieces_give_what_one_gives)
{
    static const char text[] =
        "get a b\r\ngats 1 c\nset k 0 0 5\r\nab\r\nc\r\ncas k 0 0 2 x\r\nab\r\nset k 0 0 2\r\nabcd"
        "delete k noreply\r\nfoo\r\n\r\nincr k 1\r\nmn\r\nset big 0 0 9\r\nabcd";
    split_in_two(span_of(text, sizeof text), PROTOCOL_TEXT);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("split");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, the_requests_do_not_depend_on_how_the_stream_is_cut);
    tcase_add_test(tc, two_pieces_give_what_one_gives);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/text_split")

/* The meta commands: what each line becomes, every error and which of several is told, and what the
 * pieces of an answer look like. */
#include "suite.h"

#include <stdio.h>
#include "proto/meta.h"
#include "proto/text.h"

#define K10  "kkkkkkkkkk"
#define K50  K10 K10 K10 K10 K10
#define K250 K50 K50 K50 K50 K50
#define X31  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct text_parser parser;
static struct request r[8];
static struct meta_args args;

/* The first request of 'text', which may be followed by others. */
static size_t
parse(const char *text)
{
    size_t used;
    parser = (struct text_parser){.mode = TEXT_LINE};
    memset(r, 0xaa, sizeof r);
    size_t count = text_parse(&parser, span_of(text, strlen(text)), r, ARRAY_COUNT(r), &used);
    ck_assert_msg(count >= 1, "no request of '%s'", text);
    return count;
}

/* What the client is told: of the line, or else of its flags. */
static enum proto_error
error_of(const char *line)
{
    static char text[1000]; /* the opaque stays in it */
    snprintf(text, sizeof text, "%s\r\n", line);
    parse(text);
    if (r[0].cmd == CMD_BAD)
        return r[0].error;
    ck_assert_msg(r[0].cmd >= CMD_META_SET && r[0].cmd <= CMD_META_ARITH, "'%s' is %u", line,
                  r[0].cmd);
    memset(&args, 0xaa, sizeof args);
    return meta_parse(&r[0], &args);
}

static void
parse_flags(const char *line)
{
    enum proto_error error = error_of(line);
    ck_assert_msg(error == PROTO_OK, "'%s' is error %u", line, error);
}

static void
expect_error(const char *line, const char *want)
{
    struct span told = text_error_line(error_of(line));
    ck_assert_msg(told.bytes > 2 &&
                      span_equal(span_of(told.p, told.bytes - 2), span_of(want, strlen(want))),
                  "'%s' is told '%.*s', not '%s'", line, (int)told.bytes, told.p, want);
}

static uint64_t
letters(const char *text)
{
    uint64_t seen = 0;
    for (; *text != '\0'; text++)
        seen |= META_FLAG(*text);
    return seen;
}

static void
expect_answers(const char *want)
{
    ck_assert_uint_eq(args.answer_count, strlen(want));
    ck_assert_mem_eq(args.answers, want, strlen(want));
}

static void
expect_span(struct span s, const char *want)
{
    ck_assert_msg(span_equal(s, span_of(want, strlen(want))), "'%.*s' is not '%s'", (int)s.bytes,
                  s.p, want);
}

/* ---- lines ---- */

START_TEST(a_line_is_a_command_a_key_and_flags)
{
    static const struct {
        const char *text;
        enum cmd cmd;
        const char *flags;
    } lines[] = {
        {"mg key v t\r\n", CMD_META_GET, " v t"},
        {"mg key v t\n", CMD_META_GET, " v t"},
        {"mg key\r\n", CMD_META_GET, ""},
        {"mg key\n", CMD_META_GET, ""},
        {"mg  key   v \r\n", CMD_META_GET, "   v "},
        {"md key q\r\n", CMD_META_DELETE, " q"},
        {"ma key D5\r\n", CMD_META_ARITH, " D5"},
        {"mg key noreply\r\n", CMD_META_GET, " noreply"},
        {"mg key v\r\r\n", CMD_META_GET, " v\r"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        ck_assert_uint_eq(parse(lines[i].text), 1);
        ck_assert_uint_eq(r[0].cmd, lines[i].cmd);
        ck_assert_uint_eq(r[0].flags, 0);
        expect_span(request_key(&r[0]), "key");
        expect_span(r[0].meta_flags, lines[i].flags);
    }
}
END_TEST

START_TEST(a_short_line_has_a_key_of_one_byte)
{
    parse("mg a\n");
    expect_span(request_key(&r[0]), "a");
    parse("mg \r\r\n");
    expect_span(request_key(&r[0]), "\r");
}
END_TEST

START_TEST(a_key_may_have_250_bytes)
{
    static const char *const commands[] = {"mg", "md", "ma"};
    char line[300];
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        snprintf(line, sizeof line, "%s " K250, commands[i]);
        parse_flags(line);
        ck_assert_uint_eq(r[0].key_bytes, 250);
        snprintf(line, sizeof line, "%s " K250 " q", commands[i]);
        parse_flags(line);
    }
    parse_flags("ms " K250 " 0");
}
END_TEST

START_TEST(a_longer_key_is_an_error)
{
    expect_error("mg " K250 "k", "CLIENT_ERROR bad command line format");
    expect_error("mg " K250 "k v", "CLIENT_ERROR bad command line format");
    expect_error("md " K250 "k", "CLIENT_ERROR bad command line format");
    expect_error("ms " K250 "k 0", "CLIENT_ERROR bad command line format");
    expect_error("ma " K250 "k", "CLIENT_ERROR invalid or duplicate flag");
}
END_TEST

START_TEST(without_a_key_it_is_an_error)
{
    static const char *const lines[] = {"mg ", "mg  ", "md ", "ma ", "ms ", "me "};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        expect_error(lines[i], "CLIENT_ERROR bad command line format");
}
END_TEST

START_TEST(names_of_commands_are_whole_words_in_lower_case)
{
    static const char *const lines[] = {"MG a", "mget a", "mgx a", "mx a", " mg a", "mg"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        char text[50];
        snprintf(text, sizeof text, "%s\r\n", lines[i]);
        parse(text);
        ck_assert_uint_eq(r[0].cmd, CMD_BAD);
    }
}
END_TEST

START_TEST(a_line_of_more_than_2048_bytes_ends_the_connection)
{
    static char text[5000];
    memcpy(text, "mg a ", 5);
    memset(text + 5, ' ', sizeof text - 5);
    memcpy(text + 2048, "\n", 2);
    ck_assert_uint_eq(parse(text), 1);
    ck_assert_uint_eq(r[0].cmd, CMD_META_GET);
    memcpy(text + 2048, " \n", 3);
    parse(text);
    ck_assert_uint_eq(r[0].cmd, CMD_BAD);
    ck_assert_uint_eq(r[0].error, PROTO_SILENT);
    ck_assert_uint_eq(r[0].flags, REQ_CLOSE);
}
END_TEST

START_TEST(gets_of_a_pipeline_are_one_request_each)
{
    ck_assert_uint_eq(parse("mg a v\r\nmg b\r\nget c\r\nmg d k\r\nmn\r\n"), 6);
    ck_assert_uint_eq(r[0].cmd, CMD_META_GET);
    ck_assert_uint_eq(r[1].cmd, CMD_META_GET);
    ck_assert_uint_eq(r[1].start, 8);
    ck_assert_uint_eq(r[2].cmd, CMD_GET);
    ck_assert_uint_eq(r[3].cmd, CMD_END);
    expect_span(request_key(&r[4]), "d");
    ck_assert_uint_eq(r[5].cmd, CMD_META_NOOP);
}
END_TEST

/* ---- ms and its data ---- */

START_TEST(ms_has_a_length_and_data)
{
    ck_assert_uint_eq(parse("ms key 3 T9 q\r\nabc\r\nmn\r\n"), 2);
    ck_assert_uint_eq(r[0].cmd, CMD_META_SET);
    ck_assert_uint_eq(r[0].flags, REQ_WHOLE);
    ck_assert_uint_eq(r[0].error, PROTO_OK);
    expect_span(request_key(&r[0]), "key");
    expect_span(r[0].meta_flags, " T9 q");
    expect_span(span_of(r[0].value, r[0].value_bytes), "abc");
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
}
END_TEST

START_TEST(ms_whose_data_is_incomplete_comes_last)
{
    size_t used;
    const char *text = "ms key 5\r\nab";
    parser = (struct text_parser){.mode = TEXT_LINE};
    ck_assert_uint_eq(text_parse(&parser, span_of(text, strlen(text)), r, ARRAY_COUNT(r), &used),
                      1);
    ck_assert_uint_eq(r[0].cmd, CMD_META_SET);
    ck_assert_uint_eq(r[0].flags, 0);
    ck_assert_uint_eq(r[0].value_bytes, 5);
    ck_assert_uint_eq(r[0].value_here, 2);
    ck_assert_uint_eq(used, strlen(text));
}
END_TEST

/* Whoever executes it looks at the flags first: their error is told before that of the data. */
START_TEST(ms_with_a_bad_line_end_keeps_its_flags)
{
    ck_assert_uint_eq(parse("ms key 3 k\r\nabcde\r\n"), 2);
    ck_assert_uint_eq(r[0].cmd, CMD_META_SET);
    ck_assert_uint_eq(r[0].error, PROTO_BAD_DATA_CHUNK);
    expect_span(r[0].meta_flags, " k");
    ck_assert_uint_eq(r[1].cmd, CMD_BAD); /* the empty line that is left */
}
END_TEST

START_TEST(ms_with_a_bad_key_has_its_data_thrown_away)
{
    ck_assert_uint_eq(parse("ms " K250 "k 5 q\r\nmn\r\n.\r\nmn\r\n"), 2);
    ck_assert_uint_eq(r[0].cmd, CMD_BAD);
    ck_assert_uint_eq(r[0].error, PROTO_BAD_FORMAT);
    ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
}
END_TEST

START_TEST(ms_without_a_length_has_its_data_read_as_commands)
{
    static const char *const lines[] = {"ms key\r\nmn\r\n",
                                        "ms key x\r\nmn\r\n",
                                        "ms key -1\r\nmn\r\n",
                                        "ms key S2\r\nmn\r\n",
                                        "ms key +2\r\nmn\r\n",
                                        "ms key 2147483646\r\nmn\r\n",
                                        "ms key 4294967298\r\nmn\r\n",
                                        "ms key T0 2\r\nmn\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        ck_assert_uint_eq(parse(lines[i]), 2);
        ck_assert_uint_eq(r[0].cmd, CMD_BAD);
        ck_assert_uint_eq(r[0].error, PROTO_BAD_FORMAT);
        ck_assert_uint_eq(r[1].cmd, CMD_META_NOOP);
    }
    parse("ms key 2147483645\r\n");
    ck_assert_uint_eq(r[0].cmd, CMD_META_SET);
}
END_TEST

/* ---- flags ---- */

START_TEST(flags_are_noted_and_listed_in_the_order_of_the_request)
{
    parse_flags("mg key k v O12 t T30 q s u f R5 c h N60 l x b I");
    ck_assert_uint_eq(args.seen, letters("kvOtTqsufRchNlxbI"));
    expect_answers("kOtTsfRchNl");
    ck_assert_int_eq(args.exptime, 30);
    ck_assert_int_eq(args.recache_s, 5);
    ck_assert_int_eq(args.created_exptime, 60);
    expect_span(span_of(args.opaque, args.opaque_bytes), "O12");
}
END_TEST

START_TEST(without_flags_there_is_nothing)
{
    parse_flags("ma key");
    ck_assert_uint_eq(args.seen, 0);
    expect_answers("");
}
END_TEST

START_TEST(each_command_lists_what_its_answer_shows)
{
    static const char flags[] = "b c f h k l s t O N1 R1 T1";
    static const struct {
        const char *line, *answers;
    } commands[] = {{"mg key ", "cfhklstONRT"},
                    {"ms key 0 ", "cksO"},
                    {"md key ", "kO"},
                    {"ma key ", "cktONT"}};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        char line[100];
        snprintf(line, sizeof line, "%s%s", commands[i].line, flags);
        parse_flags(line);
        expect_answers(commands[i].answers);
    }
}
END_TEST

START_TEST(all_commands_take_all_flags)
{
    static const char *const heads[] = {"mg key ", "md key ", "ma key ", "ms key 0 "};
    static const char *const flags[] = {"b", "c",  "f",  "h",  "k",  "l",   "q",  "s", "t",
                                        "u", "v",  "x",  "C1", "D1", "E1",  "F1", "I", "J1",
                                        "L", "Lx", "N1", "O",  "P",  "P:x", "R1", "T1"};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
            char line[50];
            snprintf(line, sizeof line, "%s%s", heads[i], flags[f]);
            parse_flags(line);
            ck_assert_uint_eq(args.seen, META_FLAG(flags[f][0]));
        }
    }
}
END_TEST

START_TEST(flags_without_a_token_overlook_one)
{
    parse_flags("mg key vx kabc t9");
    ck_assert_uint_eq(args.seen, letters("vkt"));
}
END_TEST

START_TEST(tokens_reach_to_the_limits_of_their_type)
{
    parse_flags("ms key 0 C18446744073709551615 E18446744073709551614 F4294967295 T2147483647 "
                "N-2147483648 R-1 D0 J18446744073709551615");
    ck_assert_uint_eq(args.expected, UINT64_MAX);
    ck_assert_uint_eq(args.cas_new, UINT64_MAX - 1);
    ck_assert_uint_eq(args.client_flags, UINT32_MAX);
    ck_assert_int_eq(args.exptime, INT32_MAX);
    ck_assert_int_eq(args.created_exptime, INT32_MIN);
    ck_assert_int_eq(args.recache_s, -1);
    ck_assert_uint_eq(args.delta, 0);
    ck_assert_uint_eq(args.initial, UINT64_MAX);
}
END_TEST

START_TEST(numbers_are_checked_whatever_the_command)
{
    static const struct {
        const char *flag, *error;
    } bad[] = {
        {"C", "CLIENT_ERROR bad token in command line format"},
        {"Cx", "CLIENT_ERROR bad token in command line format"},
        {"C-1", "CLIENT_ERROR bad token in command line format"},
        {"C18446744073709551616", "CLIENT_ERROR bad token in command line format"},
        {"E", "CLIENT_ERROR bad token in command line format"},
        {"E1x", "CLIENT_ERROR bad token in command line format"},
        {"N", "CLIENT_ERROR bad token in command line format"},
        {"N1.5", "CLIENT_ERROR bad token in command line format"},
        {"N2147483648", "CLIENT_ERROR bad token in command line format"},
        {"R", "CLIENT_ERROR bad token in command line format"},
        {"R+1", "CLIENT_ERROR bad token in command line format"},
        {"T", "CLIENT_ERROR bad token in command line format"},
        {"T9999999999", "CLIENT_ERROR bad token in command line format"},
        {"T-2147483649", "CLIENT_ERROR bad token in command line format"},
        {"D", "CLIENT_ERROR invalid numeric delta value"},
        {"D-1", "CLIENT_ERROR invalid numeric delta value"},
        {"J", "CLIENT_ERROR invalid numeric initial value"},
        {"Jx", "CLIENT_ERROR invalid numeric initial value"},
        {"F", "CLIENT_ERROR bad command line format"},
        {"F4294967296", "CLIENT_ERROR bad command line format"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char line[100];
        snprintf(line, sizeof line, "mg key v %s k", bad[i].flag);
        expect_error(line, bad[i].error);
        snprintf(line, sizeof line, "ms key 0 %s", bad[i].flag);
        expect_error(line, bad[i].error);
        snprintf(line, sizeof line, "md key %s", bad[i].flag);
        expect_error(line, bad[i].error);
        snprintf(line, sizeof line, "ma key q %s", bad[i].flag);
        expect_error(line, "CLIENT_ERROR invalid or duplicate flag");
    }
}
END_TEST

START_TEST(of_several_bad_tokens_the_last_is_told)
{
    expect_error("mg key Nx Dx", "CLIENT_ERROR invalid numeric delta value");
    expect_error("mg key Dx Nx", "CLIENT_ERROR bad token in command line format");
    expect_error("mg key Dx Fx", "CLIENT_ERROR invalid numeric delta value");
    expect_error("mg key Fx Dx", "CLIENT_ERROR invalid numeric delta value");
}
END_TEST

START_TEST(unknown_and_repeated_flags_are_told_at_once)
{
    expect_error("mg key a", "CLIENT_ERROR invalid flag");
    expect_error("mg key S2", "CLIENT_ERROR invalid flag");
    expect_error("mg key W", "CLIENT_ERROR invalid flag");
    expect_error("mg key [", "CLIENT_ERROR invalid flag");
    expect_error("mg key 1", "CLIENT_ERROR invalid flag");
    expect_error("mg key v v", "CLIENT_ERROR duplicate flag");
    expect_error("mg key Nx v v", "CLIENT_ERROR duplicate flag");
    expect_error("mg key v v a", "CLIENT_ERROR duplicate flag");
    expect_error("mg key Lx Ly", "CLIENT_ERROR duplicate flag");
    expect_error("ms key 0 Z", "CLIENT_ERROR invalid flag");
    expect_error("md key Nx Z", "CLIENT_ERROR invalid flag");
    expect_error("ma key a", "CLIENT_ERROR invalid or duplicate flag");
    expect_error("ma key v v", "CLIENT_ERROR invalid or duplicate flag");
}
END_TEST

START_TEST(a_word_that_can_be_no_flag_makes_a_bad_line)
{
    static const char *const words[] = {"-",    "!",  "{",  "\x7f", "\x80",
                                        "\xff", "\t", "\r", "+1",   "@"};
    static const char *const heads[] = {"mg key", "md key v v a", "ma key Nx", "ms key 0"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        for (size_t h = 0; h < ARRAY_COUNT(heads); h++) {
            char line[50];
            snprintf(line, sizeof line, "%s %s q", heads[h], words[i]);
            expect_error(line, "CLIENT_ERROR bad command line format");
        }
    }
}
END_TEST

START_TEST(a_line_has_at_most_20_words)
{
    parse_flags("mg key b c f h k l q s t u v x C1 D1 E1 F1 I J1");
    parse_flags("ms key 0 b c f h k l q s t u v x C1 D1 E1 F1 I");
    expect_error("mg key b c f h k l q s t u v x C1 D1 E1 F1 I J1 L",
                 "CLIENT_ERROR options flags are too long");
    expect_error("ms key 0 b c f h k l q s t u v x C1 D1 E1 F1 I J1",
                 "CLIENT_ERROR options flags are too long");
    expect_error("ma key v v v v v v v v v v v v v v v v v v v",
                 "CLIENT_ERROR options flags are too long");
    expect_error("md key a x x x x x x x x x x x x x x x x x x",
                 "CLIENT_ERROR options flags are too long");
    expect_error("mg key v v v v v v v v v v v v v v v v v v", "CLIENT_ERROR duplicate flag");
}
END_TEST

START_TEST(an_opaque_has_31_characters)
{
    parse_flags("mg key O" X31);
    expect_span(span_of(args.opaque, args.opaque_bytes), "O" X31);
    static const char *const heads[] = {"mg key", "md key", "ma key", "ms key 0"};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        char line[400];
        snprintf(line, sizeof line, "%s O" X31 "x", heads[i]);
        expect_error(line, "CLIENT_ERROR opaque token too long");
        snprintf(line, sizeof line, "%s O" K250, heads[i]);
        expect_error(line, "CLIENT_ERROR opaque token too long");
    }
    expect_error("mg key O" X31 "x Nx", "CLIENT_ERROR bad token in command line format");
    parse_flags("mg key O");
    expect_span(span_of(args.opaque, args.opaque_bytes), "O");
}
END_TEST

START_TEST(modes_are_letters_of_their_command)
{
    static const char *const set_modes = "EAPRS";
    static const char *const arith_modes = "I+D-";
    for (int c = '!'; c < 0x7f; c++) {
        char line[20];
        snprintf(line, sizeof line, "ms key 0 M%c", c);
        if (strchr(set_modes, c) != NULL)
            parse_flags(line);
        else
            expect_error(line, "CLIENT_ERROR invalid mode for ms M token");
        snprintf(line, sizeof line, "ma key M%c", c);
        if (strchr(arith_modes, c) != NULL)
            parse_flags(line);
        else
            expect_error(line, "CLIENT_ERROR invalid mode for ma M token");
        snprintf(line, sizeof line, "mg key M%c", c);
        parse_flags(line);
    }
}
END_TEST

START_TEST(only_the_first_letter_of_a_mode_counts)
{
    parse_flags("ms key 0 MAppend");
    ck_assert_int_eq(args.mode, 'A');
    parse_flags("ma key MDecr");
    ck_assert_int_eq(args.mode, 'D');
    expect_error("ms key 0 M", "CLIENT_ERROR invalid mode for ms M token");
    expect_error("ma key M", "CLIENT_ERROR invalid mode for ma M token");
    expect_error("ms key 0 MX O" X31 "x", "CLIENT_ERROR invalid mode for ms M token");
}
END_TEST

/* ---- answers ---- */

START_TEST(pieces_of_answers_begin_with_a_space)
{
    char text[META_ANSWER_BYTES_MAX];
    parse_flags("mg key Oabc");
    char *at = meta_put_number(text, 's', 123);
    at = meta_put_opaque(at, &args);
    at = meta_put_letter(at, 'W');
    at = meta_put_key(at, SPAN("foo"), false);
    at = meta_put_key(at, SPAN("foo"), true);
    expect_span(span_of(text, (size_t)(at - text)), " s123 Oabc W kfoo kZm9v b");
}
END_TEST

START_TEST(the_longest_answer_fits)
{
    char text[META_ANSWER_BYTES_MAX];
    parse_flags("mg key O" X31);
    memcpy(text, "VA ", 3);
    char *at = text + 3;
    at += num_format_u64(at, UINT64_MAX);
    for (const char *letter = "cfhlst"; *letter != '\0'; letter++)
        at = meta_put_number(at, *letter, UINT64_MAX);
    at = meta_put_opaque(at, &args);
    at = meta_put_key(at, span_of(K250, 250), true);
    for (const char *mark = "ZXW"; *mark != '\0'; mark++)
        at = meta_put_letter(at, *mark);
    ck_assert_uint_le((size_t)(at + 2 - text), sizeof text);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *tc = tcase_create("lines");
    tcase_add_test(tc, a_line_is_a_command_a_key_and_flags);
    tcase_add_test(tc, a_short_line_has_a_key_of_one_byte);
    tcase_add_test(tc, a_key_may_have_250_bytes);
    tcase_add_test(tc, a_longer_key_is_an_error);
    tcase_add_test(tc, without_a_key_it_is_an_error);
    tcase_add_test(tc, names_of_commands_are_whole_words_in_lower_case);
    tcase_add_test(tc, a_line_of_more_than_2048_bytes_ends_the_connection);
    tcase_add_test(tc, gets_of_a_pipeline_are_one_request_each);
    suite_add_tcase(s, tc);

    tc = tcase_create("ms");
    tcase_add_test(tc, ms_has_a_length_and_data);
    tcase_add_test(tc, ms_whose_data_is_incomplete_comes_last);
    tcase_add_test(tc, ms_with_a_bad_line_end_keeps_its_flags);
    tcase_add_test(tc, ms_with_a_bad_key_has_its_data_thrown_away);
    tcase_add_test(tc, ms_without_a_length_has_its_data_read_as_commands);
    suite_add_tcase(s, tc);

    tc = tcase_create("flags");
    tcase_add_test(tc, flags_are_noted_and_listed_in_the_order_of_the_request);
    tcase_add_test(tc, without_flags_there_is_nothing);
    tcase_add_test(tc, each_command_lists_what_its_answer_shows);
    tcase_add_test(tc, all_commands_take_all_flags);
    tcase_add_test(tc, flags_without_a_token_overlook_one);
    tcase_add_test(tc, tokens_reach_to_the_limits_of_their_type);
    tcase_add_test(tc, numbers_are_checked_whatever_the_command);
    tcase_add_test(tc, of_several_bad_tokens_the_last_is_told);
    tcase_add_test(tc, unknown_and_repeated_flags_are_told_at_once);
    tcase_add_test(tc, a_word_that_can_be_no_flag_makes_a_bad_line);
    tcase_add_test(tc, a_line_has_at_most_20_words);
    tcase_add_test(tc, an_opaque_has_31_characters);
    tcase_add_test(tc, modes_are_letters_of_their_command);
    tcase_add_test(tc, only_the_first_letter_of_a_mode_counts);
    suite_add_tcase(s, tc);

    tc = tcase_create("answers");
    tcase_add_test(tc, pieces_of_answers_begin_with_a_space);
    tcase_add_test(tc, the_longest_answer_fits);
    suite_add_tcase(s, tc);
}

SUITE_MAIN("proto/meta")

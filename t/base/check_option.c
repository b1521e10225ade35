/* Options: what rows accept and refuse, what wins, and how the help looks. */
#include "suite.h"

#include <float.h>
#include <string.h>
#include <sysexits.h>
#include "base/option.h"

struct thing {
    bool flag, off, turn;
    unsigned count;
    uint32_t u32;
    int32_t i32;
    double number;
    uint64_t size;
    uint32_t size32;
    char *text;
    unsigned octal;
    char custom[32];
};

struct other {
    uint32_t value;
};

static option_parse_fn parse_custom;

#define AT(field) OPTION_AT(struct thing, field)

/* clang-format off */
static const struct option_def rows[] = {
    {.letter = 'a', .name = "flag", .type = OPTION_FLAG, AT(flag), .help = "turn it on"},
    {.letter = 'b', .name = "no-off", .type = OPTION_NO_FLAG, AT(off), .fallback = "enabled",
     .help = "turn it off"},
    {.letter = 'v', .type = OPTION_COUNT, AT(count), .help = "more"},
    {.letter = 'u', .name = "unsigned", .arg = "num", .type = OPTION_U32, AT(u32), .min = 1,
     .max = 4294967295, .fallback = "7", .exit_code = EX_USAGE, .help = "a number"},
    {.letter = 'i', .name = "int", .arg = "num", .type = OPTION_I32, AT(i32), .min = -1, .max = 10,
     .help = "of two\nlines"},
    {.letter = 'f', .arg = "num", .type = OPTION_DOUBLE, AT(number), .min = 1, .max = DBL_MAX,
     .fallback = "1.5", .help = "a factor"},
    {.letter = 'm', .arg = "num", .type = OPTION_SIZE, AT(size), .unit = 1048576, .max = 1e15,
     .fallback = "64", .help = "of memory"},
    {.letter = 's', .arg = "num", .type = OPTION_SIZE32, AT(size32), .min = 1024,
     .max = 1 << 30, .fallback = "1k", .help = "of something"},
    {.letter = 't', .name = "text", .arg = "file", .type = OPTION_STRING, AT(text), .help = "a file"},
    {.letter = 'o', .name = "extended", .arg = "list", .type = OPTION_EXTENDED, .help = "a list"},
    {.letter = 'x', .arg = "octal", .type = OPTION_OCTAL, AT(octal), .max = 07777,
     .fallback = "700", .help = "a mask"},
    {.letter = 'c', .arg = "what", .type = OPTION_CUSTOM, .parse = parse_custom, .help = "special"},
    {.letter = 'h', .type = OPTION_CUSTOM, .parse = parse_custom, .help = "help"},
    {.letter = 'Z', .type = OPTION_REFUSED, .help = "we have no Z"},
    {.type = OPTION_TEXT, .help = "only text"},
};

static const struct option_def extended[] = {
    {.extended = "turn", .type = OPTION_SWITCH, AT(turn), .fallback = "enabled", .help = "turn"},
    {.extended = "level", .arg = "n", .optional = true, .type = OPTION_CUSTOM,
     .parse = parse_custom, .help = "level"},
    {.extended = "old", .type = OPTION_IGNORED},
    {.extended = "gone", .type = OPTION_REFUSED, .help = "it is gone"},
};

static const struct option_def others[] = {
    {.extended = "value", .arg = "n", .type = OPTION_U32, OPTION_AT(struct other, value), .max = 9,
     .fallback = "3", .help = "a value"},
};

/* clang-format on */

static struct thing thing;
static struct other other;
static struct option_report report;

static const struct option_table tables[] = {
    {rows, ARRAY_COUNT(rows), &thing, NULL, false},
    {extended, ARRAY_COUNT(extended), &thing, "more:", false},
    {others, ARRAY_COUNT(others), &other, "names:", true},
};

static enum option_status
parse_custom(void *config, const struct option_def *def, const char *text,
             struct option_report *r)
{
    struct thing *t = config;
    if (def->letter == 'h')
        return OPTION_STOP;
    if (text != NULL && strcmp(text, "bad") == 0)
        return option_fail_value(r, def, text, "good");
    snprintf(t->custom, sizeof t->custom, "%s", text != NULL ? text : "none");
    return OPTION_OK;
}

/* Parses a command line whose arguments have single spaces between them. */
static enum option_status
parse(const char *line)
{
    static char copy[8192];
    char *argv[32] = {"program"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " "))
        argv[argc++] = at;
    option_fini(tables, ARRAY_COUNT(tables));
    thing = (struct thing){0};
    other = (struct other){0};
    ck_assert(option_set_defaults(tables, ARRAY_COUNT(tables)));
    return option_parse(tables, ARRAY_COUNT(tables), argc, argv, &report);
}

static void
expect_bad(const char *line, int exit_code, const char *part_of_text)
{
    ck_assert_msg(parse(line) == OPTION_BAD, "accepted '%s'", line);
    ck_assert_msg(report.exit_code == exit_code, "'%s' exits with %d", line, report.exit_code);
    ck_assert_msg(strstr(report.text, part_of_text) != NULL, "'%s' says '%s'", line, report.text);
}

START_TEST(defaults_come_from_the_rows)
{
    ck_assert_int_eq(parse(""), OPTION_OK);
    ck_assert(!thing.flag && thing.off && thing.turn);
    ck_assert_uint_eq(thing.count, 0);
    ck_assert_uint_eq(thing.u32, 7);
    ck_assert_int_eq(thing.i32, 0);
    ck_assert(thing.number == 1.5);
    ck_assert(thing.size == 64u << 20);
    ck_assert_uint_eq(thing.size32, 1024);
    ck_assert_ptr_null(thing.text);
    ck_assert_uint_eq(thing.octal, 0700);
    ck_assert_uint_eq(other.value, 3);
}
END_TEST

START_TEST(every_type_stores_its_value)
{
    ck_assert_int_eq(parse("-ab -vv -v -u 4294967295 -i -1 -f 2.25 -m 2g -s 1m -t f -x 1777 -c w"),
                     OPTION_OK);
    ck_assert(thing.flag && !thing.off);
    ck_assert_uint_eq(thing.count, 3);
    ck_assert(thing.u32 == UINT32_MAX);
    ck_assert_int_eq(thing.i32, -1);
    ck_assert(thing.number == 2.25);
    ck_assert(thing.size == 2ull << 30);
    ck_assert_uint_eq(thing.size32, 1 << 20);
    ck_assert_str_eq(thing.text, "f");
    ck_assert_uint_eq(thing.octal, 01777);
    ck_assert_str_eq(thing.custom, "w");
}
END_TEST

START_TEST(long_forms_and_joined_values_are_the_same)
{
    ck_assert_int_eq(parse("--unsigned=5 --int 3 --flag --text=x"), OPTION_OK);
    ck_assert_uint_eq(thing.u32, 5);
    ck_assert_int_eq(thing.i32, 3);
    ck_assert(thing.flag);
    ck_assert_str_eq(thing.text, "x");
    ck_assert_int_eq(parse("-u6 --unsi 9"), OPTION_OK);
    ck_assert_uint_eq(thing.u32, 9);
}
END_TEST

START_TEST(what_comes_later_wins)
{
    ck_assert_int_eq(parse("-u 2 -t a -o turn,no_turn,value=1 -u 3 -t b -o value=2"), OPTION_OK);
    ck_assert_uint_eq(thing.u32, 3);
    ck_assert_str_eq(thing.text, "b");
    ck_assert(!thing.turn);
    ck_assert_uint_eq(other.value, 2);
    ck_assert_int_eq(parse("-o no_turn,turn"), OPTION_OK);
    ck_assert(thing.turn);
}
END_TEST

START_TEST(numbers_out_of_range_or_shape_are_refused)
{
    expect_bad("-u 0", EX_USAGE, "-u: must be a number from 1 to 4294967295, not \"0\"");
    expect_bad("-u 4294967296", EX_USAGE, "-u");
    expect_bad("-u 1x", EX_USAGE, "not \"1x\"");
    expect_bad("-u =1", EX_USAGE, "-u");
    expect_bad("--unsigned=", EX_USAGE, "-u");
    expect_bad("-i -2", EXIT_FAILURE, "from -1 to 10");
    expect_bad("-i 11", EXIT_FAILURE, "-i");
    expect_bad("-f 1", EXIT_FAILURE, "a number above 1,");
    expect_bad("-f nan", EXIT_FAILURE, "-f");
    expect_bad("-f inf", EXIT_FAILURE, "-f");
    expect_bad("-f 2x", EXIT_FAILURE, "-f");
    expect_bad("-m -1", EXIT_FAILURE, "-m");
    expect_bad("-m 4294967296", EXIT_FAILURE, "-m");
    expect_bad("-m g", EXIT_FAILURE, "-m");
    expect_bad("-m 1t", EXIT_FAILURE, "-m");
    expect_bad("-s 1023", EXIT_FAILURE, "a size from 1k to 1g");
    expect_bad("-s 1025m", EXIT_FAILURE, "-s");
    expect_bad("-s 4g", EXIT_FAILURE, "-s");
    expect_bad("-x 8", EXIT_FAILURE, "an octal number from 0 to 7777");
    expect_bad("-x 10000", EXIT_FAILURE, "-x");
    expect_bad("-x -1", EXIT_FAILURE, "-x");
    expect_bad("-c bad", EXIT_FAILURE, "-c: must be good, not \"bad\"");
}
END_TEST

START_TEST(sizes_know_their_unit_and_suffixes)
{
    ck_assert_int_eq(parse("-m 64m"), OPTION_OK);
    ck_assert(thing.size == 64u << 20);
    ck_assert_int_eq(parse("-m 100K"), OPTION_OK);
    ck_assert(thing.size == 100u << 10);
    ck_assert_int_eq(parse("-m 0"), OPTION_OK);
    ck_assert(thing.size == 0);
    ck_assert_int_eq(parse("-s 1g"), OPTION_OK);
    ck_assert_uint_eq(thing.size32, 1u << 30);
    ck_assert_int_eq(parse("-s 2048"), OPTION_OK);
    ck_assert_uint_eq(thing.size32, 2048);
}
END_TEST

START_TEST(unknown_options_are_named_with_memcacheds_words)
{
    expect_bad("-Q", EXIT_FAILURE, "-Q");
    ck_assert_ptr_nonnull(strstr(report.text, "\nIllegal argument \"?\""));
    expect_bad("--nothing", EXIT_FAILURE, "--nothing");
    ck_assert_ptr_nonnull(strstr(report.text, "\nIllegal argument \"?\""));
    expect_bad("-u", EXIT_FAILURE, "-u needs a value\nIllegal argument \"?\"");
    expect_bad("--unsigned", EXIT_FAILURE, "--unsigned needs a value\nIllegal argument \"?\"");
    expect_bad("--flag=1", EXIT_FAILURE, "Illegal argument \"?\"");
    expect_bad("-Z", EXIT_FAILURE, "-Z: we have no Z");
}
END_TEST

START_TEST(unknown_suboptions_are_shown_whole)
{
    expect_bad("-o foo", EXIT_FAILURE, "Illegal suboption \"foo\"");
    ck_assert_str_eq(report.text, "Illegal suboption \"foo\"");
    expect_bad("-o foo=3,turn", EXIT_FAILURE, "Illegal suboption \"foo=3\"");
    expect_bad("-o =3", EXIT_FAILURE, "Illegal suboption \"=3\"");
    expect_bad("-o ,turn", EXIT_FAILURE, "Illegal suboption \"\"");
    expect_bad("-o turn,,turn", EXIT_FAILURE, "Illegal suboption \"\"");
    expect_bad("-o no_level", EXIT_FAILURE, "Illegal suboption \"no_level\"");
    expect_bad("-o tur", EXIT_FAILURE, "Illegal suboption \"tur\"");
    expect_bad("-o value", EXIT_FAILURE, "-o value needs a value");
    expect_bad("-o value=10", EXIT_FAILURE, "-o value: must be a number from 0 to 9, not \"10\"");
    expect_bad("-o gone", EXIT_FAILURE, "-o gone: it is gone");
    expect_bad("-o gone=1", EXIT_FAILURE, "-o gone: it is gone");
}
END_TEST

START_TEST(a_list_may_end_in_a_comma_and_an_ignored_name_may_have_a_value)
{
    ck_assert_int_eq(parse("-o value=4,"), OPTION_OK);
    ck_assert_uint_eq(other.value, 4);
    ck_assert_int_eq(parse("-o old,old=5,value=6"), OPTION_OK);
    ck_assert_uint_eq(other.value, 6);
    ck_assert_int_eq(parse("-o level"), OPTION_OK);
    ck_assert_str_eq(thing.custom, "none");
    ck_assert_int_eq(parse("-o level=2"), OPTION_OK);
    ck_assert_str_eq(thing.custom, "2");
}
END_TEST

START_TEST(an_entry_without_end_is_refused)
{
    static char line[6000] = "-o ";
    memset(line + 3, 'x', sizeof line - 4);
    expect_bad(line, EXIT_FAILURE, "-o: an entry of the list is longer");
}
END_TEST

START_TEST(stop_leaves_the_rest_unread)
{
    ck_assert_int_eq(parse("-u 2 -h -Q"), OPTION_STOP);
    ck_assert_uint_eq(thing.u32, 2);
    expect_bad("-Q -h", EXIT_FAILURE, "Illegal");
}
END_TEST

START_TEST(help_shows_rows_in_columns)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    option_print_help(f, tables, ARRAY_COUNT(tables));
    fclose(f);
    ck_assert_ptr_nonnull(strstr(text, "-a, --flag                turn it on\n"));
    ck_assert_ptr_nonnull(strstr(text, "-b, --no-off              turn it off\n"));
    ck_assert_ptr_nonnull(strstr(text, "-u, --unsigned=<num>      a number (default: 7)\n"));
    ck_assert_ptr_nonnull(strstr(text, "-i, --int=<num>           of two\n"
                                       "                          lines\n"));
    ck_assert_ptr_nonnull(strstr(text, "-f <num>                  a factor (default: 1.5)\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nonly text\nmore:\n"));
    ck_assert_ptr_nonnull(strstr(text, "   - turn:                turn (default: enabled)\n"));
    ck_assert_ptr_nonnull(strstr(text, "names:\n     value\n"));
    ck_assert_ptr_null(strstr(text, "we have no Z"));
    free(text);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("option");
    tcase_add_test(tc, defaults_come_from_the_rows);
    tcase_add_test(tc, every_type_stores_its_value);
    tcase_add_test(tc, long_forms_and_joined_values_are_the_same);
    tcase_add_test(tc, what_comes_later_wins);
    tcase_add_test(tc, numbers_out_of_range_or_shape_are_refused);
    tcase_add_test(tc, sizes_know_their_unit_and_suffixes);
    tcase_add_test(tc, unknown_options_are_named_with_memcacheds_words);
    tcase_add_test(tc, unknown_suboptions_are_shown_whole);
    tcase_add_test(tc, a_list_may_end_in_a_comma_and_an_ignored_name_may_have_a_value);
    tcase_add_test(tc, an_entry_without_end_is_refused);
    tcase_add_test(tc, stop_leaves_the_rest_unread);
    tcase_add_test(tc, help_shows_rows_in_columns);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("base/option")

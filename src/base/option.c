#include "base/option.h"

#include <float.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/check.h"
#include "base/log.h"
#include "base/num.h"

/* Where the help texts begin: the column that readers and scripts of memcached's help know. */
#define HELP_COLUMN 26
#define HELP_WIDTH  79
/* getopt's value of the n-th row that has no letter: beyond any letter. */
#define VALUE_OF_ROW 256
/* The longest entry of the list of -o, and its NUL. */
#define SUBOPTION_BYTES 4096

/* A row and the struct of its table. */
struct slot {
    const struct option_def *def;
    void *config;
};

/* All rows of a command line, and what getopt_long() wants to know of them. */
struct grammar {
    struct slot slots[OPTION_ROWS_MAX];
    size_t count;
    char letters[2 * OPTION_ROWS_MAX + 2];
    struct option longs[OPTION_ROWS_MAX + 1];
};

static void grammar_init(struct grammar *g, const struct option_table *tables, size_t count);
static const struct slot *grammar_find(const struct grammar *g, int value);
static enum option_status parse_extended(const struct grammar *g, const char *list,
                                         struct option_report *report);
static enum option_status store(const struct slot *slot, const char *text,
                                struct option_report *report);
static enum option_status fail_getopt(int value, char *const argv[], struct option_report *report);
static void print_row(FILE *to, const struct option_def *def);
static void print_names(FILE *to, const struct option_table *table);

bool
option_set_defaults(const struct option_table *tables, size_t count)
{
    struct option_report report;
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct option_def *def = &tables[t].rows[i];
            struct slot slot = {def, tables[t].config};
            if (def->fallback == NULL || def->type == OPTION_CUSTOM)
                continue;
            if (def->type == OPTION_FLAG || def->type == OPTION_NO_FLAG ||
                def->type == OPTION_SWITCH) {
                *(bool *)((char *)slot.config + def->offset) =
                    strcmp(def->fallback, "enabled") == 0;
                continue;
            }
            enum option_status status = store(&slot, def->fallback, &report);
            if (status == OPTION_BAD && report.exit_code == EX_OSERR)
                return false;
            CHECK(status == OPTION_OK);
        }
    }
    return true;
}

enum option_status
option_parse(const struct option_table *tables, size_t count, int argc, char *const argv[],
             struct option_report *report)
{
    struct grammar grammar;
    grammar_init(&grammar, tables, count);
    *report = (struct option_report){0};
    optind = 0; /* glibc: start afresh, whatever an earlier call left */
    opterr = 0;
    int value;
    while ((value = getopt_long(argc, argv, grammar.letters, grammar.longs, NULL)) != -1) {
        const struct slot *slot = grammar_find(&grammar, value);
        if (slot == NULL)
            return fail_getopt(value, argv, report);
        enum option_status status = slot->def->type == OPTION_EXTENDED
                                        ? parse_extended(&grammar, optarg, report)
                                        : store(slot, optarg, report);
        if (status != OPTION_OK)
            return status;
    }
    for (int i = optind; i < argc; i++)
        log_line(LOG_WARN, "the argument \"%s\" belongs to no option and is ignored", argv[i]);
    return OPTION_OK;
}

void
option_print_help(FILE *to, const struct option_table *tables, size_t count)
{
    for (size_t t = 0; t < count; t++) {
        if (tables[t].title != NULL)
            fprintf(to, "%s\n", tables[t].title);
        if (tables[t].names_only) {
            print_names(to, &tables[t]);
            continue;
        }
        for (size_t i = 0; i < tables[t].count; i++) {
            if (tables[t].rows[i].help != NULL && tables[t].rows[i].type != OPTION_REFUSED)
                print_row(to, &tables[t].rows[i]);
        }
    }
}

void
option_fini(const struct option_table *tables, size_t count)
{
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct option_def *def = &tables[t].rows[i];
            if (def->type != OPTION_STRING)
                continue;
            char **field = (char **)((char *)tables[t].config + def->offset);
            free(*field);
            *field = NULL;
        }
    }
}

enum option_status
option_fail(struct option_report *report, int exit_code, const char *fmt, ...)
{
    va_list args;
    report->exit_code = exit_code;
    va_start(args, fmt);
    vsnprintf(report->text, sizeof report->text, fmt, args);
    va_end(args);
    return OPTION_BAD;
}

enum option_status
option_fail_value(struct option_report *report, const struct option_def *def, const char *text,
                  const char *what)
{
    char label[OPTION_LABEL_BYTES];
    return option_fail(report, def->exit_code != 0 ? def->exit_code : EXIT_FAILURE,
                       "%s: must be %s, not \"%.100s\"", option_label(def, label), what, text);
}

const char *
option_label(const struct option_def *def, char to[OPTION_LABEL_BYTES])
{
    if (def->extended != NULL)
        snprintf(to, OPTION_LABEL_BYTES, "-o %s", def->extended);
    else if (def->letter != 0)
        snprintf(to, OPTION_LABEL_BYTES, "-%c", def->letter);
    else
        snprintf(to, OPTION_LABEL_BYTES, "--%s", def->name);
    return to;
}

bool
option_set_string(char **field, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return false;
    free(*field);
    *field = copy;
    return true;
}

/* ---- the command line ---- */

static void
grammar_add(struct grammar *g, const struct option_def *def, void *config, size_t *letters,
            size_t *longs)
{
    CHECK(g->count < OPTION_ROWS_MAX);
    g->slots[g->count] = (struct slot){def, config};
    if (def->letter != 0) {
        g->letters[(*letters)++] = def->letter;
        if (def->arg != NULL)
            g->letters[(*letters)++] = ':';
    }
    if (def->name != NULL) {
        g->longs[(*longs)++] = (struct option){
            .name = def->name,
            .has_arg = def->arg != NULL ? required_argument : no_argument,
            .val = VALUE_OF_ROW + (int)g->count,
        };
    }
    g->count++;
}

static void
grammar_init(struct grammar *g, const struct option_table *tables, size_t count)
{
    size_t letters = 0, longs = 0;
    g->count = 0;
    g->letters[letters++] = ':'; /* tell a missing value (':') from an unknown option ('?') */
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            if (tables[t].rows[i].type != OPTION_TEXT)
                grammar_add(g, &tables[t].rows[i], tables[t].config, &letters, &longs);
        }
    }
    g->letters[letters] = '\0';
    g->longs[longs] = (struct option){0};
}

/* The row of what getopt_long() returned; NULL: it was no option of ours. */
static const struct slot *
grammar_find(const struct grammar *g, int value)
{
    if (value >= VALUE_OF_ROW)
        return &g->slots[value - VALUE_OF_ROW];
    for (size_t i = 0; i < g->count; i++) {
        if (value != '?' && value != ':' && g->slots[i].def->letter == value)
            return &g->slots[i];
    }
    return NULL;
}

/* The last line is memcached's, for whoever looks for it; the first says which option it was. */
static enum option_status
fail_getopt(int value, char *const argv[], struct option_report *report)
{
    char option[64];
    if (optopt > 0 && optopt < VALUE_OF_ROW)
        snprintf(option, sizeof option, "-%c", optopt);
    else
        snprintf(option, sizeof option, "%s", argv[optind - 1]);
    const char *what = value == ':' ? "needs a value" : "is no option, or does not take this form";
    return option_fail(report, EXIT_FAILURE, "%s %s\nIllegal argument \"?\"", option, what);
}

/* ---- the list of -o ---- */

/* Does 'text' name this row, and if it is the opposite of a switch, say so. */
static bool
extended_matches(const struct option_def *def, const char *text, bool *negated)
{
    *negated = false;
    if (def->extended == NULL)
        return false;
    if (strcmp(def->extended, text) == 0)
        return true;
    *negated = def->type == OPTION_SWITCH && strncmp(text, "no_", 3) == 0 &&
               strcmp(def->extended, text + 3) == 0;
    return *negated;
}

static enum option_status
store_suboption(const struct slot *slot, bool negated, const char *value,
                struct option_report *report)
{
    const struct option_def *def = slot->def;
    char label[OPTION_LABEL_BYTES];
    if (def->type == OPTION_REFUSED || def->type == OPTION_IGNORED)
        return store(slot, value, report);
    if (def->arg == NULL && value != NULL) {
        log_line(LOG_WARN, "%s takes no value: \"%s\" is ignored", option_label(def, label), value);
        value = NULL;
    }
    if (def->arg != NULL && value == NULL && !def->optional)
        return option_fail(report, EXIT_FAILURE, "%s needs a value", option_label(def, label));
    if (negated) {
        *(bool *)((char *)slot->config + def->offset) = false;
        return OPTION_OK;
    }
    return store(slot, value, report);
}

/* One entry of the list, "name" or "name=value"; cuts it at the '='. */
static enum option_status
parse_suboption(const struct grammar *g, char *entry, struct option_report *report)
{
    char *equals = strchr(entry, '=');
    if (equals != NULL)
        *equals = '\0';
    for (size_t i = 0; i < g->count; i++) {
        bool negated;
        if (extended_matches(g->slots[i].def, entry, &negated))
            return store_suboption(&g->slots[i], negated, equals != NULL ? equals + 1 : NULL,
                                   report);
    }
    if (equals != NULL)
        *equals = '='; /* the message shows all of it, as memcached's does */
    return option_fail(report, EXIT_FAILURE, "Illegal suboption \"%.200s\"", entry);
}

static enum option_status
parse_extended(const struct grammar *g, const char *list, struct option_report *report)
{
    while (*list != '\0') {
        char entry[SUBOPTION_BYTES];
        size_t len = strcspn(list, ",");
        if (len >= sizeof entry)
            return option_fail(report, EXIT_FAILURE, "-o: an entry of the list is longer than %d",
                               SUBOPTION_BYTES - 1);
        memcpy(entry, list, len);
        entry[len] = '\0';
        enum option_status status = parse_suboption(g, entry, report);
        if (status != OPTION_OK)
            return status;
        list += len;
        list += *list == ',';
    }
    return OPTION_OK;
}

/* ---- values ---- */

static void *
field_of(const struct slot *slot, size_t bytes)
{
    CHECK(slot->def->bytes == bytes);
    return (char *)slot->config + slot->def->offset;
}

static enum option_status
fail_range(const struct option_def *def, const char *text, struct option_report *report)
{
    char what[96];
    if (def->type != OPTION_DOUBLE)
        snprintf(what, sizeof what, "a number from %.0f to %.0f", def->min, def->max);
    else if (def->max == DBL_MAX)
        snprintf(what, sizeof what, "a number %s %g", def->takes_min ? "from" : "above", def->min);
    else if (def->takes_min)
        snprintf(what, sizeof what, "a number from %g to %g", def->min, def->max);
    else
        snprintf(what, sizeof what, "a number above %g and up to %g", def->min, def->max);
    return option_fail_value(report, def, text, what);
}

static enum option_status
store_integer(const struct slot *slot, const char *text, struct option_report *report)
{
    const struct option_def *def = slot->def;
    int64_t v;
    if (!num_parse_i64(span_of(text, strlen(text)), &v) || (double)v < def->min ||
        (double)v > def->max)
        return fail_range(def, text, report);
    if (def->type == OPTION_U32)
        *(uint32_t *)field_of(slot, sizeof(uint32_t)) = (uint32_t)v;
    else
        *(int32_t *)field_of(slot, sizeof(int32_t)) = (int32_t)v;
    return OPTION_OK;
}

static enum option_status
store_double(const struct slot *slot, const char *text, struct option_report *report)
{
    const struct option_def *def = slot->def;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v) || v > def->max ||
        v < def->min || (v == def->min && !def->takes_min))
        return fail_range(def, text, report);
    *(double *)field_of(slot, sizeof(double)) = v;
    return OPTION_OK;
}

static enum option_status
store_octal(const struct slot *slot, const char *text, struct option_report *report)
{
    const struct option_def *def = slot->def;
    size_t len = strlen(text);
    unsigned long v = len > 0 && len <= 7 ? strtoul(text, NULL, 8) : ULONG_MAX;
    if (strspn(text, "01234567") != len || (double)v < def->min || (double)v > def->max) {
        char what[64];
        snprintf(what, sizeof what, "an octal number from %o to %o", (unsigned)def->min,
                 (unsigned)def->max);
        return option_fail_value(report, def, text, what);
    }
    *(unsigned *)field_of(slot, sizeof(unsigned)) = (unsigned)v;
    return OPTION_OK;
}

/* What the suffix of a size stands for, in bytes; 0: no suffix. */
static double
suffix_unit(char c)
{
    switch (c) {
    case 'k':
    case 'K':
        return 1024;
    case 'm':
    case 'M':
        return 1024 * 1024;
    case 'g':
    case 'G':
        return 1024 * 1024 * 1024;
    default:
        return 0;
    }
}

/* A size as a user would write it. */
static void
format_size(char *to, size_t room, double bytes)
{
    static const char *const suffixes[] = {"", "k", "m", "g"};
    uint64_t n = (uint64_t)bytes;
    size_t i = 0;
    for (; n > 0 && n % 1024 == 0 && i + 1 < ARRAY_COUNT(suffixes); i++)
        n /= 1024;
    snprintf(to, room, "%" PRIu64 "%s", n, suffixes[i]);
}

static enum option_status
fail_size(const struct option_def *def, const char *text, struct option_report *report)
{
    char least[32], most[32], what[96];
    format_size(least, sizeof least, def->min);
    format_size(most, sizeof most, def->max);
    snprintf(what, sizeof what, "a size from %s to %s", least, most);
    return option_fail_value(report, def, text, what);
}

static enum option_status
store_size(const struct slot *slot, const char *text, struct option_report *report)
{
    const struct option_def *def = slot->def;
    size_t len = strlen(text);
    double unit = len > 0 ? suffix_unit(text[len - 1]) : 0;
    uint32_t number; /* times 2^30 still fits 64 bits, and a double up to 2^53 exactly */
    if (unit != 0)
        len--;
    else
        unit = def->unit != 0 ? def->unit : 1;
    if (!num_parse_u32(span_of(text, len), &number) || number * unit < def->min ||
        number * unit > def->max)
        return fail_size(def, text, report);
    if (def->type == OPTION_SIZE)
        *(uint64_t *)field_of(slot, sizeof(uint64_t)) = number * (uint64_t)unit;
    else
        *(uint32_t *)field_of(slot, sizeof(uint32_t)) = (uint32_t)(number * (uint64_t)unit);
    return OPTION_OK;
}

static enum option_status
store(const struct slot *slot, const char *text, struct option_report *report)
{
    const struct option_def *def = slot->def;
    char label[OPTION_LABEL_BYTES];
    switch (def->type) {
    case OPTION_FLAG:
    case OPTION_SWITCH:
        *(bool *)field_of(slot, sizeof(bool)) = true;
        return OPTION_OK;
    case OPTION_NO_FLAG:
        *(bool *)field_of(slot, sizeof(bool)) = false;
        return OPTION_OK;
    case OPTION_COUNT:
        (*(unsigned *)field_of(slot, sizeof(unsigned)))++;
        return OPTION_OK;
    case OPTION_U32:
    case OPTION_I32:
        return store_integer(slot, text, report);
    case OPTION_DOUBLE:
        return store_double(slot, text, report);
    case OPTION_SIZE:
    case OPTION_SIZE32:
        return store_size(slot, text, report);
    case OPTION_OCTAL:
        return store_octal(slot, text, report);
    case OPTION_STRING:
        if (option_set_string(field_of(slot, sizeof(char *)), text))
            return OPTION_OK;
        return option_fail(report, EX_OSERR, "out of memory");
    case OPTION_CUSTOM:
        return def->parse(slot->config, def, text, report);
    case OPTION_IGNORED:
        return OPTION_OK;
    case OPTION_REFUSED:
        return option_fail(report, EXIT_FAILURE, "%s: %s", option_label(def, label), def->help);
    case OPTION_EXTENDED:
    case OPTION_TEXT:
        break;
    }
    CHECK_NOT_REACHED();
}

/* ---- the help ---- */

/* "-t, --threads=<num>", as memcached's help has it. */
static void
format_left(const struct option_def *def, char *to, size_t bytes)
{
    char arg[32] = "";
    if (def->extended != NULL) {
        snprintf(to, bytes, "   - %s:", def->extended);
        return;
    }
    if (def->arg != NULL)
        snprintf(arg, sizeof arg, "%s<%s>", def->name != NULL ? "=" : " ", def->arg);
    if (def->letter != 0 && def->name != NULL)
        snprintf(to, bytes, "-%c, --%s%s", def->letter, def->name, arg);
    else if (def->letter != 0)
        snprintf(to, bytes, "-%c%s", def->letter, arg);
    else
        snprintf(to, bytes, "--%s%s", def->name, arg);
}

/* The help text, lines below each other, with the default at its end. */
static void
print_right(FILE *to, const struct option_def *def)
{
    char fallback[64] = "";
    if (def->fallback != NULL && (def->arg != NULL || def->type == OPTION_SWITCH))
        snprintf(fallback, sizeof fallback, "(default: %s)", def->fallback);
    size_t len;
    for (const char *line = def->help;; line += len + 1) {
        len = strcspn(line, "\n");
        fprintf(to, " %.*s", (int)len, line);
        if (line[len] == '\0')
            break;
        fprintf(to, "\n%*s", HELP_COLUMN - 1, "");
    }
    if (*fallback != '\0' && HELP_COLUMN + len + 1 + strlen(fallback) > HELP_WIDTH)
        fprintf(to, "\n%*s", HELP_COLUMN - 1, "");
    fprintf(to, "%s%s\n", *fallback != '\0' ? " " : "", fallback);
}

static void
print_row(FILE *to, const struct option_def *def)
{
    if (def->type == OPTION_TEXT) {
        fprintf(to, "%s\n", def->help);
        return;
    }
    char left[64];
    format_left(def, left, sizeof left);
    fprintf(to, "%-*s", HELP_COLUMN - 1, left);
    print_right(to, def);
}

static void
print_names(FILE *to, const struct option_table *table)
{
    int column = 0;
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->rows[i].extended;
        if (name == NULL || table->rows[i].help == NULL)
            continue;
        int len = (int)strlen(name);
        if (column != 0 && column + 2 + len > HELP_WIDTH) {
            fputs(",\n", to);
            column = 0;
        }
        column += fprintf(to, "%s%s", column == 0 ? "     " : ", ", name);
    }
    if (column != 0)
        fputc('\n', to);
}

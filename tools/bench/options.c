#include "config.h"
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/num.h"
#include "keyspace.h"
#include "value.h"

#define TIME_S_DEFAULT 10

enum option_type {
    TYPE_FLAG,   /* bool */
    TYPE_NUMBER, /* uint64_t, min..max */
    TYPE_REAL,   /* double, min..max */
    TYPE_TEXT,   /* const char * */
    TYPE_SIZES,  /* struct sizes, min..max */
    TYPE_PROTOCOL,
    TYPE_RATIO,  /* two uint64_t, the field and the next */
    TYPE_HELP,
    TYPE_VERSION,
};

struct option_row {
    const char *name;
    const char *argument; /* NULL: takes none */
    enum option_type type;
    size_t offset;
    uint64_t min, max;
    const char *initial; /* NULL: zero */
    const char *help;    /* lines split at '\n' */
};

#define FIELD(name) offsetof(struct options, name)

static const struct option_row rows[] = {
    {"server", "ADDRESS", TYPE_TEXT, FIELD(server), 0, 0, "127.0.0.1:11211",
     "HOST:PORT, [V6]:PORT or the path of a unix socket"},
    {"protocol", "NAME", TYPE_PROTOCOL, FIELD(protocol), 0, 0, "text",
     "text, meta (mg, ms) or binary; a multiget of the latter two\nis a batch of quiet gets"},
    {"connections", "N", TYPE_NUMBER, FIELD(connections), 1, 1000000, "50", "connections in all"},
    {"threads", "N", TYPE_NUMBER, FIELD(threads), 1, 256, "1", "threads that share them"},
    {"depth", "N", TYPE_NUMBER, FIELD(depth), 1, 1000000, "1",
     "requests written at once on a connection; the next follow\nwhen all are answered"},
    {"ratio", "GET:SET", TYPE_RATIO, FIELD(gets), 0, 1000000, "90:10", "how many of each"},
    {"multiget", "N", TYPE_NUMBER, FIELD(multiget), 1, 1000000, "1", "keys in one get"},
    {"keys", "N", TYPE_NUMBER, FIELD(keys), 1, UINT32_MAX, "100000", "distinct keys"},
    {"key-bytes", "SIZES", TYPE_SIZES, FIELD(key_bytes), 1, KEY_BYTES_MAX, "20",
     "length of a key: N or A-B"},
    {"key-prefix", "TEXT", TYPE_TEXT, FIELD(key_prefix), 0, 0,
     "ketch-bench:", "what keys begin with"},
    {"value-bytes", "SIZES", TYPE_SIZES, FIELD(value_bytes), 0, VALUE_BYTES_MAX, "100",
     "length of a value: N, A-B, or meta: heavy-tailed, median 159,\np99 959, mean 335"},
    {"exptime", "S", TYPE_NUMBER, FIELD(exptime), 0, UINT32_MAX, "0", "exptime of what is stored"},
    {"zipf", "S", TYPE_REAL, FIELD(zipf), 0, 10, "0",
     "popularity of the n-th key ~ 1 / n^S; 0: all the same"},
    {"in-order", NULL, TYPE_FLAG, FIELD(in_order), 0, 0, NULL,
     "take the keys one after the other, not at random"},
    {"look-aside", NULL, TYPE_FLAG, FIELD(look_aside), 0, 0, NULL,
     "set each key that a get missed"},
    {"seed", "N", TYPE_NUMBER, FIELD(seed), 0, UINT64_MAX, "1", "of the random choice of keys"},
    {"time", "S", TYPE_REAL, FIELD(time_s), 0, 1000000, NULL,
     "end after S seconds (10, if there is no --count)"},
    {"count", "N", TYPE_NUMBER, FIELD(count), 0, UINT64_MAX, NULL, "end after N requests"},
    {"timeout", "S", TYPE_REAL, FIELD(timeout_s), 0, 100000, "10",
     "give up when nothing is answered for S seconds"},
    {"rate", "N", TYPE_NUMBER, FIELD(rate), 0, 1000000000, NULL,
     "requests a second, evenly spaced; latency then counts from\n"
     "the moment a request was due, sent or not"},
    {"preload", NULL, TYPE_FLAG, FIELD(preload), 0, 0, NULL,
     "first store every key once, in order"},
    {"only-preload", NULL, TYPE_FLAG, FIELD(only_preload), 0, 0, NULL, "and nothing else"},
    {"verify", NULL, TYPE_FLAG, FIELD(verify), 0, 0, NULL,
     "store values that prove whose they are, and check all that\n"
     "come back; what is in the server must be stored like that"},
    {"idle", "N", TYPE_NUMBER, FIELD(idle), 0, 1000000, NULL,
     "hold N more connections that do nothing"},
    {"pid", "PID", TYPE_NUMBER, FIELD(pid), 1, INT32_MAX, NULL,
     "the server's process: report its CPU time and memory"},
    {"json", "FILE", TYPE_TEXT, FIELD(json_path), 0, 0, NULL,
     "write the report to FILE as JSON too; - is standard output"},
    {"progress", NULL, TYPE_FLAG, FIELD(progress), 0, 0, NULL,
     "a line each second (always on a terminal)"},
    {"help", NULL, TYPE_HELP, 0, 0, 0, NULL, "show this"},
    {"version", NULL, TYPE_VERSION, 0, 0, 0, NULL, "show the version"},
};

#define ROWS ARRAY_COUNT(rows)

static bool
parse_real(const char *text, const struct option_row *row, double *out)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !isfinite(v) || v < (double)row->min ||
        v > (double)row->max)
        return false;
    *out = v;
    return true;
}

static bool
parse_number(struct span text, const struct option_row *row, uint64_t *out)
{
    uint64_t v;
    if (!num_parse_u64(text, &v) || v < row->min || v > row->max)
        return false;
    *out = v;
    return true;
}

static bool
parse_ratio(const char *text, const struct option_row *row, uint64_t pair[2])
{
    const char *colon = strchr(text, ':');
    return colon != NULL && parse_number(span_of(text, (size_t)(colon - text)), row, &pair[0]) &&
           parse_number(span_of(colon + 1, strlen(colon + 1)), row, &pair[1]) &&
           pair[0] + pair[1] > 0;
}

const char *
options_protocol_name(enum protocol p)
{
    static const char *const names[PROTOCOLS] = {"text", "meta", "binary"};
    return names[p];
}

static bool
parse_protocol(const char *text, enum protocol *out)
{
    for (*out = 0; *out < PROTOCOLS; ++*out)
        if (strcmp(text, options_protocol_name(*out)) == 0)
            return true;
    return false;
}

static bool
set_field(struct options *o, const struct option_row *row, const char *text)
{
    void *field = (char *)o + row->offset;
    switch (row->type) {
    case TYPE_FLAG:
        *(bool *)field = true;
        return true;
    case TYPE_NUMBER:
        return parse_number(span_of(text, strlen(text)), row, field);
    case TYPE_REAL:
        return parse_real(text, row, field);
    case TYPE_TEXT:
        *(const char **)field = text;
        return true;
    case TYPE_SIZES:
        sizes_fini(field);
        return sizes_parse(field, text, (uint32_t)row->min, (uint32_t)row->max);
    case TYPE_PROTOCOL:
        return parse_protocol(text, field);
    case TYPE_RATIO:
        return parse_ratio(text, row, field);
    default:
        return false;
    }
}

static void
print_row(const struct option_row *row)
{
    char left[40];
    snprintf(left, sizeof(left), "  --%s%s%s", row->name, row->argument != NULL ? " " : "",
             row->argument != NULL ? row->argument : "");
    const char *line = row->help;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        printf("%-24s%.*s\n", left, (int)(end - line), line);
        left[0] = '\0';
    }
    printf("%-24s%s", left, line);
    printf(row->initial != NULL ? " [%s]\n" : "\n", row->initial);
}

static void
print_help(void)
{
    puts("Usage: ketch-bench [OPTION]...\n"
         "Puts a memcached under load and reports throughput, latency and, given its --pid, what a\n"
         "request costs the server.\n");
    for (size_t i = 0; i < ROWS; i++)
        print_row(&rows[i]);
    puts(
        "\nThe exit status is 0 if all went well, 1 if the server answered with an error, a wrong\n"
        "value or not at all, 2 if the run could not start.\n\n"
        "Fill a server, then load it with gets of 10 keys for 5 seconds:\n"
        "  ketch-bench --preload --ratio 1:0 --multiget 10 --time 5\n"
        "The latency at a fixed load, on sizes as they occur:\n"
        "  ketch-bench --preload --value-bytes meta --zipf 0.99 --rate 50000");
}

static bool
complain(const char *what, const char *text)
{
    fprintf(stderr, "ketch-bench: %s%s\n", what, text);
    return false;
}

/* What the single rows cannot see, and the values that depend on other options. */
static bool
settle(struct options *o)
{
    if (o->depth * o->multiget > OPTIONS_KEYS_UNDER_WAY_MAX)
        return complain("--depth times --multiget is too large", "");
    if (o->connections < o->threads)
        return complain("each thread needs a connection: fewer --threads or more --connections",
                        "");
    if (o->key_bytes.shape != SIZES_RANGE)
        return complain("--key-bytes takes N or A-B", "");
    if (strpbrk(o->key_prefix, " \t\r\n") != NULL)
        return complain("--key-prefix must hold no blank and no line end", "");
    if (o->timeout_s == 0)
        return complain("--timeout must be more than 0", "");
    if (o->only_preload)
        o->preload = true;
    if (o->count == 0 && o->time_s == 0)
        o->time_s = TIME_S_DEFAULT;
    if (isatty(STDERR_FILENO))
        o->progress = true;
    return true;
}

static const struct option_row *
next_row(int argc, char **argv, bool *bad)
{
    struct option longs[ROWS + 1] = {0};
    for (size_t i = 0; i < ROWS; i++)
        longs[i] = (struct option){
            rows[i].name, rows[i].argument != NULL ? required_argument : no_argument, NULL, 0};
    int index = 0;
    int c = getopt_long(argc, argv, "", longs, &index);
    *bad = c > 0;
    return c == 0 ? &rows[index] : NULL;
}

enum options_outcome
options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){0};
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].initial != NULL && !set_field(o, &rows[i], rows[i].initial))
            return OPTIONS_BAD;
    bool bad = false;
    for (const struct option_row *row; (row = next_row(argc, argv, &bad)) != NULL;) {
        if (row->type == TYPE_HELP) {
            print_help();
            return OPTIONS_HELP;
        }
        if (row->type == TYPE_VERSION) {
            puts("ketch-bench " PACKAGE_VERSION);
            return OPTIONS_HELP;
        }
        if (!set_field(o, row, optarg)) {
            fprintf(stderr, "ketch-bench: bad value for --%s: %s\n", row->name, optarg);
            return OPTIONS_BAD;
        }
    }
    if (!bad && optind < argc)
        bad = !complain("this is no option: ", argv[optind]);
    if (bad)
        fputs("ketch-bench --help shows what there is\n", stderr);
    return !bad && settle(o) ? OPTIONS_RUN : OPTIONS_BAD;
}

void
options_fini(struct options *o)
{
    sizes_fini(&o->key_bytes);
    sizes_fini(&o->value_bytes);
}

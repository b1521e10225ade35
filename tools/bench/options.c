#include "options.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "load/keyspace.h"
#include "load/value.h"

#define TIME_S_DEFAULT 10

enum {
    TYPE_PROTOCOL = CLI_OWN,
    TYPE_RATIO, /* two uint64_t, the field and the next */
};

static cli_parse_fn parse_own;

#define FIELD(name) offsetof(struct options, name)

static const struct cli_row rows[] = {
    {"server", "ADDRESS", CLI_TEXT, FIELD(server), 0, 0, "127.0.0.1:11211",
     "HOST:PORT, [V6]:PORT or the path of a unix socket"},
    {"protocol", "NAME", TYPE_PROTOCOL, FIELD(protocol), 0, 0, "text",
     "text, meta (mg, ms) or binary; a multiget of the latter two\nis a batch of quiet gets"},
    {"connections", "N", CLI_NUMBER, FIELD(connections), 1, 1000000, "50", "connections in all"},
    {"threads", "N", CLI_NUMBER, FIELD(threads), 1, 256, "1", "threads that share them"},
    {"depth", "N", CLI_NUMBER, FIELD(depth), 1, 1000000, "1",
     "requests written at once on a connection; the next follow\nwhen all are answered"},
    {"ratio", "GET:SET", TYPE_RATIO, FIELD(gets), 0, 1000000, "90:10", "how many of each"},
    {"multiget", "N", CLI_NUMBER, FIELD(multiget), 1, 1000000, "1", "keys in one get"},
    {"keys", "N", CLI_NUMBER, FIELD(keys), 1, UINT32_MAX, "100000", "distinct keys"},
    {"key-bytes", "SIZES", CLI_SIZES, FIELD(key_bytes), 1, KEY_BYTES_MAX, "20",
     "length of a key: N or A-B"},
    {"key-prefix", "TEXT", CLI_TEXT, FIELD(key_prefix), 0, 0,
     "ketch-bench:", "what keys begin with"},
    {"value-bytes", "SIZES", CLI_SIZES, FIELD(value_bytes), 0, VALUE_BYTES_MAX, "100",
     "length of a value: N, A-B, or meta: heavy-tailed, median 159,\np99 959, mean 335"},
    {"exptime", "S", CLI_NUMBER, FIELD(exptime), 0, UINT32_MAX, "0", "exptime of what is stored"},
    {"zipf", "S", CLI_REAL, FIELD(zipf), 0, 10, "0",
     "popularity of the n-th key ~ 1 / n^S; 0: all the same"},
    {"in-order", NULL, CLI_FLAG, FIELD(in_order), 0, 0, NULL,
     "take the keys one after the other, not at random"},
    {"look-aside", NULL, CLI_FLAG, FIELD(look_aside), 0, 0, NULL, "set each key that a get missed"},
    {"seed", "N", CLI_NUMBER, FIELD(seed), 0, UINT64_MAX, "1", "of the random choice of keys"},
    {"time", "S", CLI_REAL, FIELD(time_s), 0, 1000000, NULL,
     "end after S seconds (10, if there is no --count)"},
    {"count", "N", CLI_NUMBER, FIELD(count), 0, UINT64_MAX, NULL, "end after N requests"},
    {"timeout", "S", CLI_REAL, FIELD(timeout_s), 0, 100000, "10",
     "give up when nothing is answered for S seconds"},
    {"rate", "N", CLI_NUMBER, FIELD(rate), 0, 1000000000, NULL,
     "requests a second, evenly spaced; latency then counts from\n"
     "the moment a request was due, sent or not"},
    {"preload", NULL, CLI_FLAG, FIELD(preload), 0, 0, NULL, "first store every key once, in order"},
    {"only-preload", NULL, CLI_FLAG, FIELD(only_preload), 0, 0, NULL, "and nothing else"},
    {"verify", NULL, CLI_FLAG, FIELD(verify), 0, 0, NULL,
     "store values that prove whose they are, and check all that\n"
     "come back; what is in the server must be stored like that"},
    {"idle", "N", CLI_NUMBER, FIELD(idle), 0, 1000000, NULL,
     "hold N more connections that do nothing"},
    {"pid", "PID", CLI_NUMBER, FIELD(pid), 1, INT32_MAX, NULL,
     "the server's process: report its CPU time and memory"},
    {"json", "FILE", CLI_TEXT, FIELD(json_path), 0, 0, NULL,
     "write the report to FILE as JSON too; - is standard output"},
    {"progress", NULL, CLI_FLAG, FIELD(progress), 0, 0, NULL,
     "a line each second (always on a terminal)"},
    {"help", NULL, CLI_HELP, 0, 0, 0, NULL, "show this"},
    {"version", NULL, CLI_VERSION, 0, 0, 0, NULL, "show the version"},
};

static const struct cli cli = {
    .program = "ketch-bench",
    .usage =
        "Usage: ketch-bench [OPTION]...\n"
        "Puts a memcached under load and reports throughput, latency and, given its --pid, what a\n"
        "request costs the server.\n",
    .epilog =
        "\nThe exit status is 0 if all went well, 1 if the server answered with an error, a wrong\n"
        "value or not at all, 2 if the run could not start.\n\n"
        "Fill a server, then load it with gets of 10 keys for 5 seconds:\n"
        "  ketch-bench --preload --ratio 1:0 --multiget 10 --time 5\n"
        "The latency at a fixed load, on sizes as they occur:\n"
        "  ketch-bench --preload --value-bytes meta --zipf 0.99 --rate 50000",
    .rows = rows,
    .count = ARRAY_COUNT(rows),
    .parse_own = parse_own,
};

static bool
parse_ratio(const struct cli_row *row, const char *text, uint64_t pair[2])
{
    const char *colon = strchr(text, ':');
    return colon != NULL &&
           cli_parse_number(span_of(text, (size_t)(colon - text)), row, &pair[0]) &&
           cli_parse_number(span_of(colon + 1, strlen(colon + 1)), row, &pair[1]) &&
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
parse_own(const struct cli_row *row, const char *text, void *field)
{
    return row->type == TYPE_RATIO ? parse_ratio(row, text, field) : parse_protocol(text, field);
}

/* What the single rows cannot see, and the values that depend on other options. */
static bool
settle(struct options *o)
{
    if (o->depth * o->multiget > OPTIONS_KEYS_UNDER_WAY_MAX)
        return cli_complain(&cli, "--depth times --multiget is too large", "");
    if (o->connections < o->threads)
        return cli_complain(
            &cli, "each thread needs a connection: fewer --threads or more --connections", "");
    if (strpbrk(o->key_prefix, " \t\r\n") != NULL)
        return cli_complain(&cli, "--key-prefix must hold no blank and no line end", "");
    if (o->timeout_s == 0)
        return cli_complain(&cli, "--timeout must be more than 0", "");
    if (o->only_preload)
        o->preload = true;
    if (o->count == 0 && o->time_s == 0)
        o->time_s = TIME_S_DEFAULT;
    if (isatty(STDERR_FILENO))
        o->progress = true;
    return true;
}

enum cli_outcome
options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){0};
    enum cli_outcome outcome = cli_parse(&cli, o, argc, argv);
    return outcome == CLI_RUN && !settle(o) ? CLI_BAD : outcome;
}

void
options_fini(struct options *o)
{
    cli_fini(&cli, o);
}

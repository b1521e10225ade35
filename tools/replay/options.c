#include "replay/options.h"

#include <string.h>
#include <unistd.h>
#include "load/keyspace.h"
#include "load/value.h"

/* Of a generated trace, unless --requests says otherwise. */
#define REQUESTS_GENERATED 2000000

#define TYPE_GENERATOR CLI_OWN

static cli_parse_fn parse_own;

#define FIELD(name) offsetof(struct options, name)

static const struct cli_row rows[] = {
    {"server", "ADDRESS", CLI_TEXT, FIELD(server), 0, 0, "127.0.0.1:11211",
     "HOST:PORT, [V6]:PORT or the path of a unix socket"},
    {"vs", "ADDRESS", CLI_TEXT, FIELD(versus), 0, 0, NULL,
     "then replay the same to this server, and compare"},
    {"trace", "FILE", CLI_TEXT, FIELD(trace_path), 0, 0, NULL,
     "*.csv: lines of key,size[,ttl]; else N object numbers and\n"
     "N sizes (key + value, 0: not known), 32 bits little-endian,\n"
     "objects numbered by first use; either may end in .xz"},
    {"generate", "KIND", TYPE_GENERATOR, FIELD(generator), 0, 0, NULL,
     "instead of a trace: zipf; shift, whose sizes change in\n"
     "steps; or scan, zipf with scans in between"},
    {"objects", "N", CLI_NUMBER, FIELD(objects), 10, 100000000, "200000",
     "of a generated trace, at one time"},
    {"zipf", "S", CLI_REAL, FIELD(zipf), 0, 10, "0.9", "popularity of its n-th object ~ 1 / n^S"},
    {"churn", "SHARE", CLI_REAL, FIELD(churn), 0, 1, "0.01", "new objects in it, for each request"},
    {"seed", "N", CLI_NUMBER, FIELD(seed), 0, UINT64_MAX, "1", "the same makes the same requests"},
    {"first", "N", CLI_NUMBER, FIELD(first), 1, TRACE_REQUESTS_MAX, NULL,
     "use only the first N requests of the trace"},
    {"copies", "N", CLI_NUMBER, FIELD(copies), 1, 100000, "1",
     "interleave N copies with keys of their own, which begin at\n"
     "different places of the trace: N times the memory"},
    {"requests", "N", CLI_NUMBER, FIELD(requests), 1, UINT64_MAX, NULL,
     "end after N requests of all copies; of a generated trace,\nits length (2000000)"},
    {"key-bytes", "SIZES", CLI_SIZES, FIELD(key_bytes), 1, KEY_BYTES_MAX, "30",
     "length of a key: N or A-B"},
    {"key-prefix", "TEXT", CLI_TEXT, FIELD(key_prefix), 0, 0,
     "ketch-replay:", "what keys begin with"},
    {"value-bytes", "SIZES", CLI_SIZES, FIELD(value_bytes), 0, VALUE_BYTES_MAX, "meta",
     "length of values of which the trace says nothing: N, A-B,\n"
     "or meta: heavy-tailed, median 159, p99 959, mean 335"},
    {"size-cap", "BYTES", CLI_NUMBER, FIELD(size_cap), 0, VALUE_BYTES_MAX, "1000000",
     "cut larger values to this"},
    {"batch", "N", CLI_NUMBER, FIELD(player.batch), 1, PLAYER_BATCH_MAX, "100",
     "keys of a get; fewer where a key repeats, which keeps the\n"
     "outcome the same as one by one"},
    {"rate", "N", CLI_NUMBER, FIELD(player.rate), 0, 1000000000, NULL,
     "requests a second; without, as fast as the server can"},
    {"time", "S", CLI_REAL, FIELD(player.time_s), 0, 1000000, NULL, "end after S seconds"},
    {"timeout", "S", CLI_REAL, FIELD(player.timeout_s), 0, 100000, "10",
     "give up when the server does not answer for S seconds"},
    {"pid", "PID", CLI_NUMBER, FIELD(player.pid), 1, INT32_MAX, NULL,
     "the server's process, for its memory; without, as the server\nsays, if it is on this "
     "machine"},
    {"dry-run", NULL, CLI_FLAG, FIELD(dry_run), 0, 0, NULL,
     "only say how many requests of how many bytes there are"},
    {"json", "FILE", CLI_TEXT, FIELD(json_path), 0, 0, NULL,
     "write the report to FILE as JSON too; - is standard output"},
    {"progress", NULL, CLI_FLAG, FIELD(player.progress), 0, 0, NULL,
     "a line each second (always on a terminal)"},
    {"help", NULL, CLI_HELP, 0, 0, 0, NULL, "show this"},
    {"version", NULL, CLI_VERSION, 0, 0, 0, NULL, "show the version"},
};

static const struct cli cli = {
    .program = "ketch-replay",
    .usage =
        "Usage: ketch-replay --trace FILE [OPTION]...\n"
        "       ketch-replay --generate KIND [OPTION]...\n"
        "Replays what an application asked of its cache to a memcached - get, and after a miss, "
        "set -\n"
        "and reports how much was missed.  Values are made from their keys, and every hit is "
        "checked.\n",
    .epilog =
        "\nThe exit status is 0 if all went well, 1 if the server answered with a wrong value or\n"
        "not as it should, 2 if the replay could not start.  A set that the server refuses with\n"
        "SERVER_ERROR is counted, and a miss the next time.\n\n"
        "How often do two servers miss under the same requests?\n"
        "  ketch-replay --trace orders.csv.xz --server old:11211 --vs new:11211\n"
        "How would this cache do with twenty applications like that one?\n"
        "  ketch-replay --trace orders.csv.xz --copies 20",
    .rows = rows,
    .count = ARRAY_COUNT(rows),
    .parse_own = parse_own,
};

static bool
parse_own(const struct cli_row *row, const char *text, void *field)
{
    (void)row; /* there is only one */
    enum generator *g = field;
    for (*g = GENERATE_ZIPF; *g < GENERATORS; ++*g)
        if (strcmp(text, generate_name(*g)) == 0)
            return true;
    return false;
}

/* What the single rows cannot see, and the values that depend on other options. */
static bool
settle(struct options *o)
{
    if ((o->trace_path == NULL) == (o->generator == GENERATE_NOTHING))
        return cli_complain(&cli, "there must be either --trace or --generate", "");
    if (strpbrk(o->key_prefix, " \t\r\n") != NULL)
        return cli_complain(&cli, "--key-prefix must hold no blank and no line end", "");
    if (o->player.timeout_s == 0 || o->zipf == 0)
        return cli_complain(&cli, "--timeout and --zipf must be more than 0", "");
    if (o->generator != GENERATE_NOTHING && o->requests == 0)
        o->requests = REQUESTS_GENERATED;
    if (o->generator != GENERATE_NOTHING && o->requests > TRACE_REQUESTS_MAX)
        return cli_complain(&cli, "--requests is too many for a generated trace", "");
    if (isatty(STDERR_FILENO))
        o->player.progress = true;
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

/* ketch-ring - shows where keys are placed, by any client's rules. */
#include <getopt.h>
#include <ketch/ring.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring/text.h"
#include "ring/verify.h"

enum { EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2, EJECTED_MAX = 1024, WARNINGS_MAX = 64 };

struct options {
    const char *preset, *to, *servers;
    uint32_t ejected[EJECTED_MAX];
    size_t ejected_count;
    bool encoded, quiet;
    char **arguments; /* behind the options */
    size_t argument_count;
};

struct command {
    const char *name, *arguments, *help;
    int (*run)(const struct options *o);
};

static int run_pick(const struct options *o);
static int run_walk(const struct options *o);
static int run_balance(const struct options *o);
static int run_points(const struct options *o);
static int run_diff(const struct options *o);
static int run_presets(const struct options *o);
static int run_verify(const struct options *o);

static const struct command commands[] = {
    {"pick", "--servers FILE [KEY...]", "which server has each key", run_pick},
    {"walk", "--servers FILE [KEY...]", "the servers of each key, in the order of succession", run_walk},
    {"balance", "--servers FILE [KEY...]", "how evenly keys are spread", run_balance},
    {"points", "--servers FILE", "names, points and shares of the servers", run_points},
    {"diff", "FILE FILE", "how many keys move from one pool to the other", run_diff},
    {"presets", "", "the names of the presets", run_presets},
    {"verify", "FILE.tsv...", "compare with what real clients answered", run_verify},
};

static void
usage(FILE *to)
{
    fputs("Usage: ketch-ring COMMAND [OPTION...] [ARGUMENT...]\n\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-8s%-26s%s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fputs("\n"
          "  -p, --preset SPEC    the client to place keys like (libmemcached-weighted)\n"
          "  -t, --to SPEC        diff: the same of the second pool\n"
          "  -s, --servers FILE   a server per line: host:port[:weight] [name]; - is standard input\n"
          "  -x, --eject ID       take this server (counted from 0) out; may be repeated\n"
          "  -e, --encoded        %XX in keys is a byte, when they are read and when they are shown\n"
          "  -q, --quiet          verify: show only what does not match\n"
          "  -h, --help           show this, and end\n"
          "\n"
          "Without a KEY, keys are read from standard input, one per line.\n",
          to);
}

static int
trouble(const char *what, const char *why)
{
    fprintf(stderr, "ketch-ring: %s%s%s\n", what, why[0] != '\0' ? ": " : "", why);
    return EXIT_TROUBLE;
}

/* ---- pools ---- */

static bool
fill(struct ketch_ring_builder *b, const struct ketch_server_list *list, const struct options *o)
{
    for (size_t i = 0; i < list->count; i++)
        if (ketch_ring_builder_add(b, &list->servers[i], NULL) != KETCH_OK) {
            trouble("a server cannot be added", list->servers[i].host);
            return false;
        }
    for (size_t i = 0; i < o->ejected_count; i++)
        if (ketch_ring_builder_set_live(b, o->ejected[i], false) != KETCH_OK) {
            trouble("there is no such server to eject", "");
            return false;
        }
    return true;
}

static struct ketch_ring *
build(const struct ketch_server_list *list, const char *spec, const struct options *o)
{
    char why[256];
    struct ketch_ring_builder *b;
    struct ketch_ring *ring = NULL;
    if (ketch_ring_builder_create(spec, &b, why, sizeof(why)) != KETCH_OK) {
        trouble(spec, why);
        return NULL;
    }
    if (fill(b, list, o) && ketch_ring_builder_build(b, &ring, why, sizeof(why)) != KETCH_OK)
        trouble("there is no ring", why);
    ketch_ring_builder_destroy(b);
    return ring;
}

static void
show_warnings(const struct ketch_ring *ring)
{
    const char *texts[WARNINGS_MAX];
    size_t count = ketch_ring_warnings(ring, texts, WARNINGS_MAX);
    for (size_t i = 0; i < count && i < WARNINGS_MAX; i++)
        fprintf(stderr, "ketch-ring: warning: %s\n", texts[i]);
}

/* The ring of a file; NULL after a message. */
static struct ketch_ring *
load(const char *path, const char *spec, const struct options *o)
{
    char why[256];
    size_t bytes;
    struct ketch_server_list list;
    char *text = text_read(path, &bytes);
    if (text == NULL)
        return NULL;
    struct ketch_ring *ring = NULL;
    if (ketch_server_list_parse(text, bytes, &list, why, sizeof(why)) != KETCH_OK) {
        trouble(path, why);
    } else {
        ring = build(&list, spec, o);
        ketch_server_list_free(&list);
    }
    free(text);
    if (ring != NULL)
        show_warnings(ring);
    return ring;
}

static struct ketch_ring *
load_servers(const struct options *o)
{
    if (o->servers != NULL)
        return load(o->servers, o->preset, o);
    trouble("--servers is missing", "");
    return NULL;
}

static void
print_server(const struct ketch_ring *ring, uint32_t id)
{
    struct ketch_server_view v;
    if (id == KETCH_RING_NONE || ketch_ring_server(ring, id, &v) != KETCH_OK)
        printf("-\t-");
    else if (v.server.host[0] == '/')
        printf("%u\t%s", id, v.server.host);
    else if (strchr(v.server.host, ':') != NULL)
        printf("%u\t[%s]:%u", id, v.server.host, v.server.port);
    else
        printf("%u\t%s:%u", id, v.server.host, v.server.port);
}

/* ---- keys ---- */

typedef void key_fn(const struct ketch_ring *ring, const struct options *o, const char *key,
                    size_t bytes, void *arg);

static bool
with_key(const struct ketch_ring *ring, const struct options *o, char *key, size_t bytes, key_fn *f,
         void *arg)
{
    if (o->encoded && !text_decode(key, &bytes)) {
        trouble("not an encoded key", key);
        return false;
    }
    f(ring, o, key, bytes, arg);
    return true;
}

static bool
with_lines(const struct ketch_ring *ring, const struct options *o, key_fn *f, void *arg)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t bytes;
    bool good = true;
    while (good && (bytes = getline(&line, &room, stdin)) >= 0) {
        if (bytes > 0 && line[bytes - 1] == '\n')
            line[--bytes] = '\0';
        good = with_key(ring, o, line, (size_t)bytes, f, arg);
    }
    free(line);
    return good;
}

static bool
with_keys(const struct ketch_ring *ring, const struct options *o, key_fn *f, void *arg)
{
    if (o->argument_count == 0)
        return with_lines(ring, o, f, arg);
    for (size_t i = 0; i < o->argument_count; i++)
        if (!with_key(ring, o, o->arguments[i], strlen(o->arguments[i]), f, arg))
            return false;
    return true;
}

static int
run_with_keys(const struct options *o, key_fn *f)
{
    struct ketch_ring *ring = load_servers(o);
    if (ring == NULL)
        return EXIT_TROUBLE;
    bool good = with_keys(ring, o, f, NULL);
    ketch_ring_unref(ring);
    return good ? 0 : EXIT_TROUBLE;
}

/* ---- commands ---- */

static void
pick_key(const struct ketch_ring *ring, const struct options *o, const char *key, size_t bytes,
         void *arg)
{
    (void)arg;
    text_print(key, bytes, o->encoded);
    putchar('\t');
    print_server(ring, ketch_ring_pick(ring, key, bytes));
    putchar('\n');
}

static int
run_pick(const struct options *o)
{
    return run_with_keys(o, pick_key);
}

static void
walk_key(const struct ketch_ring *ring, const struct options *o, const char *key, size_t bytes,
         void *arg)
{
    (void)arg;
    size_t max = ketch_ring_server_count(ring);
    uint32_t *ids = text_alloc(max, sizeof(*ids));
    size_t count = ketch_ring_walk(ring, key, bytes, ids, max);
    text_print(key, bytes, o->encoded);
    for (size_t i = 0; i < count; i++) {
        putchar('\t');
        print_server(ring, ids[i]);
    }
    putchar('\n');
    free(ids);
}

static int
run_walk(const struct options *o)
{
    return run_with_keys(o, walk_key);
}

static void
count_key(const struct ketch_ring *ring, const struct options *o, const char *key, size_t bytes,
          void *arg)
{
    (void)o;
    uint32_t id = ketch_ring_pick(ring, key, bytes);
    if (id != KETCH_RING_NONE)
        ((size_t *)arg)[id]++;
}

/* Of 'part', which is what each live server has of all: the largest, and the spread, by the mean. */
static void
print_balance(const struct ketch_ring *ring, const double *part, const char *what)
{
    double sum = 0, squares = 0, max = 0;
    size_t n = 0;
    for (uint32_t id = 0; id < ketch_ring_server_count(ring); id++) {
        struct ketch_server_view v;
        if (ketch_ring_server(ring, id, &v) != KETCH_OK || !v.live)
            continue;
        double by_weight = part[id] / v.server.weight;
        sum += by_weight;
        squares += by_weight * by_weight;
        max = by_weight > max ? by_weight : max;
        n++;
    }
    if (n == 0 || sum <= 0)
        return;
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    printf("# %s, by weight: %zu servers, largest %.4f of the mean, standard deviation %.2f %%\n", what,
           n, max / mean, variance > 0 ? 100 * sqrt(variance) / mean : 0.0);
}

static void
print_shares(const struct ketch_ring *ring, const size_t *keys, size_t total)
{
    size_t count = ketch_ring_server_count(ring);
    double *part = text_alloc(count, sizeof(*part));
    for (uint32_t id = 0; id < count; id++) {
        struct ketch_server_view v;
        if (ketch_ring_server(ring, id, &v) != KETCH_OK)
            continue;
        part[id] = v.share;
        print_server(ring, id);
        printf("\tweight %u\tshare %.4f %%", v.server.weight, 100 * v.share);
        if (total > 0)
            printf("\tkeys %zu (%.4f %%)", keys[id], 100.0 * (double)keys[id] / (double)total);
        putchar('\n');
    }
    print_balance(ring, part, "shares of the hash space");
    for (size_t i = 0; i < count; i++)
        part[i] = (double)keys[i];
    print_balance(ring, part, "keys");
    free(part);
}

static int
run_balance(const struct options *o)
{
    struct ketch_ring *ring = load_servers(o);
    if (ring == NULL)
        return EXIT_TROUBLE;
    size_t count = ketch_ring_server_count(ring), total = 0;
    size_t *keys = text_alloc(count, sizeof(*keys));
    /* Keys from standard input only if it was asked for: shares need none. */
    bool from_stdin = o->argument_count == 1 && strcmp(o->arguments[0], "-") == 0;
    bool good = from_stdin ? with_lines(ring, o, count_key, keys)
                           : o->argument_count == 0 || with_keys(ring, o, count_key, keys);
    for (size_t i = 0; i < count; i++)
        total += keys[i];
    if (good)
        print_shares(ring, keys, total);
    free(keys);
    ketch_ring_unref(ring);
    return good ? 0 : EXIT_TROUBLE;
}

static int
run_points(const struct options *o)
{
    struct ketch_ring *ring = load_servers(o);
    if (ring == NULL)
        return EXIT_TROUBLE;
    for (uint32_t id = 0; id < ketch_ring_server_count(ring); id++) {
        struct ketch_server_view v;
        if (ketch_ring_server(ring, id, &v) != KETCH_OK)
            continue;
        print_server(ring, id);
        printf("\thashed as ");
        text_print(v.hashed, v.hashed_bytes, true);
        printf("\tweight %u\tpoints %u\tshare %.4f %%%s\n", v.server.weight, v.points, 100 * v.share,
               v.live ? "" : "\tejected");
    }
    ketch_ring_unref(ring);
    return 0;
}

static int
run_diff(const struct options *o)
{
    if (o->argument_count != 2)
        return trouble("diff needs two files", "");
    struct ketch_ring *a = load(o->arguments[0], o->preset, o);
    struct ketch_ring *b = a != NULL ? load(o->arguments[1], o->to, o) : NULL;
    double moved = 0;
    int status = EXIT_TROUBLE;
    if (b != NULL && ketch_ring_diff(a, b, &moved) == KETCH_OK) {
        printf("%.4f %% of the keys have another server\n", 100 * moved);
        status = 0;
    }
    ketch_ring_unref(a);
    ketch_ring_unref(b);
    return status;
}

static int
run_presets(const struct options *o)
{
    (void)o;
    const char *name;
    for (unsigned i = 0; (name = ketch_ring_preset_name((enum ketch_ring_preset)i)) != NULL; i++)
        puts(name);
    return 0;
}

static int
run_verify(const struct options *o)
{
    struct verify_totals totals = {0, 0, 0, 0};
    bool read = o->argument_count > 0;
    for (size_t i = 0; i < o->argument_count; i++)
        read = verify_file(o->arguments[i], o->quiet, &totals) && read;
    printf("%zu files, %zu columns (%zu without a preset), matched %zu of %zu\n", o->argument_count,
           totals.columns, totals.columns_unknown, totals.checks - totals.mismatches, totals.checks);
    if (!read)
        return EXIT_TROUBLE;
    return totals.mismatches > 0 || totals.columns_unknown > 0 ? EXIT_DIFFERENT : 0;
}

/* ---- the command line ---- */

static bool
add_ejected(struct options *o, const char *text)
{
    char *end;
    unsigned long id = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || id >= KETCH_RING_SERVERS_MAX ||
        o->ejected_count == EJECTED_MAX)
        return false;
    o->ejected[o->ejected_count++] = (uint32_t)id;
    return true;
}

/* False after a message. */
static bool
read_options(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"preset", required_argument, NULL, 'p'},  {"to", required_argument, NULL, 't'},
        {"servers", required_argument, NULL, 's'}, {"eject", required_argument, NULL, 'x'},
        {"encoded", no_argument, NULL, 'e'},       {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "p:t:s:x:eqh", longs, NULL)) >= 0)
        switch (c) {
        case 'p':
            o->preset = optarg;
            break;
        case 't':
            o->to = optarg;
            break;
        case 's':
            o->servers = optarg;
            break;
        case 'x':
            if (!add_ejected(o, optarg)) {
                trouble("not a server's number", optarg);
                return false;
            }
            break;
        case 'e':
            o->encoded = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            return false;
        }
    if (o->to == NULL)
        o->to = o->preset;
    return true;
}

int
main(int argc, char **argv)
{
    static struct options o = {.preset = "libmemcached-weighted"};
    if (!read_options(&o, argc, argv))
        return EXIT_TROUBLE;
    const char *name = optind < argc ? argv[optind++] : "";
    o.arguments = argv + optind;
    o.argument_count = (size_t)(argc - optind);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(&o);
    usage(stderr);
    return EXIT_TROUBLE;
}

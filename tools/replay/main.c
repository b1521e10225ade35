/* ketch-replay: replays the requests of an application to a memcached, and reports what was missed.
 *
 *      options --> trace or generator --> order of copies --> player --> report
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load/address.h"
#include "load/buffer.h"
#include "replay/client.h"
#include "replay/options.h"
#include "replay/order.h"
#include "replay/player.h"
#include "replay/report.h"
#include "replay/trace.h"

enum exit_status {
    EXIT_WELL = 0,
    EXIT_ERRORS = 1, /* the server answered wrongly, or not at all */
    EXIT_NO_START = 2,
};

static bool
fail(const char *what)
{
    fprintf(stderr, "ketch-replay: %s\n", what);
    return false;
}

static bool
load(struct trace *t, const struct options *o)
{
    struct recipe recipe = {
        .generator = o->generator,
        .seed = o->seed,
        .requests = o->requests,
        .objects = (uint32_t)o->objects,
        .exponent = o->zipf,
        .churn = o->churn,
        .value_bytes = &o->value_bytes,
        .key_bytes = o->key_bytes.low,
    };
    if (o->trace_path != NULL && !trace_read(t, o->trace_path))
        return false;
    if (o->trace_path == NULL)
        generate(t, &recipe);
    if (o->first > 0)
        trace_cut(t, o->first);
    return true;
}

static bool
arrange(struct order *order, const struct trace *t, const struct options *o)
{
    uint64_t objects = (uint64_t)t->objects * o->copies;
    if (objects > ORDER_OBJECTS_MAX)
        return fail("that many --copies have too many objects");
    *order = (struct order){
        .trace = t,
        .value_bytes = &o->value_bytes,
        .copies = (uint32_t)o->copies,
        .value_bytes_max = (uint32_t)o->size_cap,
        .count = (uint64_t)t->count * o->copies,
        .objects = (uint32_t)objects,
    };
    /* Of a generated trace --requests is the length of one copy. */
    if (o->trace_path != NULL && o->requests > 0 && o->requests < order->count)
        order->count = o->requests;
    return keyspace_init(&order->keys, order->objects, &o->key_bytes, o->key_prefix) ||
           fail("--key-bytes is too small to tell the objects apart");
}

/* Adds the server to the report if all of the order could be played to it. */
static enum exit_status
play_to(struct report *r, struct order *order, const char *server)
{
    const struct options *o = r->options;
    struct score *score = &r->scores[r->servers];
    struct address to;
    struct client client;
    if (!address_resolve(&to, server) || !client_open(&client, &to, o->player.timeout_s))
        return EXIT_NO_START;
    bool ok = player_run(score, order, &o->player, &client, &to);
    client_close(&client);
    if (!ok)
        return EXIT_ERRORS;
    r->names[r->servers++] = server;
    return score->wrong == 0 ? EXIT_WELL : EXIT_ERRORS;
}

/* One server after the other: they shall not disturb each other. */
static enum exit_status
play(struct report *r, struct order *order)
{
    const struct options *o = r->options;
    if (o->dry_run)
        return EXIT_WELL;
    enum exit_status status = play_to(r, order, o->server);
    if (status == EXIT_WELL && o->versus != NULL)
        status = play_to(r, order, o->versus);
    return status;
}

static bool
write_report(const struct report *r)
{
    const char *path = r->options->json_path;
    bool to_stdout = path != NULL && strcmp(path, "-") == 0;
    if (!to_stdout)
        report_print(r, stdout);
    if (path == NULL)
        return true;
    FILE *f = to_stdout ? stdout : fopen(path, "we");
    if (f == NULL)
        return fail(strerror(errno));
    report_print_json(r, f);
    return to_stdout || fclose(f) == 0;
}

static enum exit_status
replay(const struct options *o, struct trace *t)
{
    struct order order;
    struct report r = {.options = o};
    if (!load(t, o) || !arrange(&order, t, o))
        return EXIT_NO_START;
    order_add_up(&order, &r.sum);
    enum exit_status status = play(&r, &order);
    if ((status == EXIT_WELL || r.servers > 0) && !write_report(&r))
        return EXIT_NO_START;
    return status;
}

int
main(int argc, char **argv)
{
    struct options o;
    enum cli_outcome outcome = options_parse(&o, argc, argv);
    enum exit_status status = outcome == CLI_ANSWERED ? EXIT_WELL : EXIT_NO_START;
    struct trace trace = {0};
    if (outcome == CLI_RUN)
        status = replay(&o, &trace);
    trace_fini(&trace);
    options_fini(&o);
    return status;
}

#include "report.h"

#include <inttypes.h>

static const struct percentile {
    const char *name;
    double share;
} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

/* More requests left unsent than this share, and the rate asked for was not reached. */
#define UNSENT_SHARE_SHOWN 0.001

static double
ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double
as_double(const counter_t *c)
{
    return (double)counter_get(c);
}

static double
mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static double
us(uint64_t ns)
{
    return (double)ns / 1e3;
}

uint64_t
report_error_count(const struct report *r)
{
    return tally_error_count(&r->preload.tally) + tally_error_count(&r->run.tally);
}

/* ---- for people ---- */

static void
print_sizes(FILE *to, const char *what, const struct sizes *s)
{
    if (s->shape == SIZES_META)
        fprintf(to, "%s of Meta's sizes", what);
    else if (s->low == s->high)
        fprintf(to, "%s of %u bytes", what, s->low);
    else
        fprintf(to, "%s of %u-%u bytes", what, s->low, s->high);
}

static void
print_title(FILE *to, const struct options *o)
{
    fprintf(to,
            "%s, %s: %" PRIu64 " connection%s, %" PRIu64 " thread%s, depth %" PRIu64 ", %" PRIu64
            " keys",
            o->server, options_protocol_name(o->protocol), o->connections,
            o->connections == 1 ? "" : "s", o->threads, o->threads == 1 ? "" : "s", o->depth,
            o->keys);
    print_sizes(to, "", &o->key_bytes);
    print_sizes(to, ", values", &o->value_bytes);
    fputc('\n', to);
}

static void
print_latency(FILE *to, const char *what, const struct histogram *h)
{
    fprintf(to, "  %-9s", what);
    for (size_t i = 0; i < ARRAY_COUNT(percentiles); i++)
        fprintf(to, "%11.1f", us(histogram_percentile(h, percentiles[i].share)));
    fprintf(to, "%11.1f\n", us(h->max));
}

static void
print_latencies(FILE *to, const struct tally *t)
{
    if (t->get_ns.count + t->set_ns.count == 0)
        return;
    fprintf(to, "latency, us");
    for (size_t i = 0; i < ARRAY_COUNT(percentiles); i++)
        fprintf(to, "%11s", percentiles[i].name);
    fprintf(to, "%11s\n", "max");
    if (t->get_ns.count > 0)
        print_latency(to, "get", &t->get_ns);
    if (t->set_ns.count > 0)
        print_latency(to, "set", &t->set_ns);
}

static void
print_errors(FILE *to, const char *phase, const struct tally *t)
{
    if (tally_error_count(t) == 0)
        return;
    fprintf(to, "errors     %s:", phase);
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        if (counter_get(&t->errors[i]) > 0)
            fprintf(to, " %s %" PRIu64, tally_error_name((enum tally_error)i),
                    counter_get(&t->errors[i]));
    fprintf(to, "\n           the first: %s\n", t->first_error);
}

static void
print_throughput(FILE *to, const struct crew_result *run)
{
    const struct tally *t = &run->tally;
    double requests = as_double(&t->requests);
    double keys = as_double(&t->keys);
    double gets = as_double(&t->hits) + as_double(&t->misses);
    fprintf(to, "requests   %.0f in %.2f s, %.0f per second\n", requests, run->seconds,
            ratio(requests, run->seconds));
    if (keys > requests)
        fprintf(to, "keys       %.0f, %.0f per second\n", keys, ratio(keys, run->seconds));
    fprintf(to, "content    %" PRIu64 " sets, %.0f keys got: %.2f %% hits, %" PRIu64 " misses\n",
            counter_get(&t->sets), gets, 100 * ratio(as_double(&t->hits), gets),
            counter_get(&t->misses));
    /* A handful may fall due in the last moment. */
    if (as_double(&t->unsent) > requests * UNSENT_SHARE_SHOWN)
        fprintf(to,
                "behind     %" PRIu64 " requests were due and never sent: the server does not keep"
                " up with --rate\n",
                counter_get(&t->unsent));
}

static void
print_server(FILE *to, const struct report *r)
{
    const struct tally *t = &r->run.tally;
    double cpu_s = r->end.cpu_s - r->idling.cpu_s;
    double user_s = r->end.user_s - r->idling.user_s;
    double system_s = r->end.system_s - r->idling.system_s;
    fprintf(to, "server     %.3f us of CPU per request",
            ratio(cpu_s * 1e6, as_double(&t->requests)));
    if (counter_get(&t->keys) > counter_get(&t->requests))
        fprintf(to, ", %.3f us per key", ratio(cpu_s * 1e6, as_double(&t->keys)));
    fprintf(to, " (%.0f %% user), %.0f %% of a core\n", 100 * ratio(user_s, user_s + system_s),
            100 * ratio(cpu_s, r->run.seconds));
}

static void
print_memory(FILE *to, const struct report *r)
{
    fprintf(to, "memory     RSS %.1f MiB at the start", mib(r->start.rss_bytes));
    if (r->options->preload)
        fprintf(to, ", %.1f preloaded", mib(r->loaded.rss_bytes));
    if (r->options->idle > 0)
        fprintf(to, ", %.1f with the idle connections", mib(r->idling.rss_bytes));
    fprintf(to, ", %.1f at the end, %.1f at most\n", mib(r->end.rss_bytes),
            mib(r->end.rss_peak_bytes));
}

static double
idle_bytes(const struct report *r)
{
    return ratio((double)r->idling.rss_bytes - (double)r->loaded.rss_bytes,
                 (double)r->options->idle);
}

void
report_print(const struct report *r, FILE *to)
{
    const struct options *o = r->options;
    print_title(to, o);
    if (o->preload)
        fprintf(to, "preload    %" PRIu64 " sets in %.2f s, %.0f per second\n",
                counter_get(&r->preload.tally.requests), r->preload.seconds,
                ratio(as_double(&r->preload.tally.requests), r->preload.seconds));
    if (!o->only_preload) {
        print_throughput(to, &r->run);
        print_latencies(to, &r->run.tally);
        if (o->pid != 0)
            print_server(to, r);
        fprintf(to, "generator  %.3f us of CPU per request, %.0f %% of a core\n",
                ratio(r->run.cpu_s * 1e6, as_double(&r->run.tally.requests)),
                100 * ratio(r->run.cpu_s, r->run.seconds));
    }
    if (o->pid != 0)
        print_memory(to, r);
    if (o->pid != 0 && o->idle > 0)
        fprintf(to, "idle       %.0f bytes of RSS per connection\n", idle_bytes(r));
    print_errors(to, "preload", &r->preload.tally);
    print_errors(to, "run", &r->run.tally);
}

/* ---- for programs ---- */

static void
json_latency(FILE *to, const char *name, const struct histogram *h, const char *end)
{
    fprintf(to, "    \"%s\": {", name);
    for (size_t i = 0; i < ARRAY_COUNT(percentiles); i++)
        fprintf(to, "\"%s\": %.3f, ", percentiles[i].name,
                us(histogram_percentile(h, percentiles[i].share)));
    fprintf(to, "\"max\": %.3f}%s\n", us(h->max), end);
}

static void
json_errors(FILE *to, const struct report *r)
{
    const struct tally *first = &r->preload.tally;
    const struct tally *second = &r->run.tally;
    fprintf(to, "  \"errors\": {\"total\": %" PRIu64, report_error_count(r));
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        fprintf(to, ", \"%s\": %" PRIu64, tally_error_name((enum tally_error)i),
                counter_get(&first->errors[i]) + counter_get(&second->errors[i]));
    fprintf(to, "},\n  \"first_error\": \"");
    const char *text = first->first_error_ns != 0 ? first->first_error : second->first_error;
    for (; *text != '\0'; text++)
        fprintf(to, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fprintf(to, "\",\n");
}

static void
json_phase(FILE *to, const char *name, const struct crew_result *p)
{
    fprintf(to,
            "  \"%s\": {\"requests\": %" PRIu64 ", \"keys\": %" PRIu64 ", \"sets\": %" PRIu64
            ", \"hits\": %" PRIu64 ", \"misses\": %" PRIu64 ", \"unsent\": %" PRIu64
            ", \"seconds\": %.6f"
            ", \"requests_per_s\": %.1f, \"keys_per_s\": %.1f, \"generator_cpu_s\": %.6f},\n",
            name, counter_get(&p->tally.requests), counter_get(&p->tally.keys),
            counter_get(&p->tally.sets), counter_get(&p->tally.hits), counter_get(&p->tally.misses),
            counter_get(&p->tally.unsent), p->seconds,
            ratio(as_double(&p->tally.requests), p->seconds),
            ratio(as_double(&p->tally.keys), p->seconds), p->cpu_s);
}

static void
json_server(FILE *to, const struct report *r)
{
    const struct tally *t = &r->run.tally;
    double cpu_s = r->end.cpu_s - r->idling.cpu_s;
    fprintf(to,
            "  \"server\": {\"cpu_s\": %.6f, \"user_s\": %.2f, \"system_s\": %.2f"
            ", \"cpu_us_per_request\": %.4f, \"cpu_us_per_key\": %.4f,\n"
            "    \"rss_start_bytes\": %" PRIu64 ", \"rss_loaded_bytes\": %" PRIu64
            ", \"rss_idling_bytes\": %" PRIu64 ", \"rss_end_bytes\": %" PRIu64
            ", \"rss_peak_bytes\": %" PRIu64 ", \"idle_bytes_per_connection\": %.1f},\n",
            cpu_s, r->end.user_s - r->idling.user_s, r->end.system_s - r->idling.system_s,
            ratio(cpu_s * 1e6, as_double(&t->requests)), ratio(cpu_s * 1e6, as_double(&t->keys)),
            r->start.rss_bytes, r->loaded.rss_bytes, r->idling.rss_bytes, r->end.rss_bytes,
            r->end.rss_peak_bytes, idle_bytes(r));
}

void
report_print_json(const struct report *r, FILE *to)
{
    fprintf(to, "{\n");
    if (r->options->preload)
        json_phase(to, "preload", &r->preload);
    if (!r->options->only_preload)
        json_phase(to, "run", &r->run);
    if (r->options->pid != 0)
        json_server(to, r);
    json_errors(to, r);
    fprintf(to, "  \"latency_us\": {\n");
    json_latency(to, "get", &r->run.tally.get_ns, ",");
    json_latency(to, "set", &r->run.tally.set_ns, "");
    fprintf(to, "  }\n}\n");
}

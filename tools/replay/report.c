#include "replay/report.h"

#include <inttypes.h>

static double
ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double
mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static double
miss_ratio(const struct score *s)
{
    return ratio((double)s->misses, (double)s->requests);
}

static double
byte_miss_ratio(const struct score *s)
{
    return ratio((double)s->miss_bytes, (double)s->request_bytes);
}

static uint64_t
evictions(const struct score *s)
{
    return s->end.evictions - s->start.evictions;
}

static const char *
trace_name(const struct options *o)
{
    return o->trace_path != NULL ? o->trace_path : generate_name(o->generator);
}

/* ---- for people: a line for each figure, a column for each server ---- */

typedef double figure_fn(const struct score *s);

static double
figure_requests(const struct score *s)
{
    return (double)s->requests;
}

static double
figure_hits(const struct score *s)
{
    return (double)s->hits;
}

static double
figure_misses(const struct score *s)
{
    return (double)s->misses;
}

static double
figure_first(const struct score *s)
{
    return (double)s->first;
}

static double
figure_items(const struct score *s)
{
    return (double)s->end.items;
}

static double
figure_evictions(const struct score *s)
{
    return (double)evictions(s);
}

static double
figure_refused(const struct score *s)
{
    return (double)s->refused;
}

static double
figure_wrong(const struct score *s)
{
    return (double)s->wrong;
}

static double
figure_limit(const struct score *s)
{
    return mib(s->end.limit_bytes);
}

static double
figure_rss(const struct score *s)
{
    return mib(s->end.rss_bytes);
}

static double
figure_seconds(const struct score *s)
{
    return s->seconds;
}

static double
figure_speed(const struct score *s)
{
    return ratio((double)s->requests, s->seconds);
}

static double
figure_batch(const struct score *s)
{
    return ratio((double)s->requests, (double)s->batches);
}

static const struct line {
    const char *name;
    figure_fn *of;
    int decimals;
} lines[] = {
    {"requests", figure_requests, 0},
    {"hits", figure_hits, 0},
    {"misses", figure_misses, 0},
    {"  of objects not asked for before", figure_first, 0},
    {"miss ratio", miss_ratio, 5},
    {"byte miss ratio", byte_miss_ratio, 5},
    {"items held", figure_items, 0},
    {"evictions", figure_evictions, 0},
    {"sets refused", figure_refused, 0},
    {"wrong values", figure_wrong, 0},
    {"-m, MiB", figure_limit, 1},
    {"RSS of the server, MiB", figure_rss, 1},
    {"seconds", figure_seconds, 2},
    {"requests per second", figure_speed, 0},
    {"requests per batch", figure_batch, 1},
};

static void
print_line(const struct report *r, const struct line *line, FILE *to)
{
    fprintf(to, "%-36s", line->name);
    for (unsigned i = 0; i < r->servers; i++)
        fprintf(to, "%22.*f", line->decimals, line->of(&r->scores[i]));
    if (r->servers == 2)
        fprintf(to, "%10.4f", ratio(line->of(&r->scores[0]), line->of(&r->scores[1])));
    fputc('\n', to);
}

void
report_print(const struct report *r, FILE *to)
{
    fprintf(to,
            "%s, %" PRIu64 " cop%s: %" PRIu64 " requests of %.1f MiB for %" PRIu64
            " objects of %.1f MiB, checksum %016" PRIx64 "\n",
            trace_name(r->options), r->options->copies, r->options->copies == 1 ? "y" : "ies",
            r->sum.requests, mib(r->sum.request_bytes), r->sum.objects, mib(r->sum.object_bytes),
            r->sum.checksum);
    if (r->servers == 0)
        return;
    fprintf(to, "%-36s", "");
    for (unsigned i = 0; i < r->servers; i++)
        fprintf(to, "%22s", r->names[i]);
    fprintf(to, r->servers == 2 ? "%10s\n" : "\n", "ratio");
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        print_line(r, &lines[i], to);
    for (unsigned i = 0; i < r->servers; i++) {
        if (r->scores[i].refused > 0)
            fprintf(to, "%s refused, first: %s\n", r->names[i], r->scores[i].refusal);
        if (!r->scores[i].complete)
            fprintf(to, "%s: ended by --time\n", r->names[i]);
        if (r->scores[i].start.items > 0)
            fprintf(to, "%s was not empty at the start: %" PRIu64 " items\n", r->names[i],
                    r->scores[i].start.items);
    }
}

/* ---- for programs ---- */

static void
json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < ' ')
            fprintf(to, "\\u%04x", c);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void
json_server(FILE *to, const char *name, const struct score *s)
{
    fprintf(to, "    {\"server\": ");
    json_text(to, name);
    fprintf(to,
            ", \"requests\": %" PRIu64 ", \"hits\": %" PRIu64 ", \"misses\": %" PRIu64
            ", \"first_misses\": %" PRIu64 ",\n     \"miss_ratio\": %.6f"
            ", \"byte_miss_ratio\": %.6f, \"refused_sets\": %" PRIu64 ", \"wrong_values\": %" PRIu64
            ", \"items\": %" PRIu64 ", \"evictions\": %" PRIu64 ",\n     \"limit_bytes\": %" PRIu64
            ", \"rss_bytes\": %" PRIu64 ", \"items_at_start\": %" PRIu64 ", \"batches\": %" PRIu64
            ", \"seconds\": %.3f, \"complete\": %s}",
            s->requests, s->hits, s->misses, s->first, miss_ratio(s), byte_miss_ratio(s),
            s->refused, s->wrong, s->end.items, evictions(s), s->end.limit_bytes, s->end.rss_bytes,
            s->start.items, s->batches, s->seconds, s->complete ? "true" : "false");
}

void
report_print_json(const struct report *r, FILE *to)
{
    fprintf(to, "{\"trace\": ");
    json_text(to, trace_name(r->options));
    fprintf(to,
            ", \"copies\": %" PRIu64 ", \"requests\": %" PRIu64 ", \"objects\": %" PRIu64
            ", \"object_bytes\": %" PRIu64 ", \"request_bytes\": %" PRIu64
            ", \"checksum\": \"%016" PRIx64 "\",\n \"servers\": [\n",
            r->options->copies, r->sum.requests, r->sum.objects, r->sum.object_bytes,
            r->sum.request_bytes, r->sum.checksum);
    for (unsigned i = 0; i < r->servers; i++) {
        json_server(to, r->names[i], &r->scores[i]);
        fprintf(to, i + 1 < r->servers ? ",\n" : "\n");
    }
    fprintf(to, " ]");
    if (r->servers == 2)
        fprintf(to, ",\n \"misses_vs\": %.6f",
                ratio(miss_ratio(&r->scores[0]), miss_ratio(&r->scores[1])));
    fprintf(to, "}\n");
}

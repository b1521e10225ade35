#include "replay/player.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/num.h"
#include "load/buffer.h"
#include "load/value.h"
#include "replay/client.h"

struct asked {
    struct order_request request;
    struct span key; /* in the buffer of the batch */
};

struct player {
    const struct player_options *options;
    struct order *order;
    struct score *score;
    struct client *client; /* borrowed */
    struct value_maker values;
    struct sizes value_sizes; /* what value_maker may be asked for */
    uint32_t *last_batch;     /* of each object: in which it was asked for; 0: in none */
    uint32_t batch;           /* its number, from 1 */
    size_t count;             /* keys in it */
    struct asked *asked;
    char *keys; /* text of the keys: KEY_BYTES_MAX for each place */
    bool has_next;
    struct asked next; /* opens the next batch */
    char next_key[KEY_BYTES_MAX];
    struct buffer out; /* sets, and then the get */
    uint64_t sets;     /* in 'out' */
    double start_s;
    double shown_s; /* when progress was last shown */
};

static double
now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
complain(const char *what, struct span text)
{
    fprintf(stderr, "%s: %s: %.*s\n", program_invocation_short_name, what,
            (int)(text.bytes < 100 ? text.bytes : 100), text.p);
    return false;
}

/* ---- out ---- */

static void
append_number(struct buffer *out, uint64_t n)
{
    out->bytes += num_format_u64(buffer_reserve(out, NUM_U64_BYTES_MAX), n);
}

static void
append(struct buffer *out, struct span text)
{
    buffer_append(out, text.p, text.bytes);
}

static void
compose_set(struct player *p, const struct asked *a)
{
    uint32_t bytes = a->request.value_bytes;
    append(&p->out, SPAN("set "));
    append(&p->out, a->key);
    append(&p->out, SPAN(" 0 "));
    append_number(&p->out, a->request.ttl_s);
    append(&p->out, SPAN(" "));
    append_number(&p->out, bytes);
    append(&p->out, SPAN("\r\n"));
    value_write(&p->values, a->request.number, 0, buffer_reserve(&p->out, bytes), bytes);
    p->out.bytes += bytes;
    append(&p->out, SPAN("\r\n"));
    p->sets++;
}

static bool
fetch_next(struct player *p)
{
    if (p->has_next)
        return true;
    p->has_next = order_next(p->order, &p->next.request, p->next_key);
    return p->has_next;
}

static void
count_request(struct player *p, const struct order_request *r)
{
    p->score->requests++;
    p->score->request_bytes += (uint64_t)r->key_bytes + r->value_bytes;
    p->score->first += p->last_batch[r->number] == 0;
}

/* Takes requests up to the size of a batch, or to a key that is in it already. */
static void
gather(struct player *p)
{
    p->batch++;
    for (p->count = 0; p->count < p->options->batch && fetch_next(p); p->count++) {
        const struct order_request *r = &p->next.request;
        if (p->last_batch[r->number] == p->batch)
            return;
        count_request(p, r);
        p->last_batch[r->number] = p->batch;
        char *key = p->keys + p->count * KEY_BYTES_MAX;
        memcpy(key, p->next_key, r->key_bytes);
        p->asked[p->count] = (struct asked){*r, span_of(key, r->key_bytes)};
        p->has_next = false;
    }
}

static bool
send_out(struct player *p)
{
    if (p->count > 0)
        append(&p->out, SPAN("get"));
    for (size_t i = 0; i < p->count; i++) {
        append(&p->out, SPAN(" "));
        append(&p->out, p->asked[i].key);
    }
    if (p->count > 0)
        append(&p->out, SPAN("\r\n"));
    bool ok = client_send(p->client, span_of(p->out.p, p->out.bytes));
    p->out.bytes = 0;
    return ok;
}

/* ---- in ---- */

static bool
read_stored(struct player *p)
{
    struct reply r;
    for (; p->sets > 0; p->sets--) {
        if (!client_read(p->client, &r))
            return false;
        if (r.kind == REPLY_STORED)
            continue;
        if (r.kind != REPLY_SERVER_ERROR)
            return complain("a set was answered with", r.line);
        if (p->score->refused++ == 0)
            snprintf(p->score->refusal, sizeof(p->score->refusal), "%.*s",
                     (int)(r.line.bytes < 120 ? r.line.bytes : 120), r.line.p);
    }
    return true;
}

static void
miss(struct player *p, const struct asked *a)
{
    p->score->misses++;
    p->score->miss_bytes += (uint64_t)a->request.key_bytes + a->request.value_bytes;
    compose_set(p, a);
}

static bool
hit(struct player *p, const struct asked *a, const struct reply *r)
{
    struct span data;
    if (!client_read_data(p->client, r, &data))
        return false;
    p->score->hits++;
    if (value_judge(data, a->request.number) != VALUE_GOOD)
        p->score->wrong++;
    return true;
}

/* The answer to a get names what was found, in the order of the keys. */
static bool
read_values(struct player *p)
{
    struct reply r;
    size_t i = 0;
    for (;;) {
        if (!client_read(p->client, &r))
            return false;
        if (r.kind != REPLY_VALUE && r.kind != REPLY_END)
            return complain("a get was answered with", r.line);
        struct span key = r.kind == REPLY_VALUE ? reply_key(&r) : span_of(NULL, 0);
        while (i < p->count && !span_equal(key, p->asked[i].key))
            miss(p, &p->asked[i++]);
        if (r.kind == REPLY_END)
            return true;
        if (i == p->count)
            return complain("a value came that nobody asked for", r.line);
        if (!hit(p, &p->asked[i++], &r))
            return false;
    }
}

/* ---- the run ---- */

static void
show_progress(struct player *p, double now)
{
    const struct score *s = p->score;
    if (!p->options->progress || now - p->shown_s < 1)
        return;
    p->shown_s = now;
    fprintf(stderr, "%5.1f %%  %llu requests, %.0f per second, miss ratio %.4f\n",
            100 * (double)s->requests / (double)p->order->count, (unsigned long long)s->requests,
            (double)s->requests / (now - p->start_s), (double)s->misses / (double)s->requests);
}

/* Waits until the rate allows for more; false if the time is up. */
static bool
keep_time(struct player *p)
{
    double now = now_s();
    show_progress(p, now);
    if (p->options->time_s > 0 && now - p->start_s > p->options->time_s)
        return false;
    double due = p->options->rate > 0
                     ? p->start_s + (double)p->score->requests / (double)p->options->rate
                     : now;
    if (due > now) {
        struct timespec t = {(time_t)(due - now),
                             (long)((due - now - (double)(time_t)(due - now)) * 1e9)};
        nanosleep(&t, NULL);
    }
    return true;
}

static bool
turn(struct player *p)
{
    gather(p);
    if (!send_out(p) || !read_stored(p))
        return false;
    if (p->count == 0)
        return true;
    p->score->batches++;
    return read_values(p);
}

static bool
play(struct player *p)
{
    p->start_s = p->shown_s = now_s();
    while (fetch_next(p) && keep_time(p))
        if (!turn(p))
            return false;
    p->score->complete = !p->has_next;
    p->count = 0; /* what the last batch missed is still to be stored */
    bool ok = send_out(p) && read_stored(p);
    p->score->seconds = now_s() - p->start_s;
    return ok;
}

static void
player_init(struct player *p)
{
    p->value_sizes = (struct sizes){.shape = SIZES_RANGE, .high = p->order->value_bytes_max};
    value_init(&p->values, &p->value_sizes, true);
    p->last_batch = buffer_alloc(p->order->objects, sizeof(*p->last_batch));
    p->asked = buffer_alloc(p->options->batch, sizeof(*p->asked));
    p->keys = buffer_alloc(p->options->batch, KEY_BYTES_MAX);
    order_rewind(p->order);
}

static void
player_fini(struct player *p)
{
    value_fini(&p->values);
    free(p->last_batch);
    free(p->asked);
    free(p->keys);
    buffer_fini(&p->out);
}

bool
player_run(struct score *score, struct order *order, const struct player_options *options,
           struct client *client, const struct address *to)
{
    struct player *p = buffer_alloc(1, sizeof(*p));
    *score = (struct score){0};
    p->options = options;
    p->order = order;
    p->score = score;
    p->client = client;
    player_init(p);
    bool ok = figures_take(&score->start, client, to, options->pid) && play(p) &&
              figures_take(&score->end, client, to, options->pid);
    player_fini(p);
    free(p);
    return ok;
}

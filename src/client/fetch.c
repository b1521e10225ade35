#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/fetch.h"
#include "client/key.h"
#include "client/op.h"

#define LEASE_S 10
#define WAIT_MS 5
/* The pause doubles so many times. */
#define DOUBLINGS_MAX 5

struct fetch {
    struct timer timer;
    struct ketch_client *client;
    struct ketch_fetch_options options;
    int64_t deadline_us;
    unsigned asked; /* times */
    ketch_done done;
    void *arg;
    struct ketch_bytes key;
    char tail[]; /* key, group */
};

static void due(struct timer *timer, int64_t now_us);
static void answered(void *arg, const struct ketch_result *result);
static enum ketch_status ask(struct fetch *f, int64_t now_us);

/* ---- beginning and end ---- */

static struct fetch *
create(struct ketch_client *client, struct ketch_bytes key, const struct ketch_fetch_options *options)
{
    size_t group = options != NULL ? options->group.bytes : 0;
    if (!timers_reserve(&client->timers))
        return NULL;
    struct fetch *f = calloc(1, sizeof *f + key.bytes + group);
    if (f == NULL) {
        timers_release(&client->timers);
        return NULL;
    }
    if (options != NULL)
        f->options = *options;
    f->client = client;
    f->timer.due = due;
    memcpy(f->tail, key.p, key.bytes);
    f->key = ketch_bytes_of(f->tail, key.bytes);
    if (group > 0)
        memcpy(f->tail + key.bytes, options->group.p, group);
    f->options.group = ketch_bytes_of(f->tail + key.bytes, group);
    return f;
}

static void
destroy(struct fetch *f)
{
    timer_clear(&f->client->timers, &f->timer);
    timers_release(&f->client->timers);
    free(f);
}

enum ketch_status
ketch_fetch(struct ketch_client *client, struct ketch_bytes key,
            const struct ketch_fetch_options *options, ketch_done done, void *arg)
{
    enum ketch_status status = client_accepts(client, arg);
    if (status != KETCH_OK)
        return status;
    if (done == NULL)
        return KETCH_INVALID;
    if (key.p == NULL || key.bytes == 0 || key.bytes > KEY_BYTES_MAX)
        return KETCH_BAD_KEY;
    struct fetch *f = create(client, key, options);
    if (f == NULL)
        return KETCH_NO_MEMORY;
    f->done = done;
    f->arg = arg;
    uint32_t timeout_ms = f->options.timeout_ms != 0 ? f->options.timeout_ms : client->conf.timeout_ms;
    int64_t now_us = client_now(client);
    f->deadline_us = now_us + (int64_t)timeout_ms * 1000;
    client->counters.requests++;
    client_enter(client);
    status = ask(f, now_us);
    if (status != KETCH_OK) {
        client->counters.requests--;
        destroy(f);
    }
    client_leave(client);
    return status;
}

/* Tells the caller; the fetch is gone before, as the caller may do anything. */
static void
finish(struct fetch *f, const struct ketch_result *result)
{
    ketch_done done = f->done;
    void *arg = f->arg;
    client_count(f->client, result->status);
    destroy(f);
    done(arg, result);
}

static void
finish_with(struct fetch *f, enum ketch_status status)
{
    struct ketch_result r = {.status = status, .text = ketch_status_text(status),
                             .server = KETCH_SERVER_NONE};
    /* The key must outlive the fetch. */
    ketch_done done = f->done;
    void *arg = f->arg;
    r.key = f->key;
    client_count(f->client, status);
    done(arg, &r);
    destroy(f);
}

/* ---- asking ---- */

static enum ketch_status
ask(struct fetch *f, int64_t now_us)
{
    struct op *op;
    int64_t left_ms = (f->deadline_us - now_us + 999) / 1000;
    struct ketch_request request = {
        .verb = (enum ketch_verb)VERB_FETCH,
        .key = f->key,
        .options = {.timeout_ms = left_ms > 0 ? (uint32_t)left_ms : 1,
                    .want = KETCH_WANT_CAS,
                    .group = f->options.group},
        .done = answered,
        .arg = f,
    };
    enum ketch_status status = op_create(f->client, &request, &op);
    if (status != KETCH_OK)
        return status;
    op->lease_s = f->options.lease_s != 0 ? f->options.lease_s : LEASE_S;
    op->refresh_s = f->options.refresh_before_s;
    f->asked++;
    return client_start(f->client, op, 0);
}

/* In half to one and a half times the pause, so that those who wait do not come at once. */
static void
pause_and_ask(struct fetch *f)
{
    struct ketch_client *client = f->client;
    unsigned doublings = f->asked - 1 < DOUBLINGS_MAX ? f->asked - 1 : DOUBLINGS_MAX;
    uint64_t ms = f->options.wait_ms != 0 ? f->options.wait_ms : WAIT_MS;
    uint64_t us = (ms * 1000) << doublings;
    int64_t at_us = client_now(client) + (int64_t)(us / 2 + client_random(client) % (us + 1));
    timer_set(&client->timers, &f->timer, at_us < f->deadline_us ? at_us : f->deadline_us);
}

static void
due(struct timer *timer, int64_t now_us)
{
    struct fetch *f = CONTAINER_OF(timer, struct fetch, timer);
    enum ketch_status status = now_us >= f->deadline_us ? KETCH_TIMEOUT : ask(f, now_us);
    if (status != KETCH_OK)
        finish_with(f, status);
}

/* A place that was taken, with nothing in it yet. */
static bool
is_empty_place(const struct ketch_result *r)
{
    return r->status == KETCH_OK && r->value.bytes == 0 && !(r->marks & KETCH_STALE) &&
           (r->marks & (KETCH_WON | KETCH_TAKEN));
}

static void
answered(void *arg, const struct ketch_result *result)
{
    struct fetch *f = arg;
    struct ketch_result r = *result;
    if (is_empty_place(&r) && !(r.marks & KETCH_WON)) {
        pause_and_ask(f);
        return;
    }
    if (is_empty_place(&r)) {
        r.status = KETCH_MISS;
        r.text = ketch_status_text(r.status);
    } else if (r.status == KETCH_MISS) {
        r.marks |= KETCH_WON; /* the text protocol gives no leases */
    }
    finish(f, &r);
}

enum ketch_status
ketch_fetch_store(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
                  const struct ketch_options *options, ketch_done done, void *arg)
{
    return ketch_set(client, key, value, options, done, arg);
}

/* ---- cancelling ---- */

const void *
fetch_arg(const void *op_arg)
{
    return ((const struct fetch *)op_arg)->arg;
}

bool
fetch_cancel(struct timer *timer, const void *arg)
{
    if (timer->due != due)
        return false;
    struct fetch *f = CONTAINER_OF(timer, struct fetch, timer);
    if (f->arg != arg)
        return false;
    timer_clear(&f->client->timers, timer);
    finish_with(f, KETCH_CANCELLED);
    return true;
}

void
fetch_cancel_all(struct ketch_client *client)
{
    for (size_t i = 1; i <= client->timers.count;) {
        struct timer *timer = client->timers.heap[i];
        /* Whatever takes its place in the heap is looked at next. */
        if (timer->due == due)
            fetch_cancel(timer, CONTAINER_OF(timer, struct fetch, timer)->arg), i = 1;
        else
            i++;
    }
}

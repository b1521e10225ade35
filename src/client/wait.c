#include <stdlib.h>
#include <string.h>
#include <ketch/wait.h>
#include "client/client.h"

/* Room that a reply gets at least: several small values fit in turn. */
#define MEMORY_BYTES_MIN 256

struct waiting {
    struct ketch_reply *reply; /* or NULL */
    enum ketch_status status;
    bool done;
};

/* ---- replies ---- */

void
ketch_reply_free(struct ketch_reply *reply)
{
    free(reply->memory);
    *reply = (struct ketch_reply){.memory = NULL};
}

static bool
make_room(struct ketch_reply *reply, size_t bytes)
{
    if (bytes <= reply->memory_bytes)
        return true;
    size_t want = bytes < MEMORY_BYTES_MIN ? MEMORY_BYTES_MIN : bytes;
    void *memory = malloc(want);
    if (memory == NULL)
        return false;
    free(reply->memory);
    reply->memory = memory;
    reply->memory_bytes = want;
    return true;
}

static char *
copy(char *to, struct ketch_bytes *b)
{
    if (b->bytes > 0)
        memcpy(to, b->p, b->bytes);
    to[b->bytes] = '\0';
    b->p = to;
    return to + b->bytes + 1;
}

static void
keep(struct ketch_reply *reply, const struct ketch_result *result)
{
    struct ketch_result *r = &reply->result;
    size_t bytes = result->value.bytes + result->message.bytes + result->meta.bytes + 3;
    *r = *result;
    r->key = ketch_bytes_of(NULL, 0);
    if (make_room(reply, bytes)) {
        copy(copy(copy(reply->memory, &r->value), &r->message), &r->meta);
        return;
    }
    r->value = r->message = r->meta = ketch_bytes_of(NULL, 0);
    if (r->status == KETCH_OK) {
        r->status = KETCH_NO_MEMORY;
        r->text = ketch_status_text(r->status);
    }
}

static void
keep_status(struct ketch_reply *reply, enum ketch_status status)
{
    struct ketch_result r = {.status = status, .text = ketch_status_text(status),
                             .server = KETCH_SERVER_NONE};
    keep(reply, &r);
}

/* ---- waiting ---- */

/* False: 'why' not.  To be asked before anything is sent. */
static bool
can_wait(const struct ketch_client *client, enum ketch_status *why)
{
    *why = KETCH_OK;
    if (client->transport == NULL || client->transport->run == NULL)
        *why = KETCH_UNSUPPORTED;
    else if (client->depth > 0) /* a callback: what it borrows would be overwritten */
        *why = KETCH_INVALID;
    return *why == KETCH_OK;
}

enum ketch_status
ketch_wait(struct ketch_client *client, const bool *done)
{
    enum ketch_status status;
    return can_wait(client, &status) ? client->transport->run(client->ctx, done) : status;
}

static void
completed(void *arg, const struct ketch_result *result)
{
    struct waiting *w = arg;
    w->status = result->status;
    if (w->reply != NULL) {
        keep(w->reply, result);
        w->status = w->reply->result.status;
    }
    w->done = true;
}

static void
ignore(void *arg, const struct ketch_result *result)
{
    (void)arg, (void)result;
}

/* Of a request that was started with this status, and 'w' as its arg.  Nothing of 'w' is known to the
 * client afterwards. */
static enum ketch_status
wait_for(struct ketch_client *client, struct waiting *w, enum ketch_status started)
{
    if (started == KETCH_OK)
        started = ketch_wait(client, &w->done);
    if (w->done)
        return w->status;
    ketch_cancel(client, w);
    if (w->reply != NULL)
        keep_status(w->reply, started);
    return started;
}

enum ketch_status
ketch_submit_wait(struct ketch_client *client, const struct ketch_request *request,
                  struct ketch_reply *reply)
{
    struct waiting w = {.reply = reply};
    struct ketch_request r = *request;
    enum ketch_status status;
    r.done = completed;
    r.each = ignore;
    r.arg = &w;
    if (can_wait(client, &status))
        status = ketch_submit(client, &r);
    return wait_for(client, &w, status);
}

enum ketch_status
ketch_wait_all(struct ketch_client *client)
{
    enum ketch_status status = KETCH_OK;
    /* Each turn of the loop may complete several: it is left after every one. */
    while (status == KETCH_OK && ketch_client_pending(client) > 0) {
        client->wake = false;
        status = ketch_wait(client, &client->wake);
    }
    return status;
}

/* ---- with one key ---- */

static enum ketch_status
one(struct ketch_client *client, enum ketch_verb verb, struct ketch_bytes key, struct ketch_bytes value,
    uint64_t delta, const struct ketch_options *options, struct ketch_reply *reply)
{
    struct ketch_request r = {.verb = verb, .key = key, .value = value, .delta = delta};
    if (options != NULL)
        r.options = *options;
    return ketch_submit_wait(client, &r, reply);
}

static const struct ketch_bytes nothing = {NULL, 0};

enum ketch_status
ketch_get_wait(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
               struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_GET, key, nothing, 0, options, reply);
}

enum ketch_status
ketch_gat_wait(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
               struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_GAT, key, nothing, 0, options, reply);
}

enum ketch_status
ketch_touch_wait(struct ketch_client *client, struct ketch_bytes key,
                 const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_TOUCH, key, nothing, 0, options, reply);
}

enum ketch_status
ketch_set_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
               const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_SET, key, value, 0, options, reply);
}

enum ketch_status
ketch_add_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
               const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_ADD, key, value, 0, options, reply);
}

enum ketch_status
ketch_replace_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
                   const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_REPLACE, key, value, 0, options, reply);
}

enum ketch_status
ketch_append_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
                  const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_APPEND, key, value, 0, options, reply);
}

enum ketch_status
ketch_prepend_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
                   const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_PREPEND, key, value, 0, options, reply);
}

enum ketch_status
ketch_cas_wait(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
               const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_CAS, key, value, 0, options, reply);
}

static enum ketch_status
arith(struct ketch_client *client, enum ketch_verb verb, struct ketch_bytes key, uint64_t delta,
      const struct ketch_options *options, uint64_t *number)
{
    struct ketch_reply reply = KETCH_REPLY_INIT;
    enum ketch_status status = one(client, verb, key, nothing, delta, options, &reply);
    if (number != NULL)
        *number = reply.result.number;
    ketch_reply_free(&reply);
    return status;
}

enum ketch_status
ketch_incr_wait(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                const struct ketch_options *options, uint64_t *number)
{
    return arith(client, KETCH_VERB_INCR, key, delta, options, number);
}

enum ketch_status
ketch_decr_wait(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                const struct ketch_options *options, uint64_t *number)
{
    return arith(client, KETCH_VERB_DECR, key, delta, options, number);
}

enum ketch_status
ketch_delete_wait(struct ketch_client *client, struct ketch_bytes key,
                  const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_DELETE, key, nothing, 0, options, reply);
}

enum ketch_status
ketch_invalidate_wait(struct ketch_client *client, struct ketch_bytes key,
                      const struct ketch_options *options, struct ketch_reply *reply)
{
    return one(client, KETCH_VERB_INVALIDATE, key, nothing, 0, options, reply);
}

enum ketch_status
ketch_meta_wait(struct ketch_client *client, const char *command, struct ketch_bytes key,
                struct ketch_bytes value, struct ketch_bytes flags, const struct ketch_options *options,
                struct ketch_reply *reply)
{
    struct waiting w = {.reply = reply};
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_meta(client, command, key, value, flags, options, completed, &w);
    return wait_for(client, &w, status);
}

/* ---- with one server ---- */

enum ketch_status
ketch_flush_wait(struct ketch_client *client, uint32_t server, uint32_t delay_s,
                 const struct ketch_options *options, struct ketch_reply *reply)
{
    struct waiting w = {.reply = reply};
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_flush(client, server, delay_s, options, completed, &w);
    return wait_for(client, &w, status);
}

enum ketch_status
ketch_version_wait(struct ketch_client *client, uint32_t server, const struct ketch_options *options,
                   struct ketch_reply *reply)
{
    struct waiting w = {.reply = reply};
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_version(client, server, options, completed, &w);
    return wait_for(client, &w, status);
}

struct stats_waiting {
    struct waiting w; /* first: what cancels it is its address */
    ketch_done each;
    void *arg;
};

static void
stats_line(void *arg, const struct ketch_result *result)
{
    struct stats_waiting *s = arg;
    s->each(s->arg, result);
}

enum ketch_status
ketch_stats_wait(struct ketch_client *client, uint32_t server, struct ketch_bytes group,
                 const struct ketch_options *options, ketch_done each, void *arg)
{
    struct stats_waiting s = {.each = each, .arg = arg};
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_stats(client, server, group, options, stats_line, completed, &s);
    return wait_for(client, &s.w, status);
}

/* ---- with many keys ---- */

struct mget_waiting {
    struct waiting w; /* first */
    struct ketch_reply *replies;
    bool no_memory;
};

static void
keep_one(void *arg, const struct ketch_result *result)
{
    struct mget_waiting *m = arg;
    struct ketch_reply *reply = &m->replies[result->index];
    keep(reply, result);
    m->no_memory |= reply->result.status == KETCH_NO_MEMORY;
}

enum ketch_status
ketch_mget_wait(struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
                const struct ketch_options *options, struct ketch_reply *replies)
{
    struct mget_waiting m = {.replies = replies};
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_mget(client, keys, count, options, keep_one, completed, &m);
    status = wait_for(client, &m.w, status);
    for (size_t i = 0; i < count && !m.w.done; i++) /* refused as a whole */
        keep_status(&replies[i], status);
    return status == KETCH_OK && m.no_memory ? KETCH_NO_MEMORY : status;
}

/* ---- read-through ---- */

/* There is nobody to say who is to make the value: rather make it than fail. */
static bool
nobody_answers(enum ketch_status status)
{
    return status == KETCH_NO_SERVER || status == KETCH_DOWN || status == KETCH_LOST ||
           status == KETCH_DNS;
}

enum ketch_status
ketch_fetch_wait(struct ketch_client *client, struct ketch_bytes key,
                 const struct ketch_fetch_options *options, ketch_make make, void *arg,
                 struct ketch_reply *reply)
{
    struct waiting w = {.reply = reply};
    struct ketch_options store = {0};
    struct ketch_bytes value = nothing;
    if (reply == NULL)
        return KETCH_INVALID;
    enum ketch_status status;
    if (can_wait(client, &status))
        status = ketch_fetch(client, key, options, completed, &w);
    status = wait_for(client, &w, status);
    bool asked_to = reply->result.marks & KETCH_WON;
    if (!asked_to && !nobody_answers(status))
        return status;
    uint64_t cas = reply->result.cas;
    status = make(arg, key, &value, &store);
    if (status != KETCH_OK) {
        keep_status(reply, status);
        return status;
    }
    if (asked_to) {
        store.cas = cas;
        store.group = options != NULL ? options->group : nothing;
        (void)!ketch_set_wait(client, key, value, &store, NULL);
    }
    struct ketch_result made = {.status = KETCH_OK, .text = ketch_status_text(KETCH_OK),
                                .server = reply->result.server, .value = value,
                                .flags = store.flags, .marks = KETCH_WON};
    keep(reply, &made);
    return reply->result.status;
}

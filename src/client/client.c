#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/conn.h"
#include "client/discovery.h"
#include "client/fetch.h"
#include "client/key.h"
#include "client/op.h"
#include "client/placement.h"
#include "client/pool.h"
#include "client/server.h"
#include "client/tls.h"

/* Beyond it the protocol takes a TTL for a date. */
#define TTL_RELATIVE_MAX_S (60 * 60 * 24 * 30)

/* A day is long for a timeout, and no arithmetic on it overflows. */
#define MS_MAX (24 * 60 * 60 * 1000)

static void report_due(struct timer *timer, int64_t now_us);
static void reap(struct ketch_client *client);

/* ---- configuration ---- */

void
ketch_client_conf_defaults(struct ketch_client_conf *conf, size_t size)
{
    struct ketch_client_conf defaults = {
        .timeout_ms = 1000,
        .connect_timeout_ms = 1000,
        .drain_timeout_ms = 1000,
        .policy = {.limit = 2,
                   .window_ms = 10000,
                   .retry_ms = 1000,
                   .retry_max_ms = 30000,
                   .jitter_percent = 20},
        .value_bytes_max = 128u << 20,
        .pending_max = 65536,
        .pending_bytes_max = 256u << 20,
    };
    if (size > sizeof defaults)
        size = sizeof defaults;
    defaults.size = size;
    memcpy(conf, &defaults, size);
}

static const char *
policy_objection(const struct ketch_failure_policy *p)
{
    if (p->limit == 0 || p->limit > 1000)
        return "policy.limit is 1 to 1000";
    if (p->window_ms == 0 || p->retry_ms == 0 || p->window_ms > MS_MAX || p->retry_ms > MS_MAX)
        return "policy.window_ms and policy.retry_ms are 1 to a day";
    if (p->retry_max_ms < p->retry_ms || p->retry_max_ms > MS_MAX)
        return "policy.retry_max_ms is policy.retry_ms to a day";
    if (p->jitter_percent > 100)
        return "policy.jitter_percent is 0 to 100";
    if ((unsigned)p->eject > KETCH_EJECT_GUTTER)
        return "policy.eject is none of its values";
    if (p->eject == KETCH_EJECT_GUTTER && (p->gutter == NULL || p->gutter_count == 0))
        return "policy.eject is KETCH_EJECT_GUTTER without policy.gutter";
    return NULL;
}

static bool
is_word(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f)
            return false;
    return true;
}

static const char *
objection(const struct ketch_client_conf *c)
{
    if (c->timeout_ms == 0 || c->connect_timeout_ms == 0 || c->drain_timeout_ms == 0 ||
        c->timeout_ms > MS_MAX || c->connect_timeout_ms > MS_MAX || c->drain_timeout_ms > MS_MAX)
        return "timeouts are 1 ms to a day";
    if ((unsigned)c->protocol > KETCH_PROTOCOL_TEXT)
        return "protocol is none of its values";
    if (c->prefix.bytes >= KEY_BYTES_MAX || (c->prefix.bytes > 0 && c->prefix.p == NULL))
        return "prefix is too long, or missing";
    if ((c->user != NULL) != (c->password != NULL))
        return "user and password belong together";
    if (c->user != NULL && (!is_word(c->user) || !is_word(c->password)))
        return "user and password cannot have spaces or control characters";
    if (c->value_bytes_max == 0 || c->value_bytes_max > INT_MAX || c->pending_max == 0 ||
        c->pending_bytes_max == 0)
        return "value_bytes_max is 1 to 2^31 - 1, and the limits of what is pending are not 0";
    if (c->servers == NULL && c->server_count > 0)
        return "servers is missing";
    return policy_objection(&c->policy);
}

static enum ketch_status
refuse(enum ketch_status status, const char *text, char *why, size_t why_bytes)
{
    if (why != NULL)
        snprintf(why, why_bytes, "%s", text);
    return status;
}

/* ---- create and destroy ---- */

static bool
copy_string(const char *from, char **to)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

static bool
copy_conf(struct ketch_client *client)
{
    struct ketch_bytes prefix = client->conf.prefix;
    client->prefix = malloc(prefix.bytes + 1);
    if (client->prefix == NULL)
        return false;
    if (prefix.bytes > 0)
        memcpy(client->prefix, prefix.p, prefix.bytes);
    client->conf.prefix.p = client->prefix;
    return copy_string(client->conf.ring, &client->ring_spec) &&
           copy_string(client->conf.user, &client->user) &&
           copy_string(client->conf.password, &client->password);
}

/* The gutter's servers are the pool's to copy; this is for the pools that come later. */
static bool
copy_gutter(struct ketch_client *client)
{
    struct ketch_failure_policy *policy = &client->conf.policy;
    size_t bytes = policy->gutter_count * sizeof *policy->gutter;
    if (policy->eject != KETCH_EJECT_GUTTER) {
        policy->gutter = NULL;
        policy->gutter_count = 0;
        return true;
    }
    for (size_t i = 0; i < policy->gutter_count; i++) {
        const struct ketch_server *s = &policy->gutter[i];
        bytes += (s->host != NULL ? strlen(s->host) + 1 : 0) +
                 (s->name != NULL ? strlen(s->name) + 1 : 0);
    }
    struct ketch_server *copy = malloc(bytes);
    if (copy == NULL)
        return false;
    char *tail = (char *)(copy + policy->gutter_count);
    for (size_t i = 0; i < policy->gutter_count; i++) {
        copy[i] = policy->gutter[i];
        if (copy[i].host != NULL)
            tail = stpcpy((char *)(copy[i].host = tail), policy->gutter[i].host) + 1;
        if (copy[i].name != NULL)
            tail = stpcpy((char *)(copy[i].name = tail), policy->gutter[i].name) + 1;
    }
    policy->gutter = client->gutter = copy;
    return true;
}

static void
free_client(struct ketch_client *client)
{
    while (client->servers != NULL)
        server_destroy(client->servers);
    pool_fini(&client->pool);
    timer_clear(&client->timers, &client->discovery);
    timer_clear(&client->timers, &client->report);
    timers_fini(&client->timers);
    tls_destroy(client->tls);
    free(client->gutter);
    free(client->ring_spec);
    free(client->user);
    free(client->password);
    free(client->prefix);
    free(client);
}

static enum ketch_status
set_up(struct ketch_client *client, char *why, size_t why_bytes)
{
    const struct ketch_server *servers = client->conf.servers;
    const struct ketch_tls_conf *tls = client->conf.tls;
    client->conf.servers = NULL;
    client->conf.tls = NULL;
    if (!copy_conf(client) || !copy_gutter(client))
        return refuse(KETCH_NO_MEMORY, "no memory", why, why_bytes);
    /* Of discovery and of the report. */
    if (!timers_reserve(&client->timers) || !timers_reserve(&client->timers))
        return refuse(KETCH_NO_MEMORY, "no memory", why, why_bytes);
    client->discovery.due = discovery_due;
    client->report.due = report_due;
    if (tls != NULL) {
        enum ketch_status status = tls_create(tls, &client->tls, why, why_bytes);
        if (status != KETCH_OK)
            return status;
    }
    return pool_replace(client, servers, client->conf.server_count, why, why_bytes);
}

enum ketch_status
ketch_client_create(const struct ketch_client_conf *conf, struct ketch_client **out, char *why,
                    size_t why_bytes)
{
    struct ketch_client_conf copy;
    ketch_client_conf_defaults(&copy, sizeof copy);
    if (conf->size < offsetof(struct ketch_client_conf, servers) || conf->size > sizeof copy)
        return refuse(KETCH_INVALID, "the configuration is not of this library's version", why,
                      why_bytes);
    memcpy(&copy, conf, conf->size);
    const char *text = objection(&copy);
    if (text != NULL)
        return refuse(KETCH_INVALID, text, why, why_bytes);
    struct ketch_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return refuse(KETCH_NO_MEMORY, "no memory", why, why_bytes);
    client->conf = copy;
    client->armed_us = KETCH_NEVER;
    client->random = copy.seed;
    enum ketch_status status = set_up(client, why, why_bytes);
    if (status != KETCH_OK) {
        free_client(client);
        return status;
    }
    *out = client;
    return KETCH_OK;
}

void
ketch_client_destroy(struct ketch_client *client)
{
    if (client == NULL)
        return;
    client->ending = true;
    client->depth++;
    for (struct server *s = client->servers; s != NULL; s = s->next)
        server_shut(s, KETCH_CANCELLED);
    fetch_cancel_all(client);
    if (client->transport != NULL)
        client->transport->detach(client->ctx);
    client->transport = NULL;
    free_client(client);
}

enum ketch_status
ketch_client_attach(struct ketch_client *client, const struct ketch_transport *transport, void *ctx)
{
    if (client->transport != NULL)
        return KETCH_CONFLICT;
    client->transport = transport;
    client->ctx = ctx;
    int64_t now_us = client_now(client);
    if (client->random == 0)
        client->random = (uint64_t)now_us ^ (uint64_t)(uintptr_t)client;
    if (client->conf.counters_ms > 0)
        timer_set(&client->timers, &client->report, now_us + client->conf.counters_ms * 1000LL);
    if (client->conf.discovery_ms > 0)
        timer_set(&client->timers, &client->discovery, now_us);
    client_enter(client);
    client_leave(client);
    return KETCH_OK;
}

void *
ketch_client_transport(const struct ketch_client *client, const struct ketch_transport *transport)
{
    return client->transport == transport ? client->ctx : NULL;
}

/* ---- coming in and going out ---- */

void
client_enter(struct ketch_client *client)
{
    client->depth++;
}

void
client_leave(struct ketch_client *client)
{
    if (--client->depth > 0)
        return;
    if (UNLIKELY(client->reap))
        reap(client);
    int64_t next_us = timers_next(&client->timers);
    bool idle = next_us == KETCH_NEVER && client->armed_us != KETCH_NEVER;
    /* A moment that comes later than the one the transport knows is found out when that one comes:
     * most deadlines are lifted long before, and timers are not free.  But nothing keeps a loop running
     * that has nothing to wait for. */
    if ((next_us < client->armed_us || idle) && client->transport != NULL) {
        client->armed_us = next_us;
        client->transport->timer(client->ctx, next_us);
    }
}

static void
reap(struct ketch_client *client)
{
    struct server *next;
    client->reap = false;
    for (struct server *s = client->servers; s != NULL; s = next) {
        next = s->next;
        if (server_is_done(s))
            server_destroy(s);
    }
}

void
ketch_client_timer(struct ketch_client *client)
{
    struct timer *timer;
    int64_t now_us = client_now(client);
    client_enter(client);
    client->armed_us = KETCH_NEVER;
    while ((timer = timers_pop(&client->timers, now_us)) != NULL)
        timer->due(timer, now_us);
    client_leave(client);
    if (client->armed_us == KETCH_NEVER)
        client->transport->timer(client->ctx, KETCH_NEVER);
}

static void
report_due(struct timer *timer, int64_t now_us)
{
    struct ketch_client *client = CONTAINER_OF(timer, struct ketch_client, report);
    timer_set(&client->timers, timer, now_us + client->conf.counters_ms * 1000LL);
    if (client->conf.on_counters != NULL)
        client->conf.on_counters(client->conf.arg, &client->counters);
}

/* ---- what the parts ask ---- */

void
client_count(struct ketch_client *client, enum ketch_status status)
{
    struct ketch_counters *c = &client->counters;
    c->completed++;
    client->wake = true;
    if (status == KETCH_MISS)
        c->misses++;
    else if (status == KETCH_TIMEOUT)
        c->timeouts++;
    else if (status <= KETCH_NO_SERVER)
        c->failures++;
}

void
client_event(struct ketch_client *client, enum ketch_event_kind kind, const struct server *server,
             enum ketch_status status, int error)
{
    if (client->conf.on_event == NULL)
        return;
    struct ketch_event event = {
        .kind = kind,
        .server = server != NULL ? server->id : KETCH_SERVER_NONE,
        .name = server != NULL ? server->name : NULL,
        .status = status,
        .error = error,
    };
    client->conf.on_event(client->conf.arg, &event);
}

int64_t
client_wire_ttl(const struct ketch_client *client, int64_t ttl_s)
{
    if (ttl_s < 0)
        return -1;
    if (ttl_s <= TTL_RELATIVE_MAX_S)
        return ttl_s;
    int64_t now_s = client->transport->unix_s(client->ctx);
    return ttl_s < INT32_MAX - now_s ? now_s + ttl_s : INT32_MAX;
}

struct ketch_bytes
client_placement_key(const struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes group)
{
    size_t skip = client->conf.prefix_hashed ? 0 : client->conf.prefix.bytes;
    if (group.bytes > 0)
        return group;
    return ketch_bytes_of((const char *)key.p + skip, key.bytes - skip);
}

/* splitmix64 */
uint64_t
client_random(struct ketch_client *client)
{
    uint64_t z = client->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

int64_t
client_jitter(struct ketch_client *client, int64_t us)
{
    int64_t span = us / 100 * client->conf.policy.jitter_percent;
    if (span <= 0)
        return us;
    return us - span + (int64_t)(client_random(client) % (uint64_t)(2 * span + 1));
}

/* ---- the pool ---- */

enum ketch_status
ketch_client_set_servers(struct ketch_client *client, const struct ketch_server *servers, size_t count,
                         char *why, size_t why_bytes)
{
    if (servers == NULL && count > 0)
        return refuse(KETCH_INVALID, "servers is missing", why, why_bytes);
    client_enter(client);
    enum ketch_status status = pool_replace(client, servers, count, why, why_bytes);
    client_leave(client);
    return status;
}

size_t
ketch_client_server_count(const struct ketch_client *client)
{
    return client->pool.count;
}

const char *
ketch_client_server_name(const struct ketch_client *client, uint32_t id)
{
    const struct server *server = pool_server(&client->pool, id);
    return server != NULL ? server->name : NULL;
}

uint32_t
ketch_client_server_of(struct ketch_client *client, struct ketch_bytes key)
{
    enum ketch_status status;
    char wire[KEY_BYTES_MAX];
    size_t prefix = client->conf.prefix_hashed ? client->conf.prefix.bytes : 0;
    if (key.bytes == 0 || key.bytes > sizeof wire - prefix)
        return KETCH_SERVER_NONE;
    memcpy(wire, client->prefix, prefix);
    memcpy(wire + prefix, key.p, key.bytes);
    const struct server *server =
        pool_route(client, ketch_bytes_of(wire, prefix + key.bytes), &status);
    return server != NULL ? server->id : KETCH_SERVER_NONE;
}

enum ketch_protocol
ketch_client_server_protocol(const struct ketch_client *client, uint32_t id)
{
    const struct server *server = pool_server(&client->pool, id);
    return server != NULL ? server->protocol : KETCH_PROTOCOL_AUTO;
}

void
ketch_client_counters(const struct ketch_client *client, struct ketch_counters *counters)
{
    *counters = client->counters;
}

size_t
ketch_client_pending(const struct ketch_client *client)
{
    return (size_t)(client->counters.requests - client->counters.completed);
}

/* ---- requests ---- */

static struct server *
server_for(struct ketch_client *client, const struct op *op, uint32_t id, enum ketch_status *status)
{
    if (!op_is_for_server(op))
        return pool_route(client, op_placement_key(op), status);
    struct server *server = pool_server(&client->pool, id);
    *status = server == NULL ? KETCH_INVALID : server->out ? server_unsent_status(server) : KETCH_OK;
    return *status == KETCH_OK ? server : NULL;
}

enum ketch_status
client_start(struct ketch_client *client, struct op *op, uint32_t id)
{
    enum ketch_status status;
    struct server *server = server_for(client, op, id, &status);
    bool counts = op->verb != VERB_FETCH; /* that is part of a request: see fetch.c */
    client_enter(client);
    client->counters.requests += counts;
    if (server != NULL)
        status = server_submit(server, op);
    if (status != KETCH_OK) {
        client->counters.requests -= counts;
        op_destroy(op);
    }
    client_leave(client);
    return status;
}

enum ketch_status
ketch_submit(struct ketch_client *client, const struct ketch_request *request)
{
    struct op *op;
    enum ketch_status status = client_accepts(client, request->arg);
    if (status != KETCH_OK)
        return status;
    if ((unsigned)request->verb >= KETCH_VERB_COUNT)
        return KETCH_INVALID;
    status = op_create(client, request, &op);
    if (status != KETCH_OK)
        return status;
    return client_start(client, op, request->server);
}

/* ---- cancelling ---- */

static void
cancel(struct timer *timer)
{
    struct op *op = CONTAINER_OF(timer, struct op, timer);
    if (op->in_sent) {
        int64_t now_us = client_now(op->client);
        conn_owes(&op->server->conn, now_us);
        timer_clear(&op->client->timers, timer);
        timer->at_us = now_us; /* it is owed from now on */
        op_end(op, KETCH_CANCELLED, 0);
    } else {
        op_abort(op, KETCH_CANCELLED, 0);
    }
}

size_t
ketch_cancel(struct ketch_client *client, const void *arg)
{
    const void *outer = client->cancelled_arg; /* a callback may cancel something else */
    bool is_outer = client->cancelling;
    size_t cancelled = 0;
    client->cancelling = true;
    client->cancelled_arg = arg;
    client_enter(client);
    /* Whatever can be cancelled has a timer.  Taking one out of the heap may move others to places that
     * were seen, so it is gone through until nothing is found. */
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 1; i <= client->timers.count; i++) {
            struct timer *timer = client->timers.heap[i];
            if (op_timer_is_of(timer, arg))
                cancel(timer);
            else if (!fetch_cancel(timer, arg))
                continue;
            cancelled++;
            found = true;
        }
    }
    client_leave(client);
    client->cancelling = is_outer;
    client->cancelled_arg = outer;
    return cancelled;
}

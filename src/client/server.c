#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/conn.h"
#include "client/mget.h"
#include "client/op.h"
#include "client/pool.h"
#include "client/server.h"

/* A request is moved to another server this often at most. */
#define MOVES_MAX 8
/* 2^so many retry_ms are more than any retry_max_ms. */
#define DOUBLINGS_MAX 31

static void retry_due(struct timer *timer, int64_t now_us);
static void connect_if_wanted(struct server *server);
static void settle(struct server *server);
static void fail(struct server *server, enum ketch_status status, int error);
static void see_to_retry(struct server *server, bool at_once);

/* ---- a server ---- */

static char *
copy_string(char *to, const char *from, const char **out)
{
    size_t bytes = from != NULL ? strlen(from) + 1 : 0;
    *out = from != NULL ? memcpy(to, from, bytes) : NULL;
    return to + bytes;
}

static void
write_name(char *to, size_t bytes, const struct ketch_server *address)
{
    const char *format = address->host[0] == '/'                  ? "%s"
                         : strchr(address->host, ':') != NULL ? "[%s]:%u"
                                                                  : "%s:%u";
    snprintf(to, bytes, format, address->host, address->port);
}

enum ketch_status
server_create(struct ketch_client *client, const struct ketch_server *address, struct server **out)
{
    size_t host = strlen(address->host) + 1, extra = sizeof "[]:65535";
    size_t name = address->name != NULL ? strlen(address->name) + 1 : 0;
    struct server *server = calloc(1, sizeof *server + 2 * host + extra + name);
    if (server == NULL)
        return KETCH_NO_MEMORY;
    /* Of the connection and of the retry. */
    if (!timers_reserve(&client->timers)) {
        free(server);
        return KETCH_NO_MEMORY;
    }
    if (!timers_reserve(&client->timers)) {
        timers_release(&client->timers);
        free(server);
        return KETCH_NO_MEMORY;
    }
    server->client = client;
    server->address = *address;
    if (address->port == 0 && address->host[0] != '/')
        server->address.port = 11211;
    char *tail = copy_string(server->tail, address->host, &server->address.host);
    tail = copy_string(tail, address->name, &server->address.name);
    write_name(tail, host + extra, &server->address);
    server->name = tail;
    server->protocol = client->conf.protocol;
    server->retry.due = retry_due;
    server->last_timeout_us = INT64_MIN;
    list_init(&server->waiting);
    conn_init(&server->conn, server);
    server->next = client->servers;
    client->servers = server;
    *out = server;
    return KETCH_OK;
}

void
server_destroy(struct server *server)
{
    struct ketch_client *client = server->client;
    struct server **at = &client->servers;
    while (*at != server)
        at = &(*at)->next;
    *at = server->next;
    conn_close(&server->conn);
    conn_fini(&server->conn);
    timer_clear(&client->timers, &server->retry);
    timers_release(&client->timers);
    timers_release(&client->timers);
    free(server);
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
server_is(const struct server *server, const struct ketch_server *address)
{
    uint16_t port = address->port == 0 && address->host[0] != '/' ? 11211 : address->port;
    return server->address.port == port && same_text(server->address.host, address->host) &&
           same_text(server->address.name, address->name);
}

/* ---- requests ---- */

/* What a gutter holds is not missed for long when the key's own server is back. */
static void
cap_ttl(const struct server *server, struct op *op)
{
    uint32_t cap_s = server->client->conf.policy.gutter_ttl_s;
    if (!server->is_gutter || cap_s == 0)
        return;
    if (op->options.ttl_s == 0 || op->options.ttl_s > cap_s)
        op->options.ttl_s = cap_s;
}

static enum ketch_status
take(struct server *server, struct op *op)
{
    struct ketch_client_conf *conf = &server->client->conf;
    if (server->ops >= conf->pending_max || server->ops_bytes + op->bytes > conf->pending_bytes_max)
        return KETCH_BUSY;
    op->server = server;
    op->server_id = server->id;
    cap_ttl(server, op);
    server->ops++;
    server->ops_bytes += op->bytes;
    return KETCH_OK;
}

static void
give_back(struct server *server, struct op *op)
{
    server->ops--;
    server->ops_bytes -= op->bytes;
    op->server = NULL;
    if (server_is_done(server))
        server->client->reap = true;
}

void
server_forget(struct server *server, struct op *op)
{
    give_back(server, op);
}

static void
wait(struct server *server, struct op *op)
{
    op->in_sent = false;
    list_append(&server->waiting, &op->link);
}

enum ketch_status
server_submit(struct server *server, struct op *op)
{
    enum ketch_status status = take(server, op);
    if (status != KETCH_OK)
        return status;
    if (server->conn.state == CONN_READY) {
        status = conn_send(&server->conn, op);
        if (status != KETCH_OK)
            give_back(server, op);
        return status;
    }
    wait(server, op);
    connect_if_wanted(server);
    return KETCH_OK;
}

/* Sends what has waited.  Each is looked up anew: what fails is told to its caller, who may do
 * anything. */
void
server_ready(struct server *server)
{
    struct ketch_client *client = server->client;
    struct link *first;
    if (server->out) {
        server->out = false;
        server->failures = 0;
        server->retries = 0;
        timer_clear(&client->timers, &server->retry);
        pool_set_live(client, server, true);
        client_event(client, KETCH_EVENT_BACK, server, KETCH_OK, 0);
    }
    client_event(client, KETCH_EVENT_CONNECTED, server, KETCH_OK, 0);
    while (server->conn.state == CONN_READY && (first = list_first(&server->waiting)) != NULL) {
        struct op *op = CONTAINER_OF(first, struct op, link);
        link_remove(first);
        enum ketch_status status = conn_send(&server->conn, op);
        if (status == KETCH_OK)
            continue;
        op_end(op, status, 0);
        op_destroy(op);
    }
}

/* ---- connections ---- */

static void
end_all(struct list *ops, enum ketch_status status, int error)
{
    struct link *first;
    while ((first = list_first(ops)) != NULL)
        op_abort(CONTAINER_OF(first, struct op, link), status, error);
}

/* Without memory another connection would end as this one did. */
static void
give_up_waiting(struct server *server, int error)
{
    struct list waiting;
    list_init(&waiting);
    list_move_all(&waiting, &server->waiting);
    end_all(&waiting, KETCH_NO_MEMORY, error != 0 ? error : ENOMEM);
}

static void
connect_if_wanted(struct server *server)
{
    int error;
    while (server->conn.state == CONN_CLOSED && !server->out && !list_is_empty(&server->waiting)) {
        enum ketch_status status = conn_open(&server->conn, &error);
        if (status == KETCH_OK)
            return;
        if (status == KETCH_NO_MEMORY) {
            give_up_waiting(server, error);
            return;
        }
        fail(server, status, error);
    }
    settle(server);
}

/* What was sent and has no reply: 'again' takes what may be sent once more, 'lost' what may not. */
static void
sort_sent(struct server *server, enum ketch_status status, struct list *again, struct list *lost)
{
    struct ketch_client *client = server->client;
    struct link *first;
    while ((first = list_first(&server->conn.ops)) != NULL) {
        struct op *op = CONTAINER_OF(first, struct op, link);
        bool unsent = op->begin >= server->conn.sent;
        bool may = op_is_read(op) && !op->resent && !client->conf.no_resend && status != KETCH_AUTH;
        link_remove(first);
        if (op->completed || !(unsent || may)) {
            list_append(lost, first);
            continue;
        }
        op->resent |= !unsent;
        op->step = 0;
        op->failure = KETCH_OK;
        op->in_sent = false;
        client->counters.retries += !unsent;
        list_append(again, first);
    }
}

/* A reply that is none was the first one's. */
static void
end_lost(struct list *ops, const struct link *head, enum ketch_status status, int error)
{
    struct link *first;
    enum ketch_status others = status == KETCH_AUTH ? KETCH_AUTH : KETCH_LOST;
    while ((first = list_first(ops)) != NULL)
        op_abort(CONTAINER_OF(first, struct op, link),
                 first == head && status == KETCH_PROTOCOL ? status : others, error);
}

/* Whether the end of a connection is the server's failure. */
static bool
is_failure(const struct server *server, enum conn_state before, enum ketch_status status)
{
    if (status == KETCH_CLIENT_ERROR || status == KETCH_NO_MEMORY || status == KETCH_CANCELLED ||
        status == KETCH_TOO_LARGE)
        return false;
    /* Servers close connections that nobody uses. */
    return before != CONN_READY || status != KETCH_LOST || !list_is_empty(&server->conn.ops);
}

void
server_disconnected(struct server *server, enum conn_state before, enum ketch_status status, int error)
{
    struct list again, lost;
    struct link *head = list_first(&server->conn.ops);
    bool failure = is_failure(server, before, status);
    bool guesses = before == CONN_PROBE && server->protocol == KETCH_PROTOCOL_AUTO &&
                   status == KETCH_LOST && !server->probe_unanswered;
    list_init(&again);
    list_init(&lost);
    sort_sent(server, status, &again, &lost);
    list_move_all(&again, &server->waiting);
    list_move_all(&server->waiting, &again);
    client_event(server->client, KETCH_EVENT_DISCONNECTED, server, status, error);
    if (guesses)
        server->probe_unanswered = true;
    else if (failure)
        fail(server, status, error);
    end_lost(&lost, head, status, error);
    if (status == KETCH_NO_MEMORY)
        give_up_waiting(server, error);
    else
        connect_if_wanted(server);
    see_to_retry(server, guesses);
}

/* ---- the policy ---- */

/* When it is tried again; one failed retry later in twice the time. */
static void
schedule_retry(struct server *server)
{
    struct ketch_client *client = server->client;
    const struct ketch_failure_policy *policy = &client->conf.policy;
    uint32_t doublings = server->retries < DOUBLINGS_MAX ? server->retries : DOUBLINGS_MAX;
    int64_t ms = (int64_t)policy->retry_ms << doublings;
    if (ms > policy->retry_max_ms)
        ms = policy->retry_max_ms;
    server->retries++;
    timer_set(&client->timers, &server->retry, client_now(client) + client_jitter(client, ms * 1000));
}

/* However a retry ended, another follows; at once if the next asks in another way. */
static void
see_to_retry(struct server *server, bool at_once)
{
    struct ketch_client *client = server->client;
    if (!server->out || server->conn.state != CONN_CLOSED || timer_is_set(&server->retry))
        return;
    if (at_once)
        timer_set(&client->timers, &server->retry, client_now(client));
    else
        schedule_retry(server);
}

static void
put_out(struct server *server)
{
    struct ketch_client *client = server->client;
    server->out = true;
    client->counters.ejections++;
    schedule_retry(server);
    pool_set_live(client, server, false);
    client_event(client, KETCH_EVENT_OUT, server, server->why, server->error);
    /* A callback may have connected before it was out. */
    conn_break(&server->conn, KETCH_CANCELLED, 0);
}

/* It was dying when it was asked for its protocol, and is no proxy. */
static void
forget_guess(struct server *server)
{
    if (server->probe_unanswered && server->client->conf.protocol == KETCH_PROTOCOL_AUTO)
        server->protocol = KETCH_PROTOCOL_AUTO;
    server->probe_unanswered = false;
}

/* Counts; requests are seen to by settle(). */
static void
fail(struct server *server, enum ketch_status status, int error)
{
    const struct ketch_failure_policy *policy = &server->client->conf.policy;
    int64_t now_us = client_now(server->client);
    server->why = status;
    server->error = error;
    if (status == KETCH_DOWN || status == KETCH_DNS || server->out)
        forget_guess(server);
    if (server->out)
        return; /* see_to_retry() */
    if (server->failures == 0 || now_us - server->window_us > (int64_t)policy->window_ms * 1000) {
        server->failures = 0;
        server->window_us = now_us;
    }
    if (++server->failures < policy->limit)
        return;
    forget_guess(server);
    put_out(server);
}

static void
retry_due(struct timer *timer, int64_t now_us)
{
    struct server *server = CONTAINER_OF(timer, struct server, retry);
    int error;
    (void)now_us;
    if (server->conn.state != CONN_CLOSED)
        return;
    enum ketch_status status = conn_open(&server->conn, &error);
    if (status != KETCH_OK)
        fail(server, status, error);
    see_to_retry(server, false);
}

void
server_timed_out(struct server *server, int64_t now_us, bool tells)
{
    /* Many requests of the same moment are one failure. */
    if (!tells || server->out || server->last_timeout_us == now_us)
        return;
    server->last_timeout_us = now_us;
    fail(server, KETCH_TIMEOUT, 0);
    if (!server->out)
        return;
    settle(server);
}

enum ketch_status
server_unsent_status(const struct server *server)
{
    switch (server->why) {
    case KETCH_AUTH:
    case KETCH_TLS:
    case KETCH_DNS:
    case KETCH_UNSUPPORTED:
    case KETCH_NO_MEMORY:
        return server->why;
    default:
        return KETCH_DOWN;
    }
}

static void
reroute(struct server *server, struct op *op)
{
    struct ketch_client *client = server->client;
    enum ketch_status status = server_unsent_status(server);
    int error = server->error;
    if (op_is_for_server(op) || op->moves >= MOVES_MAX || client->ending) {
        op_end(op, status, error);
        op_destroy(op);
        return;
    }
    op->moves++;
    if (op->mget != NULL) {
        mget_reroute(op);
        return;
    }
    struct server *other = pool_route(client, op_placement_key(op), &status);
    if (other != NULL && other != server) {
        give_back(server, op);
        client->counters.retries++;
        status = server_submit(other, op);
        if (status == KETCH_OK)
            return;
    }
    op_end(op, status, error);
    op_destroy(op);
}

/* Nothing waits for a server that is out. */
static void
settle(struct server *server)
{
    struct link *first;
    while (server->out && (first = list_first(&server->waiting)) != NULL) {
        link_remove(first);
        reroute(server, CONTAINER_OF(first, struct op, link));
    }
}

void
server_shut(struct server *server, enum ketch_status status)
{
    conn_close(&server->conn);
    end_all(&server->waiting, status, 0);
    end_all(&server->conn.ops, status, 0);
}

#include <errno.h>
#include <string.h>
#include "client/client.h"
#include "client/conn.h"
#include "client/encode.h"
#include "client/match.h"
#include "client/op.h"
#include "client/server.h"

/* Room that a read is offered at least, and that a large value is given ahead of its bytes at most:
 * twice what has come. */
#define RECEIVE_BYTES (16 * 1024)

static void move(struct ketch_conn *conn, enum conn_state to);
static void due(struct timer *timer, int64_t now_us);
static void log_in(struct ketch_conn *conn);
static void question(struct ketch_conn *conn);
static bool handshake(struct ketch_conn *conn, const struct reply *reply);
static void announce(struct ketch_conn *conn);

void
conn_init(struct ketch_conn *conn, struct server *server)
{
    *conn = (struct ketch_conn){.server = server, .timer.due = due};
    list_init(&conn->ops);
}

void
conn_fini(struct ketch_conn *conn)
{
    buffer_fini(&conn->in);
    buffer_fini(&conn->out);
}

/* ---- states ---- */

#define FROM(state) (1u << (state))

static const unsigned legal[CONN_STATE_COUNT] = {
    [CONN_CLOSED] = FROM(CONN_CONNECTING) | FROM(CONN_LOGIN) | FROM(CONN_PROBE) | FROM(CONN_READY),
    [CONN_CONNECTING] = FROM(CONN_CLOSED),
    [CONN_LOGIN] = FROM(CONN_CONNECTING),
    [CONN_PROBE] = FROM(CONN_CONNECTING) | FROM(CONN_LOGIN),
    [CONN_READY] = FROM(CONN_CONNECTING) | FROM(CONN_LOGIN) | FROM(CONN_PROBE),
};

static void
move(struct ketch_conn *conn, enum conn_state to)
{
    /* A transport that reports out of turn is stopped before this: see ketch_conn_connected(). */
    if (legal[to] & FROM(conn->state))
        conn->state = to;
}

enum ketch_status
conn_open(struct ketch_conn *conn, int *error)
{
    struct ketch_client *client = conn->server->client;
    move(conn, CONN_CONNECTING);
    conn->parser = (struct reply_parser){0};
    buffer_fini(&conn->out);
    if (!conn->parsing)
        buffer_consume(&conn->in, buffer_bytes(&conn->in));
    conn->written = conn->sent = 0;
    conn->announced = false;
    conn->data = NULL;
    client->counters.connects++;
    timer_set(&client->timers, &conn->timer,
              client_now(client) + (int64_t)client->conf.connect_timeout_ms * 1000);
    *error = 0;
    enum ketch_status status = client->transport->connect(client->ctx, conn, error);
    if (status == KETCH_OK)
        return status;
    move(conn, CONN_CLOSED);
    conn->generation++;
    timer_clear(&client->timers, &conn->timer);
    return status;
}

void
ketch_conn_connected(struct ketch_conn *conn)
{
    struct ketch_client *client = conn->server->client;
    if (conn->state != CONN_CONNECTING)
        return;
    client_enter(client);
    if (client->user != NULL)
        log_in(conn);
    else
        question(conn);
    client_leave(client);
}

static void
ready(struct ketch_conn *conn)
{
    timer_clear(&conn->server->client->timers, &conn->timer);
    move(conn, CONN_READY);
    server_ready(conn->server);
}

void
conn_close(struct ketch_conn *conn)
{
    struct ketch_client *client = conn->server->client;
    if (conn->state == CONN_CLOSED)
        return;
    move(conn, CONN_CLOSED);
    conn->generation++;
    client->counters.disconnects++;
    timer_clear(&client->timers, &conn->timer);
    if (client->transport != NULL)
        client->transport->close(client->ctx, conn);
    buffer_fini(&conn->out);
    if (!conn->parsing) /* else a result may point into it */
        buffer_fini(&conn->in);
}

void
conn_break(struct ketch_conn *conn, enum ketch_status status, int error)
{
    enum conn_state before = conn->state;
    if (before == CONN_CLOSED)
        return;
    conn_close(conn);
    server_disconnected(conn->server, before, status, error);
}

void
ketch_conn_failed(struct ketch_conn *conn, enum ketch_status status, int error)
{
    struct ketch_client *client = conn->server->client;
    client_enter(client);
    conn_break(conn, status, error);
    client_leave(client);
}

/* ---- deadlines ---- */

void
conn_owes(struct ketch_conn *conn, int64_t now_us)
{
    struct ketch_client *client = conn->server->client;
    if (conn->state == CONN_READY && !timer_is_set(&conn->timer))
        timer_set(&client->timers, &conn->timer,
                  now_us + (int64_t)client->conf.drain_timeout_ms * 1000);
}

/* The oldest of those that have ended and whose reply has not come. */
static struct op *
first_owed(const struct ketch_conn *conn)
{
    for (struct link *l = list_first(&conn->ops); l != NULL; l = list_next(&conn->ops, l)) {
        struct op *op = CONTAINER_OF(l, struct op, link);
        if (op->completed)
            return op;
    }
    return NULL;
}

static void
due(struct timer *timer, int64_t now_us)
{
    struct ketch_conn *conn = CONTAINER_OF(timer, struct ketch_conn, timer);
    struct ketch_client *client = conn->server->client;
    if (conn->state != CONN_READY) {
        conn_break(conn, KETCH_DOWN, ETIMEDOUT);
        return;
    }
    struct op *owed = first_owed(conn);
    if (owed == NULL)
        return;
    /* The timer of an op keeps the deadline that it had. */
    int64_t limit_us = owed->timer.at_us + (int64_t)client->conf.drain_timeout_ms * 1000;
    if (limit_us <= now_us)
        conn_break(conn, KETCH_TIMEOUT, ETIMEDOUT);
    else
        timer_set(&client->timers, &conn->timer, limit_us);
}

/* ---- login, and the question which protocol it is ---- */

static bool
say(struct ketch_conn *conn, enum ketch_status encoded, size_t before)
{
    if (encoded != KETCH_OK) {
        conn_break(conn, encoded, ENOMEM);
        return false;
    }
    conn->written += buffer_bytes(&conn->out) - before;
    announce(conn);
    return true;
}

static void
log_in(struct ketch_conn *conn)
{
    struct ketch_client *client = conn->server->client;
    size_t before = buffer_bytes(&conn->out);
    move(conn, CONN_LOGIN);
    say(conn, encode_login(&conn->out, client->user, client->password), before);
}

static void
question(struct ketch_conn *conn)
{
    struct server *server = conn->server;
    size_t before = buffer_bytes(&conn->out);
    if (server->protocol == KETCH_PROTOCOL_AUTO && server->probe_unanswered)
        server->protocol = KETCH_PROTOCOL_TEXT;
    if (server->protocol != KETCH_PROTOCOL_AUTO && !server->out) {
        ready(conn);
        return;
    }
    move(conn, CONN_PROBE);
    bool text = server->protocol == KETCH_PROTOCOL_TEXT;
    /* A server that wants a login closes at a line as short as a bare 'mn', and says nothing. */
    say(conn, encode_line(&conn->out, text ? "version\r\n" : "mn probe\r\n"), before);
}

static bool
says(const struct reply *reply, const char *text)
{
    return reply->rest.bytes >= strlen(text) && memcmp(reply->rest.p, text, strlen(text)) == 0;
}

static void
answered(struct ketch_conn *conn, const struct reply *reply)
{
    struct server *server = conn->server;
    bool busy = reply->kind == REPLY_ERROR && says(reply, "Too many open connections");
    bool asked_meta = server->protocol != KETCH_PROTOCOL_TEXT;
    if (reply->kind == REPLY_CLIENT_ERROR && says(reply, "unauthenticated")) {
        conn_break(conn, KETCH_AUTH, 0);
    } else if (busy || reply->kind == REPLY_SERVER_ERROR) {
        conn_break(conn, KETCH_DOWN, 0);
    } else if (asked_meta && reply->kind == REPLY_MN) {
        server->protocol = KETCH_PROTOCOL_META;
        ready(conn);
    } else if (server->client->conf.protocol == KETCH_PROTOCOL_META) {
        conn_break(conn, KETCH_UNSUPPORTED, 0);
    } else if (asked_meta ? reply->kind >= REPLY_ERROR : reply->kind == REPLY_VERSION) {
        server->protocol = KETCH_PROTOCOL_TEXT;
        ready(conn);
    } else {
        conn_break(conn, KETCH_PROTOCOL, 0);
    }
}

/* False: not what a server says here. */
static bool
handshake(struct ketch_conn *conn, const struct reply *reply)
{
    if (conn->state == CONN_PROBE) {
        answered(conn, reply);
        return true;
    }
    if (conn->state != CONN_LOGIN)
        return false;
    if (reply->kind == REPLY_STORED)
        question(conn);
    else if (reply->kind == REPLY_CLIENT_ERROR || reply->kind == REPLY_ERROR)
        conn_break(conn, KETCH_AUTH, 0);
    else
        return false;
    return true;
}

/* ---- out ---- */

static void
announce(struct ketch_conn *conn)
{
    struct ketch_client *client = conn->server->client;
    if (conn->announced)
        return;
    conn->announced = true;
    client->transport->output(client->ctx, conn);
}

enum ketch_status
conn_send(struct ketch_conn *conn, struct op *op)
{
    size_t before = buffer_bytes(&conn->out);
    op->opaque = conn->next_opaque;
    enum ketch_status status = encode_op(&conn->out, op, conn->server->protocol);
    if (status != KETCH_OK)
        return status;
    conn->next_opaque += op->verb == VERB_MGET ? op->key_count : 1;
    op->begin = conn->written;
    conn->written += buffer_bytes(&conn->out) - before;
    op->in_sent = true;
    list_append(&conn->ops, &op->link);
    announce(conn);
    return KETCH_OK;
}

struct ketch_bytes
ketch_conn_output(struct ketch_conn *conn)
{
    if (conn->out.p == NULL)
        return ketch_bytes_of(NULL, 0);
    return ketch_bytes_of(buffer_content(&conn->out), buffer_bytes(&conn->out));
}

void
ketch_conn_sent(struct ketch_conn *conn, size_t bytes)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn->sent += bytes;
    conn->server->client->counters.bytes_sent += bytes;
    buffer_consume(&conn->out, bytes);
    if (buffer_bytes(&conn->out) == 0)
        conn->announced = false;
}

/* ---- in ---- */

void *
ketch_conn_reserve(struct ketch_conn *conn, size_t *room)
{
    struct ketch_client *client = conn->server->client;
    size_t have = buffer_bytes(&conn->in);
    size_t want = conn->parser.need > have ? conn->parser.need - have : 0;
    size_t most = have > RECEIVE_BYTES ? have : RECEIVE_BYTES;
    want = want < RECEIVE_BYTES ? RECEIVE_BYTES : want > most ? most : want;
    char *p = buffer_reserve(&conn->in, want);
    if (p == NULL) {
        client_enter(client);
        conn_break(conn, KETCH_NO_MEMORY, ENOMEM);
        client_leave(client);
        return NULL;
    }
    *room = conn->in.capacity - conn->in.end;
    return p;
}

/* A value that the caller does not want is not read either.  That is nobody's failure: a server
 * with one such item is not put out. */
static void
refuse_value(struct ketch_conn *conn)
{
    uint32_t generation = conn->generation;
    op_abort(CONTAINER_OF(list_first(&conn->ops), struct op, link), KETCH_TOO_LARGE, 0);
    if (conn->generation == generation)
        conn_break(conn, KETCH_TOO_LARGE, 0);
}

/* One reply.  False: there is no whole one, or the connection is closed. */
static bool
take_reply(struct ketch_conn *conn, uint32_t generation)
{
    struct reply reply;
    size_t limit = conn->server->client->conf.value_bytes_max;
    enum reply_status status = reply_parse(&conn->parser, buffer_content(&conn->in),
                                           buffer_bytes(&conn->in), limit, &reply);
    if (status == REPLY_MORE)
        return false;
    if (status == REPLY_LARGE && conn->state == CONN_READY && !list_is_empty(&conn->ops)) {
        refuse_value(conn);
        return false;
    }
    bool fits = status == REPLY_WHOLE &&
                (conn->state == CONN_READY ? match_reply(conn, &reply) : handshake(conn, &reply));
    if (conn->generation != generation)
        return false;
    if (!fits) {
        conn_break(conn, KETCH_PROTOCOL, EPROTO);
        return false;
    }
    conn->server->probe_unanswered = false; /* what was guessed is right */
    buffer_consume(&conn->in, reply.bytes);
    return true;
}

bool
ketch_conn_commit(struct ketch_conn *conn, size_t bytes)
{
    struct ketch_client *client = conn->server->client;
    uint32_t generation = conn->generation;
    if (conn->state <= CONN_CONNECTING)
        return false;
    client_enter(client);
    client->counters.bytes_received += bytes;
    buffer_commit(&conn->in, bytes);
    conn->parsing = true;
    while (buffer_bytes(&conn->in) > 0 && take_reply(conn, generation))
        ;
    conn->parsing = false;
    bool open = conn->generation == generation;
    if (!open)
        buffer_fini(&conn->in);
    /* The last reply of a server that is in no pool any more: it goes when the client is left. */
    open = open && !(client->depth == 1 && server_is_done(conn->server));
    client_leave(client);
    return open;
}

/* ---- for the transport ---- */

const struct ketch_server *
ketch_conn_server(const struct ketch_conn *conn)
{
    return &conn->server->address;
}

struct ketch_tls *
ketch_conn_tls(const struct ketch_conn *conn)
{
    return conn->server->client->tls;
}

bool
ketch_conn_owes(const struct ketch_conn *conn)
{
    if (conn->state == CONN_READY)
        return !list_is_empty(&conn->ops);
    return conn->state != CONN_CLOSED;
}

void
ketch_conn_set_data(struct ketch_conn *conn, void *data)
{
    conn->data = data;
}

void *
ketch_conn_data(const struct ketch_conn *conn)
{
    return conn->data;
}

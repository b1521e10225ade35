#include <string.h>
#include "client/client.h"
#include "client/conn.h"
#include "client/match.h"
#include "client/mget.h"
#include "client/op.h"

#define BIT(kind) (1u << REPLY_##kind)

static bool match_error(struct ketch_conn *conn, struct op *op, const struct reply *reply);
static bool match_meta(struct ketch_conn *conn, struct op *op, const struct reply *reply);
static bool match_text(struct ketch_conn *conn, struct op *op, const struct reply *reply);

/* ---- what may come, and what it means ---- */

#define STORE_META BIT(HD) | BIT(NS) | BIT(EX) | BIT(NF)
#define STORE_TEXT BIT(STORED) | BIT(NOT_STORED) | BIT(EXISTS) | BIT(NOT_FOUND)
#define GET_META   BIT(VA) | BIT(EN)
#define GET_TEXT   BIT(VALUE) | BIT(END)
#define ARITH_META BIT(VA) | BIT(NF) | BIT(NS) | BIT(EX)
#define ARITH_TEXT BIT(NUMBER) | BIT(NOT_FOUND) | BIT(STORED) | BIT(NOT_STORED)
#define ANY_META                                                                                   \
    BIT(HD) | BIT(VA) | BIT(EN) | BIT(NF) | BIT(NS) | BIT(EX) | BIT(ME)
#define STATS_TEXT BIT(STAT) | BIT(OTHER) | BIT(NUMBER) | BIT(END) | BIT(RESET) | BIT(OK)

static const struct {
    uint32_t meta, text;
} expected[VERB_COUNT] = {
    [KETCH_VERB_GET] = {GET_META, GET_TEXT},
    [KETCH_VERB_GAT] = {GET_META, GET_TEXT},
    [KETCH_VERB_TOUCH] = {BIT(HD) | BIT(EN), BIT(TOUCHED) | BIT(NOT_FOUND)},
    [KETCH_VERB_SET] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_ADD] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_REPLACE] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_APPEND] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_PREPEND] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_CAS] = {STORE_META, STORE_TEXT},
    [KETCH_VERB_INCR] = {ARITH_META, ARITH_TEXT},
    [KETCH_VERB_DECR] = {ARITH_META, ARITH_TEXT},
    [KETCH_VERB_DELETE] = {BIT(HD) | BIT(NF) | BIT(EX), BIT(DELETED) | BIT(NOT_FOUND)},
    [KETCH_VERB_INVALIDATE] = {BIT(HD) | BIT(NF) | BIT(EX) | BIT(NS), 0},
    [KETCH_VERB_META] = {ANY_META, 0},
    [KETCH_VERB_FLUSH] = {BIT(OK), BIT(OK)},
    [KETCH_VERB_VERSION] = {BIT(VERSION), BIT(VERSION)},
    [KETCH_VERB_STATS] = {STATS_TEXT, STATS_TEXT},
    [KETCH_VERB_CONFIG] = {BIT(CONFIG) | BIT(END), BIT(CONFIG) | BIT(END)},
    [VERB_MGET] = {BIT(VA) | BIT(MN), GET_TEXT},
    [VERB_FETCH] = {GET_META, GET_TEXT},
};

static enum ketch_status
status_of(enum reply_kind kind)
{
    switch (kind) {
    case REPLY_EN:
    case REPLY_NF:
    case REPLY_END:
    case REPLY_NOT_FOUND:
        return KETCH_MISS;
    case REPLY_NS:
    case REPLY_NOT_STORED:
        return KETCH_NOT_STORED;
    case REPLY_EX:
    case REPLY_EXISTS:
        return KETCH_EXISTS;
    default:
        return KETCH_OK;
    }
}

bool
match_reply(struct ketch_conn *conn, const struct reply *reply)
{
    struct link *first = list_first(&conn->ops);
    if (first == NULL)
        return false;
    struct op *op = CONTAINER_OF(first, struct op, link);
    if (reply->kind >= REPLY_ERROR)
        return match_error(conn, op, reply);
    bool meta = conn->server->protocol == KETCH_PROTOCOL_META;
    if ((1u << reply->kind & (meta ? expected[op->verb].meta : expected[op->verb].text)) == 0)
        return false;
    return meta && !op_is_for_server(op) ? match_meta(conn, op, reply) : match_text(conn, op, reply);
}

/* Its last reply: the op leaves the connection, is completed if it was not, and is gone. */
static void
finish(struct op *op, const struct ketch_result *r)
{
    link_remove(&op->link);
    if (op->completed)
        op->client->counters.late++;
    else
        op_complete(op, r);
    op_destroy(op);
}

static void
finish_with(struct op *op, enum ketch_status status)
{
    struct ketch_result r;
    op_result(op, status, 0, &r);
    finish(op, &r);
}

/* The last reply of a multi-get. */
static void
finish_mget(struct op *op)
{
    link_remove(&op->link);
    if (op->completed)
        op->client->counters.late++;
    op_end(op, op->failure != KETCH_OK ? op->failure : KETCH_MISS, 0);
    op_destroy(op);
}

/* ---- errors ---- */

static bool
says(const struct reply *reply, const char *text)
{
    size_t bytes = strlen(text);
    return reply->rest.bytes >= bytes && memcmp(reply->rest.p, text, bytes) == 0;
}

static enum ketch_status
error_status(const struct reply *reply)
{
    if (reply->kind == REPLY_SERVER_ERROR)
        return says(reply, "object too large") ? KETCH_TOO_LARGE : KETCH_SERVER_ERROR;
    if (reply->kind == REPLY_CLIENT_ERROR &&
        (says(reply, "unauthenticated") || says(reply, "authentication failure") ||
         says(reply, "bad authentication token format")))
        return KETCH_AUTH;
    return KETCH_CLIENT_ERROR;
}

/* The server may have taken the value for commands; their replies would come next. */
static bool
may_be_out_of_step(const struct op *op, const struct reply *reply)
{
    if (op->value.p == NULL || op->value.bytes == 0)
        return false;
    return reply->kind == REPLY_ERROR || says(reply, "bad data chunk") ||
           says(reply, "bad command line format") || says(reply, "line too long");
}

/* A server that was replaced by one that knows no meta commands.  What it refused was not carried
 * out, and is sent again when its protocol is known. */
static bool
ask_protocol_again(struct ketch_conn *conn, struct op *op)
{
    if (conn->server->client->conf.protocol != KETCH_PROTOCOL_AUTO || op->resent)
        return false;
    op->resent = true;
    op->begin = UINT64_MAX; /* as if it had not been sent */
    conn->server->protocol = KETCH_PROTOCOL_AUTO;
    conn_break(conn, KETCH_CLIENT_ERROR, 0);
    return true;
}

static void
finish_error(struct op *op, enum ketch_status status, const struct reply *reply)
{
    struct ketch_result r;
    op_result(op, status, 0, &r);
    r.message = reply->rest;
    finish(op, &r);
}

static bool
match_error(struct ketch_conn *conn, struct op *op, const struct reply *reply)
{
    bool meta = conn->server->protocol == KETCH_PROTOCOL_META && !op_is_for_server(op);
    bool unknown = reply->kind == REPLY_ERROR && reply->rest.bytes == 0;
    enum ketch_status status = error_status(reply);
    if (reply->kind == REPLY_ERROR && says(reply, "Too many open connections")) {
        conn_break(conn, KETCH_DOWN, 0);
        return true;
    }
    if (meta && unknown && ask_protocol_again(conn, op))
        return true;
    if (meta && op->verb == VERB_MGET && !unknown && status != KETCH_AUTH) {
        op->failure = status; /* of one key, it does not say which; MN ends the batch */
        return true;
    }
    bool breaks = (meta && unknown) || status == KETCH_AUTH || may_be_out_of_step(op, reply);
    uint32_t generation = conn->generation;
    if (op->verb == VERB_MGET) {
        op->failure = status;
        finish_mget(op);
    } else {
        finish_error(op, status, reply);
    }
    if (breaks && conn->generation == generation)
        conn_break(conn, status, 0);
    return true;
}

/* ---- meta ---- */

static bool
read_digits(struct ketch_bytes text, uint64_t *number)
{
    const char *p = text.p;
    uint64_t n = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned digit = (unsigned char)p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *number = n;
    return text.bytes > 0;
}

static void
fill_meta(const struct reply *reply, const struct reply_meta *m, struct ketch_result *r)
{
    r->value = reply->value;
    r->flags = m->flags;
    r->cas = m->cas;
    r->ttl_s = m->ttl_s;
    r->idle_s = m->idle_s;
    r->hit_before = m->hit;
    r->marks = (m->won ? KETCH_WON : 0u) | (m->taken ? KETCH_TAKEN : 0u) |
               (m->stale ? KETCH_STALE : 0u);
}

static bool
match_meta_mget(struct op *op, const struct reply *reply, const struct reply_meta *m)
{
    if (reply->kind == REPLY_MN) {
        finish_mget(op);
        return true;
    }
    uint32_t i = m->opaque - op->opaque;
    if (!m->has_opaque || i >= op->key_count)
        return false;
    if (op->completed)
        return true;
    if (op->keys[i].answered)
        return false;
    struct ketch_result r;
    op_result(op, KETCH_OK, 0, &r);
    fill_meta(reply, m, &r);
    mget_answer(op, &op->keys[i], &r);
    return true;
}

static void
fill_code(const struct reply *reply, struct ketch_result *r)
{
    static const char codes[][3] = {
        [REPLY_HD] = "HD", [REPLY_VA] = "VA", [REPLY_EN] = "EN", [REPLY_NF] = "NF",
        [REPLY_NS] = "NS", [REPLY_EX] = "EX", [REPLY_ME] = "ME",
    };
    memcpy(r->code, codes[reply->kind], sizeof r->code);
    r->meta = reply->rest;
}

static bool
match_meta(struct ketch_conn *conn, struct op *op, const struct reply *reply)
{
    struct reply_meta m;
    struct ketch_result r;
    (void)conn;
    bool dump = op->verb == KETCH_VERB_META && op->command[1] == 'e'; /* brings no opaque */
    if (dump)
        memset(&m, 0, sizeof m);
    else if (!reply_meta_read(reply->rest, &m))
        return false;
    if (op->verb == VERB_MGET)
        return match_meta_mget(op, reply, &m);
    if (!dump && (!m.has_opaque || m.opaque != op->opaque))
        return false;
    op_result(op, status_of(reply->kind), 0, &r);
    fill_meta(reply, &m, &r);
    if (op->verb == KETCH_VERB_META)
        fill_code(reply, &r);
    bool arith = op->verb == KETCH_VERB_INCR || op->verb == KETCH_VERB_DECR;
    if (arith && reply->kind == REPLY_VA && !read_digits(reply->value, &r.number))
        return false;
    finish(op, &r);
    return true;
}

/* ---- text ---- */

static bool
same(struct ketch_bytes a, const void *p, size_t bytes)
{
    return a.bytes == bytes && memcmp(a.p, p, bytes) == 0;
}

static void
fill_text(const struct reply *reply, struct ketch_result *r)
{
    r->value = reply->value;
    r->flags = reply->flags;
    r->cas = reply->has_cas ? reply->number : 0;
}

/* One value, then END. */
static bool
match_text_get(struct op *op, const struct reply *reply)
{
    if (reply->kind == REPLY_END) {
        if (op->step == 0) {
            finish_with(op, KETCH_MISS);
        } else { /* completed by its value */
            link_remove(&op->link);
            op_destroy(op);
        }
        return true;
    }
    bool config = op->verb == KETCH_VERB_CONFIG;
    if (op->step != 0 || (!config && !same(reply->key, op->key.p, op->key.bytes)))
        return false;
    op->step = 1;
    if (op->completed) {
        op->client->counters.late++;
        return true;
    }
    struct ketch_result r;
    op_result(op, KETCH_OK, 0, &r);
    fill_text(reply, &r);
    op_complete(op, &r);
    return true;
}

/* The values come in the order of the keys, or in another if the server is a proxy. */
static struct mget_key *
find_key(struct op *op, struct ketch_bytes name)
{
    for (uint32_t n = 0; n < op->key_count; n++) {
        struct mget_key *key = &op->keys[op->cursor];
        op->cursor = op->cursor + 1 < op->key_count ? op->cursor + 1 : 0;
        if ((op->completed || !key->answered) && same(name, key->p, key->bytes))
            return key;
    }
    return NULL;
}

static bool
match_text_mget(struct op *op, const struct reply *reply)
{
    if (reply->kind == REPLY_END) {
        finish_mget(op);
        return true;
    }
    struct mget_key *key = find_key(op, reply->key);
    if (key == NULL || op->keys_left == 0)
        return false;
    if (op->completed) { /* too late, but it must be one that is owed */
        op->keys_left--;
        return true;
    }
    struct ketch_result r;
    op_result(op, KETCH_OK, 0, &r);
    fill_text(reply, &r);
    mget_answer(op, key, &r);
    return true;
}

/* The next step of what text can do only in several. */
static void
send_step(struct ketch_conn *conn, struct op *op, uint8_t step)
{
    link_remove(&op->link);
    op->step = step;
    enum ketch_status status = conn_send(conn, op);
    if (status != KETCH_OK) {
        op_end(op, status, 0);
        op_destroy(op);
    }
}

static bool
match_text_arith(struct ketch_conn *conn, struct op *op, const struct reply *reply)
{
    bool adding = op->step == 1;
    bool of_add = reply->kind == REPLY_STORED || reply->kind == REPLY_NOT_STORED;
    bool has_initial = op->options.want & KETCH_WANT_INITIAL;
    if (adding != of_add)
        return false;
    if (!op->completed && reply->kind == REPLY_NOT_FOUND && has_initial && op->step == 0) {
        send_step(conn, op, 1);
        return true;
    }
    if (!op->completed && reply->kind == REPLY_NOT_STORED) {
        send_step(conn, op, 2);
        return true;
    }
    struct ketch_result r;
    op_result(op, status_of(reply->kind), 0, &r);
    r.number = reply->kind == REPLY_NUMBER ? reply->number : adding ? op->options.initial : 0;
    finish(op, &r);
    return true;
}

static bool
match_stats(struct op *op, const struct reply *reply)
{
    bool last = reply->kind == REPLY_END || reply->kind == REPLY_RESET || reply->kind == REPLY_OK;
    if (last) {
        finish_with(op, KETCH_OK);
        return true;
    }
    if (op->completed)
        return true;
    struct ketch_result r;
    op_result(op, KETCH_OK, 0, &r);
    r.key = reply->key;
    r.value = reply->rest;
    if (reply->kind == REPLY_STAT) {
        size_t skip = (size_t)((const char *)reply->key.p + reply->key.bytes -
                               (const char *)reply->rest.p);
        skip += skip < reply->rest.bytes; /* the space */
        r.value = ketch_bytes_of((const char *)reply->rest.p + skip, reply->rest.bytes - skip);
    }
    op->each(op->arg, &r);
    return true;
}

static bool
match_text(struct ketch_conn *conn, struct op *op, const struct reply *reply)
{
    switch (op->verb) {
    case KETCH_VERB_GET:
    case KETCH_VERB_GAT:
    case VERB_FETCH:
    case KETCH_VERB_CONFIG:
        return match_text_get(op, reply);
    case VERB_MGET:
        return match_text_mget(op, reply);
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
        return match_text_arith(conn, op, reply);
    case KETCH_VERB_STATS:
        return match_stats(op, reply);
    default:
        break;
    }
    struct ketch_result r;
    op_result(op, status_of(reply->kind), 0, &r);
    if (op->verb == KETCH_VERB_VERSION)
        r.value = reply->rest;
    finish(op, &r);
    return true;
}

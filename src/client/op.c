#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/conn.h"
#include "client/fetch.h"
#include "client/key.h"
#include "client/mget.h"
#include "client/op.h"
#include "client/server.h"

static enum ketch_status check(const struct ketch_client *client, const struct ketch_request *r);
static void due(struct timer *timer, int64_t now_us);

/* ---- verbs ---- */

enum {
    HAS_KEY = 1,
    HAS_VALUE = 2,
    IS_READ = 4,
    FOR_SERVER = 8,
};

static const uint8_t traits[VERB_COUNT] = {
    [KETCH_VERB_GET] = HAS_KEY | IS_READ,
    [KETCH_VERB_GAT] = HAS_KEY,
    [KETCH_VERB_TOUCH] = HAS_KEY,
    [KETCH_VERB_SET] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_ADD] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_REPLACE] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_APPEND] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_PREPEND] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_CAS] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_INCR] = HAS_KEY,
    [KETCH_VERB_DECR] = HAS_KEY,
    [KETCH_VERB_DELETE] = HAS_KEY,
    [KETCH_VERB_INVALIDATE] = HAS_KEY,
    [KETCH_VERB_META] = HAS_KEY | HAS_VALUE,
    [KETCH_VERB_FLUSH] = FOR_SERVER,
    [KETCH_VERB_VERSION] = FOR_SERVER | IS_READ,
    [KETCH_VERB_STATS] = FOR_SERVER,
    [KETCH_VERB_CONFIG] = FOR_SERVER | IS_READ,
    [VERB_MGET] = IS_READ,
    /* A second fetch would find the place taken by the first. */
    [VERB_FETCH] = HAS_KEY,
};

bool
op_is_read(const struct op *op)
{
    return traits[op->verb] & IS_READ;
}

bool
op_is_for_server(const struct op *op)
{
    return traits[op->verb] & FOR_SERVER;
}

/* ---- making one ---- */

static char *
copy(char **tail, struct ketch_bytes from, struct ketch_bytes *to)
{
    *to = (struct ketch_bytes){*tail, from.bytes};
    if (from.bytes > 0)
        memcpy(*tail, from.p, from.bytes);
    return *tail += from.bytes;
}

static enum ketch_status
allocate(struct ketch_client *client, size_t tail_bytes, struct op **out)
{
    if (!timers_reserve(&client->timers))
        return KETCH_NO_MEMORY;
    struct op *op = malloc(sizeof *op + tail_bytes);
    if (op == NULL) {
        timers_release(&client->timers);
        return KETCH_NO_MEMORY;
    }
    memset(op, 0, sizeof *op);
    op->client = client;
    op->server_id = KETCH_SERVER_NONE;
    op->timer.due = due;
    op->bytes = sizeof *op + tail_bytes;
    *out = op;
    return KETCH_OK;
}

static void
copy_parts(struct op *op, const struct ketch_request *r)
{
    char *tail = op->tail;
    op->key = (struct ketch_bytes){tail, r->key.bytes};
    if (traits[r->verb] & HAS_KEY) {
        struct ketch_bytes prefix;
        copy(&tail, op->client->conf.prefix, &prefix);
        op->key.bytes += prefix.bytes;
    }
    struct ketch_bytes rest;
    copy(&tail, r->key, &rest);
    copy(&tail, r->options.group, &op->options.group);
    copy(&tail, r->meta, &op->meta);
    copy(&tail, r->value, &op->value);
}

enum ketch_status
op_create(struct ketch_client *client, const struct ketch_request *r, struct op **out)
{
    enum ketch_status status = check(client, r);
    if (status != KETCH_OK)
        return status;
    struct op *op;
    status = allocate(client, client->conf.prefix.bytes + r->key.bytes + r->options.group.bytes +
                                  r->meta.bytes + r->value.bytes, &op);
    if (status != KETCH_OK)
        return status;
    op->verb = (uint8_t)r->verb;
    op->options = r->options;
    op->delta = r->delta;
    op->each = r->each;
    op->done = r->done;
    op->arg = r->arg;
    memcpy(op->command, r->command, sizeof op->command);
    copy_parts(op, r);
    op->binary_key = (traits[op->verb] & HAS_KEY) && !key_is_plain(op->key);
    uint32_t timeout_ms = r->options.timeout_ms != 0 ? r->options.timeout_ms : client->conf.timeout_ms;
    timer_set(&client->timers, &op->timer, client_now(client) + (int64_t)timeout_ms * 1000);
    *out = op;
    return KETCH_OK;
}

enum ketch_status
op_create_mget(struct ketch_client *client, struct mget *mget, struct mget_key *keys, uint32_t count,
               int64_t deadline_us, struct op **out)
{
    struct op *op;
    enum ketch_status status = allocate(client, 0, &op);
    if (status != KETCH_OK)
        return status;
    op->verb = VERB_MGET;
    op->options = mget->options;
    op->mget = mget;
    mget->refs++;
    op->keys = keys;
    op->key_count = op->keys_left = count;
    op->arg = mget->arg;
    op->bytes += count * sizeof *keys;
    timer_set(&client->timers, &op->timer, deadline_us);
    *out = op;
    return KETCH_OK;
}

void
op_destroy(struct op *op)
{
    timer_clear(&op->client->timers, &op->timer);
    timers_release(&op->client->timers);
    if (op->server != NULL)
        server_forget(op->server, op);
    if (op->mget != NULL)
        mget_unref(op->mget);
    free(op);
}

/* ---- what is allowed ---- */

static enum ketch_status
check_key(const struct ketch_client *client, struct ketch_bytes key)
{
    size_t bytes = client->conf.prefix.bytes + key.bytes;
    if (key.p == NULL || key.bytes == 0 || key.bytes > KEY_BYTES_MAX - client->conf.prefix.bytes)
        return KETCH_BAD_KEY;
    if (key_is_plain(key) && key_is_plain(client->conf.prefix))
        return KETCH_OK;
    if (BASE64_BYTES(bytes) > KEY_BYTES_MAX || client->conf.protocol == KETCH_PROTOCOL_TEXT)
        return KETCH_BAD_KEY;
    return KETCH_OK;
}

/* Words of letters and digits only, none of which is one that we set ourselves, or that would keep the
 * server silent. */
static bool
meta_is_good(struct ketch_bytes flags)
{
    const char *p = flags.p;
    for (size_t i = 0; i < flags.bytes; i++) {
        bool begins = p[i] != ' ' && (i == 0 || p[i - 1] == ' ');
        if ((unsigned char)p[i] < 0x20 || (unsigned char)p[i] >= 0x7f)
            return false;
        if (begins && strchr("qkOb", p[i]) != NULL)
            return false;
    }
    return flags.bytes < 512;
}

static enum ketch_status
check_meta(const struct ketch_request *r)
{
    static const char commands[][3] = {"mg", "ms", "md", "ma", "me"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        known |= strncmp(r->command, commands[i], sizeof commands[i]) == 0;
    bool has_value = r->value.p != NULL;
    if (!known || !meta_is_good(r->meta) || has_value != (r->command[1] == 's'))
        return KETCH_INVALID;
    return KETCH_OK;
}

/* The words behind 'stats'. */
static bool
group_is_good(struct ketch_bytes group)
{
    const unsigned char *p = group.p;
    for (size_t i = 0; i < group.bytes; i++)
        if (p[i] < 0x20 || p[i] >= 0x7f)
            return false;
    return group.bytes < 200;
}

static enum ketch_status
check(const struct ketch_client *client, const struct ketch_request *r)
{
    if ((unsigned)r->verb >= VERB_COUNT || r->done == NULL)
        return KETCH_INVALID;
    if (r->value.bytes > client->conf.value_bytes_max)
        return KETCH_TOO_LARGE;
    if (r->verb == KETCH_VERB_CAS && r->options.cas == 0)
        return KETCH_INVALID;
    if (r->verb == KETCH_VERB_META && check_meta(r) != KETCH_OK)
        return KETCH_INVALID;
    if (r->verb == KETCH_VERB_STATS && (r->each == NULL || !group_is_good(r->key)))
        return KETCH_INVALID;
    return traits[r->verb] & HAS_KEY ? check_key(client, r->key) : KETCH_OK;
}

/* ---- its end ---- */

struct ketch_bytes
op_placement_key(const struct op *op)
{
    return client_placement_key(op->client, op->key, op->options.group);
}

/* Copied, since gcc clears a struct of this size with 'rep stos', which is slow to start. */
static const struct ketch_result blank;

void
op_result(const struct op *op, enum ketch_status status, int error, struct ketch_result *r)
{
    *r = blank;
    r->status = status;
    r->error = error;
    r->text = ketch_status_text(status);
    r->server = op->server_id;
    r->server_name = op->server != NULL ? op->server->name : NULL;
    r->key = op->key;
    if (traits[op->verb] & HAS_KEY) {
        size_t prefix = op->client->conf.prefix.bytes;
        r->key = ketch_bytes_of((const char *)op->key.p + prefix, op->key.bytes - prefix);
    }
}

void
op_complete(struct op *op, const struct ketch_result *r)
{
    if (op->completed)
        return;
    op->completed = true;
    timer_clear(&op->client->timers, &op->timer);
    if (op->verb != VERB_FETCH)
        client_count(op->client, r->status);
    op->done(op->arg, r);
}

void
op_end(struct op *op, enum ketch_status status, int error)
{
    if (op->completed)
        return;
    if (op->mget != NULL) {
        mget_end(op, status, error);
        return;
    }
    struct ketch_result r;
    op_result(op, status, error, &r);
    op_complete(op, &r);
}

void
op_abort(struct op *op, enum ketch_status status, int error)
{
    if (op->link.next != NULL)
        link_remove(&op->link);
    op_end(op, status, error);
    op_destroy(op);
}

bool
op_timer_is_of(const struct timer *timer, const void *arg)
{
    if (timer->due != due)
        return false;
    const struct op *op = CONTAINER_OF(timer, struct op, timer);
    return (op->verb == VERB_FETCH ? fetch_arg(op->arg) : op->arg) == arg;
}

/* The deadline.  A request that was sent keeps its place for the reply that may still come. */
static void
due(struct timer *timer, int64_t now_us)
{
    struct op *op = CONTAINER_OF(timer, struct op, timer);
    struct server *server = op->server;
    bool in_sent = op->in_sent;
    /* One that came from a server that is out has not had its whole time here: it would put one server
     * out after the other. */
    bool tells = in_sent && op->moves == 0;
    if (in_sent) {
        conn_owes(&server->conn, now_us);
        op_end(op, KETCH_TIMEOUT, 0);
    } else {
        op_abort(op, KETCH_TIMEOUT, 0);
    }
    server_timed_out(server, now_us, tells);
}

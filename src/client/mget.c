#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/key.h"
#include "client/mget.h"
#include "client/op.h"
#include "client/placement.h"
#include "client/pool.h"
#include "client/server.h"

/* Keys of one op: a line of 'get' of some 64 KiB at most, and a bound on what a proxy that mixes the
 * order of its values can make us search. */
#define BATCH_KEYS_MAX 1024

/* Keys whose servers are looked up at once. */
#define PICK_KEYS 64

static void complete_key(struct mget *mget, struct mget_key *key, struct ketch_client *client,
                         struct ketch_result *r);
static void release(struct mget *mget, struct ketch_client *client);
static void start_slices(struct ketch_client *client, struct mget *mget, struct mget_key *keys,
                         size_t count, int64_t deadline_us, uint8_t moves);

/* ---- answers ---- */

static void
complete_key(struct mget *mget, struct mget_key *key, struct ketch_client *client,
             struct ketch_result *r)
{
    size_t prefix = client->conf.prefix.bytes;
    key->answered = true;
    r->index = key->index;
    r->key = ketch_bytes_of(key->p + prefix, key->bytes - prefix);
    if (mget->first == KETCH_OK && r->status != KETCH_OK && r->status != KETCH_MISS)
        mget->first = r->status;
    client_count(client, r->status);
    mget->each(mget->arg, r);
}

void
mget_answer(struct op *op, struct mget_key *key, struct ketch_result *r)
{
    op->keys_left--;
    complete_key(op->mget, key, op->client, r);
}

/* From here on the op counts as completed, and only what was copied from it is used: callbacks may make
 * it go, and with the last op the mget would. */
void
mget_end(struct op *op, enum ketch_status status, int error)
{
    struct mget *mget = op->mget;
    struct mget_key *keys = op->keys;
    struct ketch_client *client = op->client;
    uint32_t count = op->key_count;
    struct ketch_result basic;
    bool text = op->server != NULL && op->server->protocol == KETCH_PROTOCOL_TEXT;
    if (op->completed)
        return;
    op_result(op, status, error, &basic);
    op->completed = true;
    timer_clear(&client->timers, &op->timer);
    mget->refs++;
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i].answered)
            continue;
        struct ketch_result r = basic;
        if (text && keys[i].binary) {
            r.status = KETCH_BAD_KEY;
            r.text = ketch_status_text(r.status);
        }
        complete_key(mget, &keys[i], client, &r);
    }
    release(mget, client);
    mget_unref(mget);
}

static void
release(struct mget *mget, struct ketch_client *client)
{
    struct ketch_result r = {0};
    (void)client;
    if (--mget->ops_left > 0)
        return;
    r.status = mget->first;
    r.text = ketch_status_text(r.status);
    r.server = KETCH_SERVER_NONE;
    mget->done(mget->arg, &r);
}

void
mget_unref(struct mget *mget)
{
    if (--mget->refs == 0)
        free(mget);
}

/* ---- which server gets which ---- */

static int
by_server(const void *a, const void *b)
{
    const struct mget_key *x = a, *y = b;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Sorting in place is for the rare case; a new multi-get counts and distributes. */
static void
start_sorted(struct ketch_client *client, struct mget *mget, struct mget_key *keys, size_t count,
             int64_t deadline_us, uint8_t moves)
{
    qsort(keys, count, sizeof *keys, by_server);
    start_slices(client, mget, keys, count, deadline_us, moves);
}

static void
end_keys(struct ketch_client *client, struct mget *mget, struct mget_key *keys, size_t count,
         enum ketch_status status, int error)
{
    for (size_t i = 0; i < count; i++) {
        struct ketch_result r = {.status = status, .error = error, .text = ketch_status_text(status),
                                 .server = keys[i].server};
        if (!keys[i].answered)
            complete_key(mget, &keys[i], client, &r);
    }
}

/* Where a key goes whose server may be out. */
static uint32_t
route_key(struct ketch_client *client, struct mget *mget, const struct mget_key *key, uint32_t owner)
{
    enum ketch_status status;
    if (owner >= client->pool.count)
        return KETCH_SERVER_NONE;
    struct server *server = client->pool.servers[owner];
    if (LIKELY(!server->out))
        return owner;
    struct ketch_bytes wire = {key->p, key->bytes};
    struct server *other =
        pool_route_from(client, server, client_placement_key(client, wire, mget->group), &status);
    /* Its own will say why it cannot be asked. */
    bool stays = other == NULL && client->conf.policy.eject == KETCH_EJECT_NONE;
    return stays ? owner : other != NULL ? other->id : KETCH_SERVER_NONE;
}

/* One op for the keys of one server; they end here if it cannot be made. */
static void
start_slice(struct ketch_client *client, struct mget *mget, struct mget_key *keys, uint32_t count,
            int64_t deadline_us, uint8_t moves)
{
    struct server *server = pool_server(&client->pool, keys->server);
    struct op *op;
    if (server == NULL) {
        end_keys(client, mget, keys, count, KETCH_NO_SERVER, 0);
        return;
    }
    if (server->out && client->conf.policy.eject == KETCH_EJECT_NONE) {
        end_keys(client, mget, keys, count, server_unsent_status(server), server->error);
        return;
    }
    enum ketch_status status = op_create_mget(client, mget, keys, count, deadline_us, &op);
    if (status != KETCH_OK) {
        end_keys(client, mget, keys, count, status, 0);
        return;
    }
    mget->ops_left++;
    op->moves = moves;
    status = server_submit(server, op);
    if (status == KETCH_OK)
        return;
    op->server_id = server->id;
    op_end(op, status, 0);
    op_destroy(op);
}

static void
route_keys(struct ketch_client *client, struct mget *mget, struct mget_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ketch_bytes wire = {keys[i].p, keys[i].bytes};
        struct ketch_bytes key = client_placement_key(client, wire, mget->group);
        keys[i].server = route_key(client, mget, &keys[i],
                                   placement_pick(client->pool.ring, key.p, key.bytes));
    }
}

/* Keys of one server lie together.  A callback may change the pool, and the ids with it. */
static void
start_slices(struct ketch_client *client, struct mget *mget, struct mget_key *keys, size_t count,
             int64_t deadline_us, uint8_t moves)
{
    uint64_t pools = client->pools;
    for (size_t i = 0, n; i < count; i += n) {
        if (UNLIKELY(client->pools != pools)) {
            route_keys(client, mget, &keys[i], count - i);
            start_sorted(client, mget, &keys[i], count - i, deadline_us, moves);
            return;
        }
        for (n = 1; i + n < count && n < BATCH_KEYS_MAX && keys[i + n].server == keys[i].server;)
            n++;
        start_slice(client, mget, &keys[i], (uint32_t)n, deadline_us, moves);
    }
}

void
mget_reroute(struct op *op)
{
    struct ketch_client *client = op->client;
    struct mget *mget = op->mget;
    struct mget_key *keys = op->keys;
    uint32_t count = op->key_count, unanswered = 0;
    int64_t deadline_us = op->timer.at_us;
    uint8_t moves = op->moves;
    /* Those without an answer to the front; the op lets go of all. */
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i].answered)
            continue;
        struct mget_key key = keys[i];
        keys[i] = keys[unanswered];
        keys[unanswered++] = key;
    }
    op->completed = true;
    mget->refs++;
    op_destroy(op);
    route_keys(client, mget, keys, unanswered);
    client->counters.retries += unanswered;
    start_sorted(client, mget, keys, unanswered, deadline_us, moves);
    release(mget, client);
    mget_unref(mget);
}

/* ---- a new one ---- */

/* bytes: of all keys; plain: whether all may go as they are. */
static enum ketch_status
check(const struct ketch_client *client, const struct ketch_bytes *keys, size_t count, size_t *bytes,
      bool *plain)
{
    size_t prefix = client->conf.prefix.bytes;
    bool plain_prefix = key_is_plain(client->conf.prefix);
    bool text = client->conf.protocol == KETCH_PROTOCOL_TEXT;
    *bytes = 0;
    *plain = plain_prefix;
    for (size_t i = 0; i < count; i++) {
        size_t n = prefix + keys[i].bytes;
        if (keys[i].p == NULL || keys[i].bytes == 0 || keys[i].bytes > KEY_BYTES_MAX - prefix)
            return KETCH_BAD_KEY;
        *bytes += n;
        if (LIKELY(plain_prefix && key_is_plain(keys[i])))
            continue;
        if (text || BASE64_BYTES(n) > KEY_BYTES_MAX)
            return KETCH_BAD_KEY;
        *plain = false;
    }
    return KETCH_OK;
}

/* The mget, its keys, their bytes: one piece of memory. */
static struct mget *
allocate(size_t count, size_t key_bytes, size_t group_bytes, char **tail)
{
    size_t per_key = sizeof(struct mget_key);
    struct mget *mget;
    if (count > (SIZE_MAX / 4 - key_bytes) / per_key)
        return NULL;
    mget = malloc(sizeof *mget + count * per_key + key_bytes + group_bytes);
    if (mget == NULL)
        return NULL;
    memset(mget, 0, sizeof *mget);
    mget->keys = (struct mget_key *)(mget + 1);
    *tail = (char *)(mget->keys + count);
    return mget;
}

/* The owners of the keys, in pieces, so that the hashes of several are computed side by side. */
static void
pick_owners(const struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
            struct ketch_bytes group, uint32_t *owners)
{
    if (group.bytes > 0) {
        uint32_t owner = placement_pick(client->pool.ring, group.p, group.bytes);
        for (size_t i = 0; i < count; i++)
            owners[i] = owner;
        return;
    }
    placement_pick_many(client->pool.ring, keys, count, owners);
}

static void
pick_prefixed(const struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
              uint32_t *owners)
{
    size_t prefix = client->conf.prefix.bytes;
    char wire[KEY_BYTES_MAX];
    memcpy(wire, client->conf.prefix.p, prefix);
    for (size_t i = 0; i < count; i++) {
        memcpy(wire + prefix, keys[i].p, keys[i].bytes);
        owners[i] = placement_pick(client->pool.ring, wire, prefix + keys[i].bytes);
    }
}

static void
pick(const struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
     struct ketch_bytes group, uint32_t *owners)
{
    bool whole = client->conf.prefix_hashed && client->conf.prefix.bytes > 0 && group.bytes == 0;
    for (size_t i = 0; i < count; i += PICK_KEYS) {
        size_t n = count - i < PICK_KEYS ? count - i : PICK_KEYS;
        if (whole)
            pick_prefixed(client, keys + i, n, owners + i);
        else
            pick_owners(client, keys + i, n, group, owners + i);
    }
}

/* Puts the keys where 'starts' says that those of their servers are. */
static char *
distribute(struct ketch_client *client, struct mget *mget, const struct ketch_bytes *keys,
           size_t count, bool plain, const uint32_t *owners, size_t *starts, char *tail)
{
    struct ketch_bytes prefix = client->conf.prefix;
    bool plain_prefix = plain || key_is_plain(prefix);
    size_t slots = client->pool.count;
    for (size_t i = 0; i < count; i++) {
        size_t slot = owners[i] < slots ? owners[i] : slots;
        struct mget_key *key = &mget->keys[starts[slot]++];
        *key = (struct mget_key){.p = tail, .index = (uint32_t)i, .server = owners[i],
                                 .bytes = (uint8_t)(prefix.bytes + keys[i].bytes),
                                 .binary = !plain && !(plain_prefix && key_is_plain(keys[i]))};
        if (prefix.bytes > 0)
            memcpy(tail, prefix.p, prefix.bytes);
        memcpy(tail + prefix.bytes, keys[i].p, keys[i].bytes);
        tail += key->bytes;
    }
    return tail;
}

static bool
any_is_out(const struct ketch_client *client)
{
    for (size_t i = 0; i < client->pool.count; i++)
        if (client->pool.servers[i]->out)
            return true;
    return false;
}

/* Fills mget->keys; the keys of one server lie together.  Uses 'owners' and 'starts' as room. */
static void
plan(struct ketch_client *client, struct mget *mget, const struct ketch_bytes *keys, size_t count,
     bool plain, uint32_t *owners, size_t *starts, char *tail)
{
    size_t slots = client->pool.count;
    pick(client, keys, count, mget->options.group, owners);
    memset(starts, 0, (slots + 2) * sizeof *starts);
    for (size_t i = 0; i < count; i++)
        starts[(owners[i] < slots ? owners[i] : slots) + 1]++;
    for (size_t i = 1; i <= slots; i++)
        starts[i] += starts[i - 1];
    tail = distribute(client, mget, keys, count, plain, owners, starts, tail);
    mget->group = ketch_bytes_of(tail, mget->options.group.bytes);
    if (mget->group.bytes > 0)
        memcpy(tail, mget->options.group.p, mget->group.bytes);
    mget->options.group = mget->group;
}

static void
finish_empty(ketch_done done, void *arg)
{
    struct ketch_result r = {.status = KETCH_OK, .text = ketch_status_text(KETCH_OK),
                             .server = KETCH_SERVER_NONE};
    done(arg, &r);
}

static void
start(struct ketch_client *client, struct mget *mget, size_t count)
{
    uint32_t timeout_ms = mget->options.timeout_ms != 0 ? mget->options.timeout_ms
                                                        : client->conf.timeout_ms;
    int64_t deadline_us = client_now(client) + (int64_t)timeout_ms * 1000;
    mget->ops_left = mget->refs = 1; /* this one */
    if (any_is_out(client)) {
        for (size_t i = 0; i < count; i++)
            mget->keys[i].server = route_key(client, mget, &mget->keys[i], mget->keys[i].server);
        start_sorted(client, mget, mget->keys, count, deadline_us, 0);
    } else {
        start_slices(client, mget, mget->keys, count, deadline_us, 0);
    }
    release(mget, client);
    mget_unref(mget);
}

enum ketch_status
ketch_mget(struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
           const struct ketch_options *options, ketch_done each, ketch_done done, void *arg)
{
    size_t bytes;
    bool plain;
    char *tail;
    enum ketch_status status = client_accepts(client, arg);
    if (status != KETCH_OK)
        return status;
    if (each == NULL || done == NULL || count > UINT32_MAX)
        return KETCH_INVALID;
    if (count == 0) {
        finish_empty(done, arg);
        return KETCH_OK;
    }
    status = check(client, keys, count, &bytes, &plain);
    if (status != KETCH_OK)
        return status;
    size_t group = options != NULL ? options->group.bytes : 0;
    struct mget *mget = allocate(count, bytes, group, &tail);
    size_t *starts = malloc((client->pool.count + 2) * sizeof *starts + count * sizeof(uint32_t));
    if (mget == NULL || starts == NULL) {
        free(mget);
        free(starts);
        return KETCH_NO_MEMORY;
    }
    if (options != NULL)
        mget->options = *options;
    mget->each = each;
    mget->done = done;
    mget->arg = arg;
    plan(client, mget, keys, count, plain, (uint32_t *)(starts + client->pool.count + 2), starts,
         tail);
    free(starts);
    client->counters.requests += count;
    client_enter(client);
    start(client, mget, count);
    client_leave(client);
    return KETCH_OK;
}

/* binary.c - the binary protocol: what its requests make of the engine's answers. */
#include "base/version.h"
#include "exec/packet.h"
#include "exec/store.h"
#include "exec/value.h"

#define EXTRAS_BYTES 4 /* of an answer to a get or touch: the item's client flags */

_Static_assert(BINARY_HEADER_BYTES + EXTRAS_BYTES + KEY_BYTES_MAX <= VALUE_HEAD_BYTES_MAX,
               "one answer is one step of the output");

static exec_fn binary_bad, binary_get, binary_gat, binary_touch, binary_storage, binary_arith,
    binary_delete, binary_flush, binary_noop, binary_version, binary_quit;

exec_fn *const exec_binary[CMD_COUNT] = {
    [CMD_BAD] = binary_bad,
    [CMD_GET] = binary_get,
    [CMD_GAT] = binary_gat,
    [CMD_SET] = binary_storage,
    [CMD_ADD] = binary_storage,
    [CMD_REPLACE] = binary_storage,
    [CMD_APPEND] = binary_storage,
    [CMD_PREPEND] = binary_storage,
    [CMD_CAS] = binary_storage,
    [CMD_INCR] = binary_arith,
    [CMD_DECR] = binary_arith,
    [CMD_DELETE] = binary_delete,
    [CMD_TOUCH] = binary_touch,
    [CMD_FLUSH_ALL] = binary_flush,
    [CMD_VERSION] = binary_version,
    [CMD_QUIT] = binary_quit,
    [CMD_STATS] = exec_binary_stats,
    [CMD_NOOP] = binary_noop,
    [CMD_SASL_LIST] = exec_sasl,
    [CMD_SASL_AUTH] = exec_sasl,
    [CMD_SASL_STEP] = exec_sasl,
};

/* Answers what is done, without more to say than that, unless the request was a quiet one; and what is
 * not done, always. */
static enum step
answer_status(struct exec_thread *xt, const struct request *r, enum binary_status status,
              struct output *out)
{
    if (status != BINARY_OK || !(r->flags & REQ_QUIET))
        packet_add_status(out, packet_echo(xt, r), status);
    return STEP_DONE;
}

/* ---- retrieval ---- */

/* All that stands before a value. */
static ALWAYS_INLINE void
add_head(struct exec_thread *xt, const struct request *r, const struct item *it,
         uint32_t value_bytes, struct output *out)
{
    char *to = output_room(out);
    uint8_t key_bytes = r->flags & REQ_WITH_KEY ? r->key_bytes : 0;
    struct binary_body body = {EXTRAS_BYTES, key_bytes, value_bytes};
    uint32_t client_flags = htobe32(item_client_flags(it));
    binary_reply_header(to, packet_echo(xt, r), BINARY_OK, body, item_cas(it));
    memcpy(to + BINARY_HEADER_BYTES, &client_flags, EXTRAS_BYTES);
    if (key_bytes > 0)
        memcpy(to + BINARY_HEADER_BYTES + EXTRAS_BYTES, r->key, key_bytes);
    output_wrote(out, BINARY_HEADER_BYTES + EXTRAS_BYTES + key_bytes);
}

/* Who asks for keys knows them again by the key, and needs no words. */
static enum step
answer_miss(struct exec_thread *xt, const struct request *r, struct output *out)
{
    if (r->flags & REQ_QUIET)
        return STEP_DONE;
    if (!(r->flags & REQ_WITH_KEY))
        return answer_status(xt, r, BINARY_NOT_FOUND, out);
    struct binary_body body = {.key_bytes = r->key_bytes};
    binary_reply_header(output_room(out), packet_echo(xt, r), BINARY_NOT_FOUND, body, 0);
    output_wrote(out, BINARY_HEADER_BYTES);
    output_copy(out, request_key(r));
    return STEP_DONE;
}

static ALWAYS_INLINE enum step
answer_item(struct exec_thread *xt, struct session *s, const struct request *r,
            const struct item *it, struct output *out)
{
    count_prefix_get(xt->exec, request_key(r), it != NULL);
    if (it == NULL)
        return answer_miss(xt, r, out);
    uint32_t bytes = item_value_bytes(it);
    add_head(xt, r, it, bytes, out);
    return value_add(xt, s, it, bytes, false, out);
}

static const struct item *
touch(struct exec_thread *xt, const struct request *r)
{
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    return engine_touch(xt->engine_thread, r->hash, request_key(r), exptime_s);
}

static enum step
binary_get(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    return answer_item(xt, s, r, engine_get(xt->engine_thread, r->hash, request_key(r)), out);
}

static enum step
binary_gat(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    return answer_item(xt, s, r, touch(xt, r), out);
}

/* To the prefix statistics, and to the answer but for the value, it is a get. */
static enum step
binary_touch(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    const struct item *it = touch(xt, r);
    count_prefix_get(xt->exec, request_key(r), it != NULL);
    if (it == NULL)
        return answer_miss(xt, r, out);
    add_head(xt, r, it, 0, out);
    return STEP_DONE;
}

/* ---- storage ---- */

static enum binary_status
storage_status(enum engine_status status, enum engine_store how)
{
    switch (status) {
    case ENGINE_OK:
        return BINARY_OK;
    case ENGINE_EXISTS:
        return BINARY_EXISTS;
    case ENGINE_NOT_STORED:
        return how == ENGINE_ADD ? BINARY_EXISTS
               : how == ENGINE_REPLACE ? BINARY_NOT_FOUND : BINARY_NOT_STORED;
    case ENGINE_NOT_FOUND:
        return how == ENGINE_CAS ? BINARY_NOT_FOUND : BINARY_NOT_STORED;
    case ENGINE_TOO_LARGE:
        return BINARY_TOO_LARGE;
    case ENGINE_NO_MEMORY:
        return BINARY_NO_MEMORY;
    default:
        CHECK_NOT_REACHED();
    }
}

static void
answer_storage(struct session *s, enum engine_status status, uint64_t cas, struct output *out)
{
    enum binary_status answer = storage_status(status, s->upload_rules.how);
    if (answer == BINARY_NO_MEMORY)
        packet_add(out, s->upload_echo, answer, SPAN("Out of memory allocating item"), 0);
    else if (answer != BINARY_OK)
        packet_add_status(out, s->upload_echo, answer);
    else if (!s->upload_noreply)
        packet_add(out, s->upload_echo, BINARY_OK, SPAN(""), cas);
}

static enum step
binary_storage(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    struct engine_rules rules = {
        .how = (uint8_t)exec_store_of(r->cmd), .compares = r->number != 0, .expected = r->number};
    s->upload_echo = packet_echo(xt, r);
    s->upload_noreply = (r->flags & REQ_QUIET) != 0;
    enum step step = store_value(xt, s, r, exptime_s, &rules, answer_storage, out);
    if (step != STEP_AGAIN)
        count_prefix(xt->exec, request_key(r), PREFIX_SET);
    return step;
}

/* ---- the others ---- */

static enum step
answer_number(struct exec_thread *xt, const struct request *r, const struct engine_arith *a,
              struct output *out)
{
    if (r->flags & REQ_QUIET)
        return STEP_DONE;
    uint64_t number = htobe64(a->result);
    packet_add(out, packet_echo(xt, r), BINARY_OK, span_of(&number, sizeof number), a->cas);
    return STEP_DONE;
}

static enum step
binary_arith(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    const char *packet = packet_of(xt, r);
    uint64_t cas = binary_cas(packet);
    struct engine_arith a = {
        .decr = r->cmd == CMD_DECR,
        .delta = r->number,
        .compares = cas != 0,
        .expected = cas,
        .creates = r->exptime != BINARY_EXPTIME_NONE,
        .initial = binary_initial(packet),
        .created_exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread)),
    };
    switch (engine_arith(xt->engine_thread, r->hash, request_key(r), &a)) {
    case ENGINE_OK:
        return answer_number(xt, r, &a, out);
    case ENGINE_NOT_FOUND:
        return answer_status(xt, r, BINARY_NOT_FOUND, out);
    case ENGINE_EXISTS:
        return answer_status(xt, r, BINARY_EXISTS, out);
    case ENGINE_NOT_NUMERIC:
        return answer_status(xt, r, BINARY_NOT_NUMERIC, out);
    case ENGINE_AGAIN:
        return STEP_AGAIN;
    default:
        packet_add(out, binary_echo_of(packet), BINARY_NO_MEMORY,
                   SPAN("Out of memory incrementing value"), 0);
        return STEP_DONE;
    }
}

static enum step
binary_delete(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    (void)s;
    struct engine_rules rules = {.compares = r->number != 0, .expected = r->number};
    enum engine_status status = engine_delete(xt->engine_thread, r->hash, request_key(r), &rules);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    count_prefix(xt->exec, request_key(r), PREFIX_DELETE);
    return answer_status(xt, r,
                         status == ENGINE_OK       ? BINARY_OK
                         : status == ENGINE_EXISTS ? BINARY_EXISTS : BINARY_NOT_FOUND, out);
}

static enum step
binary_flush(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    if (!xt->exec->config->flush_enabled)
        return answer_status(xt, r, BINARY_AUTH_FAILED, out);
    return exec_flush(xt, r->exptime) ? answer_status(xt, r, BINARY_OK, out) : STEP_AGAIN;
}

static enum step
binary_noop(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    return answer_status(xt, r, BINARY_OK, out);
}

static enum step
binary_version(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    (void)s;
    packet_add(out, packet_echo(xt, r), BINARY_OK, SPAN(MEMCACHED_COMPAT_VERSION), 0);
    return STEP_DONE;
}

static enum step
binary_quit(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    answer_status(xt, r, BINARY_OK, out);
    return STEP_CLOSE;
}

static enum step
binary_bad(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    if (r->error != PROTO_SILENT)
        answer_status(xt, r, binary_status_of(r->error), out);
    return r->flags & REQ_CLOSE ? STEP_CLOSE : STEP_DONE;
}

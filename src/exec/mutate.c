/* mutate.c - storage commands, incr, decr, delete, touch. */
#include "base/num.h"
#include "exec/store.h"

enum engine_store
exec_store_of(enum cmd cmd)
{
    switch (cmd) {
    case CMD_SET:
        return ENGINE_SET;
    case CMD_ADD:
        return ENGINE_ADD;
    case CMD_REPLACE:
        return ENGINE_REPLACE;
    case CMD_APPEND:
        return ENGINE_APPEND;
    case CMD_PREPEND:
        return ENGINE_PREPEND;
    default:
        CHECK(cmd == CMD_CAS);
        return ENGINE_CAS;
    }
}

static struct span
storage_line(enum engine_status status)
{
    switch (status) {
    case ENGINE_OK:
        return SPAN("STORED\r\n");
    case ENGINE_EXISTS:
        return SPAN("EXISTS\r\n");
    case ENGINE_NOT_FOUND:
        return SPAN("NOT_FOUND\r\n");
    case ENGINE_NOT_STORED:
        return SPAN("NOT_STORED\r\n");
    case ENGINE_TOO_LARGE:
        return STORE_TOO_LARGE;
    case ENGINE_NO_MEMORY:
        return STORE_OUT_OF_MEMORY;
    default:
        CHECK_NOT_REACHED();
    }
}

static void
answer_storage(struct session *s, enum engine_status status, uint64_t cas, struct output *out)
{
    (void)cas;
    if (!s->upload_noreply)
        output_copy(out, storage_line(status));
}

enum step
exec_storage(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    struct engine_rules rules = {.how = (uint8_t)exec_store_of(r->cmd), .expected = r->number};
    s->upload_noreply = (r->flags & REQ_NOREPLY) != 0;
    enum step step = store_value(xt, s, r, exptime_s, &rules, answer_storage, out);
    if (step != STEP_AGAIN)
        count_prefix(xt->exec, request_key(r), PREFIX_SET);
    return step;
}

enum step
exec_arith(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    struct engine_arith arith = {.decr = r->cmd == CMD_DECR, .delta = r->number};
    char line[NUM_U64_BYTES_MAX + 2];
    size_t n;
    switch (engine_arith(xt->engine_thread, r->hash, request_key(r), &arith)) {
    case ENGINE_OK:
        n = num_format_u64(line, arith.result);
        memcpy(line + n, "\r\n", 2);
        reply(out, r, span_of(line, n + 2));
        return STEP_DONE;
    case ENGINE_NOT_FOUND:
        reply(out, r, SPAN("NOT_FOUND\r\n"));
        return STEP_DONE;
    case ENGINE_NOT_NUMERIC:
        reply(out, r,
              SPAN("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"));
        return STEP_DONE;
    case ENGINE_AGAIN:
        return STEP_AGAIN;
    default:
        reply(out, r, SPAN("SERVER_ERROR out of memory\r\n"));
        return STEP_DONE;
    }
}

enum step
exec_delete(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    enum engine_status status = engine_delete(xt->engine_thread, r->hash, request_key(r), NULL);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    count_prefix(xt->exec, request_key(r), PREFIX_DELETE);
    reply(out, r, status == ENGINE_OK ? SPAN("DELETED\r\n") : SPAN("NOT_FOUND\r\n"));
    return STEP_DONE;
}

enum step
exec_touch(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)s;
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    const struct item *it = engine_touch(xt->engine_thread, r->hash, request_key(r), exptime_s);
    reply(out, r, it != NULL ? SPAN("TOUCHED\r\n") : SPAN("NOT_FOUND\r\n"));
    return STEP_DONE;
}

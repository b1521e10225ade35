/* mutate.c - storage commands, incr, decr, delete, touch. */
#include "base/num.h"
#include "exec/internal.h"

#define OUT_OF_MEMORY SPAN("SERVER_ERROR out of memory storing object\r\n")
#define TOO_LARGE     SPAN("SERVER_ERROR object too large for cache\r\n")

static enum engine_store
store_of(enum cmd cmd)
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

/* memcached says NOT_STORED when the result of an append finds no memory or is too large. */
static struct span
storage_line(enum engine_status status, enum engine_store how)
{
    bool joins = how == ENGINE_APPEND || how == ENGINE_PREPEND;
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
        return joins ? SPAN("NOT_STORED\r\n") : TOO_LARGE;
    case ENGINE_NO_MEMORY:
        return joins ? SPAN("NOT_STORED\r\n") : OUT_OF_MEMORY;
    default:
        CHECK_NOT_REACHED();
    }
}

/* A set that cannot be done must not leave the old value: the client believes it is replaced.  False:
 * again after a quiescent point. */
static bool
forget_old(struct exec_thread *xt, enum engine_store how, uint64_t hash, struct span key)
{
    return how != ENGINE_SET || engine_forget(xt->engine_thread, hash, key) != ENGINE_AGAIN;
}

/* Is the request's own value small enough, whatever it is appended to? */
static bool
fits(struct exec_thread *xt, const struct request *r)
{
    return engine_item_fits(xt->exec->engine, r->key_bytes, r->client_flags, r->value_bytes);
}

/* The whole data block is there. */
static enum step
store_whole(struct exec_thread *xt, const struct request *r, uint32_t exptime_s, struct output *out)
{
    enum engine_store how = store_of(r->cmd);
    struct engine_rules rules = {.how = (uint8_t)how, .expected = r->number};
    uint64_t cas;
    enum engine_status status =
        engine_store(xt->engine_thread, r->hash, request_key(r), r->client_flags, exptime_s,
                     span_of(r->value, r->value_here), &rules, &cas);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    if ((status == ENGINE_TOO_LARGE || status == ENGINE_NO_MEMORY) &&
        !forget_old(xt, how, r->hash, request_key(r)))
        return STEP_AGAIN;
    reply(out, r, fits(xt, r) ? storage_line(status, how) : TOO_LARGE);
    return STEP_DONE;
}

/* The rest of the data block is still to come.  Of the data that is here, all was taken by the parser;
 * engine memory for it may still be short, so the upload starts empty and gets it again. */
static enum step
begin_upload(struct exec_thread *xt, struct session *s, const struct request *r, uint32_t exptime_s,
             struct output *out)
{
    enum engine_store how = store_of(r->cmd);
    enum engine_status status = engine_reserve(xt->engine_thread, request_key(r), r->client_flags,
                                               exptime_s, r->value_bytes, &s->upload);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    if (status != ENGINE_OK) {
        if (!forget_old(xt, how, r->hash, request_key(r)))
            return STEP_AGAIN;
        reply(out, r, status == ENGINE_TOO_LARGE ? TOO_LARGE : OUT_OF_MEMORY);
        text_parser_swallow(&s->parser, (uint64_t)r->value_bytes + 2);
        return STEP_DONE;
    }
    s->upload_hash = r->hash;
    s->upload_cas = r->number;
    s->upload_store = (uint8_t)how;
    s->upload_noreply = (r->flags & REQ_NOREPLY) != 0;
    return STEP_UPLOAD;
}

enum step
exec_storage(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    enum step step = r->flags & REQ_WHOLE ? store_whole(xt, r, exptime_s, out)
                                          : begin_upload(xt, s, r, exptime_s, out);
    if (step != STEP_AGAIN)
        count_prefix(xt->exec, request_key(r), PREFIX_SET);
    return step;
}

/* ---- uploads ---- */

static void
upload_reply(struct session *s, struct output *out, struct span line)
{
    if (!s->upload_noreply)
        output_copy(out, line);
}

/* Memory has run out in the middle: the rest of the data is thrown away as it comes. */
static enum exec_status
fail_upload(struct exec_thread *xt, struct session *s, struct output *out)
{
    struct upload *up = &s->upload;
    if (!forget_old(xt, s->upload_store, s->upload_hash, item_key(up->item)))
        return EXEC_AGAIN;
    text_parser_swallow(&s->parser, (uint64_t)(up->value_bytes - up->filled_bytes) + 2);
    engine_abandon(xt->engine_thread, up);
    upload_reply(s, out, storage_line(ENGINE_NO_MEMORY, s->upload_store));
    return EXEC_NEED_INPUT;
}

static enum exec_status
fill_upload(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
            size_t *used)
{
    struct upload *up = &s->upload;
    while (up->filled_bytes < up->value_bytes && *used < in.bytes) {
        char *to;
        size_t room;
        enum engine_status status = engine_upload_space(xt->engine_thread, up, &to, &room);
        if (status == ENGINE_AGAIN)
            return EXEC_AGAIN;
        if (status != ENGINE_OK)
            return fail_upload(xt, s, out);
        size_t here = in.bytes - *used;
        size_t n = here < room ? here : room;
        memcpy(to, in.p + *used, n);
        engine_upload_filled(up, n);
        *used += n;
    }
    return EXEC_NEED_INPUT;
}

/* All data is there; the line end must follow. */
static enum exec_status
end_upload(struct exec_thread *xt, struct session *s, struct span end, struct output *out,
           size_t *used)
{
    if (end.p[0] != '\r' || end.p[1] != '\n') {
        engine_abandon(xt->engine_thread, &s->upload);
        upload_reply(s, out, text_error_line(PROTO_BAD_DATA_CHUNK));
        *used += 2;
        return EXEC_NEED_INPUT;
    }
    struct engine_rules rules = {.how = s->upload_store, .expected = s->upload_cas};
    uint64_t cas;
    enum engine_status status =
        engine_commit(xt->engine_thread, s->upload_hash, &s->upload, &rules, &cas);
    if (status == ENGINE_AGAIN)
        return EXEC_AGAIN;
    upload_reply(s, out, storage_line(status, s->upload_store));
    *used += 2;
    return EXEC_NEED_INPUT;
}

enum exec_status
exec_upload(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
            size_t *used)
{
    if (output_is_full(out))
        return EXEC_FULL;
    *used = 0;
    enum exec_status status = fill_upload(xt, s, in, out, used);
    struct upload *up = &s->upload;
    if (status != EXEC_NEED_INPUT || up->item == NULL || up->filled_bytes < up->value_bytes ||
        in.bytes - *used < 2)
        return status;
    return end_upload(xt, s, span_of(in.p + *used, 2), out, used);
}

/* ---- the others ---- */

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

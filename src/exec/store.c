#include "exec/store.h"

#define LINE_END_BYTES 2

/* What follows the data of a storage command. */
static size_t
end_bytes(const struct session *s)
{
    return s->protocol == PROTOCOL_BINARY ? 0 : LINE_END_BYTES;
}

/* The next 'bytes' of data and its line end are nothing that anybody wants. */
static void
swallow(struct session *s, uint64_t bytes)
{
    bytes += end_bytes(s);
    if (s->protocol == PROTOCOL_BINARY)
        binary_parser_swallow(&s->binary_parser, bytes);
    else
        text_parser_swallow(&s->parser, bytes);
}

/* memcached calls it not stored when the result of an append finds no memory or is too large. */
static enum engine_status
told(enum engine_status status, enum engine_store how)
{
    bool joins = how == ENGINE_APPEND || how == ENGINE_PREPEND;
    bool no_room = status == ENGINE_TOO_LARGE || status == ENGINE_NO_MEMORY;
    return joins && no_room ? ENGINE_NOT_STORED : status;
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
store_whole(struct exec_thread *xt, struct session *s, const struct request *r, uint32_t exptime_s,
            struct output *out)
{
    const struct engine_rules *rules = &s->upload_rules;
    uint64_t cas = 0;
    enum engine_status status =
        engine_store(xt->engine_thread, r->hash, request_key(r), r->client_flags, exptime_s,
                     span_of(r->value, r->value_here), rules, &cas);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    if ((status == ENGINE_TOO_LARGE || status == ENGINE_NO_MEMORY) &&
        !forget_old(xt, rules->how, r->hash, request_key(r)))
        return STEP_AGAIN;
    s->upload_answer(s, fits(xt, r) ? told(status, rules->how) : ENGINE_TOO_LARGE, cas, out);
    return STEP_DONE;
}

/* The rest of the data block is still to come.  Of the data that is here, all was taken by the parser;
 * engine memory for it may still be short, so the upload starts empty and gets it again. */
static enum step
begin_upload(struct exec_thread *xt, struct session *s, const struct request *r, uint32_t exptime_s,
             struct output *out)
{
    enum engine_status status = engine_reserve(xt->engine_thread, request_key(r), r->client_flags,
                                               exptime_s, r->value_bytes, &s->upload);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    if (status != ENGINE_OK) {
        if (!forget_old(xt, s->upload_rules.how, r->hash, request_key(r)))
            return STEP_AGAIN;
        s->upload_answer(s, status, 0, out);
        swallow(s, r->value_bytes);
        return STEP_DONE;
    }
    s->upload_hash = r->hash;
    return STEP_UPLOAD;
}

enum step
store_value(struct exec_thread *xt, struct session *s, const struct request *r, uint32_t exptime_s,
            const struct engine_rules *rules, store_answer_fn *answer, struct output *out)
{
    s->upload_rules = *rules;
    s->upload_answer = answer;
    return r->flags & REQ_WHOLE ? store_whole(xt, s, r, exptime_s, out)
                                : begin_upload(xt, s, r, exptime_s, out);
}

/* ---- uploads ---- */

/* Memory has run out in the middle: the rest of the data is thrown away as it comes. */
static enum exec_status
fail_upload(struct exec_thread *xt, struct session *s, struct output *out)
{
    struct upload *up = &s->upload;
    if (!forget_old(xt, s->upload_rules.how, s->upload_hash, item_key(up->item)))
        return EXEC_AGAIN;
    swallow(s, up->value_bytes - up->filled_bytes);
    engine_abandon(xt->engine_thread, up);
    s->upload_answer(s, told(ENGINE_NO_MEMORY, s->upload_rules.how), 0, out);
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

/* All data is there, and 'end' is behind it: nothing, or a line end. */
static enum exec_status
end_upload(struct exec_thread *xt, struct session *s, struct span end, struct output *out,
           size_t *used)
{
    if (!span_equal(end, span_of("\r\n", end.bytes))) {
        engine_abandon(xt->engine_thread, &s->upload);
        if (!s->upload_noreply)
            output_copy(out, text_error_line(PROTO_BAD_DATA_CHUNK));
        *used += end.bytes;
        return EXEC_NEED_INPUT;
    }
    uint64_t cas = 0;
    enum engine_status status =
        engine_commit(xt->engine_thread, s->upload_hash, &s->upload, &s->upload_rules, &cas);
    if (status == ENGINE_AGAIN)
        return EXEC_AGAIN;
    s->upload_answer(s, told(status, s->upload_rules.how), cas, out);
    *used += end.bytes;
    return EXEC_NEED_INPUT;
}

enum exec_status
store_more(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
           size_t *used)
{
    if (output_is_full(out))
        return EXEC_FULL;
    *used = 0;
    enum exec_status status = fill_upload(xt, s, in, out, used);
    struct upload *up = &s->upload;
    if (status != EXEC_NEED_INPUT || up->item == NULL || up->filled_bytes < up->value_bytes ||
        in.bytes - *used < end_bytes(s))
        return status;
    return end_upload(xt, s, span_of(in.p + *used, end_bytes(s)), out, used);
}

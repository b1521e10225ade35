/* retrieve.c - get, gets, gat, gats. */
#include "exec/value.h"

_Static_assert(TEXT_VALUE_HEADER_BYTES_MAX <= VALUE_HEAD_BYTES_MAX,
               "one answer is one step of the output");

static ALWAYS_INLINE enum step
answer_value(struct exec_thread *xt, struct session *s, const struct request *r,
             const struct item *it, struct output *out)
{
    uint32_t bytes = item_value_bytes(it);
    uint64_t cas = 0;
    const uint64_t *with_cas = NULL;
    if (r->flags & REQ_WITH_CAS) {
        cas = item_cas(it);
        with_cas = &cas;
    }
    output_wrote(out, text_value_header(output_room(out), request_key(r), item_client_flags(it),
                                        bytes, with_cas));
    return value_add(xt, s, it, bytes, true, out);
}

enum step
exec_get(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    const struct item *it = engine_get(xt->engine_thread, r->hash, request_key(r));
    count_prefix_get(xt->exec, request_key(r), it != NULL);
    return it != NULL ? answer_value(xt, s, r, it, out) : STEP_DONE;
}

enum step
exec_gat(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    uint32_t exptime_s = exec_exptime(xt->exec, r->exptime, engine_now(xt->engine_thread));
    const struct item *it = engine_touch(xt->engine_thread, r->hash, request_key(r), exptime_s);
    count_prefix_get(xt->exec, request_key(r), it != NULL);
    return it != NULL ? answer_value(xt, s, r, it, out) : STEP_DONE;
}

enum step
exec_end(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)xt, (void)s, (void)r;
    output_copy(out, SPAN("END\r\n"));
    return STEP_DONE;
}

/* retrieve.c - get, gets, gat, gats, me. */
#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "engine/view.h"
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

enum step
exec_meta_debug(struct exec_thread *xt, struct session *s, const struct request *r,
                struct output *out)
{
    (void)s;
    struct engine_thread *t = xt->engine_thread;
    atomic_fetch_add_explicit(&xt->exec->cmd_meta, 1, memory_order_relaxed);
    struct span key = request_key(r);
    uint64_t hash = r->hash;
    char decoded[KEY_BYTES_MAX];
    size_t decoded_bytes;
    if (request_args(r).bytes > 0 && request_args(r).p[0] == 'b') {
        if (!base64_decode(key, decoded, sizeof decoded, &decoded_bytes)) {
            reply(out, r, SPAN("CLIENT_ERROR bad command line format\r\n"));
            return STEP_DONE;
        }
        key = span_of(decoded, decoded_bytes);
        hash = engine_hash(xt->exec->engine, key);
    }
    const struct item *it = engine_peek(t, hash, key);
    if (it == NULL) {
        reply(out, r, SPAN("EN\r\n"));
        return STEP_DONE;
    }
    uint32_t now_s = engine_now(t);
    uint32_t exptime_s = item_exptime(it);
    uint32_t atime_s = item_atime(it);
    output_copy(out, SPAN("ME "));
    output_copy(out, request_key(r));
    int n = snprintf(output_room(out), 256,
                     " exp=%" PRId64 " la=%" PRIu32 " cas=%" PRIu64 " fetch=%s cls=%u size=%" PRIu64
                     "\r\n",
                     exptime_s == 0 ? (int64_t)-1 : (int64_t)exptime_s - now_s,
                     now_s > atime_s ? now_s - atime_s : 0, /* others' clocks may be ahead */
                     item_cas(it), item_was_fetched(it) ? "yes" : "no",
                     engine_item_class(xt->exec->engine, it), engine_item_bytes(it));
    output_wrote(out, (size_t)n);
    return STEP_DONE;
}

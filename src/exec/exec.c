#include "exec/exec.h"

#include <stdlib.h>

#include "auth/auth.h"
#include "exec/dump.h"
#include "exec/store.h"

/* Keys of requests that have one are prefetched only when there are several: for a single request
 * nothing can be done between asking for a line and needing it.  (A get is two requests: its key, its
 * end.) */
#define PREFETCH_MIN 3

#define THIRTY_DAYS_S (60 * 60 * 24 * 30)

_Static_assert(CLOCK_START_S == ENGINE_EPOCH_S, "the engine's time is the clock's");

static exec_fn exec_bad, exec_quit, exec_meta_noop;

exec_fn *const exec_text[CMD_COUNT] = {
    [CMD_BAD] = exec_bad,
    [CMD_GET] = exec_get,
    [CMD_GAT] = exec_gat,
    [CMD_END] = exec_end,
    [CMD_SET] = exec_storage,
    [CMD_ADD] = exec_storage,
    [CMD_REPLACE] = exec_storage,
    [CMD_APPEND] = exec_storage,
    [CMD_PREPEND] = exec_storage,
    [CMD_CAS] = exec_storage,
    [CMD_META_SET] = exec_meta_set,
    [CMD_META_GET] = exec_meta_get,
    [CMD_META_DELETE] = exec_meta_delete,
    [CMD_META_ARITH] = exec_meta_arith,
    [CMD_INCR] = exec_arith,
    [CMD_DECR] = exec_arith,
    [CMD_DELETE] = exec_delete,
    [CMD_TOUCH] = exec_touch,
    [CMD_FLUSH_ALL] = exec_flush_all,
    [CMD_VERSION] = exec_version,
    [CMD_VERBOSITY] = exec_verbosity,
    [CMD_QUIT] = exec_quit,
    [CMD_STATS] = exec_stats,
    [CMD_CACHE_MEMLIMIT] = exec_memlimit,
    [CMD_SHUTDOWN] = exec_shutdown,
    [CMD_META_NOOP] = exec_meta_noop,
    [CMD_META_DEBUG] = exec_meta_debug,
    [CMD_ADMIN] = exec_admin,
};

struct exec *
exec_create(struct engine *e, struct clock *clock, const struct exec_config *config,
            const struct exec_hooks *hooks)
{
    struct exec *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->engine = e;
    x->clock = clock;
    x->config = config;
    x->hooks = *hooks;
    x->prefixes = prefixes_create(config->prefix_delimiter, engine_config(e)->hash_seed);
    if (x->prefixes == NULL) {
        free(x);
        return NULL;
    }
    atomic_init(&x->detail_on, config->detail_enabled);
    return x;
}

void
exec_destroy(struct exec *x)
{
    if (x == NULL)
        return;
    prefixes_destroy(x->prefixes);
    free(x);
}

struct exec_thread *
exec_join(struct exec *x, struct engine_thread *t)
{
    struct exec_thread *xt = calloc(1, sizeof *xt);
    if (xt == NULL)
        return NULL;
    xt->exec = x;
    xt->engine_thread = t;
    return xt;
}

void
exec_leave(struct exec_thread *xt)
{
    free(xt);
}

uint32_t
exec_exptime(const struct exec *x, int64_t raw, uint32_t now_s)
{
    if (raw == 0)
        return 0;
    if (raw < 0)
        return ENGINE_EXPIRED_S;
    int64_t at_s = raw <= THIRTY_DAYS_S ? raw + now_s : raw - x->clock->zero_unix_s;
    if (at_s <= ENGINE_EXPIRED_S)
        return ENGINE_EXPIRED_S;
    return at_s > UINT32_MAX ? 0 : (uint32_t)at_s; /* more than a century away: never */
}

/* ---- the simplest commands ---- */

static enum step
exec_bad(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)xt;
    if (UNLIKELY(s->is_datagram) && r->error == PROTO_UNKNOWN)
        return STEP_CLOSE; /* it may be another server's reply */
    reply(out, r, text_error_line(r->error));
    return r->flags & REQ_CLOSE ? STEP_CLOSE : STEP_DONE;
}

static enum step
exec_quit(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)xt, (void)s, (void)r, (void)out;
    return STEP_CLOSE;
}

static enum step
exec_meta_noop(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    (void)xt, (void)s;
    reply(out, r, SPAN("MN\r\n"));
    return STEP_DONE;
}

/* ---- streams ---- */

static const char line_end[2] = {'\r', '\n'};

static void
drop_report(struct exec_thread *xt, struct stream *st)
{
    if (st->report != NULL)
        atomic_fetch_sub_explicit(&xt->exec->report_bytes, st->bytes, memory_order_relaxed);
    free(st->report);
    st->report = NULL;
    st->offset = st->bytes = 0;
}

static void
stream_fini(struct exec_thread *xt, struct stream *st)
{
    if (st->item != NULL)
        engine_unpin(xt->engine_thread, st->item);
    drop_report(xt, st);
    free(st->dump);
    *st = (struct stream){0};
}

/* The next piece of a pinned item's value, and the line end behind it. */
static void
stream_item(struct exec_thread *xt, struct stream *st, struct output *out)
{
    uint64_t value_bytes = st->bytes - (st->ends_line ? sizeof line_end : 0);
    struct engine_place place = st->place;
    struct iovec iov;
    size_t bytes;
    bool first = true;
    while (!output_is_full(out) && st->offset < value_bytes &&
           engine_value_iov_from(xt->exec->engine, st->item, &place, (uint32_t)st->offset, &iov, 1,
                                 &bytes) > 0) {
        if (first) /* what is not sent of this output will be asked for again */
            st->place = place;
        first = false;
        output_borrow(out, iov.iov_base, bytes);
        st->offset += bytes;
        out->streamed_bytes += bytes;
    }
    if (st->offset >= value_bytes && st->offset < st->bytes && !output_is_full(out)) {
        size_t rest = st->bytes - st->offset;
        output_borrow(out, line_end + sizeof line_end - rest, rest);
        st->offset += rest;
        out->streamed_bytes += rest;
    }
}

static void
stream_report(struct stream *st, struct output *out)
{
    size_t bytes = st->bytes - st->offset;
    if (bytes > OUTPUT_BYTES_MAX)
        bytes = OUTPUT_BYTES_MAX;
    if (bytes == 0)
        return;
    output_borrow(out, st->report + st->offset, bytes);
    st->offset += bytes;
    out->streamed_bytes += bytes;
}

/* The next report of a dump, in place of the one that is out and sent; false: no memory. */
static bool
stream_next(struct exec_thread *xt, struct stream *st)
{
    char *text = NULL;
    uint64_t bytes = 0;
    drop_report(xt, st);
    enum dump_status status = dump_next(xt, st->dump, &text, &bytes);
    st->more = status == DUMP_MORE;
    if (text != NULL)
        exec_stream_take(xt->exec, st, text, bytes);
    return status != DUMP_FAILED;
}

/* Produces more of the stream; when all of it is out and sent, the session goes on without. */
static enum exec_status
stream_more(struct exec_thread *xt, struct session *s, struct output *out)
{
    struct stream *st = &s->stream;
    if (st->offset == st->bytes && !st->more) {
        stream_fini(xt, st);
        return EXEC_NEED_INPUT;
    }
    if (output_is_full(out))
        return EXEC_FULL;
    if (st->offset == st->bytes && !stream_next(xt, st))
        return EXEC_CLOSE; /* the client must not take what it has for all there is */
    if (st->kind == STREAM_ITEM)
        stream_item(xt, st, out);
    else
        stream_report(st, out);
    return EXEC_FULL;
}

void
session_unsend(struct session *s, size_t bytes)
{
    CHECK(bytes <= s->stream.offset);
    s->stream.offset -= bytes;
}

bool
session_holds_memory(const struct session *s)
{
    return s->upload.item != NULL || s->stream.item != NULL;
}

uint64_t
session_moved_bytes(const struct session *s)
{
    return s->upload.item != NULL ? s->upload.filled_bytes : s->stream.offset;
}

uint64_t
session_missing_bytes(const struct session *s)
{
    return s->upload.item != NULL ? s->upload.value_bytes - s->upload.filled_bytes : 0;
}

void
session_fini(struct exec_thread *xt, struct session *s)
{
    engine_abandon(xt->engine_thread, &s->upload);
    exec_meta_forget(s);
    stream_fini(xt, &s->stream);
    if (s->login != NULL)
        auth_end(xt->exec->auth, &s->login);
}

/* ---- running ---- */

static void
prefetch(struct exec_thread *xt, size_t count)
{
    struct engine *e = xt->exec->engine;
    struct request *batch = xt->batch;
    for (size_t i = 0; i < count; i++) {
        if (batch[i].key_bytes == 0 || batch[i].cmd == CMD_ADMIN)
            continue;
        batch[i].hash = engine_hash(e, request_key(&batch[i]));
        engine_prefetch_bucket(e, batch[i].hash);
    }
    if (count < PREFETCH_MIN)
        return;
    for (size_t i = 0; i < count; i++)
        if (batch[i].key_bytes != 0 && batch[i].cmd != CMD_ADMIN)
            engine_prefetch_item(e, batch[i].hash);
}

static enum protocol
first_protocol(const struct exec *x, char first)
{
    return x->only_protocol != PROTOCOL_AUTO ? x->only_protocol : protocol_of(first);
}

uint64_t
exec_prefetch(struct exec_thread *xt, const struct session *s, struct span in)
{
    if (s->upload.item != NULL || s->stream.kind != STREAM_NONE || in.bytes == 0)
        return 0;
    enum protocol protocol =
        s->protocol != PROTOCOL_AUTO ? s->protocol : first_protocol(xt->exec, in.p[0]);
    struct span key = protocol == PROTOCOL_BINARY ? binary_peek_key(&s->binary_parser, in)
                                                  : text_peek_key(&s->parser, in);
    if (key.bytes == 0)
        return 0;
    uint64_t hash = engine_hash(xt->exec->engine, key);
    engine_prefetch_bucket(xt->exec->engine, hash);
    return hash;
}

void
exec_prefetch_more(struct exec_thread *xt, uint64_t hint)
{
    if (hint != 0)
        engine_prefetch_item(xt->exec->engine, hint);
}

static bool
must_log_in(const struct exec_thread *xt, const struct session *s)
{
    return xt->exec->auth != NULL && !s->authenticated;
}

static exec_fn *const *
table_of(const struct exec_thread *xt, const struct session *s)
{
    if (s->protocol != PROTOCOL_BINARY)
        return exec_text;
    return UNLIKELY(must_log_in(xt, s)) ? exec_guarded : exec_binary;
}

/* Executes the batch in order.  '*done' requests of it are over; if not all are, the next one has to
 * be parsed again. */
static enum exec_status
run_batch(struct exec_thread *xt, struct session *s, size_t count, struct output *out,
          unsigned *budget, size_t *done)
{
    exec_fn *const *execute = table_of(xt, s);
    for (*done = 0; *done < count; ++*done) {
        const struct request *r = &xt->batch[*done];
        if (output_is_full(out))
            return EXEC_FULL;
        if (UNLIKELY(*budget == 0) && !(r->flags & REQ_MID_LINE))
            return EXEC_YIELD; /* a line that was begun is finished: END goes with its values */
        enum step step = execute[r->cmd](xt, s, r, out);
        if (step == STEP_AGAIN)
            return EXEC_AGAIN;
        *budget -= r->cmd != CMD_END && !(r->flags & REQ_MID_LINE);
        if (LIKELY(step == STEP_DONE))
            continue;
        ++*done;
        return step == STEP_CLOSE ? EXEC_CLOSE : EXEC_NEED_INPUT;
    }
    return EXEC_NEED_INPUT;
}

static bool
is_incomplete(const struct request *r)
{
    return r->cmd >= CMD_SET && r->cmd <= CMD_META_SET && !(r->flags & REQ_WHOLE);
}

/* Parses a batch and executes it.  '*more': the rest may hold further requests. */
static enum exec_status
run_requests(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
             unsigned *budget, size_t *used, bool *more)
{
    bool binary = s->protocol == PROTOCOL_BINARY;
    size_t count = binary ? binary_parse(&s->binary_parser, in, xt->batch, EXEC_BATCH_MAX, used)
                          : text_parse(&s->parser, in, xt->batch, EXEC_BATCH_MAX, used);
    *more = false;
    if (count == 0)
        return EXEC_NEED_INPUT;
    const struct request *last = &xt->batch[count - 1];
    *more = count == EXEC_BATCH_MAX;
    if (is_incomplete(last)) {
        /* Whoever takes the data, the upload or the parser's swallowing, begins at its start. */
        *used -= last->value_here;
        *more = true;
    }
    xt->input = in.p;
    prefetch(xt, count);
    size_t done;
    enum exec_status status = run_batch(xt, s, count, out, budget, &done);
    if (done < count) {
        if (binary)
            binary_parser_rewind(&s->binary_parser, &xt->batch[done]);
        else
            text_parser_rewind(&s->parser, &xt->batch[done]);
        *used = xt->batch[done].start;
        *more = true;
    }
    return status;
}

enum exec_status
exec_run(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
         unsigned *budget, size_t *used)
{
    enum exec_status status;
    bool more;
    *used = 0;
    if (UNLIKELY(s->protocol == PROTOCOL_AUTO) && in.bytes > 0)
        s->protocol = first_protocol(xt->exec, in.p[0]);
    do {
        struct span rest = span_of(in.p + *used, in.bytes - *used);
        size_t step = 0;
        more = true;
        if (UNLIKELY(s->stream.kind != STREAM_NONE)) {
            status = stream_more(xt, s, out);
        } else if (UNLIKELY(s->upload.item != NULL)) {
            status = store_more(xt, s, rest, out, &step);
            more = s->upload.item == NULL;
            if (more)
                exec_meta_forget(s);
        } else if (UNLIKELY(must_log_in(xt, s)) && s->protocol == PROTOCOL_TEXT) {
            status = exec_login(xt, s, rest, out, budget, &step, &more);
        } else {
            status = run_requests(xt, s, rest, out, budget, &step, &more);
        }
        *used += step;
        more = s->stream.kind != STREAM_NONE || (more && *used < in.bytes);
    } while (status == EXEC_NEED_INPUT && more);
    return status;
}

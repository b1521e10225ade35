/* admin.c - commands about the cache or the server as a whole. */
#include "base/log.h"
#include "base/version.h"
#include "exec/internal.h"
#include "exec/words.h"

#define MEMLIMIT_MB_MAX 1000000000 /* above this somebody means bytes */
#define MEMLIMIT_MB_MIN 8
#define VERBOSITY_MAX   2

enum step
exec_version(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    (void)xt, (void)s;
    reply(out, r, SPAN("VERSION " MEMCACHED_COMPAT_VERSION "\r\n"));
    return STEP_DONE;
}

enum step
exec_verbosity(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    (void)xt, (void)s;
    log_set_level(r->number > VERBOSITY_MAX ? VERBOSITY_MAX : (int)r->number);
    reply(out, r, SPAN("OK\r\n"));
    return STEP_DONE;
}

/* When a flush_all with this delay strikes: now, unless it says later. */
static uint32_t
flush_time(const struct exec *x, int64_t delay, uint32_t now_s)
{
    if (delay <= 0)
        return now_s;
    uint32_t at_s = exec_exptime(x, delay, now_s);
    if (at_s == 0)
        return UINT32_MAX; /* never, or as good as that */
    return at_s > now_s ? at_s : now_s;
}

bool
exec_flush(struct exec_thread *xt, int64_t delay)
{
    struct exec *x = xt->exec;
    uint32_t at_s = flush_time(x, delay, engine_now(xt->engine_thread));
    if (engine_flush(xt->engine_thread, at_s) == ENGINE_AGAIN)
        return false;
    /* What was stored before the second in which the flush strikes, as memcached has it. */
    atomic_store_explicit(&x->oldest_s, at_s - 1, memory_order_relaxed);
    return true;
}

enum step
exec_flush_all(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    (void)s;
    if (!xt->exec->config->flush_enabled) {
        reply(out, r, SPAN("CLIENT_ERROR flush_all not allowed\r\n"));
        return STEP_DONE;
    }
    if (!exec_flush(xt, r->exptime))
        return STEP_AGAIN;
    reply(out, r, SPAN("OK\r\n"));
    return STEP_DONE;
}

enum step
exec_memlimit(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    (void)s;
    struct span line = SPAN("OK\r\n");
    if (r->number > MEMLIMIT_MB_MAX)
        line = SPAN("MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n");
    else if (r->number < MEMLIMIT_MB_MIN)
        line = SPAN("MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n");
    else if (!engine_set_limit(xt->exec->engine, r->number << 20))
        line = SPAN("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n");
    reply(out, r, line);
    return STEP_DONE;
}

enum step
exec_shutdown(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    (void)s;
    struct exec *x = xt->exec;
    struct span word;
    bool has_word = words_split(request_args(r), &word, 1) > 0;
    if (!x->config->shutdown_enabled) {
        reply(out, r, SPAN("SERVER_ERROR: shutdown not enabled\r\n"));
    } else if (!has_word || words_match(word, "graceful")) {
        x->hooks.shutdown(x->hooks.context, has_word);
        return STEP_CLOSE;
    } else {
        reply(out, r, SPAN("CLIENT_ERROR invalid shutdown mode\r\n"));
    }
    return STEP_DONE;
}

/* Commands that have a word, and arguments of their own grammar. */
enum step
exec_admin(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    struct span line = exec_debug_command(xt, r);
    if (line.bytes == 0 && span_equal(request_key(r), SPAN("watch")) &&
        !xt->exec->config->watch_enabled)
        line = SPAN("CLIENT_ERROR watch commands not allowed\r\n");
    if (line.bytes == 0)
        return exec_tune(xt, s, r, out);
    reply(out, r, line);
    return STEP_DONE;
}

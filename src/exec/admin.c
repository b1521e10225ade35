/* admin.c - commands about the cache or the server as a whole. */
#include <config.h>

#include "base/log.h"
#include "base/num.h"
#include "base/version.h"
#include "exec/internal.h"

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

enum step
exec_flush_all(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    (void)s;
    if (!xt->exec->config->flush_enabled) {
        reply(out, r, SPAN("CLIENT_ERROR flush_all not allowed\r\n"));
        return STEP_DONE;
    }
    uint32_t now_s = engine_now(xt->engine_thread);
    uint32_t at_s = r->exptime <= 0 ? now_s : exec_exptime(xt->exec, r->exptime, now_s);
    if (engine_flush(xt->engine_thread, at_s) == ENGINE_AGAIN)
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

/* memcached compares as many bytes as the client sent: any prefix of the word will do. */
static bool
is_prefix_of(struct span given, const char *word)
{
    return given.bytes > 0 && given.bytes <= strlen(word) && memcmp(given.p, word, given.bytes) == 0;
}

enum step
exec_shutdown(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    (void)s;
    struct exec *x = xt->exec;
    struct span args = request_args(r);
    const char *space = args.bytes > 0 ? memchr(args.p, ' ', args.bytes) : NULL;
    struct span word = space != NULL ? span_of(args.p, (size_t)(space - args.p)) : args;
    if (!x->config->shutdown_enabled) {
        reply(out, r, SPAN("SERVER_ERROR: shutdown not enabled\r\n"));
    } else if (word.bytes == 0 || is_prefix_of(word, "graceful")) {
        x->hooks.shutdown(x->hooks.context, word.bytes > 0);
        return STEP_CLOSE;
    } else {
        reply(out, r, SPAN("CLIENT_ERROR invalid shutdown mode\r\n"));
    }
    return STEP_DONE;
}

#ifdef KETCH_DEBUG_COMMANDS
/* debugtime p | r | <seconds>: memcached's hook for tests. */
static struct span
debugtime(struct exec *x, struct span args)
{
    int64_t seconds;
    if (args.bytes > 0 && args.p[0] == '+')
        args = span_of(args.p + 1, args.bytes - 1);
    if (span_equal(args, SPAN("p")))
        clock_pause(x->clock);
    else if (span_equal(args, SPAN("r")))
        clock_resume(x->clock);
    else if (num_parse_i64(args, &seconds) && seconds > INT32_MIN && seconds < INT32_MAX)
        clock_shift(x->clock, seconds);
    else
        return SPAN("ERROR\r\n");
    return SPAN("OK\r\n");
}
#endif

/* Commands that have a word, and arguments of their own grammar. */
enum step
exec_admin(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
#ifdef KETCH_DEBUG_COMMANDS
    if (span_equal(request_key(r), SPAN("debugtime"))) {
        reply(out, r, debugtime(xt->exec, request_args(r)));
        engine_set_now(xt->engine_thread, clock_now(xt->exec->clock));
        return STEP_DONE;
    }
#endif
    return exec_tune(xt, s, r, out);
}

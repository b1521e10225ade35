/* debug.c - the commands that tests use, in a server that was configured with
 * --enable-debug-commands; any other server has no_debug.c in its place. */
#include "base/num.h"
#include "exec/internal.h"

/* debugtime p | r | <seconds>: stops the clock, lets it run, shifts it. */
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

struct span
exec_debug_command(struct exec_thread *xt, const struct request *r)
{
    if (!span_equal(request_key(r), SPAN("debugtime")))
        return SPAN("");
    struct span line = debugtime(xt->exec, request_args(r));
    engine_set_now(xt->engine_thread, clock_now(xt->exec->clock));
    return line;
}

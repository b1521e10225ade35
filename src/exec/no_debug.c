/* no_debug.c - a server has no commands for tests; see debug.c. */
#include "exec/internal.h"

struct span
exec_debug_command(struct exec_thread *xt, const struct request *r)
{
    (void)xt, (void)r;
    return SPAN("");
}

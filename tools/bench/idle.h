/* idle.h - connections that are there and do nothing.
 *
 * Each asks for the version once, so that the server is known to have accepted it and not just the
 * kernel, and so that it holds what a server keeps for a connection between two requests.
 */
#ifndef KETCH_TOOLS_BENCH_IDLE_H
#define KETCH_TOOLS_BENCH_IDLE_H

#include <stdbool.h>
#include <stdint.h>
#include "load/address.h"
#include "base/attr.h"

struct idle {
    int *fds; /* owned */
    uint64_t count;
};

/* Opens 'count' connections.  False, with a message, at the first that fails. */
bool idle_open(struct idle *idle, const struct address *to, uint64_t count,
               double timeout_s) MUST_USE;
void idle_close(struct idle *idle);

#endif

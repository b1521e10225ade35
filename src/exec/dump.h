/* dump.h - a walk over all keys, as a stream of pieces.
 *
 * Threads:   the session's worker.
 * Ownership: dump_next() gives its text, from malloc, to the caller; a dump is freed with free().
 */
#ifndef KETCH_EXEC_DUMP_H
#define KETCH_EXEC_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"

struct exec_thread;
struct dump;

/* The next piece; false: it is the last one.  A piece of 0 bytes: memory ran out. */
bool dump_next(struct exec_thread *xt, struct dump *d, char **text, size_t *bytes) MUST_USE;

#endif

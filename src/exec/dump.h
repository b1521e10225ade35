/* dump.h - a walk over all keys, as a stream of pieces.
 *
 * Threads:   the session's worker.
 * Ownership: dump_next() gives its text, from malloc, to the caller; a dump is freed with free().
 */
#ifndef KETCH_EXEC_DUMP_H
#define KETCH_EXEC_DUMP_H

#include <stdint.h>
#include "base/attr.h"

struct exec_thread;
struct dump;

enum dump_status {
    DUMP_MORE,   /* there are more pieces; this one may be empty */
    DUMP_LAST,
    DUMP_FAILED, /* memory ran out; there is no piece */
};

/* The next piece. */
enum dump_status dump_next(struct exec_thread *xt, struct dump *d, char **text,
                           uint64_t *bytes) MUST_USE;

#endif

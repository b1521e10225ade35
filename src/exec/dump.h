/* dump.h - a walk over all keys, as a stream of pieces.
 *
 * Threads:   the session's worker.
 * Ownership: dump_next() gives its text, from malloc, to the caller; a dump is freed with free().
 * Failure:   DUMP_FAILED when memory for a piece is short: the rest cannot be told.
 */
#ifndef KETCH_EXEC_DUMP_H
#define KETCH_EXEC_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

struct dump;
struct engine;
struct exec_thread;

/* The classes that a client asks for, by id; ids of classes are a byte. */
#define DUMP_CLASSES 256

enum dump_status {
    DUMP_MORE, /* here is a piece, of 0 bytes perhaps; it is not the last */
    DUMP_LAST, /* here is the last one */
    DUMP_FAILED,
};

/* The next piece: about 32 KiB, or less when much has to be looked at to find something, or when clients
 * keep more of reports than is good. */
enum dump_status dump_next(struct exec_thread *xt, struct dump *d, char **text,
                           uint64_t *bytes) MUST_USE;

/* "all", "hash", or numbers of classes with commas; false: none of these. */
bool dump_choose(const struct engine *e, struct span which, bool classes[DUMP_CLASSES]) MUST_USE;

#endif

/* converse.h - says a stream of bytes to a cache, as a client does, for fuzz targets.
 *
 * Threads: one.
 */
#ifndef KETCH_T_FUZZ_CONVERSE_H
#define KETCH_T_FUZZ_CONVERSE_H

#include "base/span.h"

/* Says 'stream' to an empty cache, and in pieces to another; aborts unless both answer the same bytes.
 * It must not ask for what tells of the process or comes from above exec/: statistics, shutdown. */
void converse_compare(struct span stream);

/* A copy in a block of just the right size: a sanitizer sees the slightest step outside.  The caller
 * frees it. */
struct span converse_copy(struct span s);

#endif

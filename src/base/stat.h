/* stat.h - how a module hands its figures to whoever shows them.
 *
 * A walk over a table calls the function once for each line of a 'stats' reply; 'to' is the caller's
 * own, and the text is formatted at once, so nothing has to outlive the call.
 *
 * Threads: the caller's.
 * Failure: none that the module would see: the caller notices when memory for the text is short.
 */
#ifndef KETCH_BASE_STAT_H
#define KETCH_BASE_STAT_H

#include "base/attr.h"

typedef void stat_emit_fn(void *to, const char *name, const char *fmt, ...) PRINTF(3, 4);

#endif

/* maintenance.h - the thread that does the engine's background work.
 *
 * Threads:   started and stopped by the main thread.
 * Ownership: borrows engine and clock.
 */
#ifndef KETCH_MAINTENANCE_H
#define KETCH_MAINTENANCE_H

#include "base/attr.h"
#include "base/clock.h"
#include "engine/engine.h"

struct maintenance;

/* NULL, with the reason logged, when memory or threads are short. */
struct maintenance *maintenance_start(struct engine *e, const struct clock *clock) MUST_USE;
void maintenance_stop(struct maintenance *m);

#endif

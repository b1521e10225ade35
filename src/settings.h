/* settings.h - 'stats settings': the configuration as memcached shows it.
 *
 * The lines are those of a memcached without external storage, TLS and proxy, in its order.  -f and
 * -n show memcached's defaults until they are given, because ours depend on the memory limit.
 */
#ifndef KETCH_SETTINGS_H
#define KETCH_SETTINGS_H

#include "base/stat.h"

struct config;

/* Emits every line.  What may change while the server runs (limit, verbosity, detail, oldest) is as
 * 'c' says: a caller who knows better passes a copy. */
void settings_emit(const struct config *c, stat_emit_fn *emit, void *to);

#endif

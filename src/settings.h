/* settings.h - 'stats settings': the configuration as memcached shows it.
 *
 * The lines are those of a memcached without external storage, TLS and proxy, in its order.  They
 * are of three kinds: what is true of this server; what tunes a part of memcached that we do not
 * have (struct compat_config: slab mover, LRU, crawler, logger, hash table), shown as it was given,
 * or else as memcached's default; and features that we do not have, shown as off.
 *
 * Threads: any, as long as nobody changes the configuration.
 */
#ifndef KETCH_SETTINGS_H
#define KETCH_SETTINGS_H

#include "base/stat.h"

struct config;

/* Emits every line.  What may change while the server runs (limit, verbosity, detail, oldest), and
 * what the engine chooses unless it is told (-f, -n), is as 'c' says: a caller who knows better
 * passes a copy. */
void settings_emit(const struct config *c, stat_emit_fn *emit, void *to);

#endif

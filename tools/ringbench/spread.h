/* spread.h - how evenly rings spread keys, and how many keys move when a pool changes.
 *
 * Threads:   one.
 * Failure:   as pool.h.
 */
#ifndef KETCH_TOOLS_RINGBENCH_SPREAD_H
#define KETCH_TOOLS_RINGBENCH_SPREAD_H

#include <stdbool.h>

/* Prints both for several sizes of pools; false if the native mode misses a goal. */
bool spread_print(void);

#endif

/* sort.h - puts points in order.
 *
 * Threads:   pure functions.
 * Failure:   none.
 */
#ifndef KETCH_RING_SORT_H
#define KETCH_RING_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts by the high half of each number; those with the same one stay in their order.  'scratch' is
 * as large as 'points'.  Returns whichever of the two holds the result. */
uint64_t *sort_points(uint64_t *points, uint64_t *scratch, size_t count);

#endif

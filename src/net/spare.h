/* spare.h - memory for libev when malloc() has none.
 *
 * libev ends the process when it cannot grow one of its tables.  These are small and bounded by the
 * number of descriptors, so address space for them is set aside at the start, which costs nothing until
 * it is touched: what malloc() refuses comes from there.  It is not given back; tables only grow, and
 * each doubles, so that all that a loop ever asks for is at most twice its largest tables.
 *
 * Threads:   spare_init() before the first loop is made; libev calls in from any.
 * Ownership: the mapping lives as long as the process.
 * Failure:   only spare_init() fails, unless there are more descriptors than it was told.
 */
#ifndef KETCH_NET_SPARE_H
#define KETCH_NET_SPARE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"

/* For so many loops and descriptors.  False with errno: no address space. */
bool spare_init(size_t loops, size_t descriptors) MUST_USE;

#endif

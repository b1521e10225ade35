/* hsieh.h - Paul Hsieh's SuperFastHash, as libmemcached and twemproxy start it: with 0.
 *
 * The third byte of a tail of three is widened as a signed char of x86, the others are not.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_HSIEH_H
#define KETCH_RING_HSIEH_H

#include <stddef.h>
#include <stdint.h>

uint32_t hsieh_hash(const void *p, size_t bytes);

#endif

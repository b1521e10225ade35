/* share.h - how many points a server of some weight has on a ring.
 *
 * libmemcached, twemproxy, spymemcached and libketama compute this in IEEE single precision, and the
 * rounding shows: 25 equal servers have 39 x 4 points each, not 40 x 4.  Whoever wants to agree with
 * them must round as they do, whatever the compiler does to floating point (-ffast-math changes the
 * result), so the arithmetic is done here in integers.
 *
 * Threads:   pure functions.
 * Failure:   none.  A weight is at least 1 and not above the total, count at most 2^20, and
 *            points (of a server, on average) at most 2^16.
 */
#ifndef KETCH_RING_SHARE_H
#define KETCH_RING_SHARE_H

#include <stdint.h>

/* libmemcached 1.1, hosts.cc: 4 * floor((weight / total * points) / 4 * count + 1e-10), each step
 * rounded to binary32. */
uint64_t share_libmemcached(uint32_t weight, uint64_t total, uint32_t count, uint32_t points);

/* libketama, ketama.c: 4 * floor(weight / total * (points / 4) * count), where the quotient is
 * rounded to binary32, and the product is exact until it is. */
uint64_t share_libketama(uint32_t weight, uint64_t total, uint32_t count, uint32_t points);

/* Dalli, ring.rb: floor(points * count * weight / total). */
uint64_t share_exact(uint32_t weight, uint64_t total, uint32_t count, uint32_t points);

#endif

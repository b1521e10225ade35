/* jenkins.h - Bob Jenkins' hashes.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_JENKINS_H
#define KETCH_RING_JENKINS_H

#include <stddef.h>
#include <stdint.h>

/* One at a time, libmemcached's default; a byte is widened as a signed char of x86. */
uint32_t jenkins_one_at_a_time(const void *p, size_t bytes);

/* lookup3's hashlittle(), started with 13. */
uint32_t jenkins_lookup3(const void *p, size_t bytes);

/* SpookyHash V2's Hash32(). */
uint32_t jenkins_spooky32(const void *p, size_t bytes, uint32_t seed);

#endif

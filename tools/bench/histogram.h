/* histogram.h - counts of durations, exact to half a percent whatever their size.
 *
 * Log-linear: every power of two is cut into 128 equal buckets, and below 128 a bucket holds one
 * value. A percentile is the middle of its bucket, hence off by at most 1/256 of itself.
 *
 *      0 1 2 ... 127 | 128 129 ... 255 | 256 258 ... 510 | 512 516 ...   lower edges, in ns
 *
 * Threads: none; one histogram a thread, merged when the threads have ended.
 */
#ifndef KETCH_TOOLS_BENCH_HISTOGRAM_H
#define KETCH_TOOLS_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_LINEAR_BITS 7
/* Values from 2^40 ns (18 minutes) on share the last bucket; 'max' still knows them. */
#define HISTOGRAM_VALUE_BITS 40
#define HISTOGRAM_BUCKETS                                                                          \
    ((size_t)(HISTOGRAM_VALUE_BITS - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS)

/* All zero is empty. */
struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Counts 'value' 'times' times. */
void histogram_add(struct histogram *h, uint64_t value, uint64_t times);

/* Adds what 'from' has counted. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/* The value that a share 'p' (0..1) of all values does not exceed; 0 if there are none. */
uint64_t histogram_percentile(const struct histogram *h, double p);

#endif

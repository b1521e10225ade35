#include "histogram.h"

#include <math.h>

#define LINEAR ((uint64_t)1 << HISTOGRAM_LINEAR_BITS)

/* How far the buckets that hold 'value' are wider than 1, as a shift. */
static unsigned
width_shift(uint64_t value)
{
    return value < LINEAR ? 0 : 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_LINEAR_BITS;
}

static size_t
bucket_of(uint64_t value)
{
    if (value >> HISTOGRAM_VALUE_BITS != 0)
        return HISTOGRAM_BUCKETS - 1;
    unsigned shift = width_shift(value);
    return ((size_t)shift << HISTOGRAM_LINEAR_BITS) + (size_t)(value >> shift);
}

static uint64_t
bucket_middle(size_t bucket)
{
    if (bucket < 2 * LINEAR)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_LINEAR_BITS) - 1;
    uint64_t low = (LINEAR + (bucket & (LINEAR - 1))) << shift;
    return low + ((uint64_t)1 << shift) / 2;
}

void
histogram_add(struct histogram *h, uint64_t value, uint64_t times)
{
    h->count += times;
    h->buckets[bucket_of(value)] += times;
    if (value > h->max && times > 0)
        h->max = value;
}

void
histogram_merge(struct histogram *h, const struct histogram *from)
{
    h->count += from->count;
    if (from->max > h->max)
        h->max = from->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->buckets[i] += from->buckets[i];
}

uint64_t
histogram_percentile(const struct histogram *h, double p)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = (uint64_t)ceil(p * (double)h->count);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank && seen > 0)
            return bucket_middle(i) < h->max && i < HISTOGRAM_BUCKETS - 1 ? bucket_middle(i)
                                                                          : h->max;
    }
    return h->max;
}

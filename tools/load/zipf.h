/* zipf.h - ranks drawn with a chance proportional to 1 / rank^exponent.
 *
 * Rejection-inversion (W. Hoermann and G. Derflinger, "Rejection-inversion to generate variates
 * from monotone discrete distributions", 1996): no table, about 1.1 tries a number, the same speed
 * for ten keys and for ten million.
 *
 * Threads: immutable once made; each thread brings its own rng.
 */
#ifndef KETCH_TOOLS_LOAD_ZIPF_H
#define KETCH_TOOLS_LOAD_ZIPF_H

#include <stdint.h>
#include "load/rng.h"

struct zipf {
    uint64_t count;     /* ranks are 0 .. count - 1 */
    double exponent;    /* > 0; 1 is allowed */
    double area_first;  /* left end of the inverted area: H(1.5) - h(1) */
    double area_last;   /* right end: H(count + 0.5) */
    double always_take; /* closer than this to its rank, a point is taken without a look at h */
};

/* 'count' >= 1 and 'exponent' > 0. */
void zipf_init(struct zipf *z, uint64_t count, double exponent);

/* A rank, 0 the most frequent. */
uint64_t zipf_draw(const struct zipf *z, struct rng *r);

#endif

#include "load/zipf.h"

#include <math.h>

/* The hat function h(x) = x^-s, its integral H and the inverse of H.  expm1 and log1p keep H exact
 * where s is close to 1, and give ln x at 1 itself. */
static double
hat(const struct zipf *z, double x)
{
    return exp(-z->exponent * log(x));
}

static double
area(const struct zipf *z, double x)
{
    double t = (1 - z->exponent) * log(x);
    return fabs(t) < 1e-12 ? log(x) : expm1(t) / (1 - z->exponent);
}

static double
area_inverse(const struct zipf *z, double a)
{
    double t = (1 - z->exponent) * a;
    if (t < -1)
        t = -1; /* rounding at the far end */
    return fabs(t) < 1e-12 ? exp(a) : exp(log1p(t) / (1 - z->exponent));
}

void
zipf_init(struct zipf *z, uint64_t count, double exponent)
{
    z->count = count;
    z->exponent = exponent;
    z->area_first = area(z, 1.5) - 1;
    z->area_last = area(z, (double)count + 0.5);
    z->always_take = 2 - area_inverse(z, area(z, 2.5) - hat(z, 2));
}

uint64_t
zipf_draw(const struct zipf *z, struct rng *r)
{
    for (;;) {
        double a = z->area_last + rng_unit(r) * (z->area_first - z->area_last);
        double x = area_inverse(z, a);
        double k = floor(x + 0.5);
        if (k < 1)
            k = 1;
        else if (k > (double)z->count)
            k = (double)z->count;
        if (k - x <= z->always_take || a >= area(z, k + 0.5) - hat(z, k))
            return (uint64_t)k - 1;
    }
}

/* rng.h - small, fast, repeatable random numbers for load; nothing here is secret.
 *
 * SplitMix64 (Steele, Lea and Flood, 2014): one addition and a mixing of 64 bits a number.
 *
 * Threads: one struct a thread.
 */
#ifndef KETCH_TOOLS_LOAD_RNG_H
#define KETCH_TOOLS_LOAD_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state; /* any value is a good seed */
};

/* A bijection on 64 bits in which every input bit moves about half of the output. */
static inline uint64_t
rng_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t
rng_next(struct rng *r)
{
    return rng_mix(r->state += 0x9e3779b97f4a7c15u);
}

/* Maps 64 random bits to 0 .. n - 1; the bias is below n / 2^64. */
static inline uint64_t
rng_scale(uint64_t bits, uint64_t n)
{
    return (uint64_t)((unsigned __int128)bits * n >> 64);
}

static inline uint64_t
rng_below(struct rng *r, uint64_t n)
{
    return rng_scale(rng_next(r), n);
}

/* Uniform in [0, 1). */
static inline double
rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

#endif

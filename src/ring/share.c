#include "ring/share.h"

#include <stdbool.h>

/* A positive binary32, m * 2^e with 24 bits in m; m is 0 for 0.  No exponent here comes near the
 * ends of binary32's range. */
struct b32 {
    uint64_t m;
    int e;
};

#define MANTISSA_BITS 24

/* 1e-10f, which libmemcached adds before it rounds down. */
static const struct b32 tiny = {0xdbe6ff, -57};

/* m * 2^e, and a little more if 'more', to the nearest binary32, ties to even.  'more' goes with an
 * m of more than 25 bits. */
static struct b32
b32_round(uint64_t m, int e, bool more)
{
    if (m == 0)
        return (struct b32){0, 0};
    int surplus = 64 - __builtin_clzll(m) - MANTISSA_BITS;
    if (surplus <= 0)
        return (struct b32){m << -surplus, e + surplus};

    uint64_t half = 1ull << (surplus - 1), cut = m & (2 * half - 1);
    m >>= surplus;
    e += surplus;
    if (cut > half || (cut == half && (more || (m & 1))))
        m++;
    if (m >> MANTISSA_BITS)
        return (struct b32){m >> 1, e + 1};
    return (struct b32){m, e};
}

static struct b32
b32_of(uint64_t n)
{
    return b32_round(n, 0, false);
}

static struct b32
b32_divide(struct b32 a, struct b32 b)
{
    uint64_t m = a.m << 40;
    return b32_round(m / b.m, a.e - 40 - b.e, m % b.m != 0);
}

static struct b32
b32_multiply(struct b32 a, struct b32 b)
{
    return b32_round(a.m * b.m, a.e + b.e, false);
}

/* a + b, where a is the greater. */
static struct b32
b32_add_smaller(struct b32 a, struct b32 b)
{
    enum { ROOM = 38 };
    int down = a.e - b.e - ROOM;
    if (down <= 0)
        return b32_round((a.m << ROOM) + (b.m << -down), a.e - ROOM, false);
    uint64_t kept = down < 64 ? b.m >> down : 0;
    bool lost = down < 64 ? (b.m & ((1ull << down) - 1)) != 0 : true;
    return b32_round((a.m << ROOM) + kept, a.e - ROOM, lost);
}

static struct b32
b32_add(struct b32 a, struct b32 b)
{
    if (a.m == 0)
        return b;
    return a.e > b.e || (a.e == b.e && a.m >= b.m) ? b32_add_smaller(a, b) : b32_add_smaller(b, a);
}

static uint64_t
b32_floor(struct b32 a)
{
    if (a.e >= 0)
        return a.m << a.e;
    return a.e > -64 ? a.m >> -a.e : 0;
}

uint64_t
share_libmemcached(uint32_t weight, uint64_t total, uint32_t count, uint32_t points)
{
    struct b32 part = b32_divide(b32_of(weight), b32_of(total));
    struct b32 hashes = b32_multiply(part, b32_of(points));
    hashes.e -= 2; /* a quarter of it, exactly: a hash makes four points */
    return 4 * b32_floor(b32_add(b32_multiply(hashes, b32_of(count)), tiny));
}

uint64_t
share_libketama(uint32_t weight, uint64_t total, uint32_t count, uint32_t points)
{
    struct b32 part = b32_divide(b32_of(weight), b32_of(total));
    return 4 * b32_floor(b32_round(part.m * points * count, part.e - 2, false));
}

uint64_t
share_exact(uint32_t weight, uint64_t total, uint32_t count, uint32_t points)
{
    return (uint64_t)((unsigned __int128)points * count * weight / total);
}

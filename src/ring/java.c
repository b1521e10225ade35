#include "ring/attr.h"
#include "ring/fnv.h"
#include "ring/java.h"
#include "ring/utf8.h"

/* How one unit of UTF-16 enters a hash. */
typedef uint32_t step_fn(uint32_t h, uint32_t unit, uint32_t prime);

static uint32_t
step_java(uint32_t h, uint32_t unit, uint32_t prime)
{
    return h * prime + unit;
}

static uint32_t
step_fnv1(uint32_t h, uint32_t unit, uint32_t prime)
{
    return (h * prime) ^ unit;
}

static uint32_t
step_fnv1a(uint32_t h, uint32_t unit, uint32_t prime)
{
    return (h ^ unit) * prime;
}

static ALWAYS_INLINE uint32_t
hash_units(const void *p, size_t bytes, uint32_t h, uint32_t prime, step_fn *step)
{
    if (bytes == 0)
        return h;
    const uint8_t *b = p, *end = b + bytes;
    while (b < end) {
        uint32_t point = utf8_next(&b, end);
        if (point >= 0x10000) {
            h = step(h, 0xd800 + ((point - 0x10000) >> 10), prime);
            point = 0xdc00 + (point & 0x3ff);
        }
        h = step(h, point, prime);
    }
    return h;
}

uint32_t
java_string_hash(const void *p, size_t bytes)
{
    return hash_units(p, bytes, 0, 31, step_java);
}

uint32_t
java_fnv1_32(const void *p, size_t bytes)
{
    return hash_units(p, bytes, FNV_32_START, FNV_32_PRIME, step_fnv1);
}

uint32_t
java_fnv1a_32(const void *p, size_t bytes)
{
    return hash_units(p, bytes, FNV_32_START, FNV_32_PRIME, step_fnv1a);
}

/* Of 64 bits the low half is wanted, into which nothing comes down from the high one. */
uint32_t
java_fnv1_64(const void *p, size_t bytes)
{
    return hash_units(p, bytes, (uint32_t)FNV_64_START, (uint32_t)FNV_64_PRIME, step_fnv1);
}

uint32_t
java_fnv1a_64(const void *p, size_t bytes)
{
    return hash_units(p, bytes, (uint32_t)FNV_64_START, (uint32_t)FNV_64_PRIME, step_fnv1a);
}

#include "ring/fnv.h"
#include "ring/load.h"

uint32_t
fnv1_32(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = FNV_32_START;
    for (size_t i = 0; i < bytes; i++)
        h = (h * FNV_32_PRIME) ^ load_signed(b + i);
    return h;
}

uint32_t
fnv1a_32(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = FNV_32_START;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ load_signed(b + i)) * FNV_32_PRIME;
    return h;
}

/* Nothing moves from a high bit to a lower one, so that the low half is all there is to compute. */
uint32_t
fnv1_64(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = (uint32_t)FNV_64_START;
    for (size_t i = 0; i < bytes; i++)
        h = (h * (uint32_t)FNV_64_PRIME) ^ load_signed(b + i);
    return h;
}

uint32_t
fnv1a_64(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = (uint32_t)FNV_64_START;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ load_signed(b + i)) * (uint32_t)FNV_64_PRIME;
    return h;
}

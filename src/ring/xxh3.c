#define XXH_INLINE_ALL
#include <xxhash.h>
#include "ring/xxh3.h"

uint64_t
xxh3_64(const void *p, size_t bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, bytes, seed);
}

uint32_t
xxh3_low32(const void *p, size_t bytes)
{
    return (uint32_t)XXH3_64bits(p, bytes);
}

void
xxh3_low32_many(const struct ketch_bytes *keys, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (uint32_t)XXH3_64bits(keys[i].p, keys[i].bytes);
}

#include "ring/hsieh.h"
#include "ring/load.h"

static uint32_t
add_tail(uint32_t h, const uint8_t *b, size_t left)
{
    uint32_t low = (uint32_t)load_le_part(b, left < 2 ? left : 2);
    switch (left) {
    case 3:
        h += low;
        h ^= h << 16;
        h ^= load_signed(b + 2) << 18;
        return h + (h >> 11);
    case 2:
        h += low;
        h ^= h << 11;
        return h + (h >> 17);
    case 1:
        h += low;
        h ^= h << 10;
        return h + (h >> 1);
    default:
        return h;
    }
}

uint32_t
hsieh_hash(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = 0;
    size_t left = bytes;
    if (bytes == 0)
        return 0;
    for (; left >= 4; left -= 4, b += 4) {
        uint32_t word = load_le32(b);
        h += word & 0xffff;
        h = h << 16 ^ (word >> 16 << 11 ^ h);
        h += h >> 11;
    }
    h = add_tail(h, b, left);
    h ^= h << 3;
    h += h >> 5;
    h ^= h << 4;
    h += h >> 17;
    h ^= h << 25;
    return h + (h >> 6);
}

#include "ring/utf8.h"

/* What may follow a first byte: how many bytes, and the range of the second one.  The narrow ranges
 * leave out forms that are too long, surrogates, and what lies beyond U+10FFFF. */
struct lead {
    uint8_t first, last;       /* of the first bytes that this row is about */
    uint8_t following;         /* bytes */
    uint8_t low, high;         /* of the second byte */
    uint8_t bits;              /* of the code point in the first byte */
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf, 0x1f}, {0xe0, 0xe0, 2, 0xa0, 0xbf, 0x0f},
    {0xe1, 0xec, 2, 0x80, 0xbf, 0x0f}, {0xed, 0xed, 2, 0x80, 0x9f, 0x0f},
    {0xee, 0xef, 2, 0x80, 0xbf, 0x0f}, {0xf0, 0xf0, 3, 0x90, 0xbf, 0x07},
    {0xf1, 0xf3, 3, 0x80, 0xbf, 0x07}, {0xf4, 0xf4, 3, 0x80, 0x8f, 0x07},
};

static const struct lead *
find_lead(uint8_t byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

uint32_t
utf8_next(const uint8_t **p, const uint8_t *end)
{
    uint8_t byte = *(*p)++;
    if (byte < 0x80)
        return byte;
    const struct lead *lead = find_lead(byte);
    if (lead == NULL)
        return UTF8_REPLACEMENT;
    uint32_t point = byte & lead->bits;
    uint8_t low = lead->low, high = lead->high;
    for (unsigned i = 0; i < lead->following; i++, low = 0x80, high = 0xbf) {
        if (*p == end || **p < low || **p > high)
            return UTF8_REPLACEMENT;
        point = point << 6 | (*(*p)++ & 0x3f);
    }
    return point;
}

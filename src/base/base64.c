#include "base/base64.h"

#include <stdint.h>

static int
value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The 24 bits of four characters, of which the last 'padding' are '='; false: not base64. */
static bool
decode_group(const char *p, size_t padding, uint32_t *out)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int v = i < 4 - padding ? value_of(p[i]) : 0;
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
    }
    *out = bits;
    /* Bits that no byte takes must be 0. */
    return (bits & ((1u << 8 * padding) - 1)) == 0;
}

bool
base64_decode(struct span text, char *to, size_t room, size_t *bytes)
{
    if (text.bytes == 0 || text.bytes % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && text.p[text.bytes - 1 - padding] == '=')
        padding++;
    size_t total = text.bytes / 4 * 3 - padding;
    if (total > room)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < text.bytes; i += 4) {
        uint32_t bits;
        if (!decode_group(text.p + i, i + 4 == text.bytes ? padding : 0, &bits))
            return false;
        for (int shift = 16; shift >= 0 && at < total; shift -= 8)
            to[at++] = (char)(bits >> shift);
    }
    *bytes = total;
    return true;
}

size_t
base64_encode(struct span s, char *to)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < s.bytes; i += 3) {
        size_t here = s.bytes - i < 3 ? s.bytes - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < here ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            to[at++] = k <= here ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
    }
    return at;
}

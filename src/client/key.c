#include <stdint.h>
#include "client/key.h"

bool
key_is_plain(struct ketch_bytes key)
{
    const unsigned char *p = key.p;
    /* Without an early exit the compiler makes vector code of it. */
    unsigned bad = 0;
    for (size_t i = 0; i < key.bytes; i++)
        bad |= (p[i] <= 0x20) | (p[i] == 0x7f);
    return bad == 0;
}

char *
key_write_base64(char *out, const void *key, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = key;
    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t group = (uint32_t)p[i] << 16;
        if (i + 1 < bytes)
            group |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < bytes)
            group |= p[i + 2];
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = i + 1 < bytes ? digits[group >> 6 & 63] : '=';
        *out++ = i + 2 < bytes ? digits[group & 63] : '=';
    }
    return out;
}

#include <stdint.h>
#include <string.h>
#include "client/key.h"

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The high bits tell whether any of eight bytes is a space, below it, or DEL.  (Which of them, they do not
 * tell: a borrow may go on to the next.) */
static uint64_t
find_bad(const unsigned char *p)
{
    uint64_t word, del;
    memcpy(&word, p, sizeof word);
    del = word ^ EACH_BYTE(0x7f);
    return ((word - EACH_BYTE(0x21)) & ~word) | ((del - EACH_BYTE(1)) & ~del);
}

/* Every key of a multi-get is looked at: byte by byte it was a quarter of all that the client does for one. */
bool
key_is_plain(struct ketch_bytes key)
{
    const unsigned char *p = key.p;
    uint64_t bad = 0;
    size_t i = 0;
    for (; i + 8 <= key.bytes; i += 8)
        bad |= find_bad(p + i);
    if (i > 0 && i < key.bytes)
        bad |= find_bad(p + key.bytes - 8); /* some for the second time */
    else
        for (; i < key.bytes; i++)
            bad |= p[i] <= 0x20 || p[i] == 0x7f ? EACH_BYTE(0x80) : 0;
    return (bad & EACH_BYTE(0x80)) == 0;
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

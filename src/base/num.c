#include "base/num.h"

bool
num_parse_u64(struct span s, uint64_t *out)
{
    if (s.bytes == 0)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.bytes; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9)
            return false;
        if (UNLIKELY(v >= UINT64_MAX / 10) && (v > UINT64_MAX / 10 || digit > UINT64_MAX % 10))
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool
num_parse_u32(struct span s, uint32_t *out)
{
    uint64_t v;
    if (!num_parse_u64(s, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool
num_parse_i64(struct span s, int64_t *out)
{
    bool negative = s.bytes > 0 && s.p[0] == '-';
    if (negative)
        s = span_of(s.p + 1, s.bytes - 1);
    uint64_t magnitude;
    if (!num_parse_u64(s, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool
num_parse_i32(struct span s, int32_t *out)
{
    int64_t v;
    if (!num_parse_i64(s, &v) || v < INT32_MIN || v > INT32_MAX)
        return false;
    *out = (int32_t)v;
    return true;
}

size_t
num_format_u64(char *to, uint64_t v)
{
    char digits[NUM_U64_BYTES_MAX];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    memcpy(to, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

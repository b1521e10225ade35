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

static size_t
digits_of(uint64_t v)
{
    size_t digits = 1;
    for (; v >= 10000; v /= 10000)
        digits += 4;
    return digits + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* Most numbers are short: the lengths of values, and client flags, which are 0 more often than not. */
size_t
num_format_u64(char *to, uint64_t v)
{
    if (v < 10) {
        *to = (char)('0' + v);
        return 1;
    }
    size_t digits = digits_of(v);
    for (size_t at = digits; at > 0; v /= 10)
        to[--at] = (char)('0' + v % 10);
    return digits;
}

/* scan.h - finding the byte that ends a token, eight bytes a step.
 *
 * Keys are a few dozen bytes at most, where memchr() costs more in getting started than in looking,
 * and where two different bytes may end a key.
 *
 * Threads: pure.  Never reads outside the span it is given.
 */
#ifndef KETCH_PROTO_SCAN_H
#define KETCH_PROTO_SCAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include "base/attr.h"

#define SCAN_EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The top bit of each byte of 'word' that is 'b'.  Bytes above a match may show up by mistake, so that
 * only the lowest one counts. */
static ALWAYS_INLINE uint64_t
scan_matches(uint64_t word, uint8_t b)
{
    uint64_t differing = word ^ SCAN_EVERY_BYTE(b);
    return (differing - SCAN_EVERY_BYTE(0x01)) & ~differing & SCAN_EVERY_BYTE(0x80);
}

/* The first 'a' or 'b' in [at, end), or 'end'. */
static ALWAYS_INLINE const char *
scan_either(const char *at, const char *end, char a, char b)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t found = scan_matches(word, (uint8_t)a) | scan_matches(word, (uint8_t)b);
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && *at != a && *at != b)
        at++;
    return at;
}

/* The first 0x20 in [at, end), or 'end'. */
static inline const char *
scan_space(const char *at, const char *end)
{
    return scan_either(at, end, ' ', ' ');
}

/* The first 0x20 or newline in [at, end), or 'end'. */
static inline const char *
scan_key_end(const char *at, const char *end)
{
    return scan_either(at, end, ' ', '\n');
}

/* The first byte in [at, end) that is not 0x20, or 'end'. */
static inline const char *
scan_past_spaces(const char *at, const char *end)
{
    while (at < end && *at == ' ')
        at++;
    return at;
}

#endif

/* utf8.h - the code points of UTF-8 text, for clients that hash characters and not bytes.
 *
 * Threads:   pure functions.
 * Failure:   what is not UTF-8 becomes U+FFFD, one for each longest beginning of a character, or
 *            for each byte that can begin none: as the Unicode standard advises, and Java and
 *            Python do when they are told to replace.
 */
#ifndef KETCH_RING_UTF8_H
#define KETCH_RING_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT UINT32_C(0xfffd)

/* The code point at *p, which moves on by what it took: 1..4 bytes.  Call only when *p < end. */
uint32_t utf8_next(const uint8_t **p, const uint8_t *end);

#endif

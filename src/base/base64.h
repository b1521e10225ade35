/* base64.h - RFC 4648, section 4: the standard alphabet, padded.
 *
 * Threads: pure.
 */
#ifndef KETCH_BASE_BASE64_H
#define KETCH_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/span.h"

/* Decodes 'text' into 'to', which has room for 'room' bytes.  False when it is empty, is not base64 in
 * its canonical form, or does not fit. */
bool base64_decode(struct span text, char *to, size_t room, size_t *bytes) MUST_USE;

/* What base64_encode() makes of so many bytes. */
#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4)

/* Writes BASE64_BYTES(s.bytes) bytes to 'to', no NUL, and returns how many. */
size_t base64_encode(struct span s, char *to);

#endif

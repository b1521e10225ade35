/* key.h - keys: which bytes may go into a command line as they are.
 *
 * Threads:   pure functions.
 * Failure:   false.
 */
#ifndef KETCH_CLIENT_KEY_H
#define KETCH_CLIENT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <ketch/types.h>

/* Of the token in the command line, base64 or not: memcached's KEY_MAX_LENGTH. */
#define KEY_BYTES_MAX 250

/* Bytes that base64 makes of so many. */
#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4)

/* No space, no control character: nothing that could end the key or the line. */
bool key_is_plain(struct ketch_bytes key);

/* Writes BASE64_BYTES(key.bytes) bytes; returns their end. */
char *key_write_base64(char *out, const void *key, size_t bytes);

#endif

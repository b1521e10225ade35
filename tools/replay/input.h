/* input.h - a whole file in memory, unpacked by xz if need be.
 *
 * Failure: a message on standard error.
 */
#ifndef KETCH_TOOLS_REPLAY_INPUT_H
#define KETCH_TOOLS_REPLAY_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/buffer.h"

/* Appends the file to 'to'.  Fails on more than 'most_bytes', so that a small packed file cannot
 * fill the memory. */
bool input_read(struct buffer *to, const char *path, bool packed, uint64_t most_bytes) MUST_USE;

#endif

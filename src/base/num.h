/* num.h - decimal numbers, read strictly and written fast.
 *
 * Threads: pure functions.
 * Failure: a parser returns false and leaves *out alone when the span is empty, holds any byte but
 *          digits (and one leading '-' where the type is signed), or the number does not fit.
 */
#ifndef KETCH_BASE_NUM_H
#define KETCH_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

bool num_parse_u64(struct span s, uint64_t *out) MUST_USE;
bool num_parse_u32(struct span s, uint32_t *out) MUST_USE;
bool num_parse_i64(struct span s, int64_t *out) MUST_USE;
bool num_parse_i32(struct span s, int32_t *out) MUST_USE;

/* Longest output of num_format_u64, in bytes. */
#define NUM_U64_BYTES_MAX 20

/* Writes 'v' in decimal to 'to', which has room for NUM_U64_BYTES_MAX bytes; no NUL.  Returns the
 * length, 1..20. */
size_t num_format_u64(char *to, uint64_t v);

#endif

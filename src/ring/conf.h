/* conf.h - whether knobs are what they may be.
 *
 * Threads:   pure functions.
 * Failure:   none.
 */
#ifndef KETCH_RING_CONF_H
#define KETCH_RING_CONF_H

#include <stdarg.h>
#include <stddef.h>
#include "ketch/ring.h"
#include "ring/attr.h"

/* KETCH_INVALID and a reason, if a knob has a value it cannot have or a size is too large. */
enum ketch_status conf_check(const struct ketch_ring_conf *conf, char *why, size_t why_bytes);

/* Writes a reason, if anybody wants it; gives 'status' back. */
enum ketch_status conf_refuse(enum ketch_status status, char *why, size_t why_bytes,
                              const char *format, ...) PRINTF(4, 5);

#endif

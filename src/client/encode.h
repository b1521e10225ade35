/* encode.h - writes what is sent for a request.
 *
 * Threads:   the client's.
 * Failure:   KETCH_NO_MEMORY, KETCH_BAD_KEY and KETCH_UNSUPPORTED (text has no such key, no such
 *            request); nothing was written then.
 */
#ifndef KETCH_CLIENT_ENCODE_H
#define KETCH_CLIENT_ENCODE_H

#include "client/state.h"

/* Writes op in this protocol, which is known.  In meta its replies will show op->opaque, or the
 * numbers that follow it, one for each key of a multi-get. */
enum ketch_status encode_op(struct buffer *out, const struct op *op, enum ketch_protocol protocol)
    MUST_USE;

/* Logs in, as servers with memcached's -Y have it. */
enum ketch_status encode_login(struct buffer *out, const char *user, const char *password) MUST_USE;

/* A line that stands for itself, with its CR LF. */
enum ketch_status encode_line(struct buffer *out, const char *line) MUST_USE;

#endif

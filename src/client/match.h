/* match.h - which request a reply belongs to, and what it means for it.
 *
 * Replies come in the order of the requests, so it is the first that has no reply yet; the reply
 * must be one that such a request can have, and bring its opaque token (meta), or a key of its own
 * with a value (text).
 *
 * Threads:   the client's.
 * Failure:   false: it fits nothing.  The connection is out of step.
 */
#ifndef KETCH_CLIENT_MATCH_H
#define KETCH_CLIENT_MATCH_H

#include "client/state.h"

/* The connection may be closed afterwards, for reasons of the caller's or because of what the reply
 * says. */
bool match_reply(struct ketch_conn *conn, const struct reply *reply) MUST_USE;

#endif

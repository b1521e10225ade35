/* fetch.h - read-through: one of all who miss is to make the value, the others wait for it or take the
 * old one.
 *
 *     ask (mg N R) --+--> value, or won it  --> done
 *        ^           |
 *        |           +--> somebody else is making it
 *        |                      |
 *        +---- pause <----------+    until the deadline
 *
 * Threads:   the client's.
 * Ownership: a fetch belongs to the op that asks, or to its timer while it waits.
 * Failure:   statuses.
 */
#ifndef KETCH_CLIENT_FETCH_H
#define KETCH_CLIENT_FETCH_H

#include "client/state.h"

/* The caller's 'arg', of the 'arg' of an op with VERB_FETCH. */
const void *fetch_arg(const void *op_arg);

/* If this is the pause of a fetch with this 'arg' of the caller's: ends it, and says true. */
bool fetch_cancel(struct timer *timer, const void *arg);

/* Ends all that wait. */
void fetch_cancel_all(struct ketch_client *client);

#endif

/* poll.h - a client under poll(2), which is what blocking programs need: see wait.h.
 *
 * A program with a loop of its own around poll(2) can use it too: ketch_poll_once().
 *
 * Threads:   the client's.
 * Ownership: what is attached ends with the client.
 * Failure:   statuses.
 */
#ifndef KETCH_POLL_H
#define KETCH_POLL_H

#include <ketch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* KETCH_NO_MEMORY; KETCH_CONFLICT: the client has a transport. */
enum ketch_status ketch_poll_attach(struct ketch_client *client);

/* Sends what there is, waits up to so long (below 0: no limit; 0: not at all) for something to happen,
 * and does it.  KETCH_UNSUPPORTED: the client is not under poll; KETCH_INVALID: called in a callback. */
enum ketch_status ketch_poll_once(struct ketch_client *client, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif

/* mget.h - many keys at once: which server gets which, and when all are answered.
 *
 * The keys are copied once, sorted by server; each server's part is an op that refers to its slice.
 *
 * Threads:   the client's.
 * Ownership: the last of its ops to go frees the mget: a late answer is told from a wrong one by the keys.
 * Failure:   statuses; keys whose server cannot take them end one by one.
 */
#ifndef KETCH_CLIENT_MGET_H
#define KETCH_CLIENT_MGET_H

#include "client/state.h"

/* One key of the op has its answer: r->status and what belongs to it are filled in.  The op may be
 * gone afterwards. */
void mget_answer(struct op *op, struct mget_key *key, struct ketch_result *r);

/* The keys without an answer end with this status, and the op with them.  It is not looked at
 * afterwards. */
void mget_end(struct op *op, enum ketch_status status, int error);

/* An op of it is gone. */
void mget_unref(struct mget *mget);

/* Its server is out: each key goes where it belongs now.  Destroys the op. */
void mget_reroute(struct op *op);

#endif

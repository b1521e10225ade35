/* op.h - one request under way, or the part of a multi-get that one server has.
 *
 * Threads:   the client's.
 * Ownership: an op belongs to the list it is in; whoever takes it out of one passes it on or
 *            destroys it.
 * Failure:   op_create() alone.
 */
#ifndef KETCH_CLIENT_OP_H
#define KETCH_CLIENT_OP_H

#include "client/state.h"

/* Checks a request and copies it.  Its timer is set; it is in no list and has no server.
 * KETCH_INVALID, KETCH_BAD_KEY, KETCH_TOO_LARGE, KETCH_NO_MEMORY. */
enum ketch_status op_create(struct ketch_client *client, const struct ketch_request *request,
                            struct op **out) MUST_USE;

/* Part of a multi-get. */
enum ketch_status op_create_mget(struct ketch_client *client, struct mget *mget,
                                 struct mget_key *keys, uint32_t count, int64_t deadline_us,
                                 struct op **out) MUST_USE;

/* Not in a list any more, and completed or refused. */
void op_destroy(struct op *op);

/* A result with the status and what the op knows of itself. */
void op_result(const struct op *op, enum ketch_status status, int error, struct ketch_result *r);

/* Tells the caller, once.  Whether the op still exists afterwards is the caller's doing: it is not
 * looked at again. */
void op_complete(struct op *op, const struct ketch_result *r);

/* The same of all kinds of op, with this status for all that has no answer yet. */
void op_end(struct op *op, enum ketch_status status, int error);

/* Takes it out of its list, ends it, destroys it. */
void op_abort(struct op *op, enum ketch_status status, int error);

/* The deadline of an op that was started with this 'arg' by the caller. */
bool op_timer_is_of(const struct timer *timer, const void *arg);

/* It changes nothing on the server: to send it again does no harm. */
bool op_is_read(const struct op *op);

/* It goes to the server it names. */
bool op_is_for_server(const struct op *op);

/* The key that chooses its server. */
struct ketch_bytes op_placement_key(const struct op *op);

#endif

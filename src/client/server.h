/* server.h - one server: what waits for it, and whether it is to be used (the failure policy).
 *
 *                    limit failures in window
 *              +-------------------------------------+
 *              |                                     v
 *             in                                    out
 *              ^                                     |
 *              +-------------------------------------+
 *                    a retry connects, and it answers
 *
 * Threads:   the client's.
 * Ownership: the client owns servers; a server owns the ops in its lists.
 * Failure:   statuses.
 */
#ifndef KETCH_CLIENT_SERVER_H
#define KETCH_CLIENT_SERVER_H

#include "client/state.h"

/* Copies the address; the server is in the client's list, in no pool. */
enum ketch_status server_create(struct ketch_client *client, const struct ketch_server *address,
                                struct server **out) MUST_USE;
/* It has no ops. */
void server_destroy(struct server *server);

/* It is in no pool any more and has nothing to do: client_leave() destroys it. */
static inline bool
server_is_done(const struct server *server)
{
    return server->retired && server->ops == 0;
}

/* The same place in a list of servers. */
bool server_is(const struct server *server, const struct ketch_server *address);

/* Takes a request: sends it, or lets it wait for the connection.  Not KETCH_OK: it is not taken.
 * It may be completed before this returns. */
enum ketch_status server_submit(struct server *server, struct op *op) MUST_USE;

/* What a request is told that cannot be sent, as the server is out. */
enum ketch_status server_unsent_status(const struct server *server);

/* An op of its is destroyed. */
void server_forget(struct server *server, struct op *op);

/* ---- told by its connection and its requests ---- */

void server_ready(struct server *server);
void server_disconnected(struct server *server, enum conn_state before, enum ketch_status status,
                         int error);
/* A request timed out; tells: it may be the server's fault. */
void server_timed_out(struct server *server, int64_t now_us, bool tells);

/* Ends all its requests, and closes. */
void server_shut(struct server *server, enum ketch_status status);

#endif

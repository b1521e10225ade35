/* conn.h - one connection: its states, its bytes, and which reply belongs to which request.
 *
 * Threads:   the client's.
 * Ownership: a conn is part of its server.
 * Failure:   statuses; whatever ends a connection reaches server_disconnected().
 */
#ifndef KETCH_CLIENT_CONN_H
#define KETCH_CLIENT_CONN_H

#include "client/state.h"

void conn_init(struct ketch_conn *conn, struct server *server);
void conn_fini(struct ketch_conn *conn);

/* Begins to connect.  Not KETCH_OK: that failed at once, and it is closed. */
enum ketch_status conn_open(struct ketch_conn *conn, int *error) MUST_USE;

/* Closes it, and hands its requests to server_disconnected(). */
void conn_break(struct ketch_conn *conn, enum ketch_status status, int error);

/* Closes it; requests that were sent stay in its list. */
void conn_close(struct ketch_conn *conn);

/* Sends a request, READY it must be.  What encode_op() returns; then the op is in no list. */
enum ketch_status conn_send(struct ketch_conn *conn, struct op *op) MUST_USE;

/* A request that was sent has ended before its reply came. */
void conn_owes(struct ketch_conn *conn, int64_t now_us);

#endif

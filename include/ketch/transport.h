/* transport.h - what moves a client's bytes: for those who write an adapter to an event loop that hands
 * out no file descriptors, or a test.  Users of sockets need sockets.h, poll.h or ev.h instead.
 *
 *                client calls                          transport calls
 *
 *     connect    begin to connect a conn  ----------->
 *                                         <----------- ketch_conn_connected(), or ketch_conn_failed()
 *     output     it has bytes to send     ----------->
 *                                         <----------- ketch_conn_output(), ketch_conn_sent()
 *                                         <----------- ketch_conn_reserve(), ketch_conn_commit()
 *     close      forget the conn          ----------->
 *     timer      wake me then             ----------->
 *                                         <----------- ketch_client_timer()
 *
 * Threads:   the client's.
 * Ownership: the client owns its conns.  After 'close', or ketch_conn_failed(), a conn is gone for the
 *            transport until the next 'connect' of it.
 * Failure:   statuses.
 */
#ifndef KETCH_TRANSPORT_H
#define KETCH_TRANSPORT_H

#include <ketch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ketch_conn;

#define KETCH_NEVER INT64_MAX

struct ketch_transport {
    /* A clock that never goes back, in microseconds from any moment. */
    int64_t (*now_us)(void *ctx);
    /* Seconds since 1970, for items that live longer than 30 days. */
    int64_t (*unix_s)(void *ctx);
    /* Begins.  What comes of it is reported during this call or later.  Anything but KETCH_OK is a
     * failure that is not reported again; error: errno. */
    enum ketch_status (*connect)(void *ctx, struct ketch_conn *conn, int *error);
    /* Closes at once; nothing is reported of it any more. */
    void (*close)(void *ctx, struct ketch_conn *conn);
    /* There are bytes to send where there were none; best sent just before the thread waits. */
    void (*output)(void *ctx, struct ketch_conn *conn);
    /* ketch_client_timer() is to be called at this time, or soon after; replaces the time before. */
    void (*timer)(void *ctx, int64_t at_us);
    /* Moves bytes and waits, until *done.  NULL: cannot block. */
    enum ketch_status (*run)(void *ctx, const bool *done);
    /* The client ends; all conns are closed. */
    void (*detach)(void *ctx);
};

/* Once, before any request.  KETCH_CONFLICT: it has one.  The table must live as long as the client. */
enum ketch_status ketch_client_attach(struct ketch_client *client,
                                      const struct ketch_transport *transport, void *ctx);

/* What is due at this time is done: deadlines, retries, reports. */
void ketch_client_timer(struct ketch_client *client);

/* The context given to ketch_client_attach(), of the transport with this table; else NULL. */
void *ketch_client_transport(const struct ketch_client *client,
                             const struct ketch_transport *transport);

/* ---- of one connection ---- */

/* Where it leads to. */
const struct ketch_server *ketch_conn_server(const struct ketch_conn *conn);
/* NULL: TLS is not wanted. */
struct ketch_tls *ketch_conn_tls(const struct ketch_conn *conn);

/* A pointer of the transport's; NULL at each 'connect'. */
void ketch_conn_set_data(struct ketch_conn *conn, void *data);
void *ketch_conn_data(const struct ketch_conn *conn);

void ketch_conn_connected(struct ketch_conn *conn);

/* The server is to say something: replies, or that it may be used. */
bool ketch_conn_owes(const struct ketch_conn *conn);

/* It could not be made, or has ended: KETCH_DOWN, KETCH_DNS, KETCH_TLS, KETCH_LOST; error: errno or 0. */
void ketch_conn_failed(struct ketch_conn *conn, enum ketch_status status, int error);

/* Room for what is received: at least one byte; NULL: no memory, and the conn is closed. */
void *ketch_conn_reserve(struct ketch_conn *conn, size_t *room);
/* So much was put there.  Completes requests.  False: the conn was closed meanwhile. */
bool ketch_conn_commit(struct ketch_conn *conn, size_t bytes);

/* What is to be sent, until the next call of anything of this client. */
struct ketch_bytes ketch_conn_output(struct ketch_conn *conn);
/* So much of it was. */
void ketch_conn_sent(struct ketch_conn *conn, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif

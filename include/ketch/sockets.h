/* sockets.h - a client on sockets that do not block, under any event loop: for those who write an adapter.
 *
 * poll.h and ev.h are two; another takes a table of functions and four calls, as with libcurl's multi
 * interface:
 *
 *                 the sockets call                              the loop calls
 *
 *     watch       tell me of these events of this fd  ------->
 *                                                     <-------  ketch_socket_event()
 *     timer       wake me then                        ------->
 *                                                     <-------  ketch_sockets_timer()
 *     pending     there is something to send          ------->
 *                                                     <-------  ketch_sockets_flush(), before it waits
 *
 * Host names are looked up each time a connection is made, by getaddrinfo(3), which blocks, or by the
 * function of the table.  Addresses written in numbers do not block.  No signal is raised: what is
 * written to a connection that has ended fails.
 *
 * Threads:   the client's.
 * Ownership: sockets belong to the client, and end with it.
 * Failure:   statuses.
 */
#ifndef KETCH_SOCKETS_H
#define KETCH_SOCKETS_H

#include <sys/socket.h>
#include <ketch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ketch_sockets;
struct ketch_socket;

enum ketch_socket_events {
    KETCH_READABLE = 1, /* or at its end, or failed */
    KETCH_WRITABLE = 2,
};

/* Of one host at most; more are not tried. */
#define KETCH_ADDRESSES_MAX 8

struct ketch_address {
    socklen_t bytes;
    struct sockaddr_storage storage;
};

struct ketch_loop {
    /* A clock that never goes back, in microseconds; NULL: CLOCK_MONOTONIC. */
    int64_t (*now_us)(void *ctx);
    /* Wants these events of this fd from now on (level-triggered).  0: none, the fd is about to be
     * closed, and the socket with it.  *slot is the loop's, NULL at first.  False: it cannot. */
    bool (*watch)(void *ctx, struct ketch_socket *socket, int fd, unsigned events, void **slot);
    /* INT64_MAX: never. */
    void (*timer)(void *ctx, int64_t at_us);
    void (*pending)(void *ctx);
    /* Runs until *done, blocking; NULL: it cannot. */
    enum ketch_status (*run)(void *ctx, const bool *done);
    /* The client ends; all sockets are closed. */
    void (*detach)(void *ctx);
    /* Looks a host up: KETCH_OK with 1 to KETCH_ADDRESSES_MAX addresses, KETCH_DNS; NULL:
     * getaddrinfo(3).  An answer from a cache does not block. */
    enum ketch_status (*resolve)(void *ctx, const char *host, uint16_t port,
                                 struct ketch_address *addresses, size_t *count);
};

/* KETCH_NO_MEMORY; KETCH_CONFLICT: the client has a transport. */
enum ketch_status ketch_sockets_attach(struct ketch_client *client, const struct ketch_loop *loop,
                                       void *ctx, struct ketch_sockets **out);

void ketch_socket_event(struct ketch_socket *socket, unsigned events);

/* For a loop that blocks.  Whether it waits for this one: to connect, or for a reply. */
bool ketch_socket_owes(const struct ketch_socket *socket);
/* Instead of waiting until it is KETCH_READABLE, and ketch_socket_event(): does both in one call of the
 * system, for one that is watched for KETCH_READABLE only.  Nothing may have come when it returns, well
 * before until_us: microseconds from now, 40000 or more.  False: it cannot (TLS), and did nothing. */
bool ketch_socket_receive(struct ketch_socket *socket, int64_t until_us);

void ketch_sockets_timer(struct ketch_sockets *sockets);
void ketch_sockets_flush(struct ketch_sockets *sockets);

/* CLOCK_MONOTONIC in microseconds. */
int64_t ketch_monotonic_us(void);

/* The context given to ketch_sockets_attach(), of a client on sockets with this table; else NULL. */
void *ketch_sockets_loop(const struct ketch_client *client, const struct ketch_loop *loop);

#ifdef __cplusplus
}
#endif

#endif

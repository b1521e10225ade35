/* worker.h - an event loop in a thread, and the connections that it serves.
 *
 * A worker reads into one buffer and answers out of one output, both its own: a connection owns memory
 * only while a request is incomplete or an answer is unsent.
 *
 * Threads:   worker_start(), _give(), _answer_udp(), _stop(), _join() and _destroy() are for the main thread; the
 *            counters and the list of connections may be read by any.
 * Ownership: a worker owns its connections and their sockets.
 */
#ifndef KETCH_NET_WORKER_H
#define KETCH_NET_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/attr.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/stat.h"
#include "exec/exec.h"
#include "net/config.h"

struct listener;
struct worker;

/* name, as 'stats' has it or nearly so */
#define WORKER_COUNTERS(X)                                                                         \
    X(bytes_read)                                                                                  \
    X(bytes_written)                                                                               \
    X(conn_yields)                                                                                 \
    X(idle_kicks)                                                                                  \
    X(conns_opened)                                                                                \
    X(conns_closed)

#define COUNTER_FIELD(name) counter_t name;
struct worker_counters {
    WORKER_COUNTERS(COUNTER_FIELD)
};
#undef COUNTER_FIELD

/* Shared by all workers of a server. */
struct worker_context {
    struct engine *engine;
    struct exec *exec;
    struct clock *clock;
    const struct net_config *config;
    struct worker *const *workers; /* config->workers of them, before the first connection comes */
    const struct listener *listeners;
    unsigned listener_count;
};

/* NULL, with the reason logged, when memory or threads are short.  The worker runs at once. */
struct worker *worker_start(const struct worker_context *context, unsigned number) MUST_USE;

/* Takes the socket: from now on it is the worker's.  'protocol' is its listener's.  False, and nothing
 * taken: no memory. */
bool worker_give(struct worker *w, int fd, enum protocol protocol) MUST_USE;

/* From now on it answers what comes to its UDP sockets.  Before, commands might ask about parts of the
 * server that are not there yet; a connection has to be given, a datagram just comes. */
void worker_answer_udp(struct worker *w);

/* Asks the worker to close everything and end; worker_join() waits until it has.  The others may be
 * looking at its counters and connections until they have ended too: then worker_destroy() it. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
void worker_destroy(struct worker *w);

const struct worker_counters *worker_counters(const struct worker *w);

/* The lines of 'stats conns' for this worker's connections; false: not all, memory is short. */
bool worker_show_conns(struct worker *w, stat_emit_fn *emit, void *to) MUST_USE;

/* The lines of 'stats conns' for a socket that has been listening for so long. */
void net_show_listener(int fd, uint32_t age_s, stat_emit_fn *emit, void *to);

/* The line of 'stats conns' for the address that a socket is bound to. */
void net_show_bound(int fd, stat_emit_fn *emit, void *to);

/* Bytes of the buffers that a worker has for itself. */
size_t worker_buffer_bytes(void);

#endif

/* acceptor.h - takes new connections off the listening sockets and hands them to workers in turn.
 *
 *                  too many connections, no descriptor or no memory left
 *     +-----------+------------------------------------------>+--------+
 *     | ACCEPTING |                                           | PAUSED |
 *     +-----------+<------------------------------------------+--------+
 *                    a connection has been closed (looked for every 10 ms), or,
 *                    if it was not their number, a second has passed
 *
 * With reject_fast, a connection too many is told so and closed at once, and there is no pause.
 *
 * Threads:   the main thread's loop; the figures may be read by any.
 * Ownership: borrows the listeners and the workers.
 */
#ifndef KETCH_NET_ACCEPTOR_H
#define KETCH_NET_ACCEPTOR_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/counter.h"
#include "net/config.h"
#include "net/listen.h"
#include "net/worker.h"

struct accepting_socket {
    ev_io io;
    struct acceptor *acceptor;
    const struct listener *listener;
};

struct acceptor {
    struct ev_loop *loop;
    const struct net_config *config;
    struct worker **workers;
    unsigned next_worker;
    struct accepting_socket *sockets; /* one for each listener but those of UDP */
    size_t socket_count;
    ev_timer resume;
    uint64_t paused_at_us;
    uint64_t resume_below;    /* so many open connections */
    uint64_t refused_at_us;   /* when one last found no memory; that is logged, but not for each */
    bool starved;             /* something else was short: retry; and it has been logged */
    counter_t accepted;       /* handed to workers */
    counter_t rejected;
    counter_t pauses;
    counter_t paused_us;
    _Atomic bool accepting;
};

/* 'workers' has config->workers of them.  False: no memory. */
bool acceptor_start(struct acceptor *a, struct ev_loop *loop, const struct net_config *config,
                    const struct listener *listeners, size_t listener_count,
                    struct worker **workers) MUST_USE;
void acceptor_stop(struct acceptor *a);

/* Connections that are open now. */
uint64_t acceptor_open_conns(const struct acceptor *a);

#endif

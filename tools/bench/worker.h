/* worker.h - one thread of load: an epoll loop over its share of the connections.
 *
 * Two ways to send.  Closed loop: every connection sends a batch, and the next when all of it is
 * answered. Open loop (--rate): requests fall due at even intervals, go to the next connection with
 * room, and count their latency from when they were due; if there is no room they wait, and the
 * wait counts.
 *
 * Threads: worker_run() on one thread; worker_stop() from any.  The tally may be read as tally.h
 * says.
 */
#ifndef KETCH_TOOLS_BENCH_WORKER_H
#define KETCH_TOOLS_BENCH_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include "load/address.h"
#include "base/attr.h"
#include "connection.h"

struct worker {
    unsigned index;
    struct session session;
    struct tally tally;
    struct connection *connections;
    uint32_t connection_count;
    int timer_fd;       /* wakes the loop when the next request is due */
    uint32_t next;      /* open loop: the connection whose turn it is */
    double interval_ns; /* open loop: between two requests of this thread */
    uint64_t sent;      /* open loop: requests begun */
    uint64_t start_ns;
    uint64_t end_ns;      /* of the last phase, set by worker_run() */
    _Atomic bool stopped; /* relaxed: seen within a turn */
};

/* Opens the connections.  False, with a message, if one cannot be opened. */
bool worker_init(struct worker *w, struct workload *load, const struct address *to,
                 unsigned index) MUST_USE;
void worker_fini(struct worker *w);

/* Makes ready for 'phase': an empty tally, a source of requests. */
void worker_prepare(struct worker *w, struct workload *load, enum phase phase);

/* Sends and receives until the phase is over: source or time at its end and all replies in, or no
 * reply for too long. */
void worker_run(struct worker *w);

/* Asks worker_run() to send no more and return. */
void worker_stop(struct worker *w);

#endif

/* connection.h - one connection under load: requests out, replies in, in order.
 *
 *      source --compose--> [ unsent ] --send--> server --recv--> parse --> tally
 *                 |                                                ^
 *                 +---> ring of requests under way, oldest first --+
 *
 * What belongs to the thread and not to a connection is in a session: big scratch buffers, so that
 * 1,000 connections do not spread over the caches; a connection keeps memory of its own only for
 * what a call of the kernel left over.
 *
 * Threads: a session and its connections belong to one thread.
 * Failure: a connection that breaks is counted in the tally and closed; the others go on.
 */
#ifndef KETCH_TOOLS_BENCH_CONNECTION_H
#define KETCH_TOOLS_BENCH_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include "load/buffer.h"
#include "tally.h"
#include "workload.h"

struct session {
    struct source source;
    struct tally *tally; /* borrowed */
    int epoll_fd;
    bool match;             /* tell which keys came back: --verify, --look-aside */
    bool closed_loop;       /* a batch that is answered is followed by the next */
    uint64_t send_until_ns; /* no request is begun later; lowered to 0 to stop */
    uint64_t under_way;     /* requests, over all connections */
    uint64_t last_reply_ns;
    struct buffer in; /* scratch */
    struct buffer out;
};

struct connection {
    int fd;             /* -1: closed */
    bool waits_to_send; /* EPOLLOUT is on */
    uint32_t capacity;  /* of the ring */
    uint32_t head;      /* the oldest request under way */
    uint32_t under_way;
    uint32_t matched;    /* of the oldest: keys looked at, up to the last VALUE */
    uint32_t found;      /* of the oldest: VALUEs so far */
    bool is_over;        /* the oldest: with the data to skip, its reply is complete */
    uint64_t skip_bytes; /* of a value's data, still to come */
    struct request *requests;
    uint32_t *keys;     /* multiget of them for each place of the ring */
    struct buffer rest; /* received, not yet parsed */
    struct buffer unsent;
    struct buffer fills; /* uint32_t each: keys to be stored after a miss */
};

/* Takes 'fd', makes it non-blocking and puts it into the session's epoll set. */
void connection_init(struct connection *c, struct session *s, int fd);
void connection_fini(struct connection *c);

/* Writes as many requests as fit (the depth; a preload has its own) in one go, unless the source or
 * the time is at its end. */
void connection_send_batch(struct connection *c, struct session *s);

/* Is there room for one more request? */
bool connection_has_room(const struct connection *c);

/* Queues one request that was due at 'due_ns'; connection_flush() sends what is queued.  False if
 * the source has no more. */
bool connection_queue(struct connection *c, struct session *s, uint64_t due_ns) MUST_USE;
void connection_flush(struct connection *c, struct session *s);

/* Reacts to what epoll saw. */
void connection_on_event(struct connection *c, struct session *s, uint32_t events);

/* Nanoseconds of the monotonic clock. */
uint64_t connection_now_ns(void);

#endif

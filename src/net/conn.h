/* conn.h - one client's connection.
 *
 *                          output all sent
 *          +------------------------------------------+
 *          v                                          |
 *     +---------+  the socket takes no more      +---------+
 *     | READING |------------------------------->| WRITING |
 *     +---------+<-+                             +---------+
 *        |   |     | its turn, nothing left to do      |
 *        |   |   +---------+                           |
 *        |   +-->| WAITING |<--------------------------+   the batch had to be broken off: others first,
 *        |       +---------+                               or no memory before a quiescent point
 *        v            |
 *     +--------+<-----+          from every state: error, end of stream, quit, idle for too long
 *     | CLOSED |
 *     +--------+
 *
 * READING waits for bytes, WRITING for room in the socket, WAITING for its next turn in this worker.
 *
 * Threads:   its worker's; worker_show_conns() notes what is atomic, and the descriptor, from any, under
 *            the worker's list lock.
 * Ownership: a connection owns its socket, unparsed input and unsent output.
 */
#ifndef KETCH_NET_CONN_H
#define KETCH_NET_CONN_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/mutex.h"
#include "exec/exec.h"
#include "net/want.h"
#include "net/worker.h"

#define INPUT_BYTES (64u << 10) /* of a worker's buffer: what one turn reads at most */

/* Connections that have something to read are read in groups, and then executed: what the request of one
 * needs of the cache is loaded while the kernel reads the next.  100 B, 50 connections, 100 k items: 9.0
 * instead of 9.2 us of CPU a request.  More would only make the first of them wait. */
#define GROUP_MAX 4

enum conn_state { CONN_READING, CONN_WRITING, CONN_WAITING, CONN_CLOSED, CONN_STATES };

/* Bytes that outlive a turn; from malloc, or NULL. */
struct kept {
    char *bytes;
    uint32_t start;
    uint32_t end;
};

struct conn {
    ev_io io;
    struct worker *worker;
    struct conn *next, *prev;          /* all of the worker's; under its list lock */
    struct conn *wait_next;            /* WAITING: in the order of turns */
    struct kept input;                 /* unparsed */
    struct kept output;                /* unsent */
    bool closing;                      /* close when the output is sent */
    uint8_t group_slot;                /* 1 + its place in the worker's group; 0: none */
    _Atomic uint8_t state;             /* enum conn_state */
    _Atomic uint32_t last_request_s;   /* on the server's clock */
    struct want want;                  /* of memory, that it did not find */
    uint32_t held_since_ms;            /* it keeps memory of the cache; 0: it does not */
    uint32_t held_moved_ms;            /* when that last went on */
    struct session session;
};

/* A socket on its way to a worker. */
struct mail {
    int fd;
    uint8_t protocol; /* enum protocol */
};

struct udp;

/* Has been read, and waits to be executed. */
struct group_member {
    struct conn *conn;  /* NULL: was closed meanwhile */
    size_t input_bytes;
    uint64_t hint;      /* of exec_prefetch() */
};

/* What a worker is; conn.c uses it, worker.c runs it. */
struct worker {
    struct ev_loop *loop;
    const struct worker_context *context;
    struct engine_thread *engine_thread;
    struct exec_thread *exec_thread;
    uint32_t now_s;                      /* read once per turn of the loop */
    struct conn *waiting, **waiting_end; /* WAITING connections, the next turn first */
    size_t kept_bytes;                   /* of all its connections' input and output */
    size_t kept_plenty_bytes;            /* more than this of them is too much */
    struct worker_counters counters;
    struct mutex list_lock;              /* of these two */
    struct conn *conns;
    size_t conn_count;

    pthread_t thread;
    ev_async wakeup;
    ev_prepare turn;
    ev_idle busy;       /* keeps the loop from blocking while connections wait */
    ev_timer again;     /* the same, gently, while freed memory waits for other threads */
    ev_timer idle_check;
    ev_async relieve;   /* some worker finds no memory */
    struct relief relief; /* when we found some for it, or for ourselves */
    uint64_t asked_at_us; /* when we last asked for some */
    bool starved;       /* we find none: there is no use in trying again at once */
    uint32_t relief_s;  /* when that was last logged */
    uint32_t refused_s; /* when it was last logged that a connection found no memory */
    struct mutex mail_lock; /* of the sockets that are handed over */
    struct mail *mail;
    size_t mail_count, mail_room;
    _Atomic bool stop;

    struct udp *udp;    /* its UDP sockets; NULL: none */
    _Atomic bool answers_udp;

    unsigned group_count; /* < GROUP_MAX between two events */
    struct group_member group[GROUP_MAX];

    struct output output;
    char input[GROUP_MAX][INPUT_BYTES]; /* of the group; a turn takes the first free one */
};

/* Makes every worker close a connection that keeps memory, if there is one, or have one give up; see
 * conn_close_hoarder() and conn_tell_to_give_up(). */
void worker_ask_for_memory(struct worker *w);

/* Registers a new connection with its worker's loop.  'protocol' is its listener's.  False: no memory;
 * the socket is not touched. */
bool conn_open(struct worker *w, int fd, enum protocol protocol) MUST_USE;
void conn_close(struct conn *c);

/* Closes the connection that has kept memory of the cache for longest without need; false: none. */
bool conn_close_hoarder(struct worker *w);

/* Tells the one that has kept some for longest, and waits for more, that its next try is the last; one at a
 * time. */
void conn_tell_to_give_up(struct worker *w);

/* How long ago any worker made somebody let go of memory. */
struct relief_age worker_relief_age(const struct worker *w, uint32_t now_ms);

/* Executes what the group's connections have sent. */
void conn_run_group(struct worker *w);

/* The next turn of a WAITING connection, which is in no list. */
void conn_turn(struct conn *c);

const char *conn_state_name(enum conn_state s);

#endif

/* state.h - what a client is made of; for the files of this directory.
 *
 *     ketch_client --- pool: ring, servers by id (replaced as a whole)
 *          |             |
 *          |           server: a connection, the policy's view of it, requests that wait for it
 *          |             |         |
 *          |             |       conn: bytes in and out, requests whose replies are to come, in order
 *          |             |                |
 *          +- timers   list waiting     list sent
 *                           \             /
 *                            op, op, op, op      one request, or a multi-get's part for one server
 *
 * An op is in one of the two lists, or passes between them, until it ends.  One that has been
 * completed (its deadline passed, say) stays in 'sent' until its reply has come: only so do the
 * replies behind it find their requests.
 *
 * A function that may call back into the caller's code is entered with client_enter() and left with
 * client_leave(): servers that are gone are freed only when all are left.
 *
 * Threads:   the client's.
 * Ownership: the client owns servers and, through them, ops; the pool refers to servers.
 */
#ifndef KETCH_CLIENT_STATE_H
#define KETCH_CLIENT_STATE_H

#include <ketch/client.h>
#include <ketch/transport.h>
#include "client/attr.h"
#include "client/buffer.h"
#include "client/list.h"
#include "client/reply.h"
#include "client/timer.h"

struct placement;
struct op;
struct server;

/* Verbs of our own, behind those of the callers. */
enum {
    VERB_MGET = KETCH_VERB_COUNT,
    VERB_FETCH,
    VERB_COUNT,
};

/* ---- requests ---- */

/* A key of a multi-get. */
struct mget_key {
    const char *p; /* as on the wire, with the prefix */
    uint32_t index;
    uint8_t bytes;
    bool binary;   /* goes as base64 */
    bool answered; /* 'each' was called */
    uint32_t server;
};

struct mget {
    ketch_done each, done;
    void *arg;
    size_t ops_left;
    size_t refs; /* of its ops, and while it is at work: what comes late is told by its keys */
    enum ketch_status first; /* that was neither KETCH_OK nor KETCH_MISS */
    struct ketch_options options;
    struct mget_key *keys; /* those of one server together */
    struct ketch_bytes group; /* options.group, copied */
};

struct op {
    struct timer timer; /* its deadline */
    struct link link;   /* in server->waiting or conn->sent */
    struct ketch_client *client;
    struct server *server;
    uint32_t server_id; /* when it was routed: ids change with the pool */
    uint8_t verb;
    uint8_t step;       /* of INCR in text with an initial value: 0, 1 add, 2 incr again */
    bool binary_key;    /* goes as base64 */
    bool completed;     /* the caller was told */
    bool in_sent;       /* in conn->sent, else in server->waiting */
    bool resent;        /* was sent before, on a connection that ended */
    uint8_t moves;      /* to other servers */
    char command[3];    /* of META */
    uint32_t opaque;    /* of the meta protocol; of a multi-get its first key's */
    uint32_t lease_s;   /* of FETCH */
    uint32_t refresh_s; /* of FETCH */
    uint64_t begin;     /* where in the stream of the connection it begins */
    struct ketch_options options;
    uint64_t delta;
    struct ketch_bytes key;   /* as on the wire; what of it is prefix the client knows */
    struct ketch_bytes value;
    struct ketch_bytes meta;
    ketch_done each, done;
    void *arg;
    size_t bytes; /* for the bound on what waits */

    /* Of a multi-get only. */
    struct mget *mget;
    struct mget_key *keys; /* of the mget's */
    uint32_t key_count;
    uint32_t keys_left;
    uint32_t cursor;           /* text: values come in the order of the keys, mostly */
    enum ketch_status failure; /* a reply that said SERVER_ERROR, for the keys without an answer */

    char tail[]; /* key, value, meta, group */
};

/* ---- connections ---- */

/*      CLOSED --> CONNECTING --> LOGIN --> PROBE --> READY
 *        ^            |            |         |         |
 *        +------------+------------+---------+---------+
 *
 * Steps that are not needed are left out.  conn.c has the table of moves. */
enum conn_state {
    CONN_CLOSED,
    CONN_CONNECTING,
    CONN_LOGIN,
    CONN_PROBE,
    CONN_READY,
    CONN_STATE_COUNT,
};

struct ketch_conn {
    struct server *server;
    enum conn_state state;
    bool announced;      /* the transport knows that there is output */
    bool parsing;        /* ketch_conn_commit() is at work */
    uint32_t generation; /* counts closings */
    void *data;          /* the transport's */
    struct timer timer;  /* CONNECTING .. PROBE: the connection must be ready.  READY: it may owe
                            replies of requests that timed out no longer */
    struct reply_parser parser;
    struct buffer in, out;
    uint64_t written; /* bytes that were put into out since the connection was made */
    uint64_t sent;    /* of these, what the transport has taken */
    struct list ops;  /* sent, in this order */
    uint32_t next_opaque;
};

/* ---- servers ---- */

struct server {
    struct ketch_client *client;
    struct server *next; /* of all the client's */
    struct ketch_server address;
    const char *name;  /* "host:port" */
    uint32_t id;
    bool is_gutter;
    bool retired; /* in no pool any more */
    bool placed;  /* while a pool is built: it has a place there */
    size_t ops;       /* waiting and sent, completed ones included */
    size_t ops_bytes;
    struct list waiting;
    struct ketch_conn conn;

    enum ketch_protocol protocol; /* AUTO: not known */
    bool probe_unanswered; /* the connection ended at 'mn': some proxies do so.  Then it is text, which is
                              a guess until something was answered */

    /* The policy. */
    bool out;
    uint32_t failures;       /* since window_us */
    uint32_t retries;        /* in a row */
    int64_t window_us;       /* when the first of the failures was */
    int64_t last_timeout_us;
    struct timer retry;      /* set while it is out */
    enum ketch_status why;   /* of the last failure */
    int error;

    char tail[]; /* strings */
};

struct pool {
    struct placement *ring;
    struct server **servers; /* by id */
    size_t count;
    struct placement *gutter_ring;
    struct server **gutter; /* id - count */
    size_t gutter_count;
};

struct ketch_client {
    struct ketch_client_conf conf; /* strings and lists in it are copies, or NULL */
    char *ring_spec, *user, *password, *prefix;
    struct ketch_server *gutter; /* copies, for the pools to come */
    struct ketch_tls *tls;
    const struct ketch_transport *transport;
    void *ctx;
    struct timers timers;
    int64_t armed_us; /* what the transport's timer is set to */
    struct pool pool;
    uint64_t pools; /* that there have been: whether ids are still those of before */
    struct server *servers; /* all, also those that are only finishing */
    struct ketch_counters counters;
    uint64_t random; /* of the jitter */
    unsigned depth;  /* calls of client_enter() */
    bool reap;       /* a retired server may be free to go */
    bool ending;
    bool cancelling;           /* ketch_cancel() is at work, */
    const void *cancelled_arg; /* on requests with this */
    bool wake; /* a request was completed: ends a turn of ketch_wait_all() */
    struct timer discovery;
    uint64_t discovery_version;
    size_t discovery_next; /* whom to ask */
    struct timer report;
};

#endif

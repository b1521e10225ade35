/* client.h - the client: requests to a pool of cache servers, and how each of them ended.
 *
 * The client itself does no input or output and reads no clock.  A transport (transport.h) moves its
 * bytes and wakes it; two come with the library, and either is one call:
 *
 *     blocking programs:   ketch_poll_attach(client)         poll.h     then ketch_get_wait() ... of wait.h
 *     libev:               ketch_ev_attach(&adapter, ...)    ev.h       then ketch_get() ... of this header
 *
 *        the caller            the client                 the transport           a server
 *            |                     |                            |                     |
 *            |-- ketch_get() ----->| key -> server, encode      |                     |
 *            |                     |-- there is output -------->|-- one write ------->|
 *            |                     |<-- bytes ------------------|<-- one read --------|
 *            |<-- done(result) ----| parse, match, check        |                     |
 *
 * A request that was accepted (KETCH_OK from the function that starts it) is completed exactly once,
 * by 'done', whatever happens: an answer, a deadline, a lost connection, ketch_cancel(), the end of
 * the client.  One that was refused is not completed, and nothing was sent.
 *
 * Replies are matched by their position and checked: by an opaque token in the meta protocol, by the
 * key of a value in the text protocol.  A connection whose replies do not fit is closed.  The reply
 * to a request that timed out is thrown away when it comes, or the connection is closed; it is never
 * given to another request.
 *
 * Threads:   a client, and all that belongs to it, is used by one thread.  There is no global state:
 *            other threads may have other clients.  Rings (ring.h) may be shared.
 * Processes: after fork(2) parent and child have the same connections, and would take each other's
 *            replies.  One of them, the child say, destroys the client, which sends nothing and leaves
 *            the other's alone, and makes its own.
 * Ownership: what is passed in is copied.  A ketch_result, and all it points to, is borrowed until
 *            'done' returns, except that 'text' is static.
 * Failure:   statuses of types.h.  Nothing aborts, raises a signal or prints.
 *
 * In callbacks everything but ketch_client_destroy() may be called.
 */
#ifndef KETCH_CLIENT_H
#define KETCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ketch/ring.h>
#include <ketch/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ketch_client;

/* Of a server that no request went to. */
#define KETCH_SERVER_NONE UINT32_MAX

/* ---- the configuration ---- */

enum ketch_protocol {
    KETCH_PROTOCOL_AUTO = 0, /* asks each server once ('mn'): meta if it knows it, else text */
    KETCH_PROTOCOL_META = 1,
    KETCH_PROTOCOL_TEXT = 2,
};

/* Where the requests go that belong to a server which is out. */
enum ketch_eject {
    KETCH_EJECT_NONE = 0,    /* nowhere: they end at once with KETCH_DOWN.  Placement is as for others */
    KETCH_EJECT_REBUILD = 1, /* to the ring of the other servers, as libmemcached and twemproxy do */
    KETCH_EJECT_NEXT = 2,    /* to the next server of the key on the same ring */
    KETCH_EJECT_GUTTER = 3,  /* to a small pool of spare servers */
};

/* When a server is out, and for how long.  A failure is a connection that could not be made or was
 * lost, or a request that timed out (several at the same moment are one).  'limit' of them within
 * 'window_ms' put the server out.  After retry_ms, twice that the next time and so on up to
 * retry_max_ms, each plus or minus jitter_percent, a connection is tried, with a question to the server
 * but with no request; if it answers, its keys come home.
 */
struct ketch_failure_policy {
    uint32_t limit;          /* 1.. */
    uint32_t window_ms;      /* 1.. */
    uint32_t retry_ms;       /* 1.. */
    uint32_t retry_max_ms;   /* retry_ms.. */
    uint32_t jitter_percent; /* 0..100 */
    enum ketch_eject eject;
    const struct ketch_server *gutter; /* the spare servers of KETCH_EJECT_GUTTER */
    size_t gutter_count;
    uint32_t gutter_ttl_s; /* what is stored there lives no longer than this; 0: no limit */
};

/* Checks of the server, and our own certificate.  NULL: not used. */
struct ketch_tls_conf {
    const char *ca_file;      /* PEM; NULL: the system's */
    const char *cert_file;    /* PEM, with the chain */
    const char *key_file;     /* PEM */
    const char *server_name;  /* expected in the certificate, NULL: the server's host as configured */
    bool skip_verify;         /* takes any certificate: for tests only */
};

/* What happened to a server, for logs. */
enum ketch_event_kind {
    KETCH_EVENT_CONNECTED,    /* and logged in, and its protocol known */
    KETCH_EVENT_DISCONNECTED, /* status and errno say why */
    KETCH_EVENT_OUT,          /* too many failures */
    KETCH_EVENT_BACK,         /* it answers again */
    KETCH_EVENT_POOL,         /* the pool was changed: ids are new */
};

struct ketch_event {
    enum ketch_event_kind kind;
    uint32_t server;          /* KETCH_SERVER_NONE of a KETCH_EVENT_POOL */
    const char *name;         /* "host:port", "[host]:port" or the path; borrowed; NULL likewise */
    enum ketch_status status; /* why */
    int error;                /* errno, or 0 */
};

/* Since the client was made. */
struct ketch_counters {
    uint64_t requests;    /* accepted; each key of a multi-get is one */
    uint64_t completed;   /* of these */
    uint64_t misses;      /* ended with KETCH_MISS */
    uint64_t timeouts;    /* ended with KETCH_TIMEOUT */
    uint64_t failures;    /* ended with any other status from KETCH_NO_SERVER on */
    uint64_t late;        /* replies to requests that had ended before */
    uint64_t retries;     /* requests that were sent again, or to another server */
    uint64_t connects;    /* connections tried */
    uint64_t disconnects; /* connections that ended */
    uint64_t ejections;   /* servers put out */
    uint64_t bytes_sent;
    uint64_t bytes_received;
};

/* Made by ketch_client_conf_init(), then changed.  Copied by ketch_client_create(). */
struct ketch_client_conf {
    size_t size; /* sizeof, as the caller was compiled */

    const struct ketch_server *servers;
    size_t server_count;
    const char *ring; /* as ketch_ring_builder_create() takes it; NULL: its default */

    enum ketch_protocol protocol;
    uint32_t timeout_ms;         /* of a request that names none; default 1000 */
    uint32_t connect_timeout_ms; /* of a connection, login included; default 1000 */
    uint32_t drain_timeout_ms;   /* how long a connection may owe the reply of a request that has timed
                                    out before it is closed; default 1000 */
    bool no_resend;              /* a read that the end of its connection left unanswered is not sent
                                    again; by default it is, once */

    struct ketch_bytes prefix; /* goes before every key on the wire */
    bool prefix_hashed;        /* and takes part in the choice of the server */

    const char *user, *password;      /* NULL: no login */
    const struct ketch_tls_conf *tls; /* NULL: no TLS */

    struct ketch_failure_policy policy; /* default: 2 in 10 s, 1 s to 30 s, 20 %, KETCH_EJECT_NONE */

    size_t value_bytes_max;   /* of one value, either way; default 128 MiB */
    size_t pending_max;       /* requests that wait for one server; default 65536 */
    size_t pending_bytes_max; /* and their bytes; default 256 MiB */

    uint32_t discovery_ms; /* how often the pool is asked for its members (config get cluster);
                              default 0: never */
    uint32_t counters_ms;  /* how often on_counters is called; default 0: never */
    void (*on_event)(void *arg, const struct ketch_event *event);
    void (*on_counters)(void *arg, const struct ketch_counters *counters);
    void *arg; /* of both */

    uint64_t seed; /* of the jitter; 0: from the clock */
};

/* Every default; for the inline function below. */
void ketch_client_conf_defaults(struct ketch_client_conf *conf, size_t size);

static inline void
ketch_client_conf_init(struct ketch_client_conf *conf)
{
    ketch_client_conf_defaults(conf, sizeof *conf);
}

/* Makes a client.  why: the text of an error for people, terminated; may be NULL.
 * KETCH_INVALID, KETCH_CONFLICT, KETCH_NO_MEMORY, KETCH_UNSUPPORTED (TLS in a build without it),
 * KETCH_TLS (its files). */
enum ketch_status ketch_client_create(const struct ketch_client_conf *conf,
                                      struct ketch_client **out, char *why, size_t why_bytes);

/* Completes what is under way with KETCH_CANCELLED, and closes everything.  NULL is allowed. */
void ketch_client_destroy(struct ketch_client *client);

/* Replaces the pool.  Ids are the places in the new list.  Requests under way end where they are;
 * connections to servers that are in both pools stay.  On an error the old pool stays. */
enum ketch_status ketch_client_set_servers(struct ketch_client *client,
                                           const struct ketch_server *servers, size_t count,
                                           char *why, size_t why_bytes);

/* How many servers the pool has; the ids of those of the gutter follow. */
size_t ketch_client_server_count(const struct ketch_client *client);

/* "host:port" of a server, borrowed until the pool changes; NULL: no such id. */
const char *ketch_client_server_name(const struct ketch_client *client, uint32_t server);

/* The server of a key now, ejections considered; KETCH_SERVER_NONE if there is none. */
uint32_t ketch_client_server_of(struct ketch_client *client, struct ketch_bytes key);

/* What is spoken with a server: KETCH_PROTOCOL_AUTO if it is not known yet. */
enum ketch_protocol ketch_client_server_protocol(const struct ketch_client *client, uint32_t server);

void ketch_client_counters(const struct ketch_client *client, struct ketch_counters *counters);

/* Requests that have not been completed. */
size_t ketch_client_pending(const struct ketch_client *client);

/* ---- results ---- */

/* What else the server said of an item, in ketch_result.marks. */
enum ketch_mark {
    KETCH_WON = 1,   /* of all who asked, you are to make the new value (meta W) */
    KETCH_TAKEN = 2, /* somebody else is making it (Z) */
    KETCH_STALE = 4, /* the value is marked as out of date (X) */
};

struct ketch_result {
    enum ketch_status status;
    int error;                  /* errno that belongs to it, or 0 */
    const char *text;           /* on the status, static */
    struct ketch_bytes message; /* what the server said after SERVER_ERROR, CLIENT_ERROR; else empty */
    uint32_t server;            /* id, or KETCH_SERVER_NONE */
    const char *server_name;    /* or NULL */
    size_t index;               /* of the key in its multi-get; else 0 */
    struct ketch_bytes key;     /* as the caller gave it; of stats: the name */
    struct ketch_bytes value;
    uint32_t flags;    /* of get */
    uint32_t marks;    /* enum ketch_mark */
    uint64_t cas;      /* if asked for; else 0 */
    uint64_t number;   /* of incr and decr */
    int64_t ttl_s;     /* if asked for: seconds left, -1: no end; else 0 */
    int64_t idle_s;    /* if asked for: since the last access */
    bool hit_before;   /* if asked for: it was fetched before */
    char code[3];      /* of ketch_meta(): "HD", "VA", "EN" ... */
    struct ketch_bytes meta; /* of ketch_meta(): the flags of the reply, as they came */
};

typedef void (*ketch_done)(void *arg, const struct ketch_result *result);

/* ---- requests ---- */

/* What else is asked for, in ketch_options.want. */
enum ketch_want {
    KETCH_WANT_CAS = 1,   /* of get, set ..., incr.  In text: of get only */
    KETCH_WANT_TTL = 2,   /* of get; meta only */
    KETCH_WANT_IDLE = 4,  /* of get; meta only */
    KETCH_WANT_HIT = 8,   /* of get; meta only */
    KETCH_WANT_NOBUMP = 16, /* the get leaves no trace; meta only */
    KETCH_WANT_INITIAL = 32, /* incr, decr: a missing number is made, with 'initial' */
};

/* Zero, or a NULL in its place, is the default of each. */
struct ketch_options {
    uint32_t timeout_ms; /* 0: the client's */
    uint32_t flags;      /* stored with the value */
    int64_t ttl_s;       /* seconds from now; 0: no end; below 0: at once.  Any length: the 30 days of the
                            protocol are taken care of */
    uint64_t cas;        /* set, delete, incr: only if the item has this cas unique; 0: whatever it has */
    uint64_t initial;    /* of KETCH_WANT_INITIAL */
    uint32_t want;       /* enum ketch_want */
    uint32_t reserved;
    struct ketch_bytes group; /* chooses the server in place of the key, if not empty */
};

enum ketch_verb {
    KETCH_VERB_GET,
    KETCH_VERB_GAT, /* get, and a new TTL */
    KETCH_VERB_TOUCH,
    KETCH_VERB_SET,
    KETCH_VERB_ADD,
    KETCH_VERB_REPLACE,
    KETCH_VERB_APPEND,
    KETCH_VERB_PREPEND,
    KETCH_VERB_CAS,
    KETCH_VERB_INCR,
    KETCH_VERB_DECR,
    KETCH_VERB_DELETE,
    KETCH_VERB_INVALIDATE, /* marks as stale; meta only */
    KETCH_VERB_META,       /* any command of the meta protocol */
    KETCH_VERB_FLUSH,
    KETCH_VERB_VERSION,
    KETCH_VERB_STATS,
    KETCH_VERB_CONFIG, /* config get cluster */
    KETCH_VERB_COUNT,
};

/* What all the functions below say in their ways. */
struct ketch_request {
    enum ketch_verb verb;
    uint32_t server;          /* of FLUSH and those that follow it: which; ignored by the others */
    struct ketch_bytes key;   /* of STATS: the group, as "slabs" */
    struct ketch_bytes value; /* what is stored */
    uint64_t delta;           /* of INCR, DECR */
    char command[3];          /* of META: "mg", "ms" ... */
    struct ketch_bytes meta;  /* of META: flags, as "v t c"; without q, k, O and b, which are ours */
    struct ketch_options options;
    ketch_done each; /* of STATS: once for each line, before 'done' */
    ketch_done done; /* must be there */
    void *arg;       /* of both */
};

/* Starts a request.  KETCH_OK: it will be completed once, perhaps before this returns.  All else: it was
 * refused, and will not be: KETCH_INVALID, KETCH_BAD_KEY, KETCH_TOO_LARGE, KETCH_UNSUPPORTED, KETCH_NO_MEMORY,
 * KETCH_BUSY, KETCH_CANCELLED (the client ends), KETCH_NO_SERVER, and without ejection why the server is out:
 * KETCH_DOWN, KETCH_DNS, KETCH_TLS, KETCH_AUTH. */
enum ketch_status ketch_submit(struct ketch_client *client, const struct ketch_request *request);

/* The next are ketch_submit() with the arguments in their places.  options may be NULL. */
enum ketch_status ketch_get(struct ketch_client *client, struct ketch_bytes key,
                            const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_gat(struct ketch_client *client, struct ketch_bytes key,
                            const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_touch(struct ketch_client *client, struct ketch_bytes key,
                              const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_set(struct ketch_client *client, struct ketch_bytes key,
                            struct ketch_bytes value, const struct ketch_options *options,
                            ketch_done done, void *arg);
enum ketch_status ketch_add(struct ketch_client *client, struct ketch_bytes key,
                            struct ketch_bytes value, const struct ketch_options *options,
                            ketch_done done, void *arg);
enum ketch_status ketch_replace(struct ketch_client *client, struct ketch_bytes key,
                                struct ketch_bytes value, const struct ketch_options *options,
                                ketch_done done, void *arg);
enum ketch_status ketch_append(struct ketch_client *client, struct ketch_bytes key,
                               struct ketch_bytes value, const struct ketch_options *options,
                               ketch_done done, void *arg);
enum ketch_status ketch_prepend(struct ketch_client *client, struct ketch_bytes key,
                                struct ketch_bytes value, const struct ketch_options *options,
                                ketch_done done, void *arg);
/* With options->cas; KETCH_INVALID if that is 0. */
enum ketch_status ketch_cas(struct ketch_client *client, struct ketch_bytes key,
                            struct ketch_bytes value, const struct ketch_options *options,
                            ketch_done done, void *arg);
enum ketch_status ketch_incr(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                             const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_decr(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                             const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_delete(struct ketch_client *client, struct ketch_bytes key,
                               const struct ketch_options *options, ketch_done done, void *arg);
/* Readers get the value marked as stale, the first of them also KETCH_WON; it ends after
 * options->ttl_s, if that is not 0. */
enum ketch_status ketch_invalidate(struct ketch_client *client, struct ketch_bytes key,
                                   const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_meta(struct ketch_client *client, const char *command,
                             struct ketch_bytes key, struct ketch_bytes value,
                             struct ketch_bytes flags, const struct ketch_options *options,
                             ketch_done done, void *arg);
/* Of one server. */
enum ketch_status ketch_flush(struct ketch_client *client, uint32_t server, uint32_t delay_s,
                              const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_version(struct ketch_client *client, uint32_t server,
                                const struct ketch_options *options, ketch_done done, void *arg);
enum ketch_status ketch_stats(struct ketch_client *client, uint32_t server, struct ketch_bytes group,
                              const struct ketch_options *options, ketch_done each, ketch_done done,
                              void *arg);

/* Many keys at once: one batch for each server, all at the same time.  'each' is called exactly once
 * for each key, as its answer comes (in any order: result->index), a miss included; then 'done' once,
 * with KETCH_OK, or the first status that was not KETCH_OK or KETCH_MISS.  KETCH_BAD_KEY refuses the
 * whole.  count 0: 'done' is called at once. */
enum ketch_status ketch_mget(struct ketch_client *client, const struct ketch_bytes *keys, size_t count,
                             const struct ketch_options *options, ketch_done each, ketch_done done,
                             void *arg);

/* Ends every request with this 'arg' with KETCH_CANCELLED; returns how many.  One that a callback starts
 * with it meanwhile is refused with KETCH_CANCELLED. */
size_t ketch_cancel(struct ketch_client *client, const void *arg);

/* ---- read-through without a stampede ---- */

/* Zero is the default of each. */
struct ketch_fetch_options {
    uint32_t timeout_ms;       /* of the whole; 0: the client's */
    uint32_t lease_s;          /* how long the one who makes a missing value has for it, before somebody
                                  else is asked; default 10 */
    uint32_t refresh_before_s; /* when this much or less is left of the TTL, one reader is asked to make
                                  the value anew while the others still use it; 0: never */
    uint32_t wait_ms;          /* first pause of those who wait for a missing value; default 5; it doubles,
                                  with jitter, up to 32 times that */
    struct ketch_bytes group;  /* as in ketch_options */
};

/* Gets a value, or says who is to make it:
 *
 *   KETCH_OK                      a value; with KETCH_STALE among the marks an old one, while somebody
 *                                 else makes the new
 *   KETCH_OK and KETCH_WON        an old value, and you are the only one to make the new
 *   KETCH_MISS and KETCH_WON      no value, and you are the only one to make it
 *   KETCH_TIMEOUT                 no value, and the one who was to make it did not in time
 *
 * With KETCH_WON: make it and give it to ketch_fetch_store() with result->cas in options->cas; it is
 * not stored (KETCH_EXISTS, or KETCH_MISS after a delete) if the item was changed meanwhile.  If it cannot be made, do
 * nothing: after lease_s the next reader is asked.
 * Servers that speak text only cannot choose: there every reader who misses has KETCH_WON. */
enum ketch_status ketch_fetch(struct ketch_client *client, struct ketch_bytes key,
                              const struct ketch_fetch_options *options, ketch_done done, void *arg);

/* Stores what ketch_fetch() asked for: ketch_set() with the cas unique of its result. */
enum ketch_status ketch_fetch_store(struct ketch_client *client, struct ketch_bytes key,
                                    struct ketch_bytes value, const struct ketch_options *options,
                                    ketch_done done, void *arg);

/* ---- bytes ---- */

static inline struct ketch_bytes
ketch_bytes_of(const void *p, size_t bytes)
{
    struct ketch_bytes b;
    b.p = p;
    b.bytes = bytes;
    return b;
}

/* Of a string, without its NUL. */
static inline struct ketch_bytes
ketch_string(const char *s)
{
    return ketch_bytes_of(s, strlen(s));
}

#ifdef __cplusplus
}
#endif

#endif

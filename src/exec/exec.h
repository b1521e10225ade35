/* exec.h - requests meet the engine.
 *
 * exec_run() takes bytes of a client and produces the answers: it parses a batch, starts the loads
 * of all buckets and then of all items that the batch will touch, and executes the requests in
 * order.  It neither reads nor writes nor waits; whoever calls it does so like this:
 *
 *           +-------------------------------------------------------------------+
 *           v                                                                   |
 *      exec_run --- NEED_INPUT --> write the output -----> read more -----------+
 *                |- FULL --------> write the output ----------------------------+
 *                |- AGAIN -------> write the output -----> quiescent point -----+
 *                |- YIELD -------> others (the output may be kept and grow) ----+
 *                '- CLOSE -------> write the output -----> close
 *
 * When a socket takes only part of the output, session_unsend() takes back as much of the stream as
 * was not sent; the rest of the output the caller has to keep, and to write before anything else.
 *
 * Threads:   a struct exec is shared; a struct exec_thread and its sessions belong to one worker.
 * Ownership: see session.h.  exec_run() borrows input and output for the call; what the output
 *            borrows from the cache is good until the engine thread's next quiescent point, what it
 *            borrows from a session's stream until that session's next exec_run() or its end.
 * Failure:   what a client does wrong becomes its answer, and so does a lack of memory.  enum
 *            exec_status says what to do next.
 */
#ifndef KETCH_EXEC_EXEC_H
#define KETCH_EXEC_EXEC_H

#include "base/clock.h"
#include "base/stat.h"
#include "engine/engine.h"
#include "exec/config.h"
#include "exec/output.h"
#include "exec/session.h"

enum exec_status {
    EXEC_NEED_INPUT, /* write the output, and come back with more bytes behind the unused ones */
    EXEC_FULL,       /* write the output, and come back with the unused bytes */
    EXEC_AGAIN,      /* the same, after a quiescent point: no memory is free before it */
    EXEC_YIELD,      /* 'budget' requests were executed, and there are more: others first, and come
                        back with the unused bytes and another budget */
    EXEC_CLOSE,      /* write the output, then close */
};

/* What 'stats' shows of the layers above exec.  A gauge says how it is now; the others count from
 * the start or from the last hooks.reset(). */
struct exec_figures {
    uint64_t workers;               /* threads that serve clients: gauge */
    uint64_t conns_max;             /* -c: gauge */
    uint64_t conns_now;             /* open connections: gauge */
    uint64_t conns_ever;            /* opened */
    uint64_t conns_rejected;        /* told that there are too many */
    uint64_t conn_structures;       /* struct conns in memory: gauge */
    uint64_t reserved_fds;          /* descriptors that are not for clients: gauge */
    uint64_t conn_yields;           /* turns that ended because of -R, with others waiting */
    uint64_t idle_kicks;            /* connections closed by idle_timeout */
    uint64_t bytes_read;            /* from clients */
    uint64_t bytes_written;         /* to clients */
    uint64_t listen_disabled_count; /* pauses in accepting */
    uint64_t listen_disabled_us;    /* time spent in these, the present one not included */
    uint64_t buffer_count;          /* the workers' own buffers: gauges */
    uint64_t buffer_bytes;
    uint64_t buffer_bytes_free;
    bool accepting;                 /* false: in a pause */
    bool idle_timeout_on;           /* idle_kicks means something */

    /* memcached has lines of these only while it works that way; we do always, and show them as it does: */
    bool reject_fast_on;    /* -o maxconns_fast */
    bool slab_reassign_on;
    bool lru_crawler_on;
    bool lru_maintainer_on;
    bool temp_lru_on;       /* -o temporary_ttl */
};

/* What commands have changed of the configuration. */
struct exec_settings {
    bool detail_on;    /* 'stats detail' */
    uint32_t oldest_s; /* flush_all: what was stored until then is gone, or will be; 0: none */
};

/* What lies above exec, and is needed to answer: set by who knows.  The functions are called by any
 * worker, with 'context'; 'emit' is to be called with 'to', before they return. */
struct exec_hooks {
    void *context;
    int libev_major, libev_minor; /* what 'stats' shows in the place of libevent's version */

    /* The lines of 'stats settings'. */
    void (*settings)(void *context, const struct exec_settings *now, stat_emit_fn *emit, void *to);

    /* Fills in all of '*out'. */
    void (*figures)(void *context, struct exec_figures *out);

    /* The lines of 'stats conns'; false: not all, memory is short. */
    bool (*conns)(void *context, stat_emit_fn *emit, void *to);

    /* A client has asked for the end of the server, and may: asks for it, and returns. */
    void (*shutdown)(void *context, bool graceful);

    /* 'stats reset': what exec_figures counts, starts again at 0. */
    void (*reset)(void *context);
};

struct auth;
struct exec;
struct exec_thread;

/* NULL when memory is short.  The arguments are shared and must outlive the exec, except 'hooks',
 * which is copied. */
struct exec *exec_create(struct engine *e, struct clock *clock, const struct exec_config *config,
                         const struct exec_hooks *hooks) MUST_USE;
void exec_destroy(struct exec *x); /* all threads must have left; accepts NULL */

/* From now on clients must log in, and 'auth', which must outlive the exec, says who may; they all speak the
 * protocol that it is for.  Before the first session. */
void exec_require_auth(struct exec *x, struct auth *a);

/* For the thread that joined the engine as 't'.  NULL when memory is short. */
struct exec_thread *exec_join(struct exec *x, struct engine_thread *t) MUST_USE;
void exec_leave(struct exec_thread *xt); /* all its sessions must be over */

/* Executes what 'in' holds, at most UINT32_MAX bytes; '*used' bytes of it need not be offered
 * again.  '*budget' bounds the requests, a retrieval line being one, and is lowered by those
 * executed; data blocks and streams are bounded by the input and the output.  What 'out' holds
 * before may be anything but a piece of a stream; answers are added. */
enum exec_status exec_run(struct exec_thread *xt, struct session *s, struct span in,
                          struct output *out, unsigned *budget, size_t *used);

/* Starts to load what the first request of 'in' will need, to be followed, some time later, by a second
 * call with what the first returned; then exec_run() need not wait for it.  0: nothing to load. */
uint64_t exec_prefetch(struct exec_thread *xt, const struct session *s, struct span in);
void exec_prefetch_more(struct exec_thread *xt, uint64_t hint);

/* The last 'bytes' of the output, at most output.streamed_bytes, were not sent after all: the next
 * exec_run() produces them again. */
void session_unsend(struct session *s, size_t bytes);

/* Does the session keep memory of the cache from others: an open upload, a value half sent? */
bool session_holds_memory(const struct session *s);

/* How many bytes of it have come, or gone out. */
uint64_t session_moved_bytes(const struct session *s);

/* How many bytes of an open upload's value are still to come. */
uint64_t session_missing_bytes(const struct session *s);

/* Gives back what a session holds, at the end of its connection: at any moment between two calls of
 * exec_run(). */
void session_fini(struct exec_thread *xt, struct session *s);

#endif

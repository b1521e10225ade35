/* exec.h - requests meet the engine.
 *
 * exec_run() takes bytes of a client and produces the answers: it parses a batch, starts the loads of
 * all buckets and then of all items that the batch will touch, and executes the requests in order.
 *
 * Threads:   a struct exec is shared; a struct exec_thread belongs to one worker.
 * Ownership: see session.h.  exec_run() borrows input and output for the call; what the output borrows
 *            from the cache is good until the engine thread's next quiescent point.
 * Failure:   what a client does wrong becomes its answer.  enum exec_status says what to do next.
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
    EXEC_AGAIN,      /* the same, after a quiescent point */
    EXEC_YIELD,      /* 'budget' requests were executed, and there are more: others first */
    EXEC_CLOSE,      /* write the output, then close */
};

/* What 'stats' shows of the layers above exec. */
struct exec_figures {
    uint64_t workers;
    uint64_t conns_max, conns_now, conns_ever, conns_rejected, conn_structures;
    uint64_t reserved_fds;
    uint64_t conn_yields, idle_kicks;
    uint64_t bytes_read, bytes_written;
    uint64_t listen_disabled_count, listen_disabled_us;
    uint64_t buffer_count, buffer_bytes, buffer_bytes_free; /* of the workers */
    bool accepting;
    bool idle_timeout_on;
};

/* What lies above exec, and is needed to answer: set by who knows. */
struct exec_hooks {
    void *context;
    int libev_major, libev_minor;
    void (*settings)(void *context, bool detail_on, stat_emit_fn *emit, void *to);
    void (*figures)(void *context, struct exec_figures *out);
    void (*conns)(void *context, stat_emit_fn *emit, void *to);       /* 'stats conns' */
    void (*shutdown)(void *context, bool graceful);
    void (*reset)(void *context);                                     /* 'stats reset' */
};

struct exec;
struct exec_thread;

/* NULL when memory is short.  All arguments are shared and must outlive the exec. */
struct exec *exec_create(struct engine *e, struct clock *clock, const struct exec_config *config,
                         const struct exec_hooks *hooks) MUST_USE;
void exec_destroy(struct exec *x);

struct exec_thread *exec_join(struct exec *x, struct engine_thread *t) MUST_USE;
void exec_leave(struct exec_thread *xt);

/* Executes what 'in' holds; '*used' bytes of it need not be offered again.  'budget' bounds the
 * requests; it is lowered by those executed. */
enum exec_status exec_run(struct exec_thread *xt, struct session *s, struct span in,
                          struct output *out, unsigned *budget, size_t *used);

/* The last 'bytes' of the stream's share of the output were not sent after all. */
void session_unsend(struct session *s, size_t bytes);

/* Gives back what a session holds, at the end of its connection. */
void session_fini(struct exec_thread *xt, struct session *s);

#endif

/* internal.h - shared by the files of exec only.
 *
 * A command is an exec_fn: it looks at one request, asks the engine, adds at most OUTPUT_STEP_BYTES
 * and OUTPUT_STEP_IOVS to the output, which was not full before, and says how to go on.
 */
#ifndef KETCH_EXEC_INTERNAL_H
#define KETCH_EXEC_INTERNAL_H

#include "exec/exec.h"
#include "exec/prefix.h"

/* Requests parsed and prefetched together.  Enough to keep every load that a core can have under way
 * in flight, few enough that what was prefetched is still there when its turn comes. */
#define EXEC_BATCH_MAX 48

struct exec {
    struct engine *engine;
    struct clock *clock;
    const struct exec_config *config;
    struct exec_hooks hooks;
    struct prefixes *prefixes;
    struct auth *auth;     /* NULL: everybody may do everything */
    uint8_t only_protocol; /* enum protocol; AUTO: the client's first byte decides */

    /* Any thread; relaxed, as nothing else depends on them. */
    _Atomic bool detail_on;    /* prefixes are counted: -D, 'stats detail' */
    _Atomic uint32_t oldest_s; /* the second before the last flush_all struck or will; 0: none */
    _Atomic uint64_t cmd_meta; /* me, since the start or 'stats reset' */
    _Atomic uint64_t auth_cmds, auth_errors; /* logins, and those that failed, in the same manner */
    _Atomic uint64_t report_bytes; /* of reports, and pieces of dumps, that clients have not read yet */
};

/* While clients hold more than this in reports, only plain 'stats' is answered, and dumps come in small
 * pieces: a report can have megabytes, and there may be thousands of clients that ask for one and do not
 * read it. */
#define REPORT_BYTES_HELD_MAX (8u << 20)

struct exec_thread {
    struct exec *exec;
    struct engine_thread *engine_thread;
    const char *input;                    /* that 'batch' was parsed from */
    struct request batch[EXEC_BATCH_MAX]; /* of the exec_run() under way */
};

/* How a request went. */
enum step {
    STEP_DONE,
    STEP_STREAM, /* the rest of the answer is in session.stream */
    STEP_UPLOAD, /* the rest of the request is still to come */
    STEP_SWITCH, /* answered; requests behind it in the batch come under other rules */
    STEP_AGAIN,  /* nothing has happened, nothing was answered: again after a quiescent point */
    STEP_CLOSE,  /* the client's last */
};

typedef enum step exec_fn(struct exec_thread *xt, struct session *s, const struct request *r,
                          struct output *out);

static inline bool
exec_holds_many_reports(const struct exec *x)
{
    return atomic_load_explicit(&((struct exec *)x)->report_bytes, memory_order_relaxed) >=
           REPORT_BYTES_HELD_MAX;
}

/* The stream takes 'text', from malloc, as the report that it has to send next. */
static inline void
exec_stream_take(struct exec *x, struct stream *st, char *text, uint64_t bytes)
{
    atomic_fetch_add_explicit(&x->report_bytes, bytes, memory_order_relaxed);
    st->report = text;
    st->bytes = bytes;
    st->offset = 0;
}

/* Answers with a whole line, "\r\n" and all. */
static inline void
reply(struct output *out, const struct request *r, struct span line)
{
    if (!(r->flags & REQ_NOREPLY))
        output_copy(out, line);
}

/* Counts an event of the prefix of 'key', if these are counted. */
static inline void
count_prefix(struct exec *x, struct span key, enum prefix_event event)
{
    if (UNLIKELY(atomic_load_explicit(&x->detail_on, memory_order_relaxed)))
        prefixes_count(x->prefixes, key, event);
}

/* The same for a get, and for its hit. */
static ALWAYS_INLINE void
count_prefix_get(struct exec *x, struct span key, bool hit)
{
    count_prefix(x, key, PREFIX_GET);
    if (hit)
        count_prefix(x, key, PREFIX_HIT);
}

/* What a client wrote as an exptime, on the engine's clock: 0 is never, up to 30 days counts from
 * now, more is a date, and less than 0 has passed. */
uint32_t exec_exptime(const struct exec *x, int64_t raw, uint32_t now_s);

/* What each protocol does with a command; NULL: it has no such command. */
extern exec_fn *const exec_text[CMD_COUNT];   /* exec.c */
extern exec_fn *const exec_binary[CMD_COUNT]; /* binary.c */

/* auth.c: the same, of a client that must log in first; and what else a login needs. */
extern exec_fn *const exec_guarded[CMD_COUNT];
exec_fn exec_sasl;
/* All that is understood of text before a login; like run_requests(). */
enum exec_status exec_login(struct exec_thread *xt, struct session *s, struct span in,
                            struct output *out, unsigned *budget, size_t *used, bool *more);

/* retrieve.c */
exec_fn exec_get, exec_gat, exec_end;
/* meta.c */
exec_fn exec_meta_get, exec_meta_set, exec_meta_delete, exec_meta_arith, exec_meta_debug;
/* The upload of an ms is over, or never was. */
void exec_meta_forget(struct session *s);
/* mutate.c */
exec_fn exec_storage, exec_arith, exec_delete, exec_touch;
/* What CMD_SET .. CMD_CAS are to the engine. */
enum engine_store exec_store_of(enum cmd cmd);
/* debug.c or no_debug.c: the answer, or an empty span: it is no such command */
struct span exec_debug_command(struct exec_thread *xt, const struct request *r);
/* admin.c: flush_all with this delay, as a client writes it; false: again after a quiescent point */
bool exec_flush(struct exec_thread *xt, int64_t delay) MUST_USE;
exec_fn exec_flush_all, exec_version, exec_verbosity, exec_memlimit, exec_shutdown, exec_admin;
/* tune.c */
exec_fn exec_tune;
/* dump.c: the walk itself is dump.h's.  'how' is metadump or mgdump, 'which' the classes. */
enum step exec_dump(struct exec_thread *xt, struct session *s, struct span how, struct span which,
                    struct output *out);
/* stats.c */
exec_fn exec_stats, exec_binary_stats;

#endif

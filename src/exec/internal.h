/* internal.h - shared by the files of exec only. */
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
    _Atomic bool detail_on;      /* 'stats detail on' */
    _Atomic uint64_t cmd_meta;   /* me */
};

struct exec_thread {
    struct exec *exec;
    struct engine_thread *engine_thread;
    struct request batch[EXEC_BATCH_MAX];
};

/* How a request went. */
enum step {
    STEP_DONE,
    STEP_STREAM, /* the rest of the answer is in session.stream */
    STEP_UPLOAD, /* the rest of the request is still to come */
    STEP_AGAIN,  /* nothing has happened yet */
    STEP_CLOSE,
};

typedef enum step exec_fn(struct exec_thread *xt, struct session *s, const struct request *r,
                          struct output *out);

/* Answers with a whole line, "\r\n" and all. */
static inline void
reply(struct output *out, const struct request *r, struct span line)
{
    if (!(r->flags & REQ_NOREPLY))
        output_copy(out, line);
}

/* What a client wrote as an exptime, on the engine's clock. */
uint32_t exec_exptime(const struct exec *x, int64_t raw, uint32_t now_s);

/* retrieve.c */
exec_fn exec_get, exec_gat, exec_end, exec_meta_debug;
/* mutate.c */
exec_fn exec_storage, exec_arith, exec_delete, exec_touch;
/* Takes more of an upload's data off 'in'. */
enum exec_status exec_upload(struct exec_thread *xt, struct session *s, struct span in,
                             struct output *out, size_t *used);
/* admin.c */
exec_fn exec_flush_all, exec_version, exec_verbosity, exec_memlimit, exec_shutdown, exec_admin;
/* tune.c */
exec_fn exec_tune;
/* Up to 'max' words of a line, into 'words'; returns how many there are of these. */
size_t words_of(struct span line, struct span *words, size_t max);
/* dump.c */
enum step exec_dump(struct exec_thread *xt, struct session *s, struct span how, struct span which,
                    struct output *out);
/* stats.c */
exec_fn exec_stats;

#endif

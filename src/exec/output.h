/* output.h - the answers of one turn, on their way to one socket.
 *
 *     buf:  VALUE a 0 3..abc..VALUE b 0 9000..|..END..
 *     iov:  [ a run of buf          ][ item b, where it lies ][ a run of buf ]
 *
 * Small things are copied into 'buf'; large values are borrowed from the cache until the end of the
 * turn.  The end of the output may be part of a value that is being streamed: 'streamed_bytes' of
 * it, which the streamer can produce again (session_unsend), so that nothing has to be kept of what
 * a socket refuses.
 *
 * Threads:   one worker has one output, and uses it for all its connections in turn.
 * Ownership: borrowed bytes must stay until output_reset().
 *            All zero is not empty: output_reset() first.
 * Failure:   none: whoever adds something first makes sure that output_is_full() says no.  To
 *            overrun the iovecs is a bug, and a CHECK().
 */
#ifndef KETCH_EXEC_OUTPUT_H
#define KETCH_EXEC_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include "base/attr.h"
#include "base/check.h"
#include "base/span.h"

/* An output that has this much is written before more is added.  With the one borrowed value that
 * may have gone beyond it, at most half a page of the engine, it bounds what must be kept for a
 * client that does not read. */
#define OUTPUT_BYTES_MAX (64u << 10)

/* Any one addition between two checks of output_is_full() copies less than this ... */
#define OUTPUT_STEP_BYTES (4u << 10)
/* ... and closes and adds at most this many iovecs. */
#define OUTPUT_STEP_IOVS 4

#define OUTPUT_BUF_BYTES (OUTPUT_BYTES_MAX + OUTPUT_STEP_BYTES)
#define OUTPUT_IOV_MAX   256 /* below the system's IOV_MAX, 1024 */

struct output {
    size_t limit;          /* full at so many bytes; OUTPUT_BYTES_MAX, or less to keep less */
    size_t used;           /* bytes of buf */
    size_t run_start;      /* where the run of buf begins that is not in iov yet */
    size_t bytes;          /* in all, copied and borrowed */
    size_t streamed_bytes; /* of these, at the end: of a stream */
    int iov_count;
    struct iovec iov[OUTPUT_IOV_MAX];
    char buf[OUTPUT_BUF_BYTES];
};

/* Makes it empty, with the usual limit; what was borrowed may go. */
static inline void
output_reset(struct output *o)
{
    o->limit = OUTPUT_BYTES_MAX;
    o->used = o->run_start = o->bytes = o->streamed_bytes = 0;
    o->iov_count = 0;
}

/* Must it be written before anything else is added? */
static inline bool
output_is_full(const struct output *o)
{
    return o->bytes >= o->limit || o->used > OUTPUT_BUF_BYTES - OUTPUT_STEP_BYTES ||
           o->iov_count > OUTPUT_IOV_MAX - 2 * OUTPUT_STEP_IOVS;
}

/* Where up to OUTPUT_STEP_BYTES may be written; output_wrote() then says how many were. */
static inline char *
output_room(struct output *o)
{
    return o->buf + o->used;
}

static inline void
output_wrote(struct output *o, size_t bytes)
{
    o->used += bytes;
    o->bytes += bytes;
}

/* Adds a copy of up to OUTPUT_STEP_BYTES. */
static inline void
output_copy(struct output *o, struct span s)
{
    memcpy(output_room(o), s.p, s.bytes);
    output_wrote(o, s.bytes);
}

/* Adds bytes that stay where they are; at least one. */
void output_borrow(struct output *o, const void *p, size_t bytes);

/* All of it as iovecs, in 'iov'; returns how many.  More may be added afterwards. */
int output_finish(struct output *o);

#endif

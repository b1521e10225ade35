/* value.h - an item's value on its way into an answer, whose head is written already.
 *
 *     up to VALUE_COPY_BYTES_MAX     copied
 *     more, in one chunk             borrowed from the cache for this turn
 *     in chunks                      left to the session's stream, piece by piece
 *
 * Threads:   the session's worker.
 * Ownership: a streamed item is pinned, and the session's.
 */
#ifndef KETCH_EXEC_VALUE_H
#define KETCH_EXEC_VALUE_H

#include "exec/internal.h"

/* An iovec costs about as much as copying this many bytes. */
#define VALUE_COPY_BYTES_MAX 2048

/* The rest of a step is room for what stands before a value and behind it. */
#define VALUE_HEAD_BYTES_MAX (OUTPUT_STEP_BYTES - VALUE_COPY_BYTES_MAX - 2)

/* The value is in chunks, of which the session shows one piece after the other. */
static inline enum step
value_stream(struct exec_thread *xt, struct session *s, const struct item *it, bool ends_line)
{
    engine_pin(xt->engine_thread, it);
    s->stream = (struct stream){
        .kind = STREAM_ITEM,
        .item = it,
        .ends_line = ends_line,
        .bytes = (uint64_t)item_value_bytes(it) + (ends_line ? 2 : 0),
    };
    return STEP_STREAM;
}

/* Adds the 'bytes' of the value of 'it', and a line end if it 'ends_line'. */
static ALWAYS_INLINE enum step
value_add(struct exec_thread *xt, struct session *s, const struct item *it, uint32_t bytes,
          bool ends_line, struct output *out)
{
    if (UNLIKELY(item_is_chained(it)))
        return value_stream(xt, s, it, ends_line);
    if (LIKELY(bytes <= VALUE_COPY_BYTES_MAX))
        output_copy(out, span_of(item_value(it), bytes));
    else
        output_borrow(out, item_value(it), bytes);
    if (ends_line)
        output_copy(out, SPAN("\r\n"));
    return STEP_DONE;
}

#endif

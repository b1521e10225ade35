/* store.h - values on their way into the cache, whatever command and protocol brings them.
 *
 *     of the data block ...                 store_value()                     answers
 *     all is there                          stores it                         at once
 *     a part is there                       opens an upload: store_more()     when all has come
 *                                           is to be given the rest
 *     it does not matter, no memory         has the parser throw it away      at once
 *
 * Each protocol has its words for how it ended: a store_answer_fn, which finds in the session what it
 * has to know of the request, as the request may be gone by then.
 *
 * Threads:   the session's worker.
 * Ownership: an upload is the session's.
 * Failure:   enum engine_status, to the client; STEP_AGAIN and EXEC_AGAIN: nothing has happened.
 */
#ifndef KETCH_EXEC_STORE_H
#define KETCH_EXEC_STORE_H

#include "exec/internal.h"

/* What text clients are told when there is no room for a value. */
#define STORE_TOO_LARGE     SPAN("SERVER_ERROR object too large for cache\r\n")
#define STORE_OUT_OF_MEMORY SPAN("SERVER_ERROR out of memory storing object\r\n")

/* Stores the value of 'r' under its key.  STEP_DONE: 'answer' was called.  STEP_UPLOAD: it will be.
 * STEP_AGAIN: it was not. */
enum step store_value(struct exec_thread *xt, struct session *s, const struct request *r,
                      uint32_t exptime_s, const struct engine_rules *rules, store_answer_fn *answer,
                      struct output *out);

/* Takes more of an upload's data off 'in'; '*used' bytes of it.  The upload is open, and closed
 * when all of it, and the line end that text has behind it, has come or memory has run out. */
enum exec_status store_more(struct exec_thread *xt, struct session *s, struct span in,
                            struct output *out, size_t *used);

#endif

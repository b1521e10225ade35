/* crew.h - all workers of a run, and the thread that waits for them.
 *
 * The main thread blocks SIGINT and SIGTERM for everybody and takes them while it waits: the first
 * one ends the phase early, with a report.  A worker that ends wakes it with SIGUSR1.
 *
 * Threads: everything here belongs to the main thread.
 */
#ifndef KETCH_TOOLS_BENCH_CREW_H
#define KETCH_TOOLS_BENCH_CREW_H

#include <stdbool.h>
#include "worker.h"

struct crew;

/* What a phase has come to. */
struct crew_result {
    struct tally tally; /* of all workers */
    double seconds;     /* from the start to the last reply */
    double cpu_s;       /* of this process */
    bool interrupted;
};

/* NULL, with a message, if the connections cannot be opened. */
struct crew *crew_create(struct workload *load, const struct address *to) MUST_USE;
void crew_destroy(struct crew *crew);

/* Runs one phase to its end.  'result' is big: keep it off the stack. */
void crew_run(struct crew *crew, struct workload *load, enum phase phase,
              struct crew_result *result);

#endif

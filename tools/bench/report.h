/* report.h - what came out, for people and for programs. */
#ifndef KETCH_TOOLS_BENCH_REPORT_H
#define KETCH_TOOLS_BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "crew.h"
#include "options.h"
#include "load/process.h"

struct report {
    const struct options *options;
    struct crew_result preload;  /* of no meaning without --preload */
    struct crew_result run;      /* of no meaning with --only-preload */
    struct process_usage start;  /* of the server: before anything was sent (with --pid) */
    struct process_usage loaded; /* after the preload */
    struct process_usage idling; /* with the idle connections open */
    struct process_usage end;    /* after the run */
};

void report_print(const struct report *r, FILE *to);
void report_print_json(const struct report *r, FILE *to);

/* Errors of all phases. */
uint64_t report_error_count(const struct report *r);

#endif

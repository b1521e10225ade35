/* process.h - what another process has used so far: CPU time and memory.
 *
 * CPU time is read from the process's own clock, exact to nanoseconds and complete: threads that
 * have ended count.  Its split into user and system time is the kernel's estimate.
 *
 * Threads: any.
 */
#ifndef KETCH_TOOLS_LOAD_PROCESS_H
#define KETCH_TOOLS_LOAD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"

struct process_usage {
    double cpu_s;
    double user_s, system_s; /* as the kernel estimates them, in steps of 10 ms */
    uint64_t rss_bytes;
    uint64_t rss_peak_bytes;
};

/* False if there is no such process, or /proc is not to be read. */
bool process_sample(uint32_t pid, struct process_usage *u) MUST_USE;

#endif

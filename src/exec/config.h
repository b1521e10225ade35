/* config.h - what an operator may decide about the execution of commands.
 *
 * Threads: filled before the first one starts, read-only afterwards.
 */
#ifndef KETCH_EXEC_CONFIG_H
#define KETCH_EXEC_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct exec_config {
    bool flush_enabled;    /* -F clears it: flush_all is refused */
    bool dump_enabled;     /* -X clears it: cachedump, stats detail, key dumps are refused */
    bool watch_enabled;    /* -W clears it: watch is refused */
    bool shutdown_enabled; /* -A sets it */
    bool detail_enabled;   /* -D sets it: prefix statistics are collected from the start */
    char prefix_delimiter; /* -D, ':': ends the prefix of a key */
};

#endif

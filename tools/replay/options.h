/* options.h - what the user asked for.
 *
 * Threads: immutable once parsed.
 */
#ifndef KETCH_TOOLS_REPLAY_OPTIONS_H
#define KETCH_TOOLS_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/cli.h"
#include "load/sizes.h"
#include "replay/generate.h"
#include "replay/player.h"

struct options {
    const char *server;
    const char *versus;     /* a second server; NULL: none */
    const char *trace_path; /* NULL: generated */
    const char *key_prefix;
    const char *json_path; /* NULL: no such file; "-": standard output */
    enum generator generator;
    uint64_t seed;
    uint64_t objects;  /* of a generated trace */
    uint64_t requests; /* 0: all */
    uint64_t first;    /* requests of the trace to use; 0: all */
    uint64_t copies;
    uint64_t size_cap; /* of a value */
    double zipf;
    double churn;
    struct sizes key_bytes;
    struct sizes value_bytes; /* where the trace says nothing */
    struct player_options player;
    bool dry_run;
};

enum cli_outcome options_parse(struct options *o, int argc, char **argv) MUST_USE;
void options_fini(struct options *o);

#endif

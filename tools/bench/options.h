/* options.h - what the user asked for: one struct, filled from one table of long options.
 *
 * Threads: immutable once parsed.
 */
#ifndef KETCH_TOOLS_BENCH_OPTIONS_H
#define KETCH_TOOLS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/cli.h"
#include "load/protocol.h"
#include "load/sizes.h"

/* One connection has at most this many keys under way, depth x multiget: 4 bytes each. */
#define OPTIONS_KEYS_UNDER_WAY_MAX (1u << 26)

struct options {
    const char *server;    /* "host:port", "[v6]:port" or the path of a unix socket */
    const char *json_path; /* NULL: no such file; "-": standard output */
    const char *key_prefix;
    uint64_t connections;
    uint64_t threads;
    uint64_t depth;    /* requests under way on a connection */
    uint64_t multiget; /* keys of a get */
    uint64_t keys;     /* distinct keys */
    uint64_t count;    /* requests to send; 0: as time_s says */
    uint64_t rate;     /* requests a second, all connections together; 0: as fast as can be */
    uint64_t exptime;
    uint64_t seed;
    uint64_t idle;       /* connections more that do nothing */
    uint64_t pid;        /* of the server; 0: unknown */
    double zipf;         /* exponent; 0: uniform */
    double time_s;       /* 0: as count says */
    double timeout_s;    /* without any reply, until the run is given up */
    uint64_t gets, sets; /* the ratio */
    enum protocol protocol;
    struct sizes key_bytes;
    struct sizes value_bytes;
    bool preload;
    bool only_preload;
    bool in_order;
    bool look_aside;
    bool verify;
    bool progress;
};

/* The name of a protocol, as --protocol takes it. */
const char *options_protocol_name(enum protocol p);

enum cli_outcome options_parse(struct options *o, int argc, char **argv) MUST_USE;
void options_fini(struct options *o);

#endif

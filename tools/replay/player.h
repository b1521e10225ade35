/* player.h - plays an order of requests to a server as an application with a cache beside it would:
 * get; after a miss, set.
 *
 * In batches, for speed: the sets that the last batch's misses need and the next batch's gets go
 * out at once, and the server, which answers in order, has stored the one before it looks for the
 * other.
 *
 *      -> set d  set f  get g h i j      <- STORED  STORED  VALUE h  VALUE i  END    (missed: g, j)
 *      -> set g  set j  get k g l m      ...
 *
 * What batches change: within one, all gets come before any set, so that a set evicts what is asked
 * for in its own batch one batch's length later than it would have.  A batch ends where a key is
 * asked for again, so that what was missed and stored is a hit the next time, as without batches.
 * Of t/replay/arc-oltp in a cache of 4 MiB, batches of up to 100 keys make 0.3 % fewer misses than
 * single gets; in larger caches a batch is a smaller part of what is held.
 *
 * Values are made from their keys and every hit is checked.
 *
 * Threads: one.
 */
#ifndef KETCH_TOOLS_REPLAY_PLAYER_H
#define KETCH_TOOLS_REPLAY_PLAYER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/address.h"
#include "replay/figures.h"
#include "replay/order.h"

/* Keys of one get: all of them fit into what a server takes for a line. */
#define PLAYER_BATCH_MAX 1000

struct player_options {
    uint64_t batch;   /* keys of a get, at most */
    uint64_t rate;    /* requests a second; 0: as fast as can be */
    double timeout_s; /* without an answer */
    double time_s;    /* 0: to the end */
    uint64_t pid;     /* of the server; 0: as it says */
    bool progress;    /* a line each second on standard error */
};

struct score {
    uint64_t requests;
    uint64_t hits;
    uint64_t misses;
    uint64_t first; /* of the misses: never asked for before, no cache could have it */
    uint64_t request_bytes;
    uint64_t miss_bytes; /* key and value of what was missed */
    uint64_t refused;    /* sets that the server answered with SERVER_ERROR */
    uint64_t wrong;      /* hits with a value that is not the key's */
    uint64_t batches;
    double seconds;
    bool complete;        /* not ended by time_s */
    char refusal[128];    /* the first one verbatim */
    struct figures start; /* of the server */
    struct figures end;
};

/* Plays all of 'order' to the server at 'to', which 'client' is connected to.  False, with a
 * message, if it does not answer as it should. */
bool player_run(struct score *score, struct order *order, const struct player_options *options,
                struct client *client, const struct address *to) MUST_USE;

#endif

/* discovery.h - asks the pool itself who is in it, in the way of ElastiCache:
 *
 *     > config get cluster
 *     < CONFIG cluster 0 91
 *     < 12                                                        version: grows with every change
 *     < a.example.com|10.0.0.1|11211 b.example.com|10.0.0.2|11211
 *     <
 *     < END
 *
 * Keys are placed by the host names, which stay when a node is replaced, not by the addresses.
 *
 * Threads:   the client's.
 * Ownership: discovery_parse() gives memory away, freed by discovery_free().
 * Failure:   an answer that makes no sense changes nothing.
 */
#ifndef KETCH_CLIENT_DISCOVERY_H
#define KETCH_CLIENT_DISCOVERY_H

#include "client/state.h"

/* Members of a pool; more is not believed. */
#define DISCOVERY_SERVERS_MAX 65535

struct discovered {
    uint64_t version;
    struct ketch_server *servers;
    size_t count;
    char *text;
};

/* KETCH_PROTOCOL: it is no such list.  KETCH_NO_MEMORY. */
enum ketch_status discovery_parse(struct ketch_bytes answer, struct discovered *out) MUST_USE;
void discovery_free(struct discovered *d);

/* The function of client->discovery. */
void discovery_due(struct timer *timer, int64_t now_us);

#endif

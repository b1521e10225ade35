/* placement.h - the client's view of a ring: a builder and its present ring in one.
 *
 * Threads:   the client's.
 * Ownership: copies what it is given.
 * Failure:   statuses; a change that fails leaves the ring as it was.
 */
#ifndef KETCH_CLIENT_PLACEMENT_H
#define KETCH_CLIENT_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <ketch/ring.h>
#include "client/attr.h"

struct placement;

/* The ids of the servers are their places in the list. */
enum ketch_status placement_create(const char *spec, const struct ketch_server *servers, size_t count,
                                   struct placement **out, char *why, size_t why_bytes) MUST_USE;
void placement_destroy(struct placement *p);

/* KETCH_RING_NONE: no server is live. */
uint32_t placement_pick(const struct placement *p, const void *key, size_t bytes);
void placement_pick_many(const struct placement *p, const struct ketch_bytes *keys, size_t count,
                         uint32_t *ids);

/* The servers of a key in their order, its own first; returns how many. */
size_t placement_walk(const struct placement *p, const void *key, size_t bytes, uint32_t *ids,
                      size_t max);

/* A server that is not live has no keys. */
enum ketch_status placement_set_live(struct placement *p, uint32_t id, bool live);

#endif

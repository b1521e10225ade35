/* pool.h - the servers by id, and which of them has a key.
 *
 * Threads:   the client's.
 * Ownership: refers to servers.
 * Failure:   statuses; the old pool stays then.
 */
#ifndef KETCH_CLIENT_POOL_H
#define KETCH_CLIENT_POOL_H

#include "client/state.h"

/* Puts another pool in place; servers that are in both go on.  KETCH_INVALID, KETCH_NO_MEMORY, and what
 * the ring's builder says. */
enum ketch_status pool_replace(struct ketch_client *client, const struct ketch_server *servers,
                               size_t count, char *why, size_t why_bytes) MUST_USE;
void pool_fini(struct pool *pool);

/* The server with this id; NULL: none. */
struct server *pool_server(const struct pool *pool, uint32_t id);

/* Who takes a request for this key now.  NULL, with the reason: nobody. */
struct server *pool_route(struct ketch_client *client, struct ketch_bytes key,
                          enum ketch_status *status);

/* The same of the server whose key it is. */
struct server *pool_route_from(struct ketch_client *client, struct server *owner,
                               struct ketch_bytes key, enum ketch_status *status);

/* It went out, or came back. */
void pool_set_live(struct ketch_client *client, struct server *server, bool live);

#endif

/* peer.h - libmemcached's placement, to compare with; or nothing, if this build has no libmemcached.
 *
 * Threads:   one.
 * Failure:   ends the program with a message.
 */
#ifndef KETCH_TOOLS_RINGBENCH_PEER_H
#define KETCH_TOOLS_RINGBENCH_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <ketch/ring.h>

struct peer;

/* Its name and version; NULL: there is none, and nothing else may be called. */
const char *peer_name(void);

/* The weighted ketama ring of the servers, all of weight 1.  At most 100 servers: Debian's build
 * aborts at the 101st. */
struct peer *peer_create(const struct ketch_server *servers, size_t count);
void peer_destroy(struct peer *p);

/* The number of the server that has the key. */
uint32_t peer_pick(struct peer *p, const void *key, size_t bytes);

/* Makes a ring of the peer's servers once more, all added at once, and throws it away. */
void peer_rebuild(const struct peer *p);

#endif

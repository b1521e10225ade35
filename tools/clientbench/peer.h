/* peer.h - another client that does the same as ours, if it was there to build with.
 *
 * Threads:   one.
 * Ownership: destroy() what create() made.
 * Failure:   what cannot be done ends the program with a word.
 */
#ifndef KETCH_TOOLS_CLIENTBENCH_PEER_H
#define KETCH_TOOLS_CLIENTBENCH_PEER_H

#include <ketch/ring.h>

struct peer;

/* "libmemcached 1.1.4"; NULL: there is none. */
const char *peer_name(void);

/* Connected to these, with the settings that make it fast: weighted ketama, text protocol, no
 * delays. blocking: sockets that block, which suits some of it better. */
struct peer *peer_create(const struct ketch_server *servers, size_t count, bool blocking);
void peer_destroy(struct peer *peer);

/* Returns how many bytes of values came. */
size_t peer_get(struct peer *peer, const struct ketch_bytes *key);
size_t peer_mget(struct peer *peer, const struct ketch_bytes *keys, size_t count);

#endif

/* identity.h - what a server is called: by its user, and by the hash.
 *
 * Threads:   immutable but for the count of references, which is atomic.
 * Ownership: a builder and its rings share it.
 * Failure:   identity_create() may find no memory.
 */
#ifndef KETCH_RING_IDENTITY_H
#define KETCH_RING_IDENTITY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "ketch/ring.h"

/* Twice a host, a name, ports, and what stands between them. */
#define IDENTITY_HASHED_MAX (2 * KETCH_RING_HOST_MAX + 16)

struct identity {
    atomic_uint refs;
    uint16_t port;
    uint16_t hashed_bytes;
    const char *host;
    const char *name;   /* or NULL */
    const char *hashed; /* hashed_bytes, and a NUL */
    char text[];
};

/* NULL: no memory.  The strings of 'server' are not too long. */
struct identity *identity_create(const struct ketch_server *server, enum ketch_ring_name format);

struct identity *identity_ref(struct identity *id);
void identity_unref(struct identity *id);

/* What stands between the hashed text and the number of a point. */
char identity_separator(enum ketch_ring_name format);

/* The port to connect to and to show: a path's is 0 unless its user gave one. */
uint16_t identity_port(const struct ketch_server *server);

/* Whether two are the same server; the sign orders them. */
int identity_compare(const struct identity *a, const struct identity *b);

#endif

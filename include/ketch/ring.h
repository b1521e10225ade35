/* ring.h - which server of a pool has a key.  So far only what the client needs of it. */
#ifndef KETCH_RING_H
#define KETCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ketch/types.h>

#define KETCH_RING_NONE UINT32_MAX /* no server: the pool is empty, or none of it is live */

struct ketch_server {
    const char *host;
    uint16_t port;
    uint32_t weight;
    const char *name;
};

#endif

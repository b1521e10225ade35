#include "ringbench/peer.h"

#include <stdlib.h>

const char *
peer_name(void)
{
    return NULL;
}

struct peer *
peer_create(const struct ketch_server *servers, size_t count)
{
    (void)servers, (void)count;
    abort();
}

void
peer_destroy(struct peer *p)
{
    (void)p;
}

uint32_t
peer_pick(struct peer *p, const void *key, size_t bytes)
{
    (void)p, (void)key, (void)bytes;
    abort();
}

void
peer_rebuild(const struct peer *p)
{
    (void)p;
    abort();
}

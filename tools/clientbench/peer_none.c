#include "clientbench/peer.h"

const char *
peer_name(void)
{
    return NULL;
}

struct peer *
peer_create(const struct ketch_server *servers, size_t count, bool blocking)
{
    (void)servers, (void)count, (void)blocking;
    return NULL;
}

void
peer_destroy(struct peer *peer)
{
    (void)peer;
}

size_t
peer_get(struct peer *peer, const struct ketch_bytes *key)
{
    (void)peer, (void)key;
    return 0;
}

size_t
peer_mget(struct peer *peer, const struct ketch_bytes *keys, size_t count)
{
    (void)peer, (void)keys, (void)count;
    return 0;
}

/* client.h - what the parts of a client ask of the whole.
 *
 * Threads:   the client's.
 * Failure:   where it says so.
 */
#ifndef KETCH_CLIENT_CLIENT_H
#define KETCH_CLIENT_CLIENT_H

#include "client/state.h"

/* Around whatever may call the caller's code. */
void client_enter(struct ketch_client *client);
/* When the outermost is left, frees servers that are gone, and sets the transport's timer. */
void client_leave(struct ketch_client *client);

static inline int64_t
client_now(const struct ketch_client *client)
{
    return client->transport->now_us(client->ctx);
}

/* Whether a request may be started at all.  Not one with an 'arg' that is being cancelled: a callback
 * that asks again whenever it is called would keep ketch_cancel() busy for ever. */
static inline enum ketch_status
client_accepts(const struct ketch_client *client, const void *arg)
{
    if (client->transport == NULL || client->ending)
        return KETCH_INVALID;
    return client->cancelling && client->cancelled_arg == arg ? KETCH_CANCELLED : KETCH_OK;
}

/* Routes an op that was just created; id: of those that name their server.  Not KETCH_OK: it is
 * destroyed. */
enum ketch_status client_start(struct ketch_client *client, struct op *op, uint32_t id) MUST_USE;

/* A request ended like this. */
void client_count(struct ketch_client *client, enum ketch_status status);

/* Tells on_event. */
void client_event(struct ketch_client *client, enum ketch_event_kind kind,
                  const struct server *server, enum ketch_status status, int error);

/* Seconds from now, as the protocol has it: beyond 30 days it wants a date. */
int64_t client_wire_ttl(const struct ketch_client *client, int64_t ttl_s);

/* What of a key as on the wire chooses the server. */
struct ketch_bytes client_placement_key(const struct ketch_client *client, struct ketch_bytes key,
                                        struct ketch_bytes group);

uint64_t client_random(struct ketch_client *client);

/* So many microseconds, more or less by the policy's jitter. */
int64_t client_jitter(struct ketch_client *client, int64_t us);

#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/placement.h"
#include "client/pool.h"
#include "client/server.h"

/* A key is followed along the ring this far at first, and only if all of these are out farther. */
#define WALK_NEAR 16

static enum ketch_status build(struct ketch_client *client, const struct ketch_server *servers,
                               size_t count, struct pool *pool, char *why, size_t why_bytes);
static void discard_new(struct ketch_client *client, const struct server *old_servers);

enum ketch_status
pool_replace(struct ketch_client *client, const struct ketch_server *servers, size_t count, char *why,
             size_t why_bytes)
{
    struct pool pool = {0};
    const struct server *before = client->servers; /* new ones are put in front of it */
    enum ketch_status status = build(client, servers, count, &pool, why, why_bytes);
    if (status != KETCH_OK) {
        pool_fini(&pool);
        discard_new(client, before);
        return status;
    }
    for (struct server *s = client->servers; s != NULL; s = s->next)
        s->retired = true;
    for (size_t i = 0; i < pool.count; i++) {
        pool.servers[i]->retired = pool.servers[i]->is_gutter = false;
        pool.servers[i]->id = (uint32_t)i;
    }
    for (size_t i = 0; i < pool.gutter_count; i++) {
        pool.gutter[i]->retired = false;
        pool.gutter[i]->is_gutter = true;
        pool.gutter[i]->id = (uint32_t)(pool.count + i);
    }
    pool_fini(&client->pool);
    client->pool = pool;
    client->pools++;
    client->reap = true;
    for (size_t i = 0; i < pool.count; i++)
        if (pool.servers[i]->out)
            pool_set_live(client, pool.servers[i], false);
    client_event(client, KETCH_EVENT_POOL, NULL, KETCH_OK, 0);
    return KETCH_OK;
}

void
pool_fini(struct pool *pool)
{
    placement_destroy(pool->ring);
    placement_destroy(pool->gutter_ring);
    free(pool->servers);
    free(pool->gutter);
    *pool = (struct pool){0};
}

/* ---- building one ---- */

/* One of the old servers that is this one, and has no place in the new pool. */
static struct server *
find(struct server *old, const struct ketch_server *address)
{
    for (struct server *s = old; s != NULL; s = s->next)
        if (!s->placed && server_is(s, address))
            return s;
    return NULL;
}

static enum ketch_status
collect(struct ketch_client *client, const struct ketch_server *servers, size_t count,
        struct server ***out)
{
    struct server *old = client->servers; /* new ones are put in front of it */
    struct server **list = calloc(count > 0 ? count : 1, sizeof(struct server *));
    if (list == NULL)
        return KETCH_NO_MEMORY;
    *out = list;
    for (size_t i = 0; i < count; i++) {
        list[i] = find(old, &servers[i]);
        if (list[i] == NULL) {
            enum ketch_status status = server_create(client, &servers[i], &list[i]);
            if (status != KETCH_OK)
                return status;
        }
        list[i]->placed = true;
    }
    return KETCH_OK;
}

static enum ketch_status
check(const struct ketch_server *servers, size_t count, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < count; i++) {
        const char *host = servers[i].host;
        if (host != NULL && host[0] != '\0' && (host[0] != '/' || strlen(host) < 108))
            continue;
        if (why != NULL)
            snprintf(why, why_bytes, "server %zu has no host, or a path too long for a socket", i);
        return KETCH_INVALID;
    }
    return KETCH_OK;
}

static enum ketch_status
build_part(struct ketch_client *client, const struct ketch_server *servers, size_t count,
           struct server ***list, struct placement **ring, char *why, size_t why_bytes)
{
    enum ketch_status status = check(servers, count, why, why_bytes);
    if (status == KETCH_OK)
        status = placement_create(client->ring_spec, servers, count, ring, why, why_bytes);
    if (status == KETCH_OK)
        status = collect(client, servers, count, list);
    if (status == KETCH_NO_MEMORY && why != NULL)
        snprintf(why, why_bytes, "no memory for the pool");
    return status;
}

static enum ketch_status
build(struct ketch_client *client, const struct ketch_server *servers, size_t count, struct pool *pool,
      char *why, size_t why_bytes)
{
    const struct ketch_failure_policy *policy = &client->conf.policy;
    for (struct server *s = client->servers; s != NULL; s = s->next)
        s->placed = false;
    enum ketch_status status =
        build_part(client, servers, count, &pool->servers, &pool->ring, why, why_bytes);
    if (status != KETCH_OK)
        return status;
    pool->count = count;
    if (policy->eject != KETCH_EJECT_GUTTER)
        return KETCH_OK;
    status = build_part(client, policy->gutter, policy->gutter_count, &pool->gutter,
                        &pool->gutter_ring, why, why_bytes);
    if (status == KETCH_OK)
        pool->gutter_count = policy->gutter_count;
    return status;
}

static void
discard_new(struct ketch_client *client, const struct server *old_servers)
{
    while (client->servers != old_servers)
        server_destroy(client->servers);
}

/* ---- using it ---- */

struct server *
pool_server(const struct pool *pool, uint32_t id)
{
    if (id < pool->count)
        return pool->servers[id];
    if (id - pool->count < pool->gutter_count)
        return pool->gutter[id - pool->count];
    return NULL;
}

/* The first on the way from the key that is not out. */
static struct server *
walk_as_far_as(const struct placement *ring, struct server *const *servers, struct ketch_bytes key,
               uint32_t *ids, size_t most)
{
    size_t count = placement_walk(ring, key.p, key.bytes, ids, most);
    for (size_t i = 0; i < count; i++)
        if (!servers[ids[i]]->out)
            return servers[ids[i]];
    return NULL;
}

static struct server *
walk(const struct placement *ring, struct server *const *servers, size_t count, struct ketch_bytes key)
{
    uint32_t nearest[WALK_NEAR];
    struct server *found = walk_as_far_as(ring, servers, key, nearest, WALK_NEAR);
    if (found != NULL || count <= WALK_NEAR)
        return found;
    uint32_t *all = malloc(count * sizeof *all);
    if (all != NULL)
        found = walk_as_far_as(ring, servers, key, all, count);
    free(all);
    return found;
}

struct server *
pool_route_from(struct ketch_client *client, struct server *owner, struct ketch_bytes key,
                enum ketch_status *status)
{
    const struct pool *pool = &client->pool;
    struct server *other = NULL;
    *status = KETCH_OK;
    if (!owner->out)
        return owner;
    if (client->conf.policy.eject == KETCH_EJECT_NEXT)
        other = walk(pool->ring, pool->servers, pool->count, key);
    else if (client->conf.policy.eject == KETCH_EJECT_GUTTER && pool->gutter_count > 0)
        other = walk(pool->gutter_ring, pool->gutter, pool->gutter_count, key);
    if (other == NULL)
        *status = client->conf.policy.eject == KETCH_EJECT_NONE ? server_unsent_status(owner)
                                                                : KETCH_NO_SERVER;
    return other;
}

struct server *
pool_route(struct ketch_client *client, struct ketch_bytes key, enum ketch_status *status)
{
    uint32_t id = placement_pick(client->pool.ring, key.p, key.bytes);
    if (id == KETCH_RING_NONE || id >= client->pool.count) {
        *status = KETCH_NO_SERVER;
        return NULL;
    }
    return pool_route_from(client, client->pool.servers[id], key, status);
}

void
pool_set_live(struct ketch_client *client, struct server *server, bool live)
{
    if (client->conf.policy.eject != KETCH_EJECT_REBUILD || server->retired || server->is_gutter)
        return;
    /* Without memory for another ring the old one stays, and the keys of the server that is out end
     * with KETCH_NO_SERVER. */
    (void)placement_set_live(client->pool.ring, server->id, live);
}

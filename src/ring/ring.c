#include "ring/ring.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring/keytext.h"

/* Keys of a batch whose hashes are made together. */
enum { BATCH = 64 };

/* ---- life ---- */

struct ketch_ring *
ring_create(const struct ketch_ring_conf *conf, const struct hasher *hasher, uint32_t server_count)
{
    struct ketch_ring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        return NULL;
    ring->conf = *conf;
    ring->hasher = *hasher;
    ring->on_points = ring_search_is_on_points(conf->search);
    ring->direct = ring->on_points && conf->filter == KETCH_FILTER_NONE && keytext_is_plain(conf) &&
                   hasher_is_plain(hasher);
    ring->empty = true;
    atomic_init(&ring->refs, 1);
    ring->server_count = server_count;
    ring->servers = calloc(server_count > 0 ? server_count : 1, sizeof(*ring->servers));
    if (ring->servers != NULL)
        return ring;
    free(ring);
    return NULL;
}

static void
ring_destroy(struct ketch_ring *ring)
{
    for (uint32_t i = 0; i < ring->server_count; i++)
        identity_unref(ring->servers[i].identity);
    table_fini(&ring->table);
    list_fini(&ring->list);
    free(ring->servers);
    free(ring->warnings);
    free(ring);
}

struct ketch_ring *
ketch_ring_ref(struct ketch_ring *ring)
{
    atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
    return ring;
}

void
ketch_ring_unref(struct ketch_ring *ring)
{
    /* Release: our look-ups come before the end that the last one, who acquires, puts to the ring. */
    if (ring != NULL && atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) == 1)
        ring_destroy(ring);
}

void
ring_warn(struct ketch_ring *ring, const char *format, ...)
{
    if (ring->warning_count == RING_WARNINGS_MAX) {
        snprintf(ring->warnings[RING_WARNINGS_MAX - 1], RING_WARNING_BYTES, "and %u more like these",
                 ++ring->warnings_lost + 1);
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(ring->warnings[ring->warning_count++], RING_WARNING_BYTES, format, args);
    va_end(args);
}

/* ---- look-ups ---- */

/* The hash of what is hashed of a key, which is in *text then. */
static uint32_t
hash_text(const struct ketch_ring *ring, const void *key, size_t bytes, struct ketch_bytes *text,
          char buffer[KEYTEXT_BYTES])
{
    const struct ketch_ring_conf *conf = &ring->conf;
    struct ketch_bytes part = keytext_part(conf, key, bytes);
    *text = keytext_whole(conf, part, buffer);
    if (conf->prefix[0] != '\0' && conf->prefix_limit_bytes > 0 &&
        strlen(conf->prefix) + part.bytes > conf->prefix_limit_bytes)
        return 0;
    return hasher_hash(&ring->hasher, text->p, text->bytes);
}

static NO_INLINE uint32_t
pick_slowly(const struct ketch_ring *ring, const void *key, size_t bytes)
{
    char buffer[KEYTEXT_BYTES];
    struct ketch_bytes text;
    if (ring->empty)
        return KETCH_RING_NONE;
    uint32_t hash = hash_text(ring, key, bytes, &text, buffer), id = KETCH_RING_NONE;
    if (ring->on_points)
        return table_server(&ring->table, hash);
    (void)list_walk(&ring->list, text, hash, &id, 1);
    return id;
}

uint32_t
ketch_ring_pick(const struct ketch_ring *ring, const void *key, size_t bytes)
{
    if (UNLIKELY(!ring->direct || ring->empty || bytes == 0))
        return pick_slowly(ring, key, bytes);
    return table_server(&ring->table, hasher_plain(&ring->hasher, key, bytes));
}

static void
find_many(const struct ketch_ring *ring, const uint32_t *hashes, size_t count, uint32_t *ids)
{
    for (size_t i = 0; i < count; i++)
        table_prefetch(&ring->table, hashes[i]);
    for (size_t i = 0; i < count; i++)
        ids[i] = table_server(&ring->table, hashes[i]);
}

/* Where nothing is done to a key or its hash. */
static void
pick_direct_batch(const struct ketch_ring *ring, const struct ketch_bytes *keys, size_t count,
                  uint32_t *ids)
{
    uint32_t hashes[BATCH];
    ring_hash_many(ring->hasher.hash, keys, count, hashes);
    find_many(ring, hashes, count, ids);
}

/* On points, by the hashes of parts that are hashed as they are.  count: 1 to BATCH. */
static void
pick_batch(const struct ketch_ring *ring, const struct ketch_bytes *keys, size_t count, uint32_t *ids)
{
    struct ketch_bytes parts[BATCH];
    uint32_t hashes[BATCH];
    size_t n = 0;
    do
        parts[n] = keytext_part(&ring->conf, keys[n].p, keys[n].bytes);
    while (++n < count);
    ring_hash_many(ring->hasher.hash, parts, count, hashes);
    for (size_t i = 0; i < count; i++)
        hashes[i] = hasher_finish(&ring->hasher, hashes[i]);
    find_many(ring, hashes, count, ids);
}

void
ketch_ring_pick_many(const struct ketch_ring *ring, const struct ketch_bytes *keys, size_t count,
                     uint32_t *ids)
{
    bool batches = ring->on_points && !ring->empty && keytext_is_plain(&ring->conf);
    for (size_t done = 0; done < count;) {
        size_t n = batches ? (count - done < BATCH ? count - done : BATCH) : 1;
        if (ring->direct && batches)
            pick_direct_batch(ring, keys + done, n, ids + done);
        else if (batches)
            pick_batch(ring, keys + done, n, ids + done);
        else
            ids[done] = pick_slowly(ring, keys[done].p, keys[done].bytes);
        done += n;
    }
}

static size_t
meet(uint32_t *ids, size_t found, uint32_t id)
{
    for (size_t i = 0; i < found; i++)
        if (ids[i] == id)
            return found;
    ids[found] = id;
    return found + 1;
}

static size_t
walk_up(const struct table *t, uint32_t hash, uint32_t *ids, size_t max)
{
    size_t found = 0;
    uint32_t at = table_find(t, hash);
    for (uint32_t i = 0; i < t->count && found < max; i++) {
        found = meet(ids, found, point_server(t->points[at]));
        at = at + 1 < t->count ? at + 1 : 0;
    }
    return found;
}

/* To both sides, by distance. */
static size_t
walk_away(const struct table *t, uint32_t hash, uint32_t *ids, size_t max)
{
    size_t found = 0;
    uint32_t up = table_find(t, hash), down = up > 0 ? up - 1 : t->count - 1;
    for (uint32_t i = 0; i < t->count && found < max; i++) {
        if (hash - point_at(t->points[down]) < point_at(t->points[up]) - hash) {
            found = meet(ids, found, point_server(t->points[down]));
            down = down > 0 ? down - 1 : t->count - 1;
        } else {
            found = meet(ids, found, point_server(t->points[up]));
            up = up + 1 < t->count ? up + 1 : 0;
        }
    }
    return found;
}

size_t
ketch_ring_walk(const struct ketch_ring *ring, const void *key, size_t bytes, uint32_t *ids,
                size_t max)
{
    char buffer[KEYTEXT_BYTES];
    struct ketch_bytes text;
    if (ring->empty)
        return 0;
    uint32_t hash = hash_text(ring, key, bytes, &text, buffer);
    if (ring->on_points)
        return ring->table.nearest ? walk_away(&ring->table, hash, ids, max)
                                   : walk_up(&ring->table, hash, ids, max);
    return list_walk(&ring->list, text, hash, ids, max);
}

/* ---- what it is ---- */

size_t
ketch_ring_server_count(const struct ketch_ring *ring)
{
    return ring->server_count;
}

enum ketch_status
ketch_ring_server(const struct ketch_ring *ring, uint32_t id, struct ketch_server_view *view)
{
    if (id >= ring->server_count || ring->servers[id].identity == NULL)
        return KETCH_INVALID;
    const struct ring_server *s = &ring->servers[id];
    *view = (struct ketch_server_view){
        .server = {s->identity->host, s->identity->port, s->weight, s->identity->name},
        .hashed = s->identity->hashed,
        .hashed_bytes = s->identity->hashed_bytes,
        .points = s->points,
        .share = s->share,
        .live = s->live,
    };
    return KETCH_OK;
}

size_t
ketch_ring_warnings(const struct ketch_ring *ring, const char **texts, size_t max)
{
    for (size_t i = 0; i < ring->warning_count && i < max; i++)
        texts[i] = ring->warnings[i];
    return ring->warning_count;
}

const struct ketch_ring_conf *
ketch_ring_conf(const struct ketch_ring *ring)
{
    return &ring->conf;
}

#include <ketch/ring.h>

#include <stdlib.h>
#include <string.h>
#include "ring/attr.h"
#include "ring/conf.h"
#include "ring/points.h"
#include "ring/ring.h"
#include "ring/share.h"
#include "ring/sort.h"

struct server {
    struct identity *identity; /* NULL: removed */
    uint32_t weight;
    bool live;
    struct points points; /* made so far, by the builder's rule */
};

struct ketch_ring_builder {
    struct ketch_ring_conf conf;
    struct hasher hasher;   /* of keys */
    struct point_rule rule; /* that the servers' points were made by */
    struct server *servers; /* by id */
    uint32_t count, room;
};

/* A live server in the order that decides ties. */
struct place {
    struct server *server;
    uint32_t id;
    uint32_t points;
};

/* One build: what is computed on the way to a ring. */
struct build {
    struct ketch_ring_builder *builder;
    struct ketch_ring *ring;
    struct point_rule rule;
    enum ketch_ring_points kind; /* CONSISTENT is one of the others by now */
    uint32_t per;                /* points of a server, or of a unit of weight */
    struct place *places;
    uint32_t live;         /* of places */
    uint64_t weight_total; /* of the live */
    size_t point_total;
    char *why;
    size_t why_bytes;
};

/* ---- the pool ---- */

enum ketch_status
ketch_ring_builder_create_conf(const struct ketch_ring_conf *conf, struct ketch_ring_builder **out,
                               char *why, size_t why_bytes)
{
    *out = NULL;
    enum ketch_status status = conf_check(conf, why, why_bytes);
    if (status != KETCH_OK)
        return status;
    struct ketch_ring_builder *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return conf_refuse(KETCH_NO_MEMORY, why, why_bytes, "out of memory");
    b->conf = *conf;
    (void)!hasher_init(&b->hasher, conf->key_hash, conf->text); /* conf_check() has tried it */
    *out = b;
    return KETCH_OK;
}

enum ketch_status
ketch_ring_builder_create(const char *spec, struct ketch_ring_builder **out, char *why,
                          size_t why_bytes)
{
    struct ketch_ring_conf conf;
    *out = NULL;
    enum ketch_status status = ketch_ring_conf_parse(&conf, spec, why, why_bytes);
    return status != KETCH_OK ? status
                              : ketch_ring_builder_create_conf(&conf, out, why, why_bytes);
}

void
ketch_ring_builder_destroy(struct ketch_ring_builder *b)
{
    if (b == NULL)
        return;
    for (uint32_t i = 0; i < b->count; i++) {
        identity_unref(b->servers[i].identity);
        points_fini(&b->servers[i].points);
    }
    free(b->servers);
    free(b);
}

static bool
make_room(struct ketch_ring_builder *b)
{
    if (b->count < b->room)
        return true;
    uint32_t room = b->room > 0 ? 2 * b->room : 16;
    struct server *servers = realloc(b->servers, room * sizeof(*servers));
    if (servers == NULL)
        return false;
    b->servers = servers;
    b->room = room;
    return true;
}

static bool
is_nameable(const struct ketch_server *s)
{
    if (s->host == NULL || s->host[0] == '\0' ||
        strnlen(s->host, KETCH_RING_HOST_MAX + 1) > KETCH_RING_HOST_MAX)
        return false;
    return s->name == NULL || strnlen(s->name, KETCH_RING_NAME_MAX + 1) <= KETCH_RING_NAME_MAX;
}

enum ketch_status
ketch_ring_builder_add(struct ketch_ring_builder *b, const struct ketch_server *server, uint32_t *id)
{
    if (!is_nameable(server))
        return KETCH_INVALID;
    if (b->count == KETCH_RING_SERVERS_MAX)
        return KETCH_TOO_LARGE;
    struct identity *identity = make_room(b) ? identity_create(server, b->conf.name) : NULL;
    if (identity == NULL)
        return KETCH_NO_MEMORY;
    b->servers[b->count] = (struct server){
        .identity = identity,
        .weight = server->weight > 0 ? server->weight : 1,
        .live = true,
    };
    if (id != NULL)
        *id = b->count;
    b->count++;
    return KETCH_OK;
}

static struct server *
find(struct ketch_ring_builder *b, uint32_t id)
{
    return id < b->count && b->servers[id].identity != NULL ? &b->servers[id] : NULL;
}

enum ketch_status
ketch_ring_builder_remove(struct ketch_ring_builder *b, uint32_t id)
{
    struct server *s = find(b, id);
    if (s == NULL)
        return KETCH_INVALID;
    identity_unref(s->identity);
    points_fini(&s->points);
    *s = (struct server){.identity = NULL};
    return KETCH_OK;
}

enum ketch_status
ketch_ring_builder_set_weight(struct ketch_ring_builder *b, uint32_t id, uint32_t weight)
{
    struct server *s = find(b, id);
    if (s == NULL)
        return KETCH_INVALID;
    s->weight = weight > 0 ? weight : 1;
    return KETCH_OK;
}

enum ketch_status
ketch_ring_builder_set_live(struct ketch_ring_builder *b, uint32_t id, bool live)
{
    struct server *s = find(b, id);
    if (s == NULL)
        return KETCH_INVALID;
    s->live = live;
    return KETCH_OK;
}

/* ---- the rules of this build ---- */

static bool
is_share(enum ketch_ring_points kind)
{
    return kind == KETCH_POINTS_SHARE || kind == KETCH_POINTS_SHARE_LIBKETAMA ||
           kind == KETCH_POINTS_SHARE_EXACT;
}

static bool
any_weight(const struct ketch_ring_builder *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->servers[i].identity != NULL && b->servers[i].weight > 1)
            return true;
    return false;
}

static void
choose_kind(struct build *x, enum ketch_ring_hash *hash, uint32_t *words)
{
    const struct ketch_ring_conf *conf = &x->builder->conf;
    x->kind = conf->points;
    x->per = conf->point_count;
    *hash = conf->point_hash;
    *words = conf->point_words;
    if (x->kind != KETCH_POINTS_CONSISTENT)
        return;
    x->kind = KETCH_POINTS_FIXED;
    if (any_weight(x->builder)) { /* libmemcached's other ring */
        x->kind = KETCH_POINTS_SHARE;
        x->per = 160;
        *hash = KETCH_HASH_MD5;
        *words = 4;
    }
}

/* The points that a hash can make, if so many are wanted. */
static uint32_t
words_of(enum ketch_ring_hash hash, uint32_t wanted)
{
    if (hash == KETCH_HASH_MD5)
        return wanted >= 4 ? 4 : 1;
    return hash == KETCH_HASH_XXH3 && wanted >= 2 ? 2 : 1;
}

static void
choose_rule(struct build *x)
{
    const struct ketch_ring_conf *conf = &x->builder->conf;
    enum ketch_ring_hash hash;
    uint32_t words;
    choose_kind(x, &hash, &words);
    if (hash == KETCH_HASH_AUTO)
        hash = is_share(x->kind) ? KETCH_HASH_MD5 : conf->key_hash;
    x->rule.chain = hash == KETCH_HASH_CRC32_CHAIN;
    x->rule.words = words_of(hash, words);
    x->rule.separator = identity_separator(conf->name);
    x->rule.hasher = (struct hasher){RING_HASH_CRC32, UINT32_MAX, 0};
    if (!x->rule.chain)
        (void)!hasher_init(&x->rule.hasher, hash, conf->text);
}

/* Points made by another rule are of no use. */
static void
forget_points(struct build *x)
{
    struct ketch_ring_builder *b = x->builder;
    if (point_rule_equal(&b->rule, &x->rule))
        return;
    for (uint32_t i = 0; i < b->count; i++)
        points_fini(&b->servers[i].points);
    b->rule = x->rule;
}

/* Keys that hash to small numbers only, on points that are everywhere: nearly all of them belong to
 * the server with the first point. */
static bool
is_lopsided(const struct build *x)
{
    return x->ring->on_points && hasher_max(&x->builder->hasher) < 1u << 16 &&
           hasher_max(&x->rule.hasher) > 1u << 16;
}

/* ---- places ---- */

static int
by_id(const struct place *a, const struct place *b)
{
    return (a->id > b->id) - (a->id < b->id);
}

static int
by_hashed_name(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    const struct identity *ia = a->server->identity, *ib = b->server->identity;
    if (ia->hashed_bytes != ib->hashed_bytes)
        return ia->hashed_bytes > ib->hashed_bytes ? 1 : -1;
    int order = memcmp(ia->hashed, ib->hashed, ia->hashed_bytes);
    return order != 0 ? order : by_id(a, b);
}

static int
by_host(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    const struct identity *ia = a->server->identity, *ib = b->server->identity;
    int order = strcmp(ia->host, ib->host);
    if (order == 0)
        order = (ia->port > ib->port) - (ia->port < ib->port);
    return order != 0 ? order : by_id(a, b);
}

static enum ketch_status
collect(struct build *x)
{
    struct ketch_ring_builder *b = x->builder;
    x->places = malloc((b->count > 0 ? b->count : 1) * sizeof(*x->places));
    if (x->places == NULL)
        return KETCH_NO_MEMORY;
    for (uint32_t i = 0; i < b->count; i++)
        if (b->servers[i].identity != NULL && b->servers[i].live) {
            x->places[x->live++] = (struct place){&b->servers[i], i, 0};
            x->weight_total += b->servers[i].weight;
        }
    if (b->conf.ties == KETCH_TIES_NAME)
        qsort(x->places, x->live, sizeof(*x->places), by_hashed_name);
    else if (b->conf.ties == KETCH_TIES_HOST)
        qsort(x->places, x->live, sizeof(*x->places), by_host);
    return KETCH_OK;
}

static uint64_t
points_of(const struct build *x, uint32_t weight)
{
    switch (x->kind) {
    case KETCH_POINTS_SHARE:
        return share_libmemcached(weight, x->weight_total, x->live, x->per);
    case KETCH_POINTS_SHARE_LIBKETAMA:
        return share_libketama(weight, x->weight_total, x->live, x->per);
    case KETCH_POINTS_SHARE_EXACT:
        return share_exact(weight, x->weight_total, x->live, x->per);
    case KETCH_POINTS_PER_WEIGHT:
        return (uint64_t)x->per * weight;
    case KETCH_POINTS_FIXED:
    case KETCH_POINTS_CONSISTENT:
        break;
    }
    return x->per;
}

static enum ketch_status
count_points(struct build *x)
{
    for (uint32_t i = 0; i < x->live; i++) {
        uint64_t points = points_of(x, x->places[i].server->weight);
        if (points > KETCH_RING_POINTS_MAX - x->point_total)
            return conf_refuse(KETCH_TOO_LARGE, x->why, x->why_bytes,
                               "the ring would have more than %d points: are the weights too large?",
                               KETCH_RING_POINTS_MAX);
        x->places[i].points = (uint32_t)points;
        x->point_total += points;
    }
    return KETCH_OK;
}

/* ---- the ring's inside ---- */

static enum ketch_status
make_points(struct build *x)
{
    forget_points(x);
    for (uint32_t i = 0; i < x->live; i++) {
        struct place *p = &x->places[i];
        if (!points_extend(&p->server->points, &x->rule, p->server->identity->hashed,
                           p->server->identity->hashed_bytes, p->points))
            return KETCH_NO_MEMORY;
    }
    return KETCH_OK;
}

static void
gather_points(const struct build *x, point *points)
{
    for (uint32_t i = 0; i < x->live; i++) {
        const struct place *p = &x->places[i];
        const uint32_t *at = p->server->points.at;
        for (uint32_t k = 0; k < p->points; k++)
            *points++ = point_make(at[k], p->id);
    }
}

static enum table_rule
table_rule(enum ketch_ring_search search)
{
    if (search == KETCH_SEARCH_PREDECESSOR)
        return TABLE_FROM;
    return search == KETCH_SEARCH_NEAREST ? TABLE_NEAREST : TABLE_UP_TO;
}

static enum ketch_status
make_table(struct build *x)
{
    enum ketch_status status = make_points(x);
    if (status != KETCH_OK || x->point_total == 0)
        return status;
    point *points = table_room(x->point_total), *scratch = table_room(x->point_total);
    if (points == NULL || scratch == NULL) {
        table_free_room(points);
        table_free_room(scratch);
        return KETCH_NO_MEMORY;
    }
    gather_points(x, points);
    point *sorted = sort_points(points, scratch, x->point_total);
    table_free_room(sorted == points ? scratch : points);
    bool last_wins = x->builder->conf.ties == KETCH_TIES_LAST;
    return table_init(&x->ring->table, sorted, x->point_total, last_wins,
                      table_rule(x->builder->conf.search))
               ? KETCH_OK
               : KETCH_NO_MEMORY;
}

static enum ketch_status
make_list(struct build *x)
{
    struct list_entry *entries = malloc((x->live > 0 ? x->live : 1) * sizeof(*entries));
    if (entries == NULL)
        return KETCH_NO_MEMORY;
    for (uint32_t i = 0; i < x->live; i++) {
        const struct identity *identity = x->places[i].server->identity;
        entries[i] = (struct list_entry){identity->hashed, identity->hashed_bytes, x->places[i].id,
                                         x->places[i].points};
    }
    bool done = list_init(&x->ring->list, &x->builder->conf, entries, x->live);
    free(entries);
    return done ? KETCH_OK : KETCH_NO_MEMORY;
}

/* ---- what the ring says of itself ---- */

static void
show_servers(struct build *x)
{
    struct ketch_ring_builder *b = x->builder;
    for (uint32_t i = 0; i < b->count; i++)
        if (b->servers[i].identity != NULL)
            x->ring->servers[i] = (struct ring_server){
                .identity = identity_ref(b->servers[i].identity),
                .weight = b->servers[i].weight,
                .live = b->servers[i].live,
            };
    for (uint32_t i = 0; i < x->live; i++)
        x->ring->servers[x->places[i].id].points = x->places[i].points;
}

static enum ketch_status
show_shares(struct build *x)
{
    struct ketch_ring *ring = x->ring;
    if (!ring->on_points) {
        for (uint32_t i = 0; i < x->live; i++)
            ring->servers[x->places[i].id].share = (double)x->places[i].points / (double)x->point_total;
        return KETCH_OK;
    }
    uint64_t *parts = calloc(ring->server_count > 0 ? ring->server_count : 1, sizeof(*parts));
    if (parts == NULL)
        return KETCH_NO_MEMORY;
    table_parts(&ring->table, hasher_max(&ring->hasher), parts);
    for (uint32_t i = 0; i < ring->server_count; i++)
        ring->servers[i].share = (double)parts[i] / ((double)hasher_max(&ring->hasher) + 1);
    free(parts);
    return KETCH_OK;
}

/* Of each server that gets no key, the reason. */
static void
warn_of_servers(struct build *x)
{
    for (uint32_t i = 0; i < x->live; i++) {
        const struct ring_server *s = &x->ring->servers[x->places[i].id];
        if (s->points == 0)
            ring_warn(x->ring,
                      "server %u (%s:%u) has no point and gets no key: its weight, %u, is too small "
                      "a part of all weights",
                      x->places[i].id, s->identity->host, s->identity->port, s->weight);
        else if (s->share == 0)
            ring_warn(x->ring,
                      "server %u (%s:%u) gets no key: all of its points are another server's, which "
                      "has the same name",
                      x->places[i].id, s->identity->host, s->identity->port);
    }
}

/* A server's points, if all have the same weight; 0 otherwise. */
static uint32_t
equal_points(const struct build *x)
{
    for (uint32_t i = 1; i < x->live; i++)
        if (x->places[i].server->weight != x->places[0].server->weight)
            return 0;
    return x->live > 0 ? x->places[0].points : 0;
}

static void
warn_of_rounding(struct build *x)
{
    uint32_t points = is_share(x->kind) ? equal_points(x) : 0;
    if (points > 0 && points != x->per)
        ring_warn(x->ring,
                  "%u equal servers have %u points each and not %u, as shares are rounded in single "
                  "precision: clients that do not compute them, such as memcached's proxy, place some "
                  "keys elsewhere",
                  x->live, points, x->per);
}

/* spymemcached hashes a host's address too, which nobody has looked up. */
static void
warn_of_names(struct build *x)
{
    if (x->builder->conf.name != KETCH_NAME_SPYMEMCACHED)
        return;
    for (uint32_t i = 0; i < x->live; i++) {
        const struct identity *id = x->places[i].server->identity;
        if (id->name == NULL && strspn(id->host, "0123456789abcdefABCDEF.:") != strlen(id->host))
            ring_warn(x->ring,
                      "server %u (%s:%u): spymemcached hashes a host as host/address:port; give that as "
                      "the server's name",
                      x->places[i].id, id->host, id->port);
    }
}

static enum ketch_status
warn(struct build *x)
{
    x->ring->warnings = malloc(RING_WARNINGS_MAX * sizeof(*x->ring->warnings));
    if (x->ring->warnings == NULL)
        return KETCH_NO_MEMORY;
    if (is_lopsided(x))
        ring_warn(x->ring, "keys hash to 15 bits only, and nearly all belong to one server");
    warn_of_rounding(x);
    warn_of_names(x);
    warn_of_servers(x);
    return KETCH_OK;
}

/* ---- build ---- */

static enum ketch_status
refuse_conflict(struct build *x)
{
    if (!is_lopsided(x) || x->builder->conf.force)
        return KETCH_OK;
    return conf_refuse(KETCH_CONFLICT, x->why, x->why_bytes,
                       "the hash of keys has 15 bits and points have 32: nearly all keys would "
                       "belong to one server");
}

static enum ketch_status
fill(struct build *x)
{
    enum ketch_status status = refuse_conflict(x);
    if (status == KETCH_OK)
        status = collect(x);
    if (status == KETCH_OK)
        status = count_points(x);
    if (status == KETCH_OK)
        status = x->ring->on_points ? make_table(x) : make_list(x);
    if (status != KETCH_OK)
        return status;
    x->ring->empty = x->point_total == 0;
    show_servers(x);
    status = show_shares(x);
    return status == KETCH_OK ? warn(x) : status;
}

enum ketch_status
ketch_ring_builder_build(struct ketch_ring_builder *b, struct ketch_ring **out, char *why,
                         size_t why_bytes)
{
    *out = NULL;
    struct build x = {.builder = b, .why = why, .why_bytes = why_bytes};
    x.ring = ring_create(&b->conf, &b->hasher, b->count);
    enum ketch_status status = KETCH_NO_MEMORY;
    if (x.ring != NULL) {
        choose_rule(&x);
        status = fill(&x);
    }
    free(x.places);
    if (status == KETCH_OK) {
        *out = x.ring;
        return KETCH_OK;
    }
    ketch_ring_unref(x.ring);
    if (status == KETCH_NO_MEMORY)
        conf_refuse(status, why, why_bytes, "out of memory");
    return status;
}

#include "exec/prefix.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mutex.h"

#define BUCKETS 4096

struct prefix {
    struct prefix *next;
    uint64_t counts[PREFIX_EVENTS];
    size_t bytes;
    char name[];
};

struct prefixes {
    char delimiter;
    uint64_t seed;
    struct mutex lock; /* of all below */
    size_t count;
    size_t name_bytes;
    struct prefix *buckets[BUCKETS];
};

struct prefixes *
prefixes_create(char delimiter, uint64_t seed)
{
    struct prefixes *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    mutex_init(&p->lock);
    p->delimiter = delimiter;
    p->seed = seed;
    return p;
}

void
prefixes_destroy(struct prefixes *p)
{
    if (p == NULL)
        return;
    prefixes_clear(p);
    mutex_fini(&p->lock);
    free(p);
}

void
prefixes_clear(struct prefixes *p)
{
    mutex_lock(&p->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (p->buckets[i] != NULL) {
            struct prefix *gone = p->buckets[i];
            p->buckets[i] = gone->next;
            free(gone);
        }
    }
    p->count = p->name_bytes = 0;
    mutex_unlock(&p->lock);
}

static struct prefix *
find_or_add(struct prefixes *p, struct span name)
{
    struct prefix **bucket = &p->buckets[hash_span(name, p->seed) % BUCKETS];
    for (struct prefix *at = *bucket; at != NULL; at = at->next)
        if (span_equal(span_of(at->name, at->bytes), name))
            return at;
    if (p->count >= PREFIXES_MAX)
        return NULL;
    struct prefix *new = malloc(sizeof *new + name.bytes);
    if (new == NULL)
        return NULL;
    *new = (struct prefix){.next = *bucket, .bytes = name.bytes};
    memcpy(new->name, name.p, name.bytes);
    *bucket = new;
    p->count++;
    p->name_bytes += name.bytes;
    return new;
}

void
prefixes_count(struct prefixes *p, struct span key, enum prefix_event event)
{
    const char *end = memchr(key.p, p->delimiter, key.bytes);
    if (end == NULL)
        return;
    mutex_lock(&p->lock);
    struct prefix *prefix = find_or_add(p, span_of(key.p, (size_t)(end - key.p)));
    if (prefix != NULL)
        prefix->counts[event]++;
    mutex_unlock(&p->lock);
}

char *
prefixes_dump(struct prefixes *p, size_t *bytes)
{
    mutex_lock(&p->lock);
    /* "PREFIX  get  hit  set  del \r\n" and four numbers */
    size_t room = p->name_bytes + p->count * (32 + 4 * 20) + sizeof "END\r\n";
    char *text = malloc(room);
    size_t at = 0;
    for (size_t i = 0; text != NULL && i < BUCKETS; i++) {
        for (struct prefix *x = p->buckets[i]; x != NULL; x = x->next) {
            at += (size_t)snprintf(text + at, room - at, "PREFIX ");
            memcpy(text + at, x->name, x->bytes);
            at += x->bytes;
            at += (size_t)snprintf(text + at, room - at,
                                   " get %" PRIu64 " hit %" PRIu64 " set %" PRIu64 " del %" PRIu64
                                   "\r\n",
                                   x->counts[PREFIX_GET], x->counts[PREFIX_HIT],
                                   x->counts[PREFIX_SET], x->counts[PREFIX_DELETE]);
        }
    }
    if (text != NULL)
        at += (size_t)snprintf(text + at, room - at, "END\r\n");
    mutex_unlock(&p->lock);
    *bytes = at;
    return text;
}

/* Any text is settings of a ring and a list of servers: it is refused with a reason, or makes a ring that
 * keeps its promises.
 *
 * The first line is the settings; the others are the servers. */
#include <ketch/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

enum { SPEC_BYTES = 400, SERVERS_MAX = 40, POINTS_MAX = 200, WEIGHT_MAX = 20 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Reads a list again from another form of its servers. */
static void
read_again(const struct ketch_server *s)
{
    char line[2 * KETCH_RING_HOST_MAX + 64];
    struct ketch_server_list again;
    int bytes = snprintf(line, sizeof(line), "%s%s%s %u %u %s", s->host[0] == '/' ? "" : "[", s->host,
                         s->host[0] == '/' ? "" : "]", s->port, s->weight,
                         s->name != NULL ? s->name : "");
    if (strchr(s->host, ']') != NULL || (s->name != NULL && s->name[0] == '#') ||
        (s->host[0] == '/' && strchr(s->host, ':') != NULL))
        return; /* such a host cannot be written so */
    MUST(ketch_server_list_parse(line, (size_t)bytes, &again, NULL, 0) == KETCH_OK);
    MUST(again.count == 1 && strcmp(again.servers[0].host, s->host) == 0);
    MUST(again.servers[0].port == s->port && again.servers[0].weight == s->weight);
    MUST((again.servers[0].name == NULL) == (s->name == NULL));
    ketch_server_list_free(&again);
}

static void
ask(const struct ketch_ring *ring, const void *key, size_t bytes)
{
    uint32_t ids[SERVERS_MAX], many;
    uint32_t id = ketch_ring_pick(ring, key, bytes);
    size_t count = ketch_ring_walk(ring, key, bytes, ids, SERVERS_MAX);
    struct ketch_bytes view = {key, bytes};
    ketch_ring_pick_many(ring, &view, 1, &many);
    MUST(many == id);
    MUST((count == 0) == (id == KETCH_RING_NONE));
    MUST(count == 0 || ids[0] == id);
    for (size_t i = 0; i < count; i++) {
        struct ketch_server_view v;
        MUST(ketch_ring_server(ring, ids[i], &v) == KETCH_OK);
        MUST(v.live && v.points > 0);
    }
}

static void
make_ring(const struct ketch_ring_conf *conf, const struct ketch_server_list *list)
{
    struct ketch_ring_builder *b;
    struct ketch_ring *ring;
    char why[200] = "";
    MUST(ketch_ring_builder_create_conf(conf, &b, NULL, 0) == KETCH_OK);
    for (size_t i = 0; i < list->count && i < SERVERS_MAX; i++) {
        struct ketch_server s = list->servers[i];
        s.weight = s.weight % WEIGHT_MAX;
        MUST(ketch_ring_builder_add(b, &s, NULL) == KETCH_OK);
    }
    if (list->count > 2)
        MUST(ketch_ring_builder_set_live(b, 1, false) == KETCH_OK);
    enum ketch_status status = ketch_ring_builder_build(b, &ring, why, sizeof(why));
    MUST(status == KETCH_OK || (status == KETCH_CONFLICT && why[0] != '\0'));
    if (status == KETCH_OK) {
        double moved;
        ask(ring, "key", 3);
        ask(ring, list->count > 0 ? list->servers[0].host : "", list->count > 0 ? 1 : 0);
        MUST(list->count > 8 || ketch_ring_diff(ring, ring, &moved) != KETCH_OK || moved == 0);
    }
    ketch_ring_unref(ring);
    ketch_ring_builder_destroy(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const uint8_t *newline = bytes > 0 ? memchr(data, '\n', bytes) : NULL;
    size_t spec_bytes = newline != NULL ? (size_t)(newline - data) : bytes;
    char spec[SPEC_BYTES], why[100] = "";
    if (spec_bytes >= sizeof(spec))
        return 0;
    memcpy(spec, data, spec_bytes);
    spec[spec_bytes] = '\0';

    struct ketch_ring_conf conf;
    enum ketch_status status = ketch_ring_conf_parse(&conf, spec, why, sizeof(why));
    MUST(status == KETCH_OK || (status == KETCH_INVALID && why[0] != '\0'));
    if (status != KETCH_OK)
        (void)ketch_ring_conf_init(&conf, KETCH_RING_NATIVE);
    conf.point_count = conf.point_count % POINTS_MAX + 1;

    size_t list_bytes = newline != NULL ? bytes - spec_bytes - 1 : 0;
    struct ketch_server_list list;
    why[0] = '\0';
    status = ketch_server_list_parse(newline != NULL ? (const char *)newline + 1 : "", list_bytes, &list,
                                     why, sizeof(why));
    MUST(status == KETCH_OK || (status == KETCH_INVALID && why[0] != '\0' && list.count == 0));
    for (size_t i = 0; i < list.count && i < SERVERS_MAX; i++)
        read_again(&list.servers[i]);
    make_ring(&conf, &list);
    ketch_server_list_free(&list);
    return 0;
}

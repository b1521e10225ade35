/* Which server has a key, and what happens to the keys when a server is gone.
 *
 *     cc ring.c $(pkg-config --cflags --libs libketch) -o ring
 *     ./ring [preset]
 */
#include <ketch/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
must(enum ketch_status status, const char *why)
{
    if (status == KETCH_OK)
        return;
    fprintf(stderr, "%s (%s)\n", why, ketch_status_text(status));
    exit(1);
}

static void
show(const struct ketch_ring *ring, const char *key)
{
    uint32_t ids[3];
    size_t count = ketch_ring_walk(ring, key, strlen(key), ids, 3);
    printf("  %-10s", key);
    for (size_t i = 0; i < count; i++) {
        struct ketch_server_view v;
        must(ketch_ring_server(ring, ids[i], &v), "no such server");
        printf("%s%s:%u", i == 0 ? "" : ", then ", v.server.host, v.server.port);
    }
    putchar('\n');
}

int
main(int argc, char **argv)
{
    static const char *const keys[] = {"user:1", "user:2", "user:3", "page:1", "page:2"};
    static const char *const hosts[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
    char why[200] = "";
    struct ketch_ring_builder *builder;
    must(ketch_ring_builder_create(argc > 1 ? argv[1] : "native", &builder, why, sizeof(why)), why);
    for (int i = 0; i < 4; i++) {
        struct ketch_server server = {hosts[i], 11211, 1, NULL};
        must(ketch_ring_builder_add(builder, &server, NULL), "a server cannot be added");
    }

    /* A ring never changes: threads may use this one for as long as they hold a reference. */
    struct ketch_ring *all, *less;
    must(ketch_ring_builder_build(builder, &all, why, sizeof(why)), why);
    puts("All servers:");
    for (int i = 0; i < 5; i++)
        show(all, keys[i]);

    /* A server does not answer: the next ring is one without it, and the ids stay. */
    must(ketch_ring_builder_set_live(builder, 1, false), "no such server");
    must(ketch_ring_builder_build(builder, &less, why, sizeof(why)), why);
    double moved;
    must(ketch_ring_diff(all, less, &moved), "out of memory");
    printf("Without %s, %.1f %% of the keys move:\n", hosts[1], 100 * moved);
    for (int i = 0; i < 5; i++)
        show(less, keys[i]);

    ketch_ring_unref(all);
    ketch_ring_unref(less);
    ketch_ring_builder_destroy(builder);
    return 0;
}

/* mget_ev.c - stores a hundred values and gets them back with one call, in a libev loop.
 *
 *     cc mget_ev.c -o mget_ev $(pkg-config --cflags --libs libketch) -lev
 *     ./mget_ev 127.0.0.1 11211
 */
#include <stdio.h>
#include <stdlib.h>
#include <ketch/client.h>
#include <ketch/ev.h>

#define COUNT 100

static struct ketch_client *client;
static char names[COUNT][16];
static struct ketch_bytes keys[COUNT];
static unsigned stored, found;
static int result = EXIT_FAILURE;

static void
each(void *arg, const struct ketch_result *r)
{
    (void)arg;
    if (r->status == KETCH_OK)
        found++;
    else
        fprintf(stderr, "%s: %s\n", names[r->index], r->text);
}

static void
done(void *arg, const struct ketch_result *r)
{
    (void)arg;
    printf("%u of %d: %s\n", found, COUNT, r->text);
    result = found == COUNT ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
one_stored(void *arg, const struct ketch_result *r)
{
    (void)arg;
    if (r->status != KETCH_OK)
        fprintf(stderr, "not stored: %s\n", r->text);
    if (++stored == COUNT && ketch_mget(client, keys, COUNT, NULL, each, done, NULL) != KETCH_OK)
        fprintf(stderr, "no multi-get\n");
}

int
main(int argc, char **argv)
{
    struct ketch_server server = {.host = argc > 1 ? argv[1] : "127.0.0.1",
                                  .port = argc > 2 ? (uint16_t)atoi(argv[2]) : 11211};
    struct ketch_client_conf conf;
    char why[256] = "";
    struct ev_loop *loop = ev_default_loop(0);

    ketch_client_conf_init(&conf);
    conf.servers = &server;
    conf.server_count = 1;
    if (ketch_client_create(&conf, &client, why, sizeof why) != KETCH_OK ||
        ketch_ev_attach(client, loop) != KETCH_OK) {
        fprintf(stderr, "no client: %s\n", why);
        return EXIT_FAILURE;
    }
    /* All of these go out with one write, when the loop begins to wait. */
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "ev%d", i);
        keys[i] = ketch_string(names[i]);
        ketch_set(client, keys[i], keys[i], NULL, one_stored, NULL);
    }
    ev_run(loop, 0); /* until nothing is under way */
    ketch_client_destroy(client);
    return result;
}

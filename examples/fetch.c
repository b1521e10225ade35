/* fetch.c - gets a value, or makes it: of all programs that ask at the same time, one does.
 *
 *     cc fetch.c -o fetch $(pkg-config --cflags --libs libketch)
 *     ./fetch 127.0.0.1 11211 & ./fetch 127.0.0.1 11211 & ./fetch 127.0.0.1 11211
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <ketch/client.h>
#include <ketch/poll.h>
#include <ketch/wait.h>

static enum ketch_status
make(void *arg, struct ketch_bytes key, struct ketch_bytes *value, struct ketch_options *options)
{
    (void)key;
    usleep(200 * 1000); /* what takes so long */
    *(int *)arg += 1;
    *value = ketch_string("a report");
    options->ttl_s = 300;
    return KETCH_OK;
}

int
main(int argc, char **argv)
{
    struct ketch_server server = {.host = argc > 1 ? argv[1] : "127.0.0.1",
                                  .port = argc > 2 ? (uint16_t)atoi(argv[2]) : 11211};
    struct ketch_client_conf conf;
    struct ketch_client *client;
    struct ketch_reply reply = KETCH_REPLY_INIT;
    struct ketch_fetch_options options = {.timeout_ms = 2000, .lease_s = 5, .refresh_before_s = 30};
    char why[256] = "";
    int made = 0;

    ketch_client_conf_init(&conf);
    conf.servers = &server;
    conf.server_count = 1;
    if (ketch_client_create(&conf, &client, why, sizeof why) != KETCH_OK ||
        ketch_poll_attach(client) != KETCH_OK) {
        fprintf(stderr, "no client: %s\n", why);
        return EXIT_FAILURE;
    }
    enum ketch_status status =
        ketch_fetch_wait(client, ketch_string("report"), &options, make, &made, &reply);
    if (status == KETCH_OK)
        printf("%s, %s\n", (const char *)reply.result.value.p, made ? "made here" : "from the cache");
    else
        fprintf(stderr, "no report: %s\n", ketch_status_text(status));
    ketch_reply_free(&reply);
    ketch_client_destroy(client);
    return status == KETCH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

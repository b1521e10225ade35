/* hello.c - stores a value and gets it back, waiting for each.
 *
 *     cc hello.c -o hello $(pkg-config --cflags --libs libketch)
 *     ./hello 127.0.0.1:11211 ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ketch/client.h>
#include <ketch/poll.h>
#include <ketch/wait.h>

static struct ketch_client *
connect_to(int count, char **names)
{
    char list[4096] = "", why[256];
    struct ketch_server_list servers;
    struct ketch_client_conf conf;
    struct ketch_client *client;

    for (int i = 0; i < count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s\n", names[i]);
    if (ketch_server_list_parse(list, strlen(list), &servers, why, sizeof why) != KETCH_OK) {
        fprintf(stderr, "%s\n", why);
        exit(EXIT_FAILURE);
    }
    ketch_client_conf_init(&conf);
    conf.servers = servers.servers;
    conf.server_count = servers.count;
    enum ketch_status status = ketch_client_create(&conf, &client, why, sizeof why);
    ketch_server_list_free(&servers);
    if (status != KETCH_OK || ketch_poll_attach(client) != KETCH_OK) {
        fprintf(stderr, "no client: %s\n", why);
        exit(EXIT_FAILURE);
    }
    return client;
}

int
main(int argc, char **argv)
{
    struct ketch_client *client = connect_to(argc - 1, argv + 1);
    struct ketch_reply reply = KETCH_REPLY_INIT;
    struct ketch_bytes key = ketch_string("greeting");
    struct ketch_options options = {.ttl_s = 60, .timeout_ms = 500};

    enum ketch_status status = ketch_set_wait(client, key, ketch_string("hello"), &options, NULL);
    if (status == KETCH_OK)
        status = ketch_get_wait(client, key, NULL, &reply);
    if (status == KETCH_OK)
        printf("%s, from %s\n", (const char *)reply.result.value.p, reply.result.server_name);
    else /* a miss, a deadline, a dead server: each has a status of its own */
        fprintf(stderr, "greeting: %s\n", ketch_status_text(status));

    ketch_reply_free(&reply);
    ketch_client_destroy(client);
    return status == KETCH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

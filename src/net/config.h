/* config.h - what an operator may decide about sockets and workers. */
#ifndef KETCH_NET_CONFIG_H
#define KETCH_NET_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define NET_ENDPOINTS_MAX 64

/* One place to listen at. */
struct endpoint {
    char *host; /* NULL: every address; owned by the config */
    int port;   /* 0: none; -1: one that the system chooses */
};

struct net_config {
    unsigned workers;         /* -t, 4: >= 1 */
    uint32_t conns_max;       /* -c, 1024: >= 1 */
    bool reject_fast;         /* -o maxconns_fast: refuse with an error line; false: stop accepting */
    uint32_t requests_per_event; /* -R, 20: >= 1 */
    uint32_t idle_timeout_s;  /* -o idle_timeout; 0: never */
    int backlog;              /* -b, 1024 */
    uint32_t sock_cookie;     /* -o sock_cookie_id; 0: none */
    struct endpoint endpoints[NET_ENDPOINTS_MAX];
    unsigned endpoint_count;
    char *unix_path;          /* -s; NULL: none; owned by the config */
    unsigned unix_mask;       /* -a, 0700 */
    char *port_file;          /* MEMCACHED_PORT_FILENAME; NULL: none */
};

#endif

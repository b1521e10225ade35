/* config.h - what an operator may decide about sockets and workers. */
#ifndef KETCH_NET_CONFIG_H
#define KETCH_NET_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define NET_ENDPOINTS_MAX 64

/* What a reply over UDP may have, unless -o udp_reply_max says otherwise: 174 KB, which is more than a
 * receiver's socket takes at once by default (212,992 bytes, at 2304 for a full datagram: 92 of them). */
#define NET_UDP_REPLY_MAX 128

/* What all connections together may keep of unparsed input and unsent output before the server becomes
 * frugal with each of them (conn.c): a 32nd of the cache's memory.  Then 1000 clients who send half and do
 * not read leave a server with -m 64 below 1.05 x 64 + 8 MB. */
#define NET_KEPT_SHARE     32
#define NET_KEPT_BYTES_MIN (1u << 20)

static inline uint64_t
net_kept_plenty(uint64_t cache_bytes)
{
    uint64_t share = cache_bytes / NET_KEPT_SHARE;
    return share > NET_KEPT_BYTES_MIN ? share : NET_KEPT_BYTES_MIN;
}

/* One place to listen at. */
struct endpoint {
    char *host;       /* NULL: every address; owned by the config */
    int port;         /* 0: none; -1: one that the system chooses */
    int udp_port;     /* the same */
    uint8_t protocol; /* enum protocol */
};

struct net_config {
    unsigned workers;         /* -t, 4: >= 1 */
    uint32_t conns_max;       /* -c, 1024: >= 1 */
    bool reject_fast;         /* -o maxconns_fast: refuse with an error line; false: stop accepting */
    uint32_t requests_per_event; /* -R, 20: >= 1 */
    uint32_t idle_timeout_s;  /* -o idle_timeout; 0: never; nor clients of a unix socket */
    int backlog;              /* -b, 1024 */
    uint64_t read_buf_limit_bytes; /* -o read_buf_mem_limit; 0: in proportion to the cache's memory */
    uint64_t kept_plenty_bytes;    /* what follows from that: see net_kept_plenty() */
    uint32_t sock_cookie;     /* -o sock_cookie_id; 0: none */
    struct endpoint endpoints[NET_ENDPOINTS_MAX];
    unsigned endpoint_count;
    uint8_t protocol;         /* -B, enum protocol: of endpoints that do not say, and of the UNIX socket */
    uint32_t udp_reply_max;   /* -o udp_reply_max: datagrams of a reply; 1..UDP_TOTAL_MAX */
    bool udp_public;          /* -o udp_public: public addresses are answered too; see udp.h */
    char *unix_path;          /* -s; NULL: none; owned by the config */
    unsigned unix_mask;       /* -a, 0700 */
    char *port_file;          /* MEMCACHED_PORT_FILENAME; NULL: none */
};

#endif

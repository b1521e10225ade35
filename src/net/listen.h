/* listen.h - opens the sockets that clients connect to, or send datagrams to.
 *
 * An endpoint may have several addresses (IPv4 and IPv6), and each becomes a listener; two, with UDP.
 * The sockets do not block and are closed on exec; what is accepted from them inherits TCP_NODELAY and
 * SO_KEEPALIVE.
 *
 * A UDP listener has a socket for each worker, all bound to the same address (SO_REUSEPORT): the kernel
 * chooses one by the addresses of sender and receiver, so that a client's datagrams stay in order, and
 * only one worker is woken for each.  With one socket shared by four workers, as memcached does it, all
 * were woken, and a request cost 45 us of CPU instead of 17.  The first socket is bound alone: a port that
 * somebody else has is an error.
 *
 * Threads:   the main thread, before there are others: listen_unix() changes the umask for a
 *            moment.
 * Ownership: the caller's array; listen_close() ends it.
 * Failure:   logged here with the reason; the caller only has to close what is open, and to exit.
 */
#ifndef KETCH_NET_LISTEN_H
#define KETCH_NET_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/attr.h"
#include "net/config.h"

/* Enough for every endpoint with four addresses. */
#define LISTENERS_MAX (4 * NET_ENDPOINTS_MAX)

/* "unix:" and the longest path of a socket, or "tcp6:[address%scope]:port". */
#define LISTENER_NAME_BYTES 128

struct listener {
    int fd;                         /* -1: UDP */
    int *udp_fds;                   /* UDP: one for each worker; owned */
    unsigned udp_fd_count;
    int family;                     /* AF_INET, AF_INET6 or AF_UNIX */
    uint16_t port;                  /* host byte order; 0 for AF_UNIX */
    uint8_t protocol;               /* enum protocol, of its clients */
    char name[LISTENER_NAME_BYTES]; /* tcp:ip:port, udp6:[ip]:port or unix:path */
    char *path;   /* AF_UNIX: absolute, so that it can be removed from anywhere; owned */
    dev_t device; /* AF_UNIX: what we made at 'path', so that we do not remove another's */
    ino_t inode;
};

/* Opens the endpoints of 'c' into 'to', behind the '*count' that are there. */
bool listen_tcp(const struct net_config *c, struct listener to[LISTENERS_MAX],
                unsigned *count) MUST_USE;

/* The same for UDP. */
bool listen_udp(const struct net_config *c, struct listener to[LISTENERS_MAX],
                unsigned *count) MUST_USE;

/* The same for the UNIX socket, if 'c' has one.  A socket that lies at its path is removed, any
 * other file is not. */
bool listen_unix(const struct net_config *c, struct listener to[LISTENERS_MAX],
                 unsigned *count) MUST_USE;

/* Tells the ports of the listeners to whoever reads net_config.port_file: one line each, "TCP INET:
 * 11211" or "UDP INET6: 11211", TCP first.  The file appears under its name when it is complete.  Does nothing
 * without port_file or without ports. */
bool listen_write_port_file(const struct net_config *c, const struct listener *listeners,
                            unsigned count) MUST_USE;

/* Closes all, removes the UNIX socket's file. */
void listen_close(struct listener *listeners, unsigned count);

#endif

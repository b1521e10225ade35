#include "load/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Well below the 28,232 ports that Linux hands out by default. */
#define CONNECTIONS_PER_SOURCE 20000
/* 127.0.0.1 .. 127.0.0.250 */
#define SOURCES_MAX 250

static bool
resolve_path(struct address *a, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(un.sun_path)) {
        fprintf(stderr, "%s: the path of the socket is too long: %s\n",
                program_invocation_short_name, path);
        return false;
    }
    strcpy(un.sun_path, path);
    memcpy(&a->storage, &un, sizeof(un));
    a->bytes = sizeof(un);
    return true;
}

static bool
resolve_host(struct address *a, char *host, const char *port)
{
    size_t len = strlen(host);
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        host++;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        fprintf(stderr, "%s: %s port %s: %s\n", program_invocation_short_name, host, port,
                gai_strerror(rc));
        return false;
    }
    memcpy(&a->storage, found->ai_addr, found->ai_addrlen);
    a->bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool
address_resolve(struct address *a, const char *text)
{
    *a = (struct address){0};
    if (strchr(text, '/') != NULL)
        return resolve_path(a, text);
    const char *colon = strrchr(text, ':');
    char host[256];
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof(host)) {
        fprintf(stderr, "%s: --server is HOST:PORT or a path, not %s\n",
                program_invocation_short_name, text);
        return false;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return resolve_host(a, host, colon + 1);
}

/* Binds to 127.0.0.(1 + n) so that more connections fit than one address has ports.  A failure here
 * is no reason to stop: the kernel then chooses. */
static void
choose_source(int fd, const struct address *a, uint64_t source)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)&a->storage;
    if (to->sin_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 != 127)
        return;
    uint32_t host = 1 + (uint32_t)(source / CONNECTIONS_PER_SOURCE % SOURCES_MAX);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
    int on = 1;
    if (host == 1 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
        return;
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
        return;
}

int
address_connect(const struct address *a, uint64_t source, double timeout_s)
{
    int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    struct timeval patience = {(time_t)timeout_s,
                               (suseconds_t)((timeout_s - (double)(time_t)timeout_s) * 1e6)};
    if (a->storage.ss_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        choose_source(fd, a, source);
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&a->storage, a->bytes) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

#include "ring/identity.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 11211, FULL_IPV6_BYTES = 40 };

uint16_t
identity_port(const struct ketch_server *server)
{
    return server->port == 0 && server->host[0] != '/' ? DEFAULT_PORT : server->port;
}

char
identity_separator(enum ketch_ring_name format)
{
    return format == KETCH_NAME_DALLI ? ':' : '-';
}

/* How Java prints an address: an IPv6 address in full.  True if it was one. */
static bool
java_host(const char *host, char *out, size_t room)
{
    unsigned char a[16];
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET6, host, a) != 1) {
        snprintf(out, room, "%s", host);
        return false;
    }
    if (memcmp(a, mapped, sizeof(mapped)) == 0) {
        snprintf(out, room, "%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
        return false;
    }
    int n = 0;
    for (int i = 0; i < 16; i += 2)
        n += snprintf(out + n, room - (size_t)n, "%s%x", i > 0 ? ":" : "", a[i] << 8 | a[i + 1]);
    return true;
}

static int
with_port(char *out, size_t room, const char *host, unsigned port)
{
    return snprintf(out, room, "%s:%u", host, port);
}

static int
with_port_unless_default(char *out, size_t room, const char *host, unsigned port)
{
    if (port == DEFAULT_PORT)
        return snprintf(out, room, "%s", host);
    return with_port(out, room, host, port);
}

static int
for_java(char *out, size_t room, const char *host, unsigned port)
{
    char full[KETCH_RING_HOST_MAX + FULL_IPV6_BYTES];
    if (java_host(host, full, sizeof(full)))
        return snprintf(out, room, "[%s]:%u", full, port);
    return with_port(out, room, full, port);
}

static int
for_java_as_libmemcached(char *out, size_t room, const char *host, unsigned port)
{
    char full[KETCH_RING_HOST_MAX + FULL_IPV6_BYTES];
    java_host(host, full, sizeof(full));
    return with_port_unless_default(out, room, full, port);
}

static int
hashed_text(const struct ketch_server *s, enum ketch_ring_name format, char *out, size_t room)
{
    const char *host = s->host, *name = s->name != NULL && s->name[0] != '\0' ? s->name : NULL;
    unsigned port = identity_port(s);
    bool path = host[0] == '/';
    switch (format) {
    case KETCH_NAME_LIBMEMCACHED:
        return with_port_unless_default(out, room, host, port);
    case KETCH_NAME_SPY:
        return snprintf(out, room, "/%s:%u", host, port);
    case KETCH_NAME_TWEMPROXY:
        if (name == NULL)
            return path ? snprintf(out, room, "%s:", host)
                        : with_port_unless_default(out, room, host, port);
        return snprintf(out, room, "%s", name);
    case KETCH_NAME_SPYMEMCACHED:
        return name != NULL ? snprintf(out, room, "%s", name) : for_java(out, room, host, port);
    case KETCH_NAME_SPY_LIBMEMCACHED:
        return for_java_as_libmemcached(out, room, host, port);
    case KETCH_NAME_EVCACHE:
        return snprintf(out, room, "%s/%s:%u", host, host, port);
    case KETCH_NAME_PERL:
        return path ? snprintf(out, room, "%s%c", host, 0)
                    : snprintf(out, room, "%s%c%u", host, 0, port);
    case KETCH_NAME_TAG:
        if (name != NULL)
            return snprintf(out, room, "%s", name);
        return strchr(host, ':') != NULL ? snprintf(out, room, "[%s]:%u", host, port)
                                         : with_port(out, room, host, port);
    case KETCH_NAME_HOST_PORT:
    case KETCH_NAME_DALLI:
        break;
    }
    return path ? snprintf(out, room, "%s", host) : with_port(out, room, host, port);
}

static char *
append(char *at, const char *text, size_t bytes)
{
    memcpy(at, text, bytes);
    at[bytes] = '\0';
    return at;
}

struct identity *
identity_create(const struct ketch_server *server, enum ketch_ring_name format)
{
    char hashed[IDENTITY_HASHED_MAX + 1];
    size_t hashed_bytes = (size_t)hashed_text(server, format, hashed, sizeof(hashed));
    size_t host_bytes = strlen(server->host);
    size_t name_bytes = server->name != NULL ? strlen(server->name) : 0;

    struct identity *id = malloc(sizeof(*id) + hashed_bytes + host_bytes + name_bytes + 3);
    if (id == NULL)
        return NULL;
    atomic_init(&id->refs, 1);
    id->port = identity_port(server);
    id->hashed_bytes = (uint16_t)hashed_bytes;
    id->hashed = append(id->text, hashed, hashed_bytes);
    id->host = append(id->text + hashed_bytes + 1, server->host, host_bytes);
    id->name = NULL;
    if (server->name != NULL)
        id->name = append(id->text + hashed_bytes + host_bytes + 2, server->name, name_bytes);
    return id;
}

struct identity *
identity_ref(struct identity *id)
{
    atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
    return id;
}

void
identity_unref(struct identity *id)
{
    /* Release: what we did with it comes before the free of whoever is last, who acquires. */
    if (id != NULL && atomic_fetch_sub_explicit(&id->refs, 1, memory_order_acq_rel) == 1)
        free(id);
}

int
identity_compare(const struct identity *a, const struct identity *b)
{
    int order = strcmp(a->host, b->host);
    if (order == 0)
        order = (a->port > b->port) - (a->port < b->port);
    if (order == 0)
        order = strcmp(a->name != NULL ? a->name : "", b->name != NULL ? b->name : "");
    return order;
}

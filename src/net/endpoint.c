#include "net/endpoint.h"

#include <stdlib.h>
#include "base/num.h"

#define PORT_MAX 65535

static enum endpoint_status parse_one(struct net_config *c, struct span entry, int port);
static enum endpoint_status add(struct net_config *c, struct span host, int port);

enum endpoint_status
endpoint_parse_list(struct net_config *c, struct span list, int port, struct span *bad)
{
    size_t at = 0;
    while (at < list.bytes) {
        size_t end = at;
        while (end < list.bytes && list.p[end] != ',' && list.p[end] != ';')
            end++;
        struct span entry = span_of(list.p + at, end - at);
        enum endpoint_status status = entry.bytes > 0 ? parse_one(c, entry, port) : ENDPOINT_OK;
        if (status != ENDPOINT_OK) {
            *bad = entry;
            return status;
        }
        at = end + 1;
    }
    return ENDPOINT_OK;
}

enum endpoint_status
endpoint_add_any(struct net_config *c, int port)
{
    return add(c, SPAN("*"), port);
}

const char *
endpoint_status_text(enum endpoint_status status)
{
    switch (status) {
    case ENDPOINT_OK:
        return "no error";
    case ENDPOINT_BAD_PORT:
        return "the port must be a number from 1 to 65535";
    case ENDPOINT_BAD_ADDRESS:
        return "this is no address: write host, host:port or [v6]:port";
    case ENDPOINT_UNSUPPORTED:
        return "the prefixes btls:, mtls:, proto[...]: and tag...: are not available";
    case ENDPOINT_TOO_MANY:
        return "too many addresses";
    case ENDPOINT_NO_MEMORY:
        return "out of memory";
    }
    return "unknown error";
}

void
endpoint_clear(struct net_config *c)
{
    for (unsigned i = 0; i < c->endpoint_count; i++)
        free(c->endpoints[i].host);
    c->endpoint_count = 0;
}

static bool
starts_with(struct span s, struct span start)
{
    return s.bytes >= start.bytes && memcmp(s.p, start.p, start.bytes) == 0;
}

static bool
has_unsupported_prefix(struct span entry)
{
    /* "tag_name_:" looks like a host name up to its ':', which no host name has after a '_'. */
    return starts_with(entry, SPAN("btls:")) || starts_with(entry, SPAN("mtls:")) ||
           starts_with(entry, SPAN("proto[")) || starts_with(entry, SPAN("tag[")) ||
           (starts_with(entry, SPAN("tag_")) && memmem(entry.p, entry.bytes, "_:", 2) != NULL);
}

/* Cuts "[v6]:port", "host:port" or a bare address in two; 'port' stays empty if there is none. */
static bool
split(struct span entry, struct span *host, struct span *port, bool *has_port)
{
    const char *end = entry.p + entry.bytes;
    const char *colon;
    if (entry.p[0] == '[') {
        const char *close = memchr(entry.p, ']', entry.bytes);
        if (close == NULL || (close + 1 < end && close[1] != ':'))
            return false;
        *host = span_of(entry.p + 1, (size_t)(close - entry.p) - 1);
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(entry.p, ':', entry.bytes);
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
            colon = NULL; /* two colons: a v6 address without brackets, so without port */
        *host = span_of(entry.p, (size_t)((colon != NULL ? colon : end) - entry.p));
    }
    *has_port = colon != NULL;
    if (colon != NULL)
        *port = span_of(colon + 1, (size_t)(end - colon - 1));
    return host->bytes > 0;
}

static enum endpoint_status
parse_one(struct net_config *c, struct span entry, int port)
{
    struct span host, port_text;
    bool has_port;
    if (starts_with(entry, SPAN("notls:")))
        entry = span_of(entry.p + 6, entry.bytes - 6);
    if (has_unsupported_prefix(entry))
        return ENDPOINT_UNSUPPORTED;
    if (entry.bytes == 0 || !split(entry, &host, &port_text, &has_port))
        return ENDPOINT_BAD_ADDRESS;
    if (has_port) {
        uint32_t number;
        if (!num_parse_u32(port_text, &number) || number == 0 || number > PORT_MAX)
            return ENDPOINT_BAD_PORT;
        port = (int)number;
    }
    return add(c, host, port);
}

static enum endpoint_status
add(struct net_config *c, struct span host, int port)
{
    if (c->endpoint_count == NET_ENDPOINTS_MAX)
        return ENDPOINT_TOO_MANY;
    struct endpoint *e = &c->endpoints[c->endpoint_count];
    e->host = NULL;
    e->port = port;
    if (!span_equal(host, SPAN("*"))) {
        e->host = strndup(host.p, host.bytes);
        if (e->host == NULL)
            return ENDPOINT_NO_MEMORY;
    }
    c->endpoint_count++;
    return ENDPOINT_OK;
}

#include "net/endpoint.h"

#include <stdlib.h>
#include "base/num.h"
#include "proto/protocol.h"

#define PORT_MAX    65535
#define TAG_LEN_MAX 8

static enum endpoint_status parse_one(struct net_config *c, struct span entry, struct endpoint e);
static enum endpoint_status add(struct net_config *c, struct span host, struct endpoint e);

enum endpoint_status
endpoint_parse_list(struct net_config *c, struct span list, const struct endpoint *fallback,
                    struct span *bad)
{
    size_t at = 0;
    while (at < list.bytes) {
        size_t end = at;
        while (end < list.bytes && list.p[end] != ',' && list.p[end] != ';')
            end++;
        struct span entry = span_of(list.p + at, end - at);
        enum endpoint_status status =
            entry.bytes > 0 ? parse_one(c, entry, *fallback) : ENDPOINT_OK;
        if (status != ENDPOINT_OK) {
            *bad = entry;
            return status;
        }
        at = end + 1;
    }
    return ENDPOINT_OK;
}

enum endpoint_status
endpoint_add_any(struct net_config *c, const struct endpoint *as)
{
    return add(c, SPAN("*"), *as);
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
    case ENDPOINT_BAD_PROTOCOL:
        return "proto[...]: must be ascii, binary or negotiating";
    case ENDPOINT_BAD_TAG:
        return "a tag must have 1 to 8 characters: write tag[name]: or tag_name_:";
    case ENDPOINT_UNSUPPORTED:
        return "the prefixes btls:, mtls: and proto[proxy]: are not available";
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

/* ---- prefixes ---- */

/* Takes 'start' off the front, if it is there. */
static bool
take(struct span *entry, struct span start)
{
    if (entry->bytes < start.bytes || memcmp(entry->p, start.p, start.bytes) != 0)
        return false;
    *entry = span_of(entry->p + start.bytes, entry->bytes - start.bytes);
    return true;
}

/* Takes everything up to 'end', and 'end', off the front; false: there is none. */
static bool
take_until(struct span *entry, struct span end, struct span *before)
{
    const char *at = memmem(entry->p, entry->bytes, end.p, end.bytes);
    if (at == NULL)
        return false;
    *before = span_of(entry->p, (size_t)(at - entry->p));
    return take(entry, span_of(entry->p, before->bytes + end.bytes));
}

static enum endpoint_status
take_protocol(struct span *entry, struct endpoint *e)
{
    struct span name;
    if (!take(entry, SPAN("proto[")))
        return ENDPOINT_OK;
    if (!take_until(entry, SPAN("]:"), &name))
        return ENDPOINT_BAD_PROTOCOL;
    if (span_equal(name, SPAN("ascii")))
        e->protocol = PROTOCOL_TEXT;
    else if (span_equal(name, SPAN("binary")))
        e->protocol = PROTOCOL_BINARY;
    else if (span_equal(name, SPAN("negotiating")))
        e->protocol = PROTOCOL_AUTO;
    else
        return span_equal(name, SPAN("proxy")) ? ENDPOINT_UNSUPPORTED : ENDPOINT_BAD_PROTOCOL;
    return ENDPOINT_OK;
}

static enum endpoint_status
take_tag(struct span *entry)
{
    struct span name, rest = *entry;
    if (take(&rest, SPAN("tag["))) {
        if (!take_until(&rest, SPAN("]:"), &name))
            return ENDPOINT_BAD_TAG;
    } else if (!take(&rest, SPAN("tag_")) || !take_until(&rest, SPAN("_:"), &name)) {
        return ENDPOINT_OK; /* a host may be called tag_ something, though not end with a '_' */
    }
    *entry = rest;
    return name.bytes >= 1 && name.bytes <= TAG_LEN_MAX ? ENDPOINT_OK : ENDPOINT_BAD_TAG;
}

static enum endpoint_status
take_prefixes(struct span *entry, struct endpoint *e)
{
    if (take(entry, SPAN("btls:")) || take(entry, SPAN("mtls:")))
        return ENDPOINT_UNSUPPORTED;
    (void)take(entry, SPAN("notls:"));
    enum endpoint_status status = take_protocol(entry, e);
    return status == ENDPOINT_OK ? take_tag(entry) : status;
}

/* ---- addresses ---- */

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
parse_one(struct net_config *c, struct span entry, struct endpoint e)
{
    struct span host, port_text;
    bool has_port;
    enum endpoint_status status = take_prefixes(&entry, &e);
    if (status != ENDPOINT_OK)
        return status;
    if (entry.bytes == 0 || !split(entry, &host, &port_text, &has_port))
        return ENDPOINT_BAD_ADDRESS;
    if (has_port) {
        uint32_t number;
        if (!num_parse_u32(port_text, &number) || number == 0 || number > PORT_MAX)
            return ENDPOINT_BAD_PORT;
        e.port = e.port != 0 ? (int)number : 0;
        e.udp_port = e.udp_port != 0 ? (int)number : 0;
    }
    return add(c, host, e);
}

static enum endpoint_status
add(struct net_config *c, struct span host, struct endpoint e)
{
    if (c->endpoint_count == NET_ENDPOINTS_MAX)
        return ENDPOINT_TOO_MANY;
    e.host = NULL;
    if (!span_equal(host, SPAN("*"))) {
        e.host = strndup(host.p, host.bytes);
        if (e.host == NULL)
            return ENDPOINT_NO_MEMORY;
    }
    c->endpoints[c->endpoint_count++] = e;
    return ENDPOINT_OK;
}

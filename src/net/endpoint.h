/* endpoint.h - the value of -l: a list of places to listen at.
 *
 *      host  host:port  1.2.3.4:port  v6-address  [v6-address]:port  *  *:port
 *
 * with ',' or ';' between them.  Each may carry memcached's prefixes; "notls:" asks for what we do
 * anyway, the others (TLS, a fixed protocol, tags of the proxy) are refused.
 *
 * Threads: pure functions.
 */
#ifndef KETCH_NET_ENDPOINT_H
#define KETCH_NET_ENDPOINT_H

#include <stdbool.h>
#include "base/attr.h"
#include "base/span.h"
#include "net/config.h"

enum endpoint_status {
    ENDPOINT_OK,
    ENDPOINT_BAD_PORT,    /* no number from 1 to 65535 after the ':' */
    ENDPOINT_BAD_ADDRESS, /* no host, or a '[' without its ']' */
    ENDPOINT_UNSUPPORTED, /* a prefix we do not offer */
    ENDPOINT_TOO_MANY,    /* more than NET_ENDPOINTS_MAX */
    ENDPOINT_NO_MEMORY,
};

/* Appends the endpoints of 'list' to those of 'c'; 'port' is for entries without one.  When one is
 * bad, '*bad' is that entry, a part of 'list'. */
enum endpoint_status endpoint_parse_list(struct net_config *c, struct span list, int port,
                                         struct span *bad) MUST_USE;

/* Appends one endpoint at every address of the machine. */
enum endpoint_status endpoint_add_any(struct net_config *c, int port) MUST_USE;

/* What is wrong, for the operator. */
const char *endpoint_status_text(enum endpoint_status status);

/* Forgets all endpoints of 'c'. */
void endpoint_clear(struct net_config *c);

#endif

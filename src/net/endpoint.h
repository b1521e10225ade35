/* endpoint.h - the value of -l: a list of places to listen at.
 *
 *      host  host:port  1.2.3.4:port  v6-address  [v6-address]:port  *  *:port
 *
 * with ',' or ';' between them.  Each may carry memcached's prefixes, in this order:
 *
 *      notls:                        what we do anyway; btls: and mtls: are refused
 *      proto[ascii|binary|negotiating]:   the protocol of its clients, whatever -B says
 *      tag[name]:  or  tag_name_:    of 1 to 8 characters, a name for rules that we do not have: ignored
 *
 * memcached takes a protocol it does not know for "negotiating"; we refuse it.
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
    ENDPOINT_BAD_PORT,     /* no number from 1 to 65535 after the ':' */
    ENDPOINT_BAD_ADDRESS,  /* no host, or a '[' without its ']' */
    ENDPOINT_BAD_PROTOCOL, /* proto[] of something else, or without its ']:' */
    ENDPOINT_BAD_TAG,      /* not 1 to 8 characters, or without what ends it */
    ENDPOINT_UNSUPPORTED,  /* a prefix we do not offer */
    ENDPOINT_TOO_MANY,     /* more than NET_ENDPOINTS_MAX */
    ENDPOINT_NO_MEMORY,
};

/* Appends the endpoints of 'list' to those of 'c'.  'fallback' has what an entry does not say: the
 * ports, and the protocol; its host does not count.  An entry's port is for both, except for a transport
 * whose fallback is 0, none.  When one is bad, '*bad' is that entry, a part of 'list'. */
enum endpoint_status endpoint_parse_list(struct net_config *c, struct span list,
                                         const struct endpoint *fallback, struct span *bad) MUST_USE;

/* Appends one endpoint at every address of the machine. */
enum endpoint_status endpoint_add_any(struct net_config *c, const struct endpoint *as) MUST_USE;

/* What is wrong, for the operator. */
const char *endpoint_status_text(enum endpoint_status status);

/* Forgets all endpoints of 'c'. */
void endpoint_clear(struct net_config *c);

#endif

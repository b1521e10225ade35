/* plain.h - the message of SASL's PLAIN mechanism (RFC 4616): [identity] NUL user NUL password.
 *
 * The identity is whom the user wants to act as.  Nobody acts as somebody else here: it is empty,
 * or the user again.
 *
 * Threads: pure.
 * Failure: false; nothing is said of what is wrong with a client's message.
 */
#ifndef KETCH_AUTH_PLAIN_H
#define KETCH_AUTH_PLAIN_H

#include <stdbool.h>
#include "base/attr.h"
#include "base/span.h"

/* Both parts borrow 'message'. */
bool plain_parse(struct span message, struct span *user, struct span *password) MUST_USE;

#endif

/* cyrus.h - the library Cyrus SASL, as far as a server needs it to let clients in.
 *
 *      cyrus_open      once in a process: reads memcached.conf, loads the mechanisms
 *        cyrus_start     a client's exchange begins ...
 *        cyrus_step      ... and goes on, until it has succeeded or failed, or the client leaves
 *        cyrus_end
 *      cyrus_close
 *
 * cyrus.c is the only file that includes sasl/sasl.h; no_cyrus.c takes its place where the library
 * is missing.  Offered is what memcached.conf allows (mech_list), but never ANONYMOUS, which lets
 * everybody in, and no mechanism may encrypt what follows.
 *
 * Threads:   open, close: the main thread while there is no other.  The rest: any, one at a time for
 *            each exchange.  Where memcached.conf has passwords checked by another process, a step
 *            waits for it.
 * Failure:   opening says why; a step only that it failed.  What the library complains of is logged,
 *            but not more often than every ten seconds.
 */
#ifndef KETCH_AUTH_CYRUS_H
#define KETCH_AUTH_CYRUS_H

#include "auth/status.h"
#include "base/attr.h"
#include "base/span.h"

struct cyrus;
struct cyrus_exchange;

/* Only one can be open in a process.  NULL, with the reason logged, when the library is not
 * there, is not configured or offers no mechanism.  'conf_path' is auth_config's. */
struct cyrus *cyrus_open(const char *conf_path) MUST_USE;
void cyrus_close(struct cyrus *c); /* all exchanges have ended; accepts NULL */

/* The names of the mechanisms, with spaces between them. */
struct span cyrus_mechanisms(const struct cyrus *c);

/* Begins an exchange, with what the client sends at once (empty: nothing).  AUTH_CONTINUE: '*x'
 * is it, and '*challenge' what to send to the client, good until the next step.  Else '*x' is
 * NULL. */
enum auth_status cyrus_start(struct cyrus *c, struct span mechanism, struct span data,
                             struct cyrus_exchange **x, struct span *challenge) MUST_USE;

/* Goes on with '*x', which is ended, and NULL, unless AUTH_CONTINUE comes back. */
enum auth_status cyrus_step(struct cyrus_exchange **x, struct span data,
                            struct span *challenge) MUST_USE;

void cyrus_end(struct cyrus_exchange *x); /* accepts NULL */

#endif

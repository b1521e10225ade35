/* auth.h - who is let in: by the file of -Y, or by -S.
 *
 *      -Y file                          passwd.h   text protocol:   user and password in a 'set'
 *      -S                               cyrus.h    binary protocol: SASL, all that Cyrus SASL can do
 *      -S with MEMCACHED_SASL_PWDB      passwd.h   binary protocol: SASL's PLAIN, from a file; needs no
 *                                                  library, and no configuration of one
 *
 * A login of SASL may take several steps.  What is remembered between two of them is a struct
 * auth_login; it is there only while one is under way.
 *
 * Threads:   create and destroy: the main thread while there is no other.  auth_reload(): the main
 *            thread.  The rest: any, one at a time for each login.
 * Ownership: a struct auth_login belongs to the session that has begun it.
 * Failure:   a login is refused without a reason: whoever fails is not told why.
 */
#ifndef KETCH_AUTH_AUTH_H
#define KETCH_AUTH_AUTH_H

#include <stdbool.h>
#include "auth/config.h"
#include "auth/status.h"
#include "base/attr.h"
#include "base/span.h"

struct auth;
struct auth_login;

/* 'c', which asks for one or the other, is borrowed for the call.  NULL, with the reason logged,
 * when nobody could log in because something is wrong. */
struct auth *auth_create(const struct auth_config *c) MUST_USE;
void auth_destroy(struct auth *a); /* all logins have ended; accepts NULL */

/* Do clients log in by SASL (-S)?  Else it is by the file of -Y. */
bool auth_is_sasl(const struct auth *a);

/* Reads the file of passwords again, if there is one, and logs how that went.  If it cannot be
 * used, all stays as it is. */
void auth_reload(struct auth *a);

/* Is that a user's password?  For -Y. */
bool auth_check(struct auth *a, struct span user, struct span password) MUST_USE;

/* The names of SASL's mechanisms, with spaces between them.  For -S. */
struct span auth_mechanisms(const struct auth *a);

/* Begins a login, in place of one that may be under way in '*login', with what the client sends
 * at once (empty: nothing).  AUTH_CONTINUE: '*challenge' is for the client, and good until the
 * next step.  Else '*login' is NULL. */
enum auth_status auth_start(struct auth *a, struct auth_login **login, struct span mechanism,
                            struct span data, struct span *challenge) MUST_USE;

/* Goes on with it, in the same manner; refused if '*login' is NULL. */
enum auth_status auth_step(struct auth *a, struct auth_login **login, struct span data,
                           struct span *challenge) MUST_USE;

/* Gives up what is under way in '*login', if anything is: NULL afterwards. */
void auth_end(struct auth *a, struct auth_login **login);

#endif

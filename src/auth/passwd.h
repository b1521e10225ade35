/* passwd.h - the file of users and passwords, which can be read again while it is used.
 *
 *      passwd_reload()    file --> a new table --.   swapped in; the old one goes when the last
 *                                                v   passwd_check() that uses it is through
 *                                         [ the table ] --> passwd_check()
 *
 * A file that cannot be read, or is not right, changes nothing.  One that changes while it is read
 * is read again; whoever replaces it by rename(2) is sure that it is never seen half written.
 * users.h has the format.
 *
 * Threads:   passwd_check(): any.  The others: one thread at a time.
 * Ownership: passwd_open() copies what it is given.
 * Failure:   told in the report; nothing is logged here.
 */
#ifndef KETCH_AUTH_PASSWD_H
#define KETCH_AUTH_PASSWD_H

#include <stddef.h>
#include "auth/users.h"

struct passwd;

/* How reading the file went. */
struct passwd_report {
    size_t users;    /* of the new table */
    char text[128];  /* what is wrong: "line 3 is not user:password" */
};

/* Reads the file.  NULL, and why, when it cannot be used.  A relative path is one from the
 * directory where the process is now, wherever it goes later. */
struct passwd *passwd_open(const char *path, struct users_format format,
                           struct passwd_report *report) MUST_USE;
void passwd_close(struct passwd *p); /* nobody may be checking; accepts NULL */

/* Reads the file again.  False, and why: everything is as before. */
bool passwd_reload(struct passwd *p, struct passwd_report *report) MUST_USE;

/* users_check() of the table as it is now. */
bool passwd_check(struct passwd *p, struct span name, struct span password) MUST_USE;

#endif

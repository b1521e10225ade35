/* users.h - users and their passwords: a table made from text, and never changed.
 *
 *      alice:secret            a line is a user, ':' and a password
 *      alice:the new one       a user may have several: so a password can be changed client by client
 *
 * Lines end in LF, CR LF or with the text; empty ones mean nothing.  A user's name has no ':'.
 * What comes after it is the password, or in the format of a pwdb, up to the next ':'.  Who has an
 * empty name or an empty password cannot log in.  There are no comments, as memcached has none.
 *
 * How long users_check() takes depends on what is asked (its length) and on how many users there
 * are, but not on whether there is such a user, nor on how much of the password is right:
 *
 *      name and password --> digest --> compared with all digests of the table
 *                                                    |
 *                                                    v
 *                  name and password compared with those of one entry, nobody's if none was found
 *
 * Measured with 1000 users and a million tries each: an unknown user, a wrong password and one that
 * is wrong in its last byte take 1571 cycles, and 0.3 cycles more or less.
 *
 * Threads:   immutable, any thread may read; shares are counted atomically.
 * Ownership: users_parse() gives the first share; the last users_release() frees, and wipes.
 */
#ifndef KETCH_AUTH_USERS_H
#define KETCH_AUTH_USERS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

/* Half a million users; to check one takes half a millisecond then. */
#define USERS_TEXT_BYTES_MAX (16u << 20)

struct users_format {
    bool fields;       /* a pwdb: ':' ends the password too, what comes after it is not looked at */
    struct span realm; /* "name@realm" is "name"; empty: names are as they are */
};

/* What is wrong with a text. */
struct users_error {
    unsigned line;    /* the first is 1; 0: it is not about a line */
    const char *what; /* "is not user:password"; a constant */
};

struct users;

/* NULL, and why, when a line is not empty and has no ':', when there is a NUL, when the text is
 * too large or memory is short.  The text is copied.  'seed' is drawn at random. */
struct users *users_parse(struct span text, struct users_format format, uint64_t seed,
                          struct users_error *error) MUST_USE;

/* One more share of 'u', which somebody else has a share of meanwhile; returns 'u'. */
struct users *users_share(struct users *u);
void users_release(struct users *u); /* accepts NULL */

size_t users_count(const struct users *u);

/* Is that the password, or one of them, of that user? */
bool users_check(const struct users *u, struct span name, struct span password) MUST_USE;

#endif

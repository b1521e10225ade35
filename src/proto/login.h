/* login.h - how a client of the text protocol says who it is, where the server asks (-Y): by a
 * 'set'.
 *
 *      set <any> <any> <any> <bytes>\r\n      a word that begins with set, and at least four more
 *      <user> <password>\r\n                  <bytes> of them
 *
 * Until it has succeeded, this is all that is understood.  The user is the first word; what comes
 * after it, without the spaces around it, is the password.
 *
 * memcached closes the connection at a line of less than six bytes; so do we.  At a line that ends
 * in a bare '\n' it loses the last character; we do not.
 *
 * Threads: pure.
 * Failure: malformed input becomes LOGIN_BAD or LOGIN_CLOSE.  Nothing allocates.
 */
#ifndef KETCH_PROTO_LOGIN_H
#define KETCH_PROTO_LOGIN_H

#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

#define LOGIN_TOKEN_BYTES_MAX 16384 /* memcached's limit of user and password */

/* With as many bytes there is always something to parse. */
#define LOGIN_INPUT_BYTES_MIN (2048 + 1 + LOGIN_TOKEN_BYTES_MAX + 2)

enum login_kind {
    LOGIN_INCOMPLETE, /* more bytes are needed */
    LOGIN_TOKEN,      /* 'user' and 'password' are to be checked */
    LOGIN_BAD,        /* 'line' is the answer */
    LOGIN_CLOSE,      /* the connection is to be closed, without an answer */
};

struct login {
    size_t used;            /* bytes of the input that this was; INCOMPLETE: 0 */
    struct span user;       /* TOKEN: both borrow the input */
    struct span password;
    struct span line;       /* BAD: with its line end; a constant */
    uint64_t swallow_bytes; /* BAD: to be thrown away before more is parsed */
};

/* Parses what 'in' begins with.  The same stream gives the same results however it is cut. */
enum login_kind login_parse(struct span in, struct login *out) MUST_USE;

#endif

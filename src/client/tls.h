/* tls.h - TLS, if the build has it: tls_openssl.c or tls_none.c.
 *
 * Threads:   the client's.
 * Ownership: a session borrows the socket.
 * Failure:   statuses; tls_read() and tls_write() say it as read(2) and write(2) do.
 */
#ifndef KETCH_CLIENT_TLS_H
#define KETCH_CLIENT_TLS_H

#include <sys/types.h>
#include <ketch/client.h>
#include "client/attr.h"

struct ketch_tls;   /* certificates and rules: of a client */
struct tls_session; /* of a connection */

/* KETCH_UNSUPPORTED: not in this build.  KETCH_TLS: the files.  KETCH_NO_MEMORY. */
enum ketch_status tls_create(const struct ketch_tls_conf *conf, struct ketch_tls **out, char *why,
                             size_t why_bytes) MUST_USE;
void tls_destroy(struct ketch_tls *tls);

/* host: what the certificate must be for, unless the configuration names it. */
enum ketch_status tls_session_create(struct ketch_tls *tls, int fd, const char *host,
                                     struct tls_session **out) MUST_USE;
void tls_session_destroy(struct tls_session *s);

enum tls_want {
    TLS_DONE,
    TLS_READ,  /* wait until the socket can be read */
    TLS_WRITE, /* ... be written */
    TLS_FAILED,
};

enum tls_want tls_handshake(struct tls_session *s);

/* Bytes; 0: the end; -1: errno, EAGAIN with *want saying for what, EPROTO: what came is no TLS, or
 * the server refuses us (by TLS 1.3 it may do so after our handshake is over). */
ssize_t tls_read(struct tls_session *s, void *p, size_t bytes, enum tls_want *want);
ssize_t tls_write(struct tls_session *s, const void *p, size_t bytes, enum tls_want *want);

/* Decrypted bytes are waiting that the socket does not show. */
bool tls_has_more(const struct tls_session *s);

#endif

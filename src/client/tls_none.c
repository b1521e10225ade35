/* TLS in a build without it. */
#include <errno.h>
#include <stdio.h>
#include "client/tls.h"

enum ketch_status
tls_create(const struct ketch_tls_conf *conf, struct ketch_tls **out, char *why, size_t why_bytes)
{
    (void)conf;
    *out = NULL;
    if (why != NULL)
        snprintf(why, why_bytes, "this build has no TLS (--with-openssl)");
    return KETCH_UNSUPPORTED;
}

void
tls_destroy(struct ketch_tls *tls)
{
    (void)tls;
}

enum ketch_status
tls_session_create(struct ketch_tls *tls, int fd, const char *host, struct tls_session **out)
{
    (void)tls, (void)fd, (void)host;
    *out = NULL;
    return KETCH_UNSUPPORTED;
}

void
tls_session_destroy(struct tls_session *s)
{
    (void)s;
}

enum tls_want
tls_handshake(struct tls_session *s)
{
    (void)s;
    return TLS_FAILED;
}

ssize_t
tls_read(struct tls_session *s, void *p, size_t bytes, enum tls_want *want)
{
    (void)s, (void)p, (void)bytes;
    *want = TLS_FAILED;
    errno = ENOSYS;
    return -1;
}

ssize_t
tls_write(struct tls_session *s, const void *p, size_t bytes, enum tls_want *want)
{
    (void)s, (void)p, (void)bytes;
    *want = TLS_FAILED;
    errno = ENOSYS;
    return -1;
}

bool
tls_has_more(const struct tls_session *s)
{
    (void)s;
    return false;
}

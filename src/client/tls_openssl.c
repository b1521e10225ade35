/* TLS by OpenSSL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "client/tls.h"

struct ketch_tls {
    SSL_CTX *context;
    BIO_METHOD *method;
    char *server_name; /* or NULL */
    bool skip_verify;
};

struct tls_session {
    SSL *ssl;
    int fd;
    bool ended; /* the other side has closed */
};

/* ---- a socket as OpenSSL sees it ----
 *
 * Its own kind writes with write(2), which raises SIGPIPE. */

static int
bio_read(BIO *bio, char *p, int bytes)
{
    struct tls_session *s = BIO_get_data(bio);
    ssize_t n;
    do
        n = recv(s->fd, p, (size_t)bytes, 0);
    while (n < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    s->ended |= n == 0;
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    return (int)n;
}

static int
bio_write(BIO *bio, const char *p, int bytes)
{
    struct tls_session *s = BIO_get_data(bio);
    ssize_t n;
    do
        n = send(s->fd, p, (size_t)bytes, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)n;
}

static long
bio_control(BIO *bio, int command, long number, void *p)
{
    (void)bio, (void)number, (void)p;
    return command == BIO_CTRL_FLUSH;
}

static int
bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *
make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "ketch socket");
    if (method == NULL)
        return NULL;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
    return method;
}

/* ---- certificates and rules ---- */

static enum ketch_status
refuse(const char *what, const char *file, char *why, size_t why_bytes)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (why != NULL)
        snprintf(why, why_bytes, "%s %s: %s", what, file != NULL ? file : "",
                 reason != NULL ? reason : "unknown error");
    ERR_clear_error();
    return KETCH_TLS;
}

static enum ketch_status
load(struct ketch_tls *tls, const struct ketch_tls_conf *conf, char *why, size_t why_bytes)
{
    SSL_CTX *c = tls->context;
    if (conf->ca_file != NULL ? SSL_CTX_load_verify_locations(c, conf->ca_file, NULL) != 1
                              : SSL_CTX_set_default_verify_paths(c) != 1)
        return refuse("CA certificates", conf->ca_file, why, why_bytes);
    if (conf->cert_file != NULL && SSL_CTX_use_certificate_chain_file(c, conf->cert_file) != 1)
        return refuse("certificate", conf->cert_file, why, why_bytes);
    if (conf->key_file != NULL && SSL_CTX_use_PrivateKey_file(c, conf->key_file, SSL_FILETYPE_PEM) != 1)
        return refuse("private key", conf->key_file, why, why_bytes);
    if (conf->cert_file != NULL && SSL_CTX_check_private_key(c) != 1)
        return refuse("private key", conf->key_file, why, why_bytes);
    return KETCH_OK;
}

enum ketch_status
tls_create(const struct ketch_tls_conf *conf, struct ketch_tls **out, char *why, size_t why_bytes)
{
    struct ketch_tls *tls = calloc(1, sizeof *tls);
    *out = NULL;
    if (tls == NULL)
        return KETCH_NO_MEMORY;
    tls->skip_verify = conf->skip_verify;
    tls->context = SSL_CTX_new(TLS_client_method());
    tls->method = make_method();
    if (conf->server_name != NULL)
        tls->server_name = strdup(conf->server_name);
    if (tls->context == NULL || tls->method == NULL ||
        (conf->server_name != NULL && tls->server_name == NULL)) {
        tls_destroy(tls);
        ERR_clear_error();
        return KETCH_NO_MEMORY;
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls->context, conf->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    enum ketch_status status = load(tls, conf, why, why_bytes);
    if (status != KETCH_OK)
        tls_destroy(tls);
    else
        *out = tls;
    return status;
}

void
tls_destroy(struct ketch_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    free(tls->server_name);
    free(tls);
}

/* ---- a connection ---- */

static bool
is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Whom the certificate must be for. */
static bool
expect(SSL *ssl, const struct ketch_tls *tls, const char *host)
{
    const char *name = tls->server_name != NULL ? tls->server_name : host;
    if (is_address(name))
        return tls->skip_verify ||
               X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    if (name[0] == '/') /* a path is no name: only a configured one can be checked */
        return tls->skip_verify;
    if (SSL_set_tlsext_host_name(ssl, name) != 1)
        return false;
    return tls->skip_verify || SSL_set1_host(ssl, name) == 1;
}

enum ketch_status
tls_session_create(struct ketch_tls *tls, int fd, const char *host, struct tls_session **out)
{
    struct tls_session *s = calloc(1, sizeof *s);
    *out = s;
    if (s == NULL)
        return KETCH_NO_MEMORY;
    s->fd = fd;
    s->ssl = SSL_new(tls->context);
    BIO *bio = s->ssl != NULL ? BIO_new(tls->method) : NULL;
    if (bio == NULL) {
        ERR_clear_error();
        return KETCH_NO_MEMORY; /* the caller destroys the session */
    }
    BIO_set_data(bio, s);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_connect_state(s->ssl);
    if (expect(s->ssl, tls, host))
        return KETCH_OK;
    ERR_clear_error();
    return KETCH_TLS;
}

void
tls_session_destroy(struct tls_session *s)
{
    if (s == NULL)
        return;
    SSL_free(s->ssl);
    free(s);
}

static enum tls_want
want_of(SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_DONE;
    default:
        return TLS_FAILED;
    }
}

enum tls_want
tls_handshake(struct tls_session *s)
{
    ERR_clear_error();
    int result = SSL_do_handshake(s->ssl);
    if (result == 1)
        return TLS_DONE;
    enum tls_want want = want_of(s->ssl, result);
    ERR_clear_error();
    return want == TLS_DONE ? TLS_FAILED : want;
}

/* errno, as read(2) and write(2) leave it.  An end without a goodbye is an end too: a reply that it has
 * cut off is seen to be so. */
static ssize_t
failed(struct tls_session *s, int result, enum tls_want *want)
{
    int error = errno;
    *want = want_of(s->ssl, result);
    ERR_clear_error();
    if (*want == TLS_DONE || (*want == TLS_FAILED && error == 0 && s->ended))
        return 0;
    errno = *want != TLS_FAILED ? EAGAIN : error != 0 && error != EAGAIN ? error : EPROTO;
    return -1;
}

ssize_t
tls_read(struct tls_session *s, void *p, size_t bytes, enum tls_want *want)
{
    size_t n;
    errno = 0;
    ERR_clear_error();
    int result = SSL_read_ex(s->ssl, p, bytes, &n);
    return result == 1 ? (ssize_t)n : failed(s, result, want);
}

ssize_t
tls_write(struct tls_session *s, const void *p, size_t bytes, enum tls_want *want)
{
    size_t n;
    errno = 0;
    ERR_clear_error();
    int result = SSL_write_ex(s->ssl, p, bytes, &n);
    return result == 1 ? (ssize_t)n : failed(s, result, want);
}

bool
tls_has_more(const struct tls_session *s)
{
    return SSL_pending(s->ssl) > 0;
}

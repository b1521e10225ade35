#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include "certificates.h"

#define DAY_S (24 * 60 * 60)

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "certificates: %s\n", what);
    abort();
}

static FILE *
open_file(const char *directory, const char *name, const char *suffix, const char *mode)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s.%s", directory, name, suffix);
    FILE *file = fopen(path, mode);
    must(file != NULL, path);
    return file;
}

static EVP_PKEY *
make_key(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    must(c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
             EVP_PKEY_CTX_set_ec_paramgen_curve_nid(c, NID_X9_62_prime256v1) == 1 &&
             EVP_PKEY_keygen(c, &key) == 1,
         "no key");
    EVP_PKEY_CTX_free(c);
    return key;
}

static void
add_extension(X509 *cert, int nid, const char *text)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
    must(extension != NULL && X509_add_ext(cert, extension, -1) == 1, text);
    X509_EXTENSION_free(extension);
}

static X509 *
make_certificate(const char *name, EVP_PKEY *key, const X509_NAME *issuer, long until_s)
{
    static long serial;
    X509 *cert = X509_new();
    must(cert != NULL && X509_set_version(cert, 2) == 1 && X509_set_pubkey(cert, key) == 1,
         "no certificate");
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -2L * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), until_s);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    must(X509_set_issuer_name(cert, issuer != NULL ? issuer : subject) == 1, "no issuer");
    return cert;
}

static void
save(const char *directory, const char *name, X509 *cert, EVP_PKEY *key, EVP_PKEY *signer)
{
    must(X509_sign(cert, signer, EVP_sha256()) > 0, "not signed");
    FILE *file = open_file(directory, name, "pem", "w");
    must(PEM_write_X509(file, cert) == 1, name);
    fclose(file);
    file = open_file(directory, name, "key", "w");
    must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, name);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void
certificates_make_authority(const char *directory, const char *name)
{
    EVP_PKEY *key = make_key();
    X509 *cert = make_certificate(name, key, NULL, DAY_S);
    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    save(directory, name, cert, key, key);
}

void
certificates_make(const char *directory, const char *name, const char *authority, const char *names,
                  long until_s)
{
    FILE *file = open_file(directory, authority, "key", "r");
    EVP_PKEY *signer = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    file = open_file(directory, authority, "pem", "r");
    X509 *issuer = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    must(signer != NULL && issuer != NULL, authority);
    EVP_PKEY *key = make_key();
    X509 *cert = make_certificate(name, key, X509_get_subject_name(issuer), until_s);
    if (names != NULL)
        add_extension(cert, NID_subject_alt_name, names);
    save(directory, name, cert, key, signer);
    X509_free(issuer);
    EVP_PKEY_free(signer);
}

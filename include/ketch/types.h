/* types.h - what the headers of libketch have in common: results, and bytes of the caller's.
 *
 * Threads:   everything here may be used by any thread.
 * Ownership: a ketch_bytes borrows.
 */
#ifndef KETCH_TYPES_H
#define KETCH_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes somewhere else, not terminated by a NUL. */
struct ketch_bytes {
    const void *p;
    size_t bytes;
};

/* How a call or a request ended: 0, or below 0.  The numbers never change. */
enum ketch_status {
    KETCH_OK = 0,

    /* The server answered, and this is its answer. */
    KETCH_MISS = -1,       /* there is no such item */
    KETCH_NOT_STORED = -2, /* the condition of add, replace, append or prepend does not hold */
    KETCH_EXISTS = -3,     /* somebody else changed the item: another cas unique */

    /* The caller asked for what cannot be; nothing was sent. */
    KETCH_INVALID = -20,     /* an argument outside its range */
    KETCH_BAD_KEY = -21,     /* empty, too long, or with bytes that this protocol cannot carry */
    KETCH_TOO_LARGE = -22,   /* a value longer than the server or the caller's limit allows */
    KETCH_NO_MEMORY = -23,   /* malloc failed, or there is no file descriptor left: everything is as before
                               the call, and no server is to blame */
    KETCH_CONFLICT = -24,    /* settings that do not go together */
    KETCH_UNSUPPORTED = -25, /* this server, or this build, cannot do it */
    KETCH_BUSY = -26,        /* too many requests wait for this server already */

    /* No answer, or none that can be used. */
    KETCH_NO_SERVER = -40,    /* the pool is empty, or all of its servers are ejected */
    KETCH_DOWN = -41,         /* no connection to the server; the request was not sent */
    KETCH_LOST = -42,         /* the connection ended after the request was sent: it may have been carried out */
    KETCH_TIMEOUT = -43,      /* the deadline passed; it may have been carried out */
    KETCH_CANCELLED = -44,    /* the caller ended the request, or the client */
    KETCH_PROTOCOL = -45,     /* the server sent what no server sends */
    KETCH_SERVER_ERROR = -46, /* the server said SERVER_ERROR */
    KETCH_CLIENT_ERROR = -47, /* the server said CLIENT_ERROR or ERROR */
    KETCH_AUTH = -48,         /* the server does not take our name and password, or wants one */
    KETCH_TLS = -49,          /* the handshake failed, or the certificate is not good */
    KETCH_DNS = -50,          /* the host's name has no address now */
};

/* A few English words on a status, static; never NULL. */
const char *ketch_status_text(enum ketch_status status);

#ifdef __cplusplus
}
#endif

#endif

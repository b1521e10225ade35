/* status.h - how one step of a login went. */
#ifndef KETCH_AUTH_STATUS_H
#define KETCH_AUTH_STATUS_H

enum auth_status {
    AUTH_OK,       /* it is who it says */
    AUTH_CONTINUE, /* not yet known: the client is to answer the challenge */
    AUTH_REFUSED,  /* it is not, or it does not know how to say so, or something is wrong with us */
};

#endif

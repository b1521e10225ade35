/* config.h - what an operator may decide about who is let in.
 *
 * At most one of 'file' and 'sasl' is set: a client logs in in the text protocol or in the binary
 * one.
 */
#ifndef KETCH_AUTH_CONFIG_H
#define KETCH_AUTH_CONFIG_H

#include <stdbool.h>

struct auth_config {
    char *file;      /* -Y; NULL: none */
    bool sasl;       /* -S */
    char *pwdb;      /* MEMCACHED_SASL_PWDB: -S asks this file and not Cyrus SASL; NULL: none */
    char *conf_path; /* SASL_CONF_PATH: the directory of Cyrus SASL's memcached.conf; NULL: the usual */
};

#endif

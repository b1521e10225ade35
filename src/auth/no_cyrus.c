/* no_cyrus.c - in the place of cyrus.c in a build without the library. */
#include "auth/cyrus.h"

#include "base/check.h"
#include "base/log.h"

struct cyrus *
cyrus_open(const char *conf_path)
{
    (void)conf_path;
    log_line(LOG_ERROR, "-S: this server was built without Cyrus SASL: build it with --enable-sasl, "
                        "or let MEMCACHED_SASL_PWDB name a file of user:password lines");
    return NULL;
}

/* There is nothing that the others could be called with. */

void
cyrus_close(struct cyrus *c)
{
    CHECK(c == NULL);
}

struct span
cyrus_mechanisms(const struct cyrus *c)
{
    (void)c;
    CHECK_NOT_REACHED();
}

enum auth_status
cyrus_start(struct cyrus *c, struct span mechanism, struct span data, struct cyrus_exchange **x,
            struct span *challenge)
{
    (void)c, (void)mechanism, (void)data, (void)x, (void)challenge;
    CHECK_NOT_REACHED();
}

enum auth_status
cyrus_step(struct cyrus_exchange **x, struct span data, struct span *challenge)
{
    (void)x, (void)data, (void)challenge;
    CHECK_NOT_REACHED();
}

void
cyrus_end(struct cyrus_exchange *x)
{
    CHECK(x == NULL);
}

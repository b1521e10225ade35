/* version.h - what the program calls itself.
 *
 * Clients and scripts read memcached's version from us and decide by it what they may use, so we say
 * whose behaviour we have; KETCH_VERSION says which program it really is.
 */
#ifndef KETCH_BASE_VERSION_H
#define KETCH_BASE_VERSION_H

#include <config.h>

#define KETCH_VERSION            PACKAGE_VERSION
#define MEMCACHED_COMPAT_VERSION "1.6.45"

#endif

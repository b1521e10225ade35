/* version.h - what the program calls itself.
 *
 * Clients and scripts read memcached's version from us and decide by it what they may use, so we say
 * whose behaviour we have; KETCH_VERSION says which program it really is.
 */
#ifndef KETCH_VERSION_H
#define KETCH_VERSION_H

#include <stdio.h>
#include "config.h"

#define KETCH_VERSION            PACKAGE_VERSION
#define MEMCACHED_COMPAT_VERSION "1.6.45"

/* One line: "memcached 1.6.45" when the program was started under that name (argv[0]), as scripts
 * compare it; otherwise both names. */
void version_print(FILE *to, const char *argv0);

void version_print_licence(FILE *to);

#endif

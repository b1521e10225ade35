/* version.h - what --version and --license print. */
#ifndef KETCH_VERSION_H
#define KETCH_VERSION_H

#include <stdio.h>
#include "base/version.h"

/* One line: "memcached 1.6.45" when the program was started under that name (argv[0]), as scripts
 * compare it; otherwise both names. */
void version_print(FILE *to, const char *argv0);

void version_print_licence(FILE *to);

#endif

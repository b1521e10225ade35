/* check.h - what must hold, or the process ends.
 *
 * CHECK() is for our own bugs, never for input: it is always compiled in, prints where and what, and
 * aborts.  Whoever reads the core file must be able to trust everything above the line.
 */
#ifndef KETCH_BASE_CHECK_H
#define KETCH_BASE_CHECK_H

#include "base/attr.h"

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (UNLIKELY(!(cond)))                                                                     \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

#define CHECK_NOT_REACHED() check_failed(__FILE__, __LINE__, "not reached")

/* Prints "file:line: check failed: what" on stderr and aborts. */
void check_failed(const char *file, int line, const char *what) NORETURN;

#endif

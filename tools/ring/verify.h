/* verify.h - compares our answers with those that real clients gave. */
#ifndef KETCH_TOOLS_RING_VERIFY_H
#define KETCH_TOOLS_RING_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

struct verify_totals {
    size_t checks, mismatches, columns, columns_unknown;
};

/* Checks every column of a file, prints a line for each (only for those that do not match or are not
 * known, if 'quiet'), and adds to the totals.  False after a message, if the file cannot be read. */
bool verify_file(const char *path, bool quiet, struct verify_totals *totals);

#endif

/* columns.h - which preset a column of a file of vectors is checked against.
 *
 * The files are what real clients answered: TOOL__POOL.tsv, with a column for each way in which the
 * client was set up. */
#ifndef KETCH_TOOLS_RING_COLUMNS_H
#define KETCH_TOOLS_RING_COLUMNS_H

#include <stdbool.h>

enum { COLUMN_SPEC_BYTES = 256, COLUMN_EJECTED_MAX = 16 };

struct column {
    char spec[COLUMN_SPEC_BYTES];
    bool path_has_port;  /* paths were added with port 11211, as PHP does */
    bool numbered_names; /* servers were called node0, node1, ... */
    bool java_names;     /* the file says what Java calls the servers */
    unsigned ejected[COLUMN_EJECTED_MAX];
    unsigned ejected_count;
};

/* False if no preset does what this column shows.  'weighted': the file says "weights on". */
bool columns_find(const char *tool, const char *name, bool weighted, struct column *column);

#endif

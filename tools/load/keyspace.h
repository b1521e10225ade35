/* keyspace.h - the keys of a run: number <-> text.
 *
 * Key number i is the prefix, repeated and cut as needed, and then i in decimal with leading zeros;
 * its length depends on i alone, so that every run with the same options means the same keys.
 *
 *      --key-prefix user: --key-bytes 20 --keys 100000      user:user:user:04217
 *
 * Threads: immutable once made.
 */
#ifndef KETCH_TOOLS_LOAD_KEYSPACE_H
#define KETCH_TOOLS_LOAD_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"
#include "load/sizes.h"

#define KEY_BYTES_MAX 250 /* the protocol's limit */

struct keyspace {
    const struct sizes *bytes; /* borrowed */
    uint32_t count;
    uint32_t digits; /* of the greatest number */
    char template[KEY_BYTES_MAX];
};

/* False if the shortest key has no room for the digits. */
bool keyspace_init(struct keyspace *k, uint32_t count, const struct sizes *bytes,
                   const char *prefix) MUST_USE;

/* Writes key 'number' to 'to' (room for KEY_BYTES_MAX) and returns its length. */
size_t keyspace_write(const struct keyspace *k, uint32_t number, char *to);

/* The number of 'key', or false if it is none of ours. */
bool keyspace_read(const struct keyspace *k, struct span key, uint32_t *number) MUST_USE;

#endif

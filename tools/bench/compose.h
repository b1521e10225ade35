/* compose.h - the bytes of a request, in each protocol.
 *
 *                a get of one key     a get of several                     a set
 *      text      get <key>            get <key> <key> ...                  set <key> 0 <exptime>
 * <n> meta      mg <key> v           mg <key> k q v, for each key; mn     ms <key> <n> T<exptime>
 *      binary    get                  getkq, for each key; noop            set
 *
 * Threads: immutable once made.
 */
#ifndef KETCH_TOOLS_BENCH_COMPOSE_H
#define KETCH_TOOLS_BENCH_COMPOSE_H

#include <stddef.h>
#include <stdint.h>
#include "load/buffer.h"
#include "load/keyspace.h"
#include "options.h"
#include "load/value.h"

struct composer {
    enum protocol protocol;
    const struct keyspace *keys;      /* borrowed */
    const struct value_maker *values; /* borrowed */
    uint32_t exptime;
    char set_middle[40]; /* what stands before or behind the length of a value */
    size_t set_middle_bytes;
};

/* Borrows the options only for the call. */
void compose_init(struct composer *c, const struct options *o, const struct keyspace *keys,
                  const struct value_maker *values);

/* Each appends a request. */
void compose_get(const struct composer *c, const uint32_t *keys, uint32_t count,
                 struct buffer *out);
void compose_set(const struct composer *c, uint32_t key, uint32_t version, struct buffer *out);

#endif

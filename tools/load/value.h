/* value.h - what is stored under a key: plain filler, or bytes that prove whose they are.
 *
 * A proving value (--verify) of 16 bytes or more:
 *
 *      8 bytes                                4 bytes      4 bytes     the rest
 *     +--------------------------------------+------------+-----------+----------+
 *     | checksum of all that follows         | key number | version   | filler   |
 *     +--------------------------------------+------------+-----------+----------+
 *
 * A shorter one is the first bytes of a hash of key number and length.  Both are binary on purpose:
 * sooner or later a value holds a line end or an END.
 *
 * Threads: immutable once made.
 */
#ifndef KETCH_TOOLS_LOAD_VALUE_H
#define KETCH_TOOLS_LOAD_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"
#include "load/sizes.h"

#define VALUE_BYTES_MAX (64u << 20)

struct value_maker {
    const struct sizes *bytes; /* borrowed */
    bool proving;
    char *filler; /* bytes->high of random letters and a little more; owned */
};

enum value_verdict {
    VALUE_GOOD,
    VALUE_OF_ANOTHER_KEY, /* intact, but stored under a different key */
    VALUE_DAMAGED,
};

void value_init(struct value_maker *m, const struct sizes *bytes, bool proving);
void value_fini(struct value_maker *m);

/* The length of the value of key 'number': the same at every store. */
uint32_t value_bytes(const struct value_maker *m, uint32_t number);

/* Writes 'bytes' bytes of value to 'to'.  'version' tells the stores of one key apart. */
void value_write(const struct value_maker *m, uint32_t number, uint32_t version, char *to,
                 uint32_t bytes);

/* Is 'value' what value_write() of a proving maker wrote for key 'number'? */
enum value_verdict value_judge(struct span value, uint32_t number) MUST_USE;

#endif

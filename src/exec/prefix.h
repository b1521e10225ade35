/* prefix.h - statistics by key prefix: 'stats detail'.
 *
 * The prefix of a key is what stands before the first delimiter; keys without one are not counted.
 *
 * They live on the heap, besides the cache's memory: about 300 bytes for the longest prefix, 20 MB for
 * PREFIXES_MAX of them.
 *
 * Threads: any; one mutex.  Only used while details are on.
 * Failure: past PREFIXES_MAX prefixes, or without memory, new ones are not counted.
 */
#ifndef KETCH_EXEC_PREFIX_H
#define KETCH_EXEC_PREFIX_H

#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

#define PREFIXES_MAX 65536 /* memcached's */

struct prefixes;
enum prefix_event { PREFIX_GET, PREFIX_HIT, PREFIX_SET, PREFIX_DELETE, PREFIX_EVENTS };

/* NULL when memory is short.  'seed' goes into hash_span(): clients choose the prefixes. */
struct prefixes *prefixes_create(char delimiter, uint64_t seed) MUST_USE;
void prefixes_destroy(struct prefixes *p);

/* One more event of the prefix of 'key'; a hit is counted besides its get. */
void prefixes_count(struct prefixes *p, struct span key, enum prefix_event event);

/* Forgets all prefixes. */
void prefixes_clear(struct prefixes *p);

/* The lines of 'stats detail dump' in no particular order, with their END; from malloc, '*bytes' long,
 * no NUL.  NULL: no memory. */
char *prefixes_dump(struct prefixes *p, size_t *bytes) MUST_USE;

#endif

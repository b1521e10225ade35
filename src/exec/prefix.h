/* prefix.h - statistics by key prefix: 'stats detail'.
 *
 * The prefix of a key is what stands before the first delimiter; keys without one are not counted.
 *
 * Threads: any; one mutex.  Only used while details are on.
 * Failure: past PREFIXES_MAX prefixes, or without memory, new ones are not counted.
 */
#ifndef KETCH_EXEC_PREFIX_H
#define KETCH_EXEC_PREFIX_H

#include <stdbool.h>
#include "base/attr.h"
#include "base/span.h"

#define PREFIXES_MAX 65536 /* memcached's */

struct prefixes;
enum prefix_event { PREFIX_GET, PREFIX_HIT, PREFIX_SET, PREFIX_DELETE, PREFIX_EVENTS };

struct prefixes *prefixes_create(char delimiter) MUST_USE;
void prefixes_destroy(struct prefixes *p);

void prefixes_count(struct prefixes *p, struct span key, enum prefix_event event);
void prefixes_clear(struct prefixes *p);

/* The lines of 'stats detail dump', with their END, from malloc; NULL: no memory. */
char *prefixes_dump(struct prefixes *p, size_t *bytes) MUST_USE;

#endif

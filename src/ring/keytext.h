/* keytext.h - what of a key is hashed: the seventh knob.
 *
 * First a part of the key is taken, which copies nothing; then, for some clients, a text is made of
 * it in a buffer, or it gets a prefix.
 *
 * Threads:   pure functions.
 * Failure:   none.  A text that the buffer cannot hold is cut, which no key of memcached's comes to.
 */
#ifndef KETCH_RING_KEYTEXT_H
#define KETCH_RING_KEYTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "ketch/ring.h"

/* The longest key of 250 bytes, as Python writes it when every byte is "\xNN", and a prefix. */
#define KEYTEXT_BYTES 1536

/* The part of the key that the filter takes; p is never NULL. */
struct ketch_bytes keytext_part(const struct ketch_ring_conf *conf, const void *key, size_t bytes);

/* Whether parts are hashed as they are. */
bool keytext_is_plain(const struct ketch_ring_conf *conf);

/* The text of a part, in 'buffer' or where the part is. */
struct ketch_bytes keytext_whole(const struct ketch_ring_conf *conf, struct ketch_bytes part,
                                 char buffer[KEYTEXT_BYTES]);

#endif

/* md5.h - MD5 (RFC 1321) as ketama uses it: a digest is four 32-bit words, each read little-endian.
 *
 *     digest byte   0 1 2 3   4 5 6 7   8 9 10 11   12 13 14 15
 *     word             0         1          2            3
 *
 * Word 0 is the hash of a key; all four are points of a server.  One digest is a chain of 64 steps,
 * each of which waits for the one before: what makes a batch fast is to take many keys through the
 * chain side by side, 4 to 64 of them, with the widest vectors that the machine has.  Every way
 * gives the same answers.
 *
 * Threads:   pure functions.
 * Ownership: nothing is kept.
 * Failure:   none.  Any length is taken; p may be NULL when there are no bytes.
 */
#ifndef KETCH_RING_MD5_H
#define KETCH_RING_MD5_H

#include <stddef.h>
#include <stdint.h>
#include "ketch/types.h"

/* Word 0 of the digest of one key.  Up to 55 bytes are one block, the case this is made for. */
uint32_t md5_word0(const void *p, size_t bytes);

/* All four words. */
void md5_words(const void *p, size_t bytes, uint32_t words[4]);

/* Word 0 of each of 'count' keys, whose lengths may differ.  From two keys on faster than one by
 * one; best are multiples of 16 and more. */
void md5_word0_many(const struct ketch_bytes *keys, size_t count, uint32_t *out);

/* All four words of each key. */
void md5_words_many(const struct ketch_bytes *keys, size_t count, uint32_t (*out)[4]);

#endif

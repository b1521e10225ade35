/* md5_path.h - the ways to take many keys through MD5 side by side, one for each kind of vector.
 *
 *     path        keys at once     wants
 *     x4          4, 2 x 4         nothing: SSE2 on x86-64, NEON on ARM, else plain integers
 *     avx2        8, 2 x 8         AVX2
 *     avx512      16, 4 x 16       AVX-512 F and BW, BMI2
 *
 * All give the same answers; md5.h takes the best of those that the machine can run.
 *
 * Threads:   pure functions.
 */
#ifndef KETCH_RING_MD5_PATH_H
#define KETCH_RING_MD5_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ketch/types.h"

struct md5_path {
    const char *name;
    bool (*usable)(void); /* whether this machine can run it */

    /* As md5_word0_many() and md5_words_many(). */
    void (*word0_many)(const struct ketch_bytes *keys, size_t count, uint32_t *out);
    void (*words_many)(const struct ketch_bytes *keys, size_t count, uint32_t (*out)[4]);
};

extern const struct md5_path md5_path_x4;
extern const struct md5_path md5_path_avx2;
extern const struct md5_path md5_path_avx512;

/* The paths of this build, the best first, NULL after the last, which is always usable. */
extern const struct md5_path *const md5_paths[];

#endif

/* md5_step.h - the 64 steps of an MD5 block, for any type that can be added, mixed and rotated.
 *
 * Who includes this defines what one step does, and names the five things that differ:
 *
 *     STEP_F(a, b, c, d, word, shift, constant)     and STEP_G, STEP_H, STEP_I
 *
 * a, b, c and d are names of variables, word is the number of the block's word, 0..15.  Scalar code
 * and vectors of every width share this table, which is a macro because only then all of it is
 * known when the code is compiled.
 *
 * MD5_STEPS_HEAD ends when a has its last value: the steps of MD5_STEPS_TAIL make only d, c and b,
 * which who wants just word 0 can do without.
 */
#ifndef KETCH_RING_MD5_STEP_H
#define KETCH_RING_MD5_STEP_H

#define MD5_A 0x67452301u
#define MD5_B 0xefcdab89u
#define MD5_C 0x98badcfeu
#define MD5_D 0x10325476u

#define MD5_STEPS_HEAD                                                                             \
    STEP_F(a, b, c, d, 0, 7, 0xd76aa478u) STEP_F(d, a, b, c, 1, 12, 0xe8c7b756u)                   \
    STEP_F(c, d, a, b, 2, 17, 0x242070dbu) STEP_F(b, c, d, a, 3, 22, 0xc1bdceeeu)                  \
    STEP_F(a, b, c, d, 4, 7, 0xf57c0fafu) STEP_F(d, a, b, c, 5, 12, 0x4787c62au)                   \
    STEP_F(c, d, a, b, 6, 17, 0xa8304613u) STEP_F(b, c, d, a, 7, 22, 0xfd469501u)                  \
    STEP_F(a, b, c, d, 8, 7, 0x698098d8u) STEP_F(d, a, b, c, 9, 12, 0x8b44f7afu)                   \
    STEP_F(c, d, a, b, 10, 17, 0xffff5bb1u) STEP_F(b, c, d, a, 11, 22, 0x895cd7beu)                \
    STEP_F(a, b, c, d, 12, 7, 0x6b901122u) STEP_F(d, a, b, c, 13, 12, 0xfd987193u)                 \
    STEP_F(c, d, a, b, 14, 17, 0xa679438eu) STEP_F(b, c, d, a, 15, 22, 0x49b40821u)                \
    STEP_G(a, b, c, d, 1, 5, 0xf61e2562u) STEP_G(d, a, b, c, 6, 9, 0xc040b340u)                    \
    STEP_G(c, d, a, b, 11, 14, 0x265e5a51u) STEP_G(b, c, d, a, 0, 20, 0xe9b6c7aau)                 \
    STEP_G(a, b, c, d, 5, 5, 0xd62f105du) STEP_G(d, a, b, c, 10, 9, 0x02441453u)                   \
    STEP_G(c, d, a, b, 15, 14, 0xd8a1e681u) STEP_G(b, c, d, a, 4, 20, 0xe7d3fbc8u)                 \
    STEP_G(a, b, c, d, 9, 5, 0x21e1cde6u) STEP_G(d, a, b, c, 14, 9, 0xc33707d6u)                   \
    STEP_G(c, d, a, b, 3, 14, 0xf4d50d87u) STEP_G(b, c, d, a, 8, 20, 0x455a14edu)                  \
    STEP_G(a, b, c, d, 13, 5, 0xa9e3e905u) STEP_G(d, a, b, c, 2, 9, 0xfcefa3f8u)                   \
    STEP_G(c, d, a, b, 7, 14, 0x676f02d9u) STEP_G(b, c, d, a, 12, 20, 0x8d2a4c8au)                 \
    STEP_H(a, b, c, d, 5, 4, 0xfffa3942u) STEP_H(d, a, b, c, 8, 11, 0x8771f681u)                   \
    STEP_H(c, d, a, b, 11, 16, 0x6d9d6122u) STEP_H(b, c, d, a, 14, 23, 0xfde5380cu)                \
    STEP_H(a, b, c, d, 1, 4, 0xa4beea44u) STEP_H(d, a, b, c, 4, 11, 0x4bdecfa9u)                   \
    STEP_H(c, d, a, b, 7, 16, 0xf6bb4b60u) STEP_H(b, c, d, a, 10, 23, 0xbebfbc70u)                 \
    STEP_H(a, b, c, d, 13, 4, 0x289b7ec6u) STEP_H(d, a, b, c, 0, 11, 0xeaa127fau)                  \
    STEP_H(c, d, a, b, 3, 16, 0xd4ef3085u) STEP_H(b, c, d, a, 6, 23, 0x04881d05u)                  \
    STEP_H(a, b, c, d, 9, 4, 0xd9d4d039u) STEP_H(d, a, b, c, 12, 11, 0xe6db99e5u)                  \
    STEP_H(c, d, a, b, 15, 16, 0x1fa27cf8u) STEP_H(b, c, d, a, 2, 23, 0xc4ac5665u)                 \
    STEP_I(a, b, c, d, 0, 6, 0xf4292244u) STEP_I(d, a, b, c, 7, 10, 0x432aff97u)                   \
    STEP_I(c, d, a, b, 14, 15, 0xab9423a7u) STEP_I(b, c, d, a, 5, 21, 0xfc93a039u)                 \
    STEP_I(a, b, c, d, 12, 6, 0x655b59c3u) STEP_I(d, a, b, c, 3, 10, 0x8f0ccc92u)                  \
    STEP_I(c, d, a, b, 10, 15, 0xffeff47du) STEP_I(b, c, d, a, 1, 21, 0x85845dd1u)                 \
    STEP_I(a, b, c, d, 8, 6, 0x6fa87e4fu) STEP_I(d, a, b, c, 15, 10, 0xfe2ce6e0u)                  \
    STEP_I(c, d, a, b, 6, 15, 0xa3014314u) STEP_I(b, c, d, a, 13, 21, 0x4e0811a1u)                 \
    STEP_I(a, b, c, d, 4, 6, 0xf7537e82u)

#define MD5_STEPS_TAIL                                                                             \
    STEP_I(d, a, b, c, 11, 10, 0xbd3af235u) STEP_I(c, d, a, b, 2, 15, 0x2ad7d2bbu)                 \
    STEP_I(b, c, d, a, 9, 21, 0xeb86d391u)

#endif

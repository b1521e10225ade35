/* attr.h - compiler attributes under short names, for the placement core.
 *
 * A small copy of its own: libketch uses nothing of the server's.
 */
#ifndef KETCH_RING_ATTR_H
#define KETCH_RING_ATTR_H

#define MUST_USE      __attribute__((warn_unused_result))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NO_INLINE     __attribute__((noinline))
#define LIKELY(x)     __builtin_expect(!!(x), 1)
#define UNLIKELY(x)   __builtin_expect(!!(x), 0)

#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED    __attribute__((aligned(CACHE_LINE_BYTES)))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif

/* attr.h - compiler attributes under short names.
 *
 * The lock annotations are clang's thread-safety analysis; other compilers see nothing.  In
 * C it cannot name the lock of a field: which lock a field is under, a comment says.
 */
#ifndef KETCH_BASE_ATTR_H
#define KETCH_BASE_ATTR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define NORETURN          __attribute__((noreturn))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ALWAYS_INLINE     inline __attribute__((always_inline))
#define NO_INLINE         __attribute__((noinline))
#define LIKELY(x)         __builtin_expect(!!(x), 1)
#define UNLIKELY(x)       __builtin_expect(!!(x), 0)

/* One cache line on every machine we build for. */
#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED    __attribute__((aligned(CACHE_LINE_BYTES)))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif
#define LOCKABLE(name)   THREAD_ATTR(capability(name))
#define ACQUIRES(...)    THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define RELEASES(...)    THREAD_ATTR(release_capability(__VA_ARGS__))
#define TRY_ACQUIRES(...) THREAD_ATTR(try_acquire_capability(__VA_ARGS__))
#define REQUIRES(...)    THREAD_ATTR(requires_capability(__VA_ARGS__))
#define EXCLUDES(...)    THREAD_ATTR(locks_excluded(__VA_ARGS__))
#define NO_LOCK_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

#endif

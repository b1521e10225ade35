/* attr.h - what the compiler is told about functions: the client's own, as it uses no src/base. */
#ifndef KETCH_CLIENT_ATTR_H
#define KETCH_CLIENT_ATTR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format, first) __attribute__((format(printf, format, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of this type that has *pointer as its member. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

#endif

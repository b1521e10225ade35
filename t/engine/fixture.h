/* fixture.h - an engine with one thread in it, and short words for what tests do with it.
 *
 * Threads: one.  'now_s' is the time: tests change it, fixture_turn() makes it known.
 * Failure: what must not fail, fails the test.
 */
#ifndef KETCH_T_ENGINE_FIXTURE_H
#define KETCH_T_ENGINE_FIXTURE_H

#include "suite.h"

#include <stdio.h>

#include "engine/state.h"

/* ck_assert() for loops: that one writes a line of its own each time it is passed. */
#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond))                                                                               \
            ck_abort_msg("%s:%d: %s", __FILE__, __LINE__, #cond);                                  \
    } while (0)

struct fixture {
    struct engine *e;
    struct engine_thread *t;
    uint32_t now_s;
    uint64_t again_count; /* ENGINE_AGAIN answers that were waited for */
};

#define KIB 1024u
#define MIB (1024u * KIB)

/* Turns that a call may be put off before the test gives up. */
#define TURNS_MAX 5000

static inline struct engine_config
small_config(uint64_t limit_bytes)
{
    struct engine_config c;
    engine_config_init(&c);
    c.limit_bytes = limit_bytes;
    c.hash_seed = 1;
    return c;
}

static inline struct fixture
fixture_open(struct engine_config c)
{
    struct fixture f = {.now_s = ENGINE_EPOCH_S};
    f.e = engine_create(&c);
    ck_assert_ptr_nonnull(f.e);
    f.t = engine_join(f.e, f.now_s);
    ck_assert_ptr_nonnull(f.t);
    return f;
}

static inline void
fixture_close(struct fixture *f)
{
    engine_leave(f->t);
    engine_destroy(f->e);
}

/* The end of a turn of the event loop. */
static inline void
fixture_turn(struct fixture *f)
{
    engine_quiesce(f->t, f->now_s);
}

/* Turns until nothing waits for a quiescent point. */
static inline void
fixture_settle(struct fixture *f)
{
    for (unsigned i = 0; i < TURNS_MAX && engine_has_limbo(f->t); i++)
        fixture_turn(f);
    ck_assert(!engine_has_limbo(f->t));
}

static inline uint64_t
hash_of(const struct fixture *f, struct span key)
{
    return engine_hash(f->e, key);
}

static inline struct span
text(const char *s)
{
    return span_of(s, strlen(s));
}

/* Calls 'expr' until it says something else than AGAIN, with a turn in between. */
#define UNTIL_DONE(f, status, expr)                                                                \
    do {                                                                                           \
        unsigned turns_ = 0;                                                                       \
        while (((status) = (expr)) == ENGINE_AGAIN) {                                              \
            ck_assert_msg(++turns_ < TURNS_MAX, "%s: AGAIN for ever", #expr);                      \
            (f)->again_count++;                                                                    \
            fixture_turn(f);                                                                       \
        }                                                                                          \
    } while (0)

/* Rules without a condition, for one call. */
#define RULES(store) (&(struct engine_rules){.how = (uint8_t)(store)})

static inline struct engine_rules
rules_of(enum engine_store how, uint64_t expected)
{
    return (struct engine_rules){.how = (uint8_t)how, .expected = expected};
}

/* '*cas' is in: the unique that ENGINE_CAS expects; out: the new one. */
static inline enum engine_status
store(struct fixture *f, struct span key, struct span value, enum engine_store how, uint32_t flags,
      uint32_t exptime_s, uint64_t *cas)
{
    enum engine_status status;
    struct engine_rules rules = rules_of(how, *cas);
    UNTIL_DONE(f, status, engine_store(f->t, hash_of(f, key), key, flags, exptime_s, value, &rules, cas));
    return status;
}

static inline enum engine_status
put_span(struct fixture *f, struct span key, struct span value)
{
    uint64_t cas = 0;
    return store(f, key, value, ENGINE_SET, 0, 0, &cas);
}

static inline enum engine_status
put(struct fixture *f, const char *key, const char *value)
{
    return put_span(f, text(key), text(value));
}

static inline enum engine_status
put_how(struct fixture *f, const char *key, const char *value, enum engine_store how)
{
    uint64_t cas = 0;
    return store(f, text(key), text(value), how, 0, 0, &cas);
}

static inline enum engine_status
put_until(struct fixture *f, const char *key, const char *value, uint32_t exptime_s)
{
    uint64_t cas = 0;
    return store(f, text(key), text(value), ENGINE_SET, 0, exptime_s, &cas);
}

static inline const struct item *
get(struct fixture *f, const char *key)
{
    return engine_get(f->t, hash_of(f, text(key)), text(key));
}

static inline enum engine_status
drop(struct fixture *f, struct span key)
{
    enum engine_status status;
    UNTIL_DONE(f, status, engine_delete(f->t, hash_of(f, key), key, NULL));
    return status;
}

static inline enum engine_status
arith(struct fixture *f, const char *key, bool decr, uint64_t delta, uint64_t *result)
{
    enum engine_status status;
    struct engine_arith a = {.decr = decr, .delta = delta};
    UNTIL_DONE(f, status, engine_arith(f->t, hash_of(f, text(key)), text(key), &a));
    *result = a.result;
    return status;
}

static inline enum engine_status
flush(struct fixture *f, uint32_t at_s)
{
    enum engine_status status;
    UNTIL_DONE(f, status, engine_flush(f->t, at_s));
    return status;
}

/* Is the item's value this?  Reads it a few pieces at a time, as the server does. */
static inline bool
value_is(const struct engine *e, const struct item *it, struct span want)
{
    uint32_t offset = 0;
    struct iovec iov[3];
    size_t bytes;
    int count;
    if (item_value_bytes(it) != want.bytes)
        return false;
    while ((count = engine_value_iov(e, it, offset, iov, 3, &bytes)) > 0) {
        for (int i = 0; i < count; i++) {
            if (offset + iov[i].iov_len > want.bytes ||
                memcmp(iov[i].iov_base, want.p + offset, iov[i].iov_len) != 0)
                return false;
            offset += (uint32_t)iov[i].iov_len;
        }
    }
    return offset == want.bytes;
}

static inline bool
holds(struct fixture *f, const char *key, const char *value)
{
    const struct item *it = get(f, key);
    return it != NULL && value_is(f->e, it, text(value));
}

/* A small generator (Steele's SplitMix64): tests must not depend on rand(). */
static inline uint64_t
random_u64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((random_u64(state) >> 32) * n) >> 32);
}

/* Bytes that differ everywhere and from seed to seed. */
static inline void
fill_pattern(char *to, size_t bytes, uint64_t seed)
{
    size_t at = 0;
    for (; at + 8 <= bytes; at += 8) {
        uint64_t v = random_u64(&seed);
        memcpy(to + at, &v, 8);
    }
    uint64_t v = random_u64(&seed);
    memcpy(to + at, &v, bytes - at);
}

/* A number from the environment, or 'otherwise'. */
static inline uint64_t
environment_u64(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 0) : otherwise;
}

/* Fewer operations where each takes ten times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#ifndef SLOW_BUILD
#define SLOW_BUILD 0
#endif

#endif

#include "converse.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "exec/exec.h"

#define ROUNDS_MAX  100000
#define LIMIT_BYTES (16u << 20)
#define INPUTS_MAX  300 /* so few that nothing is ever evicted */

struct span
converse_copy(struct span s)
{
    char *p = malloc(s.bytes > 0 ? s.bytes : 1);
    CHECK(p != NULL);
    memcpy(p, s.p, s.bytes);
    return span_of(p, s.bytes);
}

struct cache {
    struct clock clock;
    struct exec_config config;
    struct engine *engine;
    struct engine_thread *engine_thread;
    struct exec *exec;
    struct exec_thread *exec_thread;
};

static void
cache_open(struct cache *c)
{
    struct engine_config ec;
    struct exec_hooks hooks = {0};
    clock_init(&c->clock);
    clock_pause(&c->clock);
    c->config = (struct exec_config){.prefix_delimiter = ':', .flush_enabled = true};
    engine_config_init(&ec);
    ec.limit_bytes = LIMIT_BYTES;
    ec.item_bytes_max = 4096;
    c->engine = engine_create(&ec);
    CHECK(c->engine != NULL);
    c->engine_thread = engine_join(c->engine, clock_now(&c->clock));
    c->exec = exec_create(c->engine, &c->clock, &c->config, &hooks);
    c->exec_thread = exec_join(c->exec, c->engine_thread);
    CHECK(c->engine_thread != NULL && c->exec != NULL && c->exec_thread != NULL);
}

static void
cache_close(struct cache *c)
{
    if (c->exec == NULL)
        return;
    exec_leave(c->exec_thread);
    exec_destroy(c->exec);
    engine_leave(c->engine_thread);
    engine_destroy(c->engine);
    *c = (struct cache){0};
}

/* What a client has said and not heard of yet, and what it was told. */
struct conversation {
    struct cache *cache;
    struct session session;
    char *said, *told;
    size_t said_bytes, told_bytes, told_room;
    bool closed;
};

/* Into a block of just the right size: see converse_copy(). */
static void
add_said(struct conversation *c, struct span piece)
{
    char *joined = malloc(c->said_bytes + piece.bytes);
    CHECK(joined != NULL);
    if (c->said_bytes > 0)
        memcpy(joined, c->said, c->said_bytes);
    memcpy(joined + c->said_bytes, piece.p, piece.bytes);
    free(c->said);
    c->said = joined;
    c->said_bytes += piece.bytes;
}

static void
add_told(struct conversation *c, const void *p, size_t bytes)
{
    if (c->told_room - c->told_bytes < bytes) {
        c->told_room = 2 * (c->told_room + bytes);
        c->told = realloc(c->told, c->told_room);
        CHECK(c->told != NULL);
    }
    memcpy(c->told + c->told_bytes, p, bytes);
    c->told_bytes += bytes;
}

static void
hear(struct conversation *c, struct output *out)
{
    int count = output_finish(out);
    for (int i = 0; i < count; i++)
        add_told(c, out->iov[i].iov_base, out->iov[i].iov_len);
    output_reset(out);
}

static void
forget_said(struct conversation *c, size_t bytes)
{
    struct span rest = converse_copy(span_of(c->said + bytes, c->said_bytes - bytes));
    free(c->said);
    c->said = (char *)rest.p;
    c->said_bytes = rest.bytes;
}

static void
say(struct conversation *c, struct span piece)
{
    static struct output out;
    output_reset(&out);
    add_said(c, piece);
    for (unsigned rounds = 0; rounds < ROUNDS_MAX && !c->closed; rounds++) {
        unsigned budget = 20;
        size_t used;
        struct cache *cache = c->cache;
        enum exec_status status = exec_run(cache->exec_thread, &c->session,
                                           span_of(c->said, c->said_bytes), &out, &budget, &used);
        forget_said(c, used);
        hear(c, &out);
        engine_quiesce(cache->engine_thread, clock_now(&cache->clock));
        c->closed = status == EXEC_CLOSE;
        if (status == EXEC_NEED_INPUT)
            return;
    }
    CHECK(c->closed);
}

/* Everything the client is told, from malloc. */
static struct span
converse(struct cache *cache, struct span stream, size_t step)
{
    struct conversation c = {.cache = cache};
    while (stream.bytes > 0 && !c.closed) {
        size_t bytes = stream.bytes < step ? stream.bytes : step;
        say(&c, span_of(stream.p, bytes));
        stream = span_of(stream.p + bytes, stream.bytes - bytes);
    }
    session_fini(cache->exec_thread, &c.session);
    free(c.said);
    return span_of(c.told, c.told_bytes);
}

static void
empty(struct cache *cache)
{
    struct span told = converse(cache, SPAN("flush_all\r\n"), SIZE_MAX);
    CHECK(span_equal(told, SPAN("OK\r\n")));
    free((char *)told.p);
}

/* One way of cutting for each input: what the fuzzer has found it varies by itself. */
static size_t
choose_step(struct span stream)
{
    static const size_t steps[] = {1, 2, 7, 30, 200};
    size_t sum = stream.bytes;
    for (size_t i = 0; i < stream.bytes; i++)
        sum = sum * 31 + (unsigned char)stream.p[i];
    return steps[sum % ARRAY_COUNT(steps)] + stream.bytes / 1000;
}

/* A cache takes longer to make than to use: many inputs share two, which are emptied in between and
 * hear the same, so that they give the same uniques. */
void
converse_compare(struct span stream)
{
    static struct cache whole_cache, cut_cache;
    static unsigned age = INPUTS_MAX;
    if (age++ == INPUTS_MAX) {
        cache_close(&whole_cache);
        cache_close(&cut_cache);
        cache_open(&whole_cache);
        cache_open(&cut_cache);
        age = 1;
    }
    empty(&whole_cache);
    empty(&cut_cache);
    size_t step = choose_step(stream);
    struct span whole = converse(&whole_cache, stream, SIZE_MAX);
    struct span told = converse(&cut_cache, stream, step);
    if (!span_equal(told, whole)) {
        fprintf(stderr, "%zu bytes at a time:\n%.*s\ninstead of\n%.*s\n", step, (int)told.bytes,
                told.p, (int)whole.bytes, whole.p);
        abort();
    }
    free((char *)told.p);
    free((char *)whole.p);
}

/* Any bytes are what a client of the meta commands says to a cache: it is answered alike however
 * the bytes come, and what the flags of a line mean is what a second, simpler reading finds in
 * them.
 *
 * Words that have nothing to do with it, or whose answers tell of the process, are left out: a line
 * that does not begin with m, get or set is skipped before anything is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "exec/exec.h"
#include "fuzz.h"
#include "proto/meta.h"

#define ROUNDS_MAX   100000
#define REQUESTS_MAX 64

/* ---- the flags, read again ---- */

static bool
is_one_of(char c, const char *letters)
{
    return c != '\0' && strchr(letters, c) != NULL;
}

static bool
is_number(struct span token, bool is_signed, uint64_t max)
{
    char text[40], *end;
    if (is_signed && token.bytes > 0 && token.p[0] == '-') {
        token = span_of(token.p + 1, token.bytes - 1);
        max++;
    }
    while (token.bytes > 1 && token.p[0] == '0')
        token = span_of(token.p + 1, token.bytes - 1);
    if (token.bytes == 0 || token.bytes > 20)
        return false;
    memcpy(text, token.p, token.bytes);
    text[token.bytes] = '\0';
    if (strspn(text, "0123456789") != token.bytes)
        return false;
    if (token.bytes == 20 && strcmp(text, "18446744073709551615") > 0)
        return false;
    return strtoull(text, &end, 10) <= max;
}

static enum proto_error
token_error(char letter, struct span token)
{
    switch (letter) {
    case 'C':
    case 'E':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_TOKEN;
    case 'N':
    case 'R':
    case 'T':
        return is_number(token, true, INT32_MAX) ? PROTO_OK : PROTO_BAD_TOKEN;
    case 'D':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_META_DELTA;
    case 'J':
        return is_number(token, false, UINT64_MAX) ? PROTO_OK : PROTO_BAD_INITIAL;
    case 'F':
        return is_number(token, false, UINT32_MAX) ? PROTO_OK : PROTO_BAD_FORMAT;
    default:
        return PROTO_OK;
    }
}

struct words {
    struct span all[1100];
    size_t count;
};

static void
split(struct span line, struct words *w)
{
    w->count = 0;
    for (size_t i = 0; i < line.bytes; i++) {
        if (line.p[i] == ' ')
            continue;
        bool begins = i == 0 || line.p[i - 1] == ' ';
        CHECK(w->count < ARRAY_COUNT(w->all));
        if (begins)
            w->all[w->count++] = span_of(line.p + i, 0);
        w->all[w->count - 1].bytes++;
    }
}

/* The first error that makes all others void, or 0. */
static enum proto_error
shape_error(const struct words *w, unsigned words_before)
{
    for (size_t i = 0; i < w->count; i++) {
        unsigned char c = (unsigned char)*w->all[i].p;
        if (!(c >= 'A' && c <= 'z') && !(c >= '0' && c <= '9'))
            return PROTO_BAD_FORMAT;
    }
    return w->count + words_before > 20 ? PROTO_TOO_MANY_FLAGS : PROTO_OK;
}

static enum proto_error
flags_error(const struct words *w)
{
    enum proto_error error = PROTO_OK;
    for (size_t i = 0; i < w->count; i++) {
        char letter = *w->all[i].p;
        for (size_t k = 0; k < i; k++)
            if (*w->all[k].p == letter)
                return PROTO_DUPLICATE_FLAG;
        if (!is_one_of(letter, "bcfhklqstuvxCDEFIJLMNOPRT"))
            return PROTO_INVALID_FLAG;
        enum proto_error e = token_error(letter, span_of(w->all[i].p + 1, w->all[i].bytes - 1));
        if (e != PROTO_OK && !(e == PROTO_BAD_FORMAT && error != PROTO_OK))
            error = e;
    }
    return error;
}

static enum proto_error
late_error(const struct words *w, unsigned cmd)
{
    for (size_t i = 0; i < w->count; i++) {
        char mode = w->all[i].bytes > 1 ? w->all[i].p[1] : '\0';
        if (*w->all[i].p != 'M')
            continue;
        if (cmd == CMD_META_SET && !is_one_of(mode, "EAPRS"))
            return PROTO_BAD_SET_MODE;
        if (cmd == CMD_META_ARITH && !is_one_of(mode, "ID+-"))
            return PROTO_BAD_ARITH_MODE;
    }
    for (size_t i = 0; i < w->count; i++)
        if (*w->all[i].p == 'O' && w->all[i].bytes > 32)
            return PROTO_OPAQUE_TOO_LONG;
    return PROTO_OK;
}

/* Of the number behind a letter. */
static long long
value_of(struct span word)
{
    char text[100];
    snprintf(text, sizeof text, "%.*s", (int)word.bytes - 1, word.p + 1);
    return atoll(text);
}

static void
check_args(const struct meta_args *a, const struct words *w, unsigned cmd)
{
    const char *shown = cmd == CMD_META_SET      ? "cksO"
                        : cmd == CMD_META_DELETE ? "kO"
                        : cmd == CMD_META_ARITH  ? "cktONT"
                                                 : "cfhklstONRT";
    size_t answers = 0;
    uint64_t seen = 0;
    for (size_t i = 0; i < w->count; i++) {
        char letter = *w->all[i].p;
        seen |= META_FLAG(letter);
        if (is_one_of(letter, shown)) {
            CHECK(answers < a->answer_count && a->answers[answers] == letter);
            answers++;
        }
        if (letter == 'O')
            CHECK(a->opaque == w->all[i].p && a->opaque_bytes == w->all[i].bytes);
        if (letter == 'T')
            CHECK(a->exptime == value_of(w->all[i]));
    }
    CHECK(a->seen == seen && a->answer_count == answers);
}

/* A copy of just the right size: a sanitizer sees the slightest step outside. */
static struct span
copy_of(struct span s)
{
    char *p = malloc(s.bytes > 0 ? s.bytes : 1);
    CHECK(p != NULL);
    memcpy(p, s.p, s.bytes);
    return span_of(p, s.bytes);
}

static void
read_flags_twice(const struct request *r)
{
    static struct words w;
    struct request copy = *r;
    struct meta_args a;
    copy.meta_flags = copy_of(r->meta_flags);
    split(copy.meta_flags, &w);
    enum proto_error error = meta_parse(&copy, &a);
    enum proto_error want = shape_error(&w, r->cmd == CMD_META_SET ? 3 : 2);
    if (want == PROTO_OK) {
        want = flags_error(&w);
        if (want != PROTO_OK && r->cmd == CMD_META_ARITH)
            want = PROTO_BAD_FLAG;
    }
    if (want == PROTO_OK)
        want = late_error(&w, r->cmd);
    if (error != want) {
        fprintf(stderr, "'%.*s': %u, not %u\n", (int)r->meta_flags.bytes, r->meta_flags.p, error,
                want);
        abort();
    }
    if (error == PROTO_OK)
        check_args(&a, &w, r->cmd);
    free((char *)copy.meta_flags.p);
}

static void
read_lines_twice(struct span stream)
{
    struct text_parser parser = {0};
    struct request r[REQUESTS_MAX];
    size_t count, used;
    do {
        count = text_parse(&parser, stream, r, REQUESTS_MAX, &used);
        for (size_t i = 0; i < count; i++)
            if (r[i].cmd >= CMD_META_SET && r[i].cmd <= CMD_META_ARITH)
                read_flags_twice(&r[i]);
        stream = span_of(stream.p + used, stream.bytes - used);
    } while (count == REQUESTS_MAX);
}

/* ---- the conversation ---- */

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
    c->config = (struct exec_config){.prefix_delimiter = ':'};
    engine_config_init(&ec);
    ec.limit_bytes = ENGINE_LIMIT_MIN;
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
    exec_leave(c->exec_thread);
    exec_destroy(c->exec);
    engine_leave(c->engine_thread);
    engine_destroy(c->engine);
}

/* What a client has said and not heard of yet, and what it was told. */
struct conversation {
    struct cache *cache;
    struct session session;
    char *said, *told;
    size_t said_bytes, told_bytes;
    bool closed;
};

static void
append(char **to, size_t *bytes, const void *p, size_t more)
{
    char *joined = malloc(*bytes + more + 1);
    CHECK(joined != NULL);
    if (*bytes > 0)
        memcpy(joined, *to, *bytes);
    memcpy(joined + *bytes, p, more);
    free(*to);
    *to = joined;
    *bytes += more;
}

static void
hear(struct conversation *c, struct output *out)
{
    int count = output_finish(out);
    for (int i = 0; i < count; i++)
        append(&c->told, &c->told_bytes, out->iov[i].iov_base, out->iov[i].iov_len);
    output_reset(out);
}

static void
forget_said(struct conversation *c, size_t bytes)
{
    struct span rest = copy_of(span_of(c->said + bytes, c->said_bytes - bytes));
    free(c->said);
    c->said = (char *)rest.p;
    c->said_bytes = rest.bytes;
}

static void
say(struct conversation *c, struct span piece)
{
    static struct output out;
    output_reset(&out);
    append(&c->said, &c->said_bytes, piece.p, piece.bytes);
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
converse(struct span stream, size_t step)
{
    struct cache cache;
    struct conversation c = {.cache = &cache};
    cache_open(&cache);
    while (stream.bytes > 0 && !c.closed) {
        size_t bytes = stream.bytes < step ? stream.bytes : step;
        say(&c, span_of(stream.p, bytes));
        stream = span_of(stream.p + bytes, stream.bytes - bytes);
    }
    session_fini(cache.exec_thread, &c.session);
    cache_close(&cache);
    free(c.said);
    return span_of(c.told, c.told_bytes);
}

static bool
begins_with(struct span line, const char *head)
{
    return line.bytes >= strlen(head) && memcmp(line.p, head, strlen(head)) == 0;
}

/* The lines that are about what is tested here. */
static struct span
only_ours(struct span s)
{
    char *kept = malloc(s.bytes > 0 ? s.bytes : 1);
    size_t bytes = 0;
    CHECK(kept != NULL);
    while (s.bytes > 0) {
        const char *newline = memchr(s.p, '\n', s.bytes);
        struct span line = span_of(s.p, newline != NULL ? (size_t)(newline - s.p) + 1 : s.bytes);
        if (begins_with(line, "m") || begins_with(line, "get ") || begins_with(line, "set ")) {
            memcpy(kept + bytes, line.p, line.bytes);
            bytes += line.bytes;
        }
        s = span_of(s.p + line.bytes, s.bytes - line.bytes);
    }
    return span_of(kept, bytes);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct span stream = only_ours(span_of(data, bytes));
    read_lines_twice(stream);
    size_t step = choose_step(stream);
    struct span whole = converse(stream, SIZE_MAX);
    struct span told = converse(stream, step);
    if (!span_equal(told, whole)) {
        fprintf(stderr, "%zu bytes at a time:\n%.*s\ninstead of\n%.*s\n", step, (int)told.bytes,
                told.p, (int)whole.bytes, whole.p);
        abort();
    }
    free((char *)told.p);
    free((char *)whole.p);
    free((char *)stream.p);
    return 0;
}

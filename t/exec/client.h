/* client.h - a client of exec without a socket, and a cache for it.
 *
 * client_say() does what a connection does: it offers the bytes it has to exec_run(), sends the
 * output, passes a quiescent point where it is told to, until exec needs more.  What it sends ends
 * up in 'received'.  A socket that takes little is played by 'window': so many bytes of each
 * output, and no more, are taken at once; what is left of a stream is unsent, and the rest is kept
 * and goes first.
 *
 * Threads: one.
 * Failure: what must not happen, fails the test.
 */
#ifndef KETCH_T_EXEC_CLIENT_H
#define KETCH_T_EXEC_CLIENT_H

#include <unistd.h>
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include "exec/exec.h"

/* Times that a client may be put off before the test gives up. */
#define ROUNDS_MAX 200000

struct server {
    struct clock clock; /* stands still: tests shift it */
    struct exec_config config;
    struct engine *engine;
    struct engine_thread *engine_thread;
    struct exec *exec;
    struct exec_thread *exec_thread;
    struct output output;
    unsigned shutdowns, graceful_shutdowns, resets; /* hooks that were called */
    struct exec_settings shown;                     /* what hooks.settings() was given */
};

struct client {
    struct server *server;
    struct session session;
    char *input; /* not yet used */
    size_t input_bytes;
    char *received;
    size_t received_bytes, received_room;
    size_t window;   /* bytes that the socket takes of one output */
    unsigned budget; /* of each exec_run() */
    bool closed;
    unsigned again_count, yield_count, full_count;
};

/* ---- what lies above exec ---- */

static inline void
hook_settings(void *context, const struct exec_settings *now, stat_emit_fn *emit, void *to)
{
    struct server *sv = context;
    sv->shown = *now;
    emit(to, "maxconns", "%u", 1024u);
}

static inline void
hook_figures(void *context, struct exec_figures *out)
{
    (void)context;
    *out = (struct exec_figures){
        .workers = 4, .conns_max = 1024, .conns_now = 7, .bytes_read = 12345, .accepting = true};
}

static inline bool
hook_conns(void *context, stat_emit_fn *emit, void *to)
{
    (void)context;
    emit(to, "9:state", "%s", "conn_read");
    return true;
}

static inline void
hook_shutdown(void *context, bool graceful)
{
    struct server *sv = context;
    sv->shutdowns++;
    sv->graceful_shutdowns += graceful;
}

static inline void
hook_reset(void *context)
{
    ((struct server *)context)->resets++;
}

/* ---- the server ---- */

static inline struct exec_config
default_config(void)
{
    return (struct exec_config){.flush_enabled = true,
                                .dump_enabled = true,
                                .watch_enabled = true,
                                .prefix_delimiter = ':'};
}

static inline struct server *
server_with(uint64_t limit_bytes, bool evict, struct exec_config config)
{
    struct server *sv = calloc(1, sizeof *sv);
    output_reset(&sv->output);
    struct engine_config ec;
    struct exec_hooks hooks = {
        .context = sv,
        .settings = hook_settings,
        .figures = hook_figures,
        .conns = hook_conns,
        .shutdown = hook_shutdown,
        .reset = hook_reset,
    };
    ck_assert_ptr_nonnull(sv);
    clock_init(&sv->clock);
    clock_pause(&sv->clock);
    sv->config = config;
    engine_config_init(&ec);
    ec.limit_bytes = limit_bytes;
    ec.evict = evict;
    ec.track_sizes = true;
    ec.hash_seed = 1;
    sv->engine = engine_create(&ec);
    ck_assert_ptr_nonnull(sv->engine);
    sv->engine_thread = engine_join(sv->engine, clock_now(&sv->clock));
    ck_assert_ptr_nonnull(sv->engine_thread);
    sv->exec = exec_create(sv->engine, &sv->clock, &sv->config, &hooks);
    ck_assert_ptr_nonnull(sv->exec);
    sv->exec_thread = exec_join(sv->exec, sv->engine_thread);
    ck_assert_ptr_nonnull(sv->exec_thread);
    return sv;
}

static inline struct server *
server_open(void)
{
    return server_with(64u << 20, true, default_config());
}

/* All clients must be gone. */
static inline void
server_close(struct server *sv)
{
    exec_leave(sv->exec_thread);
    exec_destroy(sv->exec);
    engine_leave(sv->engine_thread);
    engine_destroy(sv->engine);
    free(sv);
}

static inline void
server_turn(struct server *sv)
{
    engine_quiesce(sv->engine_thread, clock_now(&sv->clock));
}

static inline void
server_wait(struct server *sv, int64_t seconds)
{
    clock_shift(&sv->clock, seconds);
    server_turn(sv);
}

/* ---- the client ---- */

static inline struct client
client_open(struct server *sv)
{
    return (struct client){.server = sv, .window = SIZE_MAX, .budget = 1000};
}

static inline void
client_close(struct client *c)
{
    session_fini(c->server->exec_thread, &c->session);
    free(c->input);
    free(c->received);
}

static inline void
client_receive(struct client *c, const void *p, size_t bytes)
{
    if (c->received_room - c->received_bytes < bytes) {
        c->received_room = 2 * (c->received_room + bytes);
        c->received = realloc(c->received, c->received_room);
        if (c->received == NULL)
            ck_abort_msg("out of memory");
    }
    memcpy(c->received + c->received_bytes, p, bytes);
    c->received_bytes += bytes;
}

/* Sends the output as far as the window goes; what must be kept of the rest is sent at once, as
 * nothing else may happen before it is. */
static inline void
client_flush(struct client *c)
{
    struct output *out = &c->server->output;
    int count = output_finish(out);
    size_t unsent = out->bytes > c->window ? out->bytes - c->window : 0;
    size_t again = unsent < out->streamed_bytes ? unsent : out->streamed_bytes;
    session_unsend(&c->session, again);
    size_t left = out->bytes - again;
    for (int i = 0; i < count && left > 0; i++) {
        size_t bytes = out->iov[i].iov_len < left ? out->iov[i].iov_len : left;
        client_receive(c, out->iov[i].iov_base, bytes);
        left -= bytes;
    }
    output_reset(out);
}

/* One exec_run(), and what a connection does next. */
static inline enum exec_status
client_step(struct client *c)
{
    struct server *sv = c->server;
    unsigned budget = c->budget;
    size_t used = SIZE_MAX;
    enum exec_status status =
        exec_run(sv->exec_thread, &c->session, span_of(c->input, c->input_bytes), &sv->output,
                 &budget, &used);
    if (used > c->input_bytes || budget > c->budget)
        ck_abort_msg("used %zu of %zu bytes, %u of %u requests", used, c->input_bytes,
                     c->budget - budget, c->budget);
    c->input_bytes -= used;
    memmove(c->input, c->input + used, c->input_bytes);
    client_flush(c);
    server_turn(sv);
    c->again_count += status == EXEC_AGAIN;
    c->yield_count += status == EXEC_YIELD;
    c->full_count += status == EXEC_FULL;
    return status;
}

static inline void
client_say_span(struct client *c, struct span what)
{
    if (c->closed)
        ck_abort_msg("the connection is closed");
    c->input = realloc(c->input, c->input_bytes + what.bytes + 1);
    if (c->input == NULL) /* not ck_assert(), which writes to a file each time that all is well */
        ck_abort_msg("out of memory");
    memcpy(c->input + c->input_bytes, what.p, what.bytes);
    c->input_bytes += what.bytes;
    for (unsigned rounds = 0; rounds < ROUNDS_MAX; rounds++) {
        enum exec_status status = client_step(c);
        c->closed = status == EXEC_CLOSE;
        if (status == EXEC_NEED_INPUT || status == EXEC_CLOSE)
            return;
        if (status == EXEC_AGAIN && rounds > 100)
            usleep(1000); /* for what waits a while, and not a number of turns */
    }
    ck_abort_msg("no end of it");
}

static inline void
client_say(struct client *c, const char *what)
{
    client_say_span(c, span_of(what, strlen(what)));
}

/* Fails unless exactly 'want' has been received, and forgets it. */
static inline void
client_expect_span(struct client *c, struct span want)
{
    if (!span_equal(span_of(c->received, c->received_bytes), want))
        ck_abort_msg("wanted %zu bytes: %.200s\nreceived %zu: %.*s", want.bytes, want.p,
                     c->received_bytes, (int)(c->received_bytes < 200 ? c->received_bytes : 200),
                     c->received_bytes > 0 ? c->received : "");
    c->received_bytes = 0;
}

static inline void
client_expect(struct client *c, const char *want)
{
    client_expect_span(c, span_of(want, strlen(want)));
}

static inline void
client_ask(struct client *c, const char *what, const char *want)
{
    client_say(c, what);
    client_expect(c, want);
}

/* What was received, as a string that is good until the next call of any of these. */
static inline const char *
client_text(struct client *c)
{
    client_receive(c, "", 1);
    c->received_bytes = 0;
    return c->received;
}

#endif

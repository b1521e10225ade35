/* Any bytes are datagrams to a server: its replies are well-formed messages, and how many datagrams a
 * reply may have changes nothing but whether it is an error.
 *
 * The input is a row of datagrams, each behind its length in two bytes.  Two servers get all of them;
 * one may make long replies, the other may not.
 */
#include <stdio.h>
#include <stdlib.h>
#include "exec/datagram.h"
#include "fuzz.h"

#define SLOTS_LONG  1000
#define SLOTS_SHORT 3
#define LIMIT_BYTES (4u << 20)
#define ROUNDS_MAX  1000
#define INPUTS_MAX  1000

#define EMPTY "\0\1\0\0\0\1\0\0flush_all\r\n"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct server {
    struct clock clock;
    struct engine *engine;
    struct engine_thread *engine_thread;
    struct exec *exec;
    struct exec_thread *exec_thread;
    unsigned slots_max;
    unsigned replied; /* datagrams of the last reply */
    char *slots;
    char *reply;      /* put together */
    size_t reply_bytes;
    bool too_long;
};

static const struct exec_config config = {.flush_enabled = true, .dump_enabled = true,
                                          .watch_enabled = true, .prefix_delimiter = ':'};
static struct output output;

/* ---- what lies above exec ---- */

static void
hook_settings(void *context, const struct exec_settings *now, stat_emit_fn *emit, void *to)
{
    (void)context, (void)now, (void)emit, (void)to;
}

static void
hook_figures(void *context, struct exec_figures *out)
{
    (void)context;
    *out = (struct exec_figures){0};
}

static bool
hook_conns(void *context, stat_emit_fn *emit, void *to)
{
    (void)context, (void)emit, (void)to;
    return true;
}

static void
hook_shutdown(void *context, bool graceful)
{
    (void)context, (void)graceful;
}

static void
hook_reset(void *context)
{
    (void)context;
}

/* ---- the servers ---- */

static void
open_server(struct server *sv, unsigned slots_max)
{
    static const struct exec_hooks hooks = {.settings = hook_settings,
                                            .figures = hook_figures,
                                            .conns = hook_conns,
                                            .shutdown = hook_shutdown,
                                            .reset = hook_reset};
    struct engine_config ec;
    engine_config_init(&ec);
    ec.limit_bytes = LIMIT_BYTES;
    ec.hash_seed = 1;
    sv->slots_max = slots_max;
    clock_init(&sv->clock);
    clock_pause(&sv->clock);
    MUST((sv->engine = engine_create(&ec)) != NULL);
    MUST((sv->engine_thread = engine_join(sv->engine, clock_now(&sv->clock))) != NULL);
    MUST((sv->exec = exec_create(sv->engine, &sv->clock, &config, &hooks)) != NULL);
    MUST((sv->exec_thread = exec_join(sv->exec, sv->engine_thread)) != NULL);
    /* Exactly as large as it may be used, so that a byte too much is noticed. */
    MUST((sv->slots = malloc((size_t)slots_max * UDP_DATAGRAM_BYTES)) != NULL);
    MUST((sv->reply = malloc((size_t)slots_max * UDP_BODY_BYTES)) != NULL);
}

static void
close_server(struct server *sv)
{
    if (sv->exec == NULL)
        return;
    exec_leave(sv->exec_thread);
    exec_destroy(sv->exec);
    engine_leave(sv->engine_thread);
    engine_destroy(sv->engine);
    free(sv->slots);
    free(sv->reply);
    *sv = (struct server){0};
}

static unsigned
u16(const char *p)
{
    return (unsigned)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

/* The frames of the reply must be right; puts it together. */
static void
check_reply(struct server *sv, const struct datagram *d, unsigned id)
{
    sv->reply_bytes = 0;
    MUST(sv->replied <= sv->slots_max);
    for (unsigned i = 0; i < sv->replied; i++) {
        const char *at = sv->slots + (size_t)i * UDP_DATAGRAM_BYTES;
        size_t bytes = udp_message_datagram_bytes(&d->message, i);
        MUST(bytes > UDP_HEADER_BYTES && bytes <= UDP_DATAGRAM_BYTES);
        MUST(i + 1 == sv->replied || bytes == UDP_DATAGRAM_BYTES);
        MUST(u16(at) == id && u16(at + 2) == i && u16(at + 4) == sv->replied && u16(at + 6) == 0);
        memcpy(sv->reply + sv->reply_bytes, at + UDP_HEADER_BYTES, bytes - UDP_HEADER_BYTES);
        sv->reply_bytes += bytes - UDP_HEADER_BYTES;
    }
}

static void
say(struct server *sv, struct span datagram)
{
    struct udp_request request;
    struct datagram d;
    sv->replied = 0;
    sv->reply_bytes = 0;
    sv->too_long = false;
    if (!udp_parse(datagram, &request)) {
        MUST(datagram.bytes <= UDP_HEADER_BYTES || u16(datagram.p + 4) != 1);
        return;
    }
    datagram_begin(&d, PROTOCOL_AUTO, &request, sv->slots, sv->slots_max);
    unsigned rounds = 0;
    while (!datagram_run(&d, sv->exec_thread, &output, clock_now(&sv->clock)))
        MUST(++rounds < ROUNDS_MAX);
    MUST(output.bytes == 0);
    sv->too_long = d.message.too_long;
    sv->replied = datagram_end(&d, sv->exec_thread);
    check_reply(sv, &d, u16(datagram.p));
}

/* Reports have figures of the process and of the moment. */
static bool
may_have_report(struct span datagram)
{
    return memmem(datagram.p, datagram.bytes, "stat", 4) != NULL ||
           memchr(datagram.p, 0x10, datagram.bytes) != NULL;
}

static void
compare(const struct server *a, const struct server *b)
{
    MUST(!a->too_long || b->too_long);
    if (!b->too_long)
        MUST(a->replied == b->replied && a->reply_bytes == b->reply_bytes &&
             (a->reply_bytes == 0 || memcmp(a->reply, b->reply, a->reply_bytes) == 0));
    else
        MUST(b->replied == 1);
}

/* Plays the rows to both; false: they are not in the same state any more. */
static bool
play(struct server *a, struct server *b, const uint8_t *data, size_t bytes)
{
    while (bytes >= 2) {
        size_t n = u16((const char *)data);
        data += 2;
        bytes -= 2;
        if (n > bytes)
            n = bytes;
        /* On the heap, so that a byte read beyond it is noticed. */
        char *datagram = malloc(n + (n == 0));
        MUST(datagram != NULL);
        memcpy(datagram, data, n);
        say(a, span_of(datagram, n));
        say(b, span_of(datagram, n));
        bool report = may_have_report(span_of(datagram, n));
        free(datagram);
        if (!report)
            compare(a, b);
        if (b->too_long)
            return false; /* what came behind it was executed by one of them only */
        data += n;
        bytes -= n;
    }
    return true;
}

/* A cache takes ten milliseconds to make: many inputs share one, emptied in between. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct span flush = {EMPTY, sizeof EMPTY - 1};
    static struct server a, b;
    static unsigned age = INPUTS_MAX;
    if (age == INPUTS_MAX) {
        close_server(&a);
        close_server(&b);
        output_reset(&output);
        open_server(&a, SLOTS_LONG);
        open_server(&b, SLOTS_SHORT);
        age = 0;
    }
    say(&a, flush);
    say(&b, flush);
    MUST(a.reply_bytes > 0 && a.reply_bytes == b.reply_bytes);
    age = play(&a, &b, data, bytes) ? age + 1 : INPUTS_MAX;
    return 0;
}

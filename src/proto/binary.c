#include "proto/binary.h"

#include "base/check.h"
#include "proto/protocol.h"

_Static_assert(sizeof(struct binary_parser) <= 24, "no larger than the text protocol's");

/* What a packet of an opcode may carry. */
enum shape {
    KEY_NEEDED = 1 << 0,
    KEY_ALLOWED = 1 << 1,
    VALUE_ALLOWED = 1 << 2,
    EXTRAS_OPTIONAL = 1 << 3, /* all of them or none */
};

struct opcode {
    uint8_t cmd;    /* enum cmd; CMD_BAD: unknown */
    uint8_t flags;  /* enum request_flags that its requests start with */
    uint8_t shape;  /* enum shape */
    uint8_t extras; /* bytes of them */
};

/* Quiet gets come in batches that mean what a get line of many keys means in text: a batch is executed as
 * a whole before other clients get their turn. */
#define QUIET_GET (REQ_QUIET | REQ_MID_LINE)
#define STORAGE   (KEY_NEEDED | VALUE_ALLOWED)

/* By opcode.  Those that are missing are unknown: verbosity, the verbs of ranges and of vbuckets that
 * some clients once had, and what nobody ever defined. */
/* clang-format off */
static const struct opcode opcodes[] = {
    [0x00] = {CMD_GET,       REQ_WITH_CAS,                            KEY_NEEDED,      0},
    [0x01] = {CMD_SET,       0,                                       STORAGE,         8},
    [0x02] = {CMD_ADD,       0,                                       STORAGE,         8},
    [0x03] = {CMD_REPLACE,   0,                                       STORAGE,         8},
    [0x04] = {CMD_DELETE,    0,                                       KEY_NEEDED,      0},
    [0x05] = {CMD_INCR,      0,                                       KEY_NEEDED,     20},
    [0x06] = {CMD_DECR,      0,                                       KEY_NEEDED,     20},
    [0x07] = {CMD_QUIT,      0,                                       0,               0},
    [0x08] = {CMD_FLUSH_ALL, 0,                                       EXTRAS_OPTIONAL, 4},
    [0x09] = {CMD_GET,       REQ_WITH_CAS | QUIET_GET,                KEY_NEEDED,      0},
    [0x0a] = {CMD_NOOP,      0,                                       0,               0},
    [0x0b] = {CMD_VERSION,   0,                                       0,               0},
    [0x0c] = {CMD_GET,       REQ_WITH_CAS | REQ_WITH_KEY,             KEY_NEEDED,      0},
    [0x0d] = {CMD_GET,       REQ_WITH_CAS | REQ_WITH_KEY | QUIET_GET, KEY_NEEDED,      0},
    [0x0e] = {CMD_APPEND,    0,                                       STORAGE,         0},
    [0x0f] = {CMD_PREPEND,   0,                                       STORAGE,         0},
    [0x10] = {CMD_STATS,     0,                                       KEY_ALLOWED,     0},
    [0x11] = {CMD_SET,       REQ_QUIET,                               STORAGE,         8},
    [0x12] = {CMD_ADD,       REQ_QUIET,                               STORAGE,         8},
    [0x13] = {CMD_REPLACE,   REQ_QUIET,                               STORAGE,         8},
    [0x14] = {CMD_DELETE,    REQ_QUIET,                               KEY_NEEDED,      0},
    [0x15] = {CMD_INCR,      REQ_QUIET,                               KEY_NEEDED,     20},
    [0x16] = {CMD_DECR,      REQ_QUIET,                               KEY_NEEDED,     20},
    [0x17] = {CMD_QUIT,      REQ_QUIET,                               0,               0},
    [0x18] = {CMD_FLUSH_ALL, REQ_QUIET,                               EXTRAS_OPTIONAL, 4},
    [0x19] = {CMD_APPEND,    REQ_QUIET,                               STORAGE,         0},
    [0x1a] = {CMD_PREPEND,   REQ_QUIET,                               STORAGE,         0},
    [0x1c] = {CMD_TOUCH,     REQ_WITH_CAS,                            KEY_NEEDED,      4},
    [0x1d] = {CMD_GAT,       REQ_WITH_CAS,                            KEY_NEEDED,      4},
    [0x1e] = {CMD_GAT,       REQ_WITH_CAS | QUIET_GET,                KEY_NEEDED,      4},
    [0x20] = {CMD_SASL_LIST, 0,                                       0,               0},
    [0x21] = {CMD_SASL_AUTH, 0,                                       STORAGE,         0},
    [0x22] = {CMD_SASL_STEP, 0,                                       STORAGE,         0},
    [0x23] = {CMD_GAT,       REQ_WITH_CAS | REQ_WITH_KEY,             KEY_NEEDED,      4},
    [0x24] = {CMD_GAT,       REQ_WITH_CAS | REQ_WITH_KEY | QUIET_GET, KEY_NEEDED,      4},
};
/* clang-format on */

/* One call of binary_parse(). */
struct run {
    struct binary_parser *parser;
    const char *begin;
    const char *at; /* the first byte not yet taken */
    const char *end;
    struct request *out;
    size_t count;
    size_t max;
};

/* A request's header, without what only the reply needs. */
struct header {
    const struct opcode *opcode; /* its cmd is CMD_BAD: unknown */
    uint32_t key_bytes;
    uint32_t extras_bytes;
    uint32_t value_bytes;
    uint32_t body_bytes;
};

/* Each takes something off the stream and returns true, or returns false when nothing more can be done
 * in this call.  Both are called with at least one byte of input and room for one request. */
static bool run_packet(struct run *run);
static bool run_swallow(struct run *run);

static bool run_bad(struct run *run, enum proto_error error, size_t bytes);
static bool run_unknown(struct run *run, const struct header *h);
static bool run_value(struct run *run, const struct header *h, struct request *r);
static bool run_sasl(struct run *run, const struct header *h);
static enum proto_error check_header(const struct header *h);
static void fill_arguments(struct request *r, const char *packet, const struct header *h);

static inline bool
is_storage(uint8_t cmd)
{
    return cmd >= CMD_SET && cmd <= CMD_CAS;
}

static inline bool
is_sasl(uint8_t cmd)
{
    return cmd >= CMD_SASL_LIST && cmd <= CMD_SASL_STEP;
}

static inline struct request *
emit(struct run *run, enum cmd cmd, uint8_t flags)
{
    struct request *r = &run->out[run->count++];
    *r = (struct request){
        .cmd = (uint8_t)cmd, .flags = flags, .start = (uint32_t)(run->at - run->begin)};
    return r;
}

static inline void
set_key(struct request *r, const char *key, uint32_t bytes)
{
    r->key = bytes > 0 ? key : NULL;
    r->key_bytes = (uint8_t)bytes;
}

/* False: key and extras exceed the body. */
static inline bool
read_header(const char *packet, struct header *h)
{
    static const struct opcode unknown = {.cmd = CMD_BAD};
    uint8_t code = (uint8_t)packet[1];
    h->opcode = code < ARRAY_COUNT(opcodes) ? &opcodes[code] : &unknown;
    h->key_bytes = (uint32_t)(uint8_t)packet[2] << 8 | (uint8_t)packet[3];
    h->extras_bytes = (uint8_t)packet[4];
    h->body_bytes = binary_u32(packet + 8);
    h->value_bytes = h->body_bytes - h->extras_bytes - h->key_bytes;
    return h->extras_bytes + h->key_bytes <= h->body_bytes;
}

size_t
binary_parse(struct binary_parser *p, struct span in, struct request *out, size_t max, size_t *used)
{
    CHECK(in.bytes <= UINT32_MAX);
    *used = 0;
    if (in.bytes == 0)
        return 0; /* in.p may be NULL */
    struct run run = {
        .parser = p, .begin = in.p, .at = in.p, .end = in.p + in.bytes, .out = out, .max = max};
    bool more = true;
    while (more && run.at < run.end && run.count < max)
        more = p->swallow_bytes > 0 ? run_swallow(&run) : run_packet(&run);
    *used = (size_t)(run.at - run.begin);
    return run.count;
}

struct span
binary_peek_key(const struct binary_parser *p, struct span in)
{
    struct header h;
    if (p->swallow_bytes > 0 || in.bytes < BINARY_HEADER_BYTES || !read_header(in.p, &h) ||
        in.bytes - BINARY_HEADER_BYTES < h.extras_bytes + h.key_bytes)
        return span_of(NULL, 0);
    return span_of(in.p + BINARY_HEADER_BYTES + h.extras_bytes, h.key_bytes);
}

void
binary_parser_rewind(struct binary_parser *p, const struct request *r)
{
    (void)r;
    p->swallow_bytes = 0;
}

void
binary_parser_swallow(struct binary_parser *p, uint64_t bytes)
{
    CHECK(p->swallow_bytes == 0);
    p->swallow_bytes = bytes;
}

struct span
binary_status_text(enum binary_status status)
{
    switch (status) {
    case BINARY_OK:
    case BINARY_AUTH_CONTINUE:
        return SPAN("");
    case BINARY_NOT_FOUND:
        return SPAN("Not found");
    case BINARY_EXISTS:
        return SPAN("Data exists for key.");
    case BINARY_TOO_LARGE:
        return SPAN("Too large.");
    case BINARY_INVALID:
        return SPAN("Invalid arguments");
    case BINARY_NOT_STORED:
        return SPAN("Not stored.");
    case BINARY_NOT_NUMERIC:
        return SPAN("Non-numeric server-side value for incr or decr");
    case BINARY_AUTH_FAILED:
        return SPAN("Auth failure.");
    case BINARY_UNKNOWN:
        return SPAN("Unknown command");
    case BINARY_NO_MEMORY:
        return SPAN("Out of memory");
    }
    CHECK_NOT_REACHED();
}

enum binary_status
binary_status_of(enum proto_error e)
{
    CHECK(e == PROTO_UNKNOWN || e == PROTO_BAD_FORMAT);
    return e == PROTO_UNKNOWN ? BINARY_UNKNOWN : BINARY_INVALID;
}

/* ---- packets ---- */

static bool
run_packet(struct run *run)
{
    const char *packet = run->at;
    size_t here = (size_t)(run->end - packet);
    if (UNLIKELY((uint8_t)*packet != PROTOCOL_BINARY_MAGIC))
        return run_bad(run, PROTO_SILENT, 1);
    if (here < BINARY_HEADER_BYTES)
        return false;
    struct header h;
    if (UNLIKELY(!read_header(packet, &h)))
        return run_bad(run, PROTO_UNKNOWN, BINARY_HEADER_BYTES);
    enum proto_error error = check_header(&h);
    if (UNLIKELY(error == PROTO_UNKNOWN))
        return run_unknown(run, &h);
    if (UNLIKELY(error != PROTO_OK))
        return run_bad(run, error, BINARY_HEADER_BYTES);
    if (UNLIKELY(is_sasl(h.opcode->cmd)))
        return run_sasl(run, &h);
    size_t head_bytes = BINARY_HEADER_BYTES + h.extras_bytes + h.key_bytes;
    if (here < head_bytes)
        return false;
    struct request *r = emit(run, h.opcode->cmd, h.opcode->flags);
    set_key(r, packet + BINARY_HEADER_BYTES + h.extras_bytes, h.key_bytes);
    fill_arguments(r, packet, &h);
    run->at += head_bytes;
    return !is_storage(r->cmd) || run_value(run, &h, r);
}

/* What is wrong with a packet whose lengths agree. */
static inline enum proto_error
check_header(const struct header *h)
{
    const struct opcode *o = h->opcode;
    if (UNLIKELY(h->key_bytes > KEY_BYTES_MAX || h->body_bytes > BINARY_BODY_BYTES_MAX))
        return PROTO_BAD_FORMAT;
    if (UNLIKELY(o->cmd == CMD_BAD))
        return PROTO_UNKNOWN;
    bool extras = h->extras_bytes == o->extras ||
                  (h->extras_bytes == 0 && (o->shape & EXTRAS_OPTIONAL) != 0);
    bool key = h->key_bytes > 0 ? (o->shape & (KEY_NEEDED | KEY_ALLOWED)) != 0
                                : (o->shape & KEY_NEEDED) == 0;
    bool value = h->value_bytes == 0 || (o->shape & VALUE_ALLOWED) != 0;
    return LIKELY(extras && key && value) ? PROTO_OK : PROTO_BAD_FORMAT;
}

/* Extras, and the cas of commands that compare it, into the request. */
static inline void
fill_arguments(struct request *r, const char *packet, const struct header *h)
{
    const char *extras = packet + BINARY_HEADER_BYTES;
    switch (r->cmd) {
    case CMD_SET:
    case CMD_ADD:
    case CMD_REPLACE:
        r->client_flags = binary_u32(extras);
        r->exptime = binary_u32(extras + 4);
        r->number = binary_cas(packet);
        if (r->number != 0)
            r->cmd = CMD_CAS; /* memcached forgets which of the three it was, too */
        break;
    case CMD_APPEND:
    case CMD_PREPEND:
    case CMD_DELETE:
        r->number = binary_cas(packet);
        break;
    case CMD_INCR:
    case CMD_DECR:
        r->number = binary_u64(extras);
        r->exptime = binary_u32(extras + 16);
        break;
    case CMD_TOUCH:
    case CMD_GAT:
        r->exptime = binary_u32(extras);
        break;
    case CMD_FLUSH_ALL:
        r->exptime = h->extras_bytes > 0 ? binary_u32(extras) : 0;
        break;
    case CMD_STATS:
        r->value = extras;
        r->value_here = r->value_bytes = h->key_bytes;
        r->key_bytes = 0; /* it is the key of no item */
        r->key = NULL;
        break;
    }
}

static bool
run_value(struct run *run, const struct header *h, struct request *r)
{
    size_t here = (size_t)(run->end - run->at);
    r->value = run->at;
    r->value_bytes = h->value_bytes;
    r->value_here = here < h->value_bytes ? (uint32_t)here : h->value_bytes;
    run->at += r->value_here;
    if (r->value_here < r->value_bytes)
        return false;
    r->flags |= REQ_WHOLE;
    return true;
}

/* What a mechanism sends is wanted in one piece, and is short. */
static bool
run_sasl(struct run *run, const struct header *h)
{
    size_t here = (size_t)(run->end - run->at) - BINARY_HEADER_BYTES;
    bool whole = h->value_bytes <= BINARY_SASL_BYTES_MAX;
    uint32_t needed = whole ? h->body_bytes : h->key_bytes;
    if (here < needed)
        return false;
    struct request *r = emit(run, h->opcode->cmd, h->opcode->flags);
    set_key(r, run->at + BINARY_HEADER_BYTES, h->key_bytes);
    run->at += BINARY_HEADER_BYTES + needed;
    if (!whole) {
        binary_parser_swallow(run->parser, h->value_bytes);
        return true;
    }
    r->flags |= REQ_WHOLE;
    r->value = run->at - h->value_bytes;
    r->value_here = r->value_bytes = h->value_bytes;
    return true;
}

/* ---- what makes no sense ---- */

static bool
run_unknown(struct run *run, const struct header *h)
{
    emit(run, CMD_BAD, 0)->error = PROTO_UNKNOWN;
    run->at += BINARY_HEADER_BYTES;
    binary_parser_swallow(run->parser, h->body_bytes);
    return true;
}

/* The caller is not to come back: 'bytes' are taken, and nothing is known of what follows. */
static bool
run_bad(struct run *run, enum proto_error error, size_t bytes)
{
    emit(run, CMD_BAD, REQ_CLOSE)->error = (uint8_t)error;
    run->at += bytes;
    return false;
}

static bool
run_swallow(struct run *run)
{
    uint64_t here = (uint64_t)(run->end - run->at);
    uint64_t bytes = here < run->parser->swallow_bytes ? here : run->parser->swallow_bytes;
    run->parser->swallow_bytes -= bytes;
    run->at += bytes;
    return true;
}

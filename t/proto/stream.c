#include "stream.h"

#include <stdlib.h>
#include "base/check.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/text.h"

#define REQUESTS_MAX 64
#define LOG_LINE_BYTES_MAX 512
#define SUM_OF_NOTHING UINT64_C(0xcbf29ce484222325)

/* A connection: the bytes that came and are not used, and a data block under way. */
struct connection {
    union {
        struct text_parser text;
        struct binary_parser binary;
    } parser;
    uint64_t random;
    const struct stream_cuts *cuts;
    FILE *log;
    char *unused;
    size_t unused_bytes;
    uint64_t value_left; /* bytes of a data block, its line end included, still to come; 0: none */
    uint64_t value_sum;  /* of the data so far */
    char value_end[2];   /* of the line end so far */
    bool value_noreply;
    bool value_is_meta;  /* of an ms */
    char value_head[LOG_LINE_BYTES_MAX]; /* what to log if the block ends well */
    bool closed;
};

static void take_input(struct connection *c, struct span piece);
static void parse_input(struct connection *c);
static void check_requests(const struct connection *c, const struct request *r, size_t count,
                           struct span in, size_t used);
static void rewind_to(struct connection *c, const struct request *r, size_t at);
static void execute(struct connection *c, const struct request *r, size_t count, size_t used);
static void describe_request(const struct request *r, char *to);
static void log_request(struct connection *c, const struct request *r);
static void begin_value(struct connection *c, const struct request *r);
static size_t take_value(struct connection *c, struct span piece);

uint64_t
stream_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool
is_binary(const struct connection *c)
{
    return c->cuts->protocol == PROTOCOL_BINARY;
}

static size_t
parse(struct connection *c, struct span in, struct request *r, size_t max, size_t *used)
{
    return is_binary(c) ? binary_parse(&c->parser.binary, in, r, max, used)
                        : text_parse(&c->parser.text, in, r, max, used);
}

/* The guess may be wrong, but not elsewhere. */
static void
check_guess(const struct connection *c, struct span in)
{
    struct span key = is_binary(c) ? binary_peek_key(&c->parser.binary, in)
                                   : text_peek_key(&c->parser.text, in);
    CHECK(key.bytes == 0 || (key.p >= in.p && key.p + key.bytes <= in.p + in.bytes));
}

static size_t
line_end_bytes(const struct connection *c)
{
    return is_binary(c) ? 0 : 2;
}

static size_t
up_to(struct connection *c, size_t max)
{
    return 1 + (size_t)(stream_random(&c->random) % max);
}

void
stream_play(struct span stream, const struct stream_cuts *cuts, FILE *log)
{
    CHECK(cuts->requests_max >= 1 && cuts->requests_max <= REQUESTS_MAX);
    struct connection c = {.random = cuts->seed, .cuts = cuts, .log = log};
    size_t next = cuts->bytes_first;
    while (stream.bytes > 0 && !c.closed) {
        size_t bytes = next > 0               ? next
                       : cuts->bytes_max == 0 ? stream.bytes
                                              : up_to(&c, cuts->bytes_max);
        next = 0;
        if (bytes > stream.bytes)
            bytes = stream.bytes;
        take_input(&c, span_of(stream.p, bytes));
        stream = span_of(stream.p + bytes, stream.bytes - bytes);
    }
    if (c.closed)
        fprintf(log, "closed\n");
    else
        fprintf(log, "mode %u, swallows %llu, data to come %llu, unused %zu\n",
                is_binary(&c) ? 0u : c.parser.text.mode,
                (unsigned long long)(is_binary(&c) ? c.parser.binary.swallow_bytes
                                                   : c.parser.text.swallow_bytes),
                (unsigned long long)c.value_left, c.unused_bytes);
    free(c.unused);
}

char *
stream_log(struct span stream, const struct stream_cuts *cuts)
{
    char *text = NULL;
    size_t bytes;
    FILE *log = open_memstream(&text, &bytes);
    CHECK(log != NULL);
    stream_play(stream, cuts, log);
    fclose(log);
    return text;
}

/* Each parse is given a block of memory of exactly the right size: a sanitizer sees the slightest
 * step outside. */
static void
take_input(struct connection *c, struct span piece)
{
    if (c->value_left > 0) {
        size_t taken = take_value(c, piece);
        piece = span_of(piece.p + taken, piece.bytes - taken);
    }
    if (piece.bytes == 0)
        return;
    char *joined = malloc(c->unused_bytes + piece.bytes);
    CHECK(joined != NULL);
    if (c->unused_bytes > 0)
        memcpy(joined, c->unused, c->unused_bytes);
    memcpy(joined + c->unused_bytes, piece.p, piece.bytes);
    free(c->unused);
    c->unused = joined;
    c->unused_bytes += piece.bytes;
    parse_input(c);
}

static void
use_input(struct connection *c, size_t bytes)
{
    size_t left = c->unused_bytes - bytes;
    char *rest = malloc(left > 0 ? left : 1);
    CHECK(rest != NULL);
    memcpy(rest, c->unused + bytes, left);
    free(c->unused);
    c->unused = rest;
    c->unused_bytes = left;
}

static bool
is_storage(const struct request *r)
{
    return r->cmd >= CMD_SET && r->cmd <= CMD_META_SET;
}

static bool
is_meta(const struct request *r)
{
    return r->cmd >= CMD_META_SET && r->cmd <= CMD_META_ARITH;
}

static bool
is_incomplete(const struct request *r)
{
    return is_storage(r) && (r->flags & REQ_WHOLE) == 0;
}

/* Parses until more bytes are needed. */
static void
parse_input(struct connection *c)
{
    size_t count, max;
    do {
        struct request r[REQUESTS_MAX];
        max = up_to(c, c->cuts->requests_max);
        struct span in = span_of(c->unused, c->unused_bytes);
        size_t used;
        check_guess(c, in);
        count = parse(c, in, r, max, &used);
        CHECK(count <= max && used <= in.bytes);
        check_requests(c, r, count, in, used);
        if (c->cuts->rewind_in > 0 && count > 0 && up_to(c, c->cuts->rewind_in) == 1) {
            rewind_to(c, r, up_to(c, count) - 1);
            count = max;
        } else {
            execute(c, r, count, used);
        }
    } while (count == max && !c->closed && c->value_left == 0);
    CHECK(c->closed ||
          c->unused_bytes < (is_binary(c) ? BINARY_INPUT_BYTES_MIN : TEXT_INPUT_BYTES_MIN));
}

static void
rewind_to(struct connection *c, const struct request *r, size_t at)
{
    for (size_t i = 0; i < at; i++)
        log_request(c, &r[i]);
    if (is_binary(c))
        binary_parser_rewind(&c->parser.binary, &r[at]);
    else
        text_parser_rewind(&c->parser.text, &r[at]);
    use_input(c, r[at].start);
}

static void
execute(struct connection *c, const struct request *r, size_t count, size_t used)
{
    for (size_t i = 0; i < count; i++)
        log_request(c, &r[i]);
    if (count > 0 && is_incomplete(&r[count - 1])) {
        begin_value(c, &r[count - 1]);
        used += take_value(c, span_of(c->unused + used, c->unused_bytes - used));
        CHECK(used == c->unused_bytes && c->value_left > 0);
    }
    use_input(c, used);
}

static uint64_t
sum(uint64_t so_far, const char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        so_far = (so_far ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    return so_far;
}

static void
begin_value(struct connection *c, const struct request *r)
{
    c->value_left = (uint64_t)r->value_bytes - r->value_here + line_end_bytes(c);
    c->value_sum = sum(SUM_OF_NOTHING, r->value, r->value_here);
    c->value_noreply = (r->flags & REQ_NOREPLY) != 0;
    c->value_is_meta = is_meta(r);
    describe_request(r, c->value_head);
}

static void
end_value(struct connection *c)
{
    if (is_binary(c) || memcmp(c->value_end, "\r\n", 2) == 0)
        fprintf(c->log, "%s data %016llx\n", c->value_head, (unsigned long long)c->value_sum);
    else if (c->value_is_meta)
        fprintf(c->log, "%s bad data\n", c->value_head);
    else
        fprintf(c->log, "cmd %u error %u flags %u %s\n", CMD_BAD, PROTO_BAD_DATA_CHUNK,
                c->value_noreply ? REQ_NOREPLY : 0u, text_error_line(PROTO_BAD_DATA_CHUNK).p);
}

/* Takes what belongs to the data block under way, and returns how much that was. */
static size_t
take_value(struct connection *c, struct span piece)
{
    size_t taken = 0;
    while (c->value_left > 0 && taken < piece.bytes) {
        if (c->value_left > line_end_bytes(c))
            c->value_sum = sum(c->value_sum, piece.p + taken, 1);
        else
            c->value_end[2 - c->value_left] = piece.p[taken];
        c->value_left--;
        taken++;
        if (c->value_left == 0)
            end_value(c);
    }
    return taken;
}

static void
check_inside(const char *p, size_t bytes, struct span in)
{
    CHECK(p >= in.p && bytes <= in.bytes && (size_t)(p - in.p) <= in.bytes - bytes);
}

/* What holds for one protocol alone. */
static void
check_text_request(const struct request *r)
{
    CHECK((r->error == PROTO_SILENT) == ((r->flags & REQ_CLOSE) != 0));
    if (r->key != NULL) {
        CHECK(memchr(r->key, ' ', r->key_bytes) == NULL);
        CHECK(memchr(r->key, '\n', r->key_bytes) == NULL);
    }
    CHECK(r->value_bytes <= INT32_MAX - 2);
}

static void
check_binary_request(const struct request *r, struct span in)
{
    static const unsigned text_only = REQ_NOREPLY;
    CHECK((r->flags & text_only) == 0);
    CHECK(r->error != PROTO_SILENT || (r->flags & REQ_CLOSE));
    CHECK(r->value_bytes <= BINARY_BODY_BYTES_MAX);
    if (r->cmd != CMD_BAD)
        CHECK(r->start + BINARY_HEADER_BYTES <= in.bytes);
    if (r->key != NULL) /* header and extras are right in front of it, see binary.h */
        CHECK((size_t)(r->key - in.p) - r->start <= BINARY_HEADER_BYTES + BINARY_EXTRAS_BYTES_MAX);
}

static void
check_request(const struct connection *c, const struct request *r, struct span in, size_t used)
{
    CHECK(r->cmd < CMD_COUNT && r->error < PROTO_ERROR_COUNT);
    if (r->cmd != CMD_META_SET)
        CHECK((r->cmd == CMD_BAD) == (r->error != PROTO_OK));
    else
        CHECK(r->error == PROTO_OK || (r->error == PROTO_BAD_DATA_CHUNK && r->flags == REQ_WHOLE));
    if (is_meta(r))
        check_inside(r->meta_flags.p, r->meta_flags.bytes, in);
    if (is_binary(c))
        check_binary_request(r, in);
    else
        check_text_request(r);
    CHECK(used <= in.bytes && r->start < used);
    CHECK(r->key_bytes <= KEY_BYTES_MAX && (r->key_bytes > 0) == (r->key != NULL));
    if (r->key != NULL)
        check_inside(r->key, r->key_bytes, in);
    if (r->value != NULL)
        check_inside(r->value, r->value_here, in);
    CHECK(r->value != NULL || (r->value_here == 0 && r->value_bytes == 0));
    CHECK(r->value_here <= r->value_bytes);
    if ((r->flags & REQ_WHOLE) || (r->value != NULL && !is_incomplete(r)))
        CHECK(r->value_here == r->value_bytes);
    if (is_incomplete(r))
        CHECK((size_t)(r->value - in.p) + r->value_here == used);
    CHECK(r->hash == 0);
}

static void
check_requests(const struct connection *c, const struct request *r, size_t count, struct span in,
               size_t used)
{
    for (size_t i = 0; i < count; i++) {
        check_request(c, &r[i], in, used);
        CHECK(i == 0 || r[i].start >= r[i - 1].start);
        CHECK(i + 1 == count || !(is_incomplete(&r[i]) || (r[i].flags & REQ_CLOSE)));
    }
}

/* What a meta command asks for. */
static void
describe_meta(const struct request *r, char *to)
{
    struct meta_args a;
    int at = snprintf(to, LOG_LINE_BYTES_MAX, "cmd %u key %u:%016llx bytes %u ", r->cmd, r->key_bytes,
                      (unsigned long long)sum(SUM_OF_NOTHING, r->key, r->key_bytes), r->value_bytes);
    enum proto_error error = meta_parse(r, &a);
    if (error != PROTO_OK)
        snprintf(to + at, LOG_LINE_BYTES_MAX - (size_t)at, "error %u", error);
    else
        snprintf(to + at, LOG_LINE_BYTES_MAX - (size_t)at, "seen %016llx answers %.*s opaque %.*s",
                 (unsigned long long)a.seen, a.answer_count, a.answers,
                 meta_has(&a, 'O') ? a.opaque_bytes : 0, meta_has(&a, 'O') ? a.opaque : "");
}

/* How an error is said. */
static struct span
error_words(const struct connection *c, enum proto_error error)
{
    if (!is_binary(c))
        return text_error_line(error);
    return error == PROTO_SILENT ? SPAN("") : binary_status_text(binary_status_of(error));
}

static void
describe_request(const struct request *r, char *to)
{
    unsigned flags = r->flags & ~(unsigned)REQ_WHOLE;
    if (r->cmd == CMD_BAD) {
        snprintf(to, LOG_LINE_BYTES_MAX, "cmd %u error %u flags %u", r->cmd, r->error, flags);
        return;
    }
    if (is_meta(r)) {
        describe_meta(r, to);
        return;
    }
    size_t args_bytes = is_storage(r) ? 0 : r->value_here;
    snprintf(to, LOG_LINE_BYTES_MAX,
             "cmd %u flags %u key %u:%016llx bytes %u args %016llx client_flags %u exptime %lld "
             "number %llu",
             r->cmd, flags, r->key_bytes,
             (unsigned long long)sum(SUM_OF_NOTHING, r->key, r->key_bytes), r->value_bytes,
             (unsigned long long)sum(SUM_OF_NOTHING, r->value, args_bytes), r->client_flags,
             (long long)r->exptime, (unsigned long long)r->number);
}

/* An incomplete storage command is logged when its data is complete, see end_value(). */
static void
log_request(struct connection *c, const struct request *r)
{
    if (is_incomplete(r))
        return;
    char line[LOG_LINE_BYTES_MAX];
    describe_request(r, line);
    fprintf(c->log, "%s", line);
    if (r->cmd == CMD_BAD)
        fprintf(c->log, " %.*s", (int)error_words(c, r->error).bytes, error_words(c, r->error).p);
    else if (r->cmd == CMD_META_SET && r->error != PROTO_OK)
        fprintf(c->log, " bad data");
    else if (is_storage(r))
        fprintf(c->log, " data %016llx",
                (unsigned long long)sum(SUM_OF_NOTHING, r->value, r->value_bytes));
    fprintf(c->log, "\n");
    if (r->flags & REQ_CLOSE)
        c->closed = true;
}

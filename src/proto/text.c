#include "proto/text.h"

#include "base/check.h"
#include "base/num.h"
#include "proto/command.h"
#include "proto/scan.h"

_Static_assert(sizeof(struct text_parser) == 24, "every connection has one");
_Static_assert(sizeof(struct request) == 64, "a request is a cache line");

#define LINE_END_BYTES 2 /* of a data block: always "\r\n" */
#define LINE_BYTES_MIN 4 /* memcached's shortest command line, its line end included */

/* How far to look for the newline: a line of TEXT_LINE_BYTES_MAX bytes and the newline still pass. */
#define LINE_WINDOW_BYTES ((size_t)TEXT_LINE_BYTES_MAX + 1)

/* The shortest token that is too long for a key even if its last byte is the CR of the line end. */
#define TOKEN_BYTES_TOO_LONG (KEY_BYTES_MAX + 2)

/* One call of text_parse(). */
struct run {
    struct text_parser *parser;
    const char *begin;
    const char *at; /* the first byte not yet taken */
    const char *end;
    struct request *out;
    size_t count;
    size_t max;
};

/* Each takes something off the stream and returns true, or returns false when nothing more can be done
 * in this call.  All are called with at least one byte of input and room for one request. */
static bool run_line(struct run *run);
static bool run_keys(struct run *run);
static bool run_skip_line(struct run *run);
static bool run_swallow(struct run *run);

static bool run_single_get(struct run *run);
static bool run_meta_get(struct run *run);
static bool run_whole_line(struct run *run, struct span line, const char *next);
static bool run_long_line(struct run *run);
static bool run_data(struct run *run, struct request *r);
static bool begin_keys(struct run *run, struct request *r);
static bool keys_fit(struct span keys);
static void end_keys(struct run *run, const char *at);
static void emit_bad_key(struct run *run, const char *at);
static bool end_connection(struct request *r);

static inline struct request *
emit(struct run *run, enum cmd cmd, const char *start)
{
    struct request *r = &run->out[run->count++];
    *r = (struct request){.cmd = (uint8_t)cmd, .start = (uint32_t)(start - run->begin)};
    return r;
}

static inline void
set_key(struct request *r, struct span key)
{
    r->key = key.p;
    r->key_bytes = (uint8_t)key.bytes;
}

static inline struct request *
emit_key(struct run *run, enum cmd cmd, const char *start, struct span key)
{
    struct request *r = emit(run, cmd, start);
    set_key(r, key);
    return r;
}

enum key_found {
    KEY_FOUND,      /* '*at' is behind the key */
    KEY_LINE_END,   /* '*at' is behind the newline, 'key' is empty and at the line end */
    KEY_TOO_LONG,   /* '*at' is somewhere behind where the key begins, which 'key' tells */
    KEY_INCOMPLETE, /* '*at' is where the key will begin */
};

/* Here, before its users, because it must be inlined into each of them: it is the inner loop. */
static ALWAYS_INLINE enum key_found
next_key(const char **at, const char *end, struct span *key)
{
    const char *begin = scan_past_spaces(*at, end);
    if (end - begin > TOKEN_BYTES_TOO_LONG)
        end = begin + TOKEN_BYTES_TOO_LONG;
    const char *stop = scan_key_end(begin, end);
    size_t bytes = (size_t)(stop - begin);
    *at = begin;
    *key = span_of(begin, 0);
    if (stop == end && bytes < TOKEN_BYTES_TOO_LONG)
        return KEY_INCOMPLETE;
    *at = stop;
    if (stop == end)
        return KEY_TOO_LONG;
    if (*stop == '\n' && bytes > 0 && stop[-1] == '\r')
        bytes--;
    if (bytes > KEY_BYTES_MAX)
        return KEY_TOO_LONG;
    *at = bytes > 0 ? begin + bytes : stop + 1;
    key->bytes = bytes;
    return bytes > 0 ? KEY_FOUND : KEY_LINE_END;
}

size_t
text_parse(struct text_parser *p, struct span in, struct request *out, size_t max, size_t *used)
{
    CHECK(in.bytes <= UINT32_MAX);
    *used = 0;
    if (in.bytes == 0)
        return 0; /* in.p may be NULL */
    struct run run = {
        .parser = p, .begin = in.p, .at = in.p, .end = in.p + in.bytes, .out = out, .max = max};
    bool more = true;
    while (more && run.at < run.end && run.count < max) {
        switch ((enum text_mode)p->mode) {
        case TEXT_LINE:
            more = run_single_get(&run) || run_meta_get(&run) || run_line(&run);
            break;
        case TEXT_FIRST_KEY:
        case TEXT_KEYS:
            more = run_keys(&run);
            break;
        case TEXT_SKIP_LINE:
            more = run_skip_line(&run);
            break;
        case TEXT_SWALLOW:
            more = run_swallow(&run);
            break;
        }
    }
    *used = (size_t)(run.at - run.begin);
    return run.count;
}

void
text_parser_rewind(struct text_parser *p, const struct request *r)
{
    *p = (struct text_parser){.mode = TEXT_LINE};
    if (r->flags & REQ_MID_LINE) {
        /* No key comes before a CMD_END or CMD_BAD: it does not matter what keys would be for.  And
         * it only matters for CMD_BAD whether there has been one: it may complain of having none. */
        p->mode = r->cmd == CMD_BAD ? TEXT_FIRST_KEY : TEXT_KEYS;
        p->cmd = r->cmd;
        p->flags = r->flags & REQ_WITH_CAS;
        p->exptime = r->exptime;
    }
}

void
text_parser_swallow(struct text_parser *p, uint64_t bytes)
{
    CHECK(p->mode == TEXT_LINE);
    if (bytes > 0)
        *p = (struct text_parser){.mode = TEXT_SWALLOW, .swallow_bytes = bytes};
}

size_t
text_parser_skip(struct text_parser *p, size_t here)
{
    if (p->mode != TEXT_SWALLOW)
        return 0;
    uint64_t bytes = here < p->swallow_bytes ? here : p->swallow_bytes;
    p->swallow_bytes -= bytes;
    if (p->swallow_bytes == 0)
        *p = (struct text_parser){.mode = TEXT_LINE};
    return bytes;
}

struct span
text_error_line(enum proto_error e)
{
    static const struct span lines[PROTO_ERROR_COUNT] = {
        [PROTO_OK] = {"", 0},
        [PROTO_SILENT] = {"", 0},
#define LINE(literal) {literal "\r\n", sizeof(literal "\r\n") - 1}
        [PROTO_UNKNOWN] = LINE("ERROR"),
        [PROTO_BAD_FORMAT] = LINE("CLIENT_ERROR bad command line format"),
        [PROTO_BAD_DATA_CHUNK] = LINE("CLIENT_ERROR bad data chunk"),
        [PROTO_BAD_EXPTIME] = LINE("CLIENT_ERROR invalid exptime argument"),
        [PROTO_BAD_DELTA] = LINE("CLIENT_ERROR invalid numeric delta argument"),
        [PROTO_INVALID_FLAG] = LINE("CLIENT_ERROR invalid flag"),
        [PROTO_DUPLICATE_FLAG] = LINE("CLIENT_ERROR duplicate flag"),
        [PROTO_BAD_FLAG] = LINE("CLIENT_ERROR invalid or duplicate flag"),
        [PROTO_TOO_MANY_FLAGS] = LINE("CLIENT_ERROR options flags are too long"),
        [PROTO_BAD_TOKEN] = LINE("CLIENT_ERROR bad token in command line format"),
        [PROTO_BAD_BASE64] = LINE("CLIENT_ERROR error decoding key"),
        [PROTO_OPAQUE_TOO_LONG] = LINE("CLIENT_ERROR opaque token too long"),
        [PROTO_BAD_META_DELTA] = LINE("CLIENT_ERROR invalid numeric delta value"),
        [PROTO_BAD_INITIAL] = LINE("CLIENT_ERROR invalid numeric initial value"),
        [PROTO_BAD_SET_MODE] = LINE("CLIENT_ERROR invalid mode for ms M token"),
        [PROTO_BAD_ARITH_MODE] = LINE("CLIENT_ERROR invalid mode for ma M token"),
#undef LINE
    };
    CHECK(e < PROTO_ERROR_COUNT);
    return lines[e];
}

size_t
text_value_header(char *to, struct span key, uint32_t client_flags, uint32_t bytes,
                  const uint64_t *cas)
{
    char *at = to;
    memcpy(at, "VALUE ", 6);
    at += 6;
    memcpy(at, key.p, key.bytes);
    at += key.bytes;
    *at++ = ' ';
    at += num_format_u64(at, client_flags);
    *at++ = ' ';
    at += num_format_u64(at, bytes);
    if (cas != NULL) {
        *at++ = ' ';
        at += num_format_u64(at, *cas);
    }
    *at++ = '\r';
    *at++ = '\n';
    return (size_t)(at - to);
}

/* ---- command lines ---- */

static bool
run_line(struct run *run)
{
    const char *line = run->at;
    size_t here = (size_t)(run->end - line);
    const char *newline = memchr(line, '\n', here < LINE_WINDOW_BYTES ? here : LINE_WINDOW_BYTES);
    if (newline == NULL)
        return here >= LINE_WINDOW_BYTES && run_long_line(run);
    size_t bytes = (size_t)(newline - line);
    if (bytes + 1 < LINE_BYTES_MIN) {
        command_make_bad(emit(run, CMD_BAD, line), PROTO_BAD_FORMAT);
        run->at = newline + 1;
        return true;
    }
    bytes -= newline[-1] == '\r';
    return run_whole_line(run, span_of(line, bytes), newline + 1);
}

/* The one case that is worth a path of its own: "get <key>", all of it here, with a single space and so
 * surely not too long.  False: not that case. */
static bool
run_single_get(struct run *run)
{
    const char *line = run->at;
    if (run->end - line < 6 || memcmp(line, "get ", 4) != 0 || run->max - run->count < 2)
        return false;
    const char *at = line + 4;
    struct span key;
    if (*at == ' ' || next_key(&at, run->end, &key) != KEY_FOUND || *at == ' ')
        return false;
    emit_key(run, CMD_GET, line, key);
    emit(run, CMD_END, at)->flags = REQ_MID_LINE;
    run->at = at + (*at == '\r') + 1;
    return true;
}

/* The other such case: "mg <key>" and its flags.  False: not that case, or something is wrong. */
static bool
run_meta_get(struct run *run)
{
    const char *line = run->at;
    size_t here = (size_t)(run->end - line);
    if (here < 5 || memcmp(line, "mg ", 3) != 0)
        return false;
    const char *newline = memchr(line, '\n', here < LINE_WINDOW_BYTES ? here : LINE_WINDOW_BYTES);
    if (newline == NULL)
        return false;
    const char *key = line + 3;
    const char *line_end = newline - (newline[-1] == '\r');
    const char *key_end = scan_space(key, line_end);
    if (key_end <= key || key_end - key > KEY_BYTES_MAX)
        return false;
    struct request *r = emit_key(run, CMD_META_GET, line, span_of(key, (size_t)(key_end - key)));
    r->meta_flags = span_of(key_end, (size_t)(line_end - key_end));
    run->at = newline + 1;
    return true;
}

static bool
run_whole_line(struct run *run, struct span line, const char *next)
{
    struct request *r = emit(run, CMD_BAD, line.p);
    enum command_follow follow = command_parse(command_find(line), line, r);
    run->at = next;
    switch (follow) {
    case FOLLOW_LINE:
        return (r->flags & REQ_CLOSE) == 0;
    case FOLLOW_DATA:
        return run_data(run, r);
    case FOLLOW_SWALLOW:
        text_parser_swallow(run->parser, (uint64_t)r->value_bytes + LINE_END_BYTES);
        r->value_bytes = 0;
        return true;
    case FOLLOW_KEYS:
        if (keys_fit(span_of(r->value, (size_t)(line.p + line.bytes - r->value))))
            return begin_keys(run, r);
        command_make_bad(r, PROTO_BAD_FORMAT);
        return true;
    }
    CHECK_NOT_REACHED();
}

/* A line of more than TEXT_LINE_BYTES_MAX bytes: only keys, and spaces before them, may go on like that.
 * A gat must have come to its first key, as its exptime is not kept in pieces. */
static bool
run_long_line(struct run *run)
{
    struct span line = span_of(run->at, LINE_WINDOW_BYTES);
    const struct command *c = command_find(line);
    bool retrieval = c != NULL && (c->cmd == CMD_GET || c->cmd == CMD_GAT);
    struct request *r = emit(run, CMD_BAD, line.p);
    if (retrieval && command_parse(c, line, r) == FOLLOW_KEYS)
        return begin_keys(run, r);
    run->at += LINE_WINDOW_BYTES;
    if (retrieval && r->error == PROTO_BAD_EXPTIME) {
        run->parser->mode = TEXT_SKIP_LINE;
        return true;
    }
    if (!retrieval || c->cmd != CMD_GET)
        return end_connection(r);
    run->count--;
    *run->parser =
        (struct text_parser){.mode = TEXT_FIRST_KEY, .cmd = CMD_GET, .flags = c->flags};
    return true;
}

/* The caller is not to come back. */
static bool
end_connection(struct request *r)
{
    command_make_bad(r, PROTO_SILENT);
    r->flags = REQ_CLOSE;
    return false;
}

/* Of an ms, the flags come before the line end of its data: who executes it looks at them first. */
static void
refuse_data(struct request *r)
{
    if (r->cmd == CMD_META_SET)
        r->error = PROTO_BAD_DATA_CHUNK;
    else
        command_make_bad(r, PROTO_BAD_DATA_CHUNK);
}

static bool
run_data(struct run *run, struct request *r)
{
    size_t here = (size_t)(run->end - run->at);
    r->value = run->at;
    if (here < (size_t)r->value_bytes + LINE_END_BYTES) {
        r->value_here = here < r->value_bytes ? (uint32_t)here : r->value_bytes;
        run->at += r->value_here;
        return false;
    }
    r->value_here = r->value_bytes;
    r->flags |= REQ_WHOLE;
    run->at += r->value_bytes + LINE_END_BYTES;
    if (memcmp(run->at - LINE_END_BYTES, "\r\n", LINE_END_BYTES) != 0)
        refuse_data(r);
    return true;
}

static bool
run_swallow(struct run *run)
{
    run->at += text_parser_skip(run->parser, (size_t)(run->end - run->at));
    return run->parser->mode != TEXT_SWALLOW;
}

static bool
run_skip_line(struct run *run)
{
    const char *newline = memchr(run->at, '\n', (size_t)(run->end - run->at));
    if (newline == NULL) {
        run->at = run->end;
        return false;
    }
    run->at = newline + 1;
    *run->parser = (struct text_parser){.mode = TEXT_LINE};
    return true;
}

/* ---- keys ---- */

/* Whether every key of a whole line is short enough.  Looks back from where a key would become too
 * long for the space that ends it before, and so sees only a few bytes of each. */
static bool
keys_fit(struct span keys)
{
    const char *at = keys.p;
    const char *end = keys.p + keys.bytes;
    while (end - at > KEY_BYTES_MAX) {
        const char *space = at + KEY_BYTES_MAX;
        while (space >= at && *space != ' ')
            space--;
        if (space < at)
            return false;
        at = space + 1;
    }
    return true;
}

/* 'r' is the head of a retrieval line: turns it into the first key's request. */
static bool
begin_keys(struct run *run, struct request *r)
{
    struct span key;
    const char *at = r->value;
    r->value = NULL;
    switch (next_key(&at, run->end, &key)) {
    case KEY_FOUND:
        set_key(r, key);
        *run->parser = (struct text_parser){
            .mode = TEXT_KEYS, .cmd = r->cmd, .flags = r->flags, .exptime = r->exptime};
        break;
    case KEY_TOO_LONG:
        command_make_bad(r, PROTO_BAD_FORMAT);
        run->parser->mode = TEXT_SKIP_LINE;
        break;
    case KEY_INCOMPLETE:
        run->count--;
        return false;
    case KEY_LINE_END: /* of a long line: what followed its head was the CR of the line end */
        command_make_bad(r, PROTO_BAD_FORMAT);
        break;
    }
    run->at = at;
    return true;
}

static bool
run_keys(struct run *run)
{
    const struct text_parser p = *run->parser;
    while (run->count < run->max) {
        struct span key;
        struct request *r;
        switch (next_key(&run->at, run->end, &key)) {
        case KEY_FOUND:
            r = emit_key(run, p.cmd, key.p, key);
            r->flags = p.flags | REQ_MID_LINE;
            r->exptime = p.exptime;
            run->parser->mode = TEXT_KEYS;
            break;
        case KEY_LINE_END:
            end_keys(run, key.p);
            return true;
        case KEY_TOO_LONG:
            emit_bad_key(run, key.p);
            run->parser->mode = TEXT_SKIP_LINE;
            return true;
        case KEY_INCOMPLETE:
            return false;
        }
    }
    return true;
}

static void
end_keys(struct run *run, const char *at)
{
    if (run->parser->mode == TEXT_FIRST_KEY)
        emit_bad_key(run, at);
    else
        emit(run, CMD_END, at)->flags = REQ_MID_LINE;
    *run->parser = (struct text_parser){.mode = TEXT_LINE};
}

static void
emit_bad_key(struct run *run, const char *at)
{
    struct request *r = emit(run, CMD_BAD, at);
    r->error = PROTO_BAD_FORMAT;
    r->flags = REQ_MID_LINE;
}

struct span
text_peek_key(const struct text_parser *p, struct span in)
{
    const char *end = in.p + in.bytes;
    if (p->mode != TEXT_LINE)
        return span_of(NULL, 0);
    const char *key = scan_key_end(in.p, end);
    if (key == end || *key != ' ')
        return span_of(NULL, 0);
    key++;
    const char *after = scan_key_end(key, end);
    if (after > key && after[-1] == '\r')
        after--;
    return span_of(key, (size_t)(after - key));
}

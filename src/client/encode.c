#include <stdio.h>
#include <string.h>
#include "client/client.h"
#include "client/encode.h"
#include "client/key.h"

/* More than the words and numbers of any request, keys and values aside. */
#define FRAME_BYTES 256

static char *encode_meta(char *out, const struct op *op);
static char *encode_text(char *out, const struct op *op);
static enum ketch_status encode_mget(struct buffer *out, const struct op *op, bool meta);

/* ---- pieces ---- */

static char *
put(char *out, const void *p, size_t bytes)
{
    if (bytes > 0)
        memcpy(out, p, bytes);
    return out + bytes;
}

#define PUT(out, literal) put(out, literal, sizeof literal - 1)

static char *
put_number(char *out, uint64_t n)
{
    char digits[20], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return put(out, p, (size_t)(digits + sizeof digits - p));
}

static char *
put_signed(char *out, int64_t n)
{
    if (n < 0)
        *out++ = '-';
    return put_number(out, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

static char *
put_bytes(char *out, struct ketch_bytes b)
{
    return put(out, b.p, b.bytes);
}

/* " F12" */
static char *
put_flag(char *out, char letter, uint64_t number)
{
    *out++ = ' ';
    *out++ = letter;
    return put_number(out, number);
}

static char *
put_ttl_flag(char *out, char letter, const struct op *op)
{
    *out++ = ' ';
    *out++ = letter;
    return put_signed(out, client_wire_ttl(op->client, op->options.ttl_s));
}

/* ---- any request ---- */

enum ketch_status
encode_line(struct buffer *out, const char *line)
{
    size_t bytes = strlen(line);
    char *p = buffer_reserve(out, bytes);
    if (p == NULL)
        return KETCH_NO_MEMORY;
    put(p, line, bytes);
    buffer_commit(out, bytes);
    return KETCH_OK;
}

enum ketch_status
encode_login(struct buffer *out, const char *user, const char *password)
{
    size_t bytes = strlen(user) + 1 + strlen(password);
    char *begin = buffer_reserve(out, FRAME_BYTES + bytes), *p = begin;
    if (p == NULL)
        return KETCH_NO_MEMORY;
    p = PUT(p, "set login 0 0 ");
    p = put_number(p, bytes);
    p = PUT(p, "\r\n");
    p = put(p, user, strlen(user));
    *p++ = ' ';
    p = put(p, password, strlen(password));
    p = PUT(p, "\r\n");
    buffer_commit(out, (size_t)(p - begin));
    return KETCH_OK;
}

static bool
text_can(const struct op *op)
{
    bool compares = op->options.cas != 0;
    switch (op->verb) {
    case KETCH_VERB_INVALIDATE:
    case KETCH_VERB_META:
        return false;
    case KETCH_VERB_ADD:
    case KETCH_VERB_REPLACE:
    case KETCH_VERB_APPEND:
    case KETCH_VERB_PREPEND:
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
    case KETCH_VERB_DELETE:
        return !compares;
    default:
        return true;
    }
}

enum ketch_status
encode_op(struct buffer *out, const struct op *op, enum ketch_protocol protocol)
{
    bool meta = protocol == KETCH_PROTOCOL_META;
    if (op->verb == VERB_MGET)
        return encode_mget(out, op, meta);
    if (!meta && op->binary_key)
        return KETCH_BAD_KEY;
    if (!meta && !text_can(op))
        return KETCH_UNSUPPORTED;
    char *begin = buffer_reserve(out, FRAME_BYTES + KEY_BYTES_MAX + op->meta.bytes + op->value.bytes);
    if (begin == NULL)
        return KETCH_NO_MEMORY;
    char *end = meta ? encode_meta(begin, op) : encode_text(begin, op);
    buffer_commit(out, (size_t)(end - begin));
    return KETCH_OK;
}

/* ---- for a server, the same in both ---- */

static char *
encode_for_server(char *out, const struct op *op)
{
    switch (op->verb) {
    case KETCH_VERB_FLUSH:
        out = PUT(out, "flush_all");
        if (op->delta > 0) {
            *out++ = ' ';
            int64_t delay_s = op->delta < INT32_MAX ? (int64_t)op->delta : INT32_MAX;
            out = put_signed(out, client_wire_ttl(op->client, delay_s));
        }
        return PUT(out, "\r\n");
    case KETCH_VERB_VERSION:
        return PUT(out, "version\r\n");
    case KETCH_VERB_CONFIG:
        return PUT(out, "config get cluster\r\n");
    default:
        out = PUT(out, "stats");
        if (op->key.bytes > 0)
            *out++ = ' ';
        out = put_bytes(out, op->key);
        return PUT(out, "\r\n");
    }
}

/* ---- meta ---- */

static char *
meta_head(char *out, const char *command, const struct op *op)
{
    out = put(out, command, 2);
    *out++ = ' ';
    return op->binary_key ? key_write_base64(out, op->key.p, op->key.bytes) : put_bytes(out, op->key);
}

static char *
meta_tail(char *out, const struct op *op)
{
    if (op->binary_key)
        out = PUT(out, " b");
    out = put_flag(out, 'O', op->opaque);
    return PUT(out, "\r\n");
}

static char *
meta_wants(char *out, uint32_t want)
{
    out = PUT(out, " v f");
    if (want & KETCH_WANT_CAS)
        out = PUT(out, " c");
    if (want & KETCH_WANT_TTL)
        out = PUT(out, " t");
    if (want & KETCH_WANT_IDLE)
        out = PUT(out, " l");
    if (want & KETCH_WANT_HIT)
        out = PUT(out, " h");
    if (want & KETCH_WANT_NOBUMP)
        out = PUT(out, " u");
    return out;
}

static char *
meta_get(char *out, const struct op *op)
{
    out = meta_head(out, "mg", op);
    if (op->verb == KETCH_VERB_TOUCH)
        return meta_tail(put_ttl_flag(out, 'T', op), op);
    if (op->verb == KETCH_VERB_GAT)
        out = put_ttl_flag(out, 'T', op);
    out = meta_wants(out, op->options.want);
    if (op->verb == VERB_FETCH) {
        out = put_flag(out, 'N', op->lease_s);
        if (op->refresh_s > 0)
            out = put_flag(out, 'R', op->refresh_s);
    }
    return meta_tail(out, op);
}

static char *
meta_set(char *out, const struct op *op)
{
    static const char modes[VERB_COUNT] = {
        [KETCH_VERB_ADD] = 'E',
        [KETCH_VERB_REPLACE] = 'R',
        [KETCH_VERB_APPEND] = 'A',
        [KETCH_VERB_PREPEND] = 'P',
    };
    out = meta_head(out, "ms", op);
    *out++ = ' ';
    out = put_number(out, op->value.bytes);
    if (op->options.flags != 0)
        out = put_flag(out, 'F', op->options.flags);
    if (op->options.ttl_s != 0)
        out = put_ttl_flag(out, 'T', op);
    if (modes[op->verb] != 0) {
        out = PUT(out, " M");
        *out++ = modes[op->verb];
    }
    if (op->options.cas != 0)
        out = put_flag(out, 'C', op->options.cas);
    if (op->options.want & KETCH_WANT_CAS)
        out = PUT(out, " c");
    out = put_bytes(meta_tail(out, op), op->value);
    return PUT(out, "\r\n");
}

static char *
meta_arith(char *out, const struct op *op)
{
    out = meta_head(out, "ma", op);
    out = PUT(out, " v");
    if (op->verb == KETCH_VERB_DECR)
        out = PUT(out, " MD");
    out = put_flag(out, 'D', op->delta);
    if (op->options.want & KETCH_WANT_INITIAL) {
        out = put_ttl_flag(out, 'N', op);
        out = put_flag(out, 'J', op->options.initial);
    }
    if (op->options.cas != 0)
        out = put_flag(out, 'C', op->options.cas);
    if (op->options.want & KETCH_WANT_CAS)
        out = PUT(out, " c");
    return meta_tail(out, op);
}

static char *
meta_delete(char *out, const struct op *op)
{
    out = meta_head(out, "md", op);
    if (op->verb == KETCH_VERB_INVALIDATE) {
        out = PUT(out, " I");
        if (op->options.ttl_s != 0)
            out = put_ttl_flag(out, 'T', op);
    }
    if (op->options.cas != 0)
        out = put_flag(out, 'C', op->options.cas);
    return meta_tail(out, op);
}

static char *
meta_any(char *out, const struct op *op)
{
    bool has_value = op->command[1] == 's';
    out = meta_head(out, op->command, op);
    if (has_value) {
        *out++ = ' ';
        out = put_number(out, op->value.bytes);
    }
    if (op->meta.bytes > 0)
        *out++ = ' ';
    out = put_bytes(out, op->meta);
    if (op->command[1] == 'e') /* knows no flag but b */
        return op->binary_key ? PUT(out, " b\r\n") : PUT(out, "\r\n");
    out = meta_tail(out, op);
    if (!has_value)
        return out;
    out = put_bytes(out, op->value);
    return PUT(out, "\r\n");
}

static char *
encode_meta(char *out, const struct op *op)
{
    switch (op->verb) {
    case KETCH_VERB_GET:
    case KETCH_VERB_GAT:
    case KETCH_VERB_TOUCH:
    case VERB_FETCH:
        return meta_get(out, op);
    case KETCH_VERB_SET:
    case KETCH_VERB_ADD:
    case KETCH_VERB_REPLACE:
    case KETCH_VERB_APPEND:
    case KETCH_VERB_PREPEND:
    case KETCH_VERB_CAS:
        return meta_set(out, op);
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
        return meta_arith(out, op);
    case KETCH_VERB_DELETE:
    case KETCH_VERB_INVALIDATE:
        return meta_delete(out, op);
    case KETCH_VERB_META:
        return meta_any(out, op);
    default:
        return encode_for_server(out, op);
    }
}

/* ---- text ---- */

static char *
text_get(char *out, const struct op *op)
{
    bool with_cas = op->options.want & KETCH_WANT_CAS;
    if (op->verb == KETCH_VERB_GAT) {
        out = with_cas ? PUT(out, "gats ") : PUT(out, "gat ");
        out = put_signed(out, client_wire_ttl(op->client, op->options.ttl_s));
    } else {
        out = with_cas ? PUT(out, "gets") : PUT(out, "get");
    }
    *out++ = ' ';
    out = put_bytes(out, op->key);
    return PUT(out, "\r\n");
}

static char *
text_store(char *out, const struct op *op, const char *word, struct ketch_bytes value)
{
    out = put(out, word, strlen(word));
    *out++ = ' ';
    out = put_bytes(out, op->key);
    *out++ = ' ';
    out = put_number(out, op->options.flags);
    *out++ = ' ';
    out = put_signed(out, client_wire_ttl(op->client, op->options.ttl_s));
    *out++ = ' ';
    out = put_number(out, value.bytes);
    if (strcmp(word, "cas") == 0) {
        *out++ = ' ';
        out = put_number(out, op->options.cas);
    }
    out = PUT(out, "\r\n");
    out = put_bytes(out, value);
    return PUT(out, "\r\n");
}

static char *
text_set(char *out, const struct op *op)
{
    static const char *const words[VERB_COUNT] = {
        [KETCH_VERB_SET] = "set",         [KETCH_VERB_ADD] = "add",
        [KETCH_VERB_REPLACE] = "replace", [KETCH_VERB_APPEND] = "append",
        [KETCH_VERB_PREPEND] = "prepend", [KETCH_VERB_CAS] = "cas",
    };
    bool compares = op->verb == KETCH_VERB_SET && op->options.cas != 0;
    return text_store(out, op, compares ? "cas" : words[op->verb], op->value);
}

/* Text cannot make a missing number: that is an 'add' between two 'incr'. */
static char *
text_arith(char *out, const struct op *op)
{
    if (op->step == 1) {
        char digits[20];
        char *end = put_number(digits, op->options.initial);
        return text_store(out, op, "add", ketch_bytes_of(digits, (size_t)(end - digits)));
    }
    out = op->verb == KETCH_VERB_INCR ? PUT(out, "incr ") : PUT(out, "decr ");
    out = put_bytes(out, op->key);
    *out++ = ' ';
    out = put_number(out, op->delta);
    return PUT(out, "\r\n");
}

static char *
encode_text(char *out, const struct op *op)
{
    switch (op->verb) {
    case KETCH_VERB_GET:
    case KETCH_VERB_GAT:
    case VERB_FETCH:
        return text_get(out, op);
    case KETCH_VERB_TOUCH:
        out = put_bytes(PUT(out, "touch "), op->key);
        *out++ = ' ';
        out = put_signed(out, client_wire_ttl(op->client, op->options.ttl_s));
        return PUT(out, "\r\n");
    case KETCH_VERB_SET:
    case KETCH_VERB_ADD:
    case KETCH_VERB_REPLACE:
    case KETCH_VERB_APPEND:
    case KETCH_VERB_PREPEND:
    case KETCH_VERB_CAS:
        return text_set(out, op);
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
        return text_arith(out, op);
    case KETCH_VERB_DELETE:
        out = put_bytes(PUT(out, "delete "), op->key);
        return PUT(out, "\r\n");
    default:
        return encode_for_server(out, op);
    }
}

/* ---- multi-get ---- */

/* Room of each key besides its own bytes. */
#define KEY_FRAME_BYTES 64

/* What is wanted of each key is the same: it is written once, and then copied in one piece of a size
 * that the compiler knows; what is too much the next piece overwrites. */
static char *
mget_meta(char *out, const struct op *op)
{
    char wants[KEY_FRAME_BYTES / 2] = "";
    size_t bytes = (size_t)(PUT(meta_wants(wants, op->options.want), " q O") - wants);
    for (uint32_t i = 0; i < op->key_count; i++) {
        const struct mget_key *key = &op->keys[i];
        if (key->answered)
            continue;
        out = PUT(out, "mg ");
        out = key->binary ? PUT(key_write_base64(out, key->p, key->bytes), " b")
                          : put(out, key->p, key->bytes);
        memcpy(out, wants, sizeof wants);
        out = put_number(out + bytes, op->opaque + i);
        out = PUT(out, "\r\n");
    }
    return PUT(out, "mn\r\n");
}

static char *
mget_text(char *out, const struct op *op)
{
    out = op->options.want & KETCH_WANT_CAS ? PUT(out, "gets") : PUT(out, "get");
    for (uint32_t i = 0; i < op->key_count; i++) {
        const struct mget_key *key = &op->keys[i];
        if (key->answered || key->binary)
            continue;
        *out++ = ' ';
        out = put(out, key->p, key->bytes);
    }
    return PUT(out, "\r\n");
}

static size_t
mget_bytes(const struct op *op)
{
    size_t bytes = FRAME_BYTES;
    for (uint32_t i = 0; i < op->key_count; i++)
        bytes += (op->keys[i].binary ? BASE64_BYTES((size_t)op->keys[i].bytes) : op->keys[i].bytes) +
                 KEY_FRAME_BYTES;
    return bytes;
}

static enum ketch_status
encode_mget(struct buffer *out, const struct op *op, bool meta)
{
    char *begin = buffer_reserve(out, mget_bytes(op));
    if (begin == NULL)
        return KETCH_NO_MEMORY;
    char *end = meta ? mget_meta(begin, op) : mget_text(begin, op);
    buffer_commit(out, (size_t)(end - begin));
    return KETCH_OK;
}

#include "proto/meta.h"

#include "proto/scan.h"

#define F(letter) META_FLAG(letter)

/* What clients may write.  L and P are for proxies: they are overlooked, whatever their token. */
#define KNOWN                                                                                      \
    (F('b') | F('c') | F('f') | F('h') | F('k') | F('l') | F('q') | F('s') | F('t') | F('u') |     \
     F('v') | F('x') | F('C') | F('D') | F('E') | F('F') | F('I') | F('J') | F('L') | F('M') |     \
     F('N') | F('O') | F('P') | F('R') | F('T'))

/* Those whose token is read. */
#define WITH_TOKEN                                                                                 \
    (F('C') | F('D') | F('E') | F('F') | F('J') | F('M') | F('N') | F('O') | F('R') | F('T'))

/* Those that stand in meta_args.answers, of CMD_META_SET and the commands behind it. */
static const uint64_t answered[] = {
    [CMD_META_SET - CMD_META_SET] = F('c') | F('k') | F('s') | F('O'),
    [CMD_META_GET - CMD_META_SET] = F('c') | F('f') | F('h') | F('k') | F('l') | F('s') | F('t') |
                                    F('O') | F('N') | F('R') | F('T'),
    [CMD_META_DELETE - CMD_META_SET] = F('k') | F('O'),
    [CMD_META_ARITH - CMD_META_SET] = F('c') | F('k') | F('t') | F('O') | F('N') | F('T'),
};

static enum proto_error take_token(char letter, struct span token, struct meta_args *a);
static enum proto_error refusal(const struct request *r, enum proto_error otherwise);
static enum proto_error check_mode(const struct request *r, const struct meta_args *a);

/* Words of the line before its flags. */
static unsigned
words_before(const struct request *r)
{
    return r->cmd == CMD_META_SET ? 3 : 2;
}

enum proto_error
meta_parse(const struct request *r, struct meta_args *a)
{
    const char *at = r->meta_flags.p;
    const char *end = at + r->meta_flags.bytes;
    enum proto_error error = PROTO_OK;
    unsigned words = words_before(r);
    uint64_t seen = 0, in_answer = answered[r->cmd - CMD_META_SET];
    a->answer_count = 0;
    a->mode = 0;
    a->opaque_bytes = 0;
    a->client_flags = 0;
    a->cas_new = a->initial = 0;
    a->delta = 1;
    for (; (at = scan_past_spaces(at, end)) < end; words++) {
        char letter = *at++;
        const char *token = at;
        at = scan_space(at, end);
        unsigned bit = (unsigned)(unsigned char)letter - 'A';
        uint64_t flag = bit < 64 ? UINT64_C(1) << bit : 0;
        if (UNLIKELY((flag & KNOWN & ~seen) == 0 || words == META_WORDS_MAX))
            return refusal(r, flag & seen ? PROTO_DUPLICATE_FLAG : PROTO_INVALID_FLAG);
        seen |= flag;
        if (flag & in_answer)
            a->answers[a->answer_count++] = letter;
        if (flag & WITH_TOKEN) {
            enum proto_error e = take_token(letter, span_of(token, (size_t)(at - token)), a);
            /* The last one is told, a bad number of F only if there is no other. */
            if (e != PROTO_OK && (e != PROTO_BAD_FORMAT || error == PROTO_OK))
                error = e;
        }
    }
    a->seen = seen;
    if (UNLIKELY(error != PROTO_OK))
        return refusal(r, error);
    if (UNLIKELY(seen & F('M')) && (error = check_mode(r, a)) != PROTO_OK)
        return error;
    return a->opaque_bytes > META_OPAQUE_BYTES_MAX ? PROTO_OPAQUE_TOO_LONG : PROTO_OK;
}

enum proto_error
meta_key_error(const struct request *r)
{
    return r->cmd == CMD_META_ARITH ? PROTO_BAD_FLAG : PROTO_BAD_BASE64;
}

char *
meta_put_key(char *at, struct span key, bool is_binary)
{
    at = meta_put_letter(at, 'k');
    if (is_binary) {
        at += base64_encode(key, at);
        return meta_put_letter(at, 'b');
    }
    memcpy(at, key.p, key.bytes);
    return at + key.bytes;
}

/* ---- private ---- */

static enum proto_error
number_error(bool good)
{
    return good ? PROTO_OK : PROTO_BAD_TOKEN;
}

static enum proto_error
take_opaque(struct span token, struct meta_args *a)
{
    size_t bytes = 1 + token.bytes;
    a->opaque = token.p - 1;
    a->opaque_bytes = (uint8_t)(bytes <= META_OPAQUE_BYTES_MAX ? bytes : META_OPAQUE_BYTES_MAX + 1);
    return PROTO_OK;
}

static enum proto_error
take_token(char letter, struct span token, struct meta_args *a)
{
    switch (letter) {
    case 'C':
        return number_error(num_parse_u64(token, &a->expected));
    case 'D':
        return num_parse_u64(token, &a->delta) ? PROTO_OK : PROTO_BAD_META_DELTA;
    case 'E':
        return number_error(num_parse_u64(token, &a->cas_new));
    case 'F':
        return num_parse_u32(token, &a->client_flags) ? PROTO_OK : PROTO_BAD_FORMAT;
    case 'J':
        return num_parse_u64(token, &a->initial) ? PROTO_OK : PROTO_BAD_INITIAL;
    case 'M':
        a->mode = token.bytes > 0 ? *token.p : 0;
        return PROTO_OK;
    case 'N':
        return number_error(num_parse_i32(token, &a->created_exptime));
    case 'O':
        return take_opaque(token, a);
    case 'R':
        return number_error(num_parse_i32(token, &a->recache_s));
    default: /* T */
        return number_error(num_parse_i32(token, &a->exptime));
    }
}

/* May a flag begin like this, even if there is none that does?  memcached cuts a line into words before
 * it looks at them, and refuses all others as bad lines. */
static bool
begins_flag(char c)
{
    return (c >= 'A' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Why the flags are refused, when something is wrong with them: their beginnings and their number come
 * before all else, and for ma all else is one. */
static enum proto_error
refusal(const struct request *r, enum proto_error otherwise)
{
    const char *at = r->meta_flags.p;
    const char *end = at + r->meta_flags.bytes;
    unsigned words = words_before(r);
    for (; (at = scan_past_spaces(at, end)) < end; at = scan_space(at, end)) {
        if (!begins_flag(*at))
            return PROTO_BAD_FORMAT;
        words++;
    }
    if (words > META_WORDS_MAX)
        return PROTO_TOO_MANY_FLAGS;
    return r->cmd == CMD_META_ARITH ? PROTO_BAD_FLAG : otherwise;
}

static enum proto_error
check_mode(const struct request *r, const struct meta_args *a)
{
    const char *modes;
    if (r->cmd == CMD_META_SET)
        modes = "EAPRS";
    else if (r->cmd == CMD_META_ARITH)
        modes = "I+D-";
    else
        return PROTO_OK;
    if (a->mode != 0 && strchr(modes, a->mode) != NULL)
        return PROTO_OK;
    return r->cmd == CMD_META_SET ? PROTO_BAD_SET_MODE : PROTO_BAD_ARITH_MODE;
}

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

/* In so many bytes there cannot be too many flags. */
#define FLAGS_BYTES_FEW (2 * (META_FLAGS_MAX - 1))

/* Those that stand in meta_args.answers, of CMD_META_SET and the commands behind it. */
static const uint64_t answered[] = {
    [CMD_META_SET - CMD_META_SET] = F('c') | F('k') | F('s') | F('O'),
    [CMD_META_GET - CMD_META_SET] = F('c') | F('f') | F('h') | F('k') | F('l') | F('s') | F('t') |
                                    F('O') | F('N') | F('R') | F('T'),
    [CMD_META_DELETE - CMD_META_SET] = F('k') | F('O'),
    [CMD_META_ARITH - CMD_META_SET] = F('c') | F('k') | F('t') | F('O') | F('N') | F('T'),
};

static const char *take_token(char letter, struct span rest, struct meta_args *a,
                              enum proto_error *error);
static enum proto_error refusal(const struct request *r, enum proto_error otherwise);
static enum proto_error check_mode_and_opaque(const struct request *r, const struct meta_args *a);

enum proto_error
meta_parse(const struct request *r, struct meta_args *a)
{
    const char *at = r->meta_flags.p;
    const char *end = at + r->meta_flags.bytes;
    const uint64_t in_answer = answered[r->cmd - CMD_META_SET];
    enum proto_error error = PROTO_OK;
    uint64_t seen = 0;
    unsigned answer_count = 0;
    while (at < end) {
        char letter = *at++;
        if (letter == ' ')
            continue;
        unsigned bit = (unsigned)(unsigned char)letter - 'A';
        uint64_t flag = bit < 64 ? UINT64_C(1) << bit : 0;
        if (UNLIKELY((flag & KNOWN & ~seen) == 0))
            return refusal(r, flag & seen ? PROTO_DUPLICATE_FLAG : PROTO_INVALID_FLAG);
        seen |= flag;
        if (flag & in_answer)
            a->answers[answer_count++] = letter;
        /* Most are a letter and no more: the rest is kept out of the loop. */
        if ((flag & WITH_TOKEN) || (at < end && *at != ' '))
            at = take_token(letter, span_of(at, (size_t)(end - at)), a, &error);
    }
    a->seen = seen;
    a->answer_count = (uint8_t)answer_count;
    if (UNLIKELY(error != PROTO_OK || r->meta_flags.bytes > FLAGS_BYTES_FEW))
        error = refusal(r, error);
    if (LIKELY(error == PROTO_OK) && UNLIKELY(seen & (F('M') | F('O'))))
        error = check_mode_and_opaque(r, a);
    return error;
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
parse_token(char letter, struct span token, struct meta_args *a)
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
        a->mode = token.bytes > 0 ? *token.p : '\0';
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

/* Takes the token that 'rest' begins with, and returns where it ends.  Of several bad ones the last
 * is told, a bad number of F only if there is no other. */
static NO_INLINE const char *
take_token(char letter, struct span rest, struct meta_args *a, enum proto_error *error)
{
    const char *end = scan_space(rest.p, rest.p + rest.bytes);
    if ((META_FLAG(letter) & WITH_TOKEN) == 0)
        return end;
    enum proto_error e = parse_token(letter, span_of(rest.p, (size_t)(end - rest.p)), a);
    if (e != PROTO_OK && (e != PROTO_BAD_FORMAT || *error == PROTO_OK))
        *error = e;
    return end;
}

/* May a flag begin like this, even if there is none that does?  memcached cuts a line into words
 * before it looks at them, and refuses all others as bad lines. */
static bool
begins_flag(char c)
{
    return (c >= 'A' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Why the flags are refused, when something is wrong with them: their beginnings and their number
 * come before all else, and for ma all else is one. */
static enum proto_error
refusal(const struct request *r, enum proto_error otherwise)
{
    const char *at = r->meta_flags.p;
    const char *end = at + r->meta_flags.bytes;
    unsigned words = r->cmd == CMD_META_SET ? 3 : 2;
    for (; (at = scan_past_spaces(at, end)) < end; at = scan_space(at, end)) {
        if (!begins_flag(*at))
            return PROTO_BAD_FORMAT;
        words++;
    }
    if (words > META_WORDS_MAX)
        return PROTO_TOO_MANY_FLAGS;
    return r->cmd == CMD_META_ARITH && otherwise != PROTO_OK ? PROTO_BAD_FLAG : otherwise;
}

static bool
has_mode_of(const struct meta_args *a, const char *modes)
{
    return !meta_has(a, 'M') || (a->mode != '\0' && strchr(modes, a->mode) != NULL);
}

static enum proto_error
check_mode_and_opaque(const struct request *r, const struct meta_args *a)
{
    if (r->cmd == CMD_META_SET && !has_mode_of(a, "EAPRS"))
        return PROTO_BAD_SET_MODE;
    if (r->cmd == CMD_META_ARITH && !has_mode_of(a, "I+D-"))
        return PROTO_BAD_ARITH_MODE;
    bool too_long = meta_has(a, 'O') && a->opaque_bytes > META_OPAQUE_BYTES_MAX;
    return too_long ? PROTO_OPAQUE_TOO_LONG : PROTO_OK;
}

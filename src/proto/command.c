#include "proto/command.h"

#include "base/attr.h"
#include "base/num.h"
#include "proto/scan.h"

/* The longest value that can be announced: with its line end it still fits memcached's int. */
#define VALUE_BYTES_MAX (INT32_MAX - 2)

/* Clients that keep an exptime in 32 bits without a sign (libmemcached, and so pylibmc and PHP)
 * write 4294967295 for -1, which has passed.  That is what the last thirty days of these 32 bits
 * mean; all before them, until the year 2106, are dates. */
#define EXPTIME_UNSIGNED_END INT64_C(4294967296)
#define EXPTIME_UNSIGNED_MIN (EXPTIME_UNSIGNED_END - 30 * 24 * 60 * 60)

typedef enum command_follow parse_fn(struct span args, struct request *r);

#define DELETE_WORDS_IGNORED 3

static parse_fn parse_get, parse_gat, parse_storage, parse_delta, parse_delete, parse_touch,
    parse_flush_all, parse_verbosity, parse_memlimit, parse_word, parse_args, parse_key_and_args,
    parse_meta, parse_meta_set;

#define NAME(literal) (literal), sizeof(literal) - 1

/* The frequent ones first: command_find() walks it from the top. */
/* clang-format off */
static const struct command commands[] = {
    {NAME("get"),             CMD_GET,             0,             NOREPLY_NEVER,     parse_get},
    {NAME("set"),             CMD_SET,             0,             NOREPLY_LAST,      parse_storage},
    {NAME("gets"),            CMD_GET,             REQ_WITH_CAS,  NOREPLY_NEVER,     parse_get},
    {NAME("delete"),          CMD_DELETE,          0,             NOREPLY_AFTER_KEY, parse_delete},
    {NAME("incr"),            CMD_INCR,            0,             NOREPLY_LAST,      parse_delta},
    {NAME("add"),             CMD_ADD,             0,             NOREPLY_LAST,      parse_storage},
    {NAME("cas"),             CMD_CAS,             0,             NOREPLY_LAST,      parse_storage},
    {NAME("touch"),           CMD_TOUCH,           0,             NOREPLY_LAST,      parse_touch},
    {NAME("gat"),             CMD_GAT,             0,             NOREPLY_NEVER,     parse_gat},
    {NAME("gats"),            CMD_GAT,             REQ_WITH_CAS,  NOREPLY_NEVER,     parse_gat},
    {NAME("decr"),            CMD_DECR,            0,             NOREPLY_LAST,      parse_delta},
    {NAME("replace"),         CMD_REPLACE,         0,             NOREPLY_LAST,      parse_storage},
    {NAME("append"),          CMD_APPEND,          0,             NOREPLY_LAST,      parse_storage},
    {NAME("prepend"),         CMD_PREPEND,         0,             NOREPLY_LAST,      parse_storage},
    {NAME("ms"),              CMD_META_SET,        0,             NOREPLY_NEVER,     parse_meta_set},
    {NAME("mg"),              CMD_META_GET,        0,             NOREPLY_NEVER,     parse_meta},
    {NAME("md"),              CMD_META_DELETE,     0,             NOREPLY_NEVER,     parse_meta},
    {NAME("ma"),              CMD_META_ARITH,      0,             NOREPLY_NEVER,     parse_meta},
    {NAME("mn"),              CMD_META_NOOP,       0,             NOREPLY_NEVER,     parse_word},
    {NAME("me"),              CMD_META_DEBUG,      0,             NOREPLY_NEVER,     parse_key_and_args},
    {NAME("version"),         CMD_VERSION,         0,             NOREPLY_NEVER,     parse_word},
    {NAME("quit"),            CMD_QUIT,            0,             NOREPLY_NEVER,     parse_word},
    {NAME("stats"),           CMD_STATS,           0,             NOREPLY_NEVER,     parse_args},
    {NAME("flush_all"),       CMD_FLUSH_ALL,       0,             NOREPLY_LAST,      parse_flush_all},
    {NAME("verbosity"),       CMD_VERBOSITY,       0,             NOREPLY_LAST,      parse_verbosity},
    {NAME("cache_memlimit"),  CMD_CACHE_MEMLIMIT,  0,             NOREPLY_LAST,      parse_memlimit},
    {NAME("shutdown"),        CMD_SHUTDOWN,        0,             NOREPLY_LAST,      parse_args},
    {NAME("slabs"),           CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("lru"),             CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("lru_crawler"),     CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("watch"),           CMD_ADMIN,           0,             NOREPLY_NEVER,     parse_args},
    {NAME("extstore"),        CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("refresh_certs"),   CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("debugtime"),       CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("debugitem"),       CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
    {NAME("misbehave"),       CMD_ADMIN,           0,             NOREPLY_LAST,      parse_args},
};
/* clang-format on */

static enum command_follow parse_unknown(struct span line, struct request *r);
static bool take_noreply(struct span *line, size_t keep);
static struct span word_of(struct span line);

const struct command *
command_find(struct span line)
{
    struct span word = word_of(line);
    if (word.bytes == 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        const struct command *c = &commands[i];
        if (c->name_bytes == word.bytes && c->name[0] == word.p[0] &&
            memcmp(c->name, word.p, word.bytes) == 0)
            return c;
    }
    return NULL;
}

enum command_follow
command_parse(const struct command *c, struct span line, struct request *r)
{
    if (c == NULL)
        return parse_unknown(line, r);
    r->cmd = c->cmd;
    r->flags = c->flags;
    size_t keep = c->noreply == NOREPLY_AFTER_KEY ? c->name_bytes : 0u;
    if (c->noreply != NOREPLY_NEVER && take_noreply(&line, keep))
        r->flags |= REQ_NOREPLY;
    if (c->cmd == CMD_ADMIN) {
        r->key = line.p;
        r->key_bytes = c->name_bytes;
    }
    return c->parse(span_of(line.p + c->name_bytes, line.bytes - c->name_bytes), r);
}

void
command_make_bad(struct request *r, enum proto_error error)
{
    *r = (struct request){
        .cmd = CMD_BAD,
        .error = (uint8_t)error,
        .flags = r->flags & REQ_NOREPLY,
        .start = r->start,
    };
}

static enum command_follow
bad(struct request *r, enum proto_error error)
{
    command_make_bad(r, error);
    return FOLLOW_LINE;
}

/* ---- tokens ---- */

static struct span
word_of(struct span line)
{
    return span_of(line.p, (size_t)(scan_space(line.p, line.p + line.bytes) - line.p));
}

static void
skip_spaces(struct span *rest)
{
    const char *end = rest->p + rest->bytes;
    rest->p = scan_past_spaces(rest->p, end);
    rest->bytes = (size_t)(end - rest->p);
}

static void
trim_spaces(struct span *rest)
{
    skip_spaces(rest);
    while (rest->bytes > 0 && rest->p[rest->bytes - 1] == ' ')
        rest->bytes--;
}

/* Takes the next token off 'rest'; empty when there is none. */
static struct span
next_token(struct span *rest)
{
    skip_spaces(rest);
    struct span token = word_of(*rest);
    rest->p += token.bytes;
    rest->bytes -= token.bytes;
    return token;
}

static struct span
last_token(struct span line)
{
    trim_spaces(&line);
    const char *end = line.p + line.bytes;
    const char *at = end;
    while (at > line.p && at[-1] != ' ')
        at--;
    return span_of(at, (size_t)(end - at));
}

/* Takes a last token "noreply" off 'line', if it leaves more than 'keep' bytes and a space. */
static bool
take_noreply(struct span *line, size_t keep)
{
    static const char noreply[] = " noreply";
    const size_t bytes = sizeof noreply - 1;
    while (line->bytes > 0 && line->p[line->bytes - 1] == ' ')
        line->bytes--;
    if (line->bytes <= bytes + keep || memcmp(line->p + line->bytes - bytes, noreply, bytes) != 0)
        return false;
    line->bytes -= bytes;
    return true;
}

/* ---- arguments ---- */

static bool
set_key(struct request *r, struct span key)
{
    if (key.bytes == 0 || key.bytes > KEY_BYTES_MAX)
        return false;
    r->key = key.p;
    r->key_bytes = (uint8_t)key.bytes;
    return true;
}

static void
set_args(struct request *r, struct span args)
{
    trim_spaces(&args);
    r->value = args.p;
    r->value_here = r->value_bytes = (uint32_t)args.bytes;
}

/* memcached reads two numbers of the storage commands with strtol(), and clients came to send "+1". */
static bool
take_plus(struct span *number)
{
    if (number->bytes == 0 || number->p[0] != '+')
        return false;
    number->p++;
    number->bytes--;
    return true;
}

static bool
parse_client_flags(struct span token, uint32_t *flags)
{
    take_plus(&token);
    return num_parse_u32(token, flags);
}

static bool
parse_exptime(struct span token, int64_t *exptime)
{
    if (!num_parse_i64(token, exptime))
        return false;
    if (*exptime >= EXPTIME_UNSIGNED_MIN && *exptime < EXPTIME_UNSIGNED_END)
        *exptime -= EXPTIME_UNSIGNED_END;
    return true;
}

static bool
parse_storage_exptime(struct span token, int64_t *exptime)
{
    if (take_plus(&token) && token.bytes > 0 && token.p[0] == '-')
        return false;
    return parse_exptime(token, exptime);
}

static bool
parse_value_bytes(struct span token, uint32_t *bytes)
{
    return num_parse_u32(token, bytes) && *bytes <= VALUE_BYTES_MAX;
}

/* ---- commands ---- */

/* <key>+ */
static enum command_follow
parse_get(struct span args, struct request *r)
{
    skip_spaces(&args);
    if (args.bytes == 0)
        return bad(r, PROTO_BAD_FORMAT);
    r->value = args.p;
    return FOLLOW_KEYS;
}

/* <exptime> <key>+ */
static enum command_follow
parse_gat(struct span args, struct request *r)
{
    struct span exptime = next_token(&args);
    skip_spaces(&args);
    if (args.bytes == 0)
        return bad(r, PROTO_BAD_FORMAT);
    if (!parse_exptime(exptime, &r->exptime))
        return bad(r, PROTO_BAD_EXPTIME);
    r->value = args.p;
    return FOLLOW_KEYS;
}

/* <key> <flags> <exptime> <bytes> [<cas unique>] [noreply]
 *
 * Without a length there is no telling where the data ends, so that it is read as commands. */
static enum command_follow
parse_storage(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    struct span flags = next_token(&args);
    struct span exptime = next_token(&args);
    uint32_t value_bytes;
    if (!parse_value_bytes(next_token(&args), &value_bytes))
        return bad(r, PROTO_BAD_FORMAT);
    bool good = set_key(r, key) && parse_client_flags(flags, &r->client_flags) &&
                parse_storage_exptime(exptime, &r->exptime) &&
                (r->cmd != CMD_CAS || num_parse_u64(next_token(&args), &r->number));
    if (!good)
        command_make_bad(r, PROTO_BAD_FORMAT);
    r->value_bytes = value_bytes;
    return good ? FOLLOW_DATA : FOLLOW_SWALLOW;
}

/* <key> <delta> [noreply] */
static enum command_follow
parse_delta(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    struct span delta = next_token(&args);
    if (delta.bytes == 0 || !set_key(r, key))
        return bad(r, PROTO_BAD_FORMAT);
    if (!num_parse_u64(delta, &r->number))
        return bad(r, PROTO_BAD_DELTA);
    return FOLLOW_LINE;
}

/* <key> [anything] [noreply].  Old clients send a time, and memcached overlooks whatever follows the
 * key; but libmemcached's test of capabilities demands an error for five words. */
static enum command_follow
parse_delete(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    unsigned more = 0;
    while (more <= DELETE_WORDS_IGNORED && next_token(&args).bytes > 0)
        more++;
    return more <= DELETE_WORDS_IGNORED && set_key(r, key) ? FOLLOW_LINE
                                                            : bad(r, PROTO_BAD_FORMAT);
}

/* <key> <exptime> [noreply] */
static enum command_follow
parse_touch(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    struct span exptime = next_token(&args);
    if (exptime.bytes == 0 || !set_key(r, key))
        return bad(r, PROTO_BAD_FORMAT);
    if (!parse_exptime(exptime, &r->exptime))
        return bad(r, PROTO_BAD_EXPTIME);
    return FOLLOW_LINE;
}

/* [<delay>] [noreply] */
static enum command_follow
parse_flush_all(struct span args, struct request *r)
{
    struct span delay = next_token(&args);
    if (delay.bytes > 0 && !num_parse_i64(delay, &r->exptime))
        return bad(r, PROTO_BAD_EXPTIME);
    return FOLLOW_LINE;
}

/* <level> [noreply] */
static enum command_follow
parse_verbosity(struct span args, struct request *r)
{
    uint32_t level;
    if (!num_parse_u32(next_token(&args), &level))
        return bad(r, PROTO_BAD_FORMAT);
    r->number = level;
    return FOLLOW_LINE;
}

/* <megabytes> [noreply] */
static enum command_follow
parse_memlimit(struct span args, struct request *r)
{
    uint32_t megabytes;
    if (!num_parse_u32(next_token(&args), &megabytes))
        return bad(r, PROTO_UNKNOWN);
    r->number = megabytes;
    return FOLLOW_LINE;
}

/* [anything] */
static enum command_follow
parse_word(struct span args, struct request *r)
{
    (void)args;
    (void)r;
    return FOLLOW_LINE;
}

/* [<argument>...] [noreply] */
static enum command_follow
parse_args(struct span args, struct request *r)
{
    set_args(r, args);
    return FOLLOW_LINE;
}

/* <key> [<argument>...] */
static enum command_follow
parse_key_and_args(struct span args, struct request *r)
{
    if (!set_key(r, next_token(&args)))
        return bad(r, PROTO_BAD_FORMAT);
    set_args(r, args);
    return FOLLOW_LINE;
}

/* <key> [<flag>...].  To ma, memcached says the same of a long key as of its flags. */
static enum command_follow
parse_meta(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    if (r->cmd == CMD_META_ARITH && key.bytes > KEY_BYTES_MAX)
        return bad(r, PROTO_BAD_FLAG);
    if (!set_key(r, key))
        return bad(r, PROTO_BAD_FORMAT);
    r->meta_flags = args;
    return FOLLOW_LINE;
}

/* <key> <bytes> [<flag>...].  Only without a length is the data read as commands. */
static enum command_follow
parse_meta_set(struct span args, struct request *r)
{
    struct span key = next_token(&args);
    uint32_t value_bytes;
    if (!parse_value_bytes(next_token(&args), &value_bytes))
        return bad(r, PROTO_BAD_FORMAT);
    bool good = set_key(r, key);
    if (good)
        r->meta_flags = args;
    else
        command_make_bad(r, PROTO_BAD_FORMAT);
    r->value_bytes = value_bytes;
    return good ? FOLLOW_DATA : FOLLOW_SWALLOW;
}

/* Browsers, and pages that make them send us requests, are cut off before their body is executed. */
static enum command_follow
parse_unknown(struct span line, struct request *r)
{
    trim_spaces(&line);
    struct span last = last_token(line);
    if (last.p > line.p && last.bytes >= 5 && memcmp(last.p, "HTTP/", 5) == 0) {
        command_make_bad(r, PROTO_SILENT);
        r->flags = REQ_CLOSE;
        return FOLLOW_LINE;
    }
    if (take_noreply(&line, 0))
        r->flags = REQ_NOREPLY;
    return bad(r, PROTO_UNKNOWN);
}

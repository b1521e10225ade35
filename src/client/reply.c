#include <string.h>
#include "client/attr.h"
#include "client/reply.h"

static enum reply_status find_line(struct reply_parser *parser, const char *p, size_t bytes);
static enum reply_status read_line(struct reply_parser *parser, const char *p, size_t limit,
                                   struct reply *reply);

/* ---- words and numbers ---- */

struct word {
    char text[16];
    uint8_t len;
    uint8_t kind;
};

#define WORD(text, kind) {text, sizeof text - 1, kind}

/* The usual ones first: these are compared in turn. */
static const struct word words[] = {
    WORD("VA", REPLY_VA),
    WORD("VALUE", REPLY_VALUE),
    WORD("HD", REPLY_HD),
    WORD("EN", REPLY_EN),
    WORD("MN", REPLY_MN),
    WORD("END", REPLY_END),
    WORD("STORED", REPLY_STORED),
    WORD("NF", REPLY_NF),
    WORD("NS", REPLY_NS),
    WORD("EX", REPLY_EX),
    WORD("STAT", REPLY_STAT),
    WORD("DELETED", REPLY_DELETED),
    WORD("NOT_FOUND", REPLY_NOT_FOUND),
    WORD("NOT_STORED", REPLY_NOT_STORED),
    WORD("EXISTS", REPLY_EXISTS),
    WORD("TOUCHED", REPLY_TOUCHED),
    WORD("OK", REPLY_OK),
    WORD("RESET", REPLY_RESET),
    WORD("VERSION", REPLY_VERSION),
    WORD("CONFIG", REPLY_CONFIG),
    WORD("ME", REPLY_ME),
    WORD("ERROR", REPLY_ERROR),
    WORD("CLIENT_ERROR", REPLY_CLIENT_ERROR),
    WORD("SERVER_ERROR", REPLY_SERVER_ERROR),
    /* memcached's own slip, of a refused shutdown. */
    WORD("SERVER_ERROR:", REPLY_SERVER_ERROR),
};

/* As many as a number of 64 bits has for certain: up to there no step can overflow. */
#define SAFE_DIGITS 19

/* The digits at p: how many, or 0 if there are none or it is more than 64 bits hold. */
static size_t
read_digits(const char *p, size_t bytes, uint64_t *number)
{
    uint64_t n = 0;
    unsigned digit;
    size_t i = 0;
    for (; i < bytes && (digit = (unsigned char)p[i] - (unsigned)'0') <= 9; i++) {
        if (LIKELY(i < SAFE_DIGITS))
            n = n * 10 + digit;
        else if (i > SAFE_DIGITS || __builtin_mul_overflow(n, 10, &n) ||
                 __builtin_add_overflow(n, digit, &n))
            return 0;
    }
    *number = n;
    return i;
}

static bool
read_number(const char *p, size_t bytes, uint64_t *number)
{
    return bytes > 0 && read_digits(p, bytes, number) == bytes;
}

static size_t
spaces(struct ketch_bytes line)
{
    const char *p = line.p;
    size_t i = 0;
    while (i < line.bytes && p[i] == ' ')
        i++;
    return i;
}

/* Takes the next word off the line; empty at its end. */
static struct ketch_bytes
next_word(struct ketch_bytes *line)
{
    size_t skip = spaces(*line), left = line->bytes - skip;
    const char *p = (const char *)line->p + skip;
    const char *space = left > 0 ? memchr(p, ' ', left) : NULL;
    size_t bytes = space != NULL ? (size_t)(space - p) : left;
    *line = (struct ketch_bytes){p + bytes, left - bytes};
    return (struct ketch_bytes){p, bytes};
}

/* A word that must be a number. */
static bool
next_number(struct ketch_bytes *line, uint64_t *number)
{
    size_t skip = spaces(*line), left = line->bytes - skip;
    const char *p = (const char *)line->p + skip;
    size_t bytes = read_digits(p, left, number);
    *line = (struct ketch_bytes){p + bytes, left - bytes};
    return bytes > 0 && (bytes == left || p[bytes] == ' ');
}

/* ---- a reply ---- */

/* Copied, since gcc clears a struct of this size with 'rep stos', which is slow to start. */
static const struct reply blank;

enum reply_status
reply_parse(struct reply_parser *parser, const char *p, size_t bytes, size_t value_bytes_max,
            struct reply *reply)
{
    if (parser->need > bytes)
        return REPLY_MORE;
    if (parser->line_bytes == 0) {
        enum reply_status status = find_line(parser, p, bytes);
        if (status != REPLY_WHOLE)
            return status;
    }
    enum reply_status status = read_line(parser, p, value_bytes_max, reply);
    if (status != REPLY_WHOLE)
        return status;
    if (parser->need > bytes)
        return REPLY_MORE;
    if (reply->value.p != NULL && memcmp(p + parser->need - 2, "\r\n", 2) != 0)
        return REPLY_BAD;
    reply->bytes = parser->need;
    *parser = (struct reply_parser){0};
    return REPLY_WHOLE;
}

static enum reply_status
find_line(struct reply_parser *parser, const char *p, size_t bytes)
{
    const char *newline = memchr(p + parser->seen, '\n', bytes - parser->seen);
    size_t len = newline != NULL ? (size_t)(newline - p) : bytes;
    if (len > REPLY_LINE_BYTES_MAX)
        return REPLY_BAD;
    if (newline == NULL) {
        parser->seen = bytes;
        return REPLY_MORE;
    }
    if (len < 2 || p[len - 1] != '\r')
        return REPLY_BAD;
    parser->line_bytes = len + 1;
    return REPLY_WHOLE;
}

static enum reply_kind
kind_of(const char *p, size_t bytes)
{
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (words[i].len == bytes && memcmp(words[i].text, p, bytes) == 0)
            return (enum reply_kind)words[i].kind;
    return REPLY_OTHER;
}

/* A number alone, as incr answers; memcached pads it with spaces in some versions. */
static bool
is_number_line(const char *p, size_t bytes, uint64_t *number)
{
    while (bytes > 0 && p[bytes - 1] == ' ')
        bytes--;
    return read_number(p, bytes, number);
}

static bool
read_value_line(struct ketch_bytes rest, struct reply *reply, uint64_t *bytes)
{
    uint64_t flags;
    reply->key = next_word(&rest);
    if (reply->key.bytes == 0 || !next_number(&rest, &flags) || !next_number(&rest, bytes))
        return false;
    /* Servers built with large client flags have 64 bits of them; we have 32. */
    reply->flags = (uint32_t)flags;
    struct ketch_bytes cas = next_word(&rest);
    reply->has_cas = cas.bytes > 0;
    return cas.bytes == 0 || read_number(cas.p, cas.bytes, &reply->number);
}

/* Fills in what the line says, and sets parser->need. */
static enum reply_status
read_line(struct reply_parser *parser, const char *p, size_t limit, struct reply *reply)
{
    size_t len = parser->line_bytes - 2;
    uint64_t bytes = 0;
    const char *space = memchr(p, ' ', len);
    size_t word_len = space != NULL ? (size_t)(space - p) : len;
    size_t skip = space != NULL ? word_len + 1 : len;
    *reply = blank;
    reply->kind = kind_of(p, word_len);
    reply->rest = (struct ketch_bytes){p + skip, len - skip};
    parser->need = parser->line_bytes;
    switch (reply->kind) {
    case REPLY_VA:
        if (!next_number(&reply->rest, &bytes))
            return REPLY_BAD;
        break;
    case REPLY_VALUE:
    case REPLY_CONFIG:
        if (!read_value_line(reply->rest, reply, &bytes))
            return REPLY_BAD;
        break;
    case REPLY_STAT: {
        struct ketch_bytes value = reply->rest;
        reply->key = next_word(&value);
        return REPLY_WHOLE;
    }
    case REPLY_OTHER:
        if (is_number_line(p, len, &reply->number))
            reply->kind = REPLY_NUMBER;
        return REPLY_WHOLE;
    default:
        return REPLY_WHOLE;
    }
    if (bytes > limit)
        return REPLY_LARGE;
    reply->value = (struct ketch_bytes){p + parser->line_bytes, (size_t)bytes};
    parser->need += (size_t)bytes + 2;
    return REPLY_WHOLE;
}

/* ---- meta flags ---- */

static bool
read_signed(const char *p, size_t bytes, int64_t *number)
{
    uint64_t n;
    bool negative = bytes > 0 && *p == '-';
    if (!read_number(p + negative, bytes - negative, &n) || n > INT64_MAX)
        return false;
    *number = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool
read_u32(const char *p, size_t bytes, uint32_t *number)
{
    uint64_t n;
    if (!read_number(p, bytes, &n))
        return false;
    *number = (uint32_t)n;
    return true;
}

static bool
read_opaque(const char *p, size_t bytes, struct reply_meta *meta)
{
    uint64_t n;
    meta->has_opaque = read_number(p, bytes, &n) && n <= UINT32_MAX;
    meta->opaque = meta->has_opaque ? (uint32_t)n : 0;
    return meta->has_opaque;
}

static bool
read_flag(struct ketch_bytes word, struct reply_meta *meta)
{
    const char *token = (const char *)word.p + 1;
    size_t bytes = word.bytes - 1;
    switch (*(const char *)word.p) {
    case 'f':
        return read_u32(token, bytes, &meta->flags);
    case 'O':
        return read_opaque(token, bytes, meta);
    case 'c':
        return read_number(token, bytes, &meta->cas);
    case 't':
        return read_signed(token, bytes, &meta->ttl_s);
    case 'l':
        return read_signed(token, bytes, &meta->idle_s);
    case 'h':
        meta->hit = bytes == 1 && *token == '1';
        return true;
    case 'W':
        return meta->won = true;
    case 'Z':
        return meta->taken = true;
    case 'X':
        return meta->stale = true;
    default:
        return true;
    }
}

bool
reply_meta_read(struct ketch_bytes flags, struct reply_meta *meta)
{
    *meta = (struct reply_meta){0};
    for (struct ketch_bytes word; (word = next_word(&flags)).bytes > 0;)
        if (!read_flag(word, meta))
            return false;
    return true;
}

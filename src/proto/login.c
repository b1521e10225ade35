#include "proto/login.h"

#include "base/num.h"
#include "proto/text.h"

#define LINE_BYTES_MIN 6 /* its end included */
#define LINE_END_BYTES 2 /* of the token */

_Static_assert(LOGIN_INPUT_BYTES_MIN ==
                   TEXT_LINE_BYTES_MAX + 1 + LOGIN_TOKEN_BYTES_MAX + LINE_END_BYTES,
               "a line, its newline and a token");

#define ERROR_LINE(words) SPAN("CLIENT_ERROR " words "\r\n")

static enum login_kind
bad(struct login *out, struct span line, size_t used)
{
    out->line = line;
    out->used = used;
    return LOGIN_BAD;
}

/* Takes the next word, and the spaces before it, off 'rest'; an empty one if there is none. */
static struct span
next_word(struct span *rest)
{
    const char *at = rest->p, *end = rest->p + rest->bytes;
    while (at < end && *at == ' ')
        at++;
    const char *space = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
    const char *stop = space != NULL ? space : end;
    *rest = span_of(stop, (size_t)(end - stop));
    return span_of(at, (size_t)(stop - at));
}

static struct span
trim(struct span s)
{
    while (s.bytes > 0 && *s.p == ' ')
        s = span_of(s.p + 1, s.bytes - 1);
    while (s.bytes > 0 && s.p[s.bytes - 1] == ' ')
        s.bytes--;
    return s;
}

/* The announced length; false: the line is not the one that is understood. */
static bool
parse_line(struct span line, uint32_t *token_bytes)
{
    if (line.bytes < 3 || memcmp(line.p, "set", 3) != 0)
        return false;
    for (int i = 0; i < 4; i++)
        (void)next_word(&line);
    return num_parse_u32(next_word(&line), token_bytes);
}

static enum login_kind
parse_token(struct span token, struct login *out)
{
    out->user = next_word(&token);
    out->password = trim(token);
    if (out->user.bytes == 0 || out->password.bytes == 0)
        return bad(out, ERROR_LINE("bad authentication token format"), out->used);
    return LOGIN_TOKEN;
}

enum login_kind
login_parse(struct span in, struct login *out)
{
    size_t window = in.bytes <= TEXT_LINE_BYTES_MAX ? in.bytes : TEXT_LINE_BYTES_MAX + 1;
    const char *newline = window > 0 ? memchr(in.p, '\n', window) : NULL;
    uint32_t token_bytes;
    *out = (struct login){0};
    if (newline == NULL)
        return window > TEXT_LINE_BYTES_MAX ? LOGIN_CLOSE : LOGIN_INCOMPLETE;
    size_t line_bytes = (size_t)(newline - in.p) + 1;
    if (line_bytes < LINE_BYTES_MIN)
        return LOGIN_CLOSE;
    struct span line = span_of(in.p, line_bytes - 1 - (newline[-1] == '\r'));
    if (!parse_line(line, &token_bytes))
        return bad(out, ERROR_LINE("unauthenticated"), line_bytes);
    if (token_bytes > LOGIN_TOKEN_BYTES_MAX) {
        out->swallow_bytes = (uint64_t)token_bytes + LINE_END_BYTES;
        return bad(out, ERROR_LINE("auth token too long"), line_bytes);
    }
    size_t whole_bytes = line_bytes + token_bytes + LINE_END_BYTES;
    if (in.bytes < whole_bytes)
        return LOGIN_INCOMPLETE;
    const char *token = in.p + line_bytes;
    if (memcmp(token + token_bytes, "\r\n", LINE_END_BYTES) != 0)
        return bad(out, ERROR_LINE("bad command line termination"), whole_bytes);
    out->used = whole_bytes;
    return parse_token(span_of(token, token_bytes), out);
}

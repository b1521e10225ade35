#include <ketch/ring.h>

#include <stdlib.h>
#include <string.h>
#include "ring/attr.h"
#include "ring/conf.h"

/* Bytes of the text that is being read. */
struct piece {
    const char *p;
    size_t bytes;
};

enum { WORDS_MAX = 4, LIST_BYTES_MAX = 1 << 28 };

/* A server as its line has it. */
struct line {
    struct piece host, name; /* name.p is NULL: none */
    uint32_t port, weight;
};

/* ---- pieces ---- */

static struct piece
piece_of(const char *p, const char *end)
{
    return (struct piece){p, (size_t)(end - p)};
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct piece
take_line(struct piece *text)
{
    const char *end = text->p + text->bytes, *newline = memchr(text->p, '\n', text->bytes);
    struct piece line = piece_of(text->p, newline != NULL ? newline : end);
    *text = newline != NULL ? piece_of(newline + 1, end) : piece_of(end, end);
    return line;
}

static struct piece
take_word(struct piece *line)
{
    const char *p = line->p, *end = line->p + line->bytes;
    while (p < end && is_blank(*p))
        p++;
    const char *start = p;
    while (p < end && !is_blank(*p))
        p++;
    *line = piece_of(p, end);
    return piece_of(start, p);
}

/* The words up to a '#'.  WORDS_MAX + 1: there are more. */
static size_t
words_of(struct piece line, struct piece words[WORDS_MAX])
{
    size_t count = 0;
    for (;;) {
        struct piece w = take_word(&line);
        if (w.bytes == 0 || w.p[0] == '#')
            return count;
        if (count == WORDS_MAX)
            return WORDS_MAX + 1;
        words[count++] = w;
    }
}

static bool
is_number(struct piece w)
{
    for (size_t i = 0; i < w.bytes; i++)
        if (w.p[i] < '0' || w.p[i] > '9')
            return false;
    return w.bytes > 0;
}

static bool
number(struct piece w, uint32_t max, uint32_t *value)
{
    uint64_t n = 0;
    if (!is_number(w))
        return false;
    for (size_t i = 0; i < w.bytes; i++) {
        n = n * 10 + (uint64_t)(w.p[i] - '0');
        if (n > max)
            return false;
    }
    *value = (uint32_t)n;
    return true;
}

static size_t
colons(struct piece w)
{
    size_t n = 0;
    for (size_t i = 0; i < w.bytes; i++)
        n += w.p[i] == ':';
    return n;
}

/* What is before the first 'c'; the rest, whose p is NULL if there is no 'c', is in *rest. */
static struct piece
before(struct piece w, char c, struct piece *rest)
{
    const char *at = memchr(w.p, c, w.bytes);
    *rest = at != NULL ? piece_of(at + 1, w.p + w.bytes) : (struct piece){NULL, 0};
    return at != NULL ? piece_of(w.p, at) : w;
}

/* ---- one line; each returns what is wrong, or NULL ---- */

static const char *
read_port(struct piece w, uint32_t *port)
{
    return number(w, UINT16_MAX, port) && *port > 0 ? NULL : "the port must be 1 to 65535";
}

static const char *
read_weight(struct piece w, uint32_t *weight)
{
    return number(w, UINT32_MAX, weight) && *weight > 0 ? NULL
                                                        : "the weight must be 1 to 4294967295";
}

/* "port" or "port:weight". */
static const char *
read_port_and_weight(struct piece w, struct line *l)
{
    struct piece weight;
    const char *why = read_port(before(w, ':', &weight), &l->port);
    return why == NULL && weight.p != NULL ? read_weight(weight, &l->weight) : why;
}

/* Words behind a first one that has the port: a name, or a weight if there is none yet. */
static const char *
read_rest(struct piece *words, size_t count, bool weight_is_given, struct line *l)
{
    if (count > 1)
        return "there are too many words";
    if (count == 1 && !weight_is_given && is_number(words[0]))
        return read_weight(words[0], &l->weight);
    if (count == 1)
        l->name = words[0];
    return NULL;
}

/* Words behind a first one that is the host alone: port, weight, name. */
static const char *
read_columns(struct piece *words, size_t count, struct line *l)
{
    const char *why = NULL;
    if (count > 0)
        why = read_port(words[0], &l->port);
    if (why == NULL && count > 1)
        why = read_weight(words[1], &l->weight);
    if (why == NULL && count > 2)
        l->name = words[2];
    return why;
}

/* A path, with its weight behind the last colon; or path, port 0 (or the one it is hashed with),
 * weight. */
static const char *
read_path(struct piece *words, size_t count, struct line *l)
{
    struct piece path = words[0];
    const char *colon = memrchr(path.p, ':', path.bytes);
    struct piece weight = {NULL, 0};
    if (colon != NULL && is_number(piece_of(colon + 1, path.p + path.bytes))) {
        weight = piece_of(colon + 1, path.p + path.bytes);
        path = piece_of(path.p, colon);
    }
    l->host = path;
    l->port = 0;
    if (weight.p == NULL && count > 2 && number(words[1], UINT16_MAX, &l->port)) {
        const char *why = read_weight(words[2], &l->weight);
        if (why == NULL && count > 3)
            l->name = words[3];
        return why;
    }
    const char *why = weight.p != NULL ? read_weight(weight, &l->weight) : NULL;
    return why != NULL ? why : read_rest(words + 1, count - 1, weight.p != NULL, l);
}

/* "[v6]", "[v6]:port", "[v6]:port:weight". */
static const char *
read_bracketed(struct piece *words, size_t count, struct line *l)
{
    struct piece rest;
    l->host = before(piece_of(words[0].p + 1, words[0].p + words[0].bytes), ']', &rest);
    if (rest.p == NULL)
        return "there is no ] to the [";
    if (rest.bytes == 0)
        return read_columns(words + 1, count - 1, l);
    if (rest.p[0] != ':')
        return "behind ] comes :port";
    struct piece numbers = piece_of(rest.p + 1, rest.p + rest.bytes);
    const char *why = read_port_and_weight(numbers, l);
    return why != NULL ? why : read_rest(words + 1, count - 1, colons(numbers) > 0, l);
}

static bool
is_bare_ipv6(struct piece w)
{
    struct piece rest, last;
    (void)before(w, ':', &rest);
    return colons(w) > 2 || (colons(w) == 2 && before(rest, ':', &last).bytes == 0);
}

static const char *
read_host(struct piece *words, size_t count, struct line *l)
{
    struct piece numbers;
    if (is_bare_ipv6(words[0])) {
        l->host = words[0];
        if (count == 1)
            return "write [address]:port for IPv6, or address and port as two words";
        return read_columns(words + 1, count - 1, l);
    }
    l->host = before(words[0], ':', &numbers);
    if (numbers.p == NULL)
        return read_columns(words + 1, count - 1, l);
    const char *why = read_port_and_weight(numbers, l);
    return why != NULL ? why : read_rest(words + 1, count - 1, colons(numbers) > 0, l);
}

static const char *
read_line(struct piece *words, size_t count, struct line *l)
{
    *l = (struct line){.port = 11211, .weight = 1};
    if (count > WORDS_MAX)
        return "there are too many words";
    const char *why = words[0].p[0] == '/'   ? read_path(words, count, l)
                      : words[0].p[0] == '[' ? read_bracketed(words, count, l)
                                             : read_host(words, count, l);
    if (why != NULL)
        return why;
    if (l->host.bytes == 0)
        return "there is no host";
    if (l->host.bytes > KETCH_RING_HOST_MAX || l->name.bytes > KETCH_RING_NAME_MAX)
        return "a host or a name is too long";
    return NULL;
}

/* ---- the list ---- */

/* What a list takes: the servers, and a copy of each string with a NUL. */
struct sink {
    struct ketch_server *servers; /* NULL: only counts */
    char *strings;
    size_t count, string_bytes;
};

static char *
keep(struct sink *s, struct piece w)
{
    char *at = NULL;
    if (s->servers != NULL) {
        at = s->strings + s->string_bytes;
        memcpy(at, w.p, w.bytes);
        at[w.bytes] = '\0';
    }
    s->string_bytes += w.bytes + 1;
    return at;
}

static void
sink_add(struct sink *s, const struct line *l)
{
    struct ketch_server server = {.port = (uint16_t)l->port, .weight = l->weight};
    server.host = keep(s, l->host);
    server.name = l->name.p != NULL ? keep(s, l->name) : NULL;
    if (s->servers != NULL)
        s->servers[s->count] = server;
    s->count++;
}

static enum ketch_status
read_all(struct piece text, struct sink *sink, char *why, size_t why_bytes)
{
    for (size_t number = 1; text.bytes > 0; number++) {
        struct piece words[WORDS_MAX], line = take_line(&text);
        size_t count = words_of(line, words);
        struct line l;
        const char *wrong = count > 0 ? read_line(words, count, &l) : NULL;
        if (memchr(line.p, 0, line.bytes) != NULL)
            wrong = "there is a NUL in it";
        if (wrong != NULL)
            return conf_refuse(KETCH_INVALID, why, why_bytes, "line %zu: %s", number, wrong);
        if (count > 0)
            sink_add(sink, &l);
    }
    return KETCH_OK;
}

enum ketch_status
ketch_server_list_parse(const char *text, size_t bytes, struct ketch_server_list *list, char *why,
                        size_t why_bytes)
{
    *list = (struct ketch_server_list){NULL, 0, NULL};
    if (bytes > LIST_BYTES_MAX)
        return conf_refuse(KETCH_TOO_LARGE, why, why_bytes, "the list is longer than 256 MiB");
    struct piece all = {text, bytes};
    struct sink sink = {NULL, NULL, 0, 0};
    enum ketch_status status = read_all(all, &sink, why, why_bytes);
    if (status != KETCH_OK || sink.count == 0)
        return status;

    struct ketch_server *servers = malloc(sink.count * sizeof(*servers) + sink.string_bytes);
    if (servers == NULL)
        return conf_refuse(KETCH_NO_MEMORY, why, why_bytes, "out of memory");
    sink = (struct sink){servers, (char *)(servers + sink.count), 0, 0};
    (void)read_all(all, &sink, NULL, 0);
    *list = (struct ketch_server_list){servers, sink.count, servers};
    return KETCH_OK;
}

void
ketch_server_list_free(struct ketch_server_list *list)
{
    free(list->memory);
    *list = (struct ketch_server_list){NULL, 0, NULL};
}

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "script.h"

/* What a client says at once at most; more is a mistake of the test. */
#define INPUT_BYTES_MAX (1 << 20)

struct said {
    struct said *next;
    int64_t at_us;
    size_t bytes, sent;
    char p[];
};

struct script_conn {
    struct script_conn *next;
    int fd;
    bool hang_up;
    char *in;
    size_t in_bytes;
    struct said *first, **last;
};

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "script: %s: %s\n", what, strerror(errno));
    abort();
}

int64_t
script_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
script_init(struct script *s, script_answer answer, void *arg)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof in;
    *s = (struct script){.answer = answer, .arg = arg};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(s->fd >= 0, "socket");
    must(bind(s->fd, (struct sockaddr *)&in, sizeof in) == 0, "bind");
    must(listen(s->fd, 64) == 0, "listen");
    must(getsockname(s->fd, (struct sockaddr *)&in, &bytes) == 0, "getsockname");
    s->port = ntohs(in.sin_port);
}

static void
close_conn(struct script *s, struct script_conn *conn)
{
    struct script_conn **at = &s->conns;
    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
    for (struct said *said = conn->first, *next; said != NULL; said = next) {
        next = said->next;
        free(said);
    }
    close(conn->fd);
    free(conn->in);
    free(conn);
}

void
script_close_all(struct script *s)
{
    while (s->conns != NULL)
        close_conn(s, s->conns);
}

void
script_fini(struct script *s)
{
    script_close_all(s);
    close(s->fd);
}

/* ---- saying ---- */

void
script_say(struct script_conn *conn, const void *p, size_t bytes, int delay_ms)
{
    if (conn->hang_up)
        return;
    struct said *said = malloc(sizeof *said + bytes);
    must(said != NULL, "malloc");
    *said = (struct said){.at_us = script_now_us() + delay_ms * 1000LL, .bytes = bytes};
    if (bytes > 0)
        memcpy(said->p, p, bytes);
    *conn->last = said;
    conn->last = &said->next;
}

void
script_hang_up(struct script_conn *conn)
{
    conn->hang_up = true;
}

bool
script_is_quiet(const struct script_conn *conn)
{
    return conn->first == NULL;
}

/* False: the connection is gone. */
static bool
send_some(struct script *s, struct script_conn *conn, bool *busy)
{
    for (struct said *said; (said = conn->first) != NULL && said->at_us <= script_now_us();) {
        size_t n = said->bytes - said->sent;
        if (s->drip > 0 && n > s->drip)
            n = s->drip;
        ssize_t sent = n > 0 ? send(conn->fd, said->p + said->sent, n, MSG_NOSIGNAL) : 0;
        if (sent < 0)
            return errno == EAGAIN;
        *busy = true;
        said->sent += (size_t)sent;
        if (said->sent == said->bytes) {
            conn->first = said->next;
            if (conn->first == NULL)
                conn->last = &conn->first;
            free(said);
        }
        if (s->drip > 0)
            break;
    }
    return conn->first != NULL || !conn->hang_up;
}

/* ---- hearing ---- */

static bool
has_value(const char *word)
{
    static const char *const storing[] = {"set", "add", "replace", "append", "prepend", "cas"};
    for (size_t i = 0; i < sizeof storing / sizeof *storing; i++)
        if (strcmp(word, storing[i]) == 0)
            return true;
    return false;
}

static size_t
value_bytes(const struct script_request *r)
{
    bool meta = r->words > 2 && strcmp(r->word[0], "ms") == 0;
    if (meta)
        return (size_t)strtoull(r->word[2], NULL, 10);
    return r->words > 4 && has_value(r->word[0]) ? (size_t)strtoull(r->word[4], NULL, 10)
                                                 : SIZE_MAX;
}

static void
cut(char *line, struct script_request *r)
{
    char *rest = line, *word;
    *r = (struct script_request){.words = 0};
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word != '\0' && r->words < SCRIPT_WORDS_MAX)
            r->word[r->words++] = word;
}

/* One request; its bytes, or 0: not all of it has come. */
static size_t
hear_one(struct script *s, struct script_conn *conn, char *p, size_t bytes)
{
    char line[8192];
    struct script_request r;
    char *end = memmem(p, bytes, "\r\n", 2);
    if (end == NULL)
        return 0;
    size_t len = (size_t)(end - p), used = len + 2;
    must(len < sizeof line, "a line of the client's is too long");
    memcpy(line, p, len);
    line[len] = '\0';
    cut(line, &r);
    size_t value = r.words > 0 ? value_bytes(&r) : SIZE_MAX;
    if (value != SIZE_MAX) {
        if (bytes - used < value + 2)
            return 0;
        r.value = p + used;
        r.value_bytes = value;
        used += value + 2;
    }
    if (r.words > 0)
        s->answer(s->arg, conn, &r);
    return used;
}

/* False: the client has closed the connection. */
static bool
hear(struct script *s, struct script_conn *conn, bool *busy)
{
    ssize_t n = recv(conn->fd, conn->in + conn->in_bytes, INPUT_BYTES_MAX - conn->in_bytes, 0);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return false;
    *busy = true;
    conn->in_bytes += (size_t)n;
    size_t used = 0, one;
    while ((one = hear_one(s, conn, conn->in + used, conn->in_bytes - used)) > 0)
        used += one;
    conn->in_bytes -= used;
    memmove(conn->in, conn->in + used, conn->in_bytes);
    return true;
}

static void
accept_all(struct script *s, bool *busy)
{
    int fd, on = 1;
    while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct script_conn *conn = calloc(1, sizeof *conn);
        must(conn != NULL && (conn->in = malloc(INPUT_BYTES_MAX)) != NULL, "malloc");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        conn->fd = fd;
        conn->last = &conn->first;
        conn->next = s->conns;
        s->conns = conn;
        s->accepted++;
        *busy = true;
    }
}

bool
script_turn(struct script *s)
{
    bool busy = false;
    accept_all(s, &busy);
    for (struct script_conn *conn = s->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        if (!hear(s, conn, &busy) || !send_some(s, conn, &busy))
            close_conn(s, conn);
    }
    return busy;
}

uint64_t
script_flag(const struct script_request *r, char letter, uint64_t fallback)
{
    for (size_t i = 1; i < r->words; i++)
        if (r->word[i][0] == letter)
            return strtoull(r->word[i] + 1, NULL, 10);
    return fallback;
}

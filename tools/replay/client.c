#include "replay/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "load/value.h"

#define READ_BYTES ((size_t)256 << 10)

static bool
fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    return false;
}

bool
client_open(struct client *c, const struct address *to, double timeout_s)
{
    *c = (struct client){.fd = address_connect(to, 0, timeout_s)};
    if (c->fd < 0)
        fprintf(stderr, "%s: cannot connect: %s\n", program_invocation_short_name, strerror(errno));
    return c->fd >= 0;
}

void
client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    buffer_fini(&c->in);
    c->fd = -1;
}

bool
client_send(struct client *c, struct span bytes)
{
    while (bytes.bytes > 0) {
        ssize_t n = send(c->fd, bytes.p, bytes.bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(errno == EAGAIN ? "the server reads nothing" : strerror(errno));
        bytes = span_of(bytes.p + n, bytes.bytes - (size_t)n);
    }
    return true;
}

static struct span
unread(const struct client *c)
{
    return span_of(c->in.p + c->used, c->in.bytes - c->used);
}

static bool
receive(struct client *c)
{
    buffer_drop(&c->in, c->used);
    c->used = 0;
    ssize_t n;
    do {
        n = recv(c->fd, buffer_reserve(&c->in, READ_BYTES), READ_BYTES, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(errno == EAGAIN ? "the server does not answer" : strerror(errno));
    if (n == 0)
        return fail("the server closed the connection");
    c->in.bytes += (size_t)n;
    return true;
}

bool
client_read(struct client *c, struct reply *r)
{
    size_t used;
    while (c->used == c->in.bytes || (used = reply_read(PROTOCOL_TEXT, unread(c), r)) == 0)
        if (!receive(c))
            return false;
    c->used += used;
    return true;
}

bool
client_read_data(struct client *c, const struct reply *r, struct span *data)
{
    if (r->data_bytes > VALUE_BYTES_MAX)
        return fail("the server announces a value that is larger than any stored");
    size_t bytes = (size_t)r->data_bytes;
    size_t end_bytes = r->end_bytes;
    while (c->in.bytes - c->used < bytes + end_bytes)
        if (!receive(c))
            return false;
    *data = span_of(c->in.p + c->used, bytes);
    c->used += bytes + end_bytes;
    return true;
}

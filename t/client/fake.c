#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fake.h"

static struct fake_server *
server_of(struct fake *f, const struct ketch_conn *conn)
{
    return &f->servers[ketch_conn_server(conn)->port - FAKE_PORT];
}

/* ---- the transport ---- */

static int64_t
now_us(void *ctx)
{
    return ((struct fake *)ctx)->now_us;
}

static int64_t
unix_s(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static enum ketch_status
connect_conn(void *ctx, struct ketch_conn *conn, int *error)
{
    struct fake_server *s = server_of(ctx, conn);
    s->connects++;
    if (s->manner == FAKE_REFUSES) {
        *error = ECONNREFUSED;
        return KETCH_DOWN;
    }
    s->conn = conn;
    s->heard_bytes = 0;
    if (s->manner == FAKE_ACCEPTS)
        ketch_conn_connected(conn);
    return KETCH_OK;
}

static void
close_conn(void *ctx, struct ketch_conn *conn)
{
    struct fake *f = ctx;
    server_of(f, conn)->conn = NULL;
    f->closes++;
}

static void
output(void *ctx, struct ketch_conn *conn)
{
    (void)ctx, (void)conn;
}

static void
set_timer(void *ctx, int64_t at_us)
{
    ((struct fake *)ctx)->timer_us = at_us;
}

static void
detach(void *ctx)
{
    (void)ctx;
}

static const struct ketch_transport transport = {
    .now_us = now_us,
    .unix_s = unix_s,
    .connect = connect_conn,
    .close = close_conn,
    .output = output,
    .timer = set_timer,
    .detach = detach,
};

const struct ketch_transport *
fake_transport(void)
{
    return &transport;
}

/* ---- life ---- */

void
fake_init(struct fake *f)
{
    f->client = NULL;
    f->byte_by_byte = false;
    f->closes = 0;
    for (size_t i = 0; i < FAKE_SERVERS_MAX; i++) { /* what was heard is long, and need not be cleared */
        f->servers[i].manner = FAKE_ACCEPTS;
        f->servers[i].conn = NULL;
        f->servers[i].connects = 0;
        f->servers[i].heard_bytes = 0;
    }
    f->now_us = 1000000;
    f->timer_us = KETCH_NEVER;
}

void
fake_conf(struct fake *f, struct ketch_client_conf *conf, size_t servers)
{
    ketch_client_conf_init(conf);
    for (size_t i = 0; i < FAKE_SERVERS_MAX; i++)
        f->addresses[i] =
            (struct ketch_server){.host = "fake", .port = (uint16_t)(FAKE_PORT + i), .weight = 1};
    conf->servers = f->addresses;
    conf->server_count = servers;
    conf->protocol = KETCH_PROTOCOL_META;
    conf->seed = 1;
}

void
fake_start(struct fake *f, const struct ketch_client_conf *conf)
{
    char why[200] = "";
    if (ketch_client_create(conf, &f->client, why, sizeof why) != KETCH_OK ||
        ketch_client_attach(f->client, &transport, f) != KETCH_OK) {
        fprintf(stderr, "no client: %s\n", why);
        abort();
    }
}

void
fake_fini(struct fake *f)
{
    ketch_client_destroy(f->client);
    f->client = NULL;
}

/* ---- talk ---- */

static void
listen_to(struct fake_server *s)
{
    while (s->conn != NULL) {
        struct ketch_bytes out = ketch_conn_output(s->conn);
        if (out.bytes == 0)
            return;
        if (s->heard_bytes + out.bytes >= FAKE_HEARD_MAX)
            abort();
        memcpy(s->heard + s->heard_bytes, out.p, out.bytes);
        s->heard_bytes += out.bytes;
        ketch_conn_sent(s->conn, out.bytes);
    }
}

const char *
fake_heard(struct fake *f, size_t i)
{
    struct fake_server *s = &f->servers[i];
    listen_to(s);
    s->heard[s->heard_bytes] = '\0';
    s->heard_bytes = 0;
    return s->heard;
}

bool
fake_say_bytes(struct fake *f, size_t i, const void *p, size_t bytes)
{
    const char *at = p;
    while (bytes > 0) {
        struct ketch_conn *conn = f->servers[i].conn;
        size_t room;
        if (conn == NULL)
            return false;
        void *to = ketch_conn_reserve(conn, &room);
        if (to == NULL)
            return false;
        size_t n = f->byte_by_byte ? 1 : bytes < room ? bytes : room;
        memcpy(to, at, n);
        if (!ketch_conn_commit(conn, n))
            return false;
        at += n;
        bytes -= n;
    }
    return true;
}

bool
fake_say(struct fake *f, size_t i, const char *text)
{
    return fake_say_bytes(f, i, text, strlen(text));
}

void
fake_accept(struct fake *f, size_t i)
{
    ketch_conn_connected(f->servers[i].conn);
}

void
fake_hang_up(struct fake *f, size_t i, enum ketch_status status, int error)
{
    struct ketch_conn *conn = f->servers[i].conn;
    if (conn != NULL)
        ketch_conn_failed(conn, status, error);
}

bool
fake_is_connected(const struct fake *f, size_t i)
{
    return f->servers[i].conn != NULL;
}

void
fake_advance(struct fake *f, int64_t ms)
{
    int64_t until_us = f->now_us + ms * 1000;
    while (f->timer_us <= until_us) {
        if (f->now_us < f->timer_us)
            f->now_us = f->timer_us;
        f->timer_us = KETCH_NEVER;
        ketch_client_timer(f->client);
    }
    f->now_us = until_us;
}

/* ---- outcomes ---- */

static void
keep_text(char *to, size_t size, struct ketch_bytes from)
{
    size_t n = from.bytes < size ? from.bytes : size - 1;
    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

void
outcome_keep(void *arg, const struct ketch_result *r)
{
    struct outcome *o = arg;
    o->times++;
    o->status = r->status;
    o->error = r->error;
    o->server = r->server;
    o->flags = r->flags;
    o->marks = r->marks;
    o->cas = r->cas;
    o->number = r->number;
    o->ttl_s = r->ttl_s;
    memcpy(o->code, r->code, sizeof o->code);
    keep_text(o->value, sizeof o->value, r->value);
    keep_text(o->message, sizeof o->message, r->message);
    keep_text(o->meta, sizeof o->meta, r->meta);
    keep_text(o->key, sizeof o->key, r->key);
}

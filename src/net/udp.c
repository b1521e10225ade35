#include "net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "exec/datagram.h"
#include "net/conn.h"
#include "net/listen.h"

/* The largest datagram there is. */
#define RECEIVE_BYTES 65536

/* Datagrams taken, and sent, in one system call. */
#define RECEIVE_MAX 16
#define SEND_MAX    64

/* Replies wait for each other until there are so many datagrams. */
#define QUEUE_MIN 64

/* How often a request for memory is tried again, so many seconds apart, before it is refused. */
#define RETRIES_MAX 500
#define RETRY_S     0.001

/* How often it is logged that somebody is not answered. */
#define REFUSED_LOG_S 60

/* A datagram that came, and where its reply goes. */
struct received {
    struct sockaddr_storage from;
    /* The address that it was sent to: as it came, then as it goes with the reply. */
    _Alignas(struct cmsghdr) char pktinfo[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    size_t pktinfo_bytes;
};

/* A datagram that is to leave; its bytes are in the slot of the same number. */
struct queued {
    uint16_t bytes;
    uint8_t to; /* number of the received datagram that it answers */
};

struct udp_socket {
    ev_io io;
    ev_timer retry;
    struct worker *worker;
    uint8_t protocol;
    int watched;                     /* the events that the loop looks for */
    unsigned retries;                /* of the current request */
    unsigned received_count;
    unsigned next;                   /* of those received: to be answered */
    bool answering;                  /* 'current' is that one, not finished */
    struct datagram current;
    unsigned queue_room;             /* slots: for QUEUE_MIN datagrams and one more reply */
    unsigned queued_count, sent_count;
    struct queued *queue;
    char *slots;                     /* UDP_DATAGRAM_BYTES each */
    char *buffers;                   /* RECEIVE_BYTES each */
    struct received received[RECEIVE_MAX];
    struct mmsghdr messages[RECEIVE_MAX];
    struct iovec iov[RECEIVE_MAX];
    _Atomic uint32_t last_request_s; /* on the server's clock */
};

struct udp {
    unsigned count;
    bool begun;
    uint32_t refused_s; /* when it was last logged that somebody is not answered */
    struct udp_socket sockets[];
};

/* ---- who is answered ---- */

static bool
is_private_v4(uint32_t a)
{
    static const struct {
        uint32_t net, mask;
    } nets[] = {
        {0x7f000000, 0xff000000}, /* 127/8 */
        {0x0a000000, 0xff000000}, /* 10/8 */
        {0xac100000, 0xfff00000}, /* 172.16/12 */
        {0xc0a80000, 0xffff0000}, /* 192.168/16 */
        {0x64400000, 0xffc00000}, /* 100.64/10 */
        {0xa9fe0000, 0xffff0000}, /* 169.254/16 */
    };
    for (size_t i = 0; i < ARRAY_COUNT(nets); i++)
        if ((a & nets[i].mask) == nets[i].net)
            return true;
    return false;
}

static bool
is_private_v6(const struct in6_addr *a)
{
    return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) || (a->s6_addr[0] & 0xfe) == 0xfc;
}

bool
udp_may_answer(const struct sockaddr *from, bool everywhere)
{
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        return in->sin_port != 0 && (everywhere || is_private_v4(ntohl(in->sin_addr.s_addr)));
    }
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        return in6->sin6_port != 0 && (everywhere || is_private_v6(&in6->sin6_addr));
    }
    return false;
}

/* An operator who meant to serve them must find out. */
static void
note_refused(struct worker *w, const struct sockaddr *from)
{
    char host[INET6_ADDRSTRLEN] = "?";
    uint32_t *last_s = &w->udp->refused_s;
    if (*last_s != 0 && w->now_s - *last_s < REFUSED_LOG_S)
        return;
    *last_s = w->now_s;
    (void)inet_ntop(from->sa_family,
                    from->sa_family == AF_INET
                        ? (const void *)&((const struct sockaddr_in *)from)->sin_addr
                        : (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr,
                    host, sizeof host);
    log_line(LOG_WARN, "a datagram from %s is not answered: senders may be forged, and this address is "
                       "not of a private network; -o udp_public answers all", host);
}

/* Makes of the address that a datagram was sent to, the one that its reply comes from.  False: it was
 * sent to many. */
static bool
turn_pktinfo(struct received *r, struct msghdr *msg)
{
    r->pktinfo_bytes = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    if (c == NULL)
        return true;
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(c);
        /* The second is one of ours; the first may be a broadcast. */
        if (info->ipi_addr.s_addr != info->ipi_spec_dst.s_addr)
            return false;
        info->ipi_ifindex = 0; /* the way back may be another */
        r->pktinfo_bytes = CMSG_SPACE(sizeof *info);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);
        if (IN6_IS_ADDR_MULTICAST(&info->ipi6_addr))
            return false;
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
            info->ipi6_ifindex = 0;
        r->pktinfo_bytes = CMSG_SPACE(sizeof *info);
    }
    return true;
}

/* ---- sending ---- */

/* Describes as many of the queue as fit; returns how many. */
static unsigned
fill_messages(struct udp_socket *s, struct mmsghdr messages[SEND_MAX], struct iovec iov[SEND_MAX])
{
    unsigned count = 0;
    for (unsigned i = s->sent_count; i < s->queued_count && count < SEND_MAX; i++, count++) {
        struct received *to = &s->received[s->queue[i].to];
        iov[count] = (struct iovec){s->slots + (size_t)i * UDP_DATAGRAM_BYTES, s->queue[i].bytes};
        messages[count].msg_hdr = (struct msghdr){
            .msg_name = &to->from,
            .msg_namelen = to->from.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                          : sizeof(struct sockaddr_in),
            .msg_iov = &iov[count],
            .msg_iovlen = 1,
            .msg_control = to->pktinfo_bytes > 0 ? to->pktinfo : NULL,
            .msg_controllen = to->pktinfo_bytes,
        };
    }
    return count;
}

/* The first of the queue cannot be sent: neither can the rest of its message. */
static void
skip_message(struct udp_socket *s)
{
    uint8_t to = s->queue[s->sent_count].to;
    while (s->sent_count < s->queued_count && s->queue[s->sent_count].to == to)
        s->sent_count++;
}

/* False: the socket takes no more now.  The slots are used again from the first on, unless one is in use
 * that is not queued yet. */
static bool
flush(struct udp_socket *s)
{
    while (s->sent_count < s->queued_count) {
        struct mmsghdr messages[SEND_MAX];
        struct iovec iov[SEND_MAX];
        unsigned count = fill_messages(s, messages, iov);
        int n = sendmmsg(s->io.fd, messages, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return false;
        if (n < 0 && errno != EINTR)
            skip_message(s);
        for (int i = 0; i < n; i++)
            counter_add(&s->worker->counters.bytes_written, messages[i].msg_len);
        s->sent_count += n > 0 ? (unsigned)n : 0;
    }
    if (!s->answering)
        s->queued_count = s->sent_count = 0;
    return true;
}

/* Queues the finished message of the current datagram, which lies behind the queue. */
static void
enqueue(struct udp_socket *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        s->queue[s->queued_count++] = (struct queued){
            (uint16_t)udp_message_datagram_bytes(&s->current.message, i), (uint8_t)s->next};
}

/* ---- answering ---- */

/* Begins with the next datagram; false: it gets no answer. */
static bool
begin(struct udp_socket *s)
{
    struct worker *w = s->worker;
    struct mmsghdr *m = &s->messages[s->next];
    struct received *r = &s->received[s->next];
    const struct sockaddr *from = (const struct sockaddr *)&r->from;
    struct udp_request request;
    const struct net_config *config = w->context->config;
    if ((m->msg_hdr.msg_flags & MSG_TRUNC) || !udp_parse(span_of(s->iov[s->next].iov_base, m->msg_len),
                                                         &request))
        return false;
    if (!udp_may_answer(from, config->udp_public)) {
        note_refused(w, from);
        return false;
    }
    if (!turn_pktinfo(r, &m->msg_hdr))
        return false;
    datagram_begin(&s->current, s->protocol, &request,
                   s->slots + (size_t)s->queued_count * UDP_DATAGRAM_BYTES, config->udp_reply_max);
    s->answering = true;
    s->retries = 0;
    return true;
}

/* Answers the next datagram; false: no memory is free before others have passed a quiescent point. */
static bool
answer(struct udp_socket *s)
{
    struct worker *w = s->worker;
    if (!s->answering && !begin(s)) {
        s->next++;
        return true;
    }
    bool done = datagram_run(&s->current, w->exec_thread, &w->output, w->now_s);
    if (UNLIKELY(engine_was_starved(w->engine_thread)))
        worker_ask_for_memory(w);
    if (!done && s->retries++ < RETRIES_MAX)
        return false;
    enqueue(s, datagram_end(&s->current, w->exec_thread));
    s->answering = false;
    s->next++;
    return true;
}

/* Watches for these events, and for no others. */
static void
watch(struct udp_socket *s, int events)
{
    struct ev_loop *loop = s->worker->loop;
    if (s->watched == events)
        return;
    s->watched = events;
    ev_io_stop(loop, &s->io);
    if (events == 0)
        return;
    ev_io_modify(&s->io, events);
    ev_io_start(loop, &s->io);
}

/* Answers what was received, as far as socket and memory allow. */
static void
go_on(struct udp_socket *s)
{
    unsigned reply_max = s->worker->context->config->udp_reply_max;
    bool sent = true, waits = false;
    while (sent && !waits && s->next < s->received_count) {
        if (!s->answering && s->queue_room - s->queued_count < reply_max)
            sent = flush(s);
        if (sent)
            waits = !answer(s);
    }
    sent = flush(s) && sent;
    if (waits) {
        watch(s, 0);
        ev_timer_start(s->worker->loop, &s->retry);
    } else {
        watch(s, sent ? EV_READ : EV_WRITE);
    }
}

/* ---- events ---- */

/* Takes a batch; the one before is over. */
static void
receive(struct udp_socket *s)
{
    struct worker *w = s->worker;
    for (unsigned i = 0; i < RECEIVE_MAX; i++) {
        s->iov[i] = (struct iovec){s->buffers + (size_t)i * RECEIVE_BYTES, RECEIVE_BYTES};
        s->messages[i].msg_hdr = (struct msghdr){.msg_name = &s->received[i].from,
                                                 .msg_namelen = sizeof s->received[i].from,
                                                 .msg_iov = &s->iov[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = s->received[i].pktinfo,
                                                 .msg_controllen = sizeof s->received[i].pktinfo};
    }
    int n = recvmmsg(s->io.fd, s->messages, RECEIVE_MAX, MSG_DONTWAIT, NULL);
    s->next = 0;
    s->received_count = n > 0 ? (unsigned)n : 0;
    for (unsigned i = 0; i < s->received_count; i++)
        counter_add(&w->counters.bytes_read, s->messages[i].msg_len);
    if (n > 0 && atomic_load_explicit(&s->last_request_s, memory_order_relaxed) != w->now_s)
        atomic_store_explicit(&s->last_request_s, w->now_s, memory_order_relaxed);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    struct udp_socket *s = io->data;
    if (UNLIKELY(events & EV_ERROR)) { /* libev could not tell the kernel, and has stopped the watcher */
        s->watched = 0;
        ev_timer_start(loop, &s->retry);
        return;
    }
    if (s->next == s->received_count && s->queued_count == 0)
        receive(s);
    go_on(s);
}

static void
on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    go_on(timer->data);
}

/* ---- life ---- */

static void
init_socket(struct udp_socket *s, struct worker *w, const struct listener *l, unsigned number)
{
    s->worker = w;
    s->protocol = l->protocol;
    s->queue_room = QUEUE_MIN + w->context->config->udp_reply_max;
    atomic_init(&s->last_request_s, w->now_s);
    ev_io_init(&s->io, on_ready, l->udp_fds[number], EV_READ);
    s->io.data = s;
    ev_timer_init(&s->retry, on_retry, RETRY_S, 0.);
    s->retry.data = s;
}

/* Costs address space; a page is there when it was first needed. */
static bool
alloc_buffers(struct udp_socket *s)
{
    s->queue = malloc(s->queue_room * sizeof *s->queue);
    s->slots = malloc((size_t)s->queue_room * UDP_DATAGRAM_BYTES);
    s->buffers = malloc((size_t)RECEIVE_MAX * RECEIVE_BYTES);
    return s->queue != NULL && s->slots != NULL && s->buffers != NULL;
}

bool
udp_create(struct worker *w, unsigned number)
{
    const struct worker_context *context = w->context;
    unsigned count = 0;
    for (unsigned i = 0; i < context->listener_count; i++)
        count += context->listeners[i].fd < 0;
    if (count == 0)
        return true;
    w->udp = calloc(1, sizeof *w->udp + count * sizeof w->udp->sockets[0]);
    if (w->udp == NULL)
        return false;
    for (unsigned i = 0; i < context->listener_count; i++) {
        if (context->listeners[i].fd >= 0)
            continue;
        struct udp_socket *s = &w->udp->sockets[w->udp->count++];
        init_socket(s, w, &context->listeners[i], number);
        if (!alloc_buffers(s))
            return false;
        counter_add(&w->counters.conns_opened, 1); /* memcached takes them for connections */
    }
    return true;
}

void
udp_begin(struct worker *w)
{
    if (w->udp == NULL || w->udp->begun)
        return;
    w->udp->begun = true;
    for (unsigned i = 0; i < w->udp->count; i++)
        watch(&w->udp->sockets[i], EV_READ);
}

void
udp_stop(struct worker *w)
{
    for (unsigned i = 0; w->udp != NULL && i < w->udp->count; i++) {
        struct udp_socket *s = &w->udp->sockets[i];
        if (s->answering)
            (void)datagram_end(&s->current, w->exec_thread);
        s->answering = false;
    }
}

void
udp_destroy(struct worker *w)
{
    if (w->udp == NULL)
        return;
    for (unsigned i = 0; i < w->udp->count; i++) {
        struct udp_socket *s = &w->udp->sockets[i];
        ev_io_stop(w->loop, &s->io);
        ev_timer_stop(w->loop, &s->retry);
        free(s->queue);
        free(s->slots);
        free(s->buffers);
    }
    free(w->udp);
    w->udp = NULL;
}

/* ---- views ---- */

void
udp_show(struct worker *w, stat_emit_fn *emit, void *to)
{
    uint32_t now_s = clock_now(w->context->clock);
    for (unsigned i = 0; w->udp != NULL && i < w->udp->count; i++) {
        struct udp_socket *s = &w->udp->sockets[i];
        int fd = s->io.fd;
        uint32_t last_s = atomic_load_explicit(&s->last_request_s, memory_order_relaxed);
        char name[32];
        snprintf(name, sizeof name, "%d:UDP", fd);
        emit(to, name, "UDP");
        net_show_bound(fd, emit, to);
        snprintf(name, sizeof name, "%d:state", fd);
        emit(to, name, "conn_read");
        snprintf(name, sizeof name, "%d:secs_since_last_cmd", fd);
        emit(to, name, "%u", now_s > last_s ? now_s - last_s : 0);
    }
}

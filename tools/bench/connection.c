#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "load/reply.h"

/* A preload is limited by what the kernel takes at once, not by --depth. */
#define PRELOAD_DEPTH       64
#define PRELOAD_BATCH_BYTES (64u << 10)
/* Holds the replies to a get of 1,000 small values; larger ones take more than one turn. */
#define READ_BYTES (256u << 10)

uint64_t
connection_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
connection_init(struct connection *c, struct session *s, int fd)
{
    const struct options *o = s->source.workload->options;
    uint32_t depth = (uint32_t)o->depth;
    *c = (struct connection){.fd = fd};
    c->capacity = o->preload && depth < PRELOAD_DEPTH ? PRELOAD_DEPTH : depth;
    c->requests = buffer_alloc(c->capacity, sizeof(*c->requests));
    c->keys = buffer_alloc(c->capacity * o->multiget, sizeof(*c->keys));
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    CHECK(epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

void
connection_fini(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->requests);
    free(c->keys);
    buffer_fini(&c->rest);
    buffer_fini(&c->unsent);
    buffer_fini(&c->fills);
    *c = (struct connection){.fd = -1};
}

static void
break_off(struct connection *c, struct session *s, enum tally_error error, struct span text)
{
    tally_fail(s->tally, error, connection_now_ns(), text);
    close(c->fd);
    c->fd = -1;
    s->under_way -= c->under_way;
    c->under_way = 0;
}

static void
break_off_errno(struct connection *c, struct session *s)
{
    const char *why = strerror(errno);
    break_off(c, s, TALLY_CLOSED, span_of(why, strlen(why)));
}

/* ---- out ---- */

static uint32_t
depth_of(const struct connection *c, const struct session *s)
{
    if (s->source.phase == PHASE_PRELOAD)
        return PRELOAD_DEPTH < c->capacity ? PRELOAD_DEPTH : c->capacity;
    return (uint32_t)s->source.workload->options->depth;
}

static uint32_t *
keys_at(const struct connection *c, const struct session *s, uint32_t place)
{
    return c->keys + place * s->source.workload->options->multiget;
}

/* Takes the youngest key that waits to be stored after a miss. */
static bool
next_fill(struct connection *c, struct request *r, uint32_t *keys)
{
    if (c->fills.bytes == 0)
        return false;
    c->fills.bytes -= sizeof(*keys);
    memcpy(keys, c->fills.p + c->fills.bytes, sizeof(*keys));
    r->is_set = true;
    r->key_count = 1;
    return true;
}

static bool
begin_request(struct connection *c, struct session *s, uint64_t start_ns, struct buffer *out)
{
    uint32_t place = c->head + c->under_way;
    if (place >= c->capacity)
        place -= c->capacity;
    struct request *r = &c->requests[place];
    uint32_t *keys = keys_at(c, s, place);
    if (!next_fill(c, r, keys) && !source_next(&s->source, r, keys))
        return false;
    source_compose(&s->source, r, keys, out);
    r->start_ns = start_ns;
    c->under_way++;
    s->under_way++;
    return true;
}

static void
watch_for_room(struct connection *c, struct session *s, bool wanted)
{
    if (c->waits_to_send == wanted)
        return;
    c->waits_to_send = wanted;
    struct epoll_event event = {.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    CHECK(epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) == 0);
}

/* Sends what the kernel takes now.  False if the connection broke. */
static bool
send_some(struct connection *c, struct session *s, struct span bytes, size_t *sent)
{
    ssize_t n = send(c->fd, bytes.p, bytes.bytes, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        break_off_errno(c, s);
        return false;
    }
    *sent = n > 0 ? (size_t)n : 0;
    return true;
}

void
connection_flush(struct connection *c, struct session *s)
{
    size_t sent;
    if (c->fd < 0 || c->unsent.bytes == 0)
        return;
    if (!send_some(c, s, span_of(c->unsent.p, c->unsent.bytes), &sent))
        return;
    buffer_drop(&c->unsent, sent);
    watch_for_room(c, s, c->unsent.bytes > 0);
}

static void
send_scratch(struct connection *c, struct session *s)
{
    size_t sent = 0;
    if (c->unsent.bytes == 0 && !send_some(c, s, span_of(s->out.p, s->out.bytes), &sent))
        return;
    buffer_append(&c->unsent, s->out.p + sent, s->out.bytes - sent);
    watch_for_room(c, s, c->unsent.bytes > 0);
}

static void
stamp(struct connection *c, uint64_t now_ns)
{
    for (uint32_t i = 0, place = c->head; i < c->under_way; i++) {
        c->requests[place].start_ns = now_ns;
        if (++place == c->capacity)
            place = 0;
    }
}

void
connection_send_batch(struct connection *c, struct session *s)
{
    uint32_t depth = depth_of(c, s);
    size_t bytes_max = s->source.phase == PHASE_PRELOAD ? PRELOAD_BATCH_BYTES : SIZE_MAX;
    s->out.bytes = 0;
    while (c->under_way < depth && s->out.bytes < bytes_max)
        if (!begin_request(c, s, 0, &s->out))
            break;
    if (s->out.bytes == 0)
        return;
    stamp(c, connection_now_ns());
    send_scratch(c, s);
}

bool
connection_has_room(const struct connection *c)
{
    return c->fd >= 0 && c->under_way < c->capacity;
}

bool
connection_queue(struct connection *c, struct session *s, uint64_t due_ns)
{
    return begin_request(c, s, due_ns, &c->unsent);
}

/* ---- in ---- */

static void
note_miss(struct connection *c, const struct session *s, const uint32_t *key)
{
    if (s->source.workload->options->look_aside)
        buffer_append(&c->fills, key, sizeof(*key));
}

/* Finds the key of a VALUE among those asked for; replies keep the order of the request, so each
 * key passed over is a miss. */
static bool
match_key(struct connection *c, struct session *s, const struct reply *reply, uint32_t *number)
{
    const struct request *r = &c->requests[c->head];
    const uint32_t *asked = keys_at(c, s, c->head);
    struct span key = reply_key(reply);
    if (key.bytes == 0 && reply->is_last)
        *number = asked[0];
    else if (!keyspace_read(&s->source.workload->keys, key, number))
        return false;
    uint32_t i = c->matched;
    while (i < r->key_count && asked[i] != *number)
        i++;
    if (i == r->key_count)
        return false;
    for (; c->matched < i; c->matched++)
        note_miss(c, s, &asked[c->matched]);
    c->matched++;
    return true;
}

static void
check_value(struct connection *c, struct session *s, const struct reply *r, struct span data)
{
    uint32_t number;
    if (!match_key(c, s, r, &number)) {
        tally_fail(s->tally, TALLY_WRONG_VALUE, s->last_reply_ns, r->line);
        return;
    }
    if (!s->source.workload->options->verify)
        return;
    enum value_verdict verdict = value_judge(data, number);
    if (verdict == VALUE_OF_ANOTHER_KEY)
        tally_fail(s->tally, TALLY_WRONG_VALUE, s->last_reply_ns, r->line);
    else if (verdict == VALUE_DAMAGED)
        tally_fail(s->tally, TALLY_DAMAGED, s->last_reply_ns, r->line);
}

static void
finish_request(struct connection *c, struct session *s)
{
    struct request *r = &c->requests[c->head];
    struct tally *t = s->tally;
    counter_add(&t->requests, 1);
    counter_add(&t->keys, r->key_count);
    histogram_add(r->is_set ? &t->set_ns : &t->get_ns, s->last_reply_ns - r->start_ns, 1);
    if (r->is_set) {
        counter_add(&t->sets, 1);
    } else {
        counter_add(&t->hits, c->found);
        counter_add(&t->misses, c->found < r->key_count ? r->key_count - c->found : 0);
    }
    if (++c->head == c->capacity)
        c->head = 0;
    c->under_way--;
    s->under_way--;
    c->found = c->matched = 0;
}

static void
finish_get(struct connection *c, struct session *s)
{
    const struct request *r = &c->requests[c->head];
    if (s->match)
        for (uint32_t i = c->matched; i < r->key_count; i++)
            note_miss(c, s, &keys_at(c, s, c->head)[i]);
    finish_request(c, s);
}

static void
end_skipping(struct connection *c, struct session *s)
{
    if (c->is_over)
        finish_get(c, s);
    c->is_over = false;
}

/* A VALUE line at 'in', of which the line takes 'line_bytes'.  Returns the bytes used, 0 if the
 * data must be seen but are not all there. */
static size_t
on_value(struct connection *c, struct session *s, const struct reply *r, struct span in,
         size_t line_bytes)
{
    uint64_t with_end = r->data_bytes + r->end_bytes;
    if (s->match) {
        if (in.bytes - line_bytes < with_end)
            return 0;
        check_value(c, s, r, span_of(in.p + line_bytes, r->data_bytes));
        c->found++;
        if (r->is_last)
            finish_get(c, s);
        return line_bytes + with_end;
    }
    c->found++;
    c->skip_bytes = with_end;
    c->is_over = r->is_last;
    if (with_end == 0)
        end_skipping(c, s);
    return line_bytes;
}

static bool
is_answer(const struct connection *c, enum reply_kind kind)
{
    if (c->under_way == 0)
        return false;
    bool is_set = c->requests[c->head].is_set;
    switch (kind) {
    case REPLY_VALUE:
    case REPLY_END:
        return !is_set;
    case REPLY_STORED:
        return is_set;
    default:
        return kind != REPLY_OTHER;
    }
}

static const enum tally_error error_of[] = {
    [REPLY_SERVER_ERROR] = TALLY_SERVER_ERROR,
    [REPLY_CLIENT_ERROR] = TALLY_CLIENT_ERROR,
    [REPLY_ERROR] = TALLY_ERROR,
};

/* One line, and the data of a value that is to be checked.  Returns the bytes used, 0 for "bring
 * more". */
static size_t
on_reply(struct connection *c, struct session *s, struct span in)
{
    struct reply r;
    size_t used = reply_read(s->source.workload->options->protocol, in, &r);
    if (r.kind == REPLY_PARTIAL)
        return 0;
    if (UNLIKELY(!is_answer(c, r.kind))) {
        break_off(c, s, TALLY_UNEXPECTED, r.line);
        return used;
    }
    switch (r.kind) {
    case REPLY_VALUE:
        return on_value(c, s, &r, in, used);
    case REPLY_END:
        finish_get(c, s);
        return used;
    case REPLY_STORED:
        finish_request(c, s);
        return used;
    default:
        tally_fail(s->tally, error_of[r.kind], s->last_reply_ns, r.line);
        finish_request(c, s);
        return used;
    }
}

/* Returns how much of 'in' has been used. */
static size_t
parse(struct connection *c, struct session *s, struct span in)
{
    size_t at = 0;
    while (at < in.bytes && c->fd >= 0) {
        size_t left = in.bytes - at;
        if (c->skip_bytes > 0) {
            size_t skip = c->skip_bytes < left ? (size_t)c->skip_bytes : left;
            c->skip_bytes -= skip;
            at += skip;
            if (c->skip_bytes == 0)
                end_skipping(c, s);
            continue;
        }
        size_t used = on_reply(c, s, span_of(in.p + at, left));
        if (used == 0)
            break;
        at += used;
    }
    return at;
}

static void
receive(struct connection *c, struct session *s)
{
    s->in.bytes = 0;
    buffer_append(&s->in, c->rest.p, c->rest.bytes);
    ssize_t n = recv(c->fd, buffer_reserve(&s->in, READ_BYTES), READ_BYTES, 0);
    if (n == 0) {
        break_off(c, s, TALLY_CLOSED, SPAN("the server closed the connection"));
        return;
    }
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            break_off_errno(c, s);
        return;
    }
    s->in.bytes += (size_t)n;
    s->last_reply_ns = connection_now_ns();
    size_t used = parse(c, s, span_of(s->in.p, s->in.bytes));
    c->rest.bytes = 0;
    buffer_append(&c->rest, s->in.p + used, s->in.bytes - used);
}

void
connection_on_event(struct connection *c, struct session *s, uint32_t events)
{
    if (c->fd >= 0 && (events & EPOLLOUT) != 0)
        connection_flush(c, s);
    if (c->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0)
        receive(c, s);
    bool answered = c->fd >= 0 && c->under_way == 0 && s->closed_loop;
    if (answered && s->last_reply_ns < s->send_until_ns)
        connection_send_batch(c, s);
}

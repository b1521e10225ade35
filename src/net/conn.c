#include "net/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "proto/login.h"

/* A worker whose connections keep more than their share of unparsed input and unsent output (config.h) is
 * frugal: it takes less at a time, and makes less of an answer before it is sent.  Clients who do not read
 * are then good for a few kilobytes each, where they would be for more than a hundred. */
#define FRUGAL_INPUT_BYTES  (4u << 10) /* >= TEXT_INPUT_BYTES_MIN */
#define FRUGAL_OUTPUT_BYTES (4u << 10)
_Static_assert(FRUGAL_INPUT_BYTES >= TEXT_INPUT_BYTES_MIN, "enough to go on");
_Static_assert(INPUT_BYTES > LOGIN_INPUT_BYTES_MIN && INPUT_BYTES > BINARY_INPUT_BYTES_MIN,
               "a login is there in one piece, kept from turn to turn");

/* How often a turn may fill and send the output before others get theirs. */
#define FLUSHES_PER_TURN 4

/* When memory cannot be had because clients keep it, somebody must let go: who has been silent for so
 * long in the middle of an upload or of a value being sent, or has been slower than that for so long, or has
 * taken so long over it. */
#define HOARDER_SILENT_MS    1000
#define HOARDER_SLOW_MS      1500
#define HOARDER_BYTES_PER_MS 64
#define HOARDER_BUSY_MS      10000
#define HOARDER_UNREAD_BYTES 4096

/* How much that nobody wants is read before closing, at most: twice what a turn reads. */
#define UNWANTED_BYTES     4096u
#define UNWANTED_READS_MAX (2 * INPUT_BYTES / UNWANTED_BYTES)

/* How often a turn tries again to find memory before others get theirs. */
#define RETRIES_PER_TURN 2

/* ---- states ---- */

static const struct {
    const char *name; /* as memcached's 'stats conns' calls it */
    uint8_t next;     /* the states that may follow, as bits */
    int events;       /* what the loop watches for */
} states[CONN_STATES] = {
    [CONN_READING] = {"conn_read", 1 << CONN_READING | 1 << CONN_WRITING | 1 << CONN_WAITING |
                                       1 << CONN_CLOSED, EV_READ},
    [CONN_WRITING] = {"conn_mwrite", 1 << CONN_READING | 1 << CONN_WRITING | 1 << CONN_WAITING |
                                         1 << CONN_CLOSED, EV_WRITE},
    [CONN_WAITING] = {"conn_parse_cmd", 1 << CONN_READING | 1 << CONN_WRITING | 1 << CONN_WAITING |
                                            1 << CONN_CLOSED, EV_READ},
    [CONN_CLOSED] = {"conn_closed", 0, 0},
};

const char *
conn_state_name(enum conn_state s)
{
    return states[s].name;
}

static enum conn_state
state_of(const struct conn *c)
{
    return atomic_load_explicit(&((struct conn *)c)->state, memory_order_relaxed);
}

static void
set_state(struct conn *c, enum conn_state to)
{
    enum conn_state from = state_of(c);
    CHECK(states[from].next & 1 << to);
    if (from == to)
        return;
    atomic_store_explicit(&c->state, (uint8_t)to, memory_order_relaxed);
    if (states[from].events == states[to].events)
        return;
    ev_io_stop(c->worker->loop, &c->io);
    if (states[to].events == 0)
        return;
    ev_io_modify(&c->io, states[to].events);
    ev_io_start(c->worker->loop, &c->io);
}

static void
wait_for_turn(struct conn *c)
{
    set_state(c, CONN_WAITING);
    c->wait_next = NULL;
    *c->worker->waiting_end = c;
    c->worker->waiting_end = &c->wait_next;
}

/* ---- life ---- */

static void on_ready(struct ev_loop *loop, ev_io *io, int events);

bool
conn_open(struct worker *w, int fd, enum protocol protocol)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return false;
    c->worker = w;
    c->session.protocol = (uint8_t)protocol;
    atomic_init(&c->state, CONN_READING);
    atomic_init(&c->last_request_s, w->now_s);
    ev_io_init(&c->io, on_ready, fd, EV_READ);
    c->io.data = c;
    mutex_lock(&w->list_lock);
    c->next = w->conns;
    if (w->conns != NULL)
        w->conns->prev = c;
    w->conns = c;
    w->conn_count++;
    mutex_unlock(&w->list_lock);
    ev_io_start(w->loop, &c->io);
    counter_add(&w->counters.conns_opened, 1);
    return true;
}

static bool
is_frugal(const struct worker *w)
{
    return w->kept_bytes > w->kept_plenty_bytes;
}

/* Room for 'bytes' in an empty 'k'. */
static bool
alloc_kept(struct worker *w, struct kept *k, size_t bytes)
{
    char *p = malloc(bytes);
    if (p == NULL)
        return false;
    *k = (struct kept){p, 0, (uint32_t)bytes};
    w->kept_bytes += bytes;
    return true;
}

static void
free_kept(struct worker *w, struct kept *k)
{
    w->kept_bytes -= k->end;
    free(k->bytes);
    *k = (struct kept){0};
}

void
conn_close(struct conn *c)
{
    struct worker *w = c->worker;
    if (c->group_slot != 0)
        w->group[c->group_slot - 1].conn = NULL;
    set_state(c, CONN_CLOSED);
    session_fini(w->exec_thread, &c->session);
    free_kept(w, &c->input);
    free_kept(w, &c->output);
    mutex_lock(&w->list_lock);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    w->conn_count--;
    mutex_unlock(&w->list_lock);
    close(c->io.fd);
    counter_add(&w->counters.conns_closed, 1);
    free(c);
}

/* ---- who keeps memory from others ---- */

static void
note_held(struct conn *c)
{
    if (LIKELY(!session_holds_memory(&c->session))) {
        c->held_since_ms = 0;
        return;
    }
    c->held_moved_ms = clock_monotonic_ms();
    if (c->held_since_ms == 0)
        c->held_since_ms = c->held_moved_ms;
}

static enum engine_patience
patience_of(const struct conn *c)
{
    if (LIKELY(!c->want.waits))
        return ENGINE_PATIENT;
    uint32_t now_ms = clock_monotonic_ms();
    struct relief_age age = worker_relief_age(c->worker, now_ms);
    return want_is_over(&c->want, session_holds_memory(&c->session), &age, now_ms) ? ENGINE_IMPATIENT
                                                                                  : ENGINE_PATIENT;
}

/* More than a trickle has come, or all of the rest and of its line end, and we have not read it. */
static bool
has_more_for_us(const struct conn *c)
{
    int unread_bytes = 0;
    return ioctl(c->io.fd, FIONREAD, &unread_bytes) == 0 &&
           (unread_bytes >= HOARDER_UNREAD_BYTES ||
            (uint64_t)unread_bytes > session_missing_bytes(&c->session));
}

/* More than a trickle was taken, and we have not sent what comes next. */
static bool
has_room_for_more(const struct conn *c)
{
    struct pollfd fd = {.fd = c->io.fd, .events = POLLOUT};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

/* Then it is not this client who is slow. */
static bool
waits_for_us(const struct conn *c)
{
    return state_of(c) == CONN_READING ? has_more_for_us(c) : has_room_for_more(c);
}

static bool
is_hoarder(const struct conn *c, uint32_t at_ms)
{
    enum conn_state state = state_of(c);
    if (c->held_since_ms == 0 || (state != CONN_READING && state != CONN_WRITING))
        return false;
    uint32_t silent_ms = at_ms - c->held_moved_ms;
    uint32_t held_ms = at_ms - c->held_since_ms;
    bool slow = session_moved_bytes(&c->session) < (uint64_t)held_ms * HOARDER_BYTES_PER_MS;
    bool lingers = silent_ms >= HOARDER_SILENT_MS || (held_ms >= HOARDER_SLOW_MS && slow);
    return held_ms >= HOARDER_BUSY_MS || (lingers && !waits_for_us(c));
}

bool
conn_close_hoarder(struct worker *w)
{
    uint32_t at_ms = clock_monotonic_ms();
    struct conn *worst = NULL;
    /* Only this thread changes the list. */
    for (struct conn *c = w->conns; c != NULL; c = c->next)
        if (is_hoarder(c, at_ms) &&
            (worst == NULL || (int32_t)(c->held_since_ms - worst->held_since_ms) < 0))
            worst = c;
    if (worst == NULL)
        return false;
    conn_close(worst);
    relief_note_closed(&w->relief, at_ms);
    return true;
}

void
conn_tell_to_give_up(struct worker *w)
{
    uint32_t at_ms = clock_monotonic_ms();
    struct relief_age age = worker_relief_age(w, at_ms);
    struct conn *first = NULL;
    for (struct conn *c = w->conns; c != NULL; c = c->next) {
        if (state_of(c) != CONN_WAITING)
            continue;
        if (c->want.gives_up)
            return; /* it will, in its next turn */
        if (c->held_since_ms != 0 && want_may_give_up(&c->want, &age, at_ms) &&
            (first == NULL || (int32_t)(c->held_since_ms - first->held_since_ms) < 0))
            first = c;
    }
    if (first == NULL)
        return;
    first->want.gives_up = true;
    relief_note_gave_up(&w->relief, at_ms);
}

/* ---- bytes that outlive a turn ---- */

static bool
keep_input(struct conn *c, struct span in)
{
    if (in.bytes == 0)
        return true;
    CHECK(c->input.bytes == NULL && in.bytes <= INPUT_BYTES);
    if (!alloc_kept(c->worker, &c->input, in.bytes))
        return false;
    memcpy(c->input.bytes, in.p, in.bytes);
    return true;
}

/* The first of the worker's buffers that is free. */
static char *
free_input(struct worker *w)
{
    CHECK(w->group_count < GROUP_MAX);
    return w->input[w->group_count];
}

/* Puts what was kept into the free buffer; returns how much. */
static size_t
take_input(struct conn *c)
{
    size_t bytes = c->input.end - c->input.start;
    if (bytes > 0)
        memcpy(free_input(c->worker), c->input.bytes + c->input.start, bytes);
    free_kept(c->worker, &c->input);
    return bytes;
}

/* Copies bytes [from, to) of the output, in place of what was kept before. */
static bool
keep_output(struct conn *c, struct output *out, size_t from, size_t to)
{
    struct kept kept = {0};
    if (from < to && !alloc_kept(c->worker, &kept, to - from))
        return false;
    size_t at = 0, copied = 0;
    for (int i = 0; i < out->iov_count && at < to; i++) {
        size_t start = from > at ? from - at : 0;
        size_t end = to - at < out->iov[i].iov_len ? to - at : out->iov[i].iov_len;
        if (start < end) {
            memcpy(kept.bytes + copied, (char *)out->iov[i].iov_base + start, end - start);
            copied += end - start;
        }
        at += out->iov[i].iov_len;
    }
    CHECK(copied == to - from);
    free_kept(c->worker, &c->output);
    c->output = kept;
    return true;
}

/* ---- sending ---- */

enum sent { SENT_ALL, SENT_SOME, SENT_BROKEN };

/* Returns how many bytes the socket took, or -1: it is broken. */
static ssize_t
send_iov(struct conn *c, struct iovec *iov, int count)
{
    ssize_t n;
    do {
        if (count == 1) {
            n = send(c->io.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
        } else {
            struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
            n = sendmsg(c->io.fd, &msg, MSG_NOSIGNAL);
        }
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
    counter_add(&c->worker->counters.bytes_written, (uint64_t)n);
    return n;
}

/* Sends the worker's output to this connection; keeps what the socket does not take.  The output is
 * empty afterwards. */
static enum sent
flush(struct conn *c)
{
    struct output *out = &c->worker->output;
    int count = output_finish(out);
    if (count == 0)
        return SENT_ALL;
    ssize_t n = send_iov(c, out->iov, count);
    enum sent sent = SENT_ALL;
    if (n < 0) {
        sent = SENT_BROKEN;
    } else if ((size_t)n < out->bytes) {
        size_t unsent = out->bytes - (size_t)n;
        size_t again = unsent < out->streamed_bytes ? unsent : out->streamed_bytes;
        session_unsend(&c->session, again);
        sent = keep_output(c, out, (size_t)n, out->bytes - again) ? SENT_SOME : SENT_BROKEN;
    }
    /* What was kept from an earlier turn has been sent, or copied again. */
    if (sent == SENT_ALL)
        free_kept(c->worker, &c->output);
    output_reset(out);
    return sent;
}

/* ---- a turn ---- */

/* Is anybody else waiting for this worker? */
static bool
others_wait(const struct worker *w)
{
    return w->waiting != NULL || w->group_count > 0 || ev_pending_count(w->loop) > 0;
}

/* Closes after the last answer.  What the client has sent beyond its last request is read first: a socket
 * that is closed with that unread takes back what has not reached the client yet, the answer included. */
static void
close_answered(struct conn *c)
{
    char unwanted[UNWANTED_BYTES];
    for (unsigned i = 0; i < UNWANTED_READS_MAX; i++)
        if (recv(c->io.fd, unwanted, sizeof unwanted, MSG_DONTWAIT) <= 0)
            break;
    conn_close(c);
}

/* Of half requests only logins are so long, and they come from anybody: when clients keep twice what is
 * plenty, such a login is not waited for. */
static bool
is_too_much_to_keep(const struct conn *c, struct span in)
{
    const struct worker *w = c->worker;
    return in.bytes > FRUGAL_INPUT_BYTES && w->kept_bytes / 2 > w->kept_plenty_bytes;
}

/* Ends the turn in the given state, keeping the unused input; or closes. */
static void
end_turn(struct conn *c, enum sent sent, enum conn_state when_sent, struct span in)
{
    note_held(c);
    if (sent == SENT_BROKEN) {
        conn_close(c);
    } else if (sent == SENT_ALL && c->closing) {
        close_answered(c);
    } else if (sent == SENT_ALL && when_sent == CONN_READING && is_too_much_to_keep(c, in)) {
        conn_close(c);
    } else if (!c->closing && !keep_input(c, in)) {
        conn_close(c);
    } else if (sent == SENT_SOME) {
        set_state(c, CONN_WRITING);
    } else if (when_sent == CONN_WAITING) {
        wait_for_turn(c);
    } else {
        set_state(c, CONN_READING);
    }
}

/* Others first: the answers so far are sent together with those of the next turn. */
static void
yield(struct conn *c, struct span in)
{
    struct output *out = &c->worker->output;
    output_finish(out);
    counter_add(&c->worker->counters.conn_yields, 1);
    if (!keep_output(c, out, 0, out->bytes) || !keep_input(c, in))
        conn_close(c);
    else
        wait_for_turn(c);
    output_reset(out);
}

/* Executes what has arrived, and sends the answers. */
static void
run(struct conn *c, struct span in)
{
    struct worker *w = c->worker;
    struct output *out = &w->output;
    unsigned budget = w->context->config->requests_per_event;
    unsigned flushes = 0, retries = 0;
    if (c->output.bytes != NULL)
        output_borrow(out, c->output.bytes + c->output.start, c->output.end - c->output.start);
    for (;;) {
        size_t used;
        if (UNLIKELY(is_frugal(w)))
            out->limit = FRUGAL_OUTPUT_BYTES;
        enum exec_status status = exec_run(w->exec_thread, &c->session, in, out, &budget, &used);
        if (UNLIKELY(engine_was_starved(w->engine_thread)))
            worker_ask_for_memory(w);
        if (UNLIKELY(status == EXEC_AGAIN))
            want_begin(&c->want, used > 0, clock_monotonic_ms());
        else
            want_end(&c->want);
        in = span_of(in.p + used, in.bytes - used);
        if (status == EXEC_YIELD) {
            if (others_wait(w) && out->streamed_bytes == 0) {
                yield(c, in);
                return;
            }
            budget = w->context->config->requests_per_event;
            continue;
        }
        c->closing = status == EXEC_CLOSE;
        enum sent sent = flush(c);
        if (status == EXEC_NEED_INPUT || status == EXEC_CLOSE || sent != SENT_ALL) {
            end_turn(c, sent, CONN_READING, in);
            return;
        }
        if ((status == EXEC_FULL && ++flushes == FLUSHES_PER_TURN) ||
            (status == EXEC_AGAIN && (w->starved || retries++ == RETRIES_PER_TURN))) {
            end_turn(c, sent, CONN_WAITING, in);
            return;
        }
        /* Nothing of the cache is borrowed any more. */
        engine_quiesce(w->engine_thread, w->now_s);
    }
}

void
conn_turn(struct conn *c)
{
    struct worker *w = c->worker;
    if (UNLIKELY(!ev_is_active(&c->io))) {
        conn_close(c);
        return;
    }
    engine_set_patience(w->engine_thread, patience_of(c));
    size_t bytes = take_input(c);
    run(c, span_of(free_input(w), bytes));
    engine_set_patience(w->engine_thread, ENGINE_PATIENT);
}

void
conn_run_group(struct worker *w)
{
    unsigned count = w->group_count;
    if (count > 0)
        exec_prefetch_more(w->exec_thread, w->group[count - 1].hint);
    for (unsigned i = 0; i < count; i++) {
        struct conn *c = w->group[i].conn;
        if (UNLIKELY(c == NULL))
            continue;
        c->group_slot = 0;
        w->group_count = count - 1 - i; /* so many still wait */
        run(c, span_of(w->input[i], w->group[i].input_bytes));
        engine_quiesce(w->engine_thread, w->now_s);
    }
    w->group_count = 0;
}

/* What has been read is in the free buffer. */
static void
join_group(struct conn *c, size_t input_bytes)
{
    struct worker *w = c->worker;
    struct group_member *m = &w->group[w->group_count];
    *m = (struct group_member){c, input_bytes, 0};
    if (w->group_count > 0 || ev_pending_count(w->loop) > 0)
        m->hint = exec_prefetch(w->exec_thread, &c->session, span_of(free_input(w), input_bytes));
    if (w->group_count > 0)
        exec_prefetch_more(w->exec_thread, m[-1].hint);
    c->group_slot = (uint8_t)++w->group_count;
    if (w->group_count == GROUP_MAX)
        conn_run_group(w);
}

static void
on_readable(struct conn *c)
{
    struct worker *w = c->worker;
    size_t kept = c->input.end - c->input.start;
    size_t room = INPUT_BYTES - kept;
    CHECK(kept < INPUT_BYTES);
    if (UNLIKELY(is_frugal(w)) && room > FRUGAL_INPUT_BYTES)
        room = FRUGAL_INPUT_BYTES;
    ssize_t n = recv(c->io.fd, free_input(w) + kept, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        conn_close(c);
        return;
    }
    counter_add(&w->counters.bytes_read, (uint64_t)n);
    if (atomic_load_explicit(&c->last_request_s, memory_order_relaxed) != w->now_s)
        atomic_store_explicit(&c->last_request_s, w->now_s, memory_order_relaxed);
    take_input(c);
    join_group(c, kept + (size_t)n);
}

static void
on_writable(struct conn *c)
{
    struct kept *k = &c->output;
    if (k->bytes != NULL) {
        struct iovec iov = {k->bytes + k->start, k->end - k->start};
        ssize_t n = send_iov(c, &iov, 1);
        if (n < 0) {
            conn_close(c);
            return;
        }
        k->start += (uint32_t)n;
        if (n > 0)
            note_held(c);
        if (k->start < k->end)
            return;
        free_kept(c->worker, k);
    }
    if (c->closing)
        close_answered(c);
    else
        conn_turn(c);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct conn *c = io->data;
    struct worker *w = c->worker;
    if (UNLIKELY(events & EV_ERROR)) {
        /* libev could not tell the kernel what to watch for, has stopped the watcher, and will never
         * call again.  Who is in the list of turns is closed by conn_turn(). */
        if (state_of(c) != CONN_WAITING)
            conn_close(c);
        return;
    }
    if (state_of(c) == CONN_WAITING)
        return; /* its turn comes */
    if (LIKELY(!(events & EV_WRITE))) {
        on_readable(c);
        return;
    }
    on_writable(c);
    engine_quiesce(w->engine_thread, w->now_s);
}

#include "exec/datagram.h"

#include <limits.h>

#include "exec/internal.h"

/* How often a request for memory is repeated at once. */
#define RETRIES 3

static bool is_torn(const struct datagram *d);
static void answer_error(struct datagram *d, struct span line, enum binary_status status);

void
datagram_begin(struct datagram *d, enum protocol protocol, const struct udp_request *request,
               char *slots, unsigned slots_max)
{
    d->session = (struct session){.protocol = (uint8_t)protocol, .is_datagram = true};
    d->request = d->rest = request->body;
    d->done = false;
    udp_message_init(&d->message, request->id, slots, slots_max);
}

/* Moves the output into the message. */
static void
take_output(struct datagram *d, struct output *out)
{
    int count = output_finish(out);
    for (int i = 0; i < count; i++)
        udp_message_add(&d->message, span_of(out->iov[i].iov_base, out->iov[i].iov_len));
    output_reset(out);
}

bool
datagram_run(struct datagram *d, struct exec_thread *xt, struct output *out, uint32_t now_s)
{
    enum exec_status status;
    unsigned retries = 0;
    /* Others wait behind it: it may keep them for a while, and then not again before things are better. */
    engine_set_patience(xt->engine_thread, ENGINE_PATIENT_A_WHILE);
    do {
        unsigned budget = UINT_MAX;
        size_t used;
        status = exec_run(xt, &d->session, d->rest, out, &budget, &used);
        d->rest = span_of(d->rest.p + used, d->rest.bytes - used);
        take_output(d, out);
        engine_quiesce(xt->engine_thread, now_s);
        d->done = status == EXEC_NEED_INPUT || status == EXEC_CLOSE || d->message.too_long;
    } while (!d->done && (status != EXEC_AGAIN || retries++ < RETRIES));
    engine_set_patience(xt->engine_thread, ENGINE_PATIENT);
    return d->done;
}

unsigned
datagram_end(struct datagram *d, struct exec_thread *xt)
{
    if (!d->done)
        answer_error(d, SPAN("SERVER_ERROR out of memory\r\n"), BINARY_NO_MEMORY);
    else if (d->message.too_long)
        answer_error(d, SPAN("SERVER_ERROR reply too large for UDP\r\n"), BINARY_TOO_LARGE);
    else if (is_torn(d))
        udp_message_clear(&d->message);
    session_fini(xt, &d->session);
    return udp_message_finish(&d->message);
}

/* Would a client find values without an END?  So ends a long retrieval line that was cut off. */
static bool
is_torn(const struct datagram *d)
{
    uint8_t mode = d->session.parser.mode;
    return d->session.protocol == PROTOCOL_TEXT && (mode == TEXT_FIRST_KEY || mode == TEXT_KEYS);
}

/* Instead of all that was said before: nobody could tell which part is missing.  A packet says it in the
 * name of the datagram's first, and clients put one into a datagram. */
static void
answer_error(struct datagram *d, struct span line, enum binary_status status)
{
    udp_message_clear(&d->message);
    if (d->session.protocol != PROTOCOL_BINARY || d->request.bytes < BINARY_HEADER_BYTES) {
        udp_message_add(&d->message, line);
        return;
    }
    char header[BINARY_HEADER_BYTES];
    struct span text = binary_status_text(status);
    struct binary_body body = {.value_bytes = (uint32_t)text.bytes};
    binary_reply_header(header, binary_echo_of(d->request.p), status, body, 0);
    udp_message_add(&d->message, span_of(header, sizeof header));
    udp_message_add(&d->message, text);
}

#include "exec/datagram.h"

#include <limits.h>

#include "exec/internal.h"

/* How often a request for memory is repeated at once. */
#define RETRIES 3

static bool is_torn(const struct datagram *d);
static void answer_too_long(struct datagram *d);

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
    /* Others wait behind it: it is refused what cannot be had now. */
    engine_set_patience(xt->engine_thread, ENGINE_IMPATIENT);
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
    if (d->done && d->message.too_long)
        answer_too_long(d);
    else if (!d->done || is_torn(d))
        d->message.bytes = 0;
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

/* In the name of the datagram's first packet: which one had the long answer is not known, and clients
 * put one into a datagram. */
static void
add_binary_too_long(struct datagram *d)
{
    char header[BINARY_HEADER_BYTES];
    struct span text = binary_status_text(BINARY_TOO_LARGE);
    struct binary_body body = {.value_bytes = (uint32_t)text.bytes};
    binary_reply_header(header, binary_echo_of(d->request.p), BINARY_TOO_LARGE, body, 0);
    udp_message_add(&d->message, span_of(header, sizeof header));
    udp_message_add(&d->message, text);
}

static void
answer_too_long(struct datagram *d)
{
    d->message.too_long = false;
    if (d->session.protocol == PROTOCOL_BINARY)
        add_binary_too_long(d);
    else
        udp_message_add(&d->message, SPAN("SERVER_ERROR reply too large for UDP\r\n"));
}

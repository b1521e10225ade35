/* packet.h - the packets that answer binary requests.
 *
 * Threads: the session's worker.
 * Failure: none; each adds less than a step of the output, see output.h.
 */
#ifndef KETCH_EXEC_PACKET_H
#define KETCH_EXEC_PACKET_H

#include "exec/internal.h"
#include "proto/binary.h"

/* The packet that 'r' came in: header, extras and key, during this exec_run(). */
static inline const char *
packet_of(const struct exec_thread *xt, const struct request *r)
{
    return xt->input + r->start;
}

static inline struct binary_echo
packet_echo(const struct exec_thread *xt, const struct request *r)
{
    return binary_echo_of(packet_of(xt, r));
}

/* Adds a header and a value. */
static inline void
packet_add(struct output *out, struct binary_echo echo, enum binary_status status,
           struct span value, uint64_t cas)
{
    struct binary_body body = {.value_bytes = (uint32_t)value.bytes};
    binary_reply_header(output_room(out), echo, status, body, cas);
    output_wrote(out, BINARY_HEADER_BYTES);
    output_copy(out, value);
}

/* Adds what says that a request has failed; or, with BINARY_OK, that it has not and that is all. */
static inline void
packet_add_status(struct output *out, struct binary_echo echo, enum binary_status status)
{
    packet_add(out, echo, status, binary_status_text(status), 0);
}

#endif

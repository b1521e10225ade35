/* datagram.h - the requests of one datagram, and the one message that answers them.
 *
 * A datagram is a client of its own: its protocol is told by its first byte, and nothing of it remains
 * when it is answered.
 *
 *      datagram_begin --> datagram_run --- true ----------------------> datagram_end
 *                          ^        '----- false --> quiescent point
 *                          '---------------------------------'
 *
 * The answers to all its requests, and to all keys of a retrieval, make one message.  What a socket's
 * client sees differs in this:
 *   - an incomplete request gets no answer, as nothing can follow; nor does quit;
 *   - when all answers together are longer than the message may be, they become one error, and what was
 *     not executed before that is not executed;
 *   - an unknown command gets no answer, and ends the datagram.  What servers say would be unknown
 *     commands to each other: with an ERROR for each, one forged datagram could make two of them talk
 *     to each other for ever;
 *   - keys are not dumped, and a report does not wait for better figures.
 *
 * Threads:   as sessions: those of one exec_thread.
 * Ownership: borrows the request's bytes and the message's slots until datagram_end(), which must come.
 * Failure:   as exec_run().
 */
#ifndef KETCH_EXEC_DATAGRAM_H
#define KETCH_EXEC_DATAGRAM_H

#include "exec/exec.h"
#include "proto/udp.h"

struct datagram {
    struct session session;
    struct span request;
    struct span rest; /* of it: not yet executed */
    bool done;        /* there is no more to execute */
    struct udp_message message;
};

/* 'protocol' is the listener's. */
void datagram_begin(struct datagram *d, enum protocol protocol, const struct udp_request *request,
                    char *slots, unsigned slots_max);

/* Executes the rest of the request; 'out' is empty before and after.  Passes quiescent points of 'xt'.
 * False: no memory is free before other threads have passed one too. */
bool datagram_run(struct datagram *d, struct exec_thread *xt, struct output *out,
                  uint32_t now_s) MUST_USE;

/* Makes the message what is to be sent, and forgets the rest; returns how many datagrams it has,
 * perhaps none.  When datagram_run() has not returned true and its caller gives up, it is an error. */
unsigned datagram_end(struct datagram *d, struct exec_thread *xt);

#endif

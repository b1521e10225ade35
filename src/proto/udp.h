/* udp.h - memcached's frames: what a datagram carries besides requests and replies.
 *
 *      0    2          4       6          8                                at most 1400
 *     +----+----------+-------+----------+--------------------------------+
 *     | id | sequence | total | reserved | requests, or a piece of a reply |
 *     +----+----------+-------+----------+--------------------------------+
 *
 * All numbers are 16 bits, big endian.  A request is one datagram, of any size that UDP can carry.  A
 * reply is a message of 'total' datagrams, numbered from 0, with the request's id; all but the last are
 * full.
 *
 * A message is made in place, in a row of slots of UDP_DATAGRAM_BYTES each: what is added fills their
 * bodies one after the other, and the headers are written in the end, when their number is known.
 *
 * Threads:   pure.
 * Ownership: a message borrows its slots.
 * Failure:   a message that is too long for its slots says so, and stays as if empty.
 */
#ifndef KETCH_PROTO_UDP_H
#define KETCH_PROTO_UDP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

#define UDP_HEADER_BYTES   8
#define UDP_DATAGRAM_BYTES 1400 /* of a reply: below the 1472 that Ethernet carries */
#define UDP_BODY_BYTES     (UDP_DATAGRAM_BYTES - UDP_HEADER_BYTES)
#define UDP_TOTAL_MAX      65535

struct udp_request {
    uint16_t id;
    struct span body; /* points into the datagram; at least one byte */
};

/* False: not a request, or one of several datagrams, which nobody puts together.  It gets no answer. */
bool udp_parse(struct span datagram, struct udp_request *out) MUST_USE;

struct udp_message {
    char *slots;
    unsigned slots_max;  /* 1..UDP_TOTAL_MAX */
    uint16_t id;
    bool too_long;       /* more was added than fits: it is dropped, and nothing is added any more */
    size_t bytes;        /* of the reply so far */
};

/* An empty message in the answer to request 'id'. */
void udp_message_init(struct udp_message *m, uint16_t id, char *slots, unsigned slots_max);

void udp_message_add(struct udp_message *m, struct span piece);

/* Makes it empty again, and not too long. */
void udp_message_clear(struct udp_message *m);

/* Writes the headers; returns how many datagrams there are now.  None for an empty message. */
unsigned udp_message_finish(struct udp_message *m);

/* The size of a datagram of a finished message, which begins at slots + i * UDP_DATAGRAM_BYTES. */
size_t udp_message_datagram_bytes(const struct udp_message *m, unsigned i);

#endif

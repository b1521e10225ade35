/* client.h - one blocking connection to a server, in the text protocol.
 *
 * Threads: one.
 * Failure: false, with a message on standard error; the connection is then of no use.
 */
#ifndef KETCH_TOOLS_REPLAY_CLIENT_H
#define KETCH_TOOLS_REPLAY_CLIENT_H

#include <stdbool.h>
#include "base/attr.h"
#include "base/span.h"
#include "load/address.h"
#include "load/buffer.h"
#include "load/reply.h"

struct client {
    int fd;
    struct buffer in;
    size_t used; /* of 'in' */
};

/* 'timeout_s' holds for each read and write. */
bool client_open(struct client *c, const struct address *to, double timeout_s) MUST_USE;
void client_close(struct client *c);

bool client_send(struct client *c, struct span bytes) MUST_USE;

/* Reads a line of a reply.  What 'r' refers to is good until the next read. */
bool client_read(struct client *c, struct reply *r) MUST_USE;

/* After a REPLY_VALUE: reads the data, and the line end behind them.  'data' is good until the next
 * read. */
bool client_read_data(struct client *c, const struct reply *r, struct span *data) MUST_USE;

#endif

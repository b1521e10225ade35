/* udp.h - requests and replies in datagrams.
 *
 * Each worker has a socket of its own at each UDP address (listen.h).  What comes is taken in batches and
 * answered in the order in which it came (datagram.h); the replies wait in a row of slots and leave in
 * batches too:
 *
 *                 datagrams              one after the other
 *      +---------+          +-----------+-------------------+
 *      | READING |--------->| ANSWERING |                   |
 *      +---------+<---------+-----------+<------------------+
 *           ^   all answered  |  ^   |  ^
 *           |   no memory yet v  |   v  | the socket takes no more
 *           |             +---------+ +---------+
 *           |    1 ms     | WAITING | | WRITING |
 *           |             +---------+ +---------+
 *           '-- all sent -----------------'
 *
 * Nothing tells a datagram's sender from somebody who wrote another's address on it, so that a server
 * can be made to send much to a victim who asked for nothing.  Therefore:
 *   - there is no UDP without -U;
 *   - only senders on private networks are answered (udp_may_answer()), unless -o udp_public asks for
 *     more: from the Internet we cannot be used, whatever address we are bound to;
 *   - a reply has at most -o udp_reply_max datagrams, or is an error;
 *   - what came to a broadcast or multicast address is not answered, so that not all servers of a network
 *     reply at once;
 *   - what is not understood is not answered (datagram.h).
 *
 * Threads:   a worker's; udp_show() may be called by any while the worker exists.
 * Ownership: belongs to the worker, borrows the listeners' sockets.
 * Failure:   what cannot be sent is lost, as datagrams are.
 */
#ifndef KETCH_NET_UDP_H
#define KETCH_NET_UDP_H

#include <stdbool.h>
#include <sys/socket.h>
#include "base/attr.h"
#include "base/stat.h"

struct worker;

/* Makes worker.udp, for the sockets of worker 'number' among the listeners of its context; leaves it
 * NULL if there are none.  Nothing is answered yet.  False: no memory. */
bool udp_create(struct worker *w, unsigned number) MUST_USE;

/* Answers what comes, and what has come; the worker's own thread.  Does nothing the second time. */
void udp_begin(struct worker *w);

/* The loop has ended: gives up the request under way.  The worker's own thread, before it leaves exec. */
void udp_stop(struct worker *w);

/* Frees it; nobody looks at it any more. */
void udp_destroy(struct worker *w);

/* The lines of 'stats conns'. */
void udp_show(struct worker *w, stat_emit_fn *emit, void *to);

/* May a datagram from there be answered?  Not port 0, which nobody has; and unless 'everywhere', only
 * addresses that are not used on the Internet: loopback, private (RFC 1918), shared (RFC 6598),
 * link-local, unique local (RFC 4193). */
bool udp_may_answer(const struct sockaddr *from, bool everywhere);

#endif

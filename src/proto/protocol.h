/* protocol.h - which language a client speaks.
 *
 * Nobody says so: the first byte of a stream tells, once.  It is the binary protocol's magic, or it is
 * text.  A listener may be bound to one of them, and then does not ask.
 *
 * Threads: pure.
 */
#ifndef KETCH_PROTO_PROTOCOL_H
#define KETCH_PROTO_PROTOCOL_H

#include <stdint.h>

enum protocol {
    PROTOCOL_AUTO,   /* not known yet: the first byte decides */
    PROTOCOL_TEXT,   /* the classic and the meta commands */
    PROTOCOL_BINARY,
    PROTOCOL_COUNT
};

#define PROTOCOL_BINARY_MAGIC 0x80 /* the first byte of every binary request */

/* What a stream with this first byte is. */
static inline enum protocol
protocol_of(char first)
{
    return (uint8_t)first == PROTOCOL_BINARY_MAGIC ? PROTOCOL_BINARY : PROTOCOL_TEXT;
}

#endif

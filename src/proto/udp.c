#include "proto/udp.h"

#include <string.h>
#include "base/check.h"

static uint16_t
read_u16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static void
write_u16(char *to, uint16_t n)
{
    to[0] = (char)(n >> 8);
    to[1] = (char)n;
}

bool
udp_parse(struct span datagram, struct udp_request *out)
{
    if (datagram.bytes <= UDP_HEADER_BYTES)
        return false;
    /* memcached looks neither at the sequence number nor at what is reserved. */
    if (read_u16(datagram.p + 4) != 1)
        return false;
    out->id = read_u16(datagram.p);
    out->body = span_of(datagram.p + UDP_HEADER_BYTES, datagram.bytes - UDP_HEADER_BYTES);
    return true;
}

void
udp_message_init(struct udp_message *m, uint16_t id, char *slots, unsigned slots_max)
{
    CHECK(slots_max >= 1 && slots_max <= UDP_TOTAL_MAX);
    *m = (struct udp_message){.slots = slots, .slots_max = slots_max, .id = id};
}

void
udp_message_add(struct udp_message *m, struct span piece)
{
    size_t room = (size_t)m->slots_max * UDP_BODY_BYTES - m->bytes;
    if (piece.bytes > room)
        m->too_long = true;
    if (m->too_long) {
        m->bytes = 0;
        return;
    }
    while (piece.bytes > 0) {
        size_t slot = m->bytes / UDP_BODY_BYTES, at = m->bytes % UDP_BODY_BYTES;
        size_t n = UDP_BODY_BYTES - at < piece.bytes ? UDP_BODY_BYTES - at : piece.bytes;
        memcpy(m->slots + slot * UDP_DATAGRAM_BYTES + UDP_HEADER_BYTES + at, piece.p, n);
        m->bytes += n;
        piece = span_of(piece.p + n, piece.bytes - n);
    }
}

void
udp_message_clear(struct udp_message *m)
{
    m->bytes = 0;
    m->too_long = false;
}

static unsigned
datagram_count(const struct udp_message *m)
{
    return (unsigned)((m->bytes + UDP_BODY_BYTES - 1) / UDP_BODY_BYTES);
}

unsigned
udp_message_finish(struct udp_message *m)
{
    unsigned total = datagram_count(m);
    for (unsigned i = 0; i < total; i++) {
        char *header = m->slots + (size_t)i * UDP_DATAGRAM_BYTES;
        write_u16(header, m->id);
        write_u16(header + 2, (uint16_t)i);
        write_u16(header + 4, (uint16_t)total);
        write_u16(header + 6, 0);
    }
    return total;
}

size_t
udp_message_datagram_bytes(const struct udp_message *m, unsigned i)
{
    unsigned total = datagram_count(m);
    CHECK(i < total);
    return i + 1 < total ? UDP_DATAGRAM_BYTES
                         : UDP_HEADER_BYTES + m->bytes - (size_t)i * UDP_BODY_BYTES;
}

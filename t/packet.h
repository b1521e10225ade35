/* packet.h - binary requests for tests, one after the other in a buffer.
 *
 *     struct packets p = {0};
 *     char *header = packets_add(&p, 0x01, SPAN("flagsexp"), SPAN("key"), SPAN("value"));
 *     packets_set_cas(header, 5);
 *
 * A length that does not fit the buffer aborts.
 */
#ifndef KETCH_T_PACKET_H
#define KETCH_T_PACKET_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include "base/check.h"
#include "base/span.h"

#define PACKETS_BYTES_MAX (128u << 10)

#define SPAN_NONE ((struct span){"", 0})

struct packets {
    size_t bytes;
    char at[PACKETS_BYTES_MAX];
};

static inline struct span
packets_span(const struct packets *p)
{
    return span_of(p->at, p->bytes);
}

static inline void
packets_add_bytes(struct packets *p, struct span s)
{
    CHECK(s.bytes <= PACKETS_BYTES_MAX - p->bytes);
    memcpy(p->at + p->bytes, s.p, s.bytes);
    p->bytes += s.bytes;
}

static inline void
packets_put_u16(char *header, size_t at, uint16_t n)
{
    n = htobe16(n);
    memcpy(header + at, &n, sizeof n);
}

static inline void
packets_put_u32(char *header, size_t at, uint32_t n)
{
    n = htobe32(n);
    memcpy(header + at, &n, sizeof n);
}

static inline void
packets_put_u64(char *header, size_t at, uint64_t n)
{
    n = htobe64(n);
    memcpy(header + at, &n, sizeof n);
}

/* Adds a packet, with the opaque "opaq", and returns its header. */
static inline char *
packets_add(struct packets *p, uint8_t opcode, struct span extras, struct span key,
            struct span value)
{
    char *header = p->at + p->bytes;
    packets_add_bytes(p, span_of("\x80\0\0\0\0\0\0\0\0\0\0\0opaq\0\0\0\0\0\0\0\0", 24));
    header[1] = (char)opcode;
    header[4] = (char)extras.bytes;
    packets_put_u16(header, 2, (uint16_t)key.bytes);
    packets_put_u32(header, 8, (uint32_t)(extras.bytes + key.bytes + value.bytes));
    packets_add_bytes(p, extras);
    packets_add_bytes(p, key);
    packets_add_bytes(p, value);
    return header;
}

static inline void
packets_set_cas(char *header, uint64_t cas)
{
    packets_put_u64(header, 16, cas);
}

#endif

#include "compose.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include "base/num.h"

#define BINARY_HEADER_BYTES 24
#define BINARY_SET_EXTRAS   8 /* flags, exptime */
/* What is around the key of one of several gets, in any protocol. */
#define AROUND_KEY_BYTES BINARY_HEADER_BYTES
/* What is around key and value of a set. */
#define AROUND_SET_BYTES (64 + NUM_U64_BYTES_MAX)

void
compose_init(struct composer *c, const struct options *o, const struct keyspace *keys,
             const struct value_maker *values)
{
    *c = (struct composer){
        .protocol = o->protocol, .keys = keys, .values = values, .exptime = (uint32_t)o->exptime};
    const char *pattern = o->protocol == PROTOCOL_META ? " T%llu" : " 0 %llu ";
    if (o->protocol == PROTOCOL_META && o->exptime == 0)
        return;
    c->set_middle_bytes = (size_t)snprintf(c->set_middle, sizeof(c->set_middle), pattern,
                                           (unsigned long long)o->exptime);
}

/* ---- pieces; each returns the place behind what it wrote ---- */

static char *
put(char *to, struct span s)
{
    memcpy(to, s.p, s.bytes);
    return to + s.bytes;
}

static char *
put_key(const struct composer *c, char *to, uint32_t key)
{
    return to + keyspace_write(c->keys, key, to);
}

static char *
put_value(const struct composer *c, char *to, uint32_t key, uint32_t version, uint32_t bytes)
{
    value_write(c->values, key, version, to, bytes);
    return to + bytes;
}

static char *
put_header(char *to, uint8_t opcode, size_t key_bytes, uint8_t extras_bytes, size_t body_bytes)
{
    uint16_t key16 = htobe16((uint16_t)key_bytes);
    uint32_t body32 = htobe32((uint32_t)body_bytes);
    memset(to, 0, BINARY_HEADER_BYTES);
    to[0] = (char)0x80;
    to[1] = (char)opcode;
    memcpy(to + 2, &key16, sizeof(key16));
    to[4] = (char)extras_bytes;
    memcpy(to + 8, &body32, sizeof(body32));
    return to + BINARY_HEADER_BYTES;
}

/* ---- gets ---- */

static char *
text_get(const struct composer *c, char *to, const uint32_t *keys, uint32_t count)
{
    to = put(to, SPAN("get"));
    for (uint32_t i = 0; i < count; i++) {
        *to++ = ' ';
        to = put_key(c, to, keys[i]);
    }
    return put(to, SPAN("\r\n"));
}

static char *
meta_get(const struct composer *c, char *to, const uint32_t *keys, uint32_t count)
{
    struct span flags = count == 1 ? SPAN(" v\r\n") : SPAN(" k q v\r\n");
    for (uint32_t i = 0; i < count; i++) {
        to = put(to, SPAN("mg "));
        to = put_key(c, to, keys[i]);
        to = put(to, flags);
    }
    return count == 1 ? to : put(to, SPAN("mn\r\n"));
}

static char *
binary_get(const struct composer *c, char *to, const uint32_t *keys, uint32_t count)
{
    uint8_t opcode = count == 1 ? BINARY_GET : BINARY_GETKQ;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = keyspace_write(c->keys, keys[i], to + BINARY_HEADER_BYTES);
        to = put_header(to, opcode, bytes, 0, bytes) + bytes;
    }
    return count == 1 ? to : put_header(to, BINARY_NOOP, 0, 0, 0);
}

void
compose_get(const struct composer *c, const uint32_t *keys, uint32_t count, struct buffer *out)
{
    size_t room = (size_t)(count + 1) * (c->keys->bytes->high + AROUND_KEY_BYTES);
    char *start = buffer_reserve(out, room);
    char *end = c->protocol == PROTOCOL_TEXT   ? text_get(c, start, keys, count)
                : c->protocol == PROTOCOL_META ? meta_get(c, start, keys, count)
                                               : binary_get(c, start, keys, count);
    out->bytes += (size_t)(end - start);
}

/* ---- sets ---- */

static char *
text_set(const struct composer *c, char *to, uint32_t key, uint32_t version, uint32_t bytes)
{
    to = put(to, SPAN("set "));
    to = put_key(c, to, key);
    to = put(to, span_of(c->set_middle, c->set_middle_bytes));
    to += num_format_u64(to, bytes);
    to = put(to, SPAN("\r\n"));
    to = put_value(c, to, key, version, bytes);
    return put(to, SPAN("\r\n"));
}

static char *
meta_set(const struct composer *c, char *to, uint32_t key, uint32_t version, uint32_t bytes)
{
    to = put(to, SPAN("ms "));
    to = put_key(c, to, key);
    *to++ = ' ';
    to += num_format_u64(to, bytes);
    to = put(to, span_of(c->set_middle, c->set_middle_bytes));
    to = put(to, SPAN("\r\n"));
    to = put_value(c, to, key, version, bytes);
    return put(to, SPAN("\r\n"));
}

static char *
binary_set(const struct composer *c, char *to, uint32_t key, uint32_t version, uint32_t bytes)
{
    uint32_t extras[2] = {0, htobe32(c->exptime)};
    char *behind_header = to + BINARY_HEADER_BYTES;
    memcpy(behind_header, extras, sizeof(extras));
    size_t key_bytes = keyspace_write(c->keys, key, behind_header + BINARY_SET_EXTRAS);
    put_header(to, BINARY_SET, key_bytes, BINARY_SET_EXTRAS, BINARY_SET_EXTRAS + key_bytes + bytes);
    return put_value(c, behind_header + BINARY_SET_EXTRAS + key_bytes, key, version, bytes);
}

void
compose_set(const struct composer *c, uint32_t key, uint32_t version, struct buffer *out)
{
    uint32_t bytes = value_bytes(c->values, key);
    char *start = buffer_reserve(out, AROUND_SET_BYTES + KEY_BYTES_MAX + bytes);
    char *end = c->protocol == PROTOCOL_TEXT   ? text_set(c, start, key, version, bytes)
                : c->protocol == PROTOCOL_META ? meta_set(c, start, key, version, bytes)
                                               : binary_set(c, start, key, version, bytes);
    out->bytes += (size_t)(end - start);
}

#include "ring/jenkins.h"
#include "ring/load.h"

uint32_t
jenkins_one_at_a_time(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t h = 0;
    for (size_t i = 0; i < bytes; i++) {
        h += load_signed(b + i);
        h += h << 10;
        h ^= h >> 6;
    }
    h += h << 3;
    h ^= h >> 11;
    return h + (h << 15);
}

struct lookup3 {
    uint32_t a, b, c;
};

static void
lookup3_mix(struct lookup3 *s)
{
    uint32_t a = s->a, b = s->b, c = s->c;
    a = (a - c) ^ rotl32(c, 4), c += b;
    b = (b - a) ^ rotl32(a, 6), a += c;
    c = (c - b) ^ rotl32(b, 8), b += a;
    a = (a - c) ^ rotl32(c, 16), c += b;
    b = (b - a) ^ rotl32(a, 19), a += c;
    c = (c - b) ^ rotl32(b, 4), b += a;
    *s = (struct lookup3){a, b, c};
}

static uint32_t
lookup3_end(const struct lookup3 *s)
{
    uint32_t a = s->a, b = s->b, c = s->c;
    c = (c ^ b) - rotl32(b, 14);
    a = (a ^ c) - rotl32(c, 11);
    b = (b ^ a) - rotl32(a, 25);
    c = (c ^ b) - rotl32(b, 16);
    a = (a ^ c) - rotl32(c, 4);
    b = (b ^ a) - rotl32(a, 14);
    return (c ^ b) - rotl32(b, 24);
}

uint32_t
jenkins_lookup3(const void *p, size_t bytes)
{
    const uint8_t *b = p;
    uint32_t init = UINT32_C(0xdeadbeef) + (uint32_t)bytes + 13;
    struct lookup3 s = {init, init, init};
    size_t left = bytes;
    if (left == 0)
        return init;
    for (; left > 12; left -= 12, b += 12) {
        s.a += load_le32(b);
        s.b += load_le32(b + 4);
        s.c += load_le32(b + 8);
        lookup3_mix(&s);
    }
    uint8_t last[12] = {0};
    memcpy(last, b, left);
    s.a += load_le32(last);
    s.b += load_le32(last + 4);
    s.c += load_le32(last + 8);
    return lookup3_end(&s);
}

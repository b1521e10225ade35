#include "load/value.h"

#include <stdlib.h>
#include "base/hash.h"
#include "load/buffer.h"
#include "load/rng.h"

#define HEADER_BYTES   16u
#define CHECKSUM_BYTES 8u
/* Versions start at different places of the filler, so that they differ beyond the header too. */
#define FILLER_SHIFTS 64u
#define LENGTH_SALT   0x76616c6c656eu
#define CHECKSUM_SEED 0x6b65746368u

void
value_init(struct value_maker *m, const struct sizes *bytes, bool proving)
{
    size_t filler_bytes = (size_t)bytes->high + FILLER_SHIFTS;
    *m = (struct value_maker){bytes, proving, buffer_alloc(filler_bytes, 1)};
    struct rng r = {1};
    for (size_t i = 0; i < filler_bytes; i++)
        m->filler[i] = (char)('a' + rng_below(&r, 26));
}

void
value_fini(struct value_maker *m)
{
    free(m->filler);
    m->filler = NULL;
}

uint32_t
value_bytes(const struct value_maker *m, uint32_t number)
{
    if (m->bytes->low == m->bytes->high)
        return m->bytes->low;
    return sizes_pick(m->bytes, rng_mix(number ^ LENGTH_SALT));
}

static uint64_t
checksum(const char *value, size_t bytes)
{
    return hash_span(span_of(value + CHECKSUM_BYTES, bytes - CHECKSUM_BYTES), CHECKSUM_SEED);
}

static void
write_short(char to[HEADER_BYTES], uint32_t number, size_t bytes)
{
    uint64_t hash[2] = {rng_mix(number + (bytes << 32)), rng_mix(~(uint64_t)number - bytes)};
    memcpy(to, hash, sizeof(hash));
}

void
value_write(const struct value_maker *m, uint32_t number, uint32_t version, char *to,
            uint32_t bytes)
{
    if (!m->proving) {
        memcpy(to, m->filler, bytes);
        return;
    }
    if (bytes < HEADER_BYTES) {
        char text[HEADER_BYTES];
        write_short(text, number, bytes);
        memcpy(to, text, bytes);
        return;
    }
    memcpy(to + 8, &number, 4);
    memcpy(to + 12, &version, 4);
    memcpy(to + HEADER_BYTES, m->filler + version % FILLER_SHIFTS, bytes - HEADER_BYTES);
    uint64_t sum = checksum(to, bytes);
    memcpy(to, &sum, 8);
}

enum value_verdict
value_judge(struct span value, uint32_t number)
{
    if (value.bytes < HEADER_BYTES) {
        char text[HEADER_BYTES];
        write_short(text, number, value.bytes);
        return memcmp(text, value.p, value.bytes) == 0 ? VALUE_GOOD : VALUE_DAMAGED;
    }
    uint64_t sum;
    memcpy(&sum, value.p, 8);
    if (sum != checksum(value.p, value.bytes))
        return VALUE_DAMAGED;
    uint32_t owner;
    memcpy(&owner, value.p + 8, 4);
    return owner == number ? VALUE_GOOD : VALUE_OF_ANOTHER_KEY;
}

#include "load/keyspace.h"

#include "load/rng.h"

/* Separates the bits that choose a key's length from those that choose its value's. */
#define LENGTH_SALT 0x6b65796c656eu

bool
keyspace_init(struct keyspace *k, uint32_t count, const struct sizes *bytes, const char *prefix)
{
    k->bytes = bytes;
    k->count = count;
    k->digits = 1;
    for (uint32_t last = count - 1; last >= 10; last /= 10)
        k->digits++;
    size_t prefix_len = strlen(prefix);
    for (size_t i = 0; i < KEY_BYTES_MAX; i++)
        k->template[i] = prefix_len > 0 ? prefix[i % prefix_len] : '0';
    return k->digits <= bytes->low;
}

static size_t
key_length(const struct keyspace *k, uint32_t number)
{
    if (k->bytes->low == k->bytes->high)
        return k->bytes->low;
    return sizes_pick(k->bytes, rng_mix(number ^ LENGTH_SALT));
}

/* Two digits a step: this runs for every key sent, and a division costs more than a look-up. */
static void
write_digits(char *end, uint32_t number, uint32_t digits)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    for (; digits >= 2; digits -= 2) {
        end -= 2;
        memcpy(end, pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (digits == 1)
        *--end = (char)('0' + number % 10);
}

size_t
keyspace_write(const struct keyspace *k, uint32_t number, char *to)
{
    size_t length = key_length(k, number);
    memcpy(to, k->template, length - k->digits);
    write_digits(to + length, number, k->digits);
    return length;
}

bool
keyspace_read(const struct keyspace *k, struct span key, uint32_t *number)
{
    if (key.bytes < k->digits || key.bytes > KEY_BYTES_MAX)
        return false;
    uint64_t value = 0;
    for (size_t i = key.bytes - k->digits; i < key.bytes; i++) {
        unsigned digit = (unsigned char)key.p[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (value >= k->count || key.bytes != key_length(k, (uint32_t)value) ||
        memcmp(key.p, k->template, key.bytes - k->digits) != 0)
        return false;
    *number = (uint32_t)value;
    return true;
}

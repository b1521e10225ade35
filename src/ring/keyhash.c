#include "ring/attr.h"
#include "ring/crc.h"
#include "ring/fnv.h"
#include "ring/hsieh.h"
#include "ring/java.h"
#include "ring/jenkins.h"
#include "ring/keyhash.h"
#include "ring/md5.h"
#include "ring/murmur.h"
#include "ring/sha1.h"
#include "ring/xxh3.h"

enum { CRC_MASK = 0x7fff };

/* libmemcached keeps 15 bits of the CRC-32's upper half. */
static uint32_t
crc_15_bits(const void *p, size_t bytes)
{
    return crc32_ieee(p, bytes) >> 16 & CRC_MASK;
}

struct hash {
    const char *name;
    uint32_t (*one)(const void *p, size_t bytes);
    void (*many)(const struct ketch_bytes *keys, size_t count, uint32_t *out); /* NULL: one by one */
};

static const struct hash hashes[RING_HASH_COUNT] = {
    [RING_HASH_ONE_AT_A_TIME] = {"one_at_a_time", jenkins_one_at_a_time, NULL},
    [RING_HASH_MD5] = {"md5", md5_word0, md5_word0_many},
    [RING_HASH_CRC] = {"crc", crc_15_bits, NULL},
    [RING_HASH_CRC32] = {"crc32", crc32_ieee, NULL},
    [RING_HASH_CRC16] = {"crc16", crc16_unmasked, NULL},
    [RING_HASH_FNV1_32] = {"fnv1_32", fnv1_32, NULL},
    [RING_HASH_FNV1A_32] = {"fnv1a_32", fnv1a_32, NULL},
    [RING_HASH_FNV1_64] = {"fnv1_64", fnv1_64, NULL},
    [RING_HASH_FNV1A_64] = {"fnv1a_64", fnv1a_64, NULL},
    [RING_HASH_MURMUR] = {"murmur", murmur2_seeded_by_length, NULL},
    [RING_HASH_MURMUR3] = {"murmur3", murmur3_seeded_by_length, NULL},
    [RING_HASH_JENKINS] = {"jenkins", jenkins_lookup3, NULL},
    [RING_HASH_HSIEH] = {"hsieh", hsieh_hash, NULL},
    [RING_HASH_XXH3] = {"xxh3", xxh3_low32, xxh3_low32_many},
    [RING_HASH_SHA1] = {"sha1", sha1_word0, NULL},
    [RING_HASH_JAVA_STRING] = {"java_string", java_string_hash, NULL},
    [RING_HASH_JAVA_FNV1_32] = {"java_fnv1_32", java_fnv1_32, NULL},
    [RING_HASH_JAVA_FNV1A_32] = {"java_fnv1a_32", java_fnv1a_32, NULL},
    [RING_HASH_JAVA_FNV1_64] = {"java_fnv1_64", java_fnv1_64, NULL},
    [RING_HASH_JAVA_FNV1A_64] = {"java_fnv1a_64", java_fnv1a_64, NULL},
};

const char *
ring_hash_name(enum ring_hash hash)
{
    return (unsigned)hash < RING_HASH_COUNT ? hashes[hash].name : NULL;
}

uint32_t
ring_hash_max(enum ring_hash hash)
{
    return hash == RING_HASH_CRC ? CRC_MASK : UINT32_MAX;
}

uint32_t
ring_hash(enum ring_hash hash, const void *p, size_t bytes)
{
    return hashes[hash].one(p, bytes);
}

void
ring_hash_many(enum ring_hash hash, const struct ketch_bytes *keys, size_t count, uint32_t *out)
{
    if (hashes[hash].many != NULL) {
        hashes[hash].many(keys, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = hashes[hash].one(keys[i].p, keys[i].bytes);
}

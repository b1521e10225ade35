#include "ring/hasher.h"

static const struct {
    enum ring_hash bytes, utf16; /* by what the text is */
    uint32_t mask, least;
} hashes[] = {
#define HASH(name) {RING_HASH_##name, RING_HASH_##name, UINT32_MAX, 0}
#define JAVA(name) {RING_HASH_##name, RING_HASH_JAVA_##name, UINT32_MAX, 0}
    [KETCH_HASH_ONE_AT_A_TIME] = HASH(ONE_AT_A_TIME),
    [KETCH_HASH_MD5] = HASH(MD5),
    [KETCH_HASH_CRC] = HASH(CRC),
    [KETCH_HASH_CRC_NONZERO] = {RING_HASH_CRC, RING_HASH_CRC, UINT32_MAX, 1},
    [KETCH_HASH_CRC32] = HASH(CRC32),
    [KETCH_HASH_CRC32_31] = {RING_HASH_CRC32, RING_HASH_CRC32, INT32_MAX, 0},
    [KETCH_HASH_CRC16] = HASH(CRC16),
    [KETCH_HASH_FNV1_32] = JAVA(FNV1_32),
    [KETCH_HASH_FNV1A_32] = JAVA(FNV1A_32),
    [KETCH_HASH_FNV1_64] = JAVA(FNV1_64),
    [KETCH_HASH_FNV1A_64] = JAVA(FNV1A_64),
    [KETCH_HASH_MURMUR] = HASH(MURMUR),
    [KETCH_HASH_MURMUR3] = HASH(MURMUR3),
    [KETCH_HASH_JENKINS] = HASH(JENKINS),
    [KETCH_HASH_HSIEH] = HASH(HSIEH),
    [KETCH_HASH_JAVA] = HASH(JAVA_STRING),
    [KETCH_HASH_XXH3] = HASH(XXH3),
    [KETCH_HASH_SHA1] = HASH(SHA1),
};

bool
hasher_init(struct hasher *h, enum ketch_ring_hash hash, enum ketch_ring_text text)
{
    if ((unsigned)hash >= ARRAY_COUNT(hashes) || hashes[hash].mask == 0)
        return false;
    h->hash = text == KETCH_TEXT_UTF16 ? hashes[hash].utf16 : hashes[hash].bytes;
    h->mask = hashes[hash].mask;
    h->least = hashes[hash].least;
    return true;
}

uint32_t
hasher_max(const struct hasher *h)
{
    return ring_hash_max(h->hash) & h->mask;
}

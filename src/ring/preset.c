#include <ketch/ring.h>

#include <string.h>
#include "ring/attr.h"
#include "ring/preset.h"

/* What a preset is: its knobs, in the order of struct ketch_ring_conf. */
struct preset {
    const char *name;
    enum ketch_ring_name server;
    enum ketch_ring_points points;
    uint32_t point_count;
    enum ketch_ring_hash point_hash;
    uint32_t point_words;
    enum ketch_ring_hash key_hash;
    enum ketch_ring_search search;
    enum ketch_ring_ties ties;
    enum ketch_ring_filter filter;
    enum ketch_ring_text text;
    uint32_t prefix_limit_bytes;
};

#define KNOBS(server, points, count, point_hash, words, key_hash, search, ties)                    \
    KETCH_NAME_##server, KETCH_POINTS_##points, count, KETCH_HASH_##point_hash, words,             \
        KETCH_HASH_##key_hash, KETCH_SEARCH_##search, KETCH_TIES_##ties

#define BYTES  KETCH_FILTER_NONE, KETCH_TEXT_BYTES, 0
#define PREFIX KETCH_FILTER_NONE, KETCH_TEXT_BYTES, 250 /* libmemcached's longest key */
#define JAVA   KETCH_FILTER_NONE, KETCH_TEXT_UTF16, 0
#define PYTHON KETCH_FILTER_NONE, KETCH_TEXT_UTF8, 0
#define HEAD   KETCH_FILTER_HEAD, KETCH_TEXT_BYTES, 0
#define ROUTE  KETCH_FILTER_ROUTE, KETCH_TEXT_BYTES, 0

static const struct preset presets[] = {
    [KETCH_RING_NATIVE] =
        {"native", KNOBS(TAG, PER_WEIGHT, 640, XXH3, 2, XXH3, NEAREST, FIRST), BYTES},
    [KETCH_RING_LIBMEMCACHED_WEIGHTED] =
        {"libmemcached-weighted",
         KNOBS(LIBMEMCACHED, SHARE, 160, AUTO, 4, MD5, SUCCESSOR, FIRST), PREFIX},
    [KETCH_RING_LIBMEMCACHED_CONSISTENT] =
        {"libmemcached-consistent",
         KNOBS(LIBMEMCACHED, CONSISTENT, 100, AUTO, 1, ONE_AT_A_TIME, SUCCESSOR, FIRST), PREFIX},
    [KETCH_RING_LIBMEMCACHED_MODULA] =
        {"libmemcached-modula",
         KNOBS(LIBMEMCACHED, FIXED, 1, AUTO, 1, ONE_AT_A_TIME, MODULO, FIRST), PREFIX},
    [KETCH_RING_LIBMEMCACHED_SPY] =
        {"libmemcached-spy", KNOBS(SPY, CONSISTENT, 100, AUTO, 1, ONE_AT_A_TIME, SUCCESSOR, FIRST),
         PREFIX},
    [KETCH_RING_LIBMEMCACHED_SPY_WEIGHTED] =
        {"libmemcached-spy-weighted", KNOBS(SPY, SHARE, 160, AUTO, 4, MD5, SUCCESSOR, FIRST),
         PREFIX},
    [KETCH_RING_LIBKETAMA] =
        {"libketama", KNOBS(HOST_PORT, SHARE_LIBKETAMA, 160, AUTO, 4, MD5, SUCCESSOR, FIRST),
         BYTES},
    [KETCH_RING_TWEMPROXY] =
        {"twemproxy", KNOBS(TWEMPROXY, SHARE, 160, AUTO, 4, FNV1A_64, SUCCESSOR, NAME), BYTES},
    [KETCH_RING_TWEMPROXY_MODULA] =
        {"twemproxy-modula", KNOBS(TWEMPROXY, PER_WEIGHT, 1, AUTO, 1, FNV1A_64, MODULO, NAME),
         BYTES},
    [KETCH_RING_MCPROXY_DEFAULT] =
        {"mcproxy-default", KNOBS(HOST_PORT, FIXED, 160, XXH3, 1, XXH3, SUCCESSOR, FIRST), BYTES},
    [KETCH_RING_MCPROXY_KETAMA] =
        {"mcproxy-ketama", KNOBS(HOST_PORT, FIXED, 160, MD5, 4, MD5, SUCCESSOR, FIRST), BYTES},
    [KETCH_RING_MCPROXY_TWEMPROXY] =
        {"mcproxy-twemproxy", KNOBS(LIBMEMCACHED, FIXED, 160, MD5, 4, MD5, SUCCESSOR, FIRST),
         BYTES},
    [KETCH_RING_MCPROXY_EVCACHE] =
        {"mcproxy-evcache", KNOBS(EVCACHE, FIXED, 160, MD5, 4, MD5, SUCCESSOR, FIRST), BYTES},
    [KETCH_RING_MCPROXY_JUMP] =
        {"mcproxy-jump", KNOBS(HOST_PORT, FIXED, 1, AUTO, 1, XXH3, JUMP, FIRST), BYTES},
    [KETCH_RING_SPYMEMCACHED] =
        {"spymemcached", KNOBS(SPYMEMCACHED, FIXED, 160, AUTO, 4, MD5, SUCCESSOR, LAST), JAVA},
    [KETCH_RING_SPYMEMCACHED_LIBMEMCACHED] =
        {"spymemcached-libmemcached",
         KNOBS(SPY_LIBMEMCACHED, FIXED, 160, AUTO, 4, MD5, SUCCESSOR, LAST), JAVA},
    [KETCH_RING_SPYMEMCACHED_MODULO] =
        {"spymemcached-modulo", KNOBS(SPYMEMCACHED, FIXED, 1, AUTO, 1, JAVA, MODULO, FIRST), JAVA},
    [KETCH_RING_DALLI] =
        {"dalli", KNOBS(DALLI, SHARE_EXACT, 160, SHA1, 1, CRC32, PREDECESSOR, FIRST), BYTES},
    [KETCH_RING_CACHE_MEMCACHED] =
        {"cache-memcached", KNOBS(HOST_PORT, PER_WEIGHT, 1, AUTO, 1, CRC, MODULO, FIRST), BYTES},
    [KETCH_RING_CACHE_MEMCACHED_FAST] =
        {"cache-memcached-fast",
         KNOBS(PERL, PER_WEIGHT, 150, CRC32_CHAIN, 1, CRC32, SUCCESSOR, FIRST), BYTES},
    [KETCH_RING_PYTHON_MEMCACHED] =
        {"python-memcached", KNOBS(HOST_PORT, PER_WEIGHT, 1, AUTO, 1, CRC_NONZERO, MODULO, FIRST),
         BYTES},
    [KETCH_RING_GOMEMCACHE] =
        {"gomemcache", KNOBS(HOST_PORT, FIXED, 1, AUTO, 1, CRC32, MODULO, FIRST), HEAD},
    [KETCH_RING_PYMEMCACHE] =
        {"pymemcache", KNOBS(HOST_PORT, FIXED, 1, AUTO, 1, MURMUR3, RENDEZVOUS, FIRST), PYTHON},
    [KETCH_RING_MCROUTER_CH3] =
        {"mcrouter-ch3", KNOBS(TAG, FIXED, 1, AUTO, 1, MURMUR, CH3, FIRST), ROUTE},
    [KETCH_RING_MCROUTER_CRC32] =
        {"mcrouter-crc32", KNOBS(TAG, FIXED, 1, AUTO, 1, CRC32_31, MODULO, FIRST), ROUTE},
    [KETCH_RING_MCROUTER_RENDEZVOUS] =
        {"mcrouter-rendezvous", KNOBS(TAG, FIXED, 1, AUTO, 1, MURMUR, RENDEZVOUS_MIX, FIRST),
         ROUTE},
    [KETCH_RING_MCROUTER_WEIGHTED_CH3] =
        {"mcrouter-weighted-ch3", KNOBS(TAG, PER_WEIGHT, 1, AUTO, 1, MURMUR, CH3, FIRST), ROUTE},
    [KETCH_RING_MCROUTER_WEIGHTED_RENDEZVOUS] =
        {"mcrouter-weighted-rendezvous",
         KNOBS(TAG, PER_WEIGHT, 1, AUTO, 1, MURMUR, RENDEZVOUS_MIX, FIRST), ROUTE},
};

enum ketch_status
ketch_ring_conf_init(struct ketch_ring_conf *conf, enum ketch_ring_preset preset)
{
    if ((unsigned)preset >= ARRAY_COUNT(presets))
        return KETCH_INVALID;
    const struct preset *p = &presets[preset];
    *conf = (struct ketch_ring_conf){
        .struct_bytes = sizeof(*conf),
        .preset = preset,
        .name = p->server,
        .points = p->points,
        .point_count = p->point_count,
        .point_hash = p->point_hash,
        .point_words = p->point_words,
        .key_hash = p->key_hash,
        .search = p->search,
        .ties = p->ties,
        .filter = p->filter,
        .text = p->text,
        .prefix_limit_bytes = p->prefix_limit_bytes,
    };
    return KETCH_OK;
}

const char *
ketch_ring_preset_name(enum ketch_ring_preset preset)
{
    return (unsigned)preset < ARRAY_COUNT(presets) ? presets[preset].name : NULL;
}

bool
preset_find(const char *name, size_t bytes, enum ketch_ring_preset *found)
{
    for (unsigned i = 0; i < ARRAY_COUNT(presets); i++)
        if (strlen(presets[i].name) == bytes && memcmp(presets[i].name, name, bytes) == 0) {
            *found = (enum ketch_ring_preset)i;
            return true;
        }
    return false;
}

bool
preset_is_twemproxy(enum ketch_ring_preset preset)
{
    return preset == KETCH_RING_TWEMPROXY || preset == KETCH_RING_TWEMPROXY_MODULA;
}

bool
preset_is_mcproxy(enum ketch_ring_preset preset)
{
    return preset >= KETCH_RING_MCPROXY_DEFAULT && preset <= KETCH_RING_MCPROXY_JUMP;
}

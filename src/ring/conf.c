#include "ring/conf.h"

#include <stdio.h>
#include <string.h>
#include "ring/attr.h"
#include "ring/hasher.h"
#include "ring/preset.h"

enum { POINT_COUNT_MAX = 65535 };

enum ketch_status
conf_refuse(enum ketch_status status, char *why, size_t why_bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (why != NULL && why_bytes > 0)
        vsnprintf(why, why_bytes, format, args);
    va_end(args);
    return status;
}

/* ---- words of a spec ---- */

/* A piece of a spec, not terminated. */
struct word {
    const char *p;
    size_t bytes;
};

struct choice {
    const char *name;
    int value;
};

static const struct choice hashes[] = {
    {"auto", KETCH_HASH_AUTO},
    {"one_at_a_time", KETCH_HASH_ONE_AT_A_TIME},
    {"default", KETCH_HASH_ONE_AT_A_TIME},
    {"md5", KETCH_HASH_MD5},
    {"crc", KETCH_HASH_CRC},
    {"crc_nonzero", KETCH_HASH_CRC_NONZERO},
    {"crc32", KETCH_HASH_CRC32},
    {"crc32a", KETCH_HASH_CRC32},
    {"crc32_31", KETCH_HASH_CRC32_31},
    {"crc32_chain", KETCH_HASH_CRC32_CHAIN},
    {"crc16", KETCH_HASH_CRC16},
    {"fnv1_32", KETCH_HASH_FNV1_32},
    {"fnv1a_32", KETCH_HASH_FNV1A_32},
    {"fnv1_64", KETCH_HASH_FNV1_64},
    {"fnv1a_64", KETCH_HASH_FNV1A_64},
    {"murmur", KETCH_HASH_MURMUR},
    {"murmur3", KETCH_HASH_MURMUR3},
    {"jenkins", KETCH_HASH_JENKINS},
    {"hsieh", KETCH_HASH_HSIEH},
    {"java", KETCH_HASH_JAVA},
    {"xxh3", KETCH_HASH_XXH3},
    {"sha1", KETCH_HASH_SHA1},
};

static const struct choice weights[] = {
    {"none", KETCH_POINTS_FIXED},
    {"relative", KETCH_POINTS_SHARE},
    {"libketama", KETCH_POINTS_SHARE_LIBKETAMA},
    {"exact", KETCH_POINTS_SHARE_EXACT},
    {"consistent", KETCH_POINTS_CONSISTENT},
    {"absolute", KETCH_POINTS_PER_WEIGHT},
};

static const struct choice names[] = {
    {"libmemcached", KETCH_NAME_LIBMEMCACHED},
    {"spy", KETCH_NAME_SPY},
    {"host-port", KETCH_NAME_HOST_PORT},
    {"twemproxy", KETCH_NAME_TWEMPROXY},
    {"spymemcached", KETCH_NAME_SPYMEMCACHED},
    {"spy-libmemcached", KETCH_NAME_SPY_LIBMEMCACHED},
    {"evcache", KETCH_NAME_EVCACHE},
    {"dalli", KETCH_NAME_DALLI},
    {"perl", KETCH_NAME_PERL},
    {"tag", KETCH_NAME_TAG},
};

static const struct choice searches[] = {
    {"successor", KETCH_SEARCH_SUCCESSOR},
    {"predecessor", KETCH_SEARCH_PREDECESSOR},
    {"nearest", KETCH_SEARCH_NEAREST},
    {"modulo", KETCH_SEARCH_MODULO},
    {"jump", KETCH_SEARCH_JUMP},
    {"ch3", KETCH_SEARCH_CH3},
    {"rendezvous", KETCH_SEARCH_RENDEZVOUS},
    {"rendezvous-mix", KETCH_SEARCH_RENDEZVOUS_MIX},
};

static const struct choice ties[] = {
    {"first", KETCH_TIES_FIRST},
    {"last", KETCH_TIES_LAST},
    {"name", KETCH_TIES_NAME},
    {"host", KETCH_TIES_HOST},
};

static const struct choice filters[] = {
    {"none", KETCH_FILTER_NONE},
    {"head", KETCH_FILTER_HEAD},
    {"route", KETCH_FILTER_ROUTE},
};

static const struct choice texts[] = {
    {"bytes", KETCH_TEXT_BYTES},
    {"utf16", KETCH_TEXT_UTF16},
    {"utf8", KETCH_TEXT_UTF8},
    {"python-repr", KETCH_TEXT_PYTHON_REPR},
};

static bool
word_is(struct word w, const char *name)
{
    return strlen(name) == w.bytes && memcmp(name, w.p, w.bytes) == 0;
}

static bool
choose(const struct choice *choices, size_t count, struct word w, int *value)
{
    for (size_t i = 0; i < count; i++)
        if (word_is(w, choices[i].name)) {
            *value = choices[i].value;
            return true;
        }
    return false;
}

static bool
number(struct word w, uint32_t *value)
{
    uint32_t n = 0;
    for (size_t i = 0; i < w.bytes; i++) {
        if (w.p[i] < '0' || w.p[i] > '9' || n > POINT_COUNT_MAX)
            return false;
        n = n * 10 + (uint32_t)(w.p[i] - '0');
    }
    *value = n;
    return w.bytes > 0 && n <= POINT_COUNT_MAX;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Text in which %XX is a byte, but not NUL. */
static bool
unescape(struct word w, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < w.bytes; i++) {
        int c = (unsigned char)w.p[i];
        if (c == '%') {
            int high = i + 2 < w.bytes ? hex_digit(w.p[i + 1]) : -1;
            int low = i + 2 < w.bytes ? hex_digit(w.p[i + 2]) : -1;
            c = high >= 0 && low >= 0 ? high << 4 | low : 0;
            i += 2;
        }
        if (c == 0 || n + 1 >= room)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

/* ---- settings ---- */

/* twemproxy's words for CRCs are others than everybody's. */
static void
twemproxy_hash(struct word w, int *hash)
{
    if (word_is(w, "crc32"))
        *hash = KETCH_HASH_CRC;
}

#define CHOOSE(field, choices)                                                                     \
    do {                                                                                           \
        int choice;                                                                                \
        if (!choose(choices, ARRAY_COUNT(choices), value, &choice))                                \
            return false;                                                                          \
        field = choice;                                                                            \
        return true;                                                                               \
    } while (0)

static bool
set_hash(const struct ketch_ring_conf *conf, struct word value, enum ketch_ring_hash *hash)
{
    int choice;
    if (!choose(hashes, ARRAY_COUNT(hashes), value, &choice))
        return false;
    if (preset_is_twemproxy(conf->preset))
        twemproxy_hash(value, &choice);
    *hash = (enum ketch_ring_hash)choice;
    return true;
}

static bool
set_tag(struct ketch_ring_conf *conf, struct word value)
{
    conf->filter = preset_is_mcproxy(conf->preset) ? KETCH_FILTER_TAG_STRICT : KETCH_FILTER_TAG;
    return unescape(value, conf->filter_text, sizeof(conf->filter_text)) &&
           strlen(conf->filter_text) == 2;
}

static bool
set_stop(struct ketch_ring_conf *conf, struct word value)
{
    conf->filter = KETCH_FILTER_STOP;
    return unescape(value, conf->filter_text, sizeof(conf->filter_text)) &&
           conf->filter_text[0] != '\0';
}

/* One "key=value"; false if the value is none for this key.  *known says whether the key is one. */
static bool
set(struct ketch_ring_conf *conf, struct word key, struct word value, bool *known)
{
    *known = true;
    if (word_is(key, "hash"))
        return set_hash(conf, value, &conf->key_hash);
    if (word_is(key, "point-hash"))
        return set_hash(conf, value, &conf->point_hash);
    if (word_is(key, "points"))
        return number(value, &conf->point_count);
    if (word_is(key, "words"))
        return number(value, &conf->point_words);
    if (word_is(key, "weights"))
        CHOOSE(conf->points, weights);
    if (word_is(key, "name"))
        CHOOSE(conf->name, names);
    if (word_is(key, "search"))
        CHOOSE(conf->search, searches);
    if (word_is(key, "ties"))
        CHOOSE(conf->ties, ties);
    if (word_is(key, "filter"))
        CHOOSE(conf->filter, filters);
    if (word_is(key, "text"))
        CHOOSE(conf->text, texts);
    if (word_is(key, "tag"))
        return set_tag(conf, value);
    if (word_is(key, "stop"))
        return set_stop(conf, value);
    if (word_is(key, "prefix"))
        return unescape(value, conf->prefix, sizeof(conf->prefix));
    if (word_is(key, "seed"))
        return unescape(value, conf->seed, sizeof(conf->seed));
    *known = false;
    return false;
}

/* ---- specs ---- */

static struct word
word_until(const char *p, char end)
{
    const char *at = strchr(p, end);
    return (struct word){p, at != NULL ? (size_t)(at - p) : strlen(p)};
}

/* Splits at the first 'c'; what is behind it is in *rest, whose p is NULL if there is no 'c'. */
static struct word
split(struct word w, char c, struct word *rest)
{
    const char *at = memchr(w.p, c, w.bytes);
    *rest = (struct word){NULL, 0};
    if (at == NULL)
        return w;
    *rest = (struct word){at + 1, w.bytes - (size_t)(at - w.p) - 1};
    return (struct word){w.p, (size_t)(at - w.p)};
}

static enum ketch_status
parse_preset(struct ketch_ring_conf *conf, struct word w, char *why, size_t why_bytes)
{
    struct word points;
    struct word name = split(w, ':', &points);
    enum ketch_ring_preset preset;
    if (!preset_find(name.p, name.bytes, &preset))
        return conf_refuse(KETCH_INVALID, why, why_bytes, "there is no preset '%.*s'",
                           (int)(name.bytes < 64 ? name.bytes : 64), name.p);
    (void)ketch_ring_conf_init(conf, preset);
    if (points.p == NULL)
        return KETCH_OK;
    if (!number(points, &conf->point_count))
        return conf_refuse(KETCH_INVALID, why, why_bytes, "'%.*s' is not a number of points",
                           (int)(points.bytes < 64 ? points.bytes : 64), points.p);
    /* The module's way of saying: as Cache::Memcached. */
    if (preset == KETCH_RING_CACHE_MEMCACHED_FAST && conf->point_count == 0)
        (void)ketch_ring_conf_init(conf, KETCH_RING_CACHE_MEMCACHED);
    return KETCH_OK;
}

static enum ketch_status
parse_setting(struct ketch_ring_conf *conf, struct word w, char *why, size_t why_bytes)
{
    struct word value;
    struct word key = split(w, '=', &value);
    if (value.p == NULL && word_is(key, "force")) {
        conf->force = true;
        return KETCH_OK;
    }
    bool known;
    if (value.p != NULL && set(conf, key, value, &known))
        return KETCH_OK;
    if (value.p != NULL && known)
        return conf_refuse(KETCH_INVALID, why, why_bytes, "'%.*s' cannot be '%.*s'", (int)key.bytes,
                           key.p, (int)(value.bytes < 64 ? value.bytes : 64), value.p);
    return conf_refuse(KETCH_INVALID, why, why_bytes, "there is no setting '%.*s'",
                       (int)(w.bytes < 64 ? w.bytes : 64), w.p);
}

enum ketch_status
ketch_ring_conf_parse(struct ketch_ring_conf *conf, const char *spec, char *why, size_t why_bytes)
{
    if (spec == NULL)
        return ketch_ring_conf_init(conf, KETCH_RING_LIBMEMCACHED_WEIGHTED);
    struct word w = word_until(spec, ',');
    enum ketch_status status = parse_preset(conf, w, why, why_bytes);
    while (status == KETCH_OK && w.p[w.bytes] == ',') {
        w = word_until(w.p + w.bytes + 1, ',');
        status = parse_setting(conf, w, why, why_bytes);
    }
    return status == KETCH_OK ? conf_check(conf, why, why_bytes) : status;
}

/* ---- checks ---- */

static bool
in_range(const struct ketch_ring_conf *c)
{
    return ketch_ring_preset_name(c->preset) != NULL && (unsigned)c->name <= KETCH_NAME_TAG &&
           (unsigned)c->points <= KETCH_POINTS_PER_WEIGHT &&
           (unsigned)c->point_hash <= KETCH_HASH_SHA1 && (unsigned)c->key_hash <= KETCH_HASH_SHA1 &&
           (unsigned)c->search <= KETCH_SEARCH_RENDEZVOUS_MIX &&
           (unsigned)c->ties <= KETCH_TIES_HOST && (unsigned)c->filter <= KETCH_FILTER_ROUTE &&
           (unsigned)c->text <= KETCH_TEXT_PYTHON_REPR;
}

static bool
has_ends(const struct ketch_ring_conf *c)
{
    return memchr(c->filter_text, 0, sizeof(c->filter_text)) != NULL &&
           memchr(c->prefix, 0, sizeof(c->prefix)) != NULL &&
           memchr(c->seed, 0, sizeof(c->seed)) != NULL;
}

static bool
filter_is_complete(const struct ketch_ring_conf *c)
{
    if (c->filter == KETCH_FILTER_TAG || c->filter == KETCH_FILTER_TAG_STRICT)
        return strlen(c->filter_text) == 2;
    return c->filter != KETCH_FILTER_STOP || c->filter_text[0] != '\0';
}

enum ketch_status
conf_check(const struct ketch_ring_conf *conf, char *why, size_t why_bytes)
{
    struct hasher h;
    if (conf->struct_bytes != sizeof(*conf))
        return conf_refuse(KETCH_INVALID, why, why_bytes,
                           "the struct is not this version's: use ketch_ring_conf_init()");
    if (!in_range(conf) || !has_ends(conf))
        return conf_refuse(KETCH_INVALID, why, why_bytes, "a setting is out of range");
    if (!hasher_init(&h, conf->key_hash, conf->text))
        return conf_refuse(KETCH_INVALID, why, why_bytes, "no keys can be hashed with this hash");
    if (conf->point_count < 1 || conf->point_count > POINT_COUNT_MAX)
        return conf_refuse(KETCH_INVALID, why, why_bytes, "the number of points must be 1 to %d",
                           POINT_COUNT_MAX);
    if (conf->point_words != 1 && conf->point_words != 2 && conf->point_words != 4)
        return conf_refuse(KETCH_INVALID, why, why_bytes, "one hash makes 1, 2 or 4 points");
    if (!filter_is_complete(conf))
        return conf_refuse(KETCH_INVALID, why, why_bytes,
                           "a tag needs its two characters, and a stop its text");
    return KETCH_OK;
}

/* ring.h - which server of a pool has a key: placement, as every memcached client does it.
 *
 * A builder collects servers and makes rings; a ring is a picture of the pool at one moment that
 * never changes and answers from any thread:
 *
 *     struct ketch_ring_builder *b;
 *     struct ketch_ring *ring;
 *     ketch_ring_builder_create("libmemcached-weighted", &b, why, sizeof(why));
 *     ketch_ring_builder_add(b, &(struct ketch_server){.host = "10.0.0.1", .port = 11211}, NULL);
 *     ...
 *     ketch_ring_builder_build(b, &ring, why, sizeof(why));
 *     uint32_t id = ketch_ring_pick(ring, key, key_bytes);
 *
 * Where a key lands is decided by seven knobs, and a preset is a set of them under the name of the
 * client that places keys so:
 *
 *     name         what is hashed of a server             "10.0.0.1", "10.0.0.1:11211", ...
 *     points       how many points it has on the ring     160, 40 x 4 by weight in binary32, ...
 *     point hash   what makes a point                     md5("10.0.0.1-0") is four of them
 *     key hash     what makes a key a number              md5, fnv1a_64, crc, ...
 *     search       which server has that number           the next point, the one before, modulo, ...
 *     ties         who has a point that two servers have  the first, the last, the first by name
 *     key filter   what of the key is hashed              a tag, what comes before a stop, a prefix
 *
 * Threads:   a builder belongs to one thread at a time.  A ring is immutable and its count of
 *            references atomic: all functions on it may be called by any thread at any time.
 * Ownership: arguments are borrowed for the call and copied.  What a ring shows (names, warnings)
 *            lives as long as the ring.
 * Failure:   KETCH_NO_MEMORY leaves a builder as it was before the call.  Nothing here aborts, blocks
 *            or writes; looking a key up allocates nothing and cannot fail.
 */
#ifndef KETCH_RING_H
#define KETCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ketch/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ketch_ring;
struct ketch_ring_builder;

#define KETCH_RING_NONE UINT32_MAX /* no server: the pool is empty, or none of it is live */

/* Bounds of what a pool may be. */
#define KETCH_RING_SERVERS_MAX 1000000   /* ids that a builder gives, removed servers included */
#define KETCH_RING_POINTS_MAX  134217728 /* points of one ring: 65,535 servers with 2,048 each */
#define KETCH_RING_HOST_MAX    255       /* bytes of a host or a path */
#define KETCH_RING_NAME_MAX    255       /* bytes of a server's given name */
#define KETCH_RING_PREFIX_MAX  250       /* bytes of a hashed prefix */

/* ---- servers ---- */

/* A server as its user names it.  Nothing is resolved or normalised: other spellings of the same
 * address are other servers to every client, and so they are here. */
struct ketch_server {
    const char *host; /* name, IPv4 address, IPv6 address without brackets, or a unix socket's path,
                         which begins with '/' */
    uint16_t port;    /* 0: none for a path, 11211 otherwise */
    uint32_t weight;  /* 0 means 1 */
    const char *name; /* what twemproxy's configuration calls the server, or NULL.  Hashed instead of
                         the address where the preset's clients have such names: twemproxy; and mcrouter's
                         rendezvous, where it is the tag.  In spymemcached it is what Java prints for
                         the address, which for a host name needs the resolver */
};

struct ketch_server_list {
    struct ketch_server *servers; /* their strings live as long as the list */
    size_t count;
    void *memory; /* the library's */
};

/* Reads a list, a server per line:
 *
 *     host                      host:port[:weight] [name]      [v6]:port[:weight] [name]
 *     host port [weight [name]] /path[:weight] [name]          /path 0 weight [name]
 *     host:port weight          (libketama's: a second word of digits only, where the first has no weight)
 *
 * Blank lines and what follows a '#' that begins a word are skipped; lines may end in CR LF.
 * KETCH_INVALID: 'why' (may be NULL) is given the line and what is wrong with it. */
enum ketch_status ketch_server_list_parse(const char *text, size_t bytes,
                                          struct ketch_server_list *list, char *why,
                                          size_t why_bytes);

/* Frees what ketch_server_list_parse() made, and empties the list. */
void ketch_server_list_free(struct ketch_server_list *list);

/* ---- the knobs ---- */

enum ketch_ring_preset {
    KETCH_RING_NATIVE,
    KETCH_RING_LIBMEMCACHED_WEIGHTED,
    KETCH_RING_LIBMEMCACHED_CONSISTENT,
    KETCH_RING_LIBMEMCACHED_MODULA,
    KETCH_RING_LIBMEMCACHED_SPY,
    KETCH_RING_LIBMEMCACHED_SPY_WEIGHTED,
    KETCH_RING_LIBKETAMA,
    KETCH_RING_TWEMPROXY,
    KETCH_RING_TWEMPROXY_MODULA,
    KETCH_RING_MCPROXY_DEFAULT,
    KETCH_RING_MCPROXY_KETAMA,
    KETCH_RING_MCPROXY_TWEMPROXY,
    KETCH_RING_MCPROXY_EVCACHE,
    KETCH_RING_MCPROXY_JUMP,
    KETCH_RING_SPYMEMCACHED,
    KETCH_RING_SPYMEMCACHED_LIBMEMCACHED,
    KETCH_RING_SPYMEMCACHED_MODULO,
    KETCH_RING_DALLI,
    KETCH_RING_CACHE_MEMCACHED,
    KETCH_RING_CACHE_MEMCACHED_FAST,
    KETCH_RING_PYTHON_MEMCACHED,
    KETCH_RING_GOMEMCACHE,
    KETCH_RING_PYMEMCACHE,
    KETCH_RING_MCROUTER_CH3,
    KETCH_RING_MCROUTER_CRC32,
    KETCH_RING_MCROUTER_RENDEZVOUS,
    KETCH_RING_MCROUTER_WEIGHTED_CH3,
    KETCH_RING_MCROUTER_WEIGHTED_RENDEZVOUS,
};

/* Knob 1: the text of a server that is hashed. */
enum ketch_ring_name {
    KETCH_NAME_LIBMEMCACHED,     /* host, and ":port" unless it is 11211; "/path:0" */
    KETCH_NAME_SPY,              /* "/host:port", what libmemcached believes to be spymemcached's */
    KETCH_NAME_HOST_PORT,        /* "host:port"; "/path" */
    KETCH_NAME_TWEMPROXY,        /* the given name, or as libmemcached; "/path:" */
    KETCH_NAME_SPYMEMCACHED,     /* the given name, or Java's: "host:port", "[0:0:0:0:0:0:0:1]:port" */
    KETCH_NAME_SPY_LIBMEMCACHED, /* as libmemcached, but IPv6 in Java's full form */
    KETCH_NAME_EVCACHE,          /* "host/host:port" */
    KETCH_NAME_DALLI,            /* "host:port"; numbers of points follow a ':' and not a '-' */
    KETCH_NAME_PERL,             /* host, NUL, port: Cache::Memcached::Fast's */
    KETCH_NAME_TAG,              /* the given name, or "host:port", "[v6]:port", "/path:0" */
};

/* Knob 2: how many points a server has (searches that need none: how often it is in the list). */
enum ketch_ring_points {
    KETCH_POINTS_FIXED,           /* point_count each; weights play no part */
    KETCH_POINTS_SHARE,           /* point_count on average, by weight, in binary32: libmemcached's,
                                     twemproxy's and spymemcached's, and often 4 points less than
                                     one should think */
    KETCH_POINTS_SHARE_LIBKETAMA, /* the same with libketama's rounding */
    KETCH_POINTS_SHARE_EXACT,     /* the same without rounding: Dalli's */
    KETCH_POINTS_CONSISTENT,      /* point_count each, until a weight is above 1: then SHARE of 160,
                                     by md5: what libmemcached does without a word */
    KETCH_POINTS_PER_WEIGHT,      /* point_count times weight: what others have does not change it */
};

/* Knobs 3 and 4: hashes, of points and of keys. */
enum ketch_ring_hash {
    KETCH_HASH_AUTO, /* of points: md5 if points are a SHARE by weight, else the hash of keys */
    KETCH_HASH_ONE_AT_A_TIME,
    KETCH_HASH_MD5,
    KETCH_HASH_CRC,         /* 15 bits of CRC-32: libmemcached's crc, twemproxy's crc32 */
    KETCH_HASH_CRC_NONZERO, /* the same, but 1 for 0: python-memcached */
    KETCH_HASH_CRC32,       /* all 32 bits: twemproxy's crc32a */
    KETCH_HASH_CRC32_31,    /* 31 of them: mcrouter */
    KETCH_HASH_CRC32_CHAIN, /* of points only: each is the CRC-32 of the name and the one before */
    KETCH_HASH_CRC16,       /* twemproxy's */
    KETCH_HASH_FNV1_32,
    KETCH_HASH_FNV1A_32,
    KETCH_HASH_FNV1_64,
    KETCH_HASH_FNV1A_64,
    KETCH_HASH_MURMUR,
    KETCH_HASH_MURMUR3,
    KETCH_HASH_JENKINS,
    KETCH_HASH_HSIEH,
    KETCH_HASH_JAVA, /* String.hashCode() */
    KETCH_HASH_XXH3, /* the low half of XXH3_64bits; two points are both halves */
    KETCH_HASH_SHA1, /* its first 4 bytes, big-endian */
};

/* Knob 5: from a key's hash to a server. */
enum ketch_ring_search {
    KETCH_SEARCH_SUCCESSOR,      /* the first point at or above it; the first of all if there is none */
    KETCH_SEARCH_PREDECESSOR,    /* the last point at or below it; the last of all if there is none */
    KETCH_SEARCH_NEAREST,        /* the point with the least distance, up or down; up if both are equal:
                                    as even as a ring of successors with twice as many points */
    KETCH_SEARCH_MODULO,         /* its remainder counts along the list */
    KETCH_SEARCH_JUMP,           /* Lamping and Veach's jump hash of XXH3_64bits, with the seed */
    KETCH_SEARCH_CH3,            /* mcrouter's furc hash */
    KETCH_SEARCH_RENDEZVOUS,     /* pymemcache: the highest murmur3 of "name-key" */
    KETCH_SEARCH_RENDEZVOUS_MIX, /* mcrouter: the highest mix of murmur64 of name and of key */
};

/* Knob 6: the order of servers, which decides who gets a point that two of them have, and what a
 * remainder counts. */
enum ketch_ring_ties {
    KETCH_TIES_FIRST, /* as they were added; the first has the point */
    KETCH_TIES_LAST,  /* as they were added; the last has the point: spymemcached */
    KETCH_TIES_NAME,  /* by hashed name, shorter ones first: twemproxy */
    KETCH_TIES_HOST,  /* by host, then port: libmemcached's SORT_HOSTS */
};

/* Knob 7: what of a key is hashed. */
enum ketch_ring_filter {
    KETCH_FILTER_NONE,       /* all of it */
    KETCH_FILTER_TAG,        /* what is between filter_text's two characters; all if that is nothing */
    KETCH_FILTER_TAG_STRICT, /* the same, but nothing if it is nothing: memcached's proxy */
    KETCH_FILTER_STOP,       /* what comes before filter_text */
    KETCH_FILTER_HEAD,       /* the first 256 bytes: gomemcache */
    KETCH_FILTER_ROUTE,      /* what is between mcrouter's route prefix ("/a/b/") and "|#|" */
};

/* Knob 7, too: what a language makes of a key's bytes before it hashes them. */
enum ketch_ring_text {
    KETCH_TEXT_BYTES,       /* nothing */
    KETCH_TEXT_UTF16,       /* Java: FNV and String.hashCode() are of UTF-16 units */
    KETCH_TEXT_UTF8,        /* Python's str: the low byte of every code point */
    KETCH_TEXT_PYTHON_REPR, /* Python's bytes, formatted: b'key' */
};

struct ketch_ring_conf {
    size_t struct_bytes; /* sizeof(struct ketch_ring_conf): later versions may append fields */
    enum ketch_ring_preset preset;
    enum ketch_ring_name name;
    enum ketch_ring_points points;
    uint32_t point_count;
    enum ketch_ring_hash point_hash;
    uint32_t point_words; /* points that one hash makes, if it has as many words: md5 4, xxh3 2 */
    enum ketch_ring_hash key_hash;
    enum ketch_ring_search search;
    enum ketch_ring_ties ties;
    enum ketch_ring_filter filter;
    enum ketch_ring_text text;
    char filter_text[32];
    char prefix[KETCH_RING_PREFIX_MAX + 1]; /* hashed before the key */
    uint32_t prefix_limit_bytes;            /* prefix and key longer than this hash to 0; 0: no limit */
    char seed[64];                          /* of KETCH_SEARCH_JUMP; "": none */
    bool force; /* build what KETCH_CONFLICT warns of, to agree with a client that does */
};

/* The knobs of a preset.  KETCH_INVALID if there is no such preset. */
enum ketch_status ketch_ring_conf_init(struct ketch_ring_conf *conf, enum ketch_ring_preset preset);

/* The same from text: the name of a preset and words, separated by commas; %XX is a byte.
 *
 *     twemproxy,hash=md5,tag={}            cache-memcached-fast:150,prefix=app%2c
 *
 *     hash, point-hash     one_at_a_time md5 crc crc_nonzero crc32 crc32_31 crc32_chain crc16
 *                          fnv1_32 fnv1a_32 fnv1_64 fnv1a_64 murmur murmur3 jenkins hsieh java
 *                          xxh3 sha1; point-hash also auto.  With twemproxy, crc32 is called
 *                          crc32a and crc crc32, as in its configuration
 *     points=N, words=N    point_count (also PRESET:N) and point_words
 *     weights              none relative libketama exact consistent absolute
 *     name                 libmemcached spy host-port twemproxy spymemcached spy-libmemcached
 *                          evcache dalli perl tag
 *     search               successor predecessor nearest modulo jump ch3 rendezvous rendezvous-mix
 *     ties                 first last name host
 *     tag=AB stop=TEXT     filters; filter=none, filter=head, filter=route
 *     text                 bytes utf16 utf8 python-repr
 *     prefix, seed         text
 *     force                (no value)
 *
 * NULL is "libmemcached-weighted".  KETCH_INVALID: 'why' (may be NULL) says what is wrong. */
enum ketch_status ketch_ring_conf_parse(struct ketch_ring_conf *conf, const char *spec, char *why,
                                        size_t why_bytes);

/* The preset's name; NULL if there is no such preset.  Count from 0 to see them all. */
const char *ketch_ring_preset_name(enum ketch_ring_preset preset);

/* ---- builder ---- */

/* A builder without servers.  'spec' is as for ketch_ring_conf_parse(); 'why' may be NULL. */
enum ketch_status ketch_ring_builder_create(const char *spec, struct ketch_ring_builder **out,
                                            char *why, size_t why_bytes);
enum ketch_status ketch_ring_builder_create_conf(const struct ketch_ring_conf *conf,
                                                 struct ketch_ring_builder **out, char *why,
                                                 size_t why_bytes);
void ketch_ring_builder_destroy(struct ketch_ring_builder *b);

/* Adds a server, which is live; *id (may be NULL) is the number of servers added before it.
 * KETCH_INVALID: no host, one that is too long, or a name that is.  KETCH_TOO_LARGE: too many. */
enum ketch_status ketch_ring_builder_add(struct ketch_ring_builder *b,
                                         const struct ketch_server *server, uint32_t *id);

/* Takes a server out for good; its id is not used again, and those of the others stay.
 * KETCH_INVALID, here and below: there is no server of this id. */
enum ketch_status ketch_ring_builder_remove(struct ketch_ring_builder *b, uint32_t id);

/* 'weight': as in struct ketch_server. */
enum ketch_status ketch_ring_builder_set_weight(struct ketch_ring_builder *b, uint32_t id,
                                                uint32_t weight);

/* Ejects a server, or takes it back.  The ring is that of a pool of only the live ones, shares by
 * weight included: what libmemcached and twemproxy do with AUTO_EJECT_HOSTS. */
enum ketch_status ketch_ring_builder_set_live(struct ketch_ring_builder *b, uint32_t id, bool live);

/* A ring of the live servers, which has no others; the caller's reference.  May be called again and
 * again: points that a server had in an earlier ring are not computed a second time.
 * KETCH_CONFLICT: the settings would make a bad ring; 'why' says which.  KETCH_TOO_LARGE: more than
 * KETCH_RING_POINTS_MAX points. */
enum ketch_status ketch_ring_builder_build(struct ketch_ring_builder *b, struct ketch_ring **out,
                                           char *why, size_t why_bytes);

/* ---- ring ---- */

/* One more reference; gives 'ring' back. */
struct ketch_ring *ketch_ring_ref(struct ketch_ring *ring);

/* One less; the last frees the ring.  Accepts NULL. */
void ketch_ring_unref(struct ketch_ring *ring);

/* The id of the server that has the key, or KETCH_RING_NONE. */
uint32_t ketch_ring_pick(const struct ketch_ring *ring, const void *key, size_t bytes);

/* ids[i] of keys[i].  Several times as fast as one by one where the hash is md5. */
void ketch_ring_pick_many(const struct ketch_ring *ring, const struct ketch_bytes *keys, size_t count,
                          uint32_t *ids);

/* Up to 'max' different servers in the order in which the key would fall to them if those before
 * were gone: the owner first; on a ring, those of the following points, or of the next ones to either
 * side.  Returns how many. */
size_t ketch_ring_walk(const struct ketch_ring *ring, const void *key, size_t bytes, uint32_t *ids,
                       size_t max);

/* The share of keys, 0 to 1, that have another server in 'b' than in 'a'.  A server is the same if
 * its host, port and name are.  Exact for two rings of points with one hash of keys; counted with
 * 262,144 made-up keys otherwise. */
enum ketch_status ketch_ring_diff(const struct ketch_ring *a, const struct ketch_ring *b,
                                  double *moved);

/* Ids are below this, those of removed servers included. */
size_t ketch_ring_server_count(const struct ketch_ring *ring);

struct ketch_server_view {
    struct ketch_server server;
    const char *hashed; /* the text that is hashed, hashed_bytes long, and a NUL behind it */
    size_t hashed_bytes;
    uint32_t points; /* on the ring, or how often it is in the list */
    double share;    /* of the hash space, 0 to 1: of the keys, if their hash is good */
    bool live;
};

/* KETCH_INVALID: there is no server of this id, or none any more. */
enum ketch_status ketch_ring_server(const struct ketch_ring *ring, uint32_t id,
                                    struct ketch_server_view *view);

/* What the user of this ring should know: servers without points, 156 points instead of 160, bad
 * settings that were forced.  Writes up to 'max' static texts of the ring to 'texts' (NULL if max
 * is 0), and returns how many there are. */
size_t ketch_ring_warnings(const struct ketch_ring *ring, const char **texts, size_t max);

/* The knobs it was made with. */
const struct ketch_ring_conf *ketch_ring_conf(const struct ketch_ring *ring);

#ifdef __cplusplus
}
#endif

#endif

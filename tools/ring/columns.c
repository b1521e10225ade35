#include "ring/columns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A '*' in 'name' stands for a hash, which comes where the '*' in 'spec' is. */
struct rule {
    const char *tool, *name, *spec;
};

static const struct rule rules[] = {
    {"libmemcached", "modula/*", "libmemcached-modula,hash=*"},
    {"libmemcached", "consistent/*", "libmemcached-consistent,hash=*,force"},
    {"libmemcached", "ketama/*", "libmemcached-consistent,hash=*"},
    {"libmemcached", "ketama_hash_opt/md5+khash=crc", "libmemcached-consistent,hash=md5"},
    {"libmemcached", "weighted/*", "libmemcached-weighted,hash=*,force"},
    {"libmemcached", "weighted_sorted/*", "libmemcached-weighted,hash=*,ties=host"},
    {"libmemcached", "spy/*", "libmemcached-spy,hash=*"},
    {"libmemcached", "spy_weighted/*", "libmemcached-spy-weighted,hash=*"},
    {"libmemcached-eject", "consistent/*", "libmemcached-consistent,hash=*"},
    {"libmemcached-eject", "weighted/*", "libmemcached-weighted,hash=*"},
    {"pylibmc", "default", "libmemcached-modula"},
    {"pylibmc", "distribution=consistent", "libmemcached-consistent"},
    {"pylibmc", "ketama", "libmemcached-consistent"},
    {"pylibmc", "ketama+hash=*", "libmemcached-consistent,hash=*"},
    {"pylibmc", "distribution=consistent ketama spy,hash=*", "libmemcached-spy,hash=*"},
    {"pylibmc", "ketama_weighted", "libmemcached-weighted"},
    /* pylibmc sets ketama_weighted last, and the hash is lost. */
    {"pylibmc", "ketama_weighted,hash=crc", "libmemcached-weighted"},
    {"pylibmc", "ketama_weighted,hash=fnv1a_32", "libmemcached-weighted"},
    {"php-memcached", "default", "libmemcached-modula"},
    {"php-memcached", "consistent", "libmemcached-consistent"},
    {"php-memcached", "consistent+hash=*", "libmemcached-consistent,hash=*"},
    /* The hash comes too late for the points, and the weights came too early. */
    {"php-memcached", "consistent then hash=md5(options after servers)",
     "libmemcached-consistent,weights=none,point-hash=one_at_a_time,hash=md5"},
    {"php-memcached", "libketama_compatible", "libmemcached-weighted"},
    {"php-memcached", "libketama_compatible(options after servers)", "libmemcached-weighted"},
    {"php-memcached", "libketama_compatible+hash=*", "libmemcached-weighted,hash=*,force"},
    {"php-memcached", "prefix=pfx:+libketama_compatible", "libmemcached-weighted"},
    {"libketama", "ketama", "libketama"},
    {"twemproxy", "ketama/*", "twemproxy,hash=*,force"},
    {"twemproxy", "ketama/*+hash_tag={}", "twemproxy,hash=*,tag={}"},
    {"twemproxy", "ketama/*+hash_tag=$$", "twemproxy,hash=*,tag=$$"},
    {"twemproxy", "ketama/*+names=nodeI", "twemproxy,hash=*"},
    {"twemproxy", "modula/*", "twemproxy-modula,hash=*"},
    {"memcached-proxy", "jump_hash", "mcproxy-jump"},
    {"memcached-proxy", "jump_hash,seed=abc", "mcproxy-jump,seed=abc"},
    {"memcached-proxy", "jump_hash,filter=stop|#|", "mcproxy-jump,stop=|#|"},
    {"memcached-proxy", "jump_hash,filter=tags{}", "mcproxy-jump,tag={}"},
    {"memcached-proxy", "ring_hash/default", "mcproxy-default"},
    {"memcached-proxy", "ring_hash/ketama", "mcproxy-ketama"},
    {"memcached-proxy", "ring_hash/ketama,obuckets=1024", "mcproxy-ketama:1024"},
    {"memcached-proxy", "ring_hash/twemproxy", "mcproxy-twemproxy"},
    {"memcached-proxy", "ring_hash/evcache", "mcproxy-evcache"},
    {"spymemcached", "ketama/SPYMEMCACHED/*", "spymemcached,hash=*,force"},
    {"spymemcached", "ketama/LIBMEMCACHED/*", "spymemcached-libmemcached,hash=*,force"},
    {"spymemcached", "arraymod/*", "spymemcached-modulo,hash=*"},
    {"dalli", "ring", "dalli"},
    {"perl-cache-memcached", "buckets/crc32", "cache-memcached"},
    {"perl-cache-memcached-fast", "compatible", "cache-memcached-fast:0"},
    {"perl-cache-memcached-fast", "ketama_points=150", "cache-memcached-fast:150"},
    {"perl-cache-memcached-fast", "ketama_points=160", "cache-memcached-fast:160"},
    {"python-memcached", "buckets/crc32", "python-memcached"},
    {"gomemcache", "modulo/crc32ieee", "gomemcache"},
    {"pymemcache", "rendezvous/str", "pymemcache"},
    {"pymemcache", "rendezvous/str+unicode", "pymemcache"},
    {"pymemcache", "rendezvous/bytes", "pymemcache,text=python-repr"},
    /* Of mcrouter the functions were asked, and not the routes that take their part of a key. */
    {"mcrouter", "Ch3", "mcrouter-ch3,filter=none"},
    {"mcrouter", "Crc32", "mcrouter-crc32,filter=none"},
    {"mcrouter", "Rendezvous", "mcrouter-rendezvous,filter=none"},
    {"mcrouter", "WeightedCh3", "mcrouter-weighted-ch3,filter=none"},
    {"mcrouter", "WeightedRendezvous", "mcrouter-weighted-rendezvous,filter=none"},
};

/* Whether 'name' is 'pattern', of which a '*' is letters, digits and '_': they go to 'star'. */
static bool
matches(const char *pattern, const char *name, char *star, size_t room)
{
    const char *at = strchr(pattern, '*');
    star[0] = '\0';
    if (at == NULL)
        return strcmp(pattern, name) == 0;
    size_t before = (size_t)(at - pattern), n = 0;
    if (strncmp(pattern, name, before) != 0)
        return false;
    const char *word = name + before;
    while ((isalnum((unsigned char)word[n]) || word[n] == '_') && n + 1 < room) {
        star[n] = word[n];
        n++;
    }
    star[n] = '\0';
    return n > 0 && strcmp(at + 1, word + n) == 0;
}

/* spymemcached's FNV1A_64_HASH is our fnv1a_64. */
static void
translate_hash(char *hash)
{
    static const char *const others[][2] = {
        {"KETAMA_HASH", "md5"}, {"NATIVE_HASH", "java"}, {"CRC_HASH", "crc"}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(hash, others[i][0]) == 0) {
            strcpy(hash, others[i][1]);
            return;
        }
    size_t n = strlen(hash);
    if (n > 5 && strcmp(hash + n - 5, "_HASH") == 0)
        hash[n - 5] = '\0';
    for (char *p = hash; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
}

/* Cuts ",ejected=0,5" off a name. */
static void
take_ejected(char *name, struct column *column)
{
    char *at = strstr(name, ",ejected=");
    if (at == NULL)
        return;
    *at = '\0';
    at += strlen(",ejected");
    while (*at != '\0' && column->ejected_count < COLUMN_EJECTED_MAX)
        column->ejected[column->ejected_count++] = (unsigned)strtoul(at + 1, &at, 10);
}

static void
fill(struct column *column, const struct rule *rule, const char *star, bool weighted)
{
    const char *at = strchr(rule->spec, '*');
    int before = at != NULL ? (int)(at - rule->spec) : (int)strlen(rule->spec);
    snprintf(column->spec, sizeof(column->spec), "%.*s%s%s%s", before, rule->spec, star,
             at != NULL ? at + 1 : "", weighted ? ",weights=relative" : "");
    column->path_has_port = strcmp(rule->tool, "php-memcached") == 0;
    column->numbered_names = strstr(rule->name, "names=nodeI") != NULL;
    column->java_names = strstr(rule->name, "/SPYMEMCACHED/") != NULL;
}

bool
columns_find(const char *tool, const char *name, bool weighted, struct column *column)
{
    char plain[128], star[64];
    *column = (struct column){.ejected_count = 0};
    snprintf(plain, sizeof(plain), "%s", name);
    take_ejected(plain, column);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i].tool, tool) == 0 && matches(rules[i].name, plain, star, sizeof(star))) {
            translate_hash(star);
            fill(column, &rules[i], star, weighted && strncmp(plain, "ketama/", 7) == 0);
            return true;
        }
    return false;
}

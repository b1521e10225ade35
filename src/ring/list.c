#include "ring/list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ring/bucket.h"
#include "ring/jenkins.h"
#include "ring/xxh3.h"

/* mcrouter's constants. */
#define NAME_SEED   UINT64_C(4193360111) /* of names, RendezvousHashFunc.cpp */
#define KEY_SEED    UINT64_C(2718281828) /* of keys */
#define SPOOKY_SEED UINT32_C(0xface2014) /* WeightedCh3HashFunc.cpp */

enum { CH3_TRIES = 32, SALTED_BYTES = 2048, SALT_BYTES = 2 };

/* ---- making it ---- */

static void *
array(size_t count, size_t bytes)
{
    return calloc(count > 0 ? count : 1, bytes);
}

/* Each server as many times as its weight. */
static bool
fill_repeated(struct list *l, const struct list_entry *entries, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += entries[i].weight;
    l->ids = array(total, sizeof(*l->ids));
    if (l->ids == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < entries[i].weight; k++)
            l->ids[l->count++] = entries[i].id;
    return true;
}

static bool
fill_once(struct list *l, const struct list_entry *entries, size_t count)
{
    l->ids = array(count, sizeof(*l->ids));
    l->weights = array(count, sizeof(*l->weights));
    if (l->ids == NULL || l->weights == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        l->ids[i] = entries[i].id;
        l->weights[i] = entries[i].weight;
        if (entries[i].weight > l->weight_max)
            l->weight_max = entries[i].weight;
    }
    l->count = (uint32_t)count;
    return true;
}

static bool
fill_names(struct list *l, const struct list_entry *entries, size_t count)
{
    if (l->search == KETCH_SEARCH_RENDEZVOUS) {
        l->starts = array(count, sizeof(*l->starts));
        for (size_t i = 0; i < count && l->starts != NULL; i++) {
            murmur3_start(&l->starts[i], 0);
            murmur3_add(&l->starts[i], entries[i].hashed, entries[i].hashed_bytes);
            murmur3_add(&l->starts[i], "-", 1);
        }
        return l->starts != NULL;
    }
    if (l->search == KETCH_SEARCH_RENDEZVOUS_MIX) {
        l->name_hashes = array(count, sizeof(*l->name_hashes));
        for (size_t i = 0; i < count && l->name_hashes != NULL; i++)
            l->name_hashes[i] = murmur64a(entries[i].hashed, entries[i].hashed_bytes, NAME_SEED);
        return l->name_hashes != NULL;
    }
    return true;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct list_entry *)a)->hashed, ((const struct list_entry *)b)->hashed);
}

bool
list_init(struct list *l, const struct ketch_ring_conf *conf, struct list_entry *entries,
          size_t count)
{
    if (conf->search == KETCH_SEARCH_RENDEZVOUS)
        qsort(entries, count, sizeof(*entries), by_name);
    *l = (struct list){.search = conf->search, .weighted = conf->points != KETCH_POINTS_FIXED};
    l->seed = conf->seed[0] != '\0' ? xxh3_64(conf->seed, strlen(conf->seed), 0) : 0;
    bool ok = conf->search == KETCH_SEARCH_MODULO ? fill_repeated(l, entries, count)
                                                  : fill_once(l, entries, count);
    if (ok && fill_names(l, entries, count))
        return true;
    list_fini(l);
    return false;
}

void
list_fini(struct list *l)
{
    free(l->ids);
    free(l->weights);
    free(l->name_hashes);
    free(l->starts);
    *l = (struct list){.count = 0};
}

/* ---- searches by place ---- */

static bool
contains(const uint32_t *ids, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* The decimal number of a try, its lowest digit first, behind the text. */
static size_t
add_salt(char *text, size_t bytes, unsigned salt)
{
    do
        text[bytes++] = (char)('0' + salt % 10);
    while ((salt /= 10) > 0);
    return bytes;
}

/* Whether a server of this weight takes what hashes to p: the heaviest takes all, one of half its
 * weight one half.  Both steps are rounded, in this order, whatever the compiler may think. */
static bool
takes(uint32_t weight, uint32_t weight_max, uint32_t p)
{
    volatile double part = (double)weight / weight_max;
    volatile double bound = part * UINT32_MAX;
    return p < bound;
}

/* mcrouter's WeightedCh3: a server that does not take the key sends it on under another name. */
static uint32_t
weighted_ch3(const struct list *l, struct ketch_bytes text)
{
    char salted[SALTED_BYTES + SALT_BYTES];
    const size_t unsalted = text.bytes < SALTED_BYTES ? text.bytes : SALTED_BYTES;
    size_t bytes = unsalted;
    uint32_t place = 0;
    memcpy(salted, text.p, unsalted);
    for (unsigned try = 0; try < CH3_TRIES; try++) {
        place = bucket_furc(salted, bytes, l->count);
        if (takes(l->weights[place], l->weight_max, jenkins_spooky32(salted, bytes, SPOOKY_SEED)))
            break;
        bytes = add_salt(salted, unsalted, try);
    }
    return place;
}

static uint32_t
first_place(const struct list *l, struct ketch_bytes text, uint32_t hash)
{
    switch (l->search) {
    case KETCH_SEARCH_JUMP:
        return bucket_jump(xxh3_64(text.p, text.bytes, l->seed), l->count);
    case KETCH_SEARCH_CH3:
        return l->weighted ? weighted_ch3(l, text) : bucket_furc(text.p, text.bytes, l->count);
    default:
        return hash % l->count;
    }
}

/* From its place on, round the list. */
static size_t
walk_places(const struct list *l, struct ketch_bytes text, uint32_t hash, uint32_t *ids, size_t max)
{
    uint32_t place = first_place(l, text, hash);
    size_t found = 0;
    for (uint32_t i = 0; i < l->count && found < max; i++) {
        if (!contains(ids, found, l->ids[place]))
            ids[found++] = l->ids[place];
        place = place + 1 < l->count ? place + 1 : 0;
    }
    return found;
}

/* ---- searches by score ---- */

static double
mixed_score(const struct list *l, uint64_t key_hash, uint32_t place)
{
    uint64_t mix = murmur64_pair(l->name_hashes[place], key_hash);
    uint64_t low = mix & ((UINT64_C(1) << 53) - 1);
    return l->weights[place] / -log((double)low / (double)(UINT64_C(1) << 53));
}

static uint32_t
murmur_score(const struct list *l, struct ketch_bytes text, uint32_t place)
{
    struct murmur3 m = l->starts[place];
    murmur3_add(&m, text.p, text.bytes);
    return murmur3_end(&m);
}

/* What the server at a place bids for the key.  Doubles that are not negative are in the order of their
 * bits. */
static uint64_t
bid(const struct list *l, struct ketch_bytes text, uint64_t key_hash, uint32_t place)
{
    if (l->search == KETCH_SEARCH_RENDEZVOUS)
        return murmur_score(l, text, place);
    if (!l->weighted)
        return murmur64_pair(l->name_hashes[place], key_hash);
    double score = mixed_score(l, key_hash, place);
    uint64_t bits;
    memcpy(&bits, &score, sizeof(bits));
    return bits;
}

/* Of equal bids pymemcache takes the greater name, which is the later one, and mcrouter the first. */
static bool
outbids(const struct list *l, uint64_t bid, uint64_t best)
{
    return l->search == KETCH_SEARCH_RENDEZVOUS ? bid >= best : bid > best;
}

static size_t
walk_bids(const struct list *l, struct ketch_bytes text, uint32_t *ids, size_t max)
{
    uint64_t key_hash = murmur64a(text.p, text.bytes, KEY_SEED);
    size_t found = 0;
    while (found < max && found < l->count) {
        uint64_t best = 0;
        uint32_t winner = KETCH_RING_NONE;
        for (uint32_t place = 0; place < l->count; place++) {
            if (found > 0 && contains(ids, found, l->ids[place]))
                continue;
            uint64_t offer = bid(l, text, key_hash, place);
            if (winner == KETCH_RING_NONE || outbids(l, offer, best)) {
                best = offer;
                winner = l->ids[place];
            }
        }
        ids[found++] = winner;
    }
    return found;
}

size_t
list_walk(const struct list *l, struct ketch_bytes text, uint32_t hash, uint32_t *ids, size_t max)
{
    if (l->count == 0)
        return 0;
    if (l->search == KETCH_SEARCH_RENDEZVOUS || l->search == KETCH_SEARCH_RENDEZVOUS_MIX)
        return walk_bids(l, text, ids, max);
    return walk_places(l, text, hash, ids, max);
}

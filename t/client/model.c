/* Random requests against a model: through libketch to three real servers, one by one and many at a
 * time.
 *
 *     model [--ops N] [--seed N] [--meta | --text] [--server PROGRAM]     77 if there is no such
 * server
 *
 * The model knows what every key holds.  A request is played to it when it is started, for requests
 * of one key are carried out in their order; what it says is compared when the answer comes.  After
 * a request that was cancelled or timed out nobody knows whether it was carried out: its key is in
 * doubt, for all that was started so far, and is set or deleted next.  Values that are compared
 * with nothing must still carry their key. */
#include <getopt.h>
#include <ketch/poll.h>
#include <ketch/wait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "servers.h"

enum {
    KEYS = 300,
    POOL = 3,
    SLOTS = 64,
    MGET_MAX = 40,
    TEXT_BYTES_MAX = 3000, /* of a piece of a value */
    VALUE_BYTES_MAX = 20000,
    /* A deadline that is met, or not: nobody knows. */
    TIGHT_MS = 1,
    /* One that only a hang reaches. */
    PATIENCE_MS = 60000,
};

/* ---- the model ---- */

struct item {
    char key[64];
    size_t key_bytes;
    bool exists, doubt; /* doubt: 'exists' and the value are not known */
    char *value;        /* VALUE_BYTES_MAX of room */
    size_t bytes;
    uint32_t flags;
    bool numeric;         /* may have spaces behind it */
    uint64_t changed;     /* the request that changed it last */
    uint64_t cas;         /* of the state after that change; 0: not known */
    uint64_t doubt_until; /* answers to requests up to this one are not compared */
};

struct model {
    struct ketch_client *client;
    bool text;
    uint64_t seed, random;
    uint64_t started; /* requests; the number of each */
    uint64_t compared, in_doubt, ended_badly;
    size_t under_way;
    struct item items[KEYS];
    uint64_t by_verb[KETCH_VERB_COUNT + 1];
};

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n \0";

static uint64_t
next_random(struct model *m, uint64_t below)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

/* Every third key has bytes that text cannot carry. */
static void
name_items(struct model *m)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct item *it = &m->items[i];
        int n = snprintf(it->key, sizeof it->key, "k%zu-%llx", i,
                         (unsigned long long)next_random(m, 1u << 30));
        it->key_bytes = (size_t)n;
        if (i % 3 == 0 && !m->text) {
            memcpy(it->key + n, "\0 \r\n\xff", 5);
            it->key_bytes += 5;
        }
        it->value = malloc(VALUE_BYTES_MAX);
        if (it->value == NULL)
            exit(1);
        it->doubt = true; /* the servers are the user's: who knows */
    }
}

/* ---- requests ---- */

struct expected {
    enum ketch_status status;
    bool has_value, numeric;
    char *value; /* a copy */
    size_t bytes;
    uint32_t flags;
    uint64_t number;
};

struct asked {
    struct model *m;
    struct item *item;
    enum ketch_verb verb;
    uint64_t id;
    bool in_doubt; /* when it was started */
    bool shaky;    /* has a deadline that may pass, or may be cancelled */
    bool done;
    bool with_cas;
    struct expected want;
    uint64_t changed; /* item->changed behind it: a cas unique it brings belongs to that */
    struct mget_asked *mget;
};

struct mget_asked {
    struct asked keys[MGET_MAX];
    size_t count;
    uint64_t seen; /* a bit for each */
};

static void
complain(const struct asked *a, const struct ketch_result *r, const char *what)
{
    printf("FAIL  seed %llu, request %llu, verb %d of \"%s\": %s; status %d (%s), expected %d\n",
           (unsigned long long)a->m->seed, (unsigned long long)a->id, a->verb, a->item->key, what,
           r->status, r->text, a->want.status);
    exit(1);
}

static size_t
trimmed(const char *p, size_t bytes)
{
    while (bytes > 0 && p[bytes - 1] == ' ')
        bytes--;
    return bytes;
}

static bool
is_numeric(const char *p, size_t bytes)
{
    bytes = trimmed(p, bytes);
    for (size_t i = 0; i < bytes; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return bytes > 0 && bytes < 20;
}

/* What no other key's value looks like. */
static bool
carries_key(const struct item *it, struct ketch_bytes value)
{
    char tag[80];
    int n = snprintf(tag, sizeof tag, "<%.40s>", it->key);
    return memmem(value.p, value.bytes, tag, (size_t)n) != NULL;
}

static void
compare_value(const struct asked *a, const struct ketch_result *r)
{
    const struct expected *e = &a->want;
    size_t have = r->value.bytes, want = e->bytes;
    if (e->numeric) {
        have = trimmed(r->value.p, have);
        want = trimmed(e->value, want);
    }
    if (have != want || memcmp(r->value.p, e->value, want) != 0)
        complain(a, r, "another value");
    if (r->flags != e->flags)
        complain(a, r, "other flags");
}

static bool
is_unknown_end(enum ketch_status s)
{
    return s == KETCH_TIMEOUT || s == KETCH_CANCELLED || s == KETCH_LOST;
}

static void
compare(struct asked *a, const struct ketch_result *r)
{
    struct item *it = a->item;
    if (is_unknown_end(r->status)) {
        /* One that closes a connection, because it owes an answer too long, takes others with it.
         */
        a->m->ended_badly++;
        it->doubt = true;
        it->doubt_until = a->m->started;
        it->cas = 0;
        return;
    }
    bool brings = a->verb == KETCH_VERB_GET || a->verb == KETCH_VERB_GAT;
    if (a->in_doubt || a->id <= it->doubt_until) {
        a->m->in_doubt++;
        if (brings && r->status == KETCH_OK && !is_numeric(r->value.p, r->value.bytes) &&
            !carries_key(it, r->value))
            complain(a, r, "the value of another key");
        return;
    }
    a->m->compared++;
    if (r->status != a->want.status)
        complain(a, r, "another status");
    if (r->status == KETCH_OK && a->want.has_value)
        compare_value(a, r);
    if (r->status == KETCH_OK && (a->verb == KETCH_VERB_INCR || a->verb == KETCH_VERB_DECR) &&
        r->number != a->want.number)
        complain(a, r, "another number");
    if (r->status == KETCH_OK && r->cas != 0 && a->changed == it->changed)
        it->cas = r->cas;
}

static void
on_done(void *arg, const struct ketch_result *r)
{
    struct asked *a = arg;
    if (a->done)
        complain(a, r, "completed twice");
    a->done = true;
    if (r->key.bytes != a->item->key_bytes || memcmp(r->key.p, a->item->key, r->key.bytes) != 0)
        complain(a, r, "the result is of another key");
    compare(a, r);
    a->m->under_way--;
    free(a->want.value);
    a->want.value = NULL;
}

/* ---- playing one to the model ---- */

static void
expect_value(struct asked *a)
{
    const struct item *it = a->item;
    a->want = (struct expected){.status = KETCH_OK,
                                .has_value = true,
                                .numeric = it->numeric,
                                .bytes = it->bytes,
                                .flags = it->flags};
    a->want.value = malloc(it->bytes + 1);
    if (a->want.value == NULL)
        exit(1);
    memcpy(a->want.value, it->value, it->bytes);
}

static void
change(struct asked *a, const void *p, size_t bytes)
{
    struct item *it = a->item;
    memmove(it->value, p, bytes);
    it->bytes = bytes;
    it->exists = true;
    it->changed = a->id;
    it->cas = 0;
    it->numeric = is_numeric(it->value, bytes);
}

static void
store(struct asked *a, const struct ketch_request *r)
{
    a->want.status = KETCH_OK;
    change(a, r->value.p, r->value.bytes);
    a->item->flags = r->options.flags;
    if (r->options.ttl_s < 0) {
        a->item->exists = false;
        a->item->numeric = false;
    }
}

static void
join(struct asked *a, const struct ketch_request *r, bool front)
{
    static char joined[VALUE_BYTES_MAX];
    struct item *it = a->item;
    a->want.status = it->exists ? KETCH_OK : KETCH_NOT_STORED;
    if (!it->exists)
        return;
    /* Who knows how many spaces are behind a number. */
    it->doubt |= it->numeric;
    memcpy(joined, front ? r->value.p : it->value, front ? r->value.bytes : it->bytes);
    memcpy(joined + (front ? r->value.bytes : it->bytes), front ? it->value : r->value.p,
           front ? it->bytes : r->value.bytes);
    change(a, joined, it->bytes + r->value.bytes);
}

static void
count(struct asked *a, const struct ketch_request *r)
{
    struct item *it = a->item;
    char digits[24];
    uint64_t n = 0;
    if (!it->exists && (r->options.want & KETCH_WANT_INITIAL)) {
        n = r->options.initial;
        it->flags = 0;
    } else if (!it->exists) {
        a->want.status = KETCH_MISS;
        return;
    } else if (!it->numeric) {
        a->want.status = KETCH_CLIENT_ERROR;
        return;
    } else {
        memcpy(digits, it->value, trimmed(it->value, it->bytes));
        digits[trimmed(it->value, it->bytes)] = '\0';
        n = strtoull(digits, NULL, 10);
        n = r->verb == KETCH_VERB_INCR ? n + r->delta : n < r->delta ? 0 : n - r->delta;
    }
    a->want.status = KETCH_OK;
    a->want.number = n;
    change(a, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n));
    it->numeric = true;
}

static void
compare_and_store(struct asked *a, const struct ketch_request *r)
{
    struct item *it = a->item;
    if (!it->exists)
        a->want.status = KETCH_MISS;
    else if (it->cas == 0 || r->options.cas != it->cas)
        a->want.status = KETCH_EXISTS;
    else
        store(a, r);
}

/* Changes the model, and fills in what the answer must be. */
static void
play(struct asked *a, const struct ketch_request *r)
{
    struct item *it = a->item;
    a->in_doubt = it->doubt;
    switch (r->verb) {
    case KETCH_VERB_GET:
    case KETCH_VERB_GAT:
        a->want.status = KETCH_MISS;
        if (it->exists)
            expect_value(a);
        break;
    case KETCH_VERB_TOUCH:
        a->want.status = it->exists ? KETCH_OK : KETCH_MISS;
        break;
    case KETCH_VERB_SET:
        store(a, r);
        it->doubt = false;
        break;
    case KETCH_VERB_ADD:
        a->want.status = KETCH_NOT_STORED;
        if (!it->exists)
            store(a, r);
        break;
    case KETCH_VERB_REPLACE:
        a->want.status = KETCH_NOT_STORED;
        if (it->exists)
            store(a, r);
        break;
    case KETCH_VERB_APPEND:
    case KETCH_VERB_PREPEND:
        join(a, r, r->verb == KETCH_VERB_PREPEND);
        break;
    case KETCH_VERB_CAS:
        compare_and_store(a, r);
        break;
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
        count(a, r);
        break;
    case KETCH_VERB_DELETE:
        a->want.status = it->exists ? KETCH_OK : KETCH_MISS;
        it->exists = it->doubt = it->numeric = false;
        it->changed = a->id;
        it->cas = 0;
        break;
    default:
        break;
    }
    a->changed = it->changed;
}

/* ---- making one up ---- */

static size_t
make_text(struct model *m, const struct item *it, char *p)
{
    size_t n = (size_t)snprintf(p, 80, "<%.40s>", it->key);
    size_t more = next_random(m, 20) == 0 ? next_random(m, TEXT_BYTES_MAX) : next_random(m, 60);
    for (size_t i = 0; i < more; i++)
        p[n++] = alphabet[next_random(m, sizeof alphabet - 1)];
    return n;
}

static void
make_value(struct model *m, struct item *it, struct ketch_request *r)
{
    static char value[TEXT_BYTES_MAX + 100];
    r->value.p = value;
    if ((r->verb == KETCH_VERB_SET || r->verb == KETCH_VERB_ADD) && next_random(m, 4) == 0)
        r->value.bytes = (size_t)snprintf(value, sizeof value, "%llu",
                                          (unsigned long long)next_random(m, 1u << 30));
    else
        r->value.bytes = make_text(m, it, value);
}

static enum ketch_verb
choose_verb(struct model *m, const struct item *it)
{
    static const enum ketch_verb verbs[] = {
        KETCH_VERB_GET,     KETCH_VERB_GET,   KETCH_VERB_GET,     KETCH_VERB_GET,
        KETCH_VERB_GAT,     KETCH_VERB_TOUCH, KETCH_VERB_SET,     KETCH_VERB_SET,
        KETCH_VERB_SET,     KETCH_VERB_ADD,   KETCH_VERB_REPLACE, KETCH_VERB_APPEND,
        KETCH_VERB_PREPEND, KETCH_VERB_CAS,   KETCH_VERB_CAS,     KETCH_VERB_INCR,
        KETCH_VERB_INCR,    KETCH_VERB_DECR,  KETCH_VERB_DELETE,
    };
    if (it->doubt && next_random(m, 2) == 0)
        return next_random(m, 4) == 0 ? KETCH_VERB_DELETE : KETCH_VERB_SET;
    enum ketch_verb verb = verbs[next_random(m, sizeof verbs / sizeof *verbs)];
    bool joins = verb == KETCH_VERB_APPEND || verb == KETCH_VERB_PREPEND;
    return joins && it->bytes + TEXT_BYTES_MAX + 100 > VALUE_BYTES_MAX ? KETCH_VERB_SET : verb;
}

static void
make_request(struct model *m, struct asked *a, struct ketch_request *r, bool one_by_one)
{
    struct item *it = &m->items[next_random(m, KEYS)];
    *r = (struct ketch_request){.verb = choose_verb(m, it),
                                .key = ketch_bytes_of(it->key, it->key_bytes),
                                .delta = next_random(m, 1000),
                                .done = on_done,
                                .arg = a};
    r->options.timeout_ms = PATIENCE_MS;
    *a = (struct asked){.m = m, .item = it, .verb = r->verb, .id = ++m->started};
    m->by_verb[r->verb]++;
    switch (r->verb) {
    case KETCH_VERB_GET:
    case KETCH_VERB_GAT:
        r->options.want = next_random(m, 2) ? KETCH_WANT_CAS : 0;
        r->options.ttl_s = r->verb == KETCH_VERB_GAT ? 1000 : 0;
        break;
    case KETCH_VERB_TOUCH:
        r->options.ttl_s = 5000000; /* beyond the protocol's 30 days */
        break;
    case KETCH_VERB_INCR:
    case KETCH_VERB_DECR:
        /* In text it takes several steps, between which others come. */
        if ((one_by_one || !m->text) && next_random(m, 3) == 0) {
            r->options.want = KETCH_WANT_INITIAL;
            r->options.initial = next_random(m, 1000);
        }
        break;
    case KETCH_VERB_DELETE:
        break;
    case KETCH_VERB_CAS:
        r->options.cas = it->cas != 0 ? it->cas : 1 + next_random(m, 1000000000) * 1000;
        if (it->cas == 0)
            r->options.cas = UINT64_MAX - 1; /* nobody's */
        /* fall through */
    default:
        make_value(m, it, r);
        if (r->verb != KETCH_VERB_APPEND && r->verb != KETCH_VERB_PREPEND) {
            r->options.flags = (uint32_t)next_random(m, 1ull << 32);
            r->options.ttl_s = next_random(m, 40) == 0 ? -1 : next_random(m, 4) == 0 ? 4000000 : 0;
        }
        if (next_random(m, 2))
            r->options.want = KETCH_WANT_CAS;
    }
    play(a, r);
}

/* ---- one by one ---- */

static void
blocking(struct model *m, uint64_t ops)
{
    struct ketch_reply reply = KETCH_REPLY_INIT;
    for (uint64_t i = 0; i < ops; i++) {
        struct asked a;
        struct ketch_request r;
        make_request(m, &a, &r, true);
        m->under_way++;
        enum ketch_status status = ketch_submit_wait(m->client, &r, &reply);
        if (status != reply.result.status)
            complain(&a, &reply.result, "two different statuses");
        reply.result.key = r.key; /* is empty in a reply */
        on_done(&a, &reply.result);
    }
    ketch_reply_free(&reply);
}

/* ---- many at a time ---- */

static void
start_one(struct model *m, struct asked *a)
{
    struct ketch_request r;
    make_request(m, a, &r, false);
    a->shaky = next_random(m, 100) == 0;
    if (a->shaky)
        r.options.timeout_ms = TIGHT_MS;
    m->under_way++;
    enum ketch_status status = ketch_submit(m->client, &r);
    if (status != KETCH_OK) {
        struct ketch_result none = {.status = status, .text = ketch_status_text(status)};
        complain(a, &none, "refused");
    }
}

static void
on_key(void *arg, const struct ketch_result *r)
{
    struct mget_asked *g = arg;
    if (r->index >= g->count || (g->seen >> r->index & 1))
        complain(&g->keys[0], r, "a key too many, or twice");
    g->seen |= 1ull << r->index;
    on_done(&g->keys[r->index], r);
}

static void
on_mget(void *arg, const struct ketch_result *r)
{
    struct mget_asked *g = arg;
    if (g->seen != (1ull << g->count) - 1)
        complain(&g->keys[0], r, "done before all keys are");
    free(g);
}

static void
start_mget(struct model *m)
{
    struct mget_asked *g = calloc(1, sizeof *g);
    struct ketch_bytes keys[MGET_MAX];
    struct ketch_options options = {.timeout_ms = PATIENCE_MS};
    if (g == NULL)
        exit(1);
    g->count = 1 + next_random(m, MGET_MAX);
    size_t first = next_random(m, KEYS);
    for (size_t i = 0; i < g->count; i++) {
        struct item *it = &m->items[(first + i * 7) % KEYS];
        struct ketch_request r = {.verb = KETCH_VERB_GET};
        keys[i] = ketch_bytes_of(it->key, it->key_bytes);
        g->keys[i] = (struct asked){.m = m, .item = it, .verb = KETCH_VERB_GET, .id = ++m->started};
        play(&g->keys[i], &r);
    }
    m->by_verb[KETCH_VERB_COUNT] += g->count;
    m->under_way += g->count;
    if (next_random(m, 2))
        options.want = KETCH_WANT_CAS;
    if (next_random(m, 100) == 0)
        options.timeout_ms = TIGHT_MS;
    if (ketch_mget(m->client, keys, g->count, &options, on_key, on_mget, g) != KETCH_OK)
        exit(1);
    if (next_random(m, 50) == 0)
        ketch_cancel(m->client, g);
}

/* Slots are filled, then the client has a few turns; now and then somebody gives up. */
static void
callbacks(struct model *m, uint64_t ops)
{
    static struct asked slots[SLOTS];
    uint64_t end = m->started + ops;
    for (size_t i = 0; i < SLOTS; i++)
        slots[i].done = true;
    while (m->started < end) {
        for (size_t i = 0, n = next_random(m, SLOTS); i < n; i++)
            if (slots[i].done)
                start_one(m, &slots[i]);
        if (next_random(m, 4) == 0)
            start_mget(m);
        size_t victim = next_random(m, SLOTS * 4);
        if (victim < SLOTS && !slots[victim].done)
            ketch_cancel(m->client, &slots[victim]);
        ketch_poll_once(m->client, (int)next_random(m, 3));
    }
    if (ketch_wait_all(m->client) != KETCH_OK || m->under_way > 0) {
        printf("FAIL  seed %llu: %zu requests were never completed\n", (unsigned long long)m->seed,
               m->under_way);
        exit(1);
    }
}

/* ---- the rest ---- */

static void
must(const struct model *m, bool holds, const char *what)
{
    if (holds)
        return;
    printf("FAIL  seed %llu: %s\n", (unsigned long long)m->seed, what);
    exit(1);
}

/* Of those that ask nobody's key, and read-through, which has its own rules. */
static void
others(struct model *m)
{
    struct ketch_reply reply = KETCH_REPLY_INIT;
    struct ketch_bytes key = ketch_string("fetched"), value = ketch_string("<fetched>");
    for (uint32_t i = 0; i < POOL; i++)
        must(m,
             ketch_version_wait(m->client, i, NULL, &reply) == KETCH_OK &&
                 reply.result.value.bytes > 0,
             "version");
    must(m, ketch_delete_wait(m->client, key, NULL, NULL) <= KETCH_OK, "delete");
    must(m, ketch_get_wait(m->client, key, NULL, &reply) == KETCH_MISS, "get of what is deleted");
    if (!m->text) {
        struct ketch_bytes none = {NULL, 0};
        must(m,
             ketch_meta_wait(m->client, "ms", key, value, ketch_string("T100 F7"), NULL, &reply) ==
                 KETCH_OK,
             "ms");
        must(m,
             ketch_meta_wait(m->client, "mg", key, none, ketch_string("v t s"), NULL, &reply) ==
                     KETCH_OK &&
                 reply.result.value.bytes == value.bytes,
             "mg");
        must(m, ketch_invalidate_wait(m->client, key, NULL, NULL) == KETCH_OK, "invalidate");
        must(m,
             ketch_get_wait(m->client, key, NULL, &reply) == KETCH_OK &&
                 (reply.result.marks & KETCH_STALE),
             "get of what is stale");
    }
    ketch_reply_free(&reply);
}

static void
flush_all(struct model *m)
{
    for (uint32_t i = 0; i < POOL; i++)
        must(m, ketch_flush_wait(m->client, i, 0, NULL, NULL) == KETCH_OK, "flush");
}

static void
make_client(struct model *m, const struct servers *s)
{
    struct ketch_client_conf conf;
    char why[256] = "";
    ketch_client_conf_init(&conf);
    conf.servers = s->addresses;
    conf.server_count = POOL;
    conf.protocol = m->text ? KETCH_PROTOCOL_TEXT : KETCH_PROTOCOL_AUTO;
    conf.timeout_ms = conf.connect_timeout_ms = conf.drain_timeout_ms = PATIENCE_MS;
    conf.policy.limit = 1000; /* deadlines are missed on purpose */
    conf.policy.window_ms = 1;
    must(m, ketch_client_create(&conf, &m->client, why, sizeof why) == KETCH_OK, why);
    must(m, ketch_poll_attach(m->client) == KETCH_OK, "poll");
}

static void
run(const char *program, bool text, uint64_t ops, uint64_t seed)
{
    static struct model m;
    struct servers servers;
    m = (struct model){.text = text, .seed = seed, .random = seed};
    printf("%s, %s, %llu requests, seed %llu\n", program, text ? "text" : "meta",
           (unsigned long long)ops, (unsigned long long)seed);
    name_items(&m);
    servers_start(&servers, program, POOL);
    make_client(&m, &servers);
    flush_all(&m);
    callbacks(&m, ops * 3 / 4);
    blocking(&m, ops / 4);
    others(&m);
    printf("ok    %llu compared, %llu in doubt, %llu without an answer\n",
           (unsigned long long)m.compared, (unsigned long long)m.in_doubt,
           (unsigned long long)m.ended_badly);
    must(&m, m.compared > ops / 2, "too little was compared");
    for (size_t i = 0; i <= KETCH_VERB_DELETE; i++)
        must(&m, m.by_verb[i] > 0 || ops < 1000, "a verb was not played");
    ketch_client_destroy(m.client);
    for (size_t i = 0; i < KEYS; i++)
        free(m.items[i].value);
    servers_stop(&servers);
}

int
main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"ops", required_argument, NULL, 'o'},    {"seed", required_argument, NULL, 's'},
        {"server", required_argument, NULL, 'S'}, {"text", no_argument, NULL, 't'},
        {"meta", no_argument, NULL, 'm'},         {NULL, 0, NULL, 0},
    };
    const char *program = SERVER;
    uint64_t ops = 20000, seed = (uint64_t)time(NULL);
    bool text = true, meta = true;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'o':
            ops = strtoull(optarg, NULL, 10);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'S':
            program = optarg;
            break;
        case 't':
            meta = false;
            break;
        case 'm':
            text = false;
            break;
        default:
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!servers_exist(program)) {
        printf("%s is not installed\n", program);
        return 77;
    }
    if (meta)
        run(program, false, ops, seed);
    if (text)
        run(program, true, ops, seed);
    return 0;
}

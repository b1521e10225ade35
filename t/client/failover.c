/* One of three servers dies under load, or stops to answer, and comes back.
 *
 *     failover [SERVER]        a path, or a name in PATH; 77 if there is none
 *
 * Values carry their key, and every answer is looked at.  With each policy that ejects:
 *
 *     - keys of the other servers neither miss nor fail at any time, but for the few that the
 * rebuilt ring moves
 *     - no request fails that was started when the first deadline after the blow had passed
 *     - within a second of the server's return its keys are asked of it again
 */
#include <ketch/poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script.h"
#include "servers.h"

enum {
    KEYS = 400,
    SLOTS = 24, /* requests under way */
    POOL = 3,
    VICTIM = 1,
    TIMEOUT_MS = 400,
    RETRY_MS = 100,
    BEFORE_MS = 100,
    OUTAGE_MS = 300,
    AFTER_MS = 200,
    HOME_MS = 1000,
    PATIENCE_MS = 30000,
    /* How late a deadline may be noticed on a busy machine. */
    SLACK_MS = 100,
};

/* Where tests are given more time, servers are slow: the live ones must not be taken for dead. */
static uint32_t
timeout_ms(void)
{
    return getenv("CK_TIMEOUT_MULTIPLIER") != NULL ? 5 * TIMEOUT_MS : TIMEOUT_MS;
}

struct key {
    char text[24];
    uint32_t home;
    bool moves; /* has another server while the victim is out */
    bool stored;
};

struct load;

struct slot {
    struct load *load;
    struct key *key;
    bool reads;
    int64_t began_us;
};

struct load {
    struct ketch_client *client;
    const char *what;
    struct key keys[KEYS];
    struct slot slots[SLOTS];
    uint64_t random;
    bool stopping;
    size_t under_way;
    int64_t blow_us; /* INT64_MAX: not yet */
    bool settled;    /* all are home again: no key may miss any more */
    bool out;        /* the victim, as the client sees it */
    size_t done, errors, misses, wrong, late_errors, foreign_errors, foreign_misses, home_answers;
};

static uint64_t
next_random(struct load *l)
{
    l->random = l->random * 6364136223846793005u + 1442695040888963407u;
    return l->random >> 33;
}

static void
fail(const struct load *l, const char *text)
{
    printf("FAIL  %s: %s\n", l->what, text);
    exit(1);
}

/* ---- load ---- */

static void
judge_value(struct load *l, const struct slot *s, const struct ketch_result *r)
{
    size_t bytes = strlen(s->key->text);
    if (r->value.bytes != bytes || memcmp(r->value.p, s->key->text, bytes) != 0)
        l->wrong++;
}

static void
judge_failure(struct load *l, const struct slot *s, const struct ketch_result *r)
{
    l->errors++;
    if (s->key->home != VICTIM && !s->key->moves) {
        l->foreign_errors++;
        printf("      %s of server %u: %s\n", s->key->text, s->key->home, r->text);
    }
    int64_t deadline_us = l->blow_us + (timeout_ms() + SLACK_MS) * 1000LL;
    if (l->blow_us == INT64_MAX || s->began_us > deadline_us) {
        l->late_errors++;
        printf("      %s, started %lld ms after the blow: %s\n", s->key->text,
               l->blow_us == INT64_MAX ? -1LL : (long long)(s->began_us - l->blow_us) / 1000,
               r->text);
    }
}

static void start(struct slot *s);

static void
done(void *arg, const struct ketch_result *r)
{
    struct slot *s = arg;
    struct load *l = s->load;
    l->done++;
    l->under_way--;
    l->home_answers += r->server == VICTIM;
    if (r->status == KETCH_MISS) {
        l->misses++;
        if (s->key->home != VICTIM && !s->key->moves && s->key->stored)
            l->foreign_misses++;
    } else if (r->status != KETCH_OK) {
        judge_failure(l, s, r);
    } else if (s->reads) {
        judge_value(l, s, r);
    }
    if (!s->reads && r->status == KETCH_OK)
        s->key->stored = true;
    bool missed = s->reads && r->status == KETCH_MISS;
    if (!missed)
        s->key = &l->keys[next_random(l) % KEYS];
    s->reads = !missed && next_random(l) % 4 != 0;
    if (!l->stopping)
        start(s);
}

static void
start(struct slot *s)
{
    struct load *l = s->load;
    struct ketch_bytes key = ketch_string(s->key->text);
    s->began_us = script_now_us();
    enum ketch_status status = s->reads ? ketch_get(l->client, key, NULL, done, s)
                                        : ketch_set(l->client, key, key, NULL, done, s);
    if (status != KETCH_OK)
        fail(l, ketch_status_text(status));
    l->under_way++;
}

static void
run(struct load *l, int ms)
{
    int64_t end_us = script_now_us() + ms * 1000LL;
    for (int64_t now_us = script_now_us(); now_us < end_us; now_us = script_now_us())
        ketch_poll_once(l->client, (int)((end_us - now_us + 999) / 1000));
}

static void
finish(struct load *l)
{
    int64_t end_us = script_now_us() + PATIENCE_MS * 1000LL;
    l->stopping = true;
    while (l->under_way > 0) {
        ketch_poll_once(l->client, 100);
        if (script_now_us() > end_us)
            fail(l, "requests that do not end");
    }
}

/* ---- the play ---- */

static void
on_event(void *arg, const struct ketch_event *event)
{
    struct load *l = arg;
    if (event->kind >= KETCH_EVENT_OUT && event->server != KETCH_SERVER_NONE) {
        long long ms = l->blow_us == INT64_MAX ? -1 : (script_now_us() - l->blow_us) / 1000;
        printf("      %s is %s, %lld ms after the blow: %s\n", event->name,
               event->kind == KETCH_EVENT_OUT ? "out" : "back", ms,
               ketch_status_text(event->status));
    }
    if (event->server != VICTIM)
        return;
    if (event->kind == KETCH_EVENT_OUT)
        l->out = true;
    if (event->kind == KETCH_EVENT_BACK)
        l->out = false;
}

static void
on_stored(void *arg, const struct ketch_result *r)
{
    struct key *key = arg;
    key->stored = r->status == KETCH_OK;
}

static void
store_all(struct load *l)
{
    int64_t end_us = script_now_us() + PATIENCE_MS * 1000LL;
    struct ketch_options options = {.timeout_ms = PATIENCE_MS};
    for (size_t i = 0; i < KEYS; i++) {
        struct key *key = &l->keys[i];
        snprintf(key->text, sizeof key->text, "key-%zu", i * 7919);
        struct ketch_bytes text = ketch_string(key->text);
        key->home = ketch_client_server_of(l->client, text);
        if (ketch_set(l->client, text, text, &options, on_stored, key) != KETCH_OK)
            fail(l, "set");
    }
    while (ketch_client_pending(l->client) > 0 && script_now_us() < end_us)
        ketch_poll_once(l->client, 100);
    for (size_t i = 0; i < KEYS; i++)
        if (!l->keys[i].stored)
            fail(l, "a key is not stored");
}

static size_t
note_moves(struct load *l)
{
    size_t foreign = 0;
    for (size_t i = 0; i < KEYS; i++) {
        struct key *key = &l->keys[i];
        key->moves = ketch_client_server_of(l->client, ketch_string(key->text)) != key->home;
        foreign += key->moves && key->home != VICTIM;
        if (!key->moves && key->home == VICTIM)
            fail(l, "a key stays with a server that is out");
    }
    return foreign;
}

static bool
all_home(const struct load *l)
{
    for (size_t i = 0; i < KEYS; i++)
        if (ketch_client_server_of(l->client, ketch_string(l->keys[i].text)) != l->keys[i].home)
            return false;
    return true;
}

static void
wait_for_out(struct load *l)
{
    while (!l->out) {
        if (script_now_us() > l->blow_us + PATIENCE_MS * 1000LL)
            fail(l, "the server is not put out");
        run(l, 1);
    }
}

static void
wait_for_home(struct load *l, int64_t back_us)
{
    while (!all_home(l)) {
        if (script_now_us() > back_us + PATIENCE_MS * 1000LL)
            fail(l, "keys do not come home");
        run(l, 5);
    }
    int64_t took_ms = (script_now_us() - back_us) / 1000;
    if (took_ms > HOME_MS)
        fail(l, "keys come home too late");
    printf("      home after %lld ms\n", (long long)took_ms);
}

static struct ketch_client *
make_client(struct load *l, const struct servers *s, enum ketch_eject eject)
{
    struct ketch_client_conf conf;
    char why[256] = "";
    ketch_client_conf_init(&conf);
    conf.servers = s->addresses;
    conf.server_count = POOL;
    conf.timeout_ms = timeout_ms();
    conf.connect_timeout_ms = timeout_ms();
    conf.policy.limit = 1;
    conf.policy.retry_ms = RETRY_MS;
    conf.policy.retry_max_ms = 2 * RETRY_MS;
    conf.policy.eject = eject;
    if (eject == KETCH_EJECT_GUTTER) {
        conf.policy.gutter = &s->addresses[POOL];
        conf.policy.gutter_count = 1;
        conf.policy.gutter_ttl_s = 10;
    }
    conf.on_event = on_event;
    conf.arg = l;
    conf.seed = 1;
    if (ketch_client_create(&conf, &l->client, why, sizeof why) != KETCH_OK)
        fail(l, why);
    if (ketch_poll_attach(l->client) != KETCH_OK)
        fail(l, "poll");
    return l->client;
}

static void
verdict(const struct load *l, size_t foreign_moves)
{
    printf("      %zu requests, %zu failed, %zu missed, %zu keys of others moved\n", l->done,
           l->errors, l->misses, foreign_moves);
    if (l->wrong > 0)
        fail(l, "a wrong value");
    if (l->foreign_errors > 0)
        fail(l, "keys of other servers failed");
    if (l->foreign_misses > 0)
        fail(l, "keys of other servers missed");
    if (l->late_errors > 0)
        fail(l, "failures after the first deadline");
    if (foreign_moves > KEYS / 20)
        fail(l, "too many keys of other servers moved");
}

static void
play(struct servers *s, const char *what, enum ketch_eject eject, bool stops)
{
    struct load l = {.what = what, .random = 42, .blow_us = INT64_MAX};
    printf("%s, %s\n", what, stops ? "stopped" : "killed");
    make_client(&l, s, eject);
    store_all(&l);
    for (size_t i = 0; i < SLOTS; i++) {
        l.slots[i] = (struct slot){.load = &l, .key = &l.keys[i], .reads = true};
        start(&l.slots[i]);
    }
    run(&l, BEFORE_MS);
    if (stops)
        servers_signal(s, VICTIM, SIGSTOP);
    else
        servers_kill(s, VICTIM);
    l.blow_us = script_now_us();
    wait_for_out(&l);
    size_t foreign_moves = note_moves(&l);
    run(&l, OUTAGE_MS);
    if (stops)
        servers_signal(s, VICTIM, SIGCONT);
    else
        servers_start_one(s, VICTIM);
    wait_for_home(&l, script_now_us());
    size_t before = l.home_answers;
    run(&l, AFTER_MS);
    if (l.home_answers == before)
        fail(&l, "nothing is asked of the server that came back");
    finish(&l);
    verdict(&l, foreign_moves);
    ketch_client_destroy(l.client);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum ketch_eject eject;
    } policies[] = {
        {"rebuild", KETCH_EJECT_REBUILD},
        {"next", KETCH_EJECT_NEXT},
        {"gutter", KETCH_EJECT_GUTTER},
    };
    const char *program = argc > 1 ? argv[1] : SERVER;
    struct servers s;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!servers_exist(program)) {
        printf("%s is not installed\n", program);
        return 77;
    }
    servers_start(&s, program, POOL + 1);
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        play(&s, policies[i].name, policies[i].eject, false);
        play(&s, policies[i].name, policies[i].eject, true);
    }
    servers_stop(&s);
    return 0;
}

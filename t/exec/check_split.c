/* What a client is told does not depend on how its bytes arrive: scripts of random requests on few
 * keys, good and bad ones, are said to three caches: in one piece; byte by byte; and in random
 * pieces by a client that gets few requests executed at a time and whose socket takes little.  All
 * three must answer the same bytes, and hold the same items afterwards, with the same uniques.
 *
 * The caches live through a round of scripts, so that a script finds what those before it have
 * left.
 *
 * KETCH_SEED=<n> replays the round that a failure has named; KETCH_SCRIPTS=<n> plays more scripts
 * of each protocol.
 */
#include "client.h"

#include <stdarg.h>
#include "base/attr.h"
#include "packet.h"

#define SCRIPTS          600
#define SCRIPTS_IN_ROUND 100
#define REQUESTS_MAX     25
#define KEYS             6
#define WAYS             3
#define MIB              (1u << 20)

/* Announced by a client who means to fill it; larger than an item may be. */
#define TOO_LARGE_BYTES (MIB + 1)

#define SPECIAL_KEYS 4
static const char *const special_keys[SPECIAL_KEYS] = {"", "no_such_key", "k\r", "\t"};

enum way { WHOLE, BYTES, PIECES };

struct script {
    uint64_t random;
    uint64_t uniques[KEYS]; /* as they were before the script; 0: no such item */
    struct packets said;
};

struct player {
    struct server *server;
    struct client client; /* of this script */
    uint64_t random;
};

struct game {
    struct script script;
    struct player players[WAYS];
};

typedef void write_fn(struct script *s);

static size_t
random_below(uint64_t *state, size_t n)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((z ^ (z >> 31)) % n);
}

static size_t
below(struct script *s, size_t n)
{
    return random_below(&s->random, n);
}

#define PICK(s, array) ((array)[below((s), ARRAY_COUNT(array))])

/* ---- lines ---- */

static void PRINTF(2, 3) add(struct script *s, const char *fmt, ...)
{
    char text[1000];
    va_list args;
    va_start(args, fmt);
    int bytes = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    CHECK(bytes >= 0 && (size_t)bytes < sizeof text);
    packets_add_bytes(&s->said, span_of(text, (size_t)bytes));
}

static void
add_filling(struct script *s, char byte, size_t count)
{
    CHECK(count <= sizeof s->said.at - s->said.bytes);
    memset(s->said.at + s->said.bytes, byte, count);
    s->said.bytes += count;
}

static size_t
room(const struct script *s)
{
    return sizeof s->said.at - s->said.bytes;
}

static void
add_key(struct script *s)
{
    size_t dice = below(s, 60);
    if (dice == 0)
        add_filling(s, 'k', 249 + below(s, 4));
    else if (dice < 1 + SPECIAL_KEYS)
        add(s, "%s", special_keys[dice - 1]);
    else
        add(s, "k%zu", below(s, KEYS));
}

static void
add_unique(struct script *s)
{
    add(s, "%llu", (unsigned long long)(PICK(s, s->uniques) + (below(s, 4) == 0)));
}

static size_t
random_length(struct script *s)
{
    static const size_t lengths[] = {0, 1, 2, 2, 3, 3, 10, 100, 1000, 4000};
    size_t dice = below(s, 150);
    size_t length = dice == 0 ? 30000 + below(s, 20000) : PICK(s, lengths);
    return length + 1000 < room(s) ? length : 1;
}

/* Often a number, so that there is something to count. */
static void
add_data(struct script *s, size_t bytes)
{
    bool number = bytes > 0 && bytes < 20 && below(s, 3) != 0;
    for (size_t i = 0; i < bytes; i++)
        add_filling(s, number ? "0123456789"[below(s, 10)] : "ab \r\n\0mg"[below(s, 8)], 1);
}

/* What follows a line that announces data, with now and then a byte too many or too few. */
static void
add_block(struct script *s, size_t bytes)
{
    size_t dice = below(s, 30);
    add_data(s, dice == 0 ? bytes + 1 : dice == 1 && bytes > 0 ? bytes - 1 : bytes);
    add(s, "%s", dice == 2 ? "\n" : "\r\n");
}

static void
add_line_end(struct script *s)
{
    static const char *const ends[] = {"\r\n",         "\r\n", "\r\n",  "\r\n",
                                       " noreply\r\n", "\n",   " \r\n", " x\r\n"};
    add(s, "%s", PICK(s, ends));
}

static const char *
random_exptime(struct script *s)
{
    static const char *const good[] = {"0", "0", "0", "100", "-1", "2592001"};
    static const char *const bad[] = {"x", "", "9223372036854775808"};
    return below(s, 20) ? PICK(s, good) : PICK(s, bad);
}

/* ---- text ---- */

static void
add_storage(struct script *s)
{
    static const char *const words[] = {"set",     "set",    "set",     "add",
                                        "replace", "append", "prepend", "cas"};
    const char *word = PICK(s, words);
    size_t bytes = random_length(s);
    add(s, "%s ", word);
    add_key(s);
    add(s, " %zu %s %zu", below(s, 3), random_exptime(s),
        below(s, 100) == 0 ? TOO_LARGE_BYTES : bytes);
    if (*word == 'c') {
        add(s, " ");
        add_unique(s);
    }
    add_line_end(s);
    add_block(s, bytes);
}

static void
add_retrieval(struct script *s)
{
    static const char *const words[] = {"get", "gets", "gat 100", "gats 0", "gat x"};
    add(s, "%s", PICK(s, words));
    for (size_t i = below(s, 8) ? below(s, 5) : below(s, 400); i > 0; i--) {
        add(s, " ");
        add_key(s);
    }
    add_line_end(s);
}

static void
add_change(struct script *s)
{
    static const char *const words[] = {"incr", "decr", "touch", "delete"};
    static const char *const numbers[] = {" 1", " 9", " 18446744073709551615", " 0", " x", ""};
    add(s, "%s ", PICK(s, words));
    add_key(s);
    add(s, "%s", PICK(s, numbers));
    add_line_end(s);
}

static void
add_other(struct script *s)
{
    static const char *const lines[] = {"version",
                                        "verbosity 0",
                                        "mn",
                                        "me k0",
                                        "nonsense",
                                        "",
                                        "a",
                                        "stats nonsense",
                                        "stats detail on",
                                        "stats detail dump",
                                        "lru tune 10 25 0.1 2.0",
                                        "slabs automove 1",
                                        "cache_memlimit 64",
                                        "watch",
                                        "lru_crawler enable",
                                        "flush_all 0",
                                        " get k0"};
    if (below(s, 40) == 0)
        add(s, "%s", below(s, 2) ? "flush_all" : "quit");
    else
        add(s, "%s", PICK(s, lines));
    add_line_end(s);
}

static void
write_text(struct script *s)
{
    size_t dice = below(s, 10);
    if (dice < 4)
        add_storage(s);
    else if (dice < 7)
        add_retrieval(s);
    else if (dice < 9)
        add_change(s);
    else
        add_other(s);
}

/* ---- meta ---- */

static void
add_meta_flags(struct script *s, const char *letters)
{
    for (size_t i = below(s, below(s, 15) ? 6 : 22); i > 0; i--) {
        char letter = letters[below(s, strlen(letters))];
        add(s, " %c", letter);
        if (letter == 'C' || letter == 'E')
            add_unique(s);
        else if (strchr("TNR", letter) != NULL)
            add(s, "%s", random_exptime(s));
        else if (strchr("DJF", letter) != NULL)
            add(s, "%zu", below(s, 100));
        else if (letter == 'M')
            add(s, "%c", "EAPRSID+-x"[below(s, 10)]);
        else if (letter == 'O')
            add_filling(s, 'o', below(s, 33));
    }
}

/* A key, in base64 now and then: k0 is azA=. */
static void
add_meta_key(struct script *s)
{
    if (below(s, 8) == 0)
        add(s, "az%c= b", "AEIMQU"[below(s, KEYS)]);
    else
        add_key(s);
}

static void
write_meta(struct script *s)
{
    static const char *const flags[] = {"ckqsbOTFIMCNEztv", "vvktcfhlqsubOTNREzC", "qkbOCITxFEz",
                                        "vtckqbOTNDJMCEz"};
    size_t bytes = random_length(s), kind = below(s, 9);
    if (kind == 8) {
        write_text(s);
        return;
    }
    kind = kind < 3 ? 0 : kind < 6 ? 1 : kind - 4; /* sets and gets most often */
    add(s, "m%c ", "sgda"[kind]);
    add_meta_key(s);
    if (kind == 0)
        add(s, " %zu", below(s, 100) == 0 ? TOO_LARGE_BYTES : bytes);
    add_meta_flags(s, flags[kind]);
    add(s, "%s", below(s, 20) == 0 ? "\n" : "\r\n");
    if (kind == 0)
        add_block(s, bytes);
}

/* ---- binary ---- */

static struct span
packet_extras(struct script *s, uint8_t opcode)
{
    static const char counting[20] = {[7] = 1, [15] = 5};
    static const uint8_t lengths[0x25] = {
        [0x01] = 8, [0x02] = 8, [0x03] = 8, [0x05] = 20, [0x06] = 20,
        [0x11] = 8, [0x12] = 8, [0x13] = 8, [0x15] = 20, [0x16] = 20,
        [0x1c] = 4, [0x1d] = 4, [0x1e] = 4, [0x23] = 4,  [0x24] = 4,
    };
    size_t length = opcode < ARRAY_COUNT(lengths) ? lengths[opcode] : 0;
    return span_of(counting, below(s, 100) == 0 ? below(s, sizeof counting) : length);
}

static struct span
packet_key(struct script *s, uint8_t opcode, char *text)
{
    static const uint8_t bare[] = {0x07, 0x08, 0x0a, 0x0b, 0x17, 0x18, 0x10};
    size_t dice = below(s, 100);
    memset(text, 'k', 252);
    if (dice == 0)
        return span_of(text, 248 + below(s, 5));
    if (dice != 1 && memchr(bare, opcode, sizeof bare) != NULL)
        return SPAN_NONE;
    sprintf(text, "k%zu", below(s, KEYS));
    return span_of(text, 2);
}

/* Statistics have figures of the process, and are not asked for; connections end now and then. */
static uint8_t
packet_opcode(struct script *s)
{
    static const uint8_t storing[] = {0x01, 0x11, 0x02, 0x12, 0x03, 0x13, 0x0e, 0x0f, 0x19, 0x1a};
    static const uint8_t others[] = {0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14, 0x05, 0x06,
                                     0x15, 0x16, 0x1c, 0x1d, 0x1e, 0x23, 0x24, 0x0a,
                                     0x0b, 0x1b, 0x00, 0x09, 0x0c, 0x0d};
    static const uint8_t rare[] = {0x07, 0x17, 0x08, 0x18, 0x20, 0x21, 0x22, 0x50, 0xff};
    size_t dice = below(s, 50);
    return dice == 0 ? PICK(s, rare) : dice < 20 ? PICK(s, storing) : PICK(s, others);
}

static void
write_binary(struct script *s)
{
    static const uint8_t with_value[] = {0x01, 0x02, 0x03, 0x0e, 0x0f, 0x11,
                                         0x12, 0x13, 0x19, 0x1a, 0x21};
    char key[256];
    uint8_t opcode = packet_opcode(s);
    size_t begin = s->said.bytes;
    bool stores = memchr(with_value, opcode, sizeof with_value) != NULL;
    size_t bytes = stores != (below(s, 200) == 0) ? random_length(s) : 0;
    char *header = packets_add(&s->said, opcode, packet_extras(s, opcode),
                               packet_key(s, opcode, key), SPAN_NONE);
    size_t body = s->said.bytes - begin - 24;
    add_data(s, bytes);
    packets_put_u32(header, 8,
                    (uint32_t)(body + (stores && below(s, 200) == 0 ? TOO_LARGE_BYTES : bytes)));
    if (below(s, 4) == 0)
        packets_set_cas(header, PICK(s, s->uniques) + (below(s, 4) == 0));
    if (below(s, 500) == 0)
        header[below(s, 24)] = (char)below(s, 256); /* a lie */
}

/* ---- the game ---- */

/* Some break off in the middle. */
static void
write_script(struct script *s, write_fn *write)
{
    s->said.bytes = 0;
    for (size_t i = 1 + below(s, REQUESTS_MAX); i > 0 && room(s) > 64 * 1024; i--)
        write(s);
    if (below(s, 10) == 0)
        s->said.bytes -= below(s, s->said.bytes + 1);
}

static size_t
next_piece(struct player *p, enum way way)
{
    static const size_t most[] = {3, 30, 300, 3000, 30000};
    if (way != PIECES)
        return way == WHOLE ? SIZE_MAX : 1;
    return 1 + random_below(&p->random, most[random_below(&p->random, ARRAY_COUNT(most))]);
}

static void
play(struct player *p, enum way way, struct span said)
{
    p->client = client_open(p->server);
    if (way == PIECES) {
        p->client.window = 1 + random_below(&p->random, 8000);
        p->client.budget = 1 + (unsigned)random_below(&p->random, 5);
    }
    while (said.bytes > 0 && !p->client.closed) {
        size_t bytes = next_piece(p, way);
        bytes = bytes < said.bytes ? bytes : said.bytes;
        client_say_span(&p->client, span_of(said.p, bytes));
        said = span_of(said.p + bytes, said.bytes - bytes);
    }
}

static void
compare(const struct game *g, uint64_t seed, unsigned number, const char *what)
{
    static const char *const names[WAYS] = {"whole", "byte by byte", "in pieces"};
    const struct client *whole = &g->players[WHOLE].client;
    for (int way = BYTES; way < WAYS; way++) {
        const struct client *c = &g->players[way].client;
        bool same = c->closed == whole->closed &&
                    span_equal(span_of(c->received, c->received_bytes),
                               span_of(whole->received, whole->received_bytes));
        if (same)
            continue;
        fprintf(stderr, "said:\n%.*s\ntold %s:\n%.*s\ninstead of:\n%.*s\n",
                (int)g->script.said.bytes, g->script.said.at, names[way], (int)c->received_bytes,
                c->received, (int)whole->received_bytes, whole->received);
        ck_abort_msg("KETCH_SEED=%llu: %s script %u, %s", (unsigned long long)seed, what, number,
                     names[way]);
    }
}

/* The uniques that "gets" has shown. */
static void
learn(struct script *s, const char *shown)
{
    memset(s->uniques, 0, sizeof s->uniques);
    while ((shown = strstr(shown, "VALUE k")) != NULL) {
        unsigned key, bytes;
        unsigned long long unique;
        int used = 0;
        if (sscanf(shown, "VALUE k%u %*u %u %llu\r\n%n", &key, &bytes, &unique, &used) != 3 ||
            used == 0)
            ck_abort_msg("what is %.100s", shown);
        s->uniques[key] = unique;
        shown += used + bytes;
    }
}

/* What the caches hold must be the same too. */
static void
look_round(struct game *g, uint64_t seed, unsigned number)
{
    static const char gets[] = "gets k0 k1 k2 k3 k4 k5\r\n";
    for (int way = 0; way < WAYS; way++)
        play(&g->players[way], WHOLE, span_of(gets, sizeof gets - 1));
    compare(g, seed, number, "after");
    struct client *c = &g->players[WHOLE].client;
    client_receive(c, "", 1);
    learn(&g->script, c->received);
}

static void
close_clients(struct game *g)
{
    for (int way = 0; way < WAYS; way++)
        client_close(&g->players[way].client);
}

static void
play_round(struct game *g, uint64_t seed, unsigned scripts, write_fn *write)
{
    g->script.random = seed;
    memset(g->script.uniques, 0, sizeof g->script.uniques);
    for (int way = 0; way < WAYS; way++)
        g->players[way] = (struct player){.server = server_with(16 * MIB, true, default_config()),
                                          .random = seed};
    for (unsigned i = 0; i < scripts; i++) {
        write_script(&g->script, write);
        for (int way = 0; way < WAYS; way++)
            play(&g->players[way], way, packets_span(&g->script.said));
        compare(g, seed, i, "");
        close_clients(g);
        look_round(g, seed, i);
        close_clients(g);
    }
    for (int way = 0; way < WAYS; way++)
        server_close(g->players[way].server);
}

static void
play_scripts(write_fn *write)
{
    struct game *g = malloc(sizeof *g);
    const char *seed = getenv("KETCH_SEED"), *scripts = getenv("KETCH_SCRIPTS");
    uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    uint64_t left = seed != NULL      ? SCRIPTS_IN_ROUND
                    : scripts != NULL ? strtoull(scripts, NULL, 10)
                                      : SCRIPTS;
    ck_assert_ptr_nonnull(g);
    for (uint64_t i = first; left > 0; i++) {
        unsigned count = left < SCRIPTS_IN_ROUND ? (unsigned)left : SCRIPTS_IN_ROUND;
        play_round(g, i, count, write);
        left -= count;
    }
    free(g);
}

START_TEST(text_is_answered_alike_however_it_arrives)
{
    play_scripts(write_text);
}
END_TEST

START_TEST(meta_commands_are_answered_alike_however_they_arrive)
{
    play_scripts(write_meta);
}
END_TEST

START_TEST(binary_packets_are_answered_alike_however_they_arrive)
{
    play_scripts(write_binary);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("split");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, text_is_answered_alike_however_it_arrives);
    tcase_add_test(tc, meta_commands_are_answered_alike_however_they_arrive);
    tcase_add_test(tc, binary_packets_are_answered_alike_however_they_arrive);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("exec/split")

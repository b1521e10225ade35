/* The meta commands meet the engine: random commands against a model, whole and in pieces; what
 * happens when memory or the client's patience runs out; and that of many clients one alone is told
 * to make a new item.
 *
 * KETCH_SEED=<n> replays the run that a failure has named; KETCH_RUNS=<n> makes more of them.
 */
#include "client.h"

#include <pthread.h>
#include "engine/view.h"
#include "meta_model.h"

#define KIB            1024u
#define RUNS           60
#define COMMANDS       400
#define TEXT_BYTES_MAX (2 * MODEL_VALUE_MAX + 1000)

/* ---- dialogues ---- */

struct exchange {
    const char *say, *want;
};

static void
hold_dialogue(const struct exchange *dialogue, size_t count)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    for (size_t i = 0; i < count; i++)
        client_ask(&c, dialogue[i].say, dialogue[i].want);
    client_close(&c);
    server_close(sv);
}

START_TEST(answers_follow_the_order_of_the_flags)
{
    static const struct exchange dialogue[] = {
        {"ms a 3 F5 T60 c\r\nabc\r\n", "HD c2\r\n"},
        {"mg a s v t f c k Oxyz\r\n", "VA 3 s3 t60 f5 c2 ka Oxyz\r\nabc\r\n"},
        {"mg a Oxyz k c f t v s\r\n", "VA 3 Oxyz ka c2 f5 t60 s3\r\nabc\r\n"},
        {"mg a t T30\r\n", "HD t60\r\n"},
        {"mg a T0 t\r\n", "HD t-1\r\n"},
        {"mg a q\r\nmg b q k\r\nmg b Oq k\r\nmn\r\n", "HD\r\nEN Oq kb\r\nMN\r\n"},
        {"mg a T-1 t v\r\n", "VA 3 t0\r\nabc\r\n"},
        {"mg a\r\n", "EN\r\n"},
    };
    hold_dialogue(dialogue, ARRAY_COUNT(dialogue));
}
END_TEST

START_TEST(a_value_that_the_client_has_is_not_sent)
{
    static const struct exchange dialogue[] = {
        {"ms a 3 c\r\nabc\r\n", "HD c2\r\n"},
        {"mg a v s C2\r\n", "HD s3\r\n"},
        {"mg a v s C3\r\n", "VA 3 s3\r\nabc\r\n"},
        {"mg a C2\r\n", "HD\r\n"},
    };
    hold_dialogue(dialogue, ARRAY_COUNT(dialogue));
}
END_TEST

START_TEST(base64_keys_are_binary_and_remembered_as_such)
{
    static const struct exchange dialogue[] = {
        {"ms Zm9v 2 b k\r\nhi\r\n", "HD kZm9v b\r\n"},
        {"mg foo k\r\n", "HD kZm9v b\r\n"},
        {"get foo\r\n", "VALUE foo 0 2\r\nhi\r\nEND\r\n"},
        {"mg AAEg/w== b k v\r\n", "EN kAAEg/w== b\r\n"},
        {"ms AAEg/w== 1 b q\r\nx\r\n", ""},
        {"mg AAEg/w== b k v\r\n", "VA 1 kAAEg/w== b\r\nx\r\n"},
        {"ms AAEg/w== 1 MA b\r\ny\r\n", "HD\r\n"},
        {"mg AAEg/w== k v b\r\n", "VA 2 kAAEg/w== b\r\nxy\r\n"},
        {"md AAEg/w== b k I\r\n", "HD kAAEg/w== b\r\n"},
        {"ma bg== b N0 J7 k v\r\n", "VA 1 kbg== b\r\n7\r\n"},
        {"ma n k v\r\n", "VA 1 kbg== b\r\n8\r\n"},
        {"mg bg== b k\r\n", "HD kbg== b\r\n"},
        {"mg dml2 b N30 k\r\n", "HD kdml2 b W\r\n"},
        {"set foo 0 0 1\r\nx\r\n", "STORED\r\n"},
        {"mg Zm9v b k\r\n", "HD kfoo\r\n"},
        {"mg Zm9 b\r\n", "CLIENT_ERROR error decoding key\r\n"},
        {"mg Zm9v= b\r\n", "CLIENT_ERROR error decoding key\r\n"},
        {"mg !!!! b\r\n", "CLIENT_ERROR error decoding key\r\n"},
        {"md Zm9 b q\r\n", "CLIENT_ERROR error decoding key\r\n"},
        {"ma Zm9 b\r\n", "CLIENT_ERROR invalid or duplicate flag\r\n"},
        {"ms Zm9 2 b\r\nhi\r\nmn\r\n", "CLIENT_ERROR error decoding key\r\nMN\r\n"},
    };
    hold_dialogue(dialogue, ARRAY_COUNT(dialogue));
}
END_TEST

START_TEST(binary_keys_are_dumped_in_base64)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "ms AAEg/w== 1 b\r\nx\r\nms Zm9v 1 b\r\nx\r\n", "HD\r\nHD\r\n");
    client_say(&c, "lru_crawler mgdump all\r\n");
    const char *dump = client_text(&c);
    ck_assert_ptr_nonnull(strstr(dump, "mg AAEg/w== b\r\n"));
    ck_assert_ptr_nonnull(strstr(dump, "mg Zm9v b\r\n"));
    client_say(&c, "lru_crawler metadump all\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "key=%00%01%20%FF exp=-1 "));
    client_say(&c, "me AAEg/w== b\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME AAEg/w== exp=-1 la=0 cas=2 fetch=no "));
    client_say(&c, "me AAEg/w== b x\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME AAEg/w== exp=-1 "));
    client_say(&c, "me foo\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME Zm9v exp=-1 "));
    client_say(&c, "me foo anything\r\n");
    ck_assert_ptr_nonnull(strstr(client_text(&c), "ME Zm9v exp=-1 "));
    client_ask(&c, "me Zm9v\r\nme AAEg/w=b b\r\n",
               "EN\r\nCLIENT_ERROR bad command line format\r\n");
    client_ask(&c, "stats cachedump 1 0\r\n", "END\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(what_cannot_be_stored_is_swallowed_and_told)
{
    static const struct exchange dialogue[] = {
        {"ms a 1\r\nx\r\nms a 2 Z\r\nmn\r\nmn\r\n", "HD\r\nCLIENT_ERROR invalid flag\r\nMN\r\n"},
        {"ms a 2 q\r\nmnxxmn\r\n", "CLIENT_ERROR bad data chunk\r\nMN\r\n"},
        {"mn\r\nms a 2 MX q\r\nmn\r\nmn\r\n",
         "MN\r\nCLIENT_ERROR invalid mode for ms M token\r\nMN\r\n"},
        {"ms a 2 Z\r\nmnxxmn\r\n", "CLIENT_ERROR invalid flag\r\nMN\r\n"},
        {"ms a x Z\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"},
        {"mg a v\r\n", "VA 1\r\nx\r\n"},
    };
    hold_dialogue(dialogue, ARRAY_COUNT(dialogue));
}
END_TEST

/* A client that sends a new value must not be shown the old one, if that cannot be stored. */
START_TEST(too_large_a_value_removes_what_it_should_replace)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    char *value = calloc(1, 2u << 20);
    static const struct {
        const char *flags, *left;
    } modes[] = {{"", "EN\r\n"},   {"MS", "EN\r\n"}, {"ME", "HD\r\n"},  {"MA", "HD\r\n"},
                 {"MR", "HD\r\n"}, {"C9", "HD\r\n"}, {"q k", "EN\r\n"}, {"C9 I", "HD\r\n"}};
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        char line[100];
        client_ask(&c, "ms a 1\r\nx\r\n", "HD\r\n");
        snprintf(line, sizeof line, "ms a %u %s\r\n", 2u << 20, modes[i].flags);
        client_ask(&c, line, "SERVER_ERROR object too large for cache\r\n");
        client_say_span(&c, span_of(value, 2u << 20));
        client_ask(&c, "\r\nmg a\r\n", modes[i].left);
    }
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(what_is_too_large_is_told_before_its_line_end_is_seen)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    const size_t bytes = 2u << 20;
    char head[50], *text = malloc(bytes + 100);
    size_t at = (size_t)snprintf(head, sizeof head, "ms a %zu\r\n", bytes);
    memcpy(text, head, at);
    memset(text + at, 'x', bytes + 2);
    memcpy(text + at + bytes + 2, "mn\r\n", 4);
    client_say_span(&c, span_of(text, at + bytes + 6));
    client_expect(&c, "SERVER_ERROR object too large for cache\r\nMN\r\n");
    free(text);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(large_values_come_and_go_in_pieces)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    const size_t bytes = 300 * KIB;
    char *text = malloc(bytes + 100), head[100];
    int head_bytes = snprintf(head, sizeof head, "ms Zm9v %zu b k Oopaque s c T60 F9\r\n", bytes);
    client_say_span(&c, span_of(head, (size_t)head_bytes));
    for (size_t at = 0; at < bytes; at += 1000) {
        char piece[1000];
        memset(piece, 'a' + (int)(at / 1000 % 26), sizeof piece);
        client_say_span(&c, span_of(piece, bytes - at < 1000 ? bytes - at : 1000));
    }
    ck_assert_ptr_nonnull(c.session.meta);
    client_ask(&c, "\r\n", "HD kZm9v b Oopaque s307200 c2\r\n");
    ck_assert_ptr_null(c.session.meta);
    for (c.window = 5000; c.window < 200000; c.window *= 6) {
        client_say(&c, "mg Zm9v b v k t f\r\nmn\r\n");
        size_t at = (size_t)sprintf(text, "VA %zu kZm9v b t60 f9\r\n", bytes);
        for (size_t i = 0; i < bytes; i++)
            text[at++] = (char)('a' + (int)(i / 1000 % 26));
        memcpy(text + at, "\r\nMN\r\n", 6);
        client_expect_span(&c, span_of(text, at + 6));
    }
    free(text);
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(a_client_may_leave_in_the_middle_of_its_upload)
{
    struct server *sv = server_open();
    for (int i = 0; i < 1000; i++) {
        struct client c = client_open(sv);
        client_ask(&c, "ms key 200000 k O123456 T60\r\nabc", "");
        ck_assert_ptr_nonnull(c.session.meta);
        client_close(&c);
    }
    struct client c = client_open(sv);
    client_ask(&c, "mg key\r\n", "EN\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(an_upload_that_ends_badly_forgets_its_line)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "ms key 3 k q\r\nab", "");
    ck_assert_ptr_nonnull(c.session.meta);
    client_ask(&c, "cde", "CLIENT_ERROR bad data chunk\r\n");
    ck_assert_ptr_null(c.session.meta);
    client_ask(&c, "ms key 9999999\r\n", "SERVER_ERROR object too large for cache\r\n");
    ck_assert_ptr_null(c.session.meta);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* Without eviction: the cache is filled, and then everything that needs memory is refused. */
START_TEST(without_memory_clients_are_told_so)
{
    struct server *sv = server_with(2u << 20, false, default_config());
    struct client c = client_open(sv);
    client_ask(&c, "ms number 1\r\n5\r\nms stale 3\r\nabc\r\n", "HD\r\nHD\r\n");
    char line[100];
    const char *answer;
    unsigned i = 0;
    do {
        snprintf(line, sizeof line, "ms fill%u 1\r\nx\r\n", i++);
        client_say(&c, line);
        answer = client_text(&c);
    } while (strcmp(answer, "HD\r\n") == 0 && i < 1000000);
    ck_assert_str_eq(answer, "SERVER_ERROR out of memory storing object\r\n");
    client_ask(&c, "mg nothing v N30 k\r\n", "EN knothing\r\n");
    client_ask(&c, "ma nothing N0 q\r\n", "SERVER_ERROR Out of memory allocating new item\r\n");
    client_ask(&c, "ma number q\r\n", "SERVER_ERROR out of memory\r\n");
    client_ask(&c, "ms number 1 MA q\r\n5\r\n", "NS\r\n");
    client_ask(&c, "md number x q\r\n", "SERVER_ERROR out of memory\r\n");
    client_ask(&c, "mg number v\r\n", "VA 1\r\n5\r\n");
    /* who invalidates must not be shown the old value, whatever it takes */
    client_ask(&c, "md stale I C9999\r\nmg stale v\r\nmd stale I\r\nmg stale\r\n",
               "EX\r\nVA 3\r\nabc\r\nHD\r\nEN\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

/* What a refused ms has announced must not stay taken: without eviction, nothing else would give it
 * back. */
START_TEST(what_is_refused_leaves_nothing_behind)
{
    struct server *sv = server_with(16u << 20, false, default_config());
    struct client c = client_open(sv);
    const size_t bytes = 500 * KIB;
    char *value = calloc(1, bytes);
    static const struct {
        const char *flags, *told;
    } bad[] = {
        {"MX", "CLIENT_ERROR invalid mode for ms M token\r\n"},
        {"O12345678901234567890123456789012", "CLIENT_ERROR opaque token too long\r\n"},
        {"Z", "CLIENT_ERROR invalid flag\r\n"},
        {"T", "CLIENT_ERROR bad token in command line format\r\n"},
        {"b", "CLIENT_ERROR error decoding key\r\n"},
    };
    for (unsigned i = 0; i < 300; i++) {
        char line[100];
        snprintf(line, sizeof line, "ms key %zu %s\r\n", bytes, bad[i % ARRAY_COUNT(bad)].flags);
        client_say(&c, line);
        client_say_span(&c, span_of(value, bytes));
        client_ask(&c, "\r\n", bad[i % ARRAY_COUNT(bad)].told);
    }
    client_say(&c, "ms key 512000\r\n");
    client_say_span(&c, span_of(value, bytes));
    client_ask(&c, "\r\n", "HD\r\n");
    free(value);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* Nor must an item stay held that an mg has found before it was refused: it could not be given up. */
START_TEST(a_refused_get_holds_nothing)
{
    struct server *sv = server_with(4u << 20, true, default_config());
    struct client c = client_open(sv);
    char key[20], line[300], value[3000], long_key[252];
    memset(value, 'v', sizeof value);
    memset(long_key, 'k', 251);
    long_key[251] = '\0';
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key%u", i);
        snprintf(line, sizeof line, "ms %s %zu q\r\n", key, sizeof value);
        client_say(&c, line);
        client_say_span(&c, span_of(value, sizeof value));
        snprintf(line, sizeof line, "\r\nmg %s v O12345678901234567890123456789012\r\n", key);
        client_ask(&c, line, "CLIENT_ERROR opaque token too long\r\n");
        snprintf(line, sizeof line, "get %s %s\r\n", key, long_key);
        client_say(&c, line);
        ck_assert_ptr_nonnull(strstr(client_text(&c), "CLIENT_ERROR"));
    }
    client_close(&c);
    server_close(sv);
}
END_TEST

/* What malloc() gives goes through here (see Makefile.am).  Check's own notes are small, and
 * spared. */
#define CHECK_BYTES_MAX 64
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
static bool malloc_fails;

void *
__wrap_malloc(size_t bytes)
{
    return malloc_fails && bytes > CHECK_BYTES_MAX ? NULL : __real_malloc(bytes);
}

START_TEST(when_a_line_cannot_be_kept_its_data_is_thrown_away)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_ask(&c, "ms a 3\r\nabc\r\n", "HD\r\n");
    malloc_fails = true;
    client_say(&c, "ms a 6 k\r\nmn\r");
    malloc_fails = false;
    client_ask(&c, "\nmn\r\nmn\r\n", "SERVER_ERROR out of memory storing object\r\nMN\r\n");
    client_ask(&c, "mg a\r\n", "EN\r\n");
    client_close(&c);
    server_close(sv);
}
END_TEST

START_TEST(hits_and_misses_are_counted_as_gets_or_touches)
{
    struct server *sv = server_open();
    struct client c = client_open(sv);
    client_say(&c, "ms a 1\r\nx\r\nmg a\r\nmg a T5\r\nmg b\r\nmg b T5\r\nmg b q\r\nmg c N5\r\n"
                   "ma n N5\r\nma n\r\nmd a\r\nmd a\r\nms a 1 C9\r\nx\r\n");
    client_text(&c);
    client_say(&c, "stats\r\n");
    const char *text = client_text(&c);
    static const char *const lines[] = {
        "STAT cmd_get 4\r\n",     "STAT get_hits 2\r\n",      "STAT get_misses 2\r\n",
        "STAT cmd_touch 2\r\n",   "STAT touch_hits 1\r\n",    "STAT touch_misses 1\r\n",
        "STAT cmd_set 2\r\n",     "STAT incr_hits 1\r\n",     "STAT incr_misses 0\r\n",
        "STAT delete_hits 1\r\n", "STAT delete_misses 1\r\n", "STAT cas_misses 1\r\n",
        "STAT cmd_meta 0\r\n"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no %s in %s", lines[i], text);
    client_close(&c);
    server_close(sv);
}
END_TEST

/* ---- the model ---- */

struct game {
    uint64_t random;
    struct model model;
    struct model_line line;
    char word_text[MODEL_WORDS_MAX][40];
    char data[MODEL_VALUE_MAX];
    char text[TEXT_BYTES_MAX]; /* what the client sends */
    size_t text_bytes;
};

static size_t
below(struct game *g, size_t n)
{
    uint64_t z = (g->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((z ^ (z >> 31)) % n);
}

static int
random_exptime(struct game *g)
{
    static const int times[] = {0, -1, 1, 2, 5, 30, 1000};
    return times[below(g, ARRAY_COUNT(times))];
}

/* Often the right one, or one that is a little older. */
static uint64_t
random_cas(struct game *g)
{
    uint64_t cas = g->model.items[g->line.key].cas;
    return below(g, 2) ? cas : cas - below(g, 3) + 1;
}

static void
write_word(struct game *g, char letter, char *to)
{
    static const char *const modes[] = {"E", "A", "P", "R", "S", "Append"};
    static const char *const arith_modes[] = {"I", "+", "D", "-", "Decr"};
    switch (letter) {
    case 'C':
    case 'E':
        sprintf(to, "%c%llu", letter, (unsigned long long)random_cas(g));
        break;
    case 'D':
    case 'J':
    case 'F':
        sprintf(to, "%c%zu", letter, below(g, 3) ? below(g, 20) : below(g, 4000000000u));
        break;
    case 'N':
    case 'R':
    case 'T':
        sprintf(to, "%c%d", letter, random_exptime(g));
        break;
    case 'O':
        sprintf(to, "O%.*s", (int)below(g, 31), "abcdefghijklmnopqrstuvwxyz012345");
        break;
    case 'M':
        sprintf(to, "M%s",
                g->line.cmd == 'a' ? arith_modes[below(g, ARRAY_COUNT(arith_modes))]
                                   : modes[below(g, ARRAY_COUNT(modes))]);
        break;
    default:
        sprintf(to, "%c", letter);
    }
}

static void
choose_words(struct game *g)
{
    static const char letters[] = "vvvkkttccfhlsquObTTNNRRICCEMMxDJFLP";
    struct model_line *l = &g->line;
    bool used[128] = {false};
    l->count = 0;
    for (size_t wanted = below(g, 9), tries = 0; l->count < wanted && tries < 100; tries++) {
        char letter = letters[below(g, sizeof letters - 1)];
        /* the value of 'x' and of 'I' is rare otherwise */
        if (used[(unsigned char)letter] || (letter == 'E' && below(g, 4) != 0))
            continue;
        used[(unsigned char)letter] = true;
        write_word(g, letter, g->word_text[l->count]);
        l->words[l->count] = g->word_text[l->count];
        l->count++;
    }
}

static void
choose_data(struct game *g)
{
    struct model_line *l = &g->line;
    l->data = g->data;
    if (below(g, 2)) {
        l->data_bytes = (size_t)sprintf(g->data, "%zu", below(g, 2000));
        return;
    }
    l->data_bytes = below(g, 20) == 0 ? below(g, 1000) : below(g, 12);
    for (size_t i = 0; i < l->data_bytes; i++)
        g->data[i] = "mn\r\nabc"[below(g, 7)];
}

static void
add_text(struct game *g, struct span s)
{
    memcpy(g->text + g->text_bytes, s.p, s.bytes);
    g->text_bytes += s.bytes;
}

static void
add_string(struct game *g, const char *s)
{
    add_text(g, span_of(s, strlen(s)));
}

/* The next command, in 'line' and 'text'. */
static void
choose_command(struct game *g)
{
    struct model_line *l = &g->line;
    char head[100];
    l->cmd = "ggggsssdaa"[below(g, 10)];
    l->key = (unsigned)below(g, MODEL_KEYS);
    choose_words(g);
    /* a value that grows without end would only be too large at last */
    if (l->cmd == 's')
        choose_data(g);
    const char *key = (model_has(l, 'b') ? model_base64 : model_keys)[l->key];
    g->text_bytes = 0;
    if (l->cmd == 's')
        snprintf(head, sizeof head, "ms %s %zu", key, l->data_bytes);
    else
        snprintf(head, sizeof head, "m%c %s", l->cmd, key);
    add_string(g, head);
    for (size_t i = 0; i < l->count; i++) {
        add_string(g, below(g, 20) == 0 ? "  " : " ");
        add_string(g, l->words[i]);
    }
    add_string(g, below(g, 10) == 0 ? "\n" : "\r\n");
    if (l->cmd != 's')
        return;
    add_text(g, span_of(l->data, l->data_bytes));
    add_string(g, "\r\n");
}

/* Says it whole, byte by byte, or in pieces. */
static void
say_text(struct game *g, struct client *c)
{
    size_t most = below(g, 3) == 0 ? g->text_bytes : below(g, 2) ? 1 : 1 + below(g, 20);
    for (size_t at = 0; at < g->text_bytes;) {
        size_t bytes = 1 + below(g, most);
        if (bytes > g->text_bytes - at || most == g->text_bytes)
            bytes = g->text_bytes - at;
        client_say_span(c, span_of(g->text + at, bytes));
        at += bytes;
    }
}

static bool
is_growing_too_large(const struct game *g)
{
    return g->model.items[g->line.key].value_bytes > MODEL_VALUE_MAX / 2;
}

static void
play(uint64_t seed)
{
    static struct game g;
    static char want[TEXT_BYTES_MAX];
    g = (struct game){.random = seed, .model = {.last_cas = 1}};
    struct server *sv = server_open();
    struct client c = client_open(sv);
    g.model.now = clock_now(&sv->clock);
    for (unsigned i = 0; i < COMMANDS; i++) {
        choose_command(&g);
        if (is_growing_too_large(&g))
            continue;
        model_run(&g.model, &g.line, want);
        say_text(&g, &c);
        if (!span_equal(span_of(c.received, c.received_bytes), span_of(want, strlen(want))))
            ck_abort_msg("KETCH_SEED=%llu, command %u: %.*s\nwanted: %s\nreceived: %.*s",
                         (unsigned long long)seed, i, (int)g.text_bytes, g.text, want,
                         (int)c.received_bytes, c.received);
        c.received_bytes = 0;
        if (below(&g, 15) == 0) {
            unsigned seconds = (unsigned)below(&g, 4);
            server_wait(sv, seconds);
            g.model.now += seconds;
        }
    }
    client_close(&c);
    server_close(sv);
}

static uint64_t
number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(answers_are_those_of_the_model)
{
    uint64_t first = number_from_environment("KETCH_SEED", 1);
    uint64_t runs = number_from_environment("KETCH_RUNS", getenv("KETCH_SEED") ? 1 : RUNS);
    for (uint64_t i = 0; i < runs; i++)
        play(first + i);
}
END_TEST

/* ---- stampedes ---- */

#define THREADS 4
#define CLIENTS 250
#define ROUNDS  40

struct stampede {
    struct server *server;
    const char *line; /* with the number of the round in it */
    pthread_barrier_t start;
};

struct runner {
    struct stampede *stampede;
    unsigned wins[ROUNDS], others[ROUNDS];
};

static void
ask_and_count(struct exec_thread *xt, struct output *out, struct span line, unsigned *wins,
              unsigned *others)
{
    struct session session = {0};
    unsigned budget = 10;
    size_t used;
    output_reset(out);
    CHECK(exec_run(xt, &session, line, out, &budget, &used) == EXEC_NEED_INPUT);
    CHECK(used == line.bytes && out->used > 4);
    out->buf[out->used] = '\0';
    bool won = strstr(out->buf, " W\r\n") != NULL;
    *wins += won;
    *others += !won && strstr(out->buf, " Z") != NULL;
    session_fini(xt, &session);
}

/* One worker, its clients one after the other. */
static void *
run_clients(void *argument)
{
    struct runner *me = argument;
    struct server *sv = me->stampede->server;
    struct engine_thread *t = engine_join(sv->engine, clock_now(&sv->clock));
    struct exec_thread *xt = exec_join(sv->exec, t);
    struct output *out = malloc(sizeof *out);
    CHECK(t != NULL && xt != NULL && out != NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char line[100];
        int bytes = snprintf(line, sizeof line, me->stampede->line, round);
        pthread_barrier_wait(&me->stampede->start);
        for (unsigned i = 0; i < CLIENTS; i++) {
            ask_and_count(xt, out, span_of(line, (size_t)bytes), &me->wins[round],
                          &me->others[round]);
            engine_quiesce(t, clock_now(&sv->clock));
        }
    }
    free(out);
    exec_leave(xt);
    engine_leave(t);
    return NULL;
}

/* Exactly one of the clients of each round must win; all others are told that somebody did. */
static void
run_stampede(struct server *sv, const char *line)
{
    struct stampede st = {.server = sv, .line = line};
    static struct runner runners[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_init(&st.start, NULL, THREADS);
    engine_offline(sv->engine_thread);
    for (unsigned i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){.stampede = &st};
        CHECK(pthread_create(&threads[i], NULL, run_clients, &runners[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&st.start);
    engine_online(sv->engine_thread, clock_now(&sv->clock));
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned wins = 0, others = 0;
        for (unsigned i = 0; i < THREADS; i++) {
            wins += runners[i].wins[round];
            others += runners[i].others[round];
        }
        ck_assert_msg(wins == 1 && others == THREADS * CLIENTS - 1,
                      "'%s' round %u: %u won, %u were told to wait", line, round, wins, others);
    }
}

START_TEST(of_a_thousand_misses_one_is_told_to_make_the_item)
{
    struct server *sv = server_open();
    run_stampede(sv, "mg key%u v N30\r\n");
    server_close(sv);
}
END_TEST

static void
store_rounds(struct server *sv, const char *line)
{
    struct client c = client_open(sv);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[100];
        snprintf(text, sizeof text, line, round, round);
        client_say(&c, text);
    }
    client_close(&c);
}

START_TEST(of_a_thousand_hits_one_is_told_to_renew_the_item)
{
    struct server *sv = server_open();
    store_rounds(sv, "ms key%u 3 T20 q\r\nabc\r\n");
    run_stampede(sv, "mg key%u v R30\r\n");
    server_close(sv);
}
END_TEST

START_TEST(of_a_thousand_hits_one_is_told_to_replace_a_stale_item)
{
    struct server *sv = server_open();
    store_rounds(sv, "ms key%u 3 q\r\nabc\r\nmd key%u I q\r\n");
    run_stampede(sv, "mg key%u v s\r\n");
    server_close(sv);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("dialogues");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, answers_follow_the_order_of_the_flags);
    tcase_add_test(tc, a_value_that_the_client_has_is_not_sent);
    tcase_add_test(tc, base64_keys_are_binary_and_remembered_as_such);
    tcase_add_test(tc, binary_keys_are_dumped_in_base64);
    tcase_add_test(tc, what_cannot_be_stored_is_swallowed_and_told);
    tcase_add_test(tc, too_large_a_value_removes_what_it_should_replace);
    tcase_add_test(tc, what_is_too_large_is_told_before_its_line_end_is_seen);
    tcase_add_test(tc, large_values_come_and_go_in_pieces);
    tcase_add_test(tc, a_client_may_leave_in_the_middle_of_its_upload);
    tcase_add_test(tc, an_upload_that_ends_badly_forgets_its_line);
    tcase_add_test(tc, what_is_refused_leaves_nothing_behind);
    tcase_add_test(tc, a_refused_get_holds_nothing);
    tcase_add_test(tc, without_memory_clients_are_told_so);
    tcase_add_test(tc, when_a_line_cannot_be_kept_its_data_is_thrown_away);
    tcase_add_test(tc, hits_and_misses_are_counted_as_gets_or_touches);
    suite_add_tcase(suite, tc);

    tc = tcase_create("model");
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, answers_are_those_of_the_model);
    suite_add_tcase(suite, tc);

    tc = tcase_create("stampede");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, of_a_thousand_misses_one_is_told_to_make_the_item);
    tcase_add_test(tc, of_a_thousand_hits_one_is_told_to_renew_the_item);
    tcase_add_test(tc, of_a_thousand_hits_one_is_told_to_replace_a_stale_item);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("exec/meta")

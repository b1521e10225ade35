/* The requests of a binary stream do not depend on how it is cut: scripts of random packets, good, bad
 * and monstrous, are played whole, byte by byte, and in random pieces with rewinds in between.
 *
 * KETCH_SEED=<n> replays the script that a failure has named; KETCH_SCRIPTS=<n> plays more of them.
 */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/attr.h"
#include "packet.h"
#include "stream.h"

#define SCRIPTS     1500
#define PACKETS_MAX 25
#define VALUE_BYTES_MAX 4000

struct script {
    uint64_t random;
    struct packets packets;
};

static size_t
below(struct script *s, size_t n)
{
    return (size_t)(stream_random(&s->random) % n);
}

/* Mostly what the opcode wants, so that most packets are good. */
static size_t
extras_of(struct script *s, uint8_t opcode)
{
    static const uint8_t wanted[0x25] = {
        [0x01] = 8, [0x02] = 8, [0x03] = 8, [0x05] = 20, [0x06] = 20, [0x11] = 8, [0x12] = 8,
        [0x13] = 8, [0x15] = 20, [0x16] = 20, [0x1c] = 4, [0x1d] = 4, [0x1e] = 4, [0x23] = 4,
        [0x24] = 4,
    };
    static const uint8_t others[] = {0, 4, 8, 20, 21, 255};
    if (below(s, 60) == 0 || opcode >= ARRAY_COUNT(wanted))
        return others[below(s, ARRAY_COUNT(others))];
    return wanted[opcode];
}

static size_t
key_of(struct script *s, uint8_t opcode)
{
    static const uint8_t bare[] = {0x07, 0x08, 0x0a, 0x0b, 0x17, 0x18, 0x20};
    size_t dice = below(s, 80);
    if (dice == 0)
        return 248 + below(s, 6);
    if (dice != 1 && memchr(bare, opcode, sizeof bare) != NULL)
        return 0;
    return opcode == 0x10 || dice == 2 ? below(s, 10) : 1 + below(s, 20);
}

static size_t
value_of(struct script *s, uint8_t opcode)
{
    static const uint8_t storage[] = {0x01, 0x02, 0x03, 0x0e, 0x0f, 0x11, 0x12,
                                      0x13, 0x19, 0x1a, 0x21, 0x22, 0x50};
    static const uint16_t lengths[] = {0, 1, 2, 10, 100, 3000};
    bool wanted = memchr(storage, opcode, sizeof storage) != NULL;
    return wanted != (below(s, 60) == 0) ? lengths[below(s, ARRAY_COUNT(lengths))] : 0;
}

static void
add_packet(struct script *s)
{
    static char bytes[VALUE_BYTES_MAX];
    size_t dice = below(s, 20);
    uint8_t opcode = (uint8_t)(dice == 0 ? below(s, 256) : dice == 1 ? 0x50 : below(s, 0x25));
    for (size_t i = 0; i < sizeof bytes; i += 8) {
        uint64_t eight = stream_random(&s->random);
        memcpy(bytes + i, &eight, sizeof eight);
    }
    char *header = packets_add(&s->packets, opcode, span_of(bytes, extras_of(s, opcode)),
                               span_of(bytes + 255, key_of(s, opcode)),
                               span_of(bytes + 600, value_of(s, opcode)));
    if (below(s, 4) == 0)
        packets_set_cas(header, below(s, 3));
    if (below(s, 100) == 0)
        header[below(s, 24)] = (char)below(s, 256); /* a lie */
}

static void
write_script(struct script *s, uint64_t seed)
{
    s->random = seed;
    s->packets.bytes = 0;
    for (size_t i = 1 + below(s, PACKETS_MAX); i > 0; i--)
        add_packet(s);
    if (below(s, 10) == 0) /* breaks off anywhere */
        s->packets.bytes -= below(s, s->packets.bytes < 300 ? s->packets.bytes + 1 : 300);
}

static void
expect_same(const struct script *s, uint64_t seed, const char *whole, struct stream_cuts cuts)
{
    cuts.protocol = PROTOCOL_BINARY;
    cuts.seed = seed;
    char *log = stream_log(packets_span(&s->packets), &cuts);
    bool same = strcmp(log, whole) == 0;
    if (!same)
        fprintf(stderr, "%s\ninstead of\n%s", log, whole);
    ck_assert_msg(same, "KETCH_SEED=%llu: read by up to %zu, parsed by up to %zu, rewound 1 in %u",
                  (unsigned long long)seed, cuts.bytes_max, cuts.requests_max, cuts.rewind_in);
    free(log);
}

static void
play(struct script *s, uint64_t seed)
{
    static const struct stream_cuts whole_cuts = {.protocol = PROTOCOL_BINARY, .requests_max = 64};
    static const struct stream_cuts cuts[] = {
        {.bytes_max = 1, .requests_max = 64},
        {.bytes_max = 1, .requests_max = 1},
        {.bytes_max = 0, .requests_max = 1},
        {.bytes_max = 0, .requests_max = 3, .rewind_in = 2},
        {.bytes_max = 40, .requests_max = 4, .rewind_in = 3},
        {.bytes_max = 3000, .requests_max = 64, .rewind_in = 3},
        {.bytes_max = 16384, .requests_max = 32, .rewind_in = 2},
    };
    write_script(s, seed);
    char *whole = stream_log(packets_span(&s->packets), &whole_cuts);
    for (size_t i = 0; i < ARRAY_COUNT(cuts); i++)
        expect_same(s, seed, whole, cuts[i]);
    free(whole);
}

START_TEST(the_requests_do_not_depend_on_how_the_stream_is_cut)
{
    struct script *s = malloc(sizeof *s);
    const char *seed = getenv("KETCH_SEED");
    const char *scripts = getenv("KETCH_SCRIPTS");
    uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    uint64_t count = seed != NULL ? 1 : scripts != NULL ? strtoull(scripts, NULL, 10) : SCRIPTS;
    for (uint64_t i = 0; i < count; i++)
        play(s, first + i);
    free(s);
}
END_TEST

/* All cuts of one stream into two pieces, wherever it breaks off. */
START_TEST(two_pieces_give_what_one_gives)
{
    static struct packets p;
    packets_add(&p, 0x0d, SPAN_NONE, SPAN("a"), SPAN_NONE);
    packets_add(&p, 0x01, SPAN("flagsexp"), SPAN("key"), SPAN("value"));
    packets_add(&p, 0x50, SPAN("1234"), SPAN("key"), SPAN("value"));
    packets_add(&p, 0x21, SPAN_NONE, SPAN("PLAIN"), SPAN("\0user\0secret"));
    packets_add(&p, 0x05, SPAN("deltadelinitinitexpt"), SPAN("n"), SPAN_NONE);
    packets_add(&p, 0x10, SPAN_NONE, SPAN("items"), SPAN_NONE);
    packets_add(&p, 0x04, SPAN("1234"), SPAN("key"), SPAN("value"));
    struct stream_cuts cuts = {.protocol = PROTOCOL_BINARY, .requests_max = 1};
    for (size_t bytes = 1; bytes < p.bytes; bytes++) {
        cuts.bytes_first = 0;
        char *whole = stream_log(span_of(p.at, bytes), &cuts);
        for (cuts.bytes_first = 1; cuts.bytes_first < bytes; cuts.bytes_first++) {
            char *log = stream_log(span_of(p.at, bytes), &cuts);
            ck_assert_str_eq(log, whole);
            free(log);
        }
        free(whole);
    }
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("split");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, the_requests_do_not_depend_on_how_the_stream_is_cut);
    tcase_add_test(tc, two_pieces_give_what_one_gives);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("proto/binary_split")

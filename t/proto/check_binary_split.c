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
#include "split.h"

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
play(void *script, uint64_t seed)
{
    struct script *s = script;
    write_script(s, seed);
    split_at_random(packets_span(&s->packets), PROTOCOL_BINARY, seed);
}

START_TEST(the_requests_do_not_depend_on_how_the_stream_is_cut)
{
    struct script *s = malloc(sizeof *s);
    split_scripts(play, s, SCRIPTS);
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
    split_in_two(packets_span(&p), PROTOCOL_BINARY);
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

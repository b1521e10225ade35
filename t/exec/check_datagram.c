/* Datagrams: each is answered as a whole, in one message, or not at all. */
#include "client.h"
#include "exec/datagram.h"

#define SLOTS_MAX 40
#define MESSAGE_BYTES_MAX (SLOTS_MAX * UDP_BODY_BYTES)

static struct server *server;
static char slots[SLOTS_MAX * UDP_DATAGRAM_BYTES];
static char reply[MESSAGE_BYTES_MAX + 1];
static size_t reply_bytes;

static void
set_up(void)
{
    server = server_open();
}

static void
tear_down(void)
{
    server_close(server);
}

/* Puts the message together; its frames must be right. */
static void
assemble(const struct datagram *d, unsigned count)
{
    reply_bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *at = slots + (size_t)i * UDP_DATAGRAM_BYTES;
        const char header[UDP_HEADER_BYTES] = {0, 7, 0, (char)i, 0, (char)count, 0, 0};
        size_t bytes = udp_message_datagram_bytes(&d->message, i) - UDP_HEADER_BYTES;
        ck_assert_mem_eq(at, header, sizeof header);
        ck_assert(bytes > 0 && (i + 1 == count || bytes == UDP_BODY_BYTES));
        memcpy(reply + reply_bytes, at + UDP_HEADER_BYTES, bytes);
        reply_bytes += bytes;
    }
    reply[reply_bytes] = '\0';
}

/* Returns how many datagrams there were in return; 'reply' has what they said. */
static unsigned
say_as(enum protocol protocol, struct span what)
{
    struct udp_request request = {.id = 7, .body = what};
    struct datagram d;
    datagram_begin(&d, protocol, &request, slots, SLOTS_MAX);
    for (unsigned rounds = 0; !datagram_run(&d, server->exec_thread, &server->output,
                                            clock_now(&server->clock)); rounds++) {
        server_turn(server);
        if (rounds > ROUNDS_MAX)
            ck_abort_msg("no end of it");
    }
    ck_assert_uint_eq(server->output.bytes, 0);
    unsigned count = datagram_end(&d, server->exec_thread);
    ck_assert_uint_le(count, SLOTS_MAX);
    assemble(&d, count);
    return count;
}

static void
ask(const char *what, const char *want)
{
    unsigned count = say_as(PROTOCOL_AUTO, span_of(what, strlen(what)));
    if (strcmp(reply, want) != 0)
        ck_abort_msg("to %.200s\nwanted %.200s\nreceived %.200s", what, want, reply);
    ck_assert_uint_eq(count, (strlen(want) + UDP_BODY_BYTES - 1) / UDP_BODY_BYTES);
}

/* Stores a value of so many bytes. */
static void
store(const char *key, size_t bytes)
{
    char *line;
    int n = asprintf(&line, "set %s 0 0 %zu\r\n", key, bytes);
    ck_assert_int_gt(n, 0);
    line = realloc(line, (size_t)n + bytes + 2);
    ck_assert_ptr_nonnull(line);
    memset(line + n, 'v', bytes);
    memcpy(line + n + bytes, "\r\n", 2);
    say_as(PROTOCOL_AUTO, span_of(line, (size_t)n + bytes + 2));
    ck_assert_str_eq(reply, "STORED\r\n");
    free(line);
}

START_TEST(all_answers_make_one_message)
{
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    ask("set b 5 0 2\r\nyy\r\n", "STORED\r\n");
    ask("get a b c a\r\n",
        "VALUE a 0 1\r\nx\r\nVALUE b 5 2\r\nyy\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    ask("get a\r\nincr a 1\r\ndelete b\r\nget b\r\n",
        "VALUE a 0 1\r\nx\r\nEND\r\n"
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\nDELETED\r\nEND\r\n");
}
END_TEST

START_TEST(what_has_no_answer_gets_none)
{
    ask("set a 0 0 1 noreply\r\nx\r\n", "");
    ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    ask("quit\r\n", "");
    ask("get a\r\nquit\r\nget a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
}
END_TEST

START_TEST(incomplete_requests_are_forgotten)
{
    ask("version", "");
    ask("set a 0 0 3\r\nx", "");
    ask("y\r\n", "CLIENT_ERROR bad command line format\r\n");
    ask("get a\r\n", "END\r\n");
    ask("set a 0 0 1\r\nx\r\nset b 0 0 1\r\n", "STORED\r\n");
    ask("get b\r\n", "END\r\n");
    ask("set a 0 0 1\r\nxxx", "CLIENT_ERROR bad data chunk\r\n");
}
END_TEST

/* Of such a line, values are answered before its end is known. */
START_TEST(a_long_retrieval_that_is_cut_off_gets_nothing)
{
    char line[2200] = "get";
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    while (strlen(line) < 2100)
        strcat(line, " a");
    ask(line, "");
    strcat(line, "\r\n");
    unsigned count = say_as(PROTOCOL_AUTO, span_of(line, strlen(line)));
    ck_assert_uint_gt(count, 1);
    ck_assert_str_eq(reply + reply_bytes - 5, "END\r\n");
}
END_TEST

/* Or else two servers could be made to talk to each other for ever. */
START_TEST(nothing_that_a_server_says_is_answered)
{
    static const char *const lines[] = {
        "ERROR\r\n", "END\r\n", "STORED\r\n", "CLIENT_ERROR bad command line format\r\n",
        "SERVER_ERROR reply too large for UDP\r\n", "VALUE a 0 9\r\nversion\r\n\r\nEND\r\n",
        "VERSION 1.6.45\r\n", "OK\r\n\r\n", "DELETED\r\n", "STAT pid 1\r\nEND\r\n", "HD\r\n",
        "VA 9\r\nversion\r\n\r\n", "EN\r\n", "MN\r\n", "12345\r\n", "ITEM a [1 b; 0 s]\r\nEND\r\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        ask(lines[i], "");
    /* A binary reply, to a server that takes both and to one that takes nothing else. */
    static const char packet[24] = {(char)0x81, 0x0b};
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, span_of(packet, sizeof packet)), 0);
    ck_assert_uint_eq(say_as(PROTOCOL_BINARY, span_of(packet, sizeof packet)), 0);
}
END_TEST

START_TEST(an_unknown_command_ends_the_datagram)
{
    ask("version\r\nbogus\r\nversion\r\n", "VERSION 1.6.45\r\n");
}
END_TEST

START_TEST(a_value_in_chunks_is_put_together)
{
    char want[64];
    store("a", 50000);
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, SPAN("get a\r\n")), 36);
    int n = sprintf(want, "VALUE a 0 50000\r\n");
    ck_assert_int_eq(strncmp(reply, want, (size_t)n), 0);
    ck_assert_uint_eq(strspn(reply + n, "v"), 50000);
    ck_assert_str_eq(reply + n + 50000, "\r\nEND\r\n");
}
END_TEST

START_TEST(a_reply_that_is_too_long_is_an_error_and_the_rest_is_not_executed)
{
    static const char error[] = "SERVER_ERROR reply too large for UDP\r\n";
    size_t overhead = strlen("VALUE k 0 11111\r\n\r\nEND\r\n");
    store("k", MESSAGE_BYTES_MAX - overhead);
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, SPAN("get k\r\n")), SLOTS_MAX);
    ck_assert_uint_eq(reply_bytes, MESSAGE_BYTES_MAX);
    store("k", MESSAGE_BYTES_MAX - overhead + 1);
    ask("get k\r\n", error);
    store("k", 200000);
    ask("version\r\nget k\r\n", error);
    ask("get k k k\r\ndelete k\r\n", error);
    ask("touch k 0\r\n", "TOUCHED\r\n");
}
END_TEST

START_TEST(the_protocol_is_told_by_each_datagram)
{
    static const char version[24] = {(char)0x80, 0x0b};
    static const char noop[24] = {(char)0x80, 0x0a, [15] = 9};
    static const char noop_reply[24] = {(char)0x81, 0x0a, [15] = 9};
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, span_of(noop, sizeof noop)), 1);
    ck_assert_mem_eq(reply, noop_reply, sizeof noop_reply);
    ask("mn\r\n", "MN\r\n");
    ck_assert_uint_eq(say_as(PROTOCOL_BINARY, span_of(noop, sizeof noop)), 1);
    ck_assert_uint_eq(say_as(PROTOCOL_BINARY, SPAN("version\r\n")), 0);
    ck_assert_uint_eq(say_as(PROTOCOL_TEXT, span_of(version, sizeof version)), 0);
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, span_of(noop, 23)), 0);
}
END_TEST

START_TEST(a_binary_reply_that_is_too_long_is_a_binary_error)
{
    static const char get[25] = {(char)0x80, 0, 0, 1, [11] = 1, [12] = 1, 2, 3, 4, [24] = 'k'};
    static const char want[24] = {(char)0x81, 0, [7] = 3, [11] = 10, [12] = 1, 2, 3, 4};
    store("k", 200000);
    ck_assert_uint_eq(say_as(PROTOCOL_AUTO, span_of(get, sizeof get)), 1);
    ck_assert_uint_eq(reply_bytes, 34);
    ck_assert_mem_eq(reply, want, sizeof want);
    ck_assert_str_eq(reply + 24, "Too large.");
}
END_TEST

START_TEST(keys_are_not_dumped)
{
    ask("lru_crawler metadump all\r\n", "ERROR metadump not allowed\r\n");
    ask("lru_crawler mgdump all\r\n", "ERROR key dump not allowed\r\n");
    ask("stats cachedump 1 0\r\n", "CLIENT_ERROR stats cachedump not allowed\r\n");
}
END_TEST

/* There is no memory to be had: a connection waits for others to let go, a datagram not for long. */
START_TEST(a_store_that_would_have_to_wait_is_refused_in_the_end)
{
    server_close(server);
    server = server_with(8u << 20, true, default_config());
    struct client hoarders[40];
    for (size_t i = 0; i < ARRAY_COUNT(hoarders); i++) {
        hoarders[i] = client_open(server);
        hoarders[i].budget = 1;
        char line[40];
        /* Large ones first, then what is left between them. */
        sprintf(line, "set h%zu 0 0 %d\r\n", i, i < 8 ? 1000000 : 100000);
        client_say_span(&hoarders[i], span_of(line, strlen(line)));
        for (int n = 0; n < (i < 8 ? 990 : 99) && hoarders[i].session.upload.item != NULL; n++) {
            static char kilobyte[1000];
            hoarders[i].input = realloc(hoarders[i].input, sizeof kilobyte);
            memcpy(hoarders[i].input, kilobyte, sizeof kilobyte);
            hoarders[i].input_bytes = sizeof kilobyte;
            engine_set_patience(server->engine_thread, ENGINE_IMPATIENT);
            while (client_step(&hoarders[i]) == EXEC_AGAIN)
                ;
        }
    }
    char request[5100] = "set k 0 0 5000\r\n";
    memset(request + strlen(request), 'v', 5000);
    strcat(request, "\r\n");
    say_as(PROTOCOL_AUTO, span_of(request, strlen(request)));
    bool refused = strcmp(reply, "SERVER_ERROR out of memory storing object\r\n") == 0;
    ck_assert_msg(refused || strcmp(reply, "STORED\r\n") == 0, "%s", reply);
    for (size_t i = 0; i < ARRAY_COUNT(hoarders); i++)
        client_close(&hoarders[i]);
    ck_assert_msg(refused, "it was stored: there was memory after all");
    server_turn(server);
    say_as(PROTOCOL_AUTO, span_of(request, strlen(request)));
    ck_assert_str_eq(reply, "STORED\r\n");
}
END_TEST

/* Who gives up leaves nothing behind; the server's end checks that. */
START_TEST(a_datagram_may_be_given_up)
{
    struct udp_request request = {.id = 7, .body = SPAN("set a 0 0 500000\r\nxxx")};
    struct datagram d;
    datagram_begin(&d, PROTOCOL_AUTO, &request, slots, SLOTS_MAX);
    assemble(&d, datagram_end(&d, server->exec_thread));
    ck_assert_str_eq(reply, "SERVER_ERROR out of memory\r\n");
    datagram_begin(&d, PROTOCOL_AUTO, &request, slots, SLOTS_MAX);
    ck_assert(datagram_run(&d, server->exec_thread, &server->output, clock_now(&server->clock)));
    ck_assert_uint_eq(datagram_end(&d, server->exec_thread), 0);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("datagram");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, all_answers_make_one_message);
    tcase_add_test(tc, what_has_no_answer_gets_none);
    tcase_add_test(tc, incomplete_requests_are_forgotten);
    tcase_add_test(tc, a_long_retrieval_that_is_cut_off_gets_nothing);
    tcase_add_test(tc, nothing_that_a_server_says_is_answered);
    tcase_add_test(tc, an_unknown_command_ends_the_datagram);
    tcase_add_test(tc, a_value_in_chunks_is_put_together);
    tcase_add_test(tc, a_reply_that_is_too_long_is_an_error_and_the_rest_is_not_executed);
    tcase_add_test(tc, the_protocol_is_told_by_each_datagram);
    tcase_add_test(tc, a_binary_reply_that_is_too_long_is_a_binary_error);
    tcase_add_test(tc, keys_are_not_dumped);
    tcase_add_test(tc, a_store_that_would_have_to_wait_is_refused_in_the_end);
    tcase_add_test(tc, a_datagram_may_be_given_up);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("exec/datagram")

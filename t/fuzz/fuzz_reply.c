/* Any bytes are what a server says to the client: they are read alike however they come, and whatever
 * they are, each request ends once, in time.
 *
 * The first byte chooses the protocol.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../client/fake.h"
#include "client/reply.h"
#include "fuzz.h"

#define KEYS            6
#define VALUE_BYTES_MAX 4096

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #x);                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- the parser ---- */

/* How many replies there are, and where the last one ends.  Each look is at a copy of just the bytes that
 * have come. */
static size_t
read_in_pieces(const uint8_t *data, size_t bytes, size_t piece, size_t *end_of_last, int *last)
{
    struct reply_parser parser = {0};
    size_t begin = 0, count = 0;
    *last = REPLY_MORE;
    for (size_t end = 0; end < bytes && *last != REPLY_BAD && *last != REPLY_LARGE;) {
        end = end + piece < bytes ? end + piece : bytes;
        for (*last = REPLY_WHOLE; *last == REPLY_WHOLE && begin < end;) {
            struct reply r;
            struct reply_meta m;
            char *copy = malloc(end - begin);
            MUST(copy != NULL);
            memcpy(copy, data + begin, end - begin);
            *last = (int)reply_parse(&parser, copy, end - begin, VALUE_BYTES_MAX, &r);
            if (*last == REPLY_WHOLE) {
                MUST(r.bytes > 0 && r.bytes <= end - begin && r.value.bytes <= VALUE_BYTES_MAX);
                (void)!reply_meta_read(r.rest, &m);
                begin += r.bytes;
                count++;
            }
            free(copy);
        }
    }
    *end_of_last = begin;
    return count;
}

static void
compare_pieces(const uint8_t *data, size_t bytes)
{
    size_t end, whole_end;
    int last, whole_last;
    size_t whole = read_in_pieces(data, bytes, bytes > 0 ? bytes : 1, &whole_end, &whole_last);
    for (size_t piece = 1; piece <= 64; piece *= 8) {
        size_t count = read_in_pieces(data, bytes, piece, &end, &last);
        MUST(count == whole && end == whole_end);
        MUST((last == REPLY_BAD) == (whole_last == REPLY_BAD));
    }
}

/* ---- the client ---- */

struct request {
    unsigned times;
};

static struct request requests[KEYS], many[KEYS];
static unsigned many_done;

static void
one(void *arg, const struct ketch_result *r)
{
    struct request *request = arg;
    (void)r;
    MUST(++request->times == 1);
}

static void
each(void *arg, const struct ketch_result *r)
{
    (void)arg;
    MUST(r->index < KEYS && ++many[r->index].times == 1);
}

static void
done(void *arg, const struct ketch_result *r)
{
    (void)arg, (void)r;
    MUST(++many_done == 1);
}

static void
ask(struct ketch_client *client)
{
    static const char *const names[KEYS] = {"k0", "k1", "k2", "k3", "k4", "k5"};
    struct ketch_bytes keys[KEYS];
    many_done = 0;
    for (int i = 0; i < KEYS; i++) {
        requests[i] = many[i] = (struct request){0};
        keys[i] = ketch_string(names[i]);
    }
    MUST(ketch_get(client, keys[0], NULL, one, &requests[0]) == KETCH_OK);
    MUST(ketch_set(client, keys[1], ketch_string("x"), NULL, one, &requests[1]) == KETCH_OK);
    MUST(ketch_mget(client, keys, KEYS, NULL, each, done, NULL) == KETCH_OK);
    MUST(ketch_incr(client, keys[2], 1, NULL, one, &requests[2]) == KETCH_OK);
    MUST(ketch_delete(client, keys[3], NULL, one, &requests[3]) == KETCH_OK);
    MUST(ketch_fetch(client, keys[4], NULL, one, &requests[4]) == KETCH_OK);
    MUST(ketch_get(client, keys[5], &(struct ketch_options){.want = KETCH_WANT_CAS}, one,
                   &requests[5]) == KETCH_OK);
}

static void
converse(const uint8_t *data, size_t bytes, enum ketch_protocol protocol, size_t piece)
{
    static struct fake f;
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, 1);
    conf.protocol = protocol;
    conf.value_bytes_max = VALUE_BYTES_MAX;
    fake_start(&f, &conf);
    ask(f.client);
    for (size_t at = 0; at < bytes; at += piece) {
        fake_heard(&f, 0);
        if (!fake_say_bytes(&f, 0, data + at, piece < bytes - at ? piece : bytes - at))
            break;
    }
    fake_advance(&f, 3000);
    fake_fini(&f);
    for (int i = 0; i < KEYS; i++)
        MUST(requests[i].times == 1 && many[i].times == 1);
    MUST(many_done == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    enum ketch_protocol protocol = (enum ketch_protocol)(data[0] % 3);
    compare_pieces(data + 1, bytes - 1);
    converse(data + 1, bytes - 1, protocol, 7);
    converse(data + 1, bytes - 1, protocol, bytes);
    return 0;
}

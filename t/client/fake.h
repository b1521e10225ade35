/* fake.h - servers that say what the test has them say, in memory, and a clock that the test moves.
 *
 * Server i of the pool has port 1000 + i.  What the client sends it is collected for fake_heard(); what
 * fake_say() says is fed to the client.  A server accepts at once, later, or never.
 */
#ifndef KETCH_T_CLIENT_FAKE_H
#define KETCH_T_CLIENT_FAKE_H

#include <stdbool.h>
#include <stdio.h>
#include <ketch/client.h>
#include <ketch/transport.h>

#define FAKE_SERVERS_MAX 20
#define FAKE_PORT 1000
#define FAKE_HEARD_MAX (256 * 1024)

enum fake_manner {
    FAKE_ACCEPTS,
    FAKE_IS_SLOW,  /* accepts when fake_accept() says so */
    FAKE_REFUSES,
};

struct fake_server {
    enum fake_manner manner;
    struct ketch_conn *conn; /* NULL: not connected */
    unsigned connects;       /* tried so far */
    char heard[FAKE_HEARD_MAX];
    size_t heard_bytes;
};

struct fake {
    struct ketch_client *client;
    int64_t now_us, timer_us;
    bool byte_by_byte; /* fake_say() hands over single bytes */
    unsigned closes;
    struct fake_server servers[FAKE_SERVERS_MAX];
    struct ketch_server addresses[FAKE_SERVERS_MAX];
};

/* What became of a request. */
struct outcome {
    unsigned times; /* it was completed */
    enum ketch_status status;
    int error;
    uint32_t server, flags, marks;
    uint64_t cas, number;
    int64_t ttl_s;
    char value[256], message[128], meta[128], code[3], key[64];
};

void outcome_keep(void *arg, const struct ketch_result *result); /* a ketch_done; arg: the outcome */

/* A configuration with so many servers, and a client of it.  The servers speak meta unless conf says
 * otherwise: nothing is asked. */
void fake_init(struct fake *f);
void fake_conf(struct fake *f, struct ketch_client_conf *conf, size_t servers);
void fake_start(struct fake *f, const struct ketch_client_conf *conf);
void fake_fini(struct fake *f);
/* For tests that make their client themselves. */
const struct ketch_transport *fake_transport(void);

/* What server i heard since the last time, terminated. */
const char *fake_heard(struct fake *f, size_t i);
/* False: the connection was closed before all was said. */
bool fake_say(struct fake *f, size_t i, const char *text);
bool fake_say_bytes(struct fake *f, size_t i, const void *p, size_t bytes);
void fake_accept(struct fake *f, size_t i);
void fake_hang_up(struct fake *f, size_t i, enum ketch_status status, int error);
bool fake_is_connected(const struct fake *f, size_t i);

/* Moves the clock, ringing the timer when it is due. */
void fake_advance(struct fake *f, int64_t ms);

#endif

/* script.h - a server that answers as the test tells it to, well or badly, in the test's own
 * thread.
 *
 * The test gives it turns between those of the client, so nothing is left to the scheduler: what
 * was said goes out in pieces of 'drip' bytes, one a turn, and not before its time.
 *
 *     the client                          the script
 *     ketch_poll_once() -- "mg k v\r\n" --> script_turn() --> answer(conn, request)
 *                       <-- "EN\r\n" ------ script_turn() <-- script_say(conn, "EN\r\n", 4, 0)
 *
 * Threads:   one.
 * Ownership: script_fini() closes and frees everything.
 * Failure:   whatever the system refuses ends the test.
 */
#ifndef KETCH_T_CLIENT_SCRIPT_H
#define KETCH_T_CLIENT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script;
struct script_conn;

#define SCRIPT_WORDS_MAX 64

/* A line from the client, cut at its spaces, and the value that follows it. */
struct script_request {
    char *word[SCRIPT_WORDS_MAX]; /* word[0] is the command */
    size_t words;
    const char *value; /* NULL: none */
    size_t value_bytes;
};

typedef void (*script_answer)(void *arg, struct script_conn *conn, const struct script_request *r);

struct script {
    int fd;
    uint16_t port;
    size_t drip; /* bytes that a connection sends in a turn; 0: all */
    script_answer answer;
    void *arg;
    struct script_conn *conns;
    size_t accepted; /* connections, since the beginning */
};

void script_init(struct script *s, script_answer answer, void *arg);
void script_fini(struct script *s);

/* Accepts, reads, answers and sends what can be; true if anything happened. */
bool script_turn(struct script *s);

/* Says this once delay_ms have passed, and after what was said before. */
void script_say(struct script_conn *conn, const void *p, size_t bytes, int delay_ms);

/* Closes the connection when all has been said; nothing is said after this. */
void script_hang_up(struct script_conn *conn);

/* Whether everything has been said. */
bool script_is_quiet(const struct script_conn *conn);

/* Closes what there is, at once. */
void script_close_all(struct script *s);

/* The number behind 'letter' in a request's flags (as O12); fallback if there is none. */
uint64_t script_flag(const struct script_request *r, char letter, uint64_t fallback);

/* Microseconds of a clock that does not go back. */
int64_t script_now_us(void);

#endif

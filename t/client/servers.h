/* servers.h - real cache servers for a test: started on free ports, killed, and started again.
 *
 * Threads:   one.
 * Ownership: servers end with servers_stop(), or with the test if it dies before.
 * Failure:   what cannot be started ends the test.
 */
#ifndef KETCH_T_CLIENT_SERVERS_H
#define KETCH_T_CLIENT_SERVERS_H

#include <ketch/ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SERVERS_MAX = 4 };

struct servers {
    const char *program;
    size_t count;
    pid_t pids[SERVERS_MAX]; /* 0: does not run */
    struct ketch_server addresses[SERVERS_MAX];
    int reservations[SERVERS_MAX]; /* sockets that keep the ports ours, also while nobody listens */
};

/* A path, or a name to be looked for in PATH. */
bool servers_exist(const char *program);

void servers_start(struct servers *s, const char *program, size_t count);
void servers_stop(struct servers *s);

/* kill -9; the port stays its own. */
void servers_kill(struct servers *s, size_t which);
/* On the same port; returns when it listens. */
void servers_start_one(struct servers *s, size_t which);
/* SIGSTOP, SIGCONT. */
void servers_signal(const struct servers *s, size_t which, int signal);

#endif

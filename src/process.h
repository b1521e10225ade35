/* process.h - the process as the operating system sees it: limits, user, daemon, pid file.
 *
 * The order matters, and main() keeps it:
 *
 *      process_init          before any descriptor is opened
 *      process_set_limits    while we are still root
 *        ... sockets on TCP and UDP ports, which may need root ...
 *      process_switch_user
 *        ... the listening UNIX socket, which belongs to the user ...
 *      process_daemonise     forks: no thread and no memory of the cache before it
 *      process_write_pid     the child's
 *      process_lock_memory   a fork would lose the lock
 *        ... threads, cache ...
 *      process_ready         the parent of a daemon has waited for this, and exits
 *      process_end
 *
 * Threads: the main thread, and until process_ready() it is the only one but for process_ready()
 *          itself.
 * Failure: functions that return int return 0, or an exit code of sysexits.h after they have logged
 *          why.
 */
#ifndef KETCH_PROCESS_H
#define KETCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"

struct config;
struct process_config;

struct process {
    int ready_fd;         /* where a parent waits for process_ready(); -1: none does */
    bool quiet;           /* nobody reads our standard streams once we are ready */
    bool leave_directory; /* go to / then; not with -r: core files go where we were started */
    char *pid_path;       /* absolute; to be removed at the end; NULL: none */
};

/* Puts /dev/null in the place of standard streams that are closed, so that no socket becomes one,
 * and ignores SIGPIPE.  The signals that end a process which does not expect them (SIGINT, SIGTERM, SIGHUP,
 * SIGUSR1) wait for process_take_signals(): whoever finds our sockets or our pid file may send them, and
 * nothing must be left behind then. */
int process_init(struct process *p) MUST_USE;

/* The calling thread has handlers for these signals. */
void process_take_signals(void);

/* Root must name a user with -u (EX_USAGE); -L needs transparent huge pages and a machine that has
 * the memory of -m (EXIT_FAILURE). */
int process_check(const struct config *c) MUST_USE;

/* Core files (-r) and open files.  When the system does not allow enough of these for -c, warns and
 * lowers net.conns_max; EX_OSERR when not even one connection would be left. */
int process_set_limits(struct config *c) MUST_USE;

/* Open files that are set aside for what is no connection: of the limits above, and in 'stats'. */
uint32_t process_reserved_fds(const struct config *c);

/* Becomes the user of -u if we are root: EX_NOUSER, EX_OSERR. */
int process_switch_user(const struct process_config *c) MUST_USE;

/* With -d, goes on in a child; the parent waits until the child is ready and exits with 0, or with
 * the child's exit code if that ends before. */
int process_daemonise(struct process *p, const struct process_config *c) MUST_USE;

/* Writes the pid file of -P.  Failure is worth a warning only. */
void process_write_pid(struct process *p, const struct process_config *c);

/* -k: everything we have and will have stays in memory once it is touched.  Failure is worth a
 * warning only. */
void process_lock_memory(const struct process_config *c);

/* The server serves: a daemon cuts its last ties. */
void process_ready(struct process *p);

/* Removes a daemon's pid file.  May be called at any time after process_init(). */
void process_end(struct process *p);

#endif

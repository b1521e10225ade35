/* server.h - the running server: cache, workers, and what the main thread does meanwhile.
 *
 * Threads: the main thread, before there are others; server_run() starts them and has ended them
 *          when it returns.
 * Failure: logged here with the reason, and told by the exit code.
 */
#ifndef KETCH_SERVER_H
#define KETCH_SERVER_H

struct auth;
struct config;
struct listener;
struct process;

/* Serves until it is told to stop; 'auth' says who is let in, NULL: everybody.  Calls process_ready() as
 * soon as clients are answered.  The listeners stay open.  Returns the exit code: 0, or EX_OSERR when
 * memory or threads are short. */
int server_run(const struct config *c, const struct listener *listeners, unsigned count,
               struct auth *auth, struct process *process);

#endif

/* server.h - the running server: cache, workers, and what the main thread does meanwhile. */
#ifndef KETCH_SERVER_H
#define KETCH_SERVER_H

struct config;
struct listener;
struct process;

/* Serves until it is told to stop.  Calls process_ready() as soon as clients are answered.  The
 * listeners stay open.  Returns the exit code. */
int server_run(const struct config *c, const struct listener *listeners, unsigned count,
               struct process *process);

#endif

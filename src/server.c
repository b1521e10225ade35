#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include "process.h"

/* Only waits for a signal to end. */
int
server_run(const struct config *c, const struct listener *listeners, unsigned count,
           struct process *process)
{
    (void)c;
    (void)listeners;
    (void)count;
    sigset_t set;
    int caught;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    process_ready(process);
    sigwait(&set, &caught);
    return EXIT_SUCCESS;
}

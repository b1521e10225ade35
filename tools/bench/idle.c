#include "idle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "load/buffer.h"

/* One request and its reply; the line is short enough to come in one piece. */
static bool
greet(int fd)
{
    static const char request[] = "version\r\n";
    char reply[128];
    ssize_t want = sizeof(request) - 1;
    if (send(fd, request, (size_t)want, MSG_NOSIGNAL) != want)
        return false;
    ssize_t n = recv(fd, reply, sizeof(reply), 0);
    if (n == 0)
        errno = ECONNRESET;
    return n > 0;
}

bool
idle_open(struct idle *idle, const struct address *to, uint64_t count, double timeout_s)
{
    *idle = (struct idle){buffer_alloc(count, sizeof(*idle->fds)), 0};
    while (idle->count < count) {
        int fd = address_connect(to, idle->count, timeout_s);
        if (fd >= 0)
            idle->fds[idle->count++] = fd;
        if (fd < 0 || !greet(fd)) {
            fprintf(stderr, "ketch-bench: idle connection %llu: %s\n",
                    (unsigned long long)idle->count, strerror(errno));
            return false;
        }
    }
    return true;
}

void
idle_close(struct idle *idle)
{
    for (uint64_t i = 0; i < idle->count; i++)
        close(idle->fds[i]);
    free(idle->fds);
    *idle = (struct idle){0};
}

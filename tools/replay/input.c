#include "replay/input.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES ((size_t)1 << 20)

static bool
fail(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, what);
    return false;
}

static bool
read_all(struct buffer *to, int fd, const char *path, uint64_t most_bytes)
{
    for (;;) {
        ssize_t n = read(fd, buffer_reserve(to, READ_BYTES), READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(path, strerror(errno));
        if (n == 0)
            return true;
        to->bytes += (size_t)n;
        if (to->bytes > most_bytes)
            return fail(path, "is too large");
    }
}

/* Starts xz reading from 'from'; *out is the end of a pipe to read from. */
static int
spawn_xz(int from, int *out, pid_t *child)
{
    char *const command[] = {"xz", "-dc", NULL};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int error = posix_spawnp(child, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0)
        close(ends[0]);
    else
        *out = ends[0];
    return error;
}

static bool
unpack(struct buffer *to, int fd, const char *path, uint64_t most_bytes)
{
    int out = -1;
    int status;
    pid_t child;
    int error = spawn_xz(fd, &out, &child);
    if (error != 0) {
        fprintf(stderr, "%s: cannot run xz: %s\n", program_invocation_short_name, strerror(error));
        return false;
    }
    bool ok = read_all(to, out, path, most_bytes);
    close(out); /* xz ends at its next write, if it has not */
    if (waitpid(child, &status, 0) < 0)
        return fail(path, strerror(errno));
    return ok && (status == 0 || fail(path, "xz could not unpack it"));
}

bool
input_read(struct buffer *to, const char *path, bool packed, uint64_t most_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(path, strerror(errno));
    bool ok = packed ? unpack(to, fd, path, most_bytes) : read_all(to, fd, path, most_bytes);
    close(fd);
    return ok;
}

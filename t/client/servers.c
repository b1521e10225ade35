#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "servers.h"

/* That only a server which does not come up reaches, even under a sanitizer. */
#define START_TRIES 20000
#define PAUSE_US    1000

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "servers: %s: %s\n", what, strerror(errno));
    exit(1);
}

bool
servers_exist(const char *program)
{
    char path[4096], *rest, *dir;
    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0;
    snprintf(path, sizeof path, "%s:/usr/local/bin:/usr/bin", getenv("PATH") ? getenv("PATH") : "");
    for (rest = path; (dir = strsep(&rest, ":")) != NULL;) {
        char file[4200];
        snprintf(file, sizeof file, "%s/%s", dir, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

static int
local_socket(uint16_t port, struct sockaddr_in *in)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    *in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    return fd;
}

/* A port for as long as *reservation stays open: bound but not listening, it is given to nobody who
 * asks the system for any port, and a server may listen there because both have SO_REUSEADDR. */
static uint16_t
reserve_port(int *reservation)
{
    struct sockaddr_in in;
    socklen_t bytes = sizeof in;
    int fd = local_socket(0, &in), yes = 1;
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0, "setsockopt");
    must(bind(fd, (struct sockaddr *)&in, sizeof in) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&in, &bytes) == 0, "getsockname");
    *reservation = fd;
    return ntohs(in.sin_port);
}

static bool
listens(uint16_t port)
{
    struct sockaddr_in in;
    int fd = local_socket(port, &in);
    bool is = connect(fd, (struct sockaddr *)&in, sizeof in) == 0;
    close(fd);
    return is;
}

void
servers_start_one(struct servers *s, size_t which)
{
    char port[8];
    snprintf(port, sizeof port, "%u", s->addresses[which].port);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDOUT_FILENO); /* errors stay to be seen */
        execlp(s->program, s->program, "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "64", "-t",
               "2", geteuid() == 0 ? "-u" : NULL, "root", NULL);
        perror(s->program);
        _exit(1);
    }
    s->pids[which] = pid;
    for (int i = 0; !listens(s->addresses[which].port); i++) {
        must(i < START_TRIES && waitpid(pid, NULL, WNOHANG) == 0, "the server does not come up");
        usleep(PAUSE_US);
    }
}

void
servers_start(struct servers *s, const char *program, size_t count)
{
    *s = (struct servers){.program = program, .count = count};
    for (size_t i = 0; i < count; i++) {
        s->addresses[i] =
            (struct ketch_server){.host = "127.0.0.1", .port = reserve_port(&s->reservations[i])};
        servers_start_one(s, i);
    }
}

void
servers_kill(struct servers *s, size_t which)
{
    if (s->pids[which] == 0)
        return;
    kill(s->pids[which], SIGKILL);
    waitpid(s->pids[which], NULL, 0);
    s->pids[which] = 0;
}

void
servers_signal(const struct servers *s, size_t which, int signal)
{
    must(kill(s->pids[which], signal) == 0, "kill");
}

void
servers_stop(struct servers *s)
{
    for (size_t i = 0; i < s->count; i++) {
        servers_kill(s, i);
        close(s->reservations[i]);
    }
}

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/check.h"
#include "base/log.h"
#include "options.h"

/* Descriptors besides connections: standard streams, logs, event loops, a reserve for accept. */
#define DESCRIPTORS_BASE       32
#define DESCRIPTORS_PER_WORKER 4
/* IPv4 and IPv6, for each endpoint. */
#define DESCRIPTORS_PER_ENDPOINT 2

#define HUGE_PAGES_FILE "/sys/kernel/mm/transparent_hugepage/enabled"

static bool
is_root(void)
{
    return getuid() == 0 || geteuid() == 0;
}

/* How the signals that the server has handlers for are to be treated: SIG_BLOCK or SIG_UNBLOCK. */
static void
mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(how, &set, NULL);
}

int
process_init(struct process *p)
{
    *p = (struct process){.ready_fd = -1};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) != fd)
            return EX_OSERR; /* and no place to say so */
    }
    signal(SIGPIPE, SIG_IGN);
    mask_signals(SIG_BLOCK);
    return 0;
}

void
process_take_signals(void)
{
    mask_signals(SIG_UNBLOCK);
}

/* ---- checks ---- */

static bool
huge_pages_available(void)
{
    char modes[128];
    FILE *f = fopen(HUGE_PAGES_FILE, "re");
    if (f == NULL)
        return false;
    bool available = fgets(modes, sizeof modes, f) != NULL && strstr(modes, "[never]") == NULL;
    fclose(f);
    return available;
}

/* -L touches every page at the start.  More than the machine has would not fail: the kernel would
 * begin to kill processes, and not necessarily us. */
static bool
fits_machine(uint64_t bytes)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages <= 0 || page_bytes <= 0 || bytes / (uint64_t)page_bytes < (uint64_t)pages;
}

int
process_check(const struct config *c)
{
    if (is_root() && c->process.user == NULL) {
        log_line(LOG_ERROR, "must add '-u root' to start as root");
        return EX_USAGE;
    }
    if (c->process.huge_pages && !huge_pages_available()) {
        log_line(LOG_ERROR, "-L: transparent huge pages are not available: write \"madvise\" to %s",
                 HUGE_PAGES_FILE);
        return EXIT_FAILURE;
    }
    if (c->engine.preallocate && !fits_machine(c->engine.limit_bytes)) {
        log_line(LOG_ERROR, "-L: the machine has less memory than -m asks for, %llu bytes",
                 (unsigned long long)c->engine.limit_bytes);
        return EXIT_FAILURE;
    }
    return 0;
}

/* ---- limits ---- */

/* As many core bytes as the system lets us have. */
static int
raise_core_limit(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &limit) == 0)
        return 0;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        if (limit.rlim_max != 0 && setrlimit(RLIMIT_CORE, &limit) == 0)
            return 0;
    }
    log_line(LOG_ERROR, "-r: core files are forbidden: raise the hard limit (ulimit -Hc)");
    return EX_OSERR;
}

/* Serves as many connections as 'limit' open files leave room for. */
static int
lower_conns(struct config *c, rlim_t limit, rlim_t besides)
{
    if (limit <= besides) {
        log_line(LOG_ERROR,
                 "%ju open files leave no room for connections: we need %ju ourselves; "
                 "raise the hard limit (ulimit -Hn)",
                 (uintmax_t)limit, (uintmax_t)besides);
        return EX_OSERR;
    }
    log_line(LOG_WARN,
             "-c %u is lowered to %ju, because the hard limit of open files is %ju "
             "(ulimit -Hn)",
             c->net.conns_max, (uintmax_t)(limit - besides), (uintmax_t)limit);
    c->net.conns_max = (uint32_t)(limit - besides);
    return 0;
}

uint32_t
process_reserved_fds(const struct config *c)
{
    unsigned udp_workers = c->compat.udp_port != 0 ? c->net.workers : 0;
    return DESCRIPTORS_BASE + DESCRIPTORS_PER_WORKER * c->net.workers +
           DESCRIPTORS_PER_ENDPOINT * c->net.endpoint_count * (1 + udp_workers);
}

static int
raise_file_limit(struct config *c)
{
    rlim_t besides = process_reserved_fds(c);
    rlim_t wanted = c->net.conns_max + besides;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_line(LOG_ERROR, "cannot read the limit of open files: %s", strerror(errno));
        return EX_OSERR;
    }
    if (limit.rlim_cur >= wanted)
        return 0;
    struct rlimit more = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_line(LOG_ERROR, "cannot raise the limit of open files to %ju: %s",
                 (uintmax_t)limit.rlim_max, strerror(errno));
        return EX_OSERR;
    }
    return lower_conns(c, limit.rlim_max, besides);
}

int
process_set_limits(struct config *c)
{
    if (c->process.coredumps && raise_core_limit() != 0)
        return EX_OSERR;
    if (c->process.lock_memory) {
        /* Only root may; who is not finds out in process_lock_memory(). */
        struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
        (void)setrlimit(RLIMIT_MEMLOCK, &all);
    }
    return raise_file_limit(c);
}

/* ---- the user ---- */

int
process_switch_user(const struct process_config *c)
{
    if (!is_root() || c->user == NULL)
        return 0;
    if (getuid() == 0 && geteuid() == 0 && strcmp(c->user, "root") == 0)
        return 0; /* whatever the system's tables of users say, or if they cannot be read */
    errno = 0;
    const struct passwd *pw = getpwnam(c->user);
    if (pw == NULL) {
        log_line(LOG_ERROR, "can't find the user %s to switch to", c->user);
        return EX_NOUSER;
    }
    /* Root in a container may not change groups, and has no need to when it stays root. */
    if (pw->pw_uid == 0 && getuid() == 0 && geteuid() == 0)
        return 0;
    if (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
        log_line(LOG_ERROR, "failed to assume identity of user %s: %s", c->user, strerror(errno));
        return EX_OSERR;
    }
    CHECK(pw->pw_uid == 0 || setuid(0) != 0);
    /* A process that changed its user leaves no core file unless it asks for one. */
    if (c->coredumps)
        (void)prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

/* ---- the daemon ---- */

/* The parent of a daemon: its exit code is what whoever started us sees. */
static void NORETURN
await_child(pid_t child, int ready_fd)
{
    char byte;
    ssize_t n;
    int status;
    do
        n = read(ready_fd, &byte, 1);
    while (n == -1 && errno == EINTR);
    if (n == 1)
        _exit(EXIT_SUCCESS);
    while (waitpid(child, &status, 0) == -1) {
        if (errno != EINTR)
            _exit(EX_OSERR);
    }
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status)); /* the child has said why */
    log_line(LOG_ERROR, "-d: signal %d ended the server before it was ready", WTERMSIG(status));
    _exit(EX_OSERR);
}

int
process_daemonise(struct process *p, const struct process_config *c)
{
    int ends[2];
    if (!c->daemon)
        return 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        log_line(LOG_ERROR, "-d: cannot make a pipe: %s", strerror(errno));
        return EX_OSERR;
    }
    pid_t child = fork();
    if (child == -1) {
        log_line(LOG_ERROR, "-d: cannot fork: %s", strerror(errno));
        return EX_OSERR;
    }
    if (child > 0) {
        close(ends[1]);
        await_child(child, ends[0]);
    }
    close(ends[0]);
    p->ready_fd = ends[1];
    p->quiet = c->verbosity == 0;
    p->leave_directory = !c->coredumps;
    if (setsid() == -1) {
        log_line(LOG_ERROR, "-d: cannot leave the session: %s", strerror(errno));
        return EX_OSERR;
    }
    return 0;
}

void
process_ready(struct process *p)
{
    /* Not before: file names on the command line are relative to where we were started. */
    if (p->leave_directory && chdir("/") != 0)
        log_line(LOG_WARN, "-d: cannot change to /: %s", strerror(errno));
    if (p->quiet) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
            for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                (void)dup2(null, fd);
            close(null);
        }
    }
    if (p->ready_fd >= 0) {
        (void)!write(p->ready_fd, "r", 1);
        close(p->ready_fd);
        p->ready_fd = -1;
    }
}

/* ---- the pid file ---- */

static void
warn_of_running(const char *path)
{
    long pid = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fscanf(f, "%ld", &pid) == 1 && pid > 0 && pid != getpid() && kill((pid_t)pid, 0) == 0)
        log_line(LOG_WARN, "the pid file %s was that of process %ld, which is running", path, pid);
    fclose(f);
}

/* Writes the pid to a new file of a name that nobody can foresee, and renames that: a reader sees
 * the old file or the new one, and a link planted at the place is not followed. */
static bool
replace_pid_file(const char *path)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return false;
    bool done = false;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd >= 0) {
        done = dprintf(fd, "%ld\n", (long)getpid()) > 0 && fchmod(fd, 0644) == 0;
        done = close(fd) == 0 && done;
        done = done && rename(temporary, path) == 0;
        int error = errno;
        if (!done)
            unlink(temporary);
        errno = error;
    }
    free(temporary);
    return done;
}

void
process_write_pid(struct process *p, const struct process_config *c)
{
    if (c->pid_file == NULL)
        return;
    warn_of_running(c->pid_file);
    if (!replace_pid_file(c->pid_file)) {
        log_line(LOG_WARN, "cannot write the pid file %s: %s", c->pid_file, strerror(errno));
        return;
    }
    if (c->daemon)
        p->pid_path = realpath(c->pid_file, NULL);
}

void
process_end(struct process *p)
{
    if (p->pid_path != NULL && unlink(p->pid_path) != 0)
        log_line(LOG_WARN, "cannot remove the pid file %s: %s", p->pid_path, strerror(errno));
    free(p->pid_path);
    p->pid_path = NULL;
}

/* ---- memory ---- */

void
process_lock_memory(const struct process_config *c)
{
    if (c->lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        log_line(LOG_WARN,
                 "-k has no effect: memory cannot be locked: %s; raise its limit "
                 "(ulimit -Hl)",
                 strerror(errno));
}

#include "auth/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mutex.h"

/* A file that is being written is read so often before we give up. */
#define READS_MAX 3

struct passwd {
    char *path; /* absolute */
    struct users_format format;
    char *realm; /* what format.realm points to */
    uint64_t seed;
    struct mutex lock; /* of 'users': held to take a share, and to swap */
    struct users *users;
};

enum read_status { READ_OK, READ_CHANGED, READ_FAILED };

static struct users *read_users(const struct passwd *p, struct passwd_report *report);

/* ---- life ---- */

/* 'path' from the root, or NULL: errno says why. */
static char *
absolute(const char *path)
{
    if (*path == '/' || *path == '\0')
        return strdup(path);
    char *here = getcwd(NULL, 0), *joined;
    if (here == NULL)
        return NULL;
    if (asprintf(&joined, "%s/%s", here, path) < 0)
        joined = NULL;
    free(here);
    return joined;
}

struct passwd *
passwd_open(const char *path, struct users_format format, struct passwd_report *report)
{
    struct passwd *p = calloc(1, sizeof *p);
    *report = (struct passwd_report){0};
    if (p == NULL) {
        snprintf(report->text, sizeof report->text, "%s", strerror(errno));
        return NULL;
    }
    mutex_init(&p->lock);
    p->format = format;
    p->realm = strndup(format.realm.bytes > 0 ? format.realm.p : "", format.realm.bytes);
    p->format.realm.p = p->realm;
    p->path = absolute(path);
    if (getrandom(&p->seed, sizeof p->seed, 0) != (ssize_t)sizeof p->seed)
        p->seed = 0; /* see digest_of() */
    if (p->path == NULL || p->realm == NULL)
        snprintf(report->text, sizeof report->text, "%s", strerror(errno));
    else
        p->users = read_users(p, report);
    if (p->users != NULL)
        return p;
    passwd_close(p);
    return NULL;
}

void
passwd_close(struct passwd *p)
{
    if (p == NULL)
        return;
    users_release(p->users);
    mutex_fini(&p->lock);
    free(p->path);
    free(p->realm);
    free(p);
}

bool
passwd_reload(struct passwd *p, struct passwd_report *report)
{
    *report = (struct passwd_report){0};
    struct users *fresh = read_users(p, report);
    if (fresh == NULL)
        return false;
    mutex_lock(&p->lock);
    struct users *old = p->users;
    p->users = fresh;
    mutex_unlock(&p->lock);
    users_release(old);
    return true;
}

bool
passwd_check(struct passwd *p, struct span name, struct span password)
{
    mutex_lock(&p->lock);
    struct users *users = users_share(p->users);
    mutex_unlock(&p->lock);
    bool right = users_check(users, name, password);
    users_release(users);
    return right;
}

/* ---- the file ---- */

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Fills 'to', which has room for one byte more than the file has; returns how much came. */
static size_t
read_all(int fd, char *to, size_t room, int *error)
{
    size_t got = 0;
    *error = 0;
    while (got < room) {
        ssize_t n = read(fd, to + got, room - got);
        if (n == 0)
            break;
        if (n > 0) {
            got += (size_t)n;
        } else if (errno != EINTR) {
            *error = errno;
            break;
        }
    }
    return got;
}

static enum read_status
failed(struct passwd_report *report, const char *why)
{
    snprintf(report->text, sizeof report->text, "%s", why);
    return READ_FAILED;
}

/* Gives '*text', from malloc, to be wiped before it is freed. */
static enum read_status
read_open_file(int fd, char **text, size_t *bytes, struct passwd_report *report)
{
    struct stat before, after;
    if (fstat(fd, &before) != 0)
        return failed(report, strerror(errno));
    if (!S_ISREG(before.st_mode))
        return failed(report, "not a regular file");
    if (before.st_size > USERS_TEXT_BYTES_MAX)
        return failed(report, "too large");
    size_t room = (size_t)before.st_size + 1;
    *text = malloc(room);
    if (*text == NULL)
        return failed(report, strerror(errno));
    int error;
    *bytes = read_all(fd, *text, room, &error);
    if (error == 0 && *bytes == (size_t)before.st_size && fstat(fd, &after) == 0 &&
        same_file(&before, &after))
        return READ_OK;
    explicit_bzero(*text, room);
    free(*text);
    failed(report, error != 0 ? strerror(error) : "it changes while it is read");
    return error != 0 ? READ_FAILED : READ_CHANGED;
}

static enum read_status
read_file(const char *path, char **text, size_t *bytes, struct passwd_report *report)
{
    /* Whatever it is, opening must not wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return failed(report, strerror(errno));
    enum read_status status = read_open_file(fd, text, bytes, report);
    close(fd);
    return status;
}

static struct users *
read_users(const struct passwd *p, struct passwd_report *report)
{
    char *text = NULL;
    size_t bytes = 0;
    enum read_status status = READ_CHANGED;
    for (int i = 0; i < READS_MAX && status == READ_CHANGED; i++)
        status = read_file(p->path, &text, &bytes, report);
    if (status != READ_OK)
        return NULL;
    struct users_error error;
    struct users *users = users_parse(span_of(text, bytes), p->format, p->seed, &error);
    explicit_bzero(text, bytes);
    free(text);
    if (users != NULL)
        *report = (struct passwd_report){.users = users_count(users)};
    else if (error.line > 0)
        snprintf(report->text, sizeof report->text, "line %u %s", error.line, error.what);
    else
        snprintf(report->text, sizeof report->text, "%s", error.what);
    return users;
}

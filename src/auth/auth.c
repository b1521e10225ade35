#include "auth/auth.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#include "auth/cyrus.h"
#include "auth/passwd.h"
#include "auth/plain.h"
#include "base/check.h"
#include "base/log.h"

#define HOST_BYTES_MAX 256

struct auth {
    bool sasl;
    char *path;            /* of the file, for the log */
    struct passwd *passwd; /* NULL: Cyrus decides */
    struct cyrus *cyrus;   /* NULL: the file decides */
};

/* Of our own PLAIN there is only one thing to remember: that it has begun. */
static const char plain_begun;

static bool open_file(struct auth *a, const char *path, struct users_format format);

/* ---- life ---- */

static bool
open_pwdb(struct auth *a, const char *path)
{
    char host[HOST_BYTES_MAX] = "";
    /* "user@host" and "user" are one, as they are in sasldb. */
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    struct users_format format = {.fields = true, .realm = span_of(host, strlen(host))};
    return open_file(a, path, format);
}

static void
warn_if_empty(const struct auth *a, const struct passwd_report *report)
{
    if (report->users == 0)
        log_line(LOG_WARN, "the password file %s is empty: nobody can log in", a->path);
}

static bool
open_file(struct auth *a, const char *path, struct users_format format)
{
    struct passwd_report report;
    a->path = strdup(path);
    if (a->path == NULL) {
        log_line(LOG_ERROR, "out of memory");
        return false;
    }
    a->passwd = passwd_open(path, format, &report);
    if (a->passwd == NULL)
        log_line(LOG_ERROR, "cannot use the password file %s: %s", path, report.text);
    else
        warn_if_empty(a, &report);
    return a->passwd != NULL;
}

static bool
open_source(struct auth *a, const struct auth_config *c)
{
    if (c->file != NULL)
        return open_file(a, c->file, (struct users_format){0});
    CHECK(c->sasl);
    a->sasl = true;
    if (c->pwdb != NULL)
        return open_pwdb(a, c->pwdb);
    a->cyrus = cyrus_open(c->conf_path);
    return a->cyrus != NULL;
}

struct auth *
auth_create(const struct auth_config *c)
{
    struct auth *a = calloc(1, sizeof *a);
    if (a == NULL) {
        log_line(LOG_ERROR, "out of memory");
        return NULL;
    }
    if (open_source(a, c))
        return a;
    auth_destroy(a);
    return NULL;
}

void
auth_destroy(struct auth *a)
{
    if (a == NULL)
        return;
    passwd_close(a->passwd);
    cyrus_close(a->cyrus);
    free(a->path);
    free(a);
}

bool
auth_is_sasl(const struct auth *a)
{
    return a->sasl;
}

void
auth_reload(struct auth *a)
{
    struct passwd_report report;
    if (a->passwd == NULL)
        return;
    if (!passwd_reload(a->passwd, &report)) {
        log_line(LOG_WARN, "cannot use the password file %s: %s; who could log in before still can",
                 a->path, report.text);
        return;
    }
    log_line(LOG_INFO, "read the password file %s: %zu lines of users", a->path, report.users);
    warn_if_empty(a, &report);
}

/* ---- logins ---- */

bool
auth_check(struct auth *a, struct span user, struct span password)
{
    return passwd_check(a->passwd, user, password);
}

struct span
auth_mechanisms(const struct auth *a)
{
    return a->cyrus != NULL ? cyrus_mechanisms(a->cyrus) : SPAN("PLAIN");
}

static enum auth_status
check_plain(struct auth *a, struct span message)
{
    struct span user, password;
    bool right = plain_parse(message, &user, &password) && passwd_check(a->passwd, user, password);
    return right ? AUTH_OK : AUTH_REFUSED;
}

/* PLAIN as RFC 4422 has it: a client that does not send its message at once is asked for it. */
static enum auth_status
start_plain(struct auth *a, struct auth_login **login, struct span mechanism, struct span data)
{
    if (mechanism.bytes != 5 || strncasecmp(mechanism.p, "PLAIN", 5) != 0)
        return AUTH_REFUSED;
    if (data.bytes > 0)
        return check_plain(a, data);
    *login = (struct auth_login *)(uintptr_t)&plain_begun;
    return AUTH_CONTINUE;
}

enum auth_status
auth_start(struct auth *a, struct auth_login **login, struct span mechanism, struct span data,
           struct span *challenge)
{
    struct cyrus_exchange *x;
    auth_end(a, login);
    *challenge = SPAN("");
    if (a->cyrus == NULL)
        return start_plain(a, login, mechanism, data);
    enum auth_status status = cyrus_start(a->cyrus, mechanism, data, &x, challenge);
    *login = (struct auth_login *)x;
    return status;
}

enum auth_status
auth_step(struct auth *a, struct auth_login **login, struct span data, struct span *challenge)
{
    *challenge = SPAN("");
    if (*login == NULL)
        return AUTH_REFUSED;
    if (a->cyrus == NULL) {
        *login = NULL;
        return check_plain(a, data);
    }
    struct cyrus_exchange *x = (struct cyrus_exchange *)*login;
    enum auth_status status = cyrus_step(&x, data, challenge);
    *login = (struct auth_login *)x;
    return status;
}

void
auth_end(struct auth *a, struct auth_login **login)
{
    if (a->cyrus != NULL)
        cyrus_end((struct cyrus_exchange *)*login);
    *login = NULL;
}

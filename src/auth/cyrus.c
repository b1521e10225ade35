#include "auth/cyrus.h"

#include <sasl/sasl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"

/* Who configures memcached for SASL configures us. */
#define SERVICE   "memcached"
#define CONF_FILE SERVICE ".conf"

#define MECHANISM_BYTES_MAX 32

/* The library complains as often as clients make it: so often it is logged. */
#define COMPLAINT_INTERVAL_S 10

struct cyrus {
    sasl_callback_t callbacks[2];
    char *host; /* as the library calls this host: finding out may ask the DNS, and is done once */
    char *mechanisms;
    _Atomic time_t complained_s; /* any thread, relaxed: when the last complaint was logged */
};

/* What the library needs of us, or says to us. */
static void *new_lock(void);
static int take_lock(void *lock);
static int leave_lock(void *lock);
static void free_lock(void *lock);
static int on_log(void *context, int level, const char *message);

static const char *find_conf(const char *conf_path);
static bool find_mechanisms(struct cyrus *c);
static sasl_conn_t *new_connection(const struct cyrus *c);
static enum auth_status conclude(struct cyrus_exchange **x, int result, const char *out,
                                 unsigned bytes, struct span *challenge);

static sasl_conn_t *
connection_of(struct cyrus_exchange *x)
{
    return (sasl_conn_t *)x;
}

/* ---- life ---- */

struct cyrus *
cyrus_open(const char *conf_path)
{
    const char *conf = find_conf(conf_path);
    if (conf == NULL)
        return NULL;
    struct cyrus *c = calloc(1, sizeof *c);
    if (c == NULL) {
        log_line(LOG_ERROR, "out of memory");
        return NULL;
    }
    atomic_init(&c->complained_s, -COMPLAINT_INTERVAL_S);
    c->callbacks[0] = (sasl_callback_t){SASL_CB_LOG, (int (*)(void))(void (*)(void))on_log, c};
    c->callbacks[1] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
    sasl_set_mutex(new_lock, take_lock, leave_lock, free_lock);
    sasl_set_path(SASL_PATH_TYPE_CONFIG, (char *)conf);
    int result = sasl_server_init(c->callbacks, SERVICE);
    if (result == SASL_OK && find_mechanisms(c))
        return c;
    if (result != SASL_OK)
        log_line(LOG_ERROR, "-S: Cyrus SASL does not start: %s",
                 sasl_errstring(result, NULL, NULL));
    cyrus_close(c);
    return NULL;
}

void
cyrus_close(struct cyrus *c)
{
    if (c == NULL)
        return;
    sasl_done();
    free(c->host);
    free(c->mechanisms);
    free(c);
}

struct span
cyrus_mechanisms(const struct cyrus *c)
{
    return span_of(c->mechanisms, strlen(c->mechanisms));
}

static bool
has_conf(const char *directory)
{
    char *path;
    if (asprintf(&path, "%s/" CONF_FILE, directory) < 0)
        return false;
    bool readable = access(path, R_OK) == 0;
    free(path);
    return readable;
}

/* The directory of memcached.conf, in memcached's order; NULL, with the reason logged: none has it. */
static const char *
find_conf(const char *conf_path)
{
    static const char *const usual[] = {"/etc/sasl", "/etc/sasl2"};
    if (conf_path != NULL) {
        if (!has_conf(conf_path))
            log_line(LOG_WARN,
                     "-S: cannot read %s/" CONF_FILE ": SASL_CONF_PATH is to name its directory; "
                     "going on with the defaults of Cyrus SASL",
                     conf_path);
        return conf_path;
    }
    for (size_t i = 0; i < ARRAY_COUNT(usual); i++)
        if (has_conf(usual[i]))
            return usual[i];
    log_line(LOG_ERROR,
             "-S: cannot read " CONF_FILE " in %s nor %s; SASL_CONF_PATH may name another directory",
             usual[0], usual[1]);
    return NULL;
}

/* Learns from a connection that nobody uses what all of them have in common. */
static bool
find_mechanisms(struct cyrus *c)
{
    const char *names = NULL;
    const void *host = NULL;
    unsigned bytes;
    int count = 0;
    sasl_conn_t *connection = new_connection(c);
    if (connection == NULL) {
        log_line(LOG_ERROR, "-S: Cyrus SASL finds no memory, or no name of this host");
        return false;
    }
    int result = sasl_listmech(connection, NULL, "", " ", "", &names, &bytes, &count);
    if (result == SASL_OK && count > 0 &&
        sasl_getprop(connection, SASL_SERVERFQDN, &host) == SASL_OK) {
        c->mechanisms = strdup(names);
        c->host = strdup(host);
    }
    sasl_dispose(&connection);
    if (c->mechanisms != NULL && c->host != NULL) {
        log_line(LOG_INFO, "SASL mechanisms: %s", c->mechanisms);
        return true;
    }
    log_line(LOG_ERROR, "-S: Cyrus SASL has no mechanism to offer: see what mech_list in " CONF_FILE
                        " allows, and whether its module is installed (Debian: libsasl2-modules)");
    return false;
}

/* ---- exchanges ---- */

static sasl_conn_t *
new_connection(const struct cyrus *c)
{
    /* No layer of encryption or integrity: what follows the login is our protocol as it is. */
    static const sasl_security_properties_t properties = {.security_flags = SASL_SEC_NOANONYMOUS};
    sasl_conn_t *connection = NULL;
    if (sasl_server_new(SERVICE, c->host, NULL, NULL, NULL, NULL, 0, &connection) == SASL_OK &&
        sasl_setprop(connection, SASL_SEC_PROPS, &properties) == SASL_OK)
        return connection;
    sasl_dispose(&connection);
    return NULL;
}

enum auth_status
cyrus_start(struct cyrus *c, struct span mechanism, struct span data, struct cyrus_exchange **x,
            struct span *challenge)
{
    char name[MECHANISM_BYTES_MAX + 1] = "";
    *x = NULL;
    if (mechanism.bytes > MECHANISM_BYTES_MAX || memchr(mechanism.p, '\0', mechanism.bytes) != NULL)
        return AUTH_REFUSED;
    memcpy(name, mechanism.p, mechanism.bytes);
    sasl_conn_t *connection = new_connection(c);
    if (connection == NULL)
        return AUTH_REFUSED;
    *x = (struct cyrus_exchange *)connection;
    const char *out = NULL;
    unsigned out_bytes = 0;
    int result = sasl_server_start(connection, name, data.bytes > 0 ? data.p : NULL,
                                   (unsigned)data.bytes, &out, &out_bytes);
    return conclude(x, result, out, out_bytes, challenge);
}

enum auth_status
cyrus_step(struct cyrus_exchange **x, struct span data, struct span *challenge)
{
    const char *out = NULL;
    unsigned out_bytes = 0;
    int result = sasl_server_step(connection_of(*x), data.bytes > 0 ? data.p : "",
                                  (unsigned)data.bytes, &out, &out_bytes);
    return conclude(x, result, out, out_bytes, challenge);
}

static enum auth_status
conclude(struct cyrus_exchange **x, int result, const char *out, unsigned bytes,
         struct span *challenge)
{
    *challenge = span_of(out, out != NULL ? bytes : 0);
    if (result == SASL_CONTINUE)
        return AUTH_CONTINUE;
    cyrus_end(*x);
    *x = NULL;
    *challenge = SPAN("");
    return result == SASL_OK ? AUTH_OK : AUTH_REFUSED;
}

void
cyrus_end(struct cyrus_exchange *x)
{
    sasl_conn_t *connection = connection_of(x);
    sasl_dispose(&connection);
}

/* ---- what the library calls ---- */

static void *
new_lock(void)
{
    struct mutex *lock = malloc(sizeof *lock);
    if (lock != NULL)
        mutex_init(lock);
    return lock;
}

static int NO_LOCK_ANALYSIS
take_lock(void *lock)
{
    mutex_lock(lock);
    return 0;
}

static int NO_LOCK_ANALYSIS
leave_lock(void *lock)
{
    mutex_unlock(lock);
    return 0;
}

static void
free_lock(void *lock)
{
    if (lock != NULL)
        mutex_fini(lock);
    free(lock);
}

/* May a complaint be logged, or was one a moment ago? */
static bool
may_complain(struct cyrus *c)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    time_t last_s = atomic_load_explicit(&c->complained_s, memory_order_relaxed);
    return now.tv_sec - last_s >= COMPLAINT_INTERVAL_S &&
           atomic_compare_exchange_strong_explicit(&c->complained_s, &last_s, now.tv_sec,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Its traces may show passwords and are not for logs. */
static int
on_log(void *context, int level, const char *message)
{
    struct cyrus *c = context;
    if (message == NULL || level <= SASL_LOG_NONE || level > SASL_LOG_NOTE)
        return SASL_OK;
    if (level == SASL_LOG_ERR && may_complain(c))
        log_line(LOG_WARN, "SASL: %s", message);
    else
        log_line(LOG_DEBUG, "SASL: %s", message);
    return SASL_OK;
}

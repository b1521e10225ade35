/* main.c - from the command line to a running server, and out again.
 *
 * The order of start() is that of process.h: ports may need root, the UNIX socket must not be root's,
 * the file of passwords must be readable by whom we become, because it will be read again, and no
 * memory is mapped and no thread started before a daemon has forked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "auth/auth.h"
#include "base/log.h"
#include "net/listen.h"
#include "options.h"
#include "process.h"
#include "server.h"
#include "version.h"

/* What is open, and is closed in the end. */
struct program {
    struct config config;
    struct process process;
    struct listener listeners[LISTENERS_MAX];
    unsigned listener_count;
    struct auth *auth; /* NULL: everybody is let in */
};

/* Answers -h, -V and -i. */
static int
show(enum config_action action, const char *argv0)
{
    switch (action) {
    case CONFIG_SHOW_HELP:
        version_print(stdout, argv0);
        options_print_help(stdout);
        break;
    case CONFIG_SHOW_VERSION:
        version_print(stdout, argv0);
        break;
    case CONFIG_SHOW_LICENCE:
        version_print(stdout, argv0);
        fputc('\n', stdout);
        version_print_licence(stdout);
        break;
    case CONFIG_SERVE:
        break;
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Reads the command line.  True: start the server; false: exit with '*exit_code'. */
static bool
configure(struct config *c, int argc, char *argv[], int *exit_code)
{
    struct option_report report;
    if (!options_init(c)) {
        log_line(LOG_ERROR, "out of memory");
        *exit_code = EX_OSERR;
        return false;
    }
    switch (options_parse(c, argc, argv, &report)) {
    case OPTION_OK:
        log_set_level((int)c->process.verbosity);
        return true;
    case OPTION_STOP:
        *exit_code = show(c->action, argv[0]);
        return false;
    case OPTION_BAD:
        fprintf(stderr, "%s\n", report.text);
        *exit_code = report.exit_code;
        return false;
    }
    return false;
}

static int
open_auth(struct program *p)
{
    const struct auth_config *c = &p->config.auth;
    if (c->file == NULL && !c->sasl)
        return 0;
    p->auth = auth_create(c);
    return p->auth != NULL ? 0 : EXIT_FAILURE;
}

static int
start(struct program *p)
{
    struct config *c = &p->config;
    int exit_code = process_check(c);
    if (exit_code == 0)
        exit_code = process_set_limits(c);
    /* UDP first: who finds TCP open may use both. */
    if (exit_code == 0 && (!listen_udp(&c->net, p->listeners, &p->listener_count) ||
                           !listen_tcp(&c->net, p->listeners, &p->listener_count)))
        exit_code = EX_OSERR;
    if (exit_code == 0)
        exit_code = process_switch_user(&c->process);
    if (exit_code == 0 && !listen_unix(&c->net, p->listeners, &p->listener_count))
        exit_code = EX_OSERR;
    if (exit_code == 0 && !listen_write_port_file(&c->net, p->listeners, p->listener_count))
        exit_code = EX_OSERR;
    if (exit_code == 0)
        exit_code = open_auth(p);
    if (exit_code == 0)
        exit_code = process_daemonise(&p->process, &c->process);
    return exit_code;
}

static int
serve(struct program *p)
{
    const struct config *c = &p->config;
    process_write_pid(&p->process, &c->process);
    process_lock_memory(&c->process);
    return server_run(c, p->listeners, p->listener_count, p->auth, &p->process);
}

int
main(int argc, char *argv[])
{
    struct program program = {.listener_count = 0};
    struct program *p = &program;
    int exit_code = process_init(&p->process);
    if (exit_code != 0)
        return exit_code;
    if (configure(&p->config, argc, argv, &exit_code)) {
        exit_code = start(p);
        if (exit_code == 0)
            exit_code = serve(p);
        listen_close(p->listeners, p->listener_count);
        auth_destroy(p->auth);
        process_end(&p->process);
    }
    options_fini(&p->config);
    return exit_code;
}

/* ketch-bench: a load generator for memcached's text protocol.
 *
 *      options --> workload --> crew of workers --> connections --> tally --> report
 *
 * Phases: connect, preload, idle connections, run; the server's process is sampled between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "crew.h"
#include "idle.h"
#include "options.h"
#include "load/process.h"
#include "report.h"

enum exit_status {
    EXIT_WELL = 0,
    EXIT_ERRORS = 1, /* the server answered with errors, or not at all */
    EXIT_NO_START = 2,
};

/* Every connection is a descriptor; asks for as many as there may be. */
static void
raise_descriptor_limit(const struct options *o)
{
    rlim_t wanted = o->connections + o->idle + 64;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        fprintf(stderr, "ketch-bench: %llu descriptors are more than this user may have: %s\n",
                (unsigned long long)wanted, strerror(errno));
}

static bool
sample(const struct options *o, struct process_usage *u)
{
    if (o->pid == 0 || process_sample((uint32_t)o->pid, u))
        return true;
    fprintf(stderr, "ketch-bench: cannot read what process %llu uses\n",
            (unsigned long long)o->pid);
    return false;
}

/* Everything between the connections and the report.  False, with a message, if it cannot be done.
 */
static bool
run_phases(struct crew *crew, struct workload *load, const struct address *to, struct report *r)
{
    const struct options *o = load->options;
    struct idle idle = {0};
    if (!sample(o, &r->start))
        return false;
    if (o->preload)
        crew_run(crew, load, PHASE_PRELOAD, &r->preload);
    bool ok = sample(o, &r->loaded) && idle_open(&idle, to, o->idle, o->timeout_s) &&
              sample(o, &r->idling);
    if (ok && !o->only_preload && !r->preload.interrupted)
        crew_run(crew, load, PHASE_RUN, &r->run);
    ok = ok && sample(o, &r->end);
    idle_close(&idle);
    return ok;
}

static bool
write_json(const struct report *r)
{
    const char *path = r->options->json_path;
    if (path == NULL)
        return true;
    bool to_stdout = strcmp(path, "-") == 0;
    FILE *f = to_stdout ? stdout : fopen(path, "we");
    if (f == NULL) {
        fprintf(stderr, "ketch-bench: %s: %s\n", path, strerror(errno));
        return false;
    }
    report_print_json(r, f);
    return to_stdout || fclose(f) == 0;
}

static enum exit_status
bench(const struct options *o, struct workload *load, struct report *r)
{
    struct address to;
    if (!address_resolve(&to, o->server))
        return EXIT_NO_START;
    struct crew *crew = crew_create(load, &to);
    bool ok = crew != NULL && run_phases(crew, load, &to, r);
    crew_destroy(crew);
    if (!ok)
        return EXIT_NO_START;
    bool json_on_stdout = o->json_path != NULL && strcmp(o->json_path, "-") == 0;
    if (!json_on_stdout)
        report_print(r, stdout);
    if (!write_json(r))
        return EXIT_NO_START;
    return report_error_count(r) > 0 ? EXIT_ERRORS : EXIT_WELL;
}

int
main(int argc, char **argv)
{
    struct options o;
    enum cli_outcome outcome = options_parse(&o, argc, argv);
    if (outcome != CLI_RUN)
        return outcome == CLI_ANSWERED ? EXIT_WELL : EXIT_NO_START;
    raise_descriptor_limit(&o);
    enum exit_status status = EXIT_NO_START;
    struct workload load;
    if (workload_init(&load, &o)) {
        struct report *r = buffer_alloc(1, sizeof(*r));
        r->options = &o;
        status = bench(&o, &load, r);
        free(r);
        workload_fini(&load);
    }
    options_fini(&o);
    return status;
}

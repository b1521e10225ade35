/* options.h - the server's command line: memcached's options, with memcached's defaults.
 *
 * struct config is all that an operator may decide; each part goes to the module that acts on it.
 * Options that tune a mechanism we do not have are checked as memcached checks them and kept in
 * struct compat_config, for nothing but 'stats settings'.  Options whose feature we do not have are
 * an error: nobody may believe that his server encrypts when it does not.
 *
 * Threads:   the main thread, before any other is started; read-only afterwards.
 * Ownership: options_fini() frees all strings of the struct, those of net_config and auth_config too.
 */
#ifndef KETCH_OPTIONS_H
#define KETCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "auth/config.h"
#include "base/attr.h"
#include "base/option.h"
#include "engine/engine.h"
#include "exec/config.h"
#include "net/config.h"

/* How the process itself behaves; see process.h. */
struct process_config {
    bool daemon;        /* -d */
    bool coredumps;     /* -r */
    bool lock_memory;   /* -k */
    bool huge_pages;    /* -L, which also sets engine_config.huge_pages and .preallocate */
    char *user;         /* -u; NULL: none */
    char *pid_file;     /* -P; NULL: none */
    unsigned verbosity; /* -v, once each */
};

/* What 'stats settings' shows: things that memcached would act on and we do not, and things as they were
 * given, of which net_config has what follows. */
struct compat_config {
    int32_t tcp_port;     /* -p: 0 off, -1 chosen by the system; without it -U's, or 11211 */
    bool tcp_port_given;
    int32_t udp_port;     /* -U as given: the same, and 0 without */
    char *listen_text;    /* -l, all of them joined by ','; NULL: none */
    const char *protocol; /* -B, as 'stats settings' calls it; NULL only while options are read */
    uint32_t napi_ids;    /* -N: memcached's workers by NIC queue; ours take connections in turn */
    bool drop_privileges; /* -o drop_privileges */
    bool hash_expand;     /* -o no_hashexpand clears it */
    uint32_t hash_power;  /* -o hashpower; 0: not given */
    const char *hash_algorithm; /* -o hash_algorithm */
    bool slab_reassign;
    uint32_t slab_automove; /* 0..2 */
    double slab_automove_ratio;
    uint32_t slab_automove_window;
    double slab_automove_freeratio;
    uint32_t slab_chunk_max_bytes;
    char *slab_sizes;            /* "a-b-c"; NULL: not given */
    uint32_t tail_repair_time_s; /* 0: off */
    bool lru_crawler;
    uint32_t lru_crawler_sleep_us;
    uint32_t lru_crawler_tocrawl; /* 0: no limit */
    bool lru_maintainer;          /* false: one flat LRU */
    uint32_t hot_lru_pct;
    uint32_t warm_lru_pct;
    double hot_max_factor;
    double warm_max_factor;
    bool temp_lru; /* -o temporary_ttl was given */
    uint32_t temporary_ttl_s;
    uint32_t watcher_logbuf_bytes;
    uint32_t worker_logbuf_bytes;
    uint32_t oldest_s;             /* no option: when flush_all last struck, as 'oldest' shows it */
};

enum config_action {
    CONFIG_SERVE,
    CONFIG_SHOW_HELP,
    CONFIG_SHOW_VERSION,
    CONFIG_SHOW_LICENCE,
};

struct config {
    struct engine_config engine;
    struct exec_config exec;
    struct net_config net;
    struct auth_config auth;
    struct process_config process;
    struct compat_config compat;
    enum config_action action; /* what was asked for; other than CONFIG_SERVE with OPTION_STOP */
};

/* Everything at its default; false when memory is short.  The hash seed is left 0. */
bool options_init(struct config *c) MUST_USE;

/* Reads the command line and the environment (MEMCACHED_PORT_FILENAME, MEMCACHED_SASL_PWDB,
 * SASL_CONF_PATH), and checks that the values fit each other.  On
 * OPTION_BAD the report has memcached's exit code. */
enum option_status options_parse(struct config *c, int argc, char *const argv[],
                                 struct option_report *report) MUST_USE;

void options_print_help(FILE *to);

void options_fini(struct config *c);

#endif

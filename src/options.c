#include "options.h"

#include <float.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/log.h"
#include "net/endpoint.h"
#include "proto/protocol.h"

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* The engine also serves the maintenance thread and a few of its kind. */
#define WORKERS_MAX      (ENGINE_THREADS_MAX - 8)
#define WORKERS_SENSIBLE 64
#define PORT_MAX         65535
/* 5.7 MB, which each worker sets aside. */
#define UDP_REPLY_MAX    4096
/* 64 TiB: half of what a process can address. */
#define MEMORY_BYTES_MAX (65536 * GIB)

/* memcached's pages, and the largest chunk unless -o slab_chunk_max says otherwise. */
#define SLAB_PAGE_BYTES  (1024u * 1024)
#define SLAB_CHUNK_BYTES (512u * 1024)
#define SLAB_CLASSES_MAX 62
#define CHUNK_BYTES_MIN  48

static option_parse_fn parse_action;
static option_parse_fn parse_port;
static option_parse_fn parse_listen;
static option_parse_fn parse_large_pages;
static option_parse_fn parse_delimiter;
static option_parse_fn parse_protocol;
static option_parse_fn parse_automove;
static option_parse_fn parse_no_automove;
static option_parse_fn parse_hash_algorithm;
static option_parse_fn parse_temporary_ttl;
static option_parse_fn parse_no_modern;
static option_parse_fn parse_no_chunked_items;

#define AT(field) OPTION_AT(struct config, field)

/* clang-format off */

/* In the order of memcached's help. */
static const struct option_def letter_rows[] = {
    {.letter = 'p', .name = "port", .arg = "num", .type = OPTION_CUSTOM, .parse = parse_port,
     .exit_code = EX_USAGE, .fallback = "11211", .help = "TCP port to listen on"},
    {.letter = 'U', .name = "udp-port", .arg = "num", .type = OPTION_CUSTOM, .parse = parse_port,
     .exit_code = EX_USAGE, .fallback = "0, off",
     .help = "UDP port to listen on; without -p, TCP's as well.\n"
             "Only senders on private networks are answered:\n"
             "see -o udp_public"},
    {.letter = 's', .name = "unix-socket", .arg = "file", .type = OPTION_STRING, AT(net.unix_path),
     .help = "UNIX socket to listen on (disables network support)"},
    {.letter = 'a', .name = "unix-mask", .arg = "mask", .type = OPTION_OCTAL, AT(net.unix_mask),
     .max = 07777, .fallback = "700", .help = "access mask for UNIX socket, in octal"},
    {.letter = 'A', .name = "enable-shutdown", .type = OPTION_FLAG, AT(exec.shutdown_enabled),
     .help = "enable the \"shutdown\" command"},
    {.letter = 'l', .name = "listen", .arg = "addr", .type = OPTION_CUSTOM, .parse = parse_listen,
     .exit_code = EX_OSERR, .fallback = "INADDR_ANY",
     .help = "address to listen on: host, host:port, [v6]:port;\n"
             "may be a list with ',' and may be given again;\n"
             "proto[ascii]:, proto[binary]: or proto[negotiating]:\n"
             "before an address is its -B"},
    {.letter = 'd', .name = "daemon", .type = OPTION_FLAG, AT(process.daemon),
     .help = "run as a daemon"},
    {.letter = 'r', .name = "enable-coredumps", .type = OPTION_FLAG, AT(process.coredumps),
     .help = "maximize core file limit"},
    {.letter = 'u', .name = "user", .arg = "user", .type = OPTION_STRING, AT(process.user),
     .help = "assume identity of <user> (only when run as root)"},
    {.letter = 'm', .name = "memory-limit", .arg = "num", .type = OPTION_SIZE,
     AT(engine.limit_bytes), .unit = MIB, .min = ENGINE_LIMIT_MIN, .max = MEMORY_BYTES_MAX,
     .exit_code = EX_USAGE, .fallback = "64",
     .help = "item memory in megabytes, with their index;\n2g is 2048"},
    {.letter = 'M', .name = "disable-evictions", .type = OPTION_NO_FLAG, AT(engine.evict),
     .fallback = "enabled", .help = "return error on memory exhausted instead of evicting"},
    {.letter = 'c', .name = "conn-limit", .arg = "num", .type = OPTION_U32, AT(net.conns_max),
     .min = 1, .max = INT_MAX, .fallback = "1024", .help = "max simultaneous connections"},
    {.letter = 'k', .name = "lock-memory", .type = OPTION_FLAG, AT(process.lock_memory),
     .help = "lock down all paged memory"},
    {.letter = 'v', .name = "verbose", .type = OPTION_COUNT, AT(process.verbosity),
     .help = "verbose (say on stderr what happens)"},
    {.type = OPTION_TEXT, .help = "-vv                       very verbose"},
    {.type = OPTION_TEXT, .help = "-vvv                      extremely verbose"},
    {.letter = 'h', .name = "help", .type = OPTION_CUSTOM, .parse = parse_action,
     .help = "print this help and exit"},
    {.letter = 'i', .name = "license", .type = OPTION_CUSTOM, .parse = parse_action,
     .help = "print the licence and exit"},
    {.letter = 'V', .name = "version", .type = OPTION_CUSTOM, .parse = parse_action,
     .help = "print version and exit"},
    {.letter = 'P', .name = "pidfile", .arg = "file", .type = OPTION_STRING, AT(process.pid_file),
     .help = "save PID in <file>; with -d, remove it at the end"},
    {.letter = 'f', .name = "slab-growth-factor", .arg = "num", .type = OPTION_DOUBLE,
     AT(engine.growth), .min = 1, .max = 1024,
     .help = "chunk size growth factor\n(default: chosen to suit the memory limit)"},
    {.letter = 'n', .name = "slab-min-size", .arg = "bytes", .type = OPTION_U32,
     AT(engine.chunk_bytes_min), .min = 1, .max = SLAB_CHUNK_BYTES,
     .help = "min space used for key+value+flags (default: 24)"},
    {.letter = 'L', .name = "enable-largepages", .type = OPTION_CUSTOM, .parse = parse_large_pages,
     .help = "use large memory pages; takes all memory at once"},
    {.letter = 'D', .arg = "char", .type = OPTION_CUSTOM, .parse = parse_delimiter,
     .fallback = ":",
     .help = "delimiter between key prefixes and IDs, for statistics\n"
             "of each prefix; the option also turns these on, as\n"
             "\"stats detail on\" does"},
    {.letter = 't', .name = "threads", .arg = "num", .type = OPTION_U32, AT(net.workers), .min = 1,
     .max = WORKERS_MAX, .fallback = "4", .help = "number of threads to use"},
    {.letter = 'R', .name = "max-reqs-per-event", .arg = "num", .type = OPTION_U32,
     AT(net.requests_per_event), .min = 1, .max = UINT32_MAX, .fallback = "20",
     .help = "requests of one connection to serve before\nthe others have their turn"},
    {.letter = 'C', .name = "disable-cas", .type = OPTION_NO_FLAG, AT(engine.cas),
     .fallback = "enabled", .help = "disable use of CAS; saves 8 bytes an item"},
    {.letter = 'b', .name = "listen-backlog", .arg = "num", .type = OPTION_I32, AT(net.backlog),
     .min = -1, .max = INT_MAX, .fallback = "1024", .help = "set the backlog queue limit"},
    {.letter = 'B', .name = "protocol", .arg = "name", .type = OPTION_CUSTOM,
     .parse = parse_protocol, .exit_code = EX_USAGE, .fallback = "auto",
     .help = "protocol: ascii, binary, or auto, which lets a\n"
             "client's first byte tell"},
    {.letter = 'I', .name = "max-item-size", .arg = "num", .type = OPTION_SIZE32,
     AT(engine.item_bytes_max), .min = KIB, .max = GIB, .exit_code = EX_USAGE, .fallback = "1m",
     .help = "max item size (min: 1k, max: 1024m)"},
    {.letter = 'S', .name = "enable-sasl", .type = OPTION_FLAG, AT(auth.sasl),
     .help = "clients log in by SASL; binary protocol only"},
    {.letter = 'F', .name = "disable-flush-all", .type = OPTION_NO_FLAG, AT(exec.flush_enabled),
     .fallback = "enabled", .help = "disable the flush_all command"},
    {.letter = 'X', .name = "disable-dumping", .type = OPTION_NO_FLAG, AT(exec.dump_enabled),
     .fallback = "enabled", .help = "disable stats cachedump and stats detail"},
    {.letter = 'W', .name = "disable-watch", .type = OPTION_NO_FLAG, AT(exec.watch_enabled),
     .fallback = "enabled", .help = "disable watch commands; this version has none"},
    {.letter = 'Y', .name = "auth-file", .arg = "file", .type = OPTION_STRING, AT(auth.file),
     .help = "clients log in with a user and password of this file;\n"
             "text protocol only; lines are user:password"},
    {.letter = 'N', .name = "napi-ids", .arg = "num", .type = OPTION_U32, AT(compat.napi_ids),
     .min = 1, .max = WORKERS_MAX,
     .help = "number of NAPI ids, not more than threads; no effect:\n"
             "connections go to the threads in turn"},
    {.name = "napi_ids", .arg = "num", .type = OPTION_U32, AT(compat.napi_ids), .min = 1,
     .max = WORKERS_MAX},
    {.letter = 'o', .name = "extended", .arg = "list", .type = OPTION_EXTENDED,
     .help = "comma separated list of extended options; most have\n"
             "a 'no_' form to disable"},
};

/* What -o offers. */
static const struct option_def extended_rows[] = {
    {.extended = "maxconns_fast", .type = OPTION_SWITCH, AT(net.reject_fast),
     .fallback = "enabled",
     .help = "refuse new connections after limit with an error;\n"
             "disabled: let them wait"},
    {.extended = "idle_timeout", .arg = "s", .type = OPTION_U32, AT(net.idle_timeout_s),
     .max = UINT32_MAX, .fallback = "0",
     .help = "close TCP connections idle for so many seconds;\n0 is never"},
    {.extended = "no_modern", .type = OPTION_CUSTOM, .parse = parse_no_modern,
     .help = "defaults of memcached 1.4: no_maxconns_fast, and fewer\n"
             "lines of stats"},
    {.extended = "promote_hits", .arg = "n", .type = OPTION_U32, AT(engine.promote_hits), .min = 1,
     .max = 3, .fallback = "1",
     .help = "hits that a new item needs to be kept, when memory\n"
             "is full: fewer adapt sooner, more resist scans"},
    {.extended = "size_bias", .arg = "f", .type = OPTION_DOUBLE, AT(engine.size_bias),
     .takes_min = true, .max = 1, .fallback = "0.5",
     .help = "how much longer small items are kept than large ones:\n"
             "0 is as long, 1 by as much as they are smaller"},
    {.extended = "read_buf_mem_limit", .arg = "mb", .type = OPTION_SIZE,
     AT(net.read_buf_limit_bytes), .unit = MIB, .max = MEMORY_BYTES_MAX, .fallback = "0",
     .help = "what half requests and unsent replies of all clients\n"
             "may take before each is given less at a time;\n"
             "0 is a 32nd of the item memory"},
    {.extended = "track_sizes", .type = OPTION_FLAG, AT(engine.track_sizes),
     .help = "enable the report of 'stats sizes'"},
    {.extended = "sock_cookie_id", .arg = "num", .type = OPTION_U32, AT(net.sock_cookie),
     .max = UINT32_MAX, .fallback = "0",
     .help = "mark of all sockets (SO_MARK), for packet filters"},
    {.extended = "udp_public", .type = OPTION_FLAG, AT(net.udp_public),
     .help = "answer datagrams from public addresses too, which\n"
             "may be those of victims; see that a firewall keeps\n"
             "the Internet away"},
    {.extended = "udp_reply_max", .arg = "n", .type = OPTION_U32, AT(net.udp_reply_max), .min = 1,
     .max = UDP_REPLY_MAX, .fallback = "128",
     .help = "datagrams of 1400 bytes that a reply may have;\n"
             "a longer one becomes an error"},
};

/* What tunes a mechanism of memcached's that we do not have.  A help text makes them known to -h. */
#define NO_EFFECT "no effect"
static const struct option_def compat_rows[] = {
    {.extended = "hashpower", .arg = "n", .type = OPTION_U32, AT(compat.hash_power), .min = 12,
     .max = 32, .help = NO_EFFECT},
    {.extended = "no_hashexpand", .type = OPTION_NO_FLAG, AT(compat.hash_expand),
     .fallback = "enabled", .help = NO_EFFECT},
    {.extended = "hash_algorithm", .arg = "name", .type = OPTION_CUSTOM,
     .parse = parse_hash_algorithm, .help = NO_EFFECT},
    {.extended = "slab_reassign", .type = OPTION_SWITCH, AT(compat.slab_reassign),
     .fallback = "enabled", .help = NO_EFFECT},
    {.extended = "slab_automove", .arg = "0..2", .optional = true, .type = OPTION_CUSTOM,
     .parse = parse_automove, .help = NO_EFFECT},
    {.extended = "no_slab_automove", .type = OPTION_CUSTOM, .parse = parse_no_automove},
    {.extended = "slab_automove_ratio", .arg = "f", .type = OPTION_DOUBLE,
     AT(compat.slab_automove_ratio), .max = 1, .fallback = "0.8", .help = NO_EFFECT},
    {.extended = "slab_automove_window", .arg = "n", .type = OPTION_U32,
     AT(compat.slab_automove_window), .min = 3, .max = 1800, .fallback = "10",
     .help = NO_EFFECT},
    {.extended = "slab_automove_freeratio", .arg = "f", .type = OPTION_DOUBLE,
     AT(compat.slab_automove_freeratio), .takes_min = true, .max = DBL_MAX, .fallback = "0.01",
     .help = NO_EFFECT},
    {.extended = "slab_chunk_max", .arg = "kb", .type = OPTION_SIZE32,
     AT(compat.slab_chunk_max_bytes), .unit = KIB, .min = KIB, .max = MIB, .exit_code = EX_USAGE,
     .fallback = "512", .help = NO_EFFECT},
    {.extended = "slab_sizes", .arg = "a-b-c", .type = OPTION_STRING, AT(compat.slab_sizes),
     .help = NO_EFFECT},
    {.extended = "tail_repair_time", .arg = "s", .type = OPTION_U32,
     AT(compat.tail_repair_time_s), .min = 10, .max = UINT32_MAX, .help = NO_EFFECT},
    {.extended = "lru_crawler", .type = OPTION_SWITCH, AT(compat.lru_crawler),
     .fallback = "enabled", .help = NO_EFFECT},
    {.extended = "lru_crawler_sleep", .arg = "us", .type = OPTION_U32,
     AT(compat.lru_crawler_sleep_us), .max = 1000000, .fallback = "100", .help = NO_EFFECT},
    {.extended = "lru_crawler_tocrawl", .arg = "n", .type = OPTION_U32,
     AT(compat.lru_crawler_tocrawl), .max = UINT32_MAX, .fallback = "0", .help = NO_EFFECT},
    {.extended = "lru_maintainer", .type = OPTION_SWITCH, AT(compat.lru_maintainer),
     .fallback = "enabled", .help = NO_EFFECT},
    {.extended = "hot_lru_pct", .arg = "n", .type = OPTION_U32, AT(compat.hot_lru_pct), .min = 1,
     .max = 79, .fallback = "20", .help = NO_EFFECT},
    {.extended = "warm_lru_pct", .arg = "n", .type = OPTION_U32, AT(compat.warm_lru_pct),
     .min = 1, .max = 79, .fallback = "40", .help = NO_EFFECT},
    {.extended = "hot_max_factor", .arg = "f", .type = OPTION_DOUBLE, AT(compat.hot_max_factor),
     .max = DBL_MAX, .fallback = "0.2", .help = NO_EFFECT},
    {.extended = "warm_max_factor", .arg = "f", .type = OPTION_DOUBLE, AT(compat.warm_max_factor),
     .max = DBL_MAX, .fallback = "2.0", .help = NO_EFFECT},
    {.extended = "temporary_ttl", .arg = "s", .type = OPTION_CUSTOM,
     .parse = parse_temporary_ttl, .help = NO_EFFECT},
    {.extended = "watcher_logbuf_size", .arg = "kb", .type = OPTION_SIZE32,
     AT(compat.watcher_logbuf_bytes), .unit = KIB, .max = GIB, .fallback = "256",
     .help = NO_EFFECT},
    {.extended = "worker_logbuf_size", .arg = "kb", .type = OPTION_SIZE32,
     AT(compat.worker_logbuf_bytes), .unit = KIB, .max = GIB, .fallback = "64",
     .help = NO_EFFECT},
    {.extended = "resp_obj_mem_limit", .arg = "n", .type = OPTION_IGNORED, .help = NO_EFFECT},
    {.extended = "modern", .type = OPTION_IGNORED, .help = NO_EFFECT},
    {.extended = "no_chunked_items", .type = OPTION_CUSTOM, .parse = parse_no_chunked_items,
     .help = NO_EFFECT},
    {.extended = "inline_ascii_resp", .type = OPTION_IGNORED, .help = NO_EFFECT},
    {.extended = "no_inline_ascii_resp", .type = OPTION_IGNORED},
    {.extended = "drop_privileges", .type = OPTION_SWITCH, AT(compat.drop_privileges),
     .help = NO_EFFECT},
    {.extended = "relaxed_privileges", .type = OPTION_IGNORED, .help = NO_EFFECT},
};

/* Options of memcached's whose feature we do not have. */
#define REFUSED(name_, why_) {.extended = name_, .type = OPTION_REFUSED, .help = why_}
#define NO_RESTART  "there is no memory that survives a restart in this version"
#define NO_TLS      "there is no TLS in this version"
#define NO_STORAGE  "there is no external storage in this version"
#define NO_PROXY    "there is no proxy in this version"
static const struct option_def refused_rows[] = {
    {.letter = 'e', .name = "memory-file", .arg = "file", .type = OPTION_REFUSED,
     .help = NO_RESTART},
    {.letter = 'Z', .name = "enable-ssl", .type = OPTION_REFUSED, .help = NO_TLS},
    REFUSED("ext_path", NO_STORAGE),
    REFUSED("ext_page_size", NO_STORAGE),
    REFUSED("ext_wbuf_size", NO_STORAGE),
    REFUSED("ext_threads", NO_STORAGE),
    REFUSED("ext_io_depth", NO_STORAGE),
    REFUSED("ext_item_size", NO_STORAGE),
    REFUSED("ext_item_age", NO_STORAGE),
    REFUSED("ext_low_ttl", NO_STORAGE),
    REFUSED("ext_recache_rate", NO_STORAGE),
    REFUSED("ext_compact_under", NO_STORAGE),
    REFUSED("ext_drop_under", NO_STORAGE),
    REFUSED("ext_max_frag", NO_STORAGE),
    REFUSED("ext_max_sleep", NO_STORAGE),
    REFUSED("ext_drop_unread", NO_STORAGE),
    REFUSED("ssl_chain_cert", NO_TLS),
    REFUSED("ssl_key", NO_TLS),
    REFUSED("ssl_keyformat", NO_TLS),
    REFUSED("ssl_verify_mode", NO_TLS),
    REFUSED("ssl_ciphers", NO_TLS),
    REFUSED("ssl_ca_cert", NO_TLS),
    REFUSED("ssl_wbuf_size", NO_TLS),
    REFUSED("ssl_session_cache", NO_TLS),
    REFUSED("ssl_kernel_tls", NO_TLS),
    REFUSED("ssl_min_version", NO_TLS),
    REFUSED("proxy_config", NO_PROXY),
    REFUSED("proxy_arg", NO_PROXY),
    REFUSED("proxy_uring", NO_PROXY),
    REFUSED("proxy_memprofile", NO_PROXY),
};
/* clang-format on */

static enum option_status read_environment(struct config *c, struct option_report *report);
static enum option_status check_all(struct config *c, struct option_report *report);
static enum option_status settle_protocol(struct config *c, struct option_report *report);
static enum option_status find_endpoints(struct config *c, struct option_report *report);

/* The tables of one command line. */
struct tables {
    struct option_table t[4];
};

static struct tables
tables_of(struct config *c)
{
    return (struct tables){{
        {letter_rows, ARRAY_COUNT(letter_rows), c, NULL, false},
        {extended_rows, ARRAY_COUNT(extended_rows), c, NULL, false},
        {compat_rows, ARRAY_COUNT(compat_rows), c,
         "   - accepted, and without effect here, because they tune parts of memcached\n"
         "     that this server does not have or that tune themselves:",
         true},
        {refused_rows, ARRAY_COUNT(refused_rows), c, NULL, false},
    }};
}

bool
options_init(struct config *c)
{
    struct tables tables = tables_of(c);
    memset(c, 0, sizeof *c);
    engine_config_init(&c->engine);
    c->exec.prefix_delimiter = ':';
    c->compat.tcp_port = 11211;
    c->compat.hash_algorithm = "murmur3";
    c->compat.slab_automove = 1;
    c->compat.temporary_ttl_s = 61;
    return option_set_defaults(tables.t, ARRAY_COUNT(tables.t));
}

enum option_status
options_parse(struct config *c, int argc, char *const argv[], struct option_report *report)
{
    struct tables tables = tables_of(c);
    enum option_status status = option_parse(tables.t, ARRAY_COUNT(tables.t), argc, argv, report);
    if (status != OPTION_OK)
        return status;
    status = read_environment(c, report);
    if (status == OPTION_OK)
        status = check_all(c, report);
    if (status == OPTION_OK)
        status = settle_protocol(c, report);
    c->net.kept_plenty_bytes = c->net.read_buf_limit_bytes != 0 ? c->net.read_buf_limit_bytes
                                                                : net_kept_plenty(c->engine.limit_bytes);
    return status == OPTION_OK ? find_endpoints(c, report) : status;
}

void
options_print_help(FILE *to)
{
    struct tables tables = tables_of(NULL);
    option_print_help(to, tables.t, ARRAY_COUNT(tables.t));
}

void
options_fini(struct config *c)
{
    struct tables tables = tables_of(c);
    option_fini(tables.t, ARRAY_COUNT(tables.t));
    endpoint_clear(&c->net);
    free(c->net.port_file);
    c->net.port_file = NULL;
    free(c->auth.pwdb);
    c->auth.pwdb = NULL;
    free(c->auth.conf_path);
    c->auth.conf_path = NULL;
    free(c->compat.listen_text);
    c->compat.listen_text = NULL;
}

/* ---- the environment ---- */

static enum option_status
read_environment(struct config *c, struct option_report *report)
{
    const struct {
        const char *name;
        char **field;
    } variables[] = {
        {"MEMCACHED_PORT_FILENAME", &c->net.port_file},
        {"MEMCACHED_SASL_PWDB", &c->auth.pwdb},
        {"SASL_CONF_PATH", &c->auth.conf_path},
    };
    for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
        const char *value = getenv(variables[i].name);
        if (value != NULL && *value != '\0' && !option_set_string(variables[i].field, value))
            return option_fail(report, EX_OSERR, "out of memory");
    }
    return OPTION_OK;
}

/* ---- options with a mind of their own ---- */

static enum option_status
parse_action(void *config, const struct option_def *def, const char *text,
             struct option_report *report)
{
    struct config *c = config;
    (void)text;
    (void)report;
    c->action = def->letter == 'h'   ? CONFIG_SHOW_HELP
                : def->letter == 'V' ? CONFIG_SHOW_VERSION
                                     : CONFIG_SHOW_LICENCE;
    return OPTION_STOP;
}

/* A whole decimal number from 0 to 'max'. */
static bool
parse_number(const char *text, long max, long *number)
{
    size_t len = strlen(text);
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
        return false;
    *number = strtol(text, NULL, 10);
    return *number <= max;
}

static enum option_status
parse_port(void *config, const struct option_def *def, const char *text,
           struct option_report *report)
{
    struct config *c = config;
    long port = -1;
    if (strcmp(text, "-1") != 0 && !parse_number(text, PORT_MAX, &port))
        return option_fail_value(report, def, text, "a port from 0 to 65535, or -1");
    if (def->letter == 'U') {
        c->compat.udp_port = (int32_t)port;
    } else {
        c->compat.tcp_port = (int32_t)port;
        c->compat.tcp_port_given = true;
    }
    return OPTION_OK;
}

/* Only collects: the port for addresses without one may still come, with -p. */
static enum option_status
parse_listen(void *config, const struct option_def *def, const char *text,
             struct option_report *report)
{
    struct config *c = config;
    const char *before = c->compat.listen_text != NULL ? c->compat.listen_text : "";
    char *joined;
    (void)def;
    if (asprintf(&joined, "%s%s%s", before, *before != '\0' ? "," : "", text) < 0)
        return option_fail(report, EX_OSERR, "out of memory");
    free(c->compat.listen_text);
    c->compat.listen_text = joined;
    return OPTION_OK;
}

static enum option_status
parse_large_pages(void *config, const struct option_def *def, const char *text,
                  struct option_report *report)
{
    struct config *c = config;
    (void)def;
    (void)text;
    (void)report;
    c->process.huge_pages = true;
    c->engine.huge_pages = true;
    c->engine.preallocate = true;
    return OPTION_OK;
}

static enum option_status
parse_delimiter(void *config, const struct option_def *def, const char *text,
                struct option_report *report)
{
    struct config *c = config;
    if (*text == '\0')
        return option_fail_value(report, def, text, "a character");
    c->exec.prefix_delimiter = *text;
    c->exec.detail_enabled = true;
    return OPTION_OK;
}

/* As 'stats settings' calls them. */
static const char *const protocol_names[PROTOCOL_COUNT] = {
    [PROTOCOL_AUTO] = "auto-negotiate",
    [PROTOCOL_TEXT] = "ascii",
    [PROTOCOL_BINARY] = "binary",
};

static enum option_status
parse_protocol(void *config, const struct option_def *def, const char *text,
               struct option_report *report)
{
    struct config *c = config;
    if (strcmp(text, "auto") == 0)
        c->compat.protocol = protocol_names[PROTOCOL_AUTO];
    else if (strcmp(text, "ascii") == 0)
        c->compat.protocol = protocol_names[PROTOCOL_TEXT];
    else if (strcmp(text, "binary") == 0)
        c->compat.protocol = protocol_names[PROTOCOL_BINARY];
    else
        return option_fail_value(report, def, text, "auto, ascii or binary");
    return OPTION_OK;
}

static enum option_status
parse_automove(void *config, const struct option_def *def, const char *text,
               struct option_report *report)
{
    struct config *c = config;
    long level = 1;
    if (text != NULL && !parse_number(text, 2, &level))
        return option_fail_value(report, def, text, "0, 1 or 2");
    c->compat.slab_automove = (uint32_t)level;
    return OPTION_OK;
}

static enum option_status
parse_no_automove(void *config, const struct option_def *def, const char *text,
                  struct option_report *report)
{
    (void)text;
    return parse_automove(config, def, "0", report);
}

static enum option_status
parse_hash_algorithm(void *config, const struct option_def *def, const char *text,
                     struct option_report *report)
{
    static const char *const names[] = {"jenkins", "murmur3", "xxh3"};
    struct config *c = config;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i], text) == 0) {
            c->compat.hash_algorithm = names[i];
            return OPTION_OK;
        }
    }
    return option_fail_value(report, def, text, "jenkins, murmur3 or xxh3");
}

static enum option_status
parse_temporary_ttl(void *config, const struct option_def *def, const char *text,
                    struct option_report *report)
{
    struct config *c = config;
    long ttl_s;
    if (!parse_number(text, UINT32_MAX, &ttl_s))
        return option_fail_value(report, def, text, "a number of seconds");
    c->compat.temp_lru = true;
    c->compat.temporary_ttl_s = (uint32_t)ttl_s;
    return OPTION_OK;
}

static enum option_status
parse_no_chunked_items(void *config, const struct option_def *def, const char *text,
                       struct option_report *report)
{
    struct config *c = config;
    (void)def;
    (void)text;
    (void)report;
    c->compat.slab_chunk_max_bytes = SLAB_PAGE_BYTES;
    return OPTION_OK;
}

/* The defaults of memcached 1.4; all but the first for show. */
static enum option_status
parse_no_modern(void *config, const struct option_def *def, const char *text,
                struct option_report *report)
{
    struct config *c = config;
    c->net.reject_fast = false;
    c->compat.slab_reassign = false;
    c->compat.slab_automove = 0;
    c->compat.lru_crawler = false;
    c->compat.lru_maintainer = false;
    c->compat.hash_algorithm = "jenkins";
    return parse_no_chunked_items(config, def, text, report);
}

/* ---- values that must fit each other ---- */

static enum option_status
check_item_size(const struct config *c, struct option_report *report)
{
    if (c->engine.item_bytes_max <= c->engine.limit_bytes / 2)
        return OPTION_OK;
    return option_fail(report, EX_USAGE,
                       "-I: the max item size, %u bytes, must not be more than half of the memory "
                       "limit (-m), which is %llu bytes",
                       c->engine.item_bytes_max, (unsigned long long)c->engine.limit_bytes);
}

static enum option_status
check_threads(const struct config *c, struct option_report *report)
{
    if (c->net.workers > WORKERS_SENSIBLE)
        log_line(LOG_WARN, "-t %u: more threads than the machine has cores make it slower",
                 c->net.workers);
    if (c->compat.napi_ids > c->net.workers)
        return option_fail(report, EX_USAGE,
                           "-N: %u NAPI ids are more than there are threads (-t %u)",
                           c->compat.napi_ids, c->net.workers);
    return OPTION_OK;
}

/* memcached's item locks grow with the threads, and must stay fewer than the hash table's buckets. */
static uint32_t
item_lock_power(unsigned threads)
{
    static const struct {
        unsigned threads_max;
        uint32_t power;
    } steps[] = {{2, 10}, {3, 11}, {4, 12}, {10, 13}, {20, 14}, {UINT_MAX, 15}};
    size_t i = 0;
    while (threads > steps[i].threads_max)
        i++;
    return steps[i].power;
}

static enum option_status
check_hash_power(const struct config *c, struct option_report *report)
{
    uint32_t locks = item_lock_power(c->net.workers);
    if (c->compat.hash_power == 0 || c->compat.hash_power > locks)
        return OPTION_OK;
    return option_fail(report, EXIT_FAILURE, "-o hashpower: must be above %u for -t %u", locks,
                       c->net.workers);
}

static enum option_status
check_lru(const struct config *c, struct option_report *report)
{
    if (c->compat.hot_lru_pct + c->compat.warm_lru_pct > 80)
        return option_fail(report, EX_USAGE,
                           "-o hot_lru_pct and warm_lru_pct: together not more than 80");
    if (c->compat.temp_lru && !c->compat.lru_maintainer)
        return option_fail(report, EX_USAGE, "-o temporary_ttl: needs lru_maintainer");
    return OPTION_OK;
}

/* Only a limit that somebody chose is held against -I: our items do not come in such chunks, and a
 * -I that memcached's default would forbid does no harm here. */
static enum option_status
check_chunk_max(const struct config *c, struct option_report *report)
{
    uint32_t max = c->compat.slab_chunk_max_bytes;
    if (max == SLAB_CHUNK_BYTES || max == SLAB_PAGE_BYTES)
        return OPTION_OK;
    if (SLAB_PAGE_BYTES % max != 0)
        return option_fail(report, EX_USAGE, "-o slab_chunk_max: %u bytes do not divide %u", max,
                           SLAB_PAGE_BYTES);
    if (c->engine.item_bytes_max % max != 0)
        return option_fail(report, EX_USAGE,
                           "-o slab_chunk_max: %u bytes do not divide the max item size (-I), "
                           "%u bytes",
                           max, c->engine.item_bytes_max);
    return OPTION_OK;
}

static enum option_status
check_slab_sizes(const struct config *c, struct option_report *report)
{
    const char *at = c->compat.slab_sizes;
    uint32_t smallest =
        c->engine.chunk_bytes_min != 0 ? c->engine.chunk_bytes_min : CHUNK_BYTES_MIN;
    long last = 0;
    if (at == NULL)
        return OPTION_OK;
    for (int classes = 1;; classes++) {
        char *end;
        long bytes = strtol(at, &end, 10);
        bool is_number = *at >= '0' && *at <= '9' && (*end == '-' || *end == '\0');
        if (!is_number || bytes < (long)smallest || bytes > (long)c->compat.slab_chunk_max_bytes)
            return option_fail(report, EX_USAGE,
                               "-o slab_sizes: \"%.100s\" does not begin with a size from %u to %u",
                               at, smallest, c->compat.slab_chunk_max_bytes);
        if (last != 0 && bytes <= last + 8)
            return option_fail(report, EX_USAGE, "-o slab_sizes: %ld is not more than 8 above %ld",
                               bytes, last);
        if (classes > SLAB_CLASSES_MAX)
            return option_fail(report, EX_USAGE, "-o slab_sizes: more than %d sizes",
                               SLAB_CLASSES_MAX);
        if (*end == '\0')
            return OPTION_OK;
        last = bytes;
        at = end + 1;
    }
}

static enum option_status
check_all(struct config *c, struct option_report *report)
{
    static enum option_status (*const checks[])(const struct config *, struct option_report *) = {
        check_item_size, check_threads,   check_hash_power,
        check_lru,       check_chunk_max, check_slab_sizes,
    };
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        enum option_status status = checks[i](c, report);
        if (status != OPTION_OK)
            return status;
    }
    return OPTION_OK;
}

/* The protocol that option 'option' needs; NULL: none is needed. */
static const char *
forced_protocol(const struct config *c, const char **option)
{
    *option = c->auth.file != NULL ? "-Y" : "-S";
    return c->auth.file != NULL ? protocol_names[PROTOCOL_TEXT]
           : c->auth.sasl       ? protocol_names[PROTOCOL_BINARY]
                                : NULL;
}

/* What -B says.  -S and -Y decide which protocol is spoken: another one would be a way around them. */
static enum option_status
settle_protocol(struct config *c, struct option_report *report)
{
    const char *option, *forced = forced_protocol(c, &option);
    if (c->auth.sasl && c->auth.file != NULL)
        return option_fail(report, EX_USAGE, "-S and -Y: clients can log in in one way only");
    if (forced != NULL && c->compat.udp_port != 0)
        return option_fail(report, EX_USAGE, "%s: nobody can log in over UDP (-U)", option);
    if (forced != NULL && c->compat.protocol != NULL && strcmp(c->compat.protocol, forced) != 0)
        return option_fail(report, EX_USAGE, "%s: clients log in in the %s protocol only (-B)", option,
                           forced);
    if (c->compat.protocol == NULL)
        c->compat.protocol = forced != NULL ? forced : protocol_names[PROTOCOL_AUTO];
    for (unsigned i = 0; i < PROTOCOL_COUNT; i++)
        if (strcmp(protocol_names[i], c->compat.protocol) == 0)
            c->net.protocol = (uint8_t)i;
    return OPTION_OK;
}

static enum option_status
check_endpoint_protocols(const struct config *c, struct option_report *report)
{
    const char *option, *forced = forced_protocol(c, &option);
    for (unsigned i = 0; forced != NULL && i < c->net.endpoint_count; i++)
        if (c->net.endpoints[i].protocol != c->net.protocol)
            return option_fail(report, EX_USAGE,
                               "%s: clients log in in the %s protocol only (-l proto[...])", option,
                               forced);
    return OPTION_OK;
}

static enum option_status
fail_listen(struct option_report *report, enum endpoint_status status, struct span bad)
{
    if (status == ENDPOINT_NO_MEMORY)
        return option_fail(report, EX_OSERR, "out of memory");
    return option_fail(report, EX_OSERR, "-l \"%.*s\": %s", (int)bad.bytes, bad.p,
                       endpoint_status_text(status));
}

/* Turns -l, -p and -U into endpoints: none with -s. */
static enum option_status
find_endpoints(struct config *c, struct option_report *report)
{
    if (c->compat.udp_port != 0 && !c->compat.tcp_port_given)
        c->compat.tcp_port = c->compat.udp_port;
    struct endpoint fallback = {.port = c->compat.tcp_port,
                                .udp_port = c->compat.udp_port,
                                .protocol = c->net.protocol};
    const char *list = c->compat.listen_text;
    enum endpoint_status status;
    struct span bad = {"", 0};
    if (c->net.unix_path != NULL)
        return OPTION_OK;
    if (fallback.port == 0 && fallback.udp_port == 0)
        return option_fail(report, EX_USAGE,
                           "-p 0: without -s or -U there is nothing to listen on");
    if (list == NULL)
        status = endpoint_add_any(&c->net, &fallback);
    else
        status = endpoint_parse_list(&c->net, span_of(list, strlen(list)), &fallback, &bad);
    if (status != ENDPOINT_OK)
        return fail_listen(report, status, bad);
    if (c->net.endpoint_count == 0)
        return option_fail(report, EX_OSERR, "-l: there is no address in \"%.100s\"", list);
    return check_endpoint_protocols(c, report);
}

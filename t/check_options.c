/* The server's command line: every option with its default, what it accepts and what it refuses.
 *
 * What an option does to the configuration is seen through 'stats settings' where that shows it, which
 * is how operators and scripts see it too. */
#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "options.h"
#include "proto/protocol.h"
#include "settings.h"

static struct config config;
static struct option_report report;

/* Parses a command line whose arguments have single spaces between them. */
static enum option_status
parse(const char *line)
{
    static char copy[8192];
    char *argv[64] = {"ketchd"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " "))
        argv[argc++] = at;
    options_fini(&config);
    ck_assert(options_init(&config));
    return options_parse(&config, argc, argv, &report);
}

static void
expect_ok(const char *line)
{
    ck_assert_msg(parse(line) == OPTION_OK, "'%s': %s", line, report.text);
}

struct lines {
    char text[8192];
    size_t bytes;
    unsigned count;
};

static void
collect(void *to, const char *name, const char *fmt, ...)
{
    struct lines *lines = to;
    size_t room = sizeof lines->text - lines->bytes;
    lines->bytes += (size_t)snprintf(lines->text + lines->bytes, room, "%s ", name);
    va_list args;
    va_start(args, fmt);
    lines->bytes += (size_t)vsnprintf(lines->text + lines->bytes, sizeof lines->text - lines->bytes,
                                      fmt, args);
    va_end(args);
    lines->bytes += (size_t)snprintf(lines->text + lines->bytes, sizeof lines->text - lines->bytes,
                                     "\n");
    lines->count++;
}

static struct lines
settings_now(void)
{
    struct lines lines = {.count = 0};
    settings_emit(&config, collect, &lines);
    return lines;
}

START_TEST(settings_are_memcacheds_by_default_and_in_its_order)
{
    static const char expected[] =
        "maxbytes 67108864\nmaxconns 1024\ntcpport 11211\nudpport 0\ninter NULL\nverbosity 0\n"
        "oldest 0\nevictions on\ndomain_socket NULL\numask 700\nshutdown_command no\n"
        "growth_factor 1.12\nchunk_size 24\nnum_threads 4\nnum_threads_per_udp 4\n"
        "stat_key_prefix :\ndetail_enabled no\nreqs_per_event 20\ncas_enabled yes\n"
        "tcp_backlog 1024\nbinding_protocol auto-negotiate\nauth_enabled_sasl no\n"
        "auth_enabled_ascii no\nitem_size_max 1048576\nmaxconns_fast yes\nhashpower_init 0\n"
        "slab_reassign yes\nslab_automove 1\nslab_automove_ratio 0.80\nslab_automove_window 10\n"
        "slab_chunk_max 524288\nlru_crawler yes\nlru_crawler_sleep 100\nlru_crawler_tocrawl 0\n"
        "tail_repair_time 0\nflush_enabled yes\ndump_enabled yes\nhash_algorithm murmur3\n"
        "lru_maintainer_thread yes\nlru_segmented yes\nhot_lru_pct 20\nwarm_lru_pct 40\n"
        "hot_max_factor 0.20\nwarm_max_factor 2.00\ntemp_lru no\ntemporary_ttl 61\n"
        "idle_timeout 0\nwatcher_logbuf_size 262144\nworker_logbuf_size 65536\n"
        "read_buf_mem_limit 0\ntrack_sizes no\ninline_ascii_response no\nnum_napi_ids 0\n"
        "memory_file (null)\nclient_flags_size 4\n";
    expect_ok("");
    config.engine.growth = 1.12; /* chosen by the engine */
    config.engine.chunk_bytes_min = 24;
    struct lines lines = settings_now();
    ck_assert_str_eq(lines.text, expected);
}
END_TEST

START_TEST(options_show_in_settings)
{
    static const struct {
        const char *line;
        const char *setting;
    } rows[] = {
        {"-p 80", "tcpport 80"},
        {"--port=65535", "tcpport 65535"},
        {"-p -1", "tcpport -1"},
        {"-U 0", "udpport 0"},
        {"-U 12", "udpport 12"},
        {"-U 12", "tcpport 12"},
        {"-U 12 -p 13", "tcpport 13"},
        {"-p 13 -U 12", "tcpport 13"},
        {"-p 0 -U 12", "tcpport 0"},
        {"-U -1", "udpport -1"},
        {"-U -1", "tcpport -1"},
        {"-U 12 -U 0", "tcpport 11211"},
        {"-s /tmp/x", "domain_socket /tmp/x"},
        {"-s /tmp/x -p 0", "tcpport 0"},
        {"-a 0777", "umask 777"},
        {"-A", "shutdown_command yes"},
        {"-l 127.0.0.1", "inter 127.0.0.1"},
        {"-l 127.0.0.1 -l ::1", "inter 127.0.0.1,::1"},
        {"-m 100", "maxbytes 104857600"},
        {"-m 2g", "maxbytes 2147483648"},
        {"-m 64m", "maxbytes 67108864"},
        {"-m 5000", "maxbytes 5242880000"},
        {"-M", "evictions off"},
        {"-c 1", "maxconns 1"},
        {"-c 100000", "maxconns 100000"},
        {"-v", "verbosity 1"},
        {"-vv", "verbosity 2"},
        {"-vvv -v", "verbosity 4"},
        {"-f 1.08", "growth_factor 1.08"},
        {"-n 10", "chunk_size 10"},
        {"-D /", "stat_key_prefix /"},
        {"-D /", "detail_enabled yes"},
        {"-t 1", "num_threads 1"},
        {"-t 504", "num_threads_per_udp 504"},
        {"-R 1", "reqs_per_event 1"},
        {"-R 4294967295", "reqs_per_event 4294967295"},
        {"-C", "cas_enabled no"},
        {"-b 0", "tcp_backlog 0"},
        {"-b -1", "tcp_backlog -1"},
        {"-B ascii", "binding_protocol ascii"},
        {"-S", "binding_protocol binary"},
        {"-S", "auth_enabled_sasl yes"},
        {"-S", "auth_enabled_ascii no"},
        {"--enable-sasl -U 0", "auth_enabled_sasl yes"},
        {"-Y a/file", "binding_protocol ascii"},
        {"-Y a/file -l proto[ascii]:a,b", "binding_protocol ascii"},
        {"-Y a/file -B ascii", "auth_enabled_ascii a/file"},
        {"--auth-file=a/file", "auth_enabled_sasl no"},
        {"-B ascii -B auto", "binding_protocol auto-negotiate"},
        {"-B binary", "binding_protocol binary"},
        {"-I 1k", "item_size_max 1024"},
        {"-I 2M", "item_size_max 2097152"},
        {"-I 1500000", "item_size_max 1500000"},
        {"-I 32m", "item_size_max 33554432"},
        {"-I 1g -m 2048", "item_size_max 1073741824"},
        {"-F", "flush_enabled no"},
        {"-X", "dump_enabled no"},
        {"-N 4", "num_napi_ids 4"},
        {"--napi_ids=2", "num_napi_ids 2"},
        {"-o no_maxconns_fast", "maxconns_fast no"},
        {"-o no_maxconns_fast,maxconns_fast", "maxconns_fast yes"},
        {"-o hashpower=13", "hashpower_init 13"},
        {"-t 2 -o hashpower=12", "hashpower_init 12"},
        {"-t 21 -o hashpower=16", "hashpower_init 16"},
        {"-o hashpower=32", "hashpower_init 32"},
        {"-o no_slab_reassign", "slab_reassign no"},
        {"-o no_slab_reassign,slab_reassign", "slab_reassign yes"},
        {"-o slab_automove=2", "slab_automove 2"},
        {"-o no_slab_automove", "slab_automove 0"},
        {"-o no_slab_automove,slab_automove", "slab_automove 1"},
        {"-o slab_automove_ratio=1", "slab_automove_ratio 1.00"},
        {"-o slab_automove_window=3", "slab_automove_window 3"},
        {"-o slab_automove_window=1800", "slab_automove_window 1800"},
        {"-o slab_chunk_max=16", "slab_chunk_max 16384"},
        {"-o slab_chunk_max=1024", "slab_chunk_max 1048576"},
        {"-o no_chunked_items", "slab_chunk_max 1048576"},
        {"-o no_lru_crawler", "lru_crawler no"},
        {"-o lru_crawler_sleep=0", "lru_crawler_sleep 0"},
        {"-o lru_crawler_sleep=1000000", "lru_crawler_sleep 1000000"},
        {"-o lru_crawler_tocrawl=5", "lru_crawler_tocrawl 5"},
        {"-o tail_repair_time=10", "tail_repair_time 10"},
        {"-o hash_algorithm=jenkins", "hash_algorithm jenkins"},
        {"-o hash_algorithm=xxh3", "hash_algorithm xxh3"},
        {"-o hash_algorithm=xxh3,hash_algorithm=murmur3", "hash_algorithm murmur3"},
        {"-o no_lru_maintainer", "lru_maintainer_thread no"},
        {"-o no_lru_maintainer", "lru_segmented no"},
        {"-o hot_lru_pct=1,warm_lru_pct=79", "warm_lru_pct 79"},
        {"-o hot_lru_pct=40", "hot_lru_pct 40"},
        {"-o hot_max_factor=0.5", "hot_max_factor 0.50"},
        {"-o warm_max_factor=5", "warm_max_factor 5.00"},
        {"-o temporary_ttl=30", "temp_lru yes"},
        {"-o temporary_ttl=30", "temporary_ttl 30"},
        {"-o idle_timeout=60", "idle_timeout 60"},
        {"-o watcher_logbuf_size=1", "watcher_logbuf_size 1024"},
        {"-o worker_logbuf_size=128", "worker_logbuf_size 131072"},
        {"-o read_buf_mem_limit=7", "read_buf_mem_limit 7340032"},
        {"-o track_sizes", "track_sizes yes"},
        {"-o inline_ascii_resp", "inline_ascii_response no"},
        {"-o no_modern", "maxconns_fast no"},
        {"-o no_modern", "slab_reassign no"},
        {"-o no_modern", "slab_automove 0"},
        {"-o no_modern", "slab_chunk_max 1048576"},
        {"-o no_modern", "lru_crawler no"},
        {"-o no_modern", "hash_algorithm jenkins"},
        {"-o no_modern", "lru_segmented no"},
        {"-o no_modern,maxconns_fast", "maxconns_fast yes"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char wanted[128];
        expect_ok(rows[i].line);
        struct lines lines = settings_now();
        snprintf(wanted, sizeof wanted, "\n%s\n", rows[i].setting);
        ck_assert_msg(strstr(lines.text, wanted) != NULL ||
                          strncmp(lines.text, wanted + 1, strlen(wanted + 1)) == 0,
                      "'%s' does not show '%s' but\n%s", rows[i].line, rows[i].setting, lines.text);
    }
}
END_TEST

START_TEST(options_without_a_setting_are_accepted)
{
    static const char *const lines[] = {
        "-o no_hashexpand", "-o modern", "-o relaxed_privileges", "-o drop_privileges",
        "-o no_drop_privileges", "-o no_inline_ascii_resp", "-o slab_automove_freeratio=0.05",
        "-o slab_sizes=48-60-100", "-o slab_sizes=500-524288", "-o resp_obj_mem_limit=5",
        "-o lru_crawler,lru_maintainer,modern,", "-k", "-r -d", "-W", "stray words",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        expect_ok(lines[i]);
}
END_TEST

START_TEST(bad_values_are_refused_with_memcacheds_exit_code)
{
    static const struct {
        const char *line;
        int exit_code;
        const char *part;
    } rows[] = {
        {"-p 65536", EX_USAGE, "-p"},
        {"-p -2", EX_USAGE, "-p"},
        {"-p http", EX_USAGE, "-p"},
        {"-p 0", EX_USAGE, "nothing to listen on"},
        {"-U 65536", EX_USAGE, "-U"},
        {"-a 8", 1, "-a"},
        {"-l a:b", EX_OSERR, "\"a:b\""},
        {"-l 127.0.0.1:0", EX_OSERR, "port"},
        {"-l ,", EX_OSERR, "no address"},
        {"-l tag[123456789]:a", EX_OSERR, "tag"},
        {"-l proto[foo]:a", EX_OSERR, "ascii"},
        {"-l mtls:a", EX_OSERR, "mtls"},
        {"-U -2", EX_USAGE, "-U"},
        {"-U 0 -p 0", EX_USAGE, "nothing to listen on"},
        {"-o udp_reply_max=0", 1, "udp_reply_max"},
        {"-o udp_reply_max=4097", 1, "udp_reply_max"},
        {"-m 0", EX_USAGE, "-m"},
        {"-m -5", EX_USAGE, "-m"},
        {"-m many", EX_USAGE, "-m"},
        {"-m 1", EX_USAGE, "-m"},
        {"-c 0", 1, "-c"},
        {"-c 1k", 1, "-c"},
        {"-f 1", 1, "-f"},
        {"-f 0.5", 1, "-f"},
        {"-f abc", 1, "-f"},
        {"-n 0", 1, "-n"},
        {"-n -1", 1, "-n"},
        {"-t 0", 1, "-t"},
        {"-t 505", 1, "-t"},
        {"-R 0", 1, "-R"},
        {"-b x", 1, "-b"},
        {"-B foo", EX_USAGE, "-B"},
        {"-I 1023", EX_USAGE, "-I"},
        {"-I 1025m", EX_USAGE, "-I"},
        {"-I 2g", EX_USAGE, "-I"},
        {"-I 33m", EX_USAGE, "half of the memory"},
        {"-I 40m -m 79", EX_USAGE, "half of the memory"},
        {"-N 0", 1, "-N"},
        {"-N 5", EX_USAGE, "-t 4"},
        {"-o hashpower=64", 1, "hashpower"},
        {"-o hashpower=33", 1, "hashpower"},
        {"-o hashpower=11", 1, "hashpower"},
        {"-o hashpower=12", 1, "above 12"},
        {"-m 1", EX_USAGE, "a size from 2m to 65536g"},
        {"-o size_bias=2", 1, "a number from 0 to 1,"},
        {"-o size_bias=-0.1", 1, "a number from 0 to 1,"},
        {"-o slab_automove_ratio=0", 1, "a number above 0 and up to 1,"},
        {"-o slab_automove_freeratio=-1", 1, "a number from 0,"},
        {"-t 5 -o hashpower=13", 1, "above 13"},
        {"-o hashpower=15 -t 21", 1, "above 15"},
        {"-o hashpower", 1, "needs a value"},
        {"-o slab_automove=3", 1, "slab_automove"},
        {"-o slab_automove=-1", 1, "slab_automove"},
        {"-o slab_automove_ratio=0", 1, "slab_automove_ratio"},
        {"-o slab_automove_ratio=1.1", 1, "slab_automove_ratio"},
        {"-o slab_automove_window=2", 1, "slab_automove_window"},
        {"-o slab_automove_window=1801", 1, "slab_automove_window"},
        {"-o slab_automove_freeratio=-1", 1, "slab_automove_freeratio"},
        {"-o tail_repair_time=9", 1, "tail_repair_time"},
        {"-o hash_algorithm=md5", 1, "jenkins, murmur3 or xxh3"},
        {"-o lru_crawler_sleep=1000001", 1, "lru_crawler_sleep"},
        {"-o lru_crawler_tocrawl=x", 1, "lru_crawler_tocrawl"},
        {"-o hot_lru_pct=0", 1, "hot_lru_pct"},
        {"-o hot_lru_pct=80", 1, "hot_lru_pct"},
        {"-o warm_lru_pct=80", 1, "warm_lru_pct"},
        {"-o hot_lru_pct=41", EX_USAGE, "80"},
        {"-o warm_max_factor=0", 1, "warm_max_factor"},
        {"-o hot_max_factor=x", 1, "hot_max_factor"},
        {"-o temporary_ttl", 1, "temporary_ttl"},
        {"-o temporary_ttl=x", 1, "temporary_ttl"},
        {"-o temporary_ttl=5,no_lru_maintainer", EX_USAGE, "lru_maintainer"},
        {"-o idle_timeout", 1, "idle_timeout"},
        {"-o slab_sizes=", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=abc", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=47", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=100-108", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=100-524289", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=100-", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=100-+200", EX_USAGE, "slab_sizes"},
        {"-o slab_sizes=99999999999999999999", EX_USAGE, "slab_sizes"},
        {"-o slab_chunk_max=0", EX_USAGE, "slab_chunk_max"},
        {"-o slab_chunk_max=1025", EX_USAGE, "slab_chunk_max"},
        {"-o slab_chunk_max=500", EX_USAGE, "slab_chunk_max"},
        {"-o slab_chunk_max=16 -I 1500k", EX_USAGE, "slab_chunk_max"},
        {"-o nonsense", 1, "Illegal suboption \"nonsense\""},
        {"-o slab_reassign,no_such=1", 1, "Illegal suboption \"no_such=1\""},
        {"-Q", 1, "Illegal argument \"?\""},
        {"--nonsense", 1, "Illegal argument \"?\""},
        {"-p", 1, "Illegal argument \"?\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        ck_assert_msg(parse(rows[i].line) == OPTION_BAD, "accepted '%s'", rows[i].line);
        ck_assert_msg(report.exit_code == rows[i].exit_code, "'%s' exits with %d", rows[i].line,
                      report.exit_code);
        ck_assert_msg(strstr(report.text, rows[i].part) != NULL, "'%s' says '%s'", rows[i].line,
                      report.text);
    }
}
END_TEST

START_TEST(an_empty_delimiter_is_refused)
{
    char *argv[] = {"ketchd", "-D", ""};
    options_fini(&config);
    ck_assert(options_init(&config));
    ck_assert_int_eq(options_parse(&config, 3, argv, &report), OPTION_BAD);
    ck_assert_int_eq(report.exit_code, 1);
}
END_TEST

START_TEST(features_we_do_not_have_are_never_ignored)
{
    static const char *const lines[] = {
        "-e /dev/shm/x", "-Z",
        "-o ext_path=/tmp/x:1g", "-o ext_page_size=8", "-o ext_wbuf_size=8", "-o ext_threads=2",
        "-o ext_io_depth=1", "-o ext_item_size=1", "-o ext_item_age=1", "-o ext_low_ttl=1",
        "-o ext_recache_rate=1", "-o ext_compact_under=1", "-o ext_drop_under=1",
        "-o ext_max_frag=0.5", "-o ext_max_sleep=1", "-o ext_drop_unread", "-o ssl_chain_cert=x",
        "-o ssl_key=x", "-o ssl_keyformat=1", "-o ssl_verify_mode=1", "-o ssl_ciphers=x",
        "-o ssl_ca_cert=x", "-o ssl_wbuf_size=1", "-o ssl_session_cache", "-o ssl_kernel_tls",
        "-o ssl_min_version=2", "-o proxy_config=x", "-o proxy_arg=x", "-o proxy_uring",
        "-o proxy_memprofile",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        ck_assert_msg(parse(lines[i]) == OPTION_BAD, "accepted '%s'", lines[i]);
        ck_assert_msg(report.exit_code == 1, "'%s' exits with %d", lines[i], report.exit_code);
        ck_assert_msg(strstr(report.text, "there is no ") != NULL ||
                          strstr(report.text, "not available") != NULL,
                      "'%s' says '%s'", lines[i], report.text);
    }
}
END_TEST

START_TEST(modules_get_what_is_theirs)
{
    expect_ok("-m 128 -I 2m -f 1.5 -n 100 -C -M -L -A -F -X -D | -t 3 -c 5 -R 6 -b 7 -s sock -a 600 "
              "-d -r -k -u nobody -P pid -v -W "
              "-o track_sizes,promote_hits=2,size_bias=0,idle_timeout=9,sock_cookie_id=4294967295,no_maxconns_fast");
    const struct engine_config *e = &config.engine;
    ck_assert(e->limit_bytes == 128u << 20 && e->item_bytes_max == 2u << 20);
    ck_assert(e->growth == 1.5 && e->chunk_bytes_min == 100);
    ck_assert(!e->cas && !e->evict && e->huge_pages && e->preallocate && e->track_sizes);
    ck_assert(e->promote_hits == 2 && e->size_bias == 0);
    const struct exec_config *x = &config.exec;
    ck_assert(x->shutdown_enabled && !x->flush_enabled && !x->dump_enabled && x->detail_enabled);
    ck_assert_int_eq(x->prefix_delimiter, '|');
    const struct net_config *n = &config.net;
    ck_assert(n->workers == 3 && n->conns_max == 5 && n->requests_per_event == 6);
    ck_assert(n->backlog == 7 && n->idle_timeout_s == 9 && n->sock_cookie == UINT32_MAX);
    ck_assert(!n->reject_fast && n->unix_mask == 0600 && n->endpoint_count == 0);
    ck_assert_str_eq(n->unix_path, "sock");
    const struct process_config *p = &config.process;
    ck_assert(p->daemon && p->coredumps && p->lock_memory && p->huge_pages && p->verbosity == 1);
    ck_assert_str_eq(p->user, "nobody");
    ck_assert_str_eq(p->pid_file, "pid");
    ck_assert(!config.exec.watch_enabled);
}
END_TEST

START_TEST(defaults_that_settings_do_not_show)
{
    expect_ok("");
    ck_assert(config.engine.growth == 0 && config.engine.chunk_bytes_min == 0);
    ck_assert(config.engine.page_bytes == 0 && !config.engine.huge_pages);
    ck_assert(!config.engine.preallocate && config.engine.evict && config.engine.cas);
    ck_assert_uint_eq(config.net.sock_cookie, 0);
    ck_assert_ptr_null(config.net.port_file);
    ck_assert_ptr_null(config.process.user);
    ck_assert_ptr_null(config.process.pid_file);
    ck_assert(!config.process.daemon && !config.process.coredumps && !config.process.lock_memory);
    ck_assert(config.exec.watch_enabled && config.compat.hash_expand);
}
END_TEST

START_TEST(what_connections_keep_is_bounded_in_proportion)
{
    const struct {
        const char *line;
        uint64_t bytes;
    } rows[] = {
        {"", 2u << 20},
        {"-m 1024", 32u << 20},
        {"-m 16", NET_KEPT_BYTES_MIN},
        {"-m 1024 -o read_buf_mem_limit=3", 3u << 20},
        {"-o read_buf_mem_limit=3 -m 16", 3u << 20},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        expect_ok(rows[i].line);
        ck_assert_uint_eq(config.net.kept_plenty_bytes, rows[i].bytes);
    }
}
END_TEST

START_TEST(endpoints_come_from_l_and_p_in_any_order)
{
    expect_ok("");
    ck_assert_uint_eq(config.net.endpoint_count, 1);
    ck_assert_ptr_null(config.net.endpoints[0].host);
    ck_assert_int_eq(config.net.endpoints[0].port, 11211);
    expect_ok("-l 127.0.0.1;[::1]:12 -l notls:* -p 80");
    ck_assert_uint_eq(config.net.endpoint_count, 3);
    ck_assert_str_eq(config.net.endpoints[0].host, "127.0.0.1");
    ck_assert_int_eq(config.net.endpoints[0].port, 80);
    ck_assert_int_eq(config.net.endpoints[1].port, 12);
    ck_assert_ptr_null(config.net.endpoints[2].host);
    expect_ok("-p -1");
    ck_assert_int_eq(config.net.endpoints[0].port, -1);
    expect_ok("-s x -l 127.0.0.1");
    ck_assert_uint_eq(config.net.endpoint_count, 0);
}
END_TEST

START_TEST(udp_goes_where_tcp_goes)
{
    const struct endpoint *e = config.net.endpoints;
    expect_ok("-l 127.0.0.1");
    ck_assert_int_eq(e[0].udp_port, 0);
    expect_ok("-U 12 -l 127.0.0.1,b:80");
    ck_assert_int_eq(e[0].port, 12);
    ck_assert_int_eq(e[0].udp_port, 12);
    ck_assert_int_eq(e[1].port, 80);
    ck_assert_int_eq(e[1].udp_port, 80);
    expect_ok("-U 12 -p 0 -l b:80");
    ck_assert_int_eq(e[0].port, 0);
    ck_assert_int_eq(e[0].udp_port, 80);
    expect_ok("-s x -U 12");
    ck_assert_uint_eq(config.net.endpoint_count, 0);
}
END_TEST

START_TEST(udp_is_careful_by_default)
{
    expect_ok("-U 12");
    ck_assert(!config.net.udp_public);
    ck_assert_uint_eq(config.net.udp_reply_max, NET_UDP_REPLY_MAX);
    expect_ok("-U 12 -o udp_public,udp_reply_max=4096");
    ck_assert(config.net.udp_public);
    ck_assert_uint_eq(config.net.udp_reply_max, 4096);
}
END_TEST

START_TEST(the_protocol_is_that_of_b_unless_an_address_says_otherwise)
{
    const struct endpoint *e = config.net.endpoints;
    expect_ok("-l proto[ascii]:a,b,proto[negotiating]:c -B binary");
    ck_assert_uint_eq(config.net.protocol, PROTOCOL_BINARY);
    ck_assert_uint_eq(e[0].protocol, PROTOCOL_TEXT);
    ck_assert_uint_eq(e[1].protocol, PROTOCOL_BINARY);
    ck_assert_uint_eq(e[2].protocol, PROTOCOL_AUTO);
}
END_TEST

START_TEST(a_login_cannot_be_gone_around)
{
    static const char *const lines[] = {
        "-S -Y file", "-Y file -S", "-S -B ascii", "-B ascii -S", "-S -B auto", "-Y file -B auto",
        "-B auto -Y file", "-S -U 11211", "-U 11211 -Y file", "-S -l proto[ascii]:a",
        "-S -l b,proto[negotiating]:a", "-Y file -l proto[binary]:a", "-Y file -l proto[negotiating]:a",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        ck_assert_msg(parse(lines[i]) == OPTION_BAD, "accepted '%s'", lines[i]);
        ck_assert_msg(report.exit_code == EX_USAGE, "'%s' exits with %d", lines[i], report.exit_code);
    }
}
END_TEST

START_TEST(sasl_is_configured_by_the_environment)
{
    setenv("MEMCACHED_SASL_PWDB", "/tmp/pwdb", 1);
    setenv("SASL_CONF_PATH", "/tmp/conf", 1);
    expect_ok("-S");
    ck_assert_str_eq(config.auth.pwdb, "/tmp/pwdb");
    ck_assert_str_eq(config.auth.conf_path, "/tmp/conf");
    setenv("MEMCACHED_SASL_PWDB", "", 1);
    unsetenv("SASL_CONF_PATH");
    expect_ok("-S");
    unsetenv("MEMCACHED_SASL_PWDB");
    ck_assert_ptr_null(config.auth.pwdb);
    ck_assert_ptr_null(config.auth.conf_path);
}
END_TEST

START_TEST(the_port_file_comes_from_the_environment)
{
    setenv("MEMCACHED_PORT_FILENAME", "/tmp/ports", 1);
    expect_ok("-p -1");
    unsetenv("MEMCACHED_PORT_FILENAME");
    ck_assert_str_eq(config.net.port_file, "/tmp/ports");
}
END_TEST

START_TEST(help_version_and_licence_stop)
{
    ck_assert_int_eq(parse("-h -Q"), OPTION_STOP);
    ck_assert_int_eq(config.action, CONFIG_SHOW_HELP);
    ck_assert_int_eq(parse("--version"), OPTION_STOP);
    ck_assert_int_eq(config.action, CONFIG_SHOW_VERSION);
    ck_assert_int_eq(parse("-p 80 -i"), OPTION_STOP);
    ck_assert_int_eq(config.action, CONFIG_SHOW_LICENCE);
}
END_TEST

START_TEST(help_has_the_lines_that_scripts_look_for)
{
    static const char *const lines[] = {
        "-p, --port=<num>          TCP port to listen on (default: 11211)\n",
        "-s, --unix-socket=<file>  UNIX socket to listen on (disables network support)\n",
        "-d, --daemon              run as a daemon\n",
        "-c, --conn-limit=<num>    max simultaneous connections (default: 1024)\n",
        "-t, --threads=<num>       number of threads to use (default: 4)\n",
        "-S, --enable-sasl         clients log in by SASL",
        "-Y, --auth-file=<file>    clients log in",
        "   - idle_timeout:        ",
    };
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    options_print_help(f);
    fclose(f);
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no line '%s'", lines[i]);
    ck_assert_ptr_null(strstr(text, "--enable-ssl"));
    ck_assert_ptr_null(strstr(text, "ext_path"));
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
        ck_assert_msg(strcspn(at, "\n") <= 80, "too long: %.*s", (int)strcspn(at, "\n"), at);
    free(text);
}
END_TEST

static void
clean_up(void)
{
    options_fini(&config);
}

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("options");
    tcase_add_checked_fixture(tc, NULL, clean_up);
    tcase_add_test(tc, settings_are_memcacheds_by_default_and_in_its_order);
    tcase_add_test(tc, options_show_in_settings);
    tcase_add_test(tc, options_without_a_setting_are_accepted);
    tcase_add_test(tc, bad_values_are_refused_with_memcacheds_exit_code);
    tcase_add_test(tc, an_empty_delimiter_is_refused);
    tcase_add_test(tc, features_we_do_not_have_are_never_ignored);
    tcase_add_test(tc, modules_get_what_is_theirs);
    tcase_add_test(tc, defaults_that_settings_do_not_show);
    tcase_add_test(tc, what_connections_keep_is_bounded_in_proportion);
    tcase_add_test(tc, endpoints_come_from_l_and_p_in_any_order);
    tcase_add_test(tc, udp_goes_where_tcp_goes);
    tcase_add_test(tc, udp_is_careful_by_default);
    tcase_add_test(tc, the_protocol_is_that_of_b_unless_an_address_says_otherwise);
    tcase_add_test(tc, a_login_cannot_be_gone_around);
    tcase_add_test(tc, sasl_is_configured_by_the_environment);
    tcase_add_test(tc, the_port_file_comes_from_the_environment);
    tcase_add_test(tc, help_version_and_licence_stop);
    tcase_add_test(tc, help_has_the_lines_that_scripts_look_for);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("options")

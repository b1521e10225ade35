#include "settings.h"

#include <stddef.h>
#include "base/check.h"
#include "options.h"

enum setting_type {
    SETTING_U32,
    SETTING_I32,
    SETTING_U64,
    SETTING_OCTAL,
    SETTING_FACTOR, /* double, two digits after the point */
    SETTING_CHAR,
    SETTING_YES,      /* bool: yes or no */
    SETTING_ON,       /* bool: on or off */
    SETTING_TEXT,     /* const char *; NULL shows as .otherwise */
    SETTING_CONSTANT, /* always .otherwise */
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
    const char *otherwise; /* shown in the place of a text that is NULL, and by SETTING_CONSTANT */
};

#define OF(field) .offset = offsetof(struct config, field)

/* In memcached's order, which some scripts rely on. */
static const struct setting settings[] = {
    {"maxbytes", SETTING_U64, OF(engine.limit_bytes)},
    {"maxconns", SETTING_U32, OF(net.conns_max)},
    {"tcpport", SETTING_I32, OF(compat.tcp_port)},
    {"udpport", SETTING_I32, OF(compat.udp_port)},
    {"inter", SETTING_TEXT, OF(compat.listen_text), .otherwise = "NULL"},
    {"verbosity", SETTING_U32, OF(process.verbosity)},
    {"oldest", SETTING_U32, OF(compat.oldest_s)},
    {"evictions", SETTING_ON, OF(engine.evict)},
    {"domain_socket", SETTING_TEXT, OF(net.unix_path), .otherwise = "NULL"},
    {"umask", SETTING_OCTAL, OF(net.unix_mask)},
    {"shutdown_command", SETTING_YES, OF(exec.shutdown_enabled)},
    {"growth_factor", SETTING_FACTOR, OF(engine.growth)},
    {"chunk_size", SETTING_U32, OF(engine.chunk_bytes_min)},
    {"num_threads", SETTING_U32, OF(net.workers)},
    {"num_threads_per_udp", SETTING_U32, OF(net.workers)},
    {"stat_key_prefix", SETTING_CHAR, OF(exec.prefix_delimiter)},
    {"detail_enabled", SETTING_YES, OF(exec.detail_enabled)},
    {"reqs_per_event", SETTING_U32, OF(net.requests_per_event)},
    {"cas_enabled", SETTING_YES, OF(engine.cas)},
    {"tcp_backlog", SETTING_I32, OF(net.backlog)},
    {"binding_protocol", SETTING_TEXT, OF(compat.protocol)},
    {"auth_enabled_sasl", SETTING_YES, OF(auth.sasl)},
    {"auth_enabled_ascii", SETTING_TEXT, OF(auth.file), .otherwise = "no"},
    {"item_size_max", SETTING_U32, OF(engine.item_bytes_max)},
    {"maxconns_fast", SETTING_YES, OF(net.reject_fast)},
    {"hashpower_init", SETTING_U32, OF(compat.hash_power)},
    {"slab_reassign", SETTING_YES, OF(compat.slab_reassign)},
    {"slab_automove", SETTING_U32, OF(compat.slab_automove)},
    {"slab_automove_ratio", SETTING_FACTOR, OF(compat.slab_automove_ratio)},
    {"slab_automove_window", SETTING_U32, OF(compat.slab_automove_window)},
    {"slab_chunk_max", SETTING_U32, OF(compat.slab_chunk_max_bytes)},
    {"lru_crawler", SETTING_YES, OF(compat.lru_crawler)},
    {"lru_crawler_sleep", SETTING_U32, OF(compat.lru_crawler_sleep_us)},
    {"lru_crawler_tocrawl", SETTING_U32, OF(compat.lru_crawler_tocrawl)},
    {"tail_repair_time", SETTING_U32, OF(compat.tail_repair_time_s)},
    {"flush_enabled", SETTING_YES, OF(exec.flush_enabled)},
    {"dump_enabled", SETTING_YES, OF(exec.dump_enabled)},
    {"hash_algorithm", SETTING_TEXT, OF(compat.hash_algorithm)},
    {"lru_maintainer_thread", SETTING_YES, OF(compat.lru_maintainer)},
    {"lru_segmented", SETTING_YES, OF(compat.lru_maintainer)},
    {"hot_lru_pct", SETTING_U32, OF(compat.hot_lru_pct)},
    {"warm_lru_pct", SETTING_U32, OF(compat.warm_lru_pct)},
    {"hot_max_factor", SETTING_FACTOR, OF(compat.hot_max_factor)},
    {"warm_max_factor", SETTING_FACTOR, OF(compat.warm_max_factor)},
    {"temp_lru", SETTING_YES, OF(compat.temp_lru)},
    {"temporary_ttl", SETTING_U32, OF(compat.temporary_ttl_s)},
    {"idle_timeout", SETTING_U32, OF(net.idle_timeout_s)},
    {"watcher_logbuf_size", SETTING_U32, OF(compat.watcher_logbuf_bytes)},
    {"worker_logbuf_size", SETTING_U32, OF(compat.worker_logbuf_bytes)},
    {"read_buf_mem_limit", SETTING_U64, OF(net.read_buf_limit_bytes)},
    {"track_sizes", SETTING_YES, OF(engine.track_sizes)},
    {"inline_ascii_response", SETTING_CONSTANT, .otherwise = "no"},
    {"num_napi_ids", SETTING_U32, OF(compat.napi_ids)},
    {"memory_file", SETTING_CONSTANT, .otherwise = "(null)"},
    {"client_flags_size", SETTING_CONSTANT, .otherwise = "4"},
};

static void emit_one(const struct config *c, const struct setting *s, stat_emit_fn *emit, void *to);

void
settings_emit(const struct config *c, stat_emit_fn *emit, void *to)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        emit_one(c, &settings[i], emit, to);
}

static void
emit_one(const struct config *c, const struct setting *s, stat_emit_fn *emit, void *to)
{
    const void *field = (const char *)c + s->offset;
    const char *text;
    switch (s->type) {
    case SETTING_U32:
        emit(to, s->name, "%u", *(const uint32_t *)field);
        return;
    case SETTING_I32:
        emit(to, s->name, "%d", *(const int32_t *)field);
        return;
    case SETTING_U64:
        emit(to, s->name, "%llu", (unsigned long long)*(const uint64_t *)field);
        return;
    case SETTING_OCTAL:
        emit(to, s->name, "%o", *(const unsigned *)field);
        return;
    case SETTING_FACTOR:
        emit(to, s->name, "%.2f", *(const double *)field);
        return;
    case SETTING_CHAR:
        emit(to, s->name, "%c", *(const char *)field);
        return;
    case SETTING_YES:
        emit(to, s->name, "%s", *(const bool *)field ? "yes" : "no");
        return;
    case SETTING_ON:
        emit(to, s->name, "%s", *(const bool *)field ? "on" : "off");
        return;
    case SETTING_TEXT:
        text = *(char *const *)field;
        emit(to, s->name, "%s", text != NULL ? text : s->otherwise);
        return;
    case SETTING_CONSTANT:
        emit(to, s->name, "%s", s->otherwise);
        return;
    }
    CHECK_NOT_REACHED();
}

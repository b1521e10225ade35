/* stats.c - 'stats' and its groups, in memcached's names and order.
 *
 * Every name that memcached shows by default is here.  Where we have the thing, the value is ours;
 * where we have no such mechanism, there is nothing to count and the value is 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/version.h"
#include "engine/view.h"
#include "exec/packet.h"
#include "exec/report.h"
#include "exec/words.h"

#define CACHEDUMP_BYTES_MAX      (2u << 20)
#define CACHEDUMP_LINE_BYTES_MIN (sizeof "ITEM k [0 b; 0 s]\r\n" - 1)

/* memcached's highest id of a class; we may have more. */
#define SLAB_IDS_MAX 63

/* How long a report waits for figures of a cache at rest; see has_to_wait().  On an idle server enough
 * for another worker to get its core back. */
#define WAIT_MS 100

/* Everything the reports draw on, collected once. */
struct figures {
    struct engine_memory memory;
    struct exec_figures server;
    struct engine_counters total;
    struct engine_class_counters *classes; /* by class id; [0] holds the sums */
    unsigned class_count;
};

static uint64_t
v(const counter_t *c)
{
    return counter_get(c);
}

static bool
figures_init(struct figures *f, struct exec *x)
{
    f->class_count = engine_class_count(x->engine);
    f->classes = calloc(f->class_count + 1, sizeof *f->classes);
    if (f->classes == NULL)
        return false;
    engine_memory(x->engine, &f->memory);
    engine_count(x->engine, &f->total, f->classes);
    for (unsigned id = 1; id <= f->class_count; id++)
        counter_add_all(&f->classes[0], &f->classes[id], sizeof f->classes[id]);
    f->server = (struct exec_figures){0};
    x->hooks.figures(x->hooks.context, &f->server);
    return true;
}

/* ---- stats ---- */

static void
stat_u64(struct report *r, const char *name, uint64_t value)
{
    report_stat(r, name, "%" PRIu64, value);
}

static void
stat_seconds(struct report *r, const char *name, struct timeval tv)
{
    report_stat(r, name, "%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
}

static void
process_stats(struct report *r, const struct exec *x, uint32_t now_s)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    report_stat(r, "pid", "%ld", (long)getpid());
    stat_u64(r, "uptime", now_s - CLOCK_START_S);
    report_stat(r, "time", "%" PRId64, clock_to_unix(x->clock, now_s));
    report_stat(r, "version", "%s", MEMCACHED_COMPAT_VERSION);
    report_stat(r, "libevent", "libev-%d.%d", x->hooks.libev_major, x->hooks.libev_minor);
    stat_u64(r, "pointer_size", 8 * sizeof(void *));
    stat_seconds(r, "rusage_user", usage.ru_utime);
    stat_seconds(r, "rusage_system", usage.ru_stime);
}

static void
conn_stats(struct report *r, const struct exec_figures *s)
{
    stat_u64(r, "max_connections", s->conns_max);
    stat_u64(r, "curr_connections", s->conns_now);
    stat_u64(r, "total_connections", s->conns_ever);
    if (s->reject_fast_on)
        stat_u64(r, "rejected_connections", s->conns_rejected);
    stat_u64(r, "connection_structures", s->conn_structures);
    stat_u64(r, "response_obj_oom", 0);
    stat_u64(r, "response_obj_count", 0);
    stat_u64(r, "response_obj_bytes", 0);
    stat_u64(r, "read_buf_count", s->buffer_count);
    stat_u64(r, "read_buf_bytes", s->buffer_bytes);
    stat_u64(r, "read_buf_bytes_free", s->buffer_bytes_free);
    stat_u64(r, "read_buf_oom", 0);
    stat_u64(r, "reserved_fds", s->reserved_fds);
}

static void
command_stats(struct report *r, const struct figures *f, const struct exec *x)
{
    const struct engine_counters *t = &f->total;
    const struct engine_class_counters *c = &f->classes[0];
    stat_u64(r, "cmd_get", v(&c->get_hits) + v(&t->get_misses));
    stat_u64(r, "cmd_set", v(&c->set_cmds));
    stat_u64(r, "cmd_flush", v(&t->cmd_flush));
    stat_u64(r, "cmd_touch", v(&c->touch_hits) + v(&t->touch_misses));
    stat_u64(r, "cmd_meta", atomic_load_explicit(&((struct exec *)x)->cmd_meta,
                                                 memory_order_relaxed));
    stat_u64(r, "get_hits", v(&c->get_hits));
    stat_u64(r, "get_misses", v(&t->get_misses));
    stat_u64(r, "get_expired", v(&t->get_expired));
    stat_u64(r, "get_flushed", v(&t->get_flushed));
    stat_u64(r, "delete_misses", v(&t->delete_misses));
    stat_u64(r, "delete_hits", v(&c->delete_hits));
    stat_u64(r, "incr_misses", v(&t->incr_misses));
    stat_u64(r, "incr_hits", v(&c->incr_hits));
    stat_u64(r, "decr_misses", v(&t->decr_misses));
    stat_u64(r, "decr_hits", v(&c->decr_hits));
    stat_u64(r, "cas_misses", v(&t->cas_misses));
    stat_u64(r, "cas_hits", v(&c->cas_hits));
    stat_u64(r, "cas_badval", v(&c->cas_badval));
    stat_u64(r, "touch_hits", v(&c->touch_hits));
    stat_u64(r, "touch_misses", v(&t->touch_misses));
    stat_u64(r, "store_too_large", v(&t->store_too_large));
    stat_u64(r, "store_no_memory", v(&t->store_no_memory));
    stat_u64(r, "auth_cmds",
             atomic_load_explicit(&((struct exec *)x)->auth_cmds, memory_order_relaxed));
    stat_u64(r, "auth_errors",
             atomic_load_explicit(&((struct exec *)x)->auth_errors, memory_order_relaxed));
}

static void
traffic_stats(struct report *r, const struct figures *f)
{
    const struct exec_figures *s = &f->server;
    if (s->idle_timeout_on)
        stat_u64(r, "idle_kicks", s->idle_kicks);
    stat_u64(r, "bytes_read", s->bytes_read);
    stat_u64(r, "bytes_written", s->bytes_written);
    stat_u64(r, "limit_maxbytes", f->memory.limit_bytes);
    stat_u64(r, "accepting_conns", s->accepting);
    stat_u64(r, "listen_disabled_num", s->listen_disabled_count);
    stat_u64(r, "time_in_listen_disabled_us", s->listen_disabled_us);
    stat_u64(r, "threads", s->workers);
    stat_u64(r, "conn_yields", s->conn_yields);
}

/* log2, rounded up: memcached's table has as many buckets as this power of two. */
static unsigned
power_of(uint64_t n)
{
    unsigned power = 0;
    while (power < 63 && 1ull << power < n)
        power++;
    return power;
}

/* What memcached's page mover counts. */
static void
mover_stats(struct report *r, const struct figures *f)
{
    static const char *const none[] = {"slab_reassign_chunk_rescues", "slab_reassign_inline_reclaim",
                                       "slab_reassign_busy_items", "slab_reassign_busy_deletes",
                                       "slab_reassign_busy_nomem"};
    stat_u64(r, "slab_reassign_rescues", v(&f->classes[0].rescued));
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        stat_u64(r, none[i], 0);
    report_stat(r, "slab_reassign_last_busy_status", "none");
    stat_u64(r, "slab_reassign_running", 0);
    stat_u64(r, "slabs_moved", v(&f->total.pages_moved));
}

static void
engine_stats(struct report *r, const struct figures *f)
{
    static const char *const none[] = {"malloc_fails", "log_worker_dropped", "log_worker_written",
                                       "log_watcher_skipped", "log_watcher_sent", "log_watchers",
                                       "unexpected_napi_ids", "round_robin_fallback"};
    stat_u64(r, "hash_power_level", power_of(f->memory.buckets));
    stat_u64(r, "hash_bytes", f->memory.index_bytes);
    stat_u64(r, "hash_is_expanding", 0);
    if (f->server.slab_reassign_on)
        mover_stats(r, f);
    if (f->server.lru_crawler_on) {
        stat_u64(r, "lru_crawler_running", 0);
        stat_u64(r, "lru_crawler_starts", v(&f->total.sweeps));
    }
    if (f->server.lru_maintainer_on)
        stat_u64(r, "lru_maintainer_juggles", 0);
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        stat_u64(r, none[i], 0);
}

static void
item_stats(struct report *r, const struct figures *f)
{
    const struct engine_class_counters *c = &f->classes[0];
    stat_u64(r, "bytes", v(&c->bytes));
    stat_u64(r, "curr_items", v(&c->number));
    stat_u64(r, "total_items", v(&f->total.total_items));
    stat_u64(r, "slab_global_page_pool", f->memory.free_pages);
    stat_u64(r, "expired_unfetched", v(&c->expired_unfetched));
    stat_u64(r, "evicted_unfetched", v(&c->evicted_unfetched));
    if (f->server.lru_maintainer_on)
        stat_u64(r, "evicted_active", v(&c->evicted_active));
    stat_u64(r, "evictions", v(&c->evicted));
    stat_u64(r, "reclaimed", v(&c->reclaimed));
    stat_u64(r, "crawler_reclaimed", v(&c->crawler_reclaimed));
    stat_u64(r, "crawler_items_checked", v(&c->crawler_items_checked));
    stat_u64(r, "lrutail_reflocked", 0);
    if (!f->server.lru_maintainer_on)
        return;
    stat_u64(r, "moves_to_cold", 0);
    stat_u64(r, "moves_to_warm", v(&c->promoted));
    stat_u64(r, "moves_within_lru", v(&c->second_chances));
    stat_u64(r, "direct_reclaims", 0);
    stat_u64(r, "lru_bumps_dropped", 0);
}

static void
report_general(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    process_stats(r, xt->exec, engine_now(xt->engine_thread));
    conn_stats(r, &f->server);
    command_stats(r, f, xt->exec);
    traffic_stats(r, f);
    engine_stats(r, f);
    item_stats(r, f);
}

/* ---- stats items, stats slabs ---- */

#define ITEMS "items:"

static void
class_stat(struct report *r, const char *prefix, unsigned id, const char *name, uint64_t value)
{
    char full[64];
    snprintf(full, sizeof full, "%s%u:%s", prefix, id, name);
    stat_u64(r, full, value);
}

/* New items are on probation as in memcached's HOT; who was asked for is kept, as in WARM; and what nobody
 * wants goes at once instead of waiting in COLD. */
static void
queues_of_class(struct report *r, const struct exec_figures *s, uint64_t number,
                const struct engine_class_memory *m, const struct engine_class_age *age, unsigned id)
{
    uint64_t hot = m->probation < number ? m->probation : number;
    class_stat(r, ITEMS, id, "number_hot", hot);
    class_stat(r, ITEMS, id, "number_warm", number - hot);
    class_stat(r, ITEMS, id, "number_cold", 0);
    if (s->temp_lru_on)
        class_stat(r, ITEMS, id, "number_temp", 0);
    class_stat(r, ITEMS, id, "age_hot", age->probation_s);
    class_stat(r, ITEMS, id, "age_warm", age->kept_s);
}

static void
moves_of_class(struct report *r, const struct engine_class_counters *c, unsigned id)
{
    class_stat(r, ITEMS, id, "moves_to_cold", 0);
    class_stat(r, ITEMS, id, "moves_to_warm", v(&c->promoted));
    class_stat(r, ITEMS, id, "moves_within_lru", v(&c->second_chances));
    class_stat(r, ITEMS, id, "direct_reclaims", 0);
    class_stat(r, ITEMS, id, "hits_to_hot", 0);
    class_stat(r, ITEMS, id, "hits_to_warm", v(&c->get_hits));
    class_stat(r, ITEMS, id, "hits_to_cold", 0);
    class_stat(r, ITEMS, id, "hits_to_temp", 0);
}

static void
items_of_class(struct report *r, struct exec_thread *xt, const struct figures *f, unsigned id)
{
    const struct engine_class_counters *c = &f->classes[id];
    struct engine_class_memory m;
    struct engine_class_age age;
    engine_class_memory(xt->exec->engine, id, &m);
    engine_class_age(xt->engine_thread, id, &age);
    class_stat(r, ITEMS, id, "number", v(&c->number));
    if (f->server.lru_maintainer_on)
        queues_of_class(r, &f->server, v(&c->number), &m, &age, id);
    class_stat(r, ITEMS, id, "age", age.any_s);
    class_stat(r, ITEMS, id, "mem_requested", v(&c->bytes));
    class_stat(r, ITEMS, id, "evicted", v(&c->evicted));
    class_stat(r, ITEMS, id, "evicted_nonzero", v(&c->evicted_nonzero));
    class_stat(r, ITEMS, id, "evicted_time", m.evicted_age_s);
    class_stat(r, ITEMS, id, "outofmemory", v(&c->outofmemory));
    class_stat(r, ITEMS, id, "tailrepairs", 0);
    class_stat(r, ITEMS, id, "reclaimed", v(&c->reclaimed));
    class_stat(r, ITEMS, id, "expired_unfetched", v(&c->expired_unfetched));
    class_stat(r, ITEMS, id, "evicted_unfetched", v(&c->evicted_unfetched));
    if (f->server.lru_maintainer_on)
        class_stat(r, ITEMS, id, "evicted_active", v(&c->evicted_active));
    class_stat(r, ITEMS, id, "crawler_reclaimed", v(&c->crawler_reclaimed));
    class_stat(r, ITEMS, id, "crawler_items_checked", v(&c->crawler_items_checked));
    class_stat(r, ITEMS, id, "lrutail_reflocked", 0);
    if (f->server.lru_maintainer_on)
        moves_of_class(r, c, id);
}

static void
report_items(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    for (unsigned id = 1; id <= f->class_count; id++)
        if (v(&f->classes[id].number) != 0)
            items_of_class(r, xt, f, id);
}

static void
slabs_of_class(struct report *r, const struct engine_class_counters *c,
               const struct engine_class_memory *m, unsigned id)
{
    class_stat(r, "", id, "chunk_size", m->chunk_bytes);
    class_stat(r, "", id, "chunks_per_page", m->chunks_per_page);
    class_stat(r, "", id, "total_pages", m->pages);
    class_stat(r, "", id, "total_chunks", m->pages * m->chunks_per_page);
    class_stat(r, "", id, "used_chunks", m->used_chunks);
    class_stat(r, "", id, "free_chunks", m->free_chunks);
    class_stat(r, "", id, "free_chunks_end", 0);
    class_stat(r, "", id, "get_hits", v(&c->get_hits));
    class_stat(r, "", id, "cmd_set", v(&c->set_cmds));
    class_stat(r, "", id, "delete_hits", v(&c->delete_hits));
    class_stat(r, "", id, "incr_hits", v(&c->incr_hits));
    class_stat(r, "", id, "decr_hits", v(&c->decr_hits));
    class_stat(r, "", id, "cas_hits", v(&c->cas_hits));
    class_stat(r, "", id, "cas_badval", v(&c->cas_badval));
    class_stat(r, "", id, "touch_hits", v(&c->touch_hits));
}

static void
report_slabs(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    unsigned active = 0;
    for (unsigned id = 1; id <= f->class_count; id++) {
        struct engine_class_memory m;
        engine_class_memory(xt->exec->engine, id, &m);
        if (m.pages == 0)
            continue;
        active++;
        slabs_of_class(r, &f->classes[id], &m, id);
    }
    stat_u64(r, "active_slabs", active);
    stat_u64(r, "total_malloced", f->memory.item_pages * f->memory.page_bytes);
}

/* ---- stats engine: what memcached has no name for ---- */

static uint64_t
wasted_bytes(const struct engine_class_counters *c, const struct engine_class_memory *m)
{
    uint64_t taken = m->used_chunks * m->chunk_bytes, bytes = v(&c->bytes);
    return taken > bytes ? taken - bytes : 0;
}

static void
evictor_of_class(struct report *r, const struct engine_class_counters *c,
                 const struct engine_class_memory *m, unsigned id)
{
    class_stat(r, "", id, "probation", m->probation);
    class_stat(r, "", id, "promoted", v(&c->promoted));
    class_stat(r, "", id, "ghost_hits", v(&c->ghost_hits));
    class_stat(r, "", id, "second_chances", v(&c->second_chances));
    class_stat(r, "", id, "rescued", v(&c->rescued));
    class_stat(r, "", id, "age_pages", (uint64_t)m->age);
    class_stat(r, "", id, "heat_percent", (uint64_t)(100 * m->heat));
    class_stat(r, "", id, "wasted_bytes", wasted_bytes(c, m));
}

static void
report_engine(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    const struct engine_class_counters *sum = &f->classes[0];
    stat_u64(r, "page_bytes", f->memory.page_bytes);
    stat_u64(r, "item_pages", f->memory.item_pages);
    stat_u64(r, "index_bytes", f->memory.index_bytes);
    stat_u64(r, "eviction_bytes", f->memory.eviction_bytes);
    stat_u64(r, "promoted", v(&sum->promoted));
    stat_u64(r, "ghost_hits", v(&sum->ghost_hits));
    stat_u64(r, "second_chances", v(&sum->second_chances));
    stat_u64(r, "rescued", v(&sum->rescued));
    stat_u64(r, "moves_for_age", v(&f->total.moves_for_age));
    stat_u64(r, "moves_for_need", v(&f->total.moves_for_need));
    stat_u64(r, "moves_for_others", v(&f->total.moves_for_others));
    for (unsigned id = 1; id <= f->class_count; id++) {
        struct engine_class_memory m;
        engine_class_memory(xt->exec->engine, id, &m);
        if (m.pages != 0)
            evictor_of_class(r, &f->classes[id], &m, id);
    }
}

static void
size_row(void *report, uint32_t bytes, uint64_t count)
{
    char name[16];
    snprintf(name, sizeof name, "%" PRIu32, bytes);
    stat_u64(report, name, count);
}

static void
report_sizes(struct report *r, struct exec_thread *xt)
{
    if (!engine_sizes(xt->exec->engine, size_row, r))
        report_stat(r, "sizes_status", "disabled");
}

/* Nothing becomes of it. */
static enum step
refuse_report(struct report *r, struct output *out)
{
    if (r->packets)
        packet_add(out, r->echo, BINARY_NO_MEMORY, SPAN("Out of memory generating stats"), 0);
    else
        output_copy(out, SPAN("SERVER_ERROR out of memory writing stats\r\n"));
    report_fini(r);
    return STEP_DONE;
}

static enum step
give_report(struct exec *x, struct session *s, struct report *r, struct output *out)
{
    if (r->failed || r->bytes == 0)
        return refuse_report(r, out);
    report_trim(r);
    s->stream = (struct stream){.kind = STREAM_REPORT};
    exec_stream_take(x, &s->stream, r->text, r->bytes);
    return STEP_STREAM;
}

/* ---- stats detail, stats cachedump ---- */

static void
turn_details(struct exec *x, bool on)
{
    atomic_store_explicit(&x->detail_on, on, memory_order_relaxed);
}

static enum step
stats_detail(struct exec *x, struct session *s, const struct span *words, size_t count,
             struct output *out)
{
    struct report r = {0};
    if (!x->config->dump_enabled) {
        output_copy(out, SPAN("CLIENT_ERROR stats detail not allowed\r\n"));
    } else if (count > 1 && words_match(words[1], "on")) {
        turn_details(x, true);
        output_copy(out, SPAN("OK\r\n"));
    } else if (count > 1 && words_match(words[1], "off")) {
        turn_details(x, false);
        output_copy(out, SPAN("OK\r\n"));
    } else if (count > 1 && words_match(words[1], "dump") && exec_holds_many_reports(x)) {
        return refuse_report(&r, out);
    } else if (count > 1 && words_match(words[1], "dump")) {
        r.text = prefixes_dump(x->prefixes, &r.bytes);
        r.failed = r.text == NULL;
        return give_report(x, s, &r, out);
    } else {
        output_copy(out, SPAN("CLIENT_ERROR usage: stats detail on|off|dump\r\n"));
    }
    return STEP_DONE;
}

struct cachedump {
    struct report report;
    const struct exec *exec;
};

static void
dump_item(void *context, const struct item *it)
{
    struct cachedump *d = context;
    if (d->report.bytes > CACHEDUMP_BYTES_MAX || (item_state(it) & ITEM_KEY_BINARY))
        return; /* memcached leaves out keys that are no text, too */
    uint32_t exptime_s = item_exptime(it);
    report_add(&d->report, SPAN("ITEM "));
    report_add(&d->report, item_key(it));
    report_print(&d->report, " [%" PRIu32 " b; %" PRId64 " s]\r\n", item_value_bytes(it),
                 exptime_s == 0 ? 0 : clock_to_unix(d->exec->clock, exptime_s));
}

static enum step
stats_cachedump(struct exec_thread *xt, struct session *s, const struct span *words, size_t count,
                struct output *out)
{
    struct exec *x = xt->exec;
    uint32_t id, limit;
    if (!x->config->dump_enabled || s->is_datagram) {
        output_copy(out, SPAN("CLIENT_ERROR stats cachedump not allowed\r\n"));
    } else if (count < 3) {
        output_copy(out, SPAN("CLIENT_ERROR bad command line\r\n"));
    } else if (!num_parse_u32(words[1], &id) || !num_parse_u32(words[2], &limit)) {
        output_copy(out, SPAN("CLIENT_ERROR bad command line format\r\n"));
    } else if (id > SLAB_IDS_MAX && id > engine_class_count(x->engine)) {
        output_copy(out, SPAN("CLIENT_ERROR Illegal slab id\r\n"));
    } else if (exec_holds_many_reports(x)) {
        return refuse_report(&(struct report){0}, out);
    } else {
        struct cachedump d = {.exec = x};
        /* More items than fit would only be walked over, and nobody stores in this class meanwhile. */
        if (limit == 0 || limit > CACHEDUMP_BYTES_MAX / CACHEDUMP_LINE_BYTES_MIN)
            limit = CACHEDUMP_BYTES_MAX / CACHEDUMP_LINE_BYTES_MIN;
        if (id >= 1 && id <= engine_class_count(x->engine))
            engine_visit_class(xt->engine_thread, id, limit, dump_item, &d);
        report_add(&d.report, SPAN("END\r\n"));
        return give_report(x, s, &d.report, out);
    }
    return STEP_DONE;
}

/* ---- the command ---- */

static void
reset(struct exec *x)
{
    engine_reset_counters(x->engine);
    prefixes_clear(x->prefixes);
    atomic_store_explicit(&x->cmd_meta, 0, memory_order_relaxed);
    atomic_store_explicit(&x->auth_cmds, 0, memory_order_relaxed);
    atomic_store_explicit(&x->auth_errors, 0, memory_order_relaxed);
    x->hooks.reset(x->hooks.context);
}

typedef void report_fn(struct report *r, struct exec_thread *xt, const struct figures *f);

static void
report_settings(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    (void)f;
    struct exec *x = xt->exec;
    struct exec_settings now = {
        .detail_on = atomic_load_explicit(&x->detail_on, memory_order_relaxed),
        .oldest_s = atomic_load_explicit(&x->oldest_s, memory_order_relaxed),
    };
    x->hooks.settings(x->hooks.context, &now, report_stat, r);
}

static void
report_conns(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    (void)f;
    if (!xt->exec->hooks.conns(xt->exec->hooks.context, report_stat, r))
        report_fail(r);
}

static void
report_sizes_group(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    (void)f;
    report_sizes(r, xt);
}

/* memcached has these in every build, and says nothing of them when the feature is off. */
static void
report_nothing(struct report *r, struct exec_thread *xt, const struct figures *f)
{
    (void)r, (void)xt, (void)f;
}

static const struct group {
    const char *name;
    bool exact; /* memcached wants the whole word */
    report_fn *report;
} groups[] = {
    {"settings", false, report_settings}, {"items", true, report_items},
    {"slabs", true, report_slabs},        {"sizes", true, report_sizes_group},
    {"conns", false, report_conns},       {"extstore", false, report_nothing},
    {"engine", true, report_engine},
};

static report_fn *
find_group(struct span word)
{
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        if (groups[i].exact ? span_equal(word, span_of(groups[i].name, strlen(groups[i].name)))
                            : words_match(word, groups[i].name))
            return groups[i].report;
    }
    return NULL;
}

static enum step
stats_group(struct exec_thread *xt, struct session *s, report_fn *group, struct report *r,
            struct output *out)
{
    struct figures f;
    if (group != report_general && exec_holds_many_reports(xt->exec))
        return refuse_report(r, out);
    if (figures_init(&f, xt->exec))
        group(r, xt, &f);
    else
        report_fail(r);
    free(f.classes);
    report_end(r);
    return give_report(xt->exec, s, r, out);
}

/* Chunks that wait for a quiescent point would show up as used.  But while everybody stores there are
 * always some, and turns are long: a report that waited for thousands of them took a second. */
static bool
has_to_wait(struct exec_thread *xt, struct session *s)
{
    if (engine_has_limbo(xt->engine_thread) && !s->is_datagram) {
        if (s->wait_began_ms == 0)
            s->wait_began_ms = clock_monotonic_ms();
        if (clock_monotonic_ms() - s->wait_began_ms < WAIT_MS)
            return true;
    }
    s->wait_began_ms = 0;
    return false;
}

enum step
exec_stats(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    if (has_to_wait(xt, s))
        return STEP_AGAIN;
    struct span words[3];
    size_t count = words_split(request_args(r), words, ARRAY_COUNT(words));
    struct report report = {0};
    if (count == 0) /* a few kilobytes, and what an operator needs most when others ask for too much */
        return stats_group(xt, s, report_general, &report, out);
    if (words_match(words[0], "reset")) {
        reset(xt->exec);
        output_copy(out, SPAN("RESET\r\n"));
        return STEP_DONE;
    }
    if (words_match(words[0], "detail"))
        return stats_detail(xt->exec, s, words, count, out);
    if (words_match(words[0], "cachedump"))
        return stats_cachedump(xt, s, words, count, out);
    report_fn *group = find_group(words[0]);
    if (group != NULL)
        return stats_group(xt, s, group, &report, out);
    output_copy(out, SPAN("ERROR\r\n"));
    return STEP_DONE;
}

/* ---- the binary command ---- */

static bool
takes_off(struct span *args, struct span word)
{
    if (args->bytes < word.bytes || memcmp(args->p, word.p, word.bytes) != 0)
        return false;
    *args = span_of(args->p + word.bytes, args->bytes - word.bytes);
    return true;
}

/* The whole dump is the value of one packet. */
static enum step
binary_detail_dump(struct exec *x, struct session *s, struct report *r, struct output *out)
{
    if (exec_holds_many_reports(x))
        return refuse_report(r, out);
    size_t bytes;
    char *dump = prefixes_dump(x->prefixes, &bytes);
    if (dump != NULL)
        report_stat_span(r, "detailed", span_of(dump, bytes));
    else
        report_fail(r);
    free(dump);
    report_end(r);
    return give_report(x, s, r, out);
}

static enum step
binary_detail(struct exec *x, struct session *s, struct span args, struct report *r,
              struct output *out)
{
    enum binary_status status = BINARY_OK;
    if (!x->config->dump_enabled)
        status = BINARY_AUTH_FAILED; /* as a flush_all that is not allowed */
    else if (takes_off(&args, SPAN(" dump")))
        return binary_detail_dump(x, s, r, out);
    else if (takes_off(&args, SPAN(" on")))
        turn_details(x, true);
    else if (takes_off(&args, SPAN(" off")))
        turn_details(x, false);
    else
        status = BINARY_NOT_FOUND;
    packet_add_status(out, r->echo, status);
    return STEP_DONE;
}

/* Has fewer groups than the text command, and is pickier in some and less so in others: all as memcached
 * has it. */
static report_fn *
find_binary_group(struct span args)
{
    if (args.bytes == 0)
        return report_general;
    if (takes_off(&args, SPAN("settings")))
        return report_settings;
    if (span_equal(args, SPAN("items")))
        return report_items;
    if (span_equal(args, SPAN("slabs")))
        return report_slabs;
    return span_equal(args, SPAN("sizes")) ? report_sizes_group : NULL;
}

enum step
exec_binary_stats(struct exec_thread *xt, struct session *s, const struct request *r,
                  struct output *out)
{
    if (has_to_wait(xt, s))
        return STEP_AGAIN;
    struct report report = {.packets = true, .echo = packet_echo(xt, r)};
    struct span args = request_args(r);
    report_fn *group = find_binary_group(args);
    if (group != NULL)
        return stats_group(xt, s, group, &report, out);
    if (takes_off(&args, SPAN("detail")))
        return binary_detail(xt->exec, s, args, &report, out);
    if (!takes_off(&args, SPAN("reset"))) {
        packet_add_status(out, report.echo, BINARY_NOT_FOUND);
        return STEP_DONE;
    }
    reset(xt->exec);
    packet_add_status(out, report.echo, BINARY_OK);
    return STEP_DONE;
}

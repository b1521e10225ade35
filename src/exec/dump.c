/* dump.c - lru_crawler metadump and mgdump: all keys, piece by piece.
 *
 * A dump walks the buckets of the index and holds no lock between two pieces, so it never keeps
 * anybody waiting, however slowly its client reads.  What is stored or moved meanwhile may appear
 * twice or not at all; what stays, appears.
 */
#include "exec/dump.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/num.h"
#include "engine/view.h"
#include "exec/internal.h"
#include "exec/report.h"

/* A piece ends when it has this many bytes, or after so many buckets. */
#define PIECE_BYTES        (32u << 10)
#define PIECE_BYTES_FRUGAL (4u << 10) /* while too much of reports waits for clients to read it */
#define PIECE_BUCKETS      16384

struct dump {
    bool meta; /* metadump; else mgdump */
    uint64_t next_bucket;
    bool classes[DUMP_CLASSES]; /* to be shown */
};

/* More items than a chain of the index ever holds: it ends after 64 buckets of 9. */
#define FOUND_MAX 640

/* What is in one bucket.  Its lock is a spinlock, so that items are only noted under it; they are
 * good until the thread's next quiescent point. */
struct found {
    const struct item *items[FOUND_MAX];
    size_t count;
};

static bool
is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* As in a URI: %XX for all but letters, digits and -._~ */
static void
add_encoded(struct report *r, struct span key)
{
    static const char hex[] = "0123456789ABCDEF";
    char text[3 * KEY_BYTES_MAX];
    size_t at = 0;
    for (size_t i = 0; i < key.bytes; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (is_plain(c)) {
            text[at++] = (char)c;
            continue;
        }
        text[at++] = '%';
        text[at++] = hex[c >> 4];
        text[at++] = hex[c & 15];
    }
    report_add(r, span_of(text, at));
}

/* memcached ends these lines with a space and a bare newline. */
static void
add_meta(struct report *r, const struct exec *x, const struct item *it, unsigned class_id)
{
    uint32_t exptime_s = item_exptime(it);
    report_add(r, SPAN("key="));
    add_encoded(r, item_key(it));
    report_print(r,
                 " exp=%" PRId64 " la=%" PRId64 " cas=%" PRIu64 " fetch=%s cls=%u size=%" PRIu64
                 " flags=%" PRIu32 " \n",
                 exptime_s == 0 ? (int64_t)-1 : clock_to_unix(x->clock, exptime_s),
                 clock_to_unix(x->clock, item_atime(it)), item_cas(it),
                 item_was_fetched(it) ? "yes" : "no", class_id, engine_item_bytes(it),
                 item_client_flags(it));
}

/* A key that clients write in base64, or that cannot stand in a command line, is shown as base64. */
static void
add_mg(struct report *r, const struct item *it)
{
    struct span key = item_key(it);
    bool plain = (item_state(it) & ITEM_KEY_BINARY) == 0;
    for (size_t i = 0; i < key.bytes; i++)
        plain = plain && (unsigned char)key.p[i] > ' ' && key.p[i] != 0x7f;
    report_add(r, SPAN("mg "));
    if (plain) {
        report_add(r, key);
        report_add(r, SPAN("\r\n"));
        return;
    }
    char text[BASE64_BYTES(KEY_BYTES_MAX)];
    report_add(r, span_of(text, base64_encode(key, text)));
    report_add(r, SPAN(" b\r\n"));
}

static void
note_item(void *context, const struct item *it)
{
    struct found *f = context;
    CHECK(f->count < FOUND_MAX);
    f->items[f->count++] = it;
}

static void
show_bucket(struct exec_thread *xt, struct dump *d, struct report *r)
{
    const struct exec *x = xt->exec;
    struct found f;
    f.count = 0;
    engine_visit_bucket(xt->engine_thread, d->next_bucket++, note_item, &f);
    for (size_t i = 0; i < f.count; i++) {
        unsigned class_id = engine_item_class(x->engine, f.items[i]);
        if (!d->classes[class_id])
            continue;
        if (d->meta)
            add_meta(r, x, f.items[i], class_id);
        else
            add_mg(r, f.items[i]);
    }
}

enum dump_status
dump_next(struct exec_thread *xt, struct dump *d, char **text, uint64_t *bytes)
{
    struct engine_memory memory;
    struct report r = {0};
    engine_memory(xt->exec->engine, &memory); /* there may be more buckets than last time */
    size_t piece_bytes = exec_holds_many_reports(xt->exec) ? PIECE_BYTES_FRUGAL : PIECE_BYTES;
    uint64_t end = d->next_bucket + PIECE_BUCKETS;
    if (end > memory.buckets)
        end = memory.buckets;
    while (d->next_bucket < end && r.bytes < piece_bytes)
        show_bucket(xt, d, &r);
    bool last = d->next_bucket >= memory.buckets;
    if (last)
        report_add(&r, d->meta ? SPAN("END\r\n") : SPAN("EN\r\n"));
    if (r.failed)
        return DUMP_FAILED;
    report_trim(&r);
    *text = r.text;
    *bytes = r.bytes;
    return last ? DUMP_LAST : DUMP_MORE;
}

bool
dump_choose(const struct engine *e, struct span which, bool classes[DUMP_CLASSES])
{
    bool all = span_equal(which, SPAN("all")) || span_equal(which, SPAN("hash"));
    for (unsigned id = 0; id < DUMP_CLASSES; id++)
        classes[id] = all;
    while (!all && which.bytes > 0) {
        const char *comma = memchr(which.p, ',', which.bytes);
        size_t n = comma != NULL ? (size_t)(comma - which.p) : which.bytes;
        uint32_t id;
        if (!num_parse_u32(span_of(which.p, n), &id) || id == 0 || id > engine_class_count(e))
            return false;
        classes[id] = true;
        n += comma != NULL;
        which = span_of(which.p + n, which.bytes - n);
    }
    return true;
}

enum step
exec_dump(struct exec_thread *xt, struct session *s, struct span how, struct span which,
          struct output *out)
{
    bool meta = span_equal(how, SPAN("metadump"));
    /* A dump has no end that a message could hold, and walks on from one turn to the next. */
    if (!xt->exec->config->dump_enabled || s->is_datagram) {
        output_copy(out, meta ? SPAN("ERROR metadump not allowed\r\n")
                              : SPAN("ERROR key dump not allowed\r\n"));
        return STEP_DONE;
    }
    struct dump *d = calloc(1, sizeof *d);
    if (d == NULL) {
        output_copy(out, SPAN("SERVER_ERROR out of memory\r\n"));
        return STEP_DONE;
    }
    d->meta = meta;
    if (!dump_choose(xt->exec->engine, which, d->classes)) {
        free(d);
        output_copy(out, SPAN("BADCLASS invalid class id\r\n"));
        return STEP_DONE;
    }
    output_copy(out, SPAN("OK\r\n"));
    s->stream = (struct stream){.kind = STREAM_DUMP, .dump = d, .more = true};
    return STEP_STREAM;
}

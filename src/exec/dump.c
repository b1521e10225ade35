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
#include "base/num.h"
#include "engine/view.h"
#include "exec/internal.h"
#include "exec/report.h"

/* A piece ends when it has this many bytes, or after so many buckets. */
#define PIECE_BYTES   (32u << 10)
#define PIECE_BUCKETS 16384

struct dump {
    bool meta;             /* metadump; else mgdump */
    uint64_t next_bucket;
    bool classes[256];     /* to be shown */
};

struct piece {
    struct report report;
    const struct exec *exec;
    const struct dump *dump;
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
add_meta(struct piece *p, const struct item *it, unsigned class_id)
{
    struct report *r = &p->report;
    uint32_t exptime_s = item_exptime(it);
    report_add(r, SPAN("key="));
    add_encoded(r, item_key(it));
    report_print(r,
                 " exp=%" PRId64 " la=%" PRId64 " cas=%" PRIu64 " fetch=%s cls=%u size=%" PRIu64
                 " flags=%" PRIu32 " \n",
                 exptime_s == 0 ? (int64_t)-1 : clock_to_unix(p->exec->clock, exptime_s),
                 clock_to_unix(p->exec->clock, item_atime(it)), item_cas(it),
                 item_was_fetched(it) ? "yes" : "no", class_id, engine_item_bytes(it),
                 item_client_flags(it));
}

/* A key that cannot stand in a command line is shown as base64. */
static void
add_mg(struct piece *p, struct span key)
{
    bool plain = true;
    for (size_t i = 0; i < key.bytes; i++)
        plain = plain && (unsigned char)key.p[i] > ' ' && key.p[i] != 0x7f;
    report_add(&p->report, SPAN("mg "));
    if (plain) {
        report_add(&p->report, key);
        report_add(&p->report, SPAN("\r\n"));
        return;
    }
    char text[BASE64_BYTES(KEY_BYTES_MAX)];
    report_add(&p->report, span_of(text, base64_encode(key, text)));
    report_add(&p->report, SPAN(" b\r\n"));
}

static void
show_item(void *context, const struct item *it)
{
    struct piece *p = context;
    unsigned class_id = engine_item_class(p->exec->engine, it);
    if (!p->dump->classes[class_id])
        return;
    if (p->dump->meta)
        add_meta(p, it, class_id);
    else
        add_mg(p, item_key(it));
}

bool
dump_next(struct exec_thread *xt, struct dump *d, char **text, size_t *bytes)
{
    struct engine_memory memory;
    struct piece p = {.exec = xt->exec, .dump = d};
    engine_memory(xt->exec->engine, &memory);
    uint64_t end = d->next_bucket + PIECE_BUCKETS;
    while (d->next_bucket < memory.buckets && p.report.bytes < PIECE_BYTES &&
           (d->next_bucket < end || p.report.bytes == 0))
        engine_visit_bucket(xt->engine_thread, d->next_bucket++, show_item, &p);
    bool last = d->next_bucket >= memory.buckets;
    if (last)
        report_add(&p.report, d->meta ? SPAN("END\r\n") : SPAN("EN\r\n"));
    *text = p.report.text;
    *bytes = p.report.bytes;
    return !last && !p.report.failed;
}

/* "all", "hash", or numbers of classes with commas; false: none of these. */
static bool
choose_classes(const struct engine *e, struct span which, bool classes[256])
{
    bool all = span_equal(which, SPAN("all")) || span_equal(which, SPAN("hash"));
    for (unsigned id = 0; id < 256; id++)
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
    if (!xt->exec->config->dump_enabled) {
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
    if (!choose_classes(xt->exec->engine, which, d->classes)) {
        free(d);
        output_copy(out, SPAN("BADCLASS invalid class id\r\n"));
        return STEP_DONE;
    }
    output_copy(out, SPAN("OK\r\n"));
    s->stream = (struct stream){.dump = d};
    s->stream.more = dump_next(xt, d, &s->stream.report, &s->stream.bytes);
    return s->stream.bytes > 0 ? STEP_STREAM : STEP_CLOSE;
}

#include "replay/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load/buffer.h"
#include "replay/input.h"

#define RECORD_BYTES 8 /* of a request in the binary format, over its two halves */

void
trace_fini(struct trace *t)
{
    free(t->requests);
    *t = (struct trace){0};
}

void
trace_add(struct trace *t, struct trace_request r)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity > 0 ? t->capacity * 2 : 1024;
        struct trace_request *grown = buffer_alloc(capacity, sizeof(*grown));
        if (t->count > 0)
            memcpy(grown, t->requests, t->count * sizeof(*grown));
        free(t->requests);
        t->requests = grown;
        t->capacity = capacity;
    }
    t->requests[t->count++] = r;
    if (r.object >= t->objects)
        t->objects = r.object + 1;
}

void
trace_cut(struct trace *t, size_t count)
{
    if (count >= t->count)
        return;
    t->count = count;
    t->objects = 0;
    for (size_t i = 0; i < count; i++)
        if (t->requests[i].object >= t->objects)
            t->objects = t->requests[i].object + 1;
}

static bool PRINTF(2, 3) fail(const char *name, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s: %s: ", program_invocation_short_name, name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* ---- binary ---- */

static uint32_t
little_endian(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

bool
trace_parse_binary(struct trace *t, struct span bytes, const char *name)
{
    if (bytes.bytes == 0)
        return fail(name, "there is nothing in it");
    if (bytes.bytes % RECORD_BYTES != 0)
        return fail(name, "%zu bytes are no whole number of requests of %d", bytes.bytes,
                    RECORD_BYTES);
    size_t count = bytes.bytes / RECORD_BYTES;
    if (count > TRACE_REQUESTS_MAX)
        return fail(name, "more than %u requests", TRACE_REQUESTS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct trace_request r = {little_endian(bytes.p + 4 * i),
                                  little_endian(bytes.p + 4 * (count + i)), 0};
        if (r.object > t->objects)
            return fail(name,
                        "request %zu is for object %u, but objects are numbered by first use and"
                        " the next new one is %u",
                        i, r.object, t->objects);
        if (r.bytes > TRACE_SIZE_BYTES_MAX)
            return fail(name, "request %zu has a size of %u bytes, the limit is %u", i, r.bytes,
                        TRACE_SIZE_BYTES_MAX);
        trace_add(t, r);
    }
    return true;
}

/* ---- files ---- */

static bool
ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

bool
trace_read(struct trace *t, const char *path)
{
    size_t len = strlen(path);
    bool packed = ends_with(path, len, ".xz");
    if (packed)
        len -= strlen(".xz");
    struct buffer all = {0};
    bool ok = input_read(&all, path, packed, (uint64_t)TRACE_REQUESTS_MAX * RECORD_BYTES);
    if (ok) {
        struct span bytes = span_of(all.p, all.bytes);
        ok = ends_with(path, len, ".csv") ? trace_parse_csv(t, bytes, path)
                                          : trace_parse_binary(t, bytes, path);
    }
    buffer_fini(&all);
    return ok;
}

#include "exec/report.h"

#include <stdio.h>
#include <stdlib.h>

#define ROOM_MIN 4096

static bool
make_room(struct report *r, size_t bytes)
{
    if (r->failed)
        return false;
    if (r->room - r->bytes >= bytes)
        return true;
    size_t room = r->room * 2 > ROOM_MIN ? r->room * 2 : ROOM_MIN;
    while (room - r->bytes < bytes)
        room *= 2;
    char *text = realloc(r->text, room);
    if (text == NULL) {
        report_fail(r);
        return false;
    }
    r->text = text;
    r->room = room;
    return true;
}

/* What stands before the value; returns where it began. */
static size_t
begin_stat(struct report *r, const char *name)
{
    static const char no_header[BINARY_HEADER_BYTES];
    size_t at = r->bytes;
    report_add(r, r->packets ? span_of(no_header, sizeof no_header) : SPAN("STAT "));
    report_add(r, span_of(name, strlen(name)));
    if (!r->packets)
        report_add(r, SPAN(" "));
    return at;
}

static void
end_stat(struct report *r, size_t at, size_t name_bytes)
{
    if (!r->packets) {
        report_add(r, SPAN("\r\n"));
    } else if (!r->failed) {
        size_t value_bytes = r->bytes - at - BINARY_HEADER_BYTES - name_bytes;
        struct binary_body body = {0, (uint8_t)name_bytes, (uint32_t)value_bytes};
        binary_reply_header(r->text + at, r->echo, BINARY_OK, body, 0);
    }
}

void
report_add(struct report *r, struct span text)
{
    if (!make_room(r, text.bytes))
        return;
    memcpy(r->text + r->bytes, text.p, text.bytes);
    r->bytes += text.bytes;
}

void
report_vprint(struct report *r, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || !make_room(r, (size_t)n + 1))
        return;
    vsnprintf(r->text + r->bytes, (size_t)n + 1, fmt, args);
    r->bytes += (size_t)n;
}

void
report_print(struct report *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    report_vprint(r, fmt, args);
    va_end(args);
}

void
report_stat(void *report, const char *name, const char *fmt, ...)
{
    struct report *r = report;
    size_t at = begin_stat(r, name);
    va_list args;
    va_start(args, fmt);
    report_vprint(r, fmt, args);
    va_end(args);
    end_stat(r, at, strlen(name));
}

void
report_stat_span(struct report *r, const char *name, struct span value)
{
    size_t at = begin_stat(r, name);
    report_add(r, value);
    end_stat(r, at, strlen(name));
}

void
report_end(struct report *r)
{
    if (r->packets)
        end_stat(r, begin_stat(r, ""), 0);
    else
        report_add(r, SPAN("END\r\n"));
}

void
report_trim(struct report *r)
{
    char *text = r->bytes > 0 ? realloc(r->text, r->bytes) : NULL;
    if (text == NULL)
        return;
    r->text = text;
    r->room = r->bytes;
}

void
report_fail(struct report *r)
{
    free(r->text);
    r->text = NULL;
    r->bytes = r->room = 0;
    r->failed = true;
}

void
report_fini(struct report *r)
{
    free(r->text);
    *r = (struct report){0};
}

/* report.h - a reply of many lines or packets, built in memory and then streamed.
 *
 * All zero is an empty report in lines.
 *
 * Threads:   whoever makes it.
 * Ownership: the report owns its text, until a session's stream takes it.
 * Failure:   without memory the text is dropped, 'failed' is set, and nothing more is added: ask
 *            once, at the end.
 */
#ifndef KETCH_EXEC_REPORT_H
#define KETCH_EXEC_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/span.h"
#include "proto/binary.h"

struct report {
    char *text;   /* from malloc; no NUL */
    size_t bytes; /* of text */
    size_t room;  /* that text has */
    bool failed;
    bool packets;            /* each statistic is a packet that answers 'echo', not a line */
    struct binary_echo echo;
};

void report_add(struct report *r, struct span text);
void report_vprint(struct report *r, const char *fmt, va_list args);
void report_print(struct report *r, const char *fmt, ...) PRINTF(2, 3);

/* "STAT <name> <value>\r\n", or a packet with this key and value; a stat_emit_fn, with the report as
 * 'to'. */
void report_stat(void *report, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* The same, of a value that may have any bytes. */
void report_stat_span(struct report *r, const char *name, struct span value);

/* What ends it: "END\r\n", or an empty packet. */
void report_end(struct report *r);

/* Gives back the room that was not needed. */
void report_trim(struct report *r);

/* Nothing will become of it: drops the text, and whatever is added.  It is still known to whom it was to go. */
void report_fail(struct report *r);

/* Frees the text; the report is empty. */
void report_fini(struct report *r);

#endif

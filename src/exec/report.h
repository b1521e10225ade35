/* report.h - a reply of many lines, built in memory and then streamed.
 *
 * Ownership: the report owns its text until report_stream() gives it to a session.
 * Failure:   without memory the text is dropped, and the reply is an error.
 */
#ifndef KETCH_EXEC_REPORT_H
#define KETCH_EXEC_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/span.h"

struct report {
    char *text;
    size_t bytes;
    size_t room;
    bool failed;
};

void report_add(struct report *r, struct span text);
void report_vprint(struct report *r, const char *fmt, va_list args);
void report_print(struct report *r, const char *fmt, ...) PRINTF(2, 3);

/* "STAT <name> <value>\r\n"; a stat_emit_fn, with the report as 'to'. */
void report_stat(void *report, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* Gives back the room that was not needed. */
void report_trim(struct report *r);

void report_fini(struct report *r);

#endif

/* log.h - one line for the operator, on standard error.
 *
 * Threads: any; a line is written with one write(2).
 */
#ifndef KETCH_BASE_LOG_H
#define KETCH_BASE_LOG_H

#include "base/attr.h"

enum log_level {
    LOG_ERROR = 0, /* always shown */
    LOG_WARN = 0,
    LOG_INFO = 1,  /* -v */
    LOG_DEBUG = 2, /* -vv */
};

/* Shows lines up to 'level'; 0 at the start. */
void log_set_level(int level);
int log_get_level(void);

/* Writes "ketchd: <line>\n", with '?' for control characters: parts of it may be a client's, who must not
 * write lines of his own or reach the terminal. */
void log_line(int level, const char *fmt, ...) PRINTF(2, 3);

#endif

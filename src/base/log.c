#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* The only state of the process that hangs off nothing: where and how loud its one stderr is. */
static _Atomic int log_level;

void
log_set_level(int level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

int
log_get_level(void)
{
    return atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void
hide_controls(char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
}

void
log_line(int level, const char *fmt, ...)
{
    if (level > log_get_level())
        return;
    char line[1024] = "ketchd: ";
    size_t at = 8;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line + at, sizeof line - at - 1, fmt, args);
    va_end(args);
    if (n < 0)
        return;
    at += (size_t)n < sizeof line - at - 1 ? (size_t)n : sizeof line - at - 2;
    hide_controls(line, at);
    line[at++] = '\n';
    (void)!write(STDERR_FILENO, line, at);
}

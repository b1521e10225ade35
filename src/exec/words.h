/* words.h - the arguments of administrative commands.
 *
 * Threads: pure.
 */
#ifndef KETCH_EXEC_WORDS_H
#define KETCH_EXEC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

/* Up to 'max' words of a line, which spaces separate; returns how many there are of these. */
static inline size_t
words_split(struct span line, struct span *words, size_t max)
{
    size_t count = 0;
    while (line.bytes > 0 && count < max) {
        const char *space = memchr(line.p, ' ', line.bytes);
        size_t bytes = space != NULL ? (size_t)(space - line.p) : line.bytes;
        if (bytes > 0)
            words[count++] = span_of(line.p, bytes);
        size_t step = bytes < line.bytes ? bytes + 1 : bytes;
        line = span_of(line.p + step, line.bytes - step);
    }
    return count;
}

/* memcached compares as many bytes as the client sent: any beginning of 'word' is 'word'. */
static inline bool
words_match(struct span given, const char *word)
{
    return given.bytes > 0 && given.bytes <= strlen(word) &&
           memcmp(given.p, word, given.bytes) == 0;
}

#endif

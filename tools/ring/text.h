/* text.h - files as a whole, and keys as they are written: %XX is a byte. */
#ifndef KETCH_TOOLS_RING_TEXT_H
#define KETCH_TOOLS_RING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a file, or of standard input for "-", and a NUL behind them; the caller frees them.
 * NULL after a message on stderr. */
char *text_read(const char *path, size_t *bytes);

/* Decodes in place; false if a '%' has no two digits behind it. */
bool text_decode(char *text, size_t *bytes);

/* Prints a key; encoded if 'encode', so that any key is one word of a line. */
void text_print(const char *text, size_t bytes, bool encode);

/* Allocates, or ends the program. */
void *text_alloc(size_t count, size_t bytes);

#endif

#include "ring/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
text_alloc(size_t count, size_t bytes)
{
    void *p = calloc(count > 0 ? count : 1, bytes);
    if (p == NULL) {
        fputs("ketch-ring: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

static char *
read_all(FILE *f, size_t *bytes)
{
    size_t room = 1 << 16;
    char *text = text_alloc(room, 1);
    *bytes = 0;
    for (;;) {
        *bytes += fread(text + *bytes, 1, room - *bytes - 1, f);
        if (*bytes < room - 1)
            break;
        char *larger = text_alloc(2 * room, 1);
        memcpy(larger, text, room);
        free(text);
        text = larger;
        room *= 2;
    }
    text[*bytes] = '\0';
    return text;
}

char *
text_read(const char *path, size_t *bytes)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "ketch-ring: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = read_all(f, bytes);
    bool failed = ferror(f) != 0;
    if (f != stdin)
        fclose(f);
    if (!failed)
        return text;
    fprintf(stderr, "ketch-ring: %s cannot be read\n", path);
    free(text);
    return NULL;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
text_decode(char *text, size_t *bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < *bytes; i++, n++) {
        text[n] = text[i];
        if (text[i] != '%')
            continue;
        int high = i + 2 < *bytes ? hex_digit(text[i + 1]) : -1;
        int low = i + 2 < *bytes ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        text[n] = (char)(high << 4 | low);
        i += 2;
    }
    *bytes = n;
    return true;
}

void
text_print(const char *text, size_t bytes, bool encode)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (encode && (c <= ' ' || c >= 0x7f || c == '%'))
            printf("%%%02X", c);
        else
            putchar(c);
    }
}

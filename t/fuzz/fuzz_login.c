/* Any bytes come from a client who has to log in: they are taken within their bounds, and alike
 * however the stream is cut. */
#include <stdio.h>
#include <stdlib.h>
#include "fuzz.h"
#include "proto/login.h"

#define LOG_BYTES_MAX (1 << 20)

/* Reads 'in' in pieces and writes down what comes of it; returns how much that is. */
static size_t
play(struct span in, size_t piece_bytes, char *log)
{
    size_t used = 0, here = 0, at = 0;
    uint64_t swallow_bytes = 0;
    for (;;) {
        uint64_t rest = here - used < swallow_bytes ? here - used : swallow_bytes;
        struct login l;
        used += rest;
        swallow_bytes -= rest;
        enum login_kind kind = login_parse(span_of(in.p + used, here - used), &l);
        if (l.used > here - used || (kind == LOGIN_INCOMPLETE) != (l.used == 0 && kind != LOGIN_CLOSE))
            abort();
        used += l.used;
        swallow_bytes += l.swallow_bytes;
        if (kind == LOGIN_INCOMPLETE && here == in.bytes)
            return at;
        if (kind == LOGIN_INCOMPLETE)
            here = in.bytes - here < piece_bytes ? in.bytes : here + piece_bytes;
        else if (at < LOG_BYTES_MAX - 100)
            at += (size_t)sprintf(log + at, "%d at %zu: %zu %zu %.*s", kind, used, l.user.bytes,
                                  l.password.bytes, (int)l.line.bytes, l.line.p);
        if (kind == LOGIN_CLOSE)
            return at;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char whole[LOG_BYTES_MAX], cut[LOG_BYTES_MAX];
    const size_t pieces[] = {1 + bytes / 500, 30, 2500};
    struct span in = span_of(data, bytes);
    size_t whole_bytes = play(in, bytes + 1, whole);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (play(in, pieces[i], cut) != whole_bytes || memcmp(cut, whole, whole_bytes) != 0) {
            fprintf(stderr, "by %zu bytes:\n%.*s\ninstead of\n%.*s\n", pieces[i], (int)whole_bytes, cut,
                    (int)whole_bytes, whole);
            abort();
        }
    }
    return 0;
}

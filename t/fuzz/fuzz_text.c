/* Any bytes are a stream of commands: it is parsed within its bounds, and alike however it is cut. */
#include <stdio.h>
#include <stdlib.h>
#include "fuzz.h"
#include "../proto/stream.h"

static void
compare(struct span stream, const char *whole, struct stream_cuts cuts)
{
    char *log = stream_log(stream, &cuts);
    if (strcmp(log, whole) != 0) {
        fprintf(stderr, "read by up to %zu, parsed by up to %zu, rewound 1 in %u:\n%s\ninstead of\n%s",
                cuts.bytes_max, cuts.requests_max, cuts.rewind_in, log, whole);
        abort();
    }
    free(log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct stream_cuts whole_cuts = {.requests_max = 64};
    struct span stream = span_of(data, bytes);
    uint64_t seed = bytes;
    for (size_t i = 0; i < bytes; i++)
        seed = seed * 31 + data[i];
    char *whole = stream_log(stream, &whole_cuts);
    /* Byte by byte, unless it would take too long. */
    compare(stream, whole,
            (struct stream_cuts){.seed = seed, .bytes_max = 1 + bytes / 500, .requests_max = 2});
    compare(stream, whole,
            (struct stream_cuts){.seed = seed, .bytes_max = 30, .requests_max = 5, .rewind_in = 3});
    compare(stream, whole,
            (struct stream_cuts){.seed = seed, .bytes_max = 2500, .requests_max = 64, .rewind_in = 2});
    free(whole);
    return 0;
}

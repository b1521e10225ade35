#include "cuts.h"

#include <stdio.h>
#include <stdlib.h>

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

void
cuts_compare(enum protocol protocol, struct span stream)
{
    const struct stream_cuts whole_cuts = {.protocol = protocol, .requests_max = 64};
    struct stream_cuts cuts = {.protocol = protocol, .seed = stream.bytes};
    for (size_t i = 0; i < stream.bytes; i++)
        cuts.seed = cuts.seed * 31 + (unsigned char)stream.p[i];
    char *whole = stream_log(stream, &whole_cuts);
    /* Byte by byte, unless it would take too long. */
    cuts.bytes_max = 1 + stream.bytes / 500;
    cuts.requests_max = 2;
    compare(stream, whole, cuts);
    cuts.bytes_max = 30;
    cuts.requests_max = 5;
    cuts.rewind_in = 3;
    compare(stream, whole, cuts);
    cuts.bytes_max = 2500;
    cuts.requests_max = 64;
    cuts.rewind_in = 2;
    compare(stream, whole, cuts);
    free(whole);
}

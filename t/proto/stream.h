/* stream.h - plays a stream of bytes to a parser as a connection does, and writes down what came
 * out in a form that does not depend on how the stream was cut.
 *
 * While it plays it checks what must hold for any input: spans inside the buffer, counts in range,
 * data blocks of the announced length, progress.  A violation aborts.
 */
#ifndef KETCH_T_PROTO_STREAM_H
#define KETCH_T_PROTO_STREAM_H

#include <stdint.h>
#include <stdio.h>
#include "base/span.h"
#include "proto/protocol.h"

/* How the stream is cut, and what the connection does. */
struct stream_cuts {
    enum protocol protocol; /* TEXT unless it is BINARY */
    uint64_t seed;
    size_t bytes_first;   /* the first read brings as many bytes; 0: it is like the others */
    size_t bytes_max;     /* a read brings 1..bytes_max bytes; 0: all the rest at once */
    size_t requests_max;  /* a parse is asked for 1..requests_max requests */
    unsigned rewind_in;   /* one in so many parses, at least 2, is rewound to one of its requests;
                             0: none */
};

/* Appends one line per request to 'log', then one on what the parser waits for. */
void stream_play(struct span stream, const struct stream_cuts *cuts, FILE *log);

/* stream_play() into a string; the caller frees it. */
char *stream_log(struct span stream, const struct stream_cuts *cuts);

/* The next number of a small generator (splitmix64): the same on every machine. */
uint64_t stream_random(uint64_t *state);

#endif

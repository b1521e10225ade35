/* tally.h - what one thread has counted: requests, hits, errors, latencies.
 *
 * Threads: written by one thread.  The counters may be read by any at any time (progress lines);
 * the rest once the thread has ended.
 */
#ifndef KETCH_TOOLS_BENCH_TALLY_H
#define KETCH_TOOLS_BENCH_TALLY_H

#include "base/counter.h"
#include "base/span.h"
#include "histogram.h"

enum tally_error {
    TALLY_SERVER_ERROR, /* the server said SERVER_ERROR */
    TALLY_CLIENT_ERROR, /* CLIENT_ERROR */
    TALLY_ERROR,        /* ERROR */
    TALLY_UNEXPECTED,   /* a line that answers nothing we asked */
    TALLY_CLOSED,       /* a connection ended under us */
    TALLY_UNANSWERED,   /* requests without a reply when the run ended */
    TALLY_WRONG_VALUE,  /* --verify: the value of another key, or of a key not asked for */
    TALLY_DAMAGED,      /* --verify: a value that is not as it was stored */
    TALLY_ERRORS,
};

struct tally {
    counter_t requests; /* answered, with an error or without */
    counter_t keys;     /* in those requests */
    counter_t sets;     /* of those requests, the sets */
    counter_t hits;     /* keys of gets */
    counter_t misses;
    counter_t unsent; /* --rate: due, and still waiting for a free connection at the end */
    counter_t errors[TALLY_ERRORS];
    struct histogram get_ns;
    struct histogram set_ns;
    uint64_t first_error_ns; /* when 'first_error' happened; 0: no error yet */
    char first_error[256];   /* the first one verbatim */
};

/* Counts an error.  'text' is what the server said, or what to show in its place. */
void tally_fail(struct tally *t, enum tally_error error, uint64_t now_ns, struct span text);

/* Adds what 'from' has counted. */
void tally_merge(struct tally *t, const struct tally *from);

uint64_t tally_error_count(const struct tally *t);

/* "SERVER_ERROR", "closed connection", ... */
const char *tally_error_name(enum tally_error error);

#endif

/* generate.h - made-up traces: the same seed makes the same requests.
 *
 *      zipf    popularity of the n-th object ~ 1 / n^exponent; now and then a place in that order
 *              is taken by an object that is new ('churn')
 *      shift   the same in five stretches; at the end of each, every other object is replaced, and
 *              new ones are 1, 4, 16, 4 and 1 times as large as those of the first stretch
 *      scan    a fifth of zipf's requests replaced by scans in one go: the next tenth of as many
 *              objects again, each asked for once, over and over
 *
 * Threads: pure.
 */
#ifndef KETCH_TOOLS_REPLAY_GENERATE_H
#define KETCH_TOOLS_REPLAY_GENERATE_H

#include <stdint.h>
#include "load/sizes.h"
#include "replay/trace.h"

enum generator { GENERATE_NOTHING, GENERATE_ZIPF, GENERATE_SHIFT, GENERATE_SCAN, GENERATORS };

struct recipe {
    enum generator generator;
    uint64_t seed;
    uint64_t requests;
    uint32_t objects;                /* that can be asked for at one time; at least 10 */
    double exponent;                 /* above 0 */
    double churn;                    /* new objects a request */
    const struct sizes *value_bytes; /* of shift's first stretch; borrowed */
    uint32_t key_bytes;              /* what sizes have on top of that */
};

/* "zipf", ... */
const char *generate_name(enum generator g);

/* Appends the requests. */
void generate(struct trace *t, const struct recipe *recipe);

#endif

/* report.h - what came out, for people and for programs. */
#ifndef KETCH_TOOLS_REPLAY_REPORT_H
#define KETCH_TOOLS_REPLAY_REPORT_H

#include <stdio.h>
#include "replay/options.h"
#include "replay/order.h"
#include "replay/player.h"

#define REPORT_SERVERS_MAX 2

struct report {
    const struct options *options;
    struct order_sum sum;
    unsigned servers; /* 0: a dry run */
    const char *names[REPORT_SERVERS_MAX];
    struct score scores[REPORT_SERVERS_MAX];
};

void report_print(const struct report *r, FILE *to);
void report_print_json(const struct report *r, FILE *to);

#endif

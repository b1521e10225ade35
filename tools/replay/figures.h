/* figures.h - what a server says of itself, and the system of its process. */
#ifndef KETCH_TOOLS_REPLAY_FIGURES_H
#define KETCH_TOOLS_REPLAY_FIGURES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "load/address.h"
#include "replay/client.h"

struct figures {
    uint64_t pid;
    uint64_t items;
    uint64_t evictions;
    uint64_t limit_bytes; /* -m */
    uint64_t rss_bytes;   /* 0: not known */
};

/* Asks for the stats.  'pid' 0: the one in there, if the server is on this machine. */
bool figures_take(struct figures *f, struct client *c, const struct address *of,
                  uint64_t pid) MUST_USE;

#endif

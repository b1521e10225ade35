#include "replay/figures.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include "base/num.h"
#include "load/process.h"

/* Lines of "stats": far more than any server has. */
#define LINES_MAX 10000

struct field {
    struct span name;
    size_t offset;
};

static const struct field fields[] = {
    {SPAN("STAT pid "), offsetof(struct figures, pid)},
    {SPAN("STAT curr_items "), offsetof(struct figures, items)},
    {SPAN("STAT evictions "), offsetof(struct figures, evictions)},
    {SPAN("STAT limit_maxbytes "), offsetof(struct figures, limit_bytes)},
};

static void
take_line(struct figures *f, struct span line)
{
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        size_t n = fields[i].name.bytes;
        uint64_t value;
        if (line.bytes > n && span_equal(span_of(line.p, n), fields[i].name) &&
            num_parse_u64(span_of(line.p + n, line.bytes - n), &value))
            *(uint64_t *)((char *)f + fields[i].offset) = value;
    }
}

static bool
is_here(const struct address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
    switch (a->storage.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    default:
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
}

bool
figures_take(struct figures *f, struct client *c, const struct address *of, uint64_t pid)
{
    struct reply r = {0};
    *f = (struct figures){0};
    if (!client_send(c, SPAN("stats\r\n")))
        return false;
    for (unsigned i = 0; i < LINES_MAX && r.kind != REPLY_END; i++) {
        if (!client_read(c, &r))
            return false;
        take_line(f, r.line);
    }
    if (pid != 0)
        f->pid = pid;
    struct process_usage usage;
    if ((pid != 0 || is_here(of)) && f->pid != 0 && process_sample((uint32_t)f->pid, &usage))
        f->rss_bytes = usage.rss_bytes;
    return true;
}

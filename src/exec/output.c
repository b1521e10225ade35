#include "exec/output.h"

static void
close_run(struct output *o)
{
    if (o->used == o->run_start)
        return;
    CHECK(o->iov_count < OUTPUT_IOV_MAX);
    o->iov[o->iov_count++] = (struct iovec){o->buf + o->run_start, o->used - o->run_start};
    o->run_start = o->used;
}

void
output_borrow(struct output *o, const void *p, size_t bytes)
{
    close_run(o);
    CHECK(o->iov_count < OUTPUT_IOV_MAX);
    o->iov[o->iov_count++] = (struct iovec){(void *)p, bytes};
    o->bytes += bytes;
}

int
output_finish(struct output *o)
{
    close_run(o);
    return o->iov_count;
}

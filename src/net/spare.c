#include "net/spare.h"

#include <ev.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a loop keeps for a descriptor: its table of them, changes, pending and received events (16 + 4 + 16 +
 * 12 bytes), twice over because tables double, and twice again because they are copied then. */
#define BYTES_PER_DESCRIPTOR 192
#define BYTES_PER_LOOP       (64u << 10)

#define ALIGN_BYTES 16

/* In front of each piece. */
struct head {
    size_t bytes;
    char pad[ALIGN_BYTES - sizeof(size_t)];
};
_Static_assert(sizeof(struct head) == ALIGN_BYTES, "pieces stay aligned");

/* A process has one allocator for all of libev, which is called without a context: hence these. */
static char *spare;
static size_t spare_bytes;
static _Atomic size_t spare_used;

static void *
take(size_t bytes)
{
    size_t whole = sizeof(struct head) + (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    size_t at = atomic_load_explicit(&spare_used, memory_order_relaxed);
    do {
        if (whole > spare_bytes - at)
            return NULL;
    } while (!atomic_compare_exchange_weak_explicit(&spare_used, &at, at + whole,
                                                    memory_order_relaxed, memory_order_relaxed));
    struct head *head = (struct head *)(spare + at);
    head->bytes = bytes;
    return head + 1;
}

static bool
is_ours(const void *p)
{
    return (uintptr_t)p - (uintptr_t)spare < spare_bytes;
}

static void *
move_to_spare(void *old, size_t old_bytes, size_t bytes)
{
    void *new = take(bytes);
    if (new != NULL && old != NULL)
        memcpy(new, old, old_bytes < bytes ? old_bytes : bytes);
    return new;
}

/* As realloc(), but for 0 bytes it frees. */
static void *
resize(void *p, long bytes) EV_NOEXCEPT
{
    bool ours = is_ours(p);
    if (bytes == 0) {
        if (!ours)
            free(p);
        return NULL;
    }
    if (ours)
        return move_to_spare(p, ((struct head *)p - 1)->bytes, (size_t)bytes);
    void *new = realloc(p, (size_t)bytes);
    if (new != NULL)
        return new;
    new = move_to_spare(p, malloc_usable_size(p), (size_t)bytes);
    if (new != NULL)
        free(p);
    return new;
}

bool
spare_init(size_t loops, size_t descriptors)
{
    size_t bytes = loops * (BYTES_PER_LOOP + descriptors * BYTES_PER_DESCRIPTOR);
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1, 0);
    if (map == MAP_FAILED)
        return false;
    spare = map;
    spare_bytes = bytes;
    ev_set_allocator(resize);
    return true;
}

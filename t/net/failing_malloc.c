/* failing_malloc.c - a library to preload: makes allocations fail once a server is up.
 *
 *   FAILING_MALLOC_FILE   a file of 24 bytes, mapped: "armed", "every" and "failed", u64 each
 *
 * While 'armed' is not 0, each allocation whose number since then is a multiple of 'every' fails, and is
 * counted in 'failed'.  The test writes the first two, also while the server runs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
    _Atomic uint64_t armed;
    _Atomic uint64_t every;
    _Atomic uint64_t failed;
};

static struct control nothing, *control = &nothing;
static _Atomic uint64_t number;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);

/* dlsym() itself may call calloc() before we know the real one. */
static char early[4096];
static size_t early_used;

static void __attribute__((constructor))
init(void)
{
    next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    next_aligned_alloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    const char *path = getenv("FAILING_MALLOC_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

static bool
fails(void)
{
    if (atomic_load(&control->armed) == 0)
        return false;
    uint64_t every = atomic_load(&control->every);
    if (every == 0 || atomic_fetch_add(&number, 1) % every != every - 1)
        return false;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t bytes)
{
    if (next_malloc == NULL)
        init();
    return fails() ? NULL : next_malloc(bytes);
}

void *
calloc(size_t count, size_t bytes)
{
    if (next_calloc == NULL) {
        size_t wanted = (count * bytes + 15) & ~(size_t)15;
        if (wanted > sizeof early - early_used)
            return NULL;
        early_used += wanted;
        return early + early_used - wanted;
    }
    return fails() ? NULL : next_calloc(count, bytes);
}

void *
realloc(void *p, size_t bytes)
{
    if (next_realloc == NULL)
        init();
    return fails() ? NULL : next_realloc(p, bytes);
}

void *
aligned_alloc(size_t alignment, size_t bytes)
{
    if (next_aligned_alloc == NULL)
        init();
    return fails() ? NULL : next_aligned_alloc(alignment, bytes);
}

#include "ring/md5.h"
#include "ring/md5_path.h"

/* Asked for each batch: it costs a load and a test, and no state that somebody must have set up. */
static const struct md5_path *
best_path(void)
{
    const struct md5_path *const *path = md5_paths;
    while (!(*path)->usable())
        path++;
    return *path;
}

void
md5_word0_many(const struct ketch_bytes *keys, size_t count, uint32_t *out)
{
    best_path()->word0_many(keys, count, out);
}

void
md5_words_many(const struct ketch_bytes *keys, size_t count, uint32_t (*out)[4])
{
    best_path()->words_many(keys, count, out);
}

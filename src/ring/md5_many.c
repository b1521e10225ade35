#include "ring/md5.h"

void
md5_word0_many(const struct ketch_bytes *keys, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = md5_word0(keys[i].p, keys[i].bytes);
}

void
md5_words_many(const struct ketch_bytes *keys, size_t count, uint32_t (*out)[4])
{
    for (size_t i = 0; i < count; i++)
        md5_words(keys[i].p, keys[i].bytes, out[i]);
}

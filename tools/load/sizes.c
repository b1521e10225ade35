#include "load/sizes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/num.h"

#define TABLE_ENTRIES ((size_t)1 << SIZES_TABLE_BITS)

/* Median and 99th percentile are as published.  The other points are ours, chosen so that the mean
 * comes out at 335 and the largest hundredth holds 47 % of the bytes. */
static const struct quantile {
    double share;
    double bytes;
} meta_quantiles[] = {
    {0, 30}, {0.5, 159}, {0.9, 300}, {0.99, 959}, {0.999, 17000}, {1, 330000},
};

static double
meta_quantile(double share)
{
    const struct quantile *q = meta_quantiles;
    while (q[1].share < share)
        q++;
    double part = (share - q[0].share) / (q[1].share - q[0].share);
    return q[0].bytes * pow(q[1].bytes / q[0].bytes, part);
}

static bool
init_meta(struct sizes *s, uint32_t max)
{
    uint32_t *table = malloc(TABLE_ENTRIES * sizeof(*table));
    if (table == NULL)
        return false;
    for (size_t i = 0; i < TABLE_ENTRIES; i++)
        table[i] = (uint32_t)lround(meta_quantile(((double)i + 0.5) / (double)TABLE_ENTRIES));
    *s = (struct sizes){SIZES_META, table[0], table[TABLE_ENTRIES - 1], table};
    if (s->high <= max)
        return true;
    sizes_fini(s);
    return false;
}

static bool
init_range(struct sizes *s, const char *text)
{
    const char *dash = strchr(text, '-');
    size_t low_len = dash != NULL ? (size_t)(dash - text) : strlen(text);
    const char *high = dash != NULL ? dash + 1 : text;
    *s = (struct sizes){.shape = SIZES_RANGE};
    return num_parse_u32(span_of(text, low_len), &s->low) &&
           num_parse_u32(span_of(high, strlen(high)), &s->high);
}

bool
sizes_parse(struct sizes *s, const char *text, uint32_t min, uint32_t max)
{
    if (strcmp(text, "meta") == 0)
        return init_meta(s, max);
    return init_range(s, text) && s->low >= min && s->low <= s->high && s->high <= max;
}

void
sizes_fini(struct sizes *s)
{
    free((void *)s->table);
    s->table = NULL;
}

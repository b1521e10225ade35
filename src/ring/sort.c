#include "ring/sort.h"

#include <stdbool.h>
#include <string.h>

/* A radix sort, least significant digit first: it is stable, and no input is a bad one. */
enum { DIGIT_BITS = 8, DIGITS = 4, RADIX = 1 << DIGIT_BITS, LOWEST_BIT = 32 };

static unsigned
digit_of(uint64_t point, int digit)
{
    return (unsigned)(point >> (LOWEST_BIT + digit * DIGIT_BITS)) & (RADIX - 1);
}

static void
count_digits(const uint64_t *points, size_t count, uint32_t counts[DIGITS][RADIX])
{
    memset(counts, 0, sizeof(uint32_t[DIGITS][RADIX]));
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < DIGITS; d++)
            counts[d][digit_of(points[i], d)]++;
}

/* Counts become places; false if all have the same digit, so that nothing would move. */
static bool
places_of_counts(uint32_t *counts, size_t count)
{
    uint32_t place = 0;
    for (int i = 0; i < RADIX; i++) {
        uint32_t n = counts[i];
        if (n == count)
            return false;
        counts[i] = place;
        place += n;
    }
    return true;
}

uint64_t *
sort_points(uint64_t *points, uint64_t *scratch, size_t count)
{
    uint32_t places[DIGITS][RADIX];
    count_digits(points, count, places);
    for (int d = 0; d < DIGITS; d++) {
        if (!places_of_counts(places[d], count))
            continue;
        for (size_t i = 0; i < count; i++)
            scratch[places[d][digit_of(points[i], d)]++] = points[i];
        uint64_t *sorted = scratch;
        scratch = points;
        points = sorted;
    }
    return points;
}

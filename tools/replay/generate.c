#include "replay/generate.h"

#include <stdlib.h>
#include "base/attr.h"
#include "load/buffer.h"
#include "load/rng.h"
#include "load/zipf.h"

#define NOT_ASKED_YET UINT32_MAX

/* Of shift: what the sizes of new objects are multiplied with. */
static const uint32_t stretches[] = {1, 4, 16, 4, 1};
#define STRETCHES ARRAY_COUNT(stretches)

/* Of scan: the length of one, as a part of the objects, and how often. */
#define SCAN_PART   10
#define SCAN_PERIOD 5

struct population {
    struct trace *trace;
    const struct recipe *recipe;
    struct rng rng;
    struct zipf zipf;
    uint32_t *ranks;   /* the object at each place of the order */
    uint32_t *scanned; /* and those that scans go over */
    uint32_t *bytes;   /* shift: size of the object at each place */
    uint32_t next_scanned;
};

const char *
generate_name(enum generator g)
{
    static const char *const names[GENERATORS] = {"", "zipf", "shift", "scan"};
    return names[g];
}

static uint32_t *
new_places(uint32_t count)
{
    uint32_t *places = buffer_alloc(count, sizeof(*places));
    for (uint32_t i = 0; i < count; i++)
        places[i] = NOT_ASKED_YET;
    return places;
}

/* Objects are numbered when they are first asked for, as trace.h wants it. */
static void
ask(struct population *p, uint32_t *place, uint32_t bytes)
{
    if (*place == NOT_ASKED_YET)
        *place = p->trace->objects;
    trace_add(p->trace, (struct trace_request){.object = *place, .bytes = bytes});
}

static void
ask_zipf(struct population *p)
{
    if (rng_unit(&p->rng) < p->recipe->churn)
        p->ranks[rng_below(&p->rng, p->recipe->objects)] = NOT_ASKED_YET;
    ask(p, &p->ranks[zipf_draw(&p->zipf, &p->rng)], 0);
}

static void
ask_shift(struct population *p, uint32_t factor)
{
    if (rng_unit(&p->rng) < p->recipe->churn)
        p->ranks[rng_below(&p->rng, p->recipe->objects)] = NOT_ASKED_YET;
    uint64_t rank = zipf_draw(&p->zipf, &p->rng);
    if (p->ranks[rank] == NOT_ASKED_YET) {
        uint64_t bytes = (uint64_t)sizes_pick(p->recipe->value_bytes, rng_next(&p->rng)) * factor;
        bytes += p->recipe->key_bytes;
        p->bytes[rank] =
            bytes < TRACE_SIZE_BYTES_MAX ? (uint32_t)bytes : (uint32_t)TRACE_SIZE_BYTES_MAX;
    }
    ask(p, &p->ranks[rank], p->bytes[rank]);
}

static void
generate_shift(struct population *p)
{
    uint64_t count = p->recipe->requests;
    uint64_t done = 0;
    for (uint64_t stretch = 0; stretch < STRETCHES; stretch++) {
        for (uint32_t i = 0; stretch > 0 && i < p->recipe->objects; i++)
            if (rng_below(&p->rng, 2) == 0)
                p->ranks[i] = NOT_ASKED_YET;
        for (; done < count * (stretch + 1) / STRETCHES; done++)
            ask_shift(p, stretches[stretch]);
    }
}

static void
ask_scan(struct population *p)
{
    ask(p, &p->scanned[p->next_scanned], 0);
    if (++p->next_scanned == p->recipe->objects)
        p->next_scanned = 0;
}

static void
generate_scan(struct population *p)
{
    uint64_t scan = p->recipe->objects / SCAN_PART;
    uint64_t period = scan * SCAN_PERIOD;
    for (uint64_t i = 0; i < p->recipe->requests; i++) {
        if (i % period >= period - scan)
            ask_scan(p);
        else
            ask_zipf(p);
    }
}

void
generate(struct trace *t, const struct recipe *recipe)
{
    struct population p = {.trace = t, .recipe = recipe, .rng = {recipe->seed}};
    zipf_init(&p.zipf, recipe->objects, recipe->exponent);
    p.ranks = new_places(recipe->objects);
    p.scanned = new_places(recipe->objects);
    p.bytes = new_places(recipe->objects);
    if (recipe->generator == GENERATE_SHIFT)
        generate_shift(&p);
    else if (recipe->generator == GENERATE_SCAN)
        generate_scan(&p);
    else
        for (uint64_t i = 0; i < recipe->requests; i++)
            ask_zipf(&p);
    free(p.ranks);
    free(p.scanned);
    free(p.bytes);
}

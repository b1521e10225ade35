#include "replay/keymap.h"

#include <stdlib.h>
#include "base/hash.h"
#include "load/buffer.h"

#define SLOTS_INITIAL 1024

void
keymap_init(struct keymap *m, uint32_t first)
{
    *m = (struct keymap){
        .slots = buffer_alloc(SLOTS_INITIAL, sizeof(*m->slots)),
        .slot_count = SLOTS_INITIAL,
        .next = first,
    };
}

void
keymap_fini(struct keymap *m)
{
    free(m->slots);
    *m = (struct keymap){0};
}

/* Where the key is, or the free slot where it belongs. */
static struct keymap_slot *
find(const struct keymap *m, struct span key)
{
    size_t at = hash_span(key, 0) & (m->slot_count - 1);
    while (m->slots[at].key.p != NULL && !span_equal(m->slots[at].key, key))
        at = (at + 1) & (m->slot_count - 1);
    return &m->slots[at];
}

static void
grow(struct keymap *m)
{
    struct keymap old = *m;
    m->slot_count *= 2;
    m->slots = buffer_alloc(m->slot_count, sizeof(*m->slots));
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].key.p != NULL)
            *find(m, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

uint32_t
keymap_number(struct keymap *m, struct span key)
{
    struct keymap_slot *slot = find(m, key);
    if (slot->key.p != NULL)
        return slot->number;
    if (2 * (m->used + 1) > m->slot_count) {
        grow(m);
        slot = find(m, key);
    }
    m->used++;
    *slot = (struct keymap_slot){key, m->next++};
    return slot->number;
}

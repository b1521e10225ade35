/* keymap.h - gives each key that comes along a number: 0, 1, ... in the order of first use.
 *
 * Ownership: keys are borrowed until keymap_fini().
 * Failure:   running out of memory ends the program.
 */
#ifndef KETCH_TOOLS_REPLAY_KEYMAP_H
#define KETCH_TOOLS_REPLAY_KEYMAP_H

#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct keymap_slot {
    struct span key; /* p NULL: free */
    uint32_t number;
};

/* Open addressing, never more than half full. */
struct keymap {
    struct keymap_slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    uint32_t next; /* number of the next new key */
};

/* The first new key is number 'first'. */
void keymap_init(struct keymap *m, uint32_t first);
void keymap_fini(struct keymap *m);

uint32_t keymap_number(struct keymap *m, struct span key);

#endif

/* preset.h - the knobs as each client has them, by name.
 *
 * Threads:   pure functions.
 * Failure:   none.
 */
#ifndef KETCH_RING_PRESET_H
#define KETCH_RING_PRESET_H

#include <stdbool.h>
#include <stddef.h>
#include "ketch/ring.h"

/* False if there is no preset of this name. */
bool preset_find(const char *name, size_t bytes, enum ketch_ring_preset *found);

/* Whose words for hashes are twemproxy's. */
bool preset_is_twemproxy(enum ketch_ring_preset preset);

/* For whom an empty tag is a tag. */
bool preset_is_mcproxy(enum ketch_ring_preset preset);

#endif

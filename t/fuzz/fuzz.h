/* fuzz.h - what every fuzz target defines, for libFuzzer and for replay.c. */
#ifndef KETCH_T_FUZZ_H
#define KETCH_T_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Plays one input.  What must not happen aborts.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif

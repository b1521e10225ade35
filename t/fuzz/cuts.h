/* cuts.h - what the parsers of streams have in common as fuzz targets. */
#ifndef KETCH_T_FUZZ_CUTS_H
#define KETCH_T_FUZZ_CUTS_H

#include "../proto/stream.h"

/* Parses 'stream' whole and cut in several ways; aborts if that makes a difference, or if the parser
 * breaks its contract. */
void cuts_compare(enum protocol protocol, struct span stream);

#endif

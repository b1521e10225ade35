/* Any bytes are a stream of binary packets: it is parsed within its bounds, and alike however it is
 * cut; and a cache answers it alike, too. */
#include "converse.h"
#include "cuts.h"
#include "fuzz.h"

/* Whether it may ask for statistics, which tell of the process. */
static bool
may_ask_for_stats(struct span stream)
{
    return memmem(stream.p, stream.bytes, "\x80\x10", 2) != NULL;
}

/* What does not begin as a packet is text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct span stream = span_of(data, bytes);
    cuts_compare(PROTOCOL_BINARY, stream);
    if (bytes > 0 && data[0] == 0x80 && !may_ask_for_stats(stream))
        converse_compare(stream);
    return 0;
}

/* Any bytes are a stream of commands: it is parsed within its bounds, and alike however it is cut. */
#include "cuts.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    cuts_compare(PROTOCOL_TEXT, span_of(data, bytes));
    return 0;
}

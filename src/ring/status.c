#include <ketch/types.h>

static const struct {
    enum ketch_status status;
    const char *text;
} texts[] = {
    {KETCH_OK, "done"},
    {KETCH_MISS, "not found"},
    {KETCH_NOT_STORED, "not stored"},
    {KETCH_EXISTS, "changed by somebody else"},
    {KETCH_INVALID, "invalid argument"},
    {KETCH_BAD_KEY, "invalid key"},
    {KETCH_TOO_LARGE, "value too large"},
    {KETCH_NO_MEMORY, "out of memory"},
    {KETCH_CONFLICT, "conflicting settings"},
    {KETCH_UNSUPPORTED, "not supported"},
    {KETCH_BUSY, "too many requests are waiting"},
    {KETCH_NO_SERVER, "no server"},
    {KETCH_DOWN, "server not reachable"},
    {KETCH_LOST, "connection lost"},
    {KETCH_TIMEOUT, "timed out"},
    {KETCH_CANCELLED, "cancelled"},
    {KETCH_PROTOCOL, "malformed reply"},
    {KETCH_SERVER_ERROR, "error of the server"},
    {KETCH_CLIENT_ERROR, "refused by the server"},
    {KETCH_AUTH, "not authenticated"},
    {KETCH_TLS, "TLS failed"},
    {KETCH_DNS, "host name has no address"},
};

const char *
ketch_status_text(enum ketch_status status)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "unknown status";
}

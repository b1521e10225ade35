#include "auth/plain.h"

/* Takes what comes before the next NUL, and the NUL, off 'rest'; false: there is none. */
static bool
take_field(struct span *rest, struct span *field)
{
    const char *nul = rest->bytes > 0 ? memchr(rest->p, '\0', rest->bytes) : NULL;
    if (nul == NULL)
        return false;
    *field = span_of(rest->p, (size_t)(nul - rest->p));
    *rest = span_of(nul + 1, rest->bytes - field->bytes - 1);
    return true;
}

bool
plain_parse(struct span message, struct span *user, struct span *password)
{
    struct span identity, more;
    if (!take_field(&message, &identity) || !take_field(&message, user))
        return false;
    *password = message;
    if (take_field(&message, &more))
        return false;
    return identity.bytes == 0 || span_equal(identity, *user);
}

#include "tally.h"

static const char *const error_names[TALLY_ERRORS] = {
    [TALLY_SERVER_ERROR] = "SERVER_ERROR",
    [TALLY_CLIENT_ERROR] = "CLIENT_ERROR",
    [TALLY_ERROR] = "ERROR",
    [TALLY_UNEXPECTED] = "unexpected reply",
    [TALLY_CLOSED] = "closed connection",
    [TALLY_UNANSWERED] = "no answer",
    [TALLY_WRONG_VALUE] = "value of another key",
    [TALLY_DAMAGED] = "damaged value",
};

const char *
tally_error_name(enum tally_error error)
{
    return error_names[error];
}

void
tally_fail(struct tally *t, enum tally_error error, uint64_t now_ns, struct span text)
{
    counter_add(&t->errors[error], 1);
    if (t->first_error_ns != 0)
        return;
    t->first_error_ns = now_ns;
    size_t bytes = text.bytes < sizeof(t->first_error) ? text.bytes : sizeof(t->first_error) - 1;
    for (size_t i = 0; i < bytes; i++)
        t->first_error[i] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '.';
    t->first_error[bytes] = '\0';
}

void
tally_merge(struct tally *t, const struct tally *from)
{
    counter_add(&t->requests, counter_get(&from->requests));
    counter_add(&t->keys, counter_get(&from->keys));
    counter_add(&t->sets, counter_get(&from->sets));
    counter_add(&t->hits, counter_get(&from->hits));
    counter_add(&t->misses, counter_get(&from->misses));
    counter_add(&t->unsent, counter_get(&from->unsent));
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        counter_add(&t->errors[i], counter_get(&from->errors[i]));
    histogram_merge(&t->get_ns, &from->get_ns);
    histogram_merge(&t->set_ns, &from->set_ns);
    bool earlier = t->first_error_ns == 0 || from->first_error_ns < t->first_error_ns;
    if (from->first_error_ns != 0 && earlier) {
        t->first_error_ns = from->first_error_ns;
        memcpy(t->first_error, from->first_error, sizeof(t->first_error));
    }
}

uint64_t
tally_error_count(const struct tally *t)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < TALLY_ERRORS; i++)
        sum += counter_get(&t->errors[i]);
    return sum;
}

/* The functions that say ketch_submit() with the arguments in their places. */
#include <string.h>
#include <ketch/client.h>

static void
set_options(struct ketch_request *r, const struct ketch_options *options, ketch_done done, void *arg)
{
    if (options != NULL)
        r->options = *options;
    r->done = done;
    r->arg = arg;
}

static enum ketch_status
submit_key(struct ketch_client *client, enum ketch_verb verb, struct ketch_bytes key,
           const struct ketch_options *options, ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = verb, .key = key};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

static enum ketch_status
submit_value(struct ketch_client *client, enum ketch_verb verb, struct ketch_bytes key,
             struct ketch_bytes value, const struct ketch_options *options, ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = verb, .key = key, .value = value};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

static enum ketch_status
submit_arith(struct ketch_client *client, enum ketch_verb verb, struct ketch_bytes key, uint64_t delta,
             const struct ketch_options *options, ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = verb, .key = key, .delta = delta};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

enum ketch_status
ketch_get(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
          ketch_done done, void *arg)
{
    return submit_key(client, KETCH_VERB_GET, key, options, done, arg);
}

enum ketch_status
ketch_gat(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
          ketch_done done, void *arg)
{
    return submit_key(client, KETCH_VERB_GAT, key, options, done, arg);
}

enum ketch_status
ketch_touch(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
            ketch_done done, void *arg)
{
    return submit_key(client, KETCH_VERB_TOUCH, key, options, done, arg);
}

enum ketch_status
ketch_set(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
          const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_SET, key, value, options, done, arg);
}

enum ketch_status
ketch_add(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
          const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_ADD, key, value, options, done, arg);
}

enum ketch_status
ketch_replace(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
              const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_REPLACE, key, value, options, done, arg);
}

enum ketch_status
ketch_append(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
             const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_APPEND, key, value, options, done, arg);
}

enum ketch_status
ketch_prepend(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
              const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_PREPEND, key, value, options, done, arg);
}

enum ketch_status
ketch_cas(struct ketch_client *client, struct ketch_bytes key, struct ketch_bytes value,
          const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_value(client, KETCH_VERB_CAS, key, value, options, done, arg);
}

enum ketch_status
ketch_incr(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
           const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_arith(client, KETCH_VERB_INCR, key, delta, options, done, arg);
}

enum ketch_status
ketch_decr(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
           const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_arith(client, KETCH_VERB_DECR, key, delta, options, done, arg);
}

enum ketch_status
ketch_delete(struct ketch_client *client, struct ketch_bytes key, const struct ketch_options *options,
             ketch_done done, void *arg)
{
    return submit_key(client, KETCH_VERB_DELETE, key, options, done, arg);
}

enum ketch_status
ketch_invalidate(struct ketch_client *client, struct ketch_bytes key,
                 const struct ketch_options *options, ketch_done done, void *arg)
{
    return submit_key(client, KETCH_VERB_INVALIDATE, key, options, done, arg);
}

enum ketch_status
ketch_meta(struct ketch_client *client, const char *command, struct ketch_bytes key,
           struct ketch_bytes value, struct ketch_bytes flags, const struct ketch_options *options,
           ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = KETCH_VERB_META, .key = key, .value = value, .meta = flags};
    if (strlen(command) != 2)
        return KETCH_INVALID;
    memcpy(r.command, command, sizeof r.command);
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

enum ketch_status
ketch_flush(struct ketch_client *client, uint32_t server, uint32_t delay_s,
            const struct ketch_options *options, ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = KETCH_VERB_FLUSH, .server = server, .delta = delay_s};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

enum ketch_status
ketch_version(struct ketch_client *client, uint32_t server, const struct ketch_options *options,
              ketch_done done, void *arg)
{
    struct ketch_request r = {.verb = KETCH_VERB_VERSION, .server = server};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

enum ketch_status
ketch_stats(struct ketch_client *client, uint32_t server, struct ketch_bytes group,
            const struct ketch_options *options, ketch_done each, ketch_done done, void *arg)
{
    struct ketch_request r = {
        .verb = KETCH_VERB_STATS, .server = server, .key = group, .each = each};
    set_options(&r, options, done, arg);
    return ketch_submit(client, &r);
}

/* wait.h - the same requests for programs that wait for each: thin wrappers around client.h.
 *
 *     struct ketch_reply reply = KETCH_REPLY_INIT;
 *     if (ketch_get_wait(client, ketch_string("greeting"), NULL, &reply) == KETCH_OK)
 *         fwrite(reply.result.value.p, 1, reply.result.value.bytes, stdout);
 *     ketch_reply_free(&reply);
 *
 * Each returns the status of the request, which is reply->result.status too.  Others that are under way
 * go on meanwhile, and may be completed.  In callbacks they are refused: KETCH_INVALID.
 *
 * Threads:   the client's.
 * Ownership: a reply owns its value, and is used again for the next request with its memory; it is freed
 *            once.  result.server_name is borrowed until the pool changes; result.key is empty.
 * Failure:   statuses; KETCH_UNSUPPORTED: the client's transport cannot wait (use ketch_poll_attach()).
 */
#ifndef KETCH_WAIT_H
#define KETCH_WAIT_H

#include <ketch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ketch_reply {
    struct ketch_result result; /* value, message and meta point into 'memory'; a NUL follows the value */
    void *memory;
    size_t memory_bytes;
};

#ifdef __cplusplus
#define KETCH_REPLY_INIT ketch_reply()
#else
#define KETCH_REPLY_INIT ((struct ketch_reply){.memory = NULL})
#endif

void ketch_reply_free(struct ketch_reply *reply);

/* request->done, each and arg are not used. */
enum ketch_status ketch_submit_wait(struct ketch_client *client, const struct ketch_request *request,
                                    struct ketch_reply *reply);

/* Waits until *done, which some callback sets. */
enum ketch_status ketch_wait(struct ketch_client *client, const bool *done);

/* Waits until nothing is under way. */
enum ketch_status ketch_wait_all(struct ketch_client *client);

/* ---- as in client.h; options may be NULL, and so may reply where only the status matters ---- */

enum ketch_status ketch_get_wait(struct ketch_client *client, struct ketch_bytes key,
                                 const struct ketch_options *options, struct ketch_reply *reply);
enum ketch_status ketch_gat_wait(struct ketch_client *client, struct ketch_bytes key,
                                 const struct ketch_options *options, struct ketch_reply *reply);
enum ketch_status ketch_touch_wait(struct ketch_client *client, struct ketch_bytes key,
                                   const struct ketch_options *options, struct ketch_reply *reply);
enum ketch_status ketch_set_wait(struct ketch_client *client, struct ketch_bytes key,
                                 struct ketch_bytes value, const struct ketch_options *options,
                                 struct ketch_reply *reply);
enum ketch_status ketch_add_wait(struct ketch_client *client, struct ketch_bytes key,
                                 struct ketch_bytes value, const struct ketch_options *options,
                                 struct ketch_reply *reply);
enum ketch_status ketch_replace_wait(struct ketch_client *client, struct ketch_bytes key,
                                     struct ketch_bytes value, const struct ketch_options *options,
                                     struct ketch_reply *reply);
enum ketch_status ketch_append_wait(struct ketch_client *client, struct ketch_bytes key,
                                    struct ketch_bytes value, const struct ketch_options *options,
                                    struct ketch_reply *reply);
enum ketch_status ketch_prepend_wait(struct ketch_client *client, struct ketch_bytes key,
                                     struct ketch_bytes value, const struct ketch_options *options,
                                     struct ketch_reply *reply);
enum ketch_status ketch_cas_wait(struct ketch_client *client, struct ketch_bytes key,
                                 struct ketch_bytes value, const struct ketch_options *options,
                                 struct ketch_reply *reply);
/* number: the new value; may be NULL. */
enum ketch_status ketch_incr_wait(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                                  const struct ketch_options *options, uint64_t *number);
enum ketch_status ketch_decr_wait(struct ketch_client *client, struct ketch_bytes key, uint64_t delta,
                                  const struct ketch_options *options, uint64_t *number);
enum ketch_status ketch_delete_wait(struct ketch_client *client, struct ketch_bytes key,
                                    const struct ketch_options *options, struct ketch_reply *reply);
enum ketch_status ketch_invalidate_wait(struct ketch_client *client, struct ketch_bytes key,
                                        const struct ketch_options *options, struct ketch_reply *reply);
enum ketch_status ketch_meta_wait(struct ketch_client *client, const char *command,
                                  struct ketch_bytes key, struct ketch_bytes value,
                                  struct ketch_bytes flags, const struct ketch_options *options,
                                  struct ketch_reply *reply);
enum ketch_status ketch_flush_wait(struct ketch_client *client, uint32_t server, uint32_t delay_s,
                                   const struct ketch_options *options, struct ketch_reply *reply);
/* reply->result.value: the text. */
enum ketch_status ketch_version_wait(struct ketch_client *client, uint32_t server,
                                     const struct ketch_options *options, struct ketch_reply *reply);
/* Calls 'each' for each line. */
enum ketch_status ketch_stats_wait(struct ketch_client *client, uint32_t server,
                                   struct ketch_bytes group, const struct ketch_options *options,
                                   ketch_done each, void *arg);

/* replies[i] belongs to keys[i].  The first status that is neither KETCH_OK nor KETCH_MISS, else
 * KETCH_OK. */
enum ketch_status ketch_mget_wait(struct ketch_client *client, const struct ketch_bytes *keys,
                                  size_t count, const struct ketch_options *options,
                                  struct ketch_reply *replies);

/* Makes a value: KETCH_OK, with *value good until the next call or the end of ketch_fetch_wait(), and
 * *options as for ketch_set(); any other status is what ketch_fetch_wait() returns. */
typedef enum ketch_status (*ketch_make)(void *arg, struct ketch_bytes key, struct ketch_bytes *value,
                                        struct ketch_options *options);

/* ketch_fetch(), and if this caller is the one to make the value: makes it, stores it, and replies with
 * it; reply must be there.  What of storing fails does not matter: the value is there.  If there is no
 * server to ask, the value is made and not stored. */
enum ketch_status ketch_fetch_wait(struct ketch_client *client, struct ketch_bytes key,
                                   const struct ketch_fetch_options *options, ketch_make make,
                                   void *arg, struct ketch_reply *reply);

#ifdef __cplusplus
}
#endif

#endif

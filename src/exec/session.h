/* session.h - where one client stands: between two turns, this and the bytes that its connection
 * keeps are all that is known of it.
 *
 *              incomplete data block             a value in chunks, a long report
 *      +--------+     +---------+        +---------+
 *      | upload |<----| request |------->| stream  |
 *      +--------+     +---------+        +---------+
 *            all arrived |  ^                | all produced
 *                        +--+----------------+
 *
 * At most one of upload and stream is active; while one is, nothing else of the client's is looked
 * at.  All zero is the session of a client that has just come; who knows its protocol may set that.
 * The other fields are for exec alone.
 *
 * Threads:   its connection's worker only.
 * Ownership: owns the open upload, the pin of a streamed item, the bytes of a report, a login under way:
 *            session_fini() (exec.h) gives them back.
 */
#ifndef KETCH_EXEC_SESSION_H
#define KETCH_EXEC_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "engine/engine.h"
#include "proto/binary.h"
#include "proto/protocol.h"
#include "proto/text.h"

struct auth_login;
struct dump;
struct meta_upload;
struct output;
struct session;

/* Answers a storage command that came to its end, with the new unique when it is ENGINE_OK.  What the
 * answer depends on is in the session. */
typedef void store_answer_fn(struct session *s, enum engine_status status, uint64_t cas,
                             struct output *out);

enum stream_kind {
    STREAM_NONE,
    STREAM_ITEM,   /* the value of 'item', and a line end if 'ends_line' */
    STREAM_REPORT, /* 'report' */
    STREAM_DUMP,   /* 'report', and then those that dump_next() makes of 'dump' */
};

/* Something longer than an output, produced piece by piece. */
struct stream {
    uint8_t kind;            /* enum stream_kind */
    bool ends_line;          /* STREAM_ITEM */
    bool more;               /* STREAM_DUMP: 'report' is not the last */
    const struct item *item; /* pinned */
    char *report;            /* from malloc */
    struct dump *dump;
    uint64_t offset;         /* produced so far, less what session_unsend() took back */
    struct engine_place place; /* STREAM_ITEM: at or before 'offset', also after session_unsend() */
    uint64_t bytes;          /* of the item and its line end, or of the report */
};

struct session {
    union {
        struct text_parser parser;
        struct binary_parser binary_parser;
    };
    struct upload upload; /* upload.item: one is open */
    uint64_t upload_hash;
    struct engine_rules upload_rules; /* from here on, of any storage command, until it is answered */
    store_answer_fn *upload_answer;
    struct binary_echo upload_echo;   /* binary */
    struct meta_upload *meta;         /* ms, from malloc while its upload is open; else NULL */
    bool upload_noreply;              /* text: no answer at all; binary: none but to a failure */
    uint8_t protocol;                 /* enum protocol; AUTO until the first byte has come */
    bool is_datagram;                 /* there is no connection; see datagram.h */
    bool authenticated;               /* means something where exec_require_auth() was called */
    uint32_t wait_began_ms; /* 'stats' is put off since; 0: it is not */
    struct auth_login *login; /* a SASL login under way; NULL: there is none */
    struct stream stream;
};

#endif

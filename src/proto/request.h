/* request.h - what a client asked for, whatever protocol it spoke.
 *
 * A parser turns bytes into an array of requests; a request points into the bytes it came from.  A
 * retrieval line of many keys becomes one CMD_GET (or CMD_GAT) per key and a CMD_END, so that a line
 * of any length streams through a small array.
 *
 * Ownership: 'key' and 'value' borrow the parsed buffer, and are good as long as it is unchanged.
 */
#ifndef KETCH_PROTO_REQUEST_H
#define KETCH_PROTO_REQUEST_H

#include <stdint.h>
#include "base/span.h"

#define KEY_BYTES_MAX 250 /* memcached's KEY_MAX_LENGTH */

enum cmd {
    CMD_BAD,            /* malformed: answer 'error', execute nothing */
    CMD_GET,            /* one key of get, gets: REQ_WITH_CAS for gets */
    CMD_GAT,            /* one key of gat, gats: also sets 'exptime' */
    CMD_END,            /* the end of a retrieval line: answer END */
    CMD_SET,            /* the storage commands: 'value' follows */
    CMD_ADD,
    CMD_REPLACE,
    CMD_APPEND,
    CMD_PREPEND,
    CMD_CAS,            /* 'number' is the unique to compare */
    CMD_META_SET,       /* ms: the last of the storage commands.  The meta commands have 'meta_flags' */
    CMD_META_GET,       /* mg */
    CMD_META_DELETE,    /* md */
    CMD_META_ARITH,     /* ma */
    CMD_INCR,           /* 'number' is the delta */
    CMD_DECR,
    CMD_DELETE,
    CMD_TOUCH,
    CMD_FLUSH_ALL,      /* 'exptime' is the delay, 0: now */
    CMD_VERSION,
    CMD_VERBOSITY,      /* 'number' */
    CMD_QUIT,
    CMD_STATS,          /* 'value' holds the arguments: see request_args() */
    CMD_CACHE_MEMLIMIT, /* 'number' of megabytes */
    CMD_SHUTDOWN,       /* 'value' holds the arguments */
    CMD_META_NOOP,      /* mn */
    CMD_META_DEBUG,     /* me: 'key', 'value' holds what comes after it */
    CMD_ADMIN,          /* slabs, lru, lru_crawler, ...: 'key' is the word, 'value' the arguments */
    CMD_NOOP,           /* binary only, from here on */
    CMD_SASL_LIST,
    CMD_SASL_AUTH,      /* 'key' is the mechanism; 'value' what it sends, if REQ_WHOLE */
    CMD_SASL_STEP,
    CMD_COUNT
};

enum request_flags {
    REQ_WITH_CAS = 1 << 0, /* show the item's cas unique in the answer */
    REQ_NOREPLY = 1 << 1,  /* answer nothing, not even an error */
    REQ_MID_LINE = 1 << 2, /* not the first of a retrieval line, or the first behind thousands of
                              spaces; see text_parser_rewind().  Binary: a quiet get */
    REQ_WHOLE = 1 << 3,    /* a storage command whose whole data block, its line end checked, is in
                              the buffer: 'value' has 'value_bytes' bytes */
    REQ_CLOSE = 1 << 4,    /* close the connection after answering 'error' (PROTO_SILENT: at once) */
    REQ_QUIET = 1 << 6,    /* binary: a miss, or the success of a mutation, is not answered */
    REQ_WITH_KEY = 1 << 7, /* binary: show the item's key in the answer */
};

/* Why a request is CMD_BAD.  text_error_line() has the words. */
enum proto_error {
    PROTO_OK,
    PROTO_SILENT,            /* nothing is said; comes with REQ_CLOSE */
    PROTO_UNKNOWN,           /* ERROR */
    PROTO_BAD_FORMAT,        /* CLIENT_ERROR bad command line format */
    PROTO_BAD_DATA_CHUNK,    /* CLIENT_ERROR bad data chunk */
    PROTO_BAD_EXPTIME,       /* CLIENT_ERROR invalid exptime argument */
    PROTO_BAD_DELTA,         /* CLIENT_ERROR invalid numeric delta argument */
    PROTO_INVALID_FLAG,      /* CLIENT_ERROR invalid flag */
    PROTO_DUPLICATE_FLAG,    /* CLIENT_ERROR duplicate flag */
    PROTO_BAD_FLAG,          /* CLIENT_ERROR invalid or duplicate flag: of ma, whatever it is */
    PROTO_TOO_MANY_FLAGS,    /* CLIENT_ERROR options flags are too long */
    PROTO_BAD_TOKEN,         /* CLIENT_ERROR bad token in command line format */
    PROTO_BAD_BASE64,        /* CLIENT_ERROR error decoding key */
    PROTO_OPAQUE_TOO_LONG,   /* CLIENT_ERROR opaque token too long */
    PROTO_BAD_META_DELTA,    /* CLIENT_ERROR invalid numeric delta value */
    PROTO_BAD_INITIAL,       /* CLIENT_ERROR invalid numeric initial value */
    PROTO_BAD_SET_MODE,      /* CLIENT_ERROR invalid mode for ms M token */
    PROTO_BAD_ARITH_MODE,    /* CLIENT_ERROR invalid mode for ma M token */
    PROTO_ERROR_COUNT
};

struct request {
    uint8_t cmd;           /* enum cmd */
    uint8_t error;         /* enum proto_error, of CMD_BAD; of CMD_META_SET too, see run_data() */
    uint8_t flags;         /* enum request_flags */
    uint8_t key_bytes;     /* 1..250, 0 where the command has no key */
    uint32_t start;        /* offset in the parsed buffer of this request's first byte */
    const char *key;
    const char *value;     /* storage: the data that is in the buffer; others: the arguments */
    uint32_t value_here;   /* bytes at 'value' (data only, never its line end) */
    uint32_t value_bytes;  /* storage: the announced length, 0..INT32_MAX-2; else = value_here */
    uint32_t client_flags;
    uint32_t pad;
    union {
        struct {
            int64_t exptime; /* as the client meant it: relative, absolute or negative seconds */
            uint64_t number;
        };
        struct span meta_flags; /* what comes behind the key, or the length: see meta.h */
    };
    uint64_t hash;         /* the parser leaves it 0; exec fills it in */
};

static inline struct span
request_key(const struct request *r)
{
    return span_of(r->key, r->key_bytes);
}

/* The arguments, without spaces around them and without a last "noreply" that was understood. */
static inline struct span
request_args(const struct request *r)
{
    return span_of(r->value, r->value_here);
}

#endif

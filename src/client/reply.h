/* reply.h - reads what a server says: text and meta protocol, which can be told apart by every reply.
 *
 *     HD O12\r\n                     a line, its first word says what it is
 *     VA 5 f0 O13\r\nhello\r\n       a line that says how many bytes follow, the bytes, CR LF
 *     VALUE k 0 5\r\nhello\r\n       the same in text
 *
 * The parser is given all bytes from the beginning of a reply on that have come so far.  It remembers how
 * far it has looked, so that a reply which comes in many pieces is not looked at again and again.
 *
 * Threads:   any; a parser belongs to one stream.
 * Ownership: a reply points into the bytes that were given.
 * Failure:   REPLY_BAD: no server says this.  The stream cannot be read any further.
 */
#ifndef KETCH_CLIENT_REPLY_H
#define KETCH_CLIENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ketch/types.h>

/* A line longer than this is not a reply: the longest are those of stats and of errors. */
#define REPLY_LINE_BYTES_MAX 8192

enum reply_kind {
    REPLY_OTHER, /* a line that begins with none of the words below */
    REPLY_HD,
    REPLY_VA,
    REPLY_EN,
    REPLY_NF,
    REPLY_NS,
    REPLY_EX,
    REPLY_MN,
    REPLY_ME,
    REPLY_VALUE,
    REPLY_END,
    REPLY_STORED,
    REPLY_NOT_STORED,
    REPLY_EXISTS,
    REPLY_NOT_FOUND,
    REPLY_DELETED,
    REPLY_TOUCHED,
    REPLY_OK,
    REPLY_RESET,
    REPLY_NUMBER, /* digits, and perhaps spaces */
    REPLY_VERSION,
    REPLY_STAT,
    REPLY_CONFIG,
    REPLY_ERROR,
    REPLY_CLIENT_ERROR,
    REPLY_SERVER_ERROR,
};

struct reply {
    enum reply_kind kind;
    struct ketch_bytes rest;  /* of the line, behind the first word and a space */
    struct ketch_bytes value; /* of VA, VALUE, CONFIG */
    size_t bytes;             /* of the whole, ends of lines included */
    struct ketch_bytes key;   /* of VALUE, CONFIG; in STAT the name */
    uint32_t flags;           /* of VALUE, CONFIG */
    uint64_t number;          /* of NUMBER; of VALUE the cas unique */
    bool has_cas;             /* VALUE brought one */
};

enum reply_status {
    REPLY_MORE,  /* not all of it is there */
    REPLY_WHOLE, /* *reply is filled in */
    REPLY_BAD,
    REPLY_LARGE, /* a value longer than the limit */
};

/* Zero is the beginning of a reply. */
struct reply_parser {
    size_t seen;       /* bytes that hold no end of line */
    size_t line_bytes; /* 0, or of the line with its end */
    size_t need;       /* of the whole reply once the line is known; else 0 */
};

/* Looks for a reply at p.  'p' is the beginning of the reply in every call for it, with more bytes each
 * time.  After REPLY_WHOLE the parser is at the beginning again. */
enum reply_status reply_parse(struct reply_parser *parser, const char *p, size_t bytes,
                              size_t value_bytes_max, struct reply *reply);

/* The return flags of a meta reply. */
struct reply_meta {
    uint32_t flags; /* f */
    uint64_t cas;   /* c */
    int64_t ttl_s;  /* t */
    int64_t idle_s; /* l */
    bool hit;       /* h */
    bool won, taken, stale; /* W Z X */
    bool has_opaque;
    uint32_t opaque;
};

/* Reads the flags of a line; for VA they begin behind the size.  False: a number that is none. */
bool reply_meta_read(struct ketch_bytes flags, struct reply_meta *meta);

#endif

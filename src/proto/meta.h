/* meta.h - the flags of the meta commands, and the words of their answers.
 *
 *     mg <key> <flag>*     ms <key> <bytes> <flag>*     md <key> <flag>*     ma <key> <flag>*
 *
 * A flag is a letter, some with a token glued on: "mg k v t T30".  All four commands take all
 * letters, and overlook those that mean nothing to them.  The answer repeats some of them, in the
 * order in which the request had them, and the order matters besides: "T30 t" shows the new time to
 * live, "t T30" the old one.  So the parser keeps the letters of these in a list, for the answer to
 * walk:
 *
 *     mg k v t Oabc T30          seen     v t O T
 *                                answers  t O T
 *
 * Threads:   pure.
 * Ownership: struct meta_args borrows the opaque from the bytes that were parsed.
 * Failure:   enum proto_error.
 */
#ifndef KETCH_PROTO_META_H
#define KETCH_PROTO_META_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/base64.h"
#include "base/num.h"
#include "proto/request.h"

#define META_WORDS_MAX        20 /* of a line, memcached's limit: command, key and length too */
#define META_FLAGS_MAX        (META_WORDS_MAX - 2)
#define META_OPAQUE_BYTES_MAX 32 /* its O included */

/* The bit of a letter in meta_args.seen.  Letters are what lies in 'A'..'z'. */
#define META_FLAG(letter) (UINT64_C(1) << ((letter) - 'A'))

/* Below 'answers' a field means something only if its letter was seen. */
struct meta_args {
    uint64_t seen; /* META_FLAG() of the letters that were there */
    uint8_t answer_count;
    char answers[META_FLAGS_MAX]; /* those that the answer repeats, or that change what it says */
    char mode;                    /* M: E A P R S of ms, I + D - of ma */
    uint8_t opaque_bytes;
    const char *opaque;      /* O, the letter included */
    int32_t exptime;         /* T: seconds as clients write them */
    int32_t created_exptime; /* N */
    int32_t recache_s;       /* R */
    uint32_t client_flags;   /* F */
    uint64_t expected;       /* C: a cas unique */
    uint64_t cas_new;        /* E */
    uint64_t delta;          /* D */
    uint64_t initial;        /* J */
};

static inline bool
meta_has(const struct meta_args *a, char letter)
{
    return (a->seen & META_FLAG(letter)) != 0;
}

/* Parses the flags of a CMD_META_GET, SET, DELETE or ARITH.  PROTO_OK, or what the client is to be
 * told; '*a' is then not to be used.  The base64 of a key (b) is not looked at. */
enum proto_error meta_parse(const struct request *r, struct meta_args *a) MUST_USE;

/* What a client is told whose key is not base64. */
enum proto_error meta_key_error(const struct request *r);

/* ---- answers ----
 *
 * Each writes one piece, with the space before it, and returns where it ends. */

/* Room that the longest answer may need, a value and its line end not included: a status and a
 * length, eight numbers, the key in base64 and its mark, the opaque, the marks of stale items. */
#define META_ANSWER_BYTES_MAX                                                                      \
    (3 + NUM_U64_BYTES_MAX + 8 * (2 + NUM_U64_BYTES_MAX) + (2 + BASE64_BYTES(KEY_BYTES_MAX) + 2) + \
     (1 + META_OPAQUE_BYTES_MAX) + 3 * 2 + 2)

static inline char *
meta_put_letter(char *at, char letter)
{
    at[0] = ' ';
    at[1] = letter;
    return at + 2;
}

static inline char *
meta_put_number(char *at, char letter, uint64_t number)
{
    at = meta_put_letter(at, letter);
    return at + num_format_u64(at, number);
}

static inline char *
meta_put_opaque(char *at, const struct meta_args *a)
{
    *at++ = ' ';
    memcpy(at, a->opaque, a->opaque_bytes);
    return at + a->opaque_bytes;
}

/* A binary key is shown in base64, and marked. */
char *meta_put_key(char *at, struct span key, bool is_binary);

#endif

/* command.h - the commands of text: one table of their names, and how each reads its arguments.
 *
 * Knows nothing of streams: text.c cuts the stream into lines, this makes requests of them.
 *
 * Threads: pure.
 * Failure: a line that makes no sense becomes CMD_BAD with the reason.
 */
#ifndef KETCH_PROTO_COMMAND_H
#define KETCH_PROTO_COMMAND_H

#include "base/attr.h"
#include "proto/request.h"

/* What comes in the stream after a command line. */
enum command_follow {
    FOLLOW_LINE,    /* the next command */
    FOLLOW_DATA,    /* 'value_bytes' of data and a line end */
    FOLLOW_SWALLOW, /* the same, but nobody wants it: the request is CMD_BAD */
    FOLLOW_KEYS,    /* nothing: it is a retrieval line, and its keys begin at 'value' */
};

/* When a last token "noreply" means that the command is not answered. */
enum command_noreply {
    NOREPLY_NEVER,     /* it is an argument like any other */
    NOREPLY_LAST,      /* always, even where an argument is due */
    NOREPLY_AFTER_KEY, /* unless it is the first argument: "delete noreply" is about that key */
};

struct command {
    const char *name;
    uint8_t name_bytes;
    uint8_t cmd;     /* enum cmd */
    uint8_t flags;   /* enum request_flags that its requests start with */
    uint8_t noreply; /* enum command_noreply */
    enum command_follow (*parse)(struct span args, struct request *r);
};

/* The command that 'line', a line without its line end, begins with; NULL if there is none such. */
const struct command *command_find(struct span line) MUST_USE;

/* Parses 'line', which begins with 'c' (NULL: an unknown command), into '*r', which holds zeros and
 * 'start'.  Of a retrieval line, the keys are not looked at, except that there is one. */
enum command_follow command_parse(const struct command *c, struct span line, struct request *r);

/* Turns 'r' into a CMD_BAD that keeps nothing but where it started and whether it is answered. */
void command_make_bad(struct request *r, enum proto_error error);

#endif

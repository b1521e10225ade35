/* option.h - command line options as tables.
 *
 * A row says everything about one option: what it is called, what it may hold, where it goes and
 * what the help says of it.  The parser, the defaults, the help and the clean-up all walk the same
 * rows:
 *
 *      {.letter = 't', .name = "threads", .arg = "num", .type = OPTION_U32, .min = 1, .max = 64,
 *       OPTION_AT(struct config, workers), .fallback = "4", .help = "number of threads to use"}
 *
 *      -t, --threads=<num>       number of threads to use (default: 4)
 *
 * A row without letter and name but with 'extended' belongs to the list of -o: -o name=value,name.
 * Several tables, each with a struct of its own, make up one command line.
 *
 * Threads:   the parser uses getopt_long(), which has state of its own: the main thread only.
 * Ownership: tables and their texts live as long as the program.  OPTION_STRING fields belong to
 *            the struct; option_fini() frees them.
 * Failure:   a parser says what is wrong in struct option_report and never exits the process.
 */
#ifndef KETCH_BASE_OPTION_H
#define KETCH_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/attr.h"

/* Rows in all the tables of one command line: ours has about 130. */
#define OPTION_ROWS_MAX 256

enum option_type {
    OPTION_FLAG,     /* bool: true when given */
    OPTION_NO_FLAG,  /* bool: false when given */
    OPTION_SWITCH,   /* bool, -o only: 'x' makes it true, 'no_x' false */
    OPTION_COUNT,    /* unsigned: one more each time */
    OPTION_U32,      /* uint32_t or unsigned */
    OPTION_I32,      /* int32_t or int */
    OPTION_DOUBLE,   /* double, above .min (at it only if .takes_min) and up to .max */
    OPTION_SIZE,     /* uint64_t, bytes: a number of .unit bytes, or a number with k, m or g */
    OPTION_SIZE32,   /* uint32_t, the same */
    OPTION_STRING,   /* char *, a copy on the heap; NULL when not given */
    OPTION_OCTAL,    /* unsigned */
    OPTION_CUSTOM,   /* .parse knows */
    OPTION_EXTENDED, /* -o itself */
    OPTION_IGNORED,  /* accepted, with a value or without, and nothing is kept */
    OPTION_REFUSED,  /* known, and an error: .help says what is missing */
    OPTION_TEXT,     /* no option: .help is printed as it is */
};

enum option_status {
    OPTION_OK,
    OPTION_STOP, /* nothing is wrong, but the rest of the command line does not count: -h */
    OPTION_BAD,  /* the report says why */
};

/* What to tell the user, and the exit code that goes with it. */
struct option_report {
    int exit_code;
    char text[512]; /* lines with '\n' between them, none at the end */
};

struct option_def;

/* Stores 'text' (NULL: the option came without a value) in 'config', the struct of its table. */
typedef enum option_status option_parse_fn(void *config, const struct option_def *def,
                                           const char *text, struct option_report *report);

struct option_def {
    char letter;          /* 0: none */
    const char *name;     /* the long option; NULL: none */
    const char *extended; /* its name after -o; NULL: none */
    const char *arg;      /* what the value is called in the help; NULL: the option takes none */
    bool optional;        /* -o only: the value may be missing */
    enum option_type type;
    size_t offset;        /* of the field in the table's struct */
    size_t bytes;         /* its size, so that a row of the wrong type is noticed */
    double min, max;      /* of numbers; of sizes, in bytes */
    bool takes_min;       /* OPTION_DOUBLE: min itself is good, too */
    double unit;          /* of sizes: what a number without suffix counts, in bytes; 0: 1 */
    int exit_code;        /* when the value is refused; 0: EXIT_FAILURE */
    const char *fallback; /* the default, as a user would write it; NULL: 0, false, NULL */
    option_parse_fn *parse;
    const char *help; /* may have several lines; NULL: the help does not show the option */
};

/* Fills .offset and .bytes of a row. */
#define OPTION_AT(type_, field_)                                                                   \
    .offset = offsetof(type_, field_), .bytes = sizeof(((type_ *)0)->field_)

struct option_table {
    const struct option_def *rows;
    size_t count;
    void *config;      /* where the rows' offsets point into */
    const char *title; /* printed above the rows in the help; NULL: none */
    bool names_only;   /* the help lists the names alone, as a paragraph */
};

/* Gives every field its .fallback; OPTION_CUSTOM rows are the caller's, their .fallback is for the
 * help.  The structs must be zeroed before.  Fails only for want of memory. */
bool option_set_defaults(const struct option_table *tables, size_t count) MUST_USE;

/* Reads a command line.  What comes later wins; what is no option is named in a warning and
 * ignored.  On OPTION_BAD the structs hold what was read so far. */
enum option_status option_parse(const struct option_table *tables, size_t count, int argc,
                                char *const argv[], struct option_report *report) MUST_USE;

/* Prints the options with their help. */
void option_print_help(FILE *to, const struct option_table *tables, size_t count);

/* Frees all OPTION_STRING fields and sets them to NULL. */
void option_fini(const struct option_table *tables, size_t count);

/* ---- for OPTION_CUSTOM parsers ---- */

/* Fills the report and returns OPTION_BAD. */
enum option_status option_fail(struct option_report *report, int exit_code, const char *fmt, ...)
    PRINTF(3, 4);

/* The same, for a value of 'def' that cannot be: "-x: must be 'what', not 'text'". */
enum option_status option_fail_value(struct option_report *report, const struct option_def *def,
                                     const char *text, const char *what);

/* How the user calls it: "-t", "--name" or "-o name"; returns 'to'. */
#define OPTION_LABEL_BYTES 48
const char *option_label(const struct option_def *def, char to[OPTION_LABEL_BYTES]);

/* Replaces a string that option_fini() frees by a copy of 'text'. */
bool option_set_string(char **field, const char *text) MUST_USE;

#endif

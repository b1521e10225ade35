/* cli.h - a command line of long options, read into one struct as one table says.
 *
 * Parser, defaults, help and clean-up walk the same rows:
 *
 *      {"depth", "N", CLI_NUMBER, offsetof(struct options, depth), 1, 1000, "1", "requests at
 * once"}
 *
 *        --depth N             requests at once [1]
 *
 * Threads:   getopt_long() has state of its own: the main thread only.
 * Ownership: texts are borrowed from argv; CLI_SIZES fields own a table, cli_fini() frees them.
 * Failure:   a message on standard error.
 */
#ifndef KETCH_TOOLS_LOAD_CLI_H
#define KETCH_TOOLS_LOAD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/span.h"

#define CLI_ROWS_MAX 64

enum cli_type {
    CLI_FLAG,   /* bool */
    CLI_NUMBER, /* uint64_t, min..max */
    CLI_REAL,   /* double, min..max */
    CLI_TEXT,   /* const char * */
    CLI_SIZES,  /* struct sizes, min..max */
    CLI_HELP,
    CLI_VERSION,
    CLI_OWN, /* this and what follows are the tool's: cli.parse_own knows them */
};

struct cli_row;

/* Stores 'text' in the field that belongs to 'row'; false if it cannot be. */
typedef bool cli_parse_fn(const struct cli_row *row, const char *text, void *field);

struct cli_row {
    const char *name;
    const char *argument; /* NULL: takes none */
    unsigned type;
    size_t offset; /* of the field in the struct */
    uint64_t min, max;
    const char *initial; /* NULL: zero */
    const char *help;    /* lines split at '\n' */
};

struct cli {
    const char *program;
    const char *usage;  /* shown above the options */
    const char *epilog; /* and below them */
    const struct cli_row *rows;
    size_t count;            /* at most CLI_ROWS_MAX */
    cli_parse_fn *parse_own; /* NULL: there are no rows of CLI_OWN or above */
};

enum cli_outcome {
    CLI_RUN,
    CLI_ANSWERED, /* --help or --version, on standard output */
    CLI_BAD,      /* said why on standard error */
};

/* Fills 'options', a struct that is all zero. */
enum cli_outcome cli_parse(const struct cli *cli, void *options, int argc, char **argv) MUST_USE;
void cli_fini(const struct cli *cli, void *options);

/* Reads a number that is within the row's bounds. */
bool cli_parse_number(struct span text, const struct cli_row *row, uint64_t *out) MUST_USE;

/* "<program>: <what><text>" on standard error; always false. */
bool cli_complain(const struct cli *cli, const char *what, const char *text);

#endif

#include "config.h"
#include "load/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/num.h"
#include "load/sizes.h"

bool
cli_parse_number(struct span text, const struct cli_row *row, uint64_t *out)
{
    uint64_t v;
    if (!num_parse_u64(text, &v) || v < row->min || v > row->max)
        return false;
    *out = v;
    return true;
}

static bool
parse_real(const char *text, const struct cli_row *row, double *out)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !isfinite(v) || v < (double)row->min ||
        v > (double)row->max)
        return false;
    *out = v;
    return true;
}

static bool
set_field(const struct cli *cli, void *options, const struct cli_row *row, const char *text)
{
    void *field = (char *)options + row->offset;
    switch (row->type) {
    case CLI_FLAG:
        *(bool *)field = true;
        return true;
    case CLI_NUMBER:
        return cli_parse_number(span_of(text, strlen(text)), row, field);
    case CLI_REAL:
        return parse_real(text, row, field);
    case CLI_TEXT:
        *(const char **)field = text;
        return true;
    case CLI_SIZES:
        sizes_fini(field);
        return sizes_parse(field, text, (uint32_t)row->min, (uint32_t)row->max);
    case CLI_HELP:
    case CLI_VERSION:
        return false;
    default:
        return cli->parse_own(row, text, field);
    }
}

static void
print_row(const struct cli_row *row)
{
    char left[40];
    snprintf(left, sizeof(left), "  --%s%s%s", row->name, row->argument != NULL ? " " : "",
             row->argument != NULL ? row->argument : "");
    const char *line = row->help;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        printf("%-24s%.*s\n", left, (int)(end - line), line);
        left[0] = '\0';
    }
    printf("%-24s%s", left, line);
    printf(row->initial != NULL ? " [%s]\n" : "\n", row->initial);
}

static void
print_help(const struct cli *cli)
{
    puts(cli->usage);
    for (size_t i = 0; i < cli->count; i++)
        print_row(&cli->rows[i]);
    puts(cli->epilog);
}

bool
cli_complain(const struct cli *cli, const char *what, const char *text)
{
    fprintf(stderr, "%s: %s%s\n", cli->program, what, text);
    return false;
}

static const struct cli_row *
next_row(const struct cli *cli, int argc, char **argv, bool *bad)
{
    struct option longs[CLI_ROWS_MAX + 1] = {0};
    CHECK(cli->count <= CLI_ROWS_MAX);
    for (size_t i = 0; i < cli->count; i++)
        longs[i] = (struct option){cli->rows[i].name,
                                   cli->rows[i].argument != NULL ? required_argument : no_argument,
                                   NULL, 0};
    int index = 0;
    int c = getopt_long(argc, argv, "", longs, &index);
    *bad = c > 0;
    return c == 0 ? &cli->rows[index] : NULL;
}

enum cli_outcome
cli_parse(const struct cli *cli, void *options, int argc, char **argv)
{
    for (size_t i = 0; i < cli->count; i++)
        if (cli->rows[i].initial != NULL &&
            !set_field(cli, options, &cli->rows[i], cli->rows[i].initial))
            return CLI_BAD;
    bool bad = false;
    for (const struct cli_row *row; (row = next_row(cli, argc, argv, &bad)) != NULL;) {
        if (row->type == CLI_HELP) {
            print_help(cli);
            return CLI_ANSWERED;
        }
        if (row->type == CLI_VERSION) {
            printf("%s " PACKAGE_VERSION "\n", cli->program);
            return CLI_ANSWERED;
        }
        if (!set_field(cli, options, row, optarg)) {
            fprintf(stderr, "%s: bad value for --%s: %s\n", cli->program, row->name, optarg);
            return CLI_BAD;
        }
    }
    if (!bad && optind < argc)
        bad = !cli_complain(cli, "this is no option: ", argv[optind]);
    if (bad)
        fprintf(stderr, "%s --help shows what there is\n", cli->program);
    return bad ? CLI_BAD : CLI_RUN;
}

void
cli_fini(const struct cli *cli, void *options)
{
    for (size_t i = 0; i < cli->count; i++)
        if (cli->rows[i].type == CLI_SIZES)
            sizes_fini((void *)((char *)options + cli->rows[i].offset));
}

/* ketch-stat - shows what a server says of itself, as tables.
 *
 *     ketch-stat HOST:PORT [stats|slabs|items|settings|conns]
 *
 * A name with a number in it ("1:chunk_size", "items:1:age") is one cell of a table: the number is its
 * row, the rest its column.  Other names are a list of their own.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ketch/client.h>
#include <ketch/poll.h>
#include <ketch/wait.h>

/* More than any server has to say: one that says more is cut. */
#define CELLS_MAX   100000
#define COLUMNS_MAX 200
#define TIMEOUT_MS  3000

struct cell {
    unsigned long row; /* NO_ROW: none */
    char *name, *value;
    size_t place; /* order of coming */
};

#define NO_ROW ((unsigned long)-1)

struct table {
    struct cell *cells;
    size_t count;
    const char *columns[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    size_t column_count;
};

static void *
must(void *p)
{
    if (p == NULL) {
        fputs("ketch-stat: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return p;
}

/* ---- collecting ---- */

/* What a server says is not to command a terminal. */
static char *
printable(struct ketch_bytes b)
{
    char *s = must(strndup(b.bytes > 0 ? b.p : "", b.bytes));
    for (char *p = s; *p != '\0'; p++)
        if (!isprint((unsigned char)*p))
            *p = '?';
    return s;
}

/* Splits "1:name" and "items:1:name". */
static void
split(struct cell *cell)
{
    char *digits = cell->name, *end;
    if (strncmp(digits, "items:", 6) == 0)
        digits += 6;
    cell->row = NO_ROW;
    if (!isdigit((unsigned char)*digits))
        return;
    unsigned long row = strtoul(digits, &end, 10);
    if (*end != ':' || end[1] == '\0')
        return;
    cell->row = row;
    memmove(cell->name, end + 1, strlen(end + 1) + 1);
}

static void
collect(void *arg, const struct ketch_result *r)
{
    struct table *t = arg;
    if (t->count == CELLS_MAX)
        return;
    if ((t->count & (t->count + 1)) == 0) /* 0, 1, 3, 7 ...: room for twice as many */
        t->cells = must(realloc(t->cells, (2 * t->count + 2) * sizeof *t->cells));
    struct cell *cell = &t->cells[t->count];
    cell->name = printable(r->key);
    cell->value = printable(r->value);
    cell->place = t->count++;
    split(cell);
}

/* ---- showing ---- */

static int
wider(int width, const char *text)
{
    int len = (int)strlen(text);
    return len > width ? len : width;
}

static void
print_list(const struct table *t)
{
    int names = 0, values = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->cells[i].row == NO_ROW) {
            names = wider(names, t->cells[i].name);
            values = wider(values, t->cells[i].value);
        }
    for (size_t i = 0; i < t->count; i++)
        if (t->cells[i].row == NO_ROW)
            printf("  %-*s  %*s\n", names, t->cells[i].name, values, t->cells[i].value);
}

static size_t
column_of(struct table *t, const char *name)
{
    size_t i = 0;
    while (i < t->column_count && strcmp(t->columns[i], name) != 0)
        i++;
    if (i == t->column_count && i < COLUMNS_MAX) {
        t->columns[t->column_count++] = name;
        t->widths[i] = wider(0, name);
    }
    return i;
}

static int
by_row(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void
print_row(struct table *t, const struct cell *cells, size_t count)
{
    const char *values[COLUMNS_MAX] = {NULL};
    for (size_t i = 0; i < count; i++) {
        size_t column = column_of(t, cells[i].name);
        if (column < COLUMNS_MAX)
            values[column] = cells[i].value;
    }
    printf("%6lu", cells->row);
    for (size_t i = 0; i < t->column_count; i++)
        printf("  %*s", t->widths[i], values[i] != NULL ? values[i] : "-");
    putchar('\n');
}

static void
print_table(struct table *t)
{
    qsort(t->cells, t->count, sizeof *t->cells, by_row);
    size_t rows = 0;
    while (rows < t->count && t->cells[rows].row != NO_ROW) {
        size_t column = column_of(t, t->cells[rows].name);
        if (column < COLUMNS_MAX)
            t->widths[column] = wider(t->widths[column], t->cells[rows].value);
        rows++;
    }
    if (rows == 0)
        return;
    printf("%6s", "");
    for (size_t i = 0; i < t->column_count; i++)
        printf("  %*s", t->widths[i], t->columns[i]);
    putchar('\n');
    for (size_t i = 0, n; i < rows; i += n) {
        for (n = 1; i + n < rows && t->cells[i + n].row == t->cells[i].row;)
            n++;
        print_row(t, &t->cells[i], n);
    }
}

static void
free_table(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->cells[i].name);
        free(t->cells[i].value);
    }
    free(t->cells);
}

/* ---- asking ---- */

static struct ketch_client *
connect_to(const char *name)
{
    struct ketch_server_list servers;
    struct ketch_client_conf conf;
    struct ketch_client *client;
    char why[256] = "";
    if (ketch_server_list_parse(name, strlen(name), &servers, why, sizeof why) != KETCH_OK ||
        servers.count != 1) {
        fprintf(stderr, "ketch-stat: '%s' is no server: %s\n", name, why);
        exit(EXIT_FAILURE);
    }
    ketch_client_conf_init(&conf);
    conf.servers = servers.servers;
    conf.server_count = 1;
    conf.timeout_ms = TIMEOUT_MS;
    conf.protocol = KETCH_PROTOCOL_TEXT; /* stats are the same in both: no question is needed */
    enum ketch_status status = ketch_client_create(&conf, &client, why, sizeof why);
    ketch_server_list_free(&servers);
    if (status != KETCH_OK || ketch_poll_attach(client) != KETCH_OK) {
        fprintf(stderr, "ketch-stat: %s\n", why);
        exit(EXIT_FAILURE);
    }
    return client;
}

static const char *
group_of(const char *word)
{
    static const char *const groups[] = {"slabs", "items", "settings", "conns"};
    if (strcmp(word, "stats") == 0)
        return "";
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(word, groups[i]) == 0)
            return groups[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    const char *group = argc == 3 ? group_of(argv[2]) : "";
    struct table table = {0};
    if (argc < 2 || argc > 3 || group == NULL || argv[1][0] == '-') {
        fputs("usage: ketch-stat HOST:PORT [stats|slabs|items|settings|conns]\n", stderr);
        return 2;
    }
    struct ketch_client *client = connect_to(argv[1]);
    enum ketch_status status =
        ketch_stats_wait(client, 0, ketch_string(group), NULL, collect, &table);
    ketch_client_destroy(client);
    if (status == KETCH_OK) {
        print_list(&table);
        print_table(&table);
        if (table.count == 0)
            puts("(nothing)");
    } else {
        fprintf(stderr, "ketch-stat: %s: %s\n", argv[1], ketch_status_text(status));
    }
    free_table(&table);
    return status == KETCH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

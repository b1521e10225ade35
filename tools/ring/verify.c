#include "ring/verify.h"

#include <ketch/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ring/columns.h"
#include "ring/text.h"

enum { FIELDS_MAX = 64, SERVERS_MAX = 65536, TOOL_BYTES = 64, NAME_BYTES = 256 };

/* A file of vectors, taken apart; all strings are in 'text'. */
struct vectors {
    char *text;
    char tool[TOOL_BYTES];
    bool weighted;
    struct ketch_server *servers;
    char **java_names; /* by server, or NULL */
    size_t server_count;
    char *columns[FIELDS_MAX];
    size_t column_count; /* the keys' own left out */
    struct ketch_bytes *keys;
    char **answers; /* row after row, column_count each */
    size_t key_count;
};

/* ---- reading ---- */

/* Ends the line at *rest, and moves on; NULL at the end. */
static char *
take_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    *rest = end != NULL ? end + 1 : NULL;
    if (end != NULL)
        *end = '\0';
    return line;
}

static size_t
split(char *line, char *fields[FIELDS_MAX])
{
    size_t count = 0;
    while (line != NULL && count < FIELDS_MAX) {
        fields[count++] = line;
        line = strchr(line, '\t');
        if (line != NULL)
            *line++ = '\0';
    }
    return count;
}

/* TOOL of ".../TOOL__POOL.tsv". */
static void
tool_of(const char *path, char *tool)
{
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    const char *end = strstr(name, "__");
    snprintf(tool, TOOL_BYTES, "%.*s", end != NULL ? (int)(end - name) : 0, name);
}

/* "SPYMEMCACHED=10.0.0.1:11211-0": the name is between '=' and the number of the point. */
static char *
java_name(char *field)
{
    char *name = strchr(field, '=');
    char *number = strrchr(field, '-');
    if (name == NULL || number == NULL || number < name)
        return NULL;
    *number = '\0';
    return name + 1;
}

static void
read_fact(struct vectors *v, char *line)
{
    char *f[FIELDS_MAX];
    size_t count = split(line, f);
    if (strcmp(f[0], "#tool") == 0 && count > 1)
        v->weighted = strstr(f[1], "weights on") != NULL;
    if (strcmp(f[0], "#server") == 0 && count >= 5 && v->server_count < SERVERS_MAX)
        v->servers[v->server_count++] = (struct ketch_server){
            .host = f[2],
            .port = (uint16_t)strtoul(f[3], NULL, 10),
            .weight = (uint32_t)strtoul(f[4], NULL, 10),
        };
    if (strcmp(f[0], "#nodekey") == 0 && count >= 3 && strtoul(f[1], NULL, 10) < SERVERS_MAX)
        v->java_names[strtoul(f[1], NULL, 10)] = java_name(f[2]);
}

static bool
read_row(struct vectors *v, char *line)
{
    char *f[FIELDS_MAX];
    if (split(line, f) != v->column_count + 1)
        return false;
    size_t bytes = strlen(f[0]);
    if (!text_decode(f[0], &bytes))
        return false;
    v->keys[v->key_count] = (struct ketch_bytes){f[0], bytes};
    memcpy(v->answers + v->key_count * v->column_count, f + 1, v->column_count * sizeof(*f));
    v->key_count++;
    return true;
}

static size_t
count_lines(const char *text)
{
    size_t lines = 1;
    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        lines++;
    }
    return lines;
}

/* What comes before the row that begins with "key". */
static bool
read_head(struct vectors *v, char **rest)
{
    char *line;
    while ((line = take_line(rest)) != NULL) {
        if (line[0] == '#') {
            read_fact(v, line);
            continue;
        }
        char *f[FIELDS_MAX];
        size_t count = split(line, f);
        if (strcmp(f[0], "key") != 0 || count < 2)
            return false;
        v->column_count = count - 1;
        memcpy(v->columns, f + 1, v->column_count * sizeof(*f));
        return true;
    }
    return false;
}

static void
vectors_free(struct vectors *v)
{
    free(v->text);
    free(v->servers);
    free(v->java_names);
    free(v->keys);
    free(v->answers);
}

static bool
vectors_read(struct vectors *v, const char *path)
{
    size_t bytes;
    *v = (struct vectors){.text = text_read(path, &bytes)};
    if (v->text == NULL)
        return false;
    size_t lines = count_lines(v->text);
    v->servers = text_alloc(SERVERS_MAX, sizeof(*v->servers));
    v->java_names = text_alloc(SERVERS_MAX, sizeof(*v->java_names));
    v->keys = text_alloc(lines, sizeof(*v->keys));
    tool_of(path, v->tool);

    char *rest = v->text, *line;
    bool good = read_head(v, &rest) && v->server_count > 0;
    if (good)
        v->answers = text_alloc(lines * v->column_count, sizeof(*v->answers));
    while (good && (line = take_line(&rest)) != NULL)
        good = read_row(v, line);
    if (!good) {
        fprintf(stderr, "ketch-ring: %s is not a file of vectors\n", path);
        vectors_free(v);
    }
    return good;
}

/* ---- checking ---- */

static bool
add_servers(struct ketch_ring_builder *b, const struct vectors *v, const struct column *column)
{
    for (size_t i = 0; i < v->server_count; i++) {
        struct ketch_server s = v->servers[i];
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "node%zu", i);
        if (column->path_has_port && s.host[0] == '/')
            s.port = 11211;
        if (column->numbered_names)
            s.name = name;
        if (column->java_names)
            s.name = v->java_names[i];
        if (ketch_ring_builder_add(b, &s, NULL) != KETCH_OK)
            return false;
    }
    return true;
}

static struct ketch_ring *
build(const struct vectors *v, const struct column *column, char *why, size_t why_bytes)
{
    struct ketch_ring_builder *b;
    struct ketch_ring *ring = NULL;
    if (ketch_ring_builder_create(column->spec, &b, why, why_bytes) != KETCH_OK)
        return NULL;
    snprintf(why, why_bytes, "a server cannot be added");
    bool added = add_servers(b, v, column);
    for (unsigned i = 0; i < column->ejected_count; i++)
        added = added && ketch_ring_builder_set_live(b, column->ejected[i], false) == KETCH_OK;
    if (added && ketch_ring_builder_build(b, &ring, why, why_bytes) != KETCH_OK)
        ring = NULL;
    ketch_ring_builder_destroy(b);
    return ring;
}

/* A pool may have the same address twice. */
static bool
is_server(const struct vectors *v, uint32_t id, const char *answer)
{
    unsigned long want = strtoul(answer, NULL, 10);
    if (want == id)
        return true;
    return want < v->server_count && id < v->server_count &&
           v->servers[want].port == v->servers[id].port &&
           strcmp(v->servers[want].host, v->servers[id].host) == 0;
}

static size_t
compare(const struct vectors *v, size_t column, const uint32_t *ids, size_t *checks)
{
    size_t wrong = 0;
    *checks = 0;
    for (size_t i = 0; i < v->key_count; i++) {
        const char *answer = v->answers[i * v->column_count + column];
        if (strcmp(answer, "-") == 0)
            continue;
        ++*checks;
        wrong += !is_server(v, ids[i], answer);
    }
    return wrong;
}

/* One by one and many at once must agree, so that both are checked. */
static size_t
pick_all(const struct vectors *v, const struct ketch_ring *ring, uint32_t *ids)
{
    size_t different = 0;
    ketch_ring_pick_many(ring, v->keys, v->key_count, ids);
    for (size_t i = 0; i < v->key_count; i++)
        different += ketch_ring_pick(ring, v->keys[i].p, v->keys[i].bytes) != ids[i];
    return different;
}

static void
verify_column(const struct vectors *v, const char *path, size_t i, bool quiet,
              struct verify_totals *totals)
{
    struct column column;
    char why[256];
    totals->columns++;
    if (!columns_find(v->tool, v->columns[i], v->weighted, &column)) {
        totals->columns_unknown++;
        printf("%s\t%s\tno preset\n", path, v->columns[i]);
        return;
    }
    struct ketch_ring *ring = build(v, &column, why, sizeof(why));
    size_t checks = 0, wrong = 1;
    if (ring != NULL) {
        uint32_t *ids = text_alloc(v->key_count, sizeof(*ids));
        wrong = pick_all(v, ring, ids);
        wrong += compare(v, i, ids, &checks);
        free(ids);
        ketch_ring_unref(ring);
    }
    totals->checks += checks;
    totals->mismatches += wrong;
    if (ring == NULL)
        printf("%s\t%s\t%s\tnot built: %s\n", path, v->columns[i], column.spec, why);
    else if (!quiet || wrong > 0)
        printf("%s\t%s\t%s\tmatched %zu of %zu\n", path, v->columns[i], column.spec,
               wrong < checks ? checks - wrong : 0, checks);
}

bool
verify_file(const char *path, bool quiet, struct verify_totals *totals)
{
    struct vectors v;
    if (!vectors_read(&v, path))
        return false;
    for (size_t i = 0; i < v.column_count; i++)
        verify_column(&v, path, i, quiet, totals);
    vectors_free(&v);
    return true;
}

/* meta_model.h - what the meta commands should do, written down a second time and as simply as can
 * be: a few keys, values of a few bytes, one client, and the words of a line in the order of the
 * line.
 *
 * It knows no errors of the line itself (t/proto/check_meta.c does), and that uniques are counted
 * up by one from 2 on.
 *
 * Threads: one.
 */
#ifndef KETCH_T_EXEC_META_MODEL_H
#define KETCH_T_EXEC_META_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MODEL_KEYS      6
#define MODEL_VALUE_MAX 4000
#define MODEL_WORDS_MAX 20

struct model_item {
    bool there, binary, stale, token, fetched;
    char value[MODEL_VALUE_MAX];
    size_t value_bytes;
    uint32_t client_flags;
    int64_t exptime; /* 0: never */
    int64_t atime;
    uint64_t cas;
};

struct model {
    struct model_item items[MODEL_KEYS];
    int64_t now;
    uint64_t last_cas;
};

/* Key number i as text and in base64. */
static const char *const model_keys[MODEL_KEYS] = {"k0", "key-1", "k_two", "three", "4", "k55555"};
static const char *const model_base64[MODEL_KEYS] = {
    "azA=", "a2V5LTE=", "a190d28=", "dGhyZWU=", "NA==", "azU1NTU1"};

/* A line, its flags in words. */
struct model_line {
    char cmd; /* g s d a */
    unsigned key;
    size_t count;
    const char *words[MODEL_WORDS_MAX];
    const char *data;
    size_t data_bytes;
};

static inline const char *
model_token(const struct model_line *l, char letter)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->words[i][0] == letter)
            return l->words[i] + 1;
    return NULL;
}

static inline bool
model_has(const struct model_line *l, char letter)
{
    return model_token(l, letter) != NULL;
}

static inline uint64_t
model_number(const struct model_line *l, char letter, uint64_t otherwise)
{
    const char *token = model_token(l, letter);
    return token != NULL ? strtoull(token, NULL, 10) : otherwise;
}

static inline int64_t
model_exptime(const struct model *m, const char *token)
{
    int64_t raw = token != NULL ? strtoll(token, NULL, 10) : 0;
    return raw == 0 ? 0 : raw < 0 ? 1 : m->now + raw;
}

static inline struct model_item *
model_find(struct model *m, unsigned key)
{
    struct model_item *it = &m->items[key];
    if (it->exptime != 0 && it->exptime <= m->now)
        it->there = false;
    return it->there ? it : NULL;
}

static inline uint64_t
model_cas(struct model *m, const struct model_line *l)
{
    uint64_t wanted = model_number(l, 'E', 0);
    return wanted != 0 ? wanted : ++m->last_cas;
}

static inline struct model_item *
model_make(struct model *m, const struct model_line *l)
{
    struct model_item *it = &m->items[l->key];
    *it = (struct model_item){.there = true, .binary = model_has(l, 'b'), .atime = m->now};
    it->cas = model_cas(m, l);
    return it;
}

static inline void
model_note(struct model *m, struct model_item *it)
{
    it->fetched = true;
    it->atime = m->now;
}

/* ---- answers ---- */

static inline void
model_add(char *to, const char *fmt, unsigned long long number)
{
    sprintf(to + strlen(to), fmt, number);
}

static inline void
model_add_key(char *to, const struct model_line *l, bool binary)
{
    sprintf(to + strlen(to), binary ? " k%s b" : " k%s",
            (binary ? model_base64 : model_keys)[l->key]);
}

static inline void
model_status(char *to, const struct model_line *l, const char *status)
{
    strcpy(to, status);
    for (size_t i = 0; i < l->count; i++) {
        if (l->words[i][0] == 'O')
            sprintf(to + strlen(to), " %s", l->words[i]);
        else if (l->words[i][0] == 'k')
            model_add_key(to, l, model_has(l, 'b'));
    }
    strcat(to, "\r\n");
}

/* Walks the flags, and does what they say on the way.  True: R makes the client win. */
static inline bool
model_walk(struct model *m, const struct model_line *l, struct model_item *it, bool created,
           char *to)
{
    bool wins = false;
    bool get = l->cmd == 'g';
    for (size_t i = 0; i < l->count; i++) {
        const char *word = l->words[i];
        switch (word[0]) {
        case 'T':
            it->exptime = model_exptime(m, word + 1);
            break;
        case 'N':
            if (created)
                it->exptime = model_exptime(m, word + 1);
            break;
        case 'R':
            if (get && !it->token && !created && it->exptime != 0 &&
                it->exptime < model_exptime(m, word + 1))
                wins = true;
            break;
        case 'O':
            sprintf(to + strlen(to), " %s", word);
            break;
        case 'k':
            model_add_key(to, l, it->binary);
            break;
        case 'c':
            model_add(to, " c%llu", it->cas);
            break;
        case 't':
            if (it->exptime == 0)
                strcat(to, " t-1");
            else
                model_add(to, " t%llu",
                          it->exptime > m->now ? (uint64_t)(it->exptime - m->now) : 0);
            break;
        case 's':
            if (get)
                model_add(to, " s%llu", it->value_bytes);
            break;
        case 'f':
            if (get)
                model_add(to, " f%llu", it->client_flags);
            break;
        case 'h':
            if (get)
                model_add(to, " h%llu", it->fetched);
            break;
        case 'l':
            if (get)
                model_add(to, " l%llu", (uint64_t)(m->now - it->atime));
            break;
        }
    }
    return wins;
}

/* ---- the commands: each writes the answer ---- */

static inline void
model_get(struct model *m, const struct model_line *l, char *to)
{
    struct model_item *it = model_find(m, l->key);
    bool created = it == NULL && model_has(l, 'N');
    if (created)
        it = model_make(m, l);
    if (it == NULL) {
        if (!model_has(l, 'q'))
            model_status(to, l, "EN");
        return;
    }
    bool value = model_has(l, 'v') && !(model_has(l, 'C') && it->cas == model_number(l, 'C', 0));
    sprintf(to, value ? "VA %zu" : "HD", it->value_bytes);
    bool wins = model_walk(m, l, it, created, to) || created;
    if (it->token)
        strcat(to, " Z");
    if (it->stale)
        strcat(to, " X");
    if (wins || (it->stale && !it->token)) {
        strcat(to, " W");
        it->token = true;
    }
    strcat(to, "\r\n");
    if (value)
        sprintf(to + strlen(to), "%.*s\r\n", (int)it->value_bytes, it->value);
    if (!model_has(l, 'u'))
        model_note(m, it);
}

static inline void
model_join(struct model *m, const struct model_line *l, struct model_item *it, bool append)
{
    char joined[2 * MODEL_VALUE_MAX];
    size_t bytes = it->value_bytes + l->data_bytes;
    memcpy(joined, append ? it->value : l->data, append ? it->value_bytes : l->data_bytes);
    memcpy(joined + (append ? it->value_bytes : l->data_bytes), append ? l->data : it->value,
           append ? l->data_bytes : it->value_bytes);
    memcpy(it->value, joined, bytes);
    it->value_bytes = bytes;
    it->binary = it->binary || model_has(l, 'b');
    it->stale = it->token = it->fetched = false;
    it->atime = m->now;
    it->cas = model_cas(m, l);
}

static inline void
model_store(struct model *m, const struct model_line *l, const char *exptime)
{
    struct model_item *it = model_make(m, l);
    memcpy(it->value, l->data, l->data_bytes);
    it->value_bytes = l->data_bytes;
    it->client_flags = (uint32_t)model_number(l, 'F', 0);
    it->exptime = model_exptime(m, exptime);
}

/* The status of a store under these conditions, which then has happened. */
static inline const char *
model_try_store(struct model *m, const struct model_line *l, char mode)
{
    struct model_item *it = model_find(m, l->key);
    const char *exptime = model_token(l, 'T');
    bool joins = mode == 'A' || mode == 'P';
    bool compares = model_has(l, 'C') && mode != 'E';
    uint64_t expected = model_number(l, 'C', 0);
    if (it == NULL) {
        if (compares && !joins)
            return "NF";
        if (mode == 'R' || (joins && !model_has(l, 'N')))
            return "NS";
        model_store(m, l, joins ? model_token(l, 'N') : exptime);
        return "HD";
    }
    if (mode == 'E')
        return "NS";
    if (joins && expected == 0)
        compares = false;
    bool stale = compares && !joins && model_has(l, 'I') && expected != 0 && expected < it->cas;
    if (compares && it->cas != expected && !stale)
        return "EX";
    if (joins) {
        model_join(m, l, it, mode == 'A');
        return "HD";
    }
    struct model_item old = *it;
    model_store(m, l, exptime);
    if (stale) {
        it->exptime = old.exptime;
        it->stale = true;
        it->token = old.token;
    }
    return "HD";
}

static inline void
model_set(struct model *m, const struct model_line *l, char *to)
{
    const char *mode = model_token(l, 'M');
    const char *status = model_try_store(m, l, mode != NULL ? mode[0] : 'S');
    bool stored = strcmp(status, "HD") == 0;
    const struct model_item *it = &m->items[l->key];
    if (stored && model_has(l, 'q'))
        return;
    strcpy(to, status);
    for (size_t i = 0; i < l->count; i++) {
        const char *word = l->words[i];
        if (word[0] == 'O')
            sprintf(to + strlen(to), " %s", word);
        else if (word[0] == 'k')
            model_add_key(to, l, model_has(l, 'b'));
        else if (word[0] == 'c')
            model_add(to, " c%llu", stored ? it->cas : 0);
        else if (word[0] == 's')
            model_add(to, " s%llu", stored ? it->value_bytes : l->data_bytes);
    }
    strcat(to, "\r\n");
}

static inline void
model_change(struct model *m, const struct model_line *l, struct model_item *it)
{
    bool stale = model_has(l, 'I'), empties = model_has(l, 'x');
    if (!stale && !empties) {
        it->there = false;
        return;
    }
    if (empties) {
        it->value_bytes = 0;
        it->client_flags = (uint32_t)model_number(l, 'F', 0);
        it->exptime = 0;
        it->fetched = false;
    }
    if (model_has(l, 'T'))
        it->exptime = model_exptime(m, model_token(l, 'T'));
    if (stale || model_number(l, 'E', 0) != 0)
        it->cas = model_cas(m, l);
    it->stale = stale;
    it->token = false;
    if (empties)
        it->atime = m->now;
}

static inline void
model_delete(struct model *m, const struct model_line *l, char *to)
{
    struct model_item *it = model_find(m, l->key);
    if (it == NULL) {
        model_status(to, l, "NF");
    } else if (model_has(l, 'C') && it->cas != model_number(l, 'C', 0)) {
        model_status(to, l, "EX");
    } else {
        model_change(m, l, it);
        if (!model_has(l, 'q'))
            model_status(to, l, "HD");
    }
}

/* A number, as strtoull() reads it, and then the end or white space. */
static inline bool
model_is_numeric(const struct model_item *it, uint64_t *number)
{
    char text[MODEL_VALUE_MAX + 1], *end;
    memcpy(text, it->value, it->value_bytes);
    text[it->value_bytes] = '\0';
    *number = strtoull(text, &end, 10);
    return end > text && strchr("\r\n ", *end) != NULL;
}

static inline uint64_t
model_calculate(struct model *m, const struct model_line *l, struct model_item *it, uint64_t value)
{
    char text[32];
    uint64_t delta = model_number(l, 'D', 1);
    const char *mode = model_token(l, 'M');
    bool decr = mode != NULL && (mode[0] == 'D' || mode[0] == '-');
    value = !decr ? value + delta : value > delta ? value - delta : 0;
    size_t bytes = (size_t)sprintf(text, "%llu", (unsigned long long)value);
    if (bytes < it->value_bytes)
        memset(it->value, ' ', it->value_bytes);
    else
        it->value_bytes = bytes;
    memcpy(it->value, text, bytes);
    it->cas = model_cas(m, l);
    it->atime = m->now;
    return value;
}

static inline void
model_arith(struct model *m, const struct model_line *l, char *to)
{
    struct model_item *it = model_find(m, l->key);
    bool created = it == NULL && model_has(l, 'N');
    uint64_t value = model_number(l, 'J', 0);
    if (it == NULL && !created) {
        model_status(to, l, "NF");
        return;
    }
    uint64_t expected = model_number(l, 'C', 0);
    if (!created && it->value_bytes > 0 && expected != 0 && it->cas != expected) {
        model_status(to, l, "EX");
        return;
    }
    if (!created && !model_is_numeric(it, &value)) {
        strcpy(to, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
        return;
    }
    if (created) {
        it = model_make(m, l);
        it->value_bytes = (size_t)sprintf(it->value, "%llu", (unsigned long long)value);
    } else {
        value = model_calculate(m, l, it, value);
    }
    char digits[32];
    int bytes = sprintf(digits, "%llu", (unsigned long long)value);
    sprintf(to, model_has(l, 'v') ? "VA %d" : "HD", bytes);
    model_walk(m, l, it, created, to);
    sprintf(to + strlen(to), model_has(l, 'v') ? "\r\n%s\r\n" : "\r\n", digits);
    if (model_has(l, 'q') && !created)
        to[0] = '\0';
}

/* Executes the line; 'to', of two values' size at least, gets the answer as a string. */
static inline void
model_run(struct model *m, const struct model_line *l, char *to)
{
    to[0] = '\0';
    switch (l->cmd) {
    case 'g':
        model_get(m, l, to);
        break;
    case 's':
        model_set(m, l, to);
        break;
    case 'd':
        model_delete(m, l, to);
        break;
    case 'a':
        model_arith(m, l, to);
        break;
    }
}

#endif

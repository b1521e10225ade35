/* meta.c - mg, ms, md, ma, me.
 *
 * mg is the one that matters for speed: with few flags it does less than a get.  Its answer walks
 * the flags in the order of the request, and the time to live that it shows changes on the way:
 *
 *      mg k t T30       HD t-1         shown, then set
 *      mg k T30 t       HD t30         set, then shown
 *
 * Of many clients that ask for a missing (N), stale, or nearly expired (R) item, one is told W:
 * make a new one.  The engine decides who: whoever adds the item, or sets its ITEM_TOKEN_SENT.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "engine/view.h"
#include "exec/store.h"
#include "exec/value.h"
#include "proto/meta.h"

_Static_assert(META_ANSWER_BYTES_MAX <= VALUE_HEAD_BYTES_MAX,
               "one answer is one step of the output");

/* A command under way. */
struct call {
    struct meta_args args;
    struct span key; /* as it is stored: in the request, or in 'decoded' */
    uint64_t hash;
    char decoded[KEY_BYTES_MAX];
};

/* What ms needs of its line for its answer.  While its data comes in pieces, the session has one
 * from malloc, as the line is gone; else it is on the stack. */
struct meta_upload {
    struct engine_thread *engine_thread;
    uint32_t value_bytes;
    struct meta_args args;
    struct span key;
    char bytes[]; /* of the key and the opaque */
};

/* ---- the line ---- */

static NO_INLINE enum proto_error
decode_key(struct exec_thread *xt, const struct request *r, struct call *c)
{
    size_t bytes;
    if (!base64_decode(request_key(r), c->decoded, sizeof c->decoded, &bytes))
        return meta_key_error(r);
    c->key = span_of(c->decoded, bytes);
    c->hash = engine_hash(xt->exec->engine, c->key);
    return PROTO_OK;
}

static ALWAYS_INLINE enum proto_error
begin(struct exec_thread *xt, const struct request *r, struct call *c)
{
    enum proto_error error = meta_parse(r, &c->args);
    c->key = request_key(r);
    c->hash = r->hash;
    if (LIKELY(error == PROTO_OK) && UNLIKELY(meta_has(&c->args, 'b')))
        error = decode_key(xt, r, c);
    return error;
}

static uint32_t
exptime_of(struct exec_thread *xt, int32_t raw)
{
    return exec_exptime(xt->exec, raw, engine_now(xt->engine_thread));
}

/* Of T, or never. */
static uint32_t
exptime_set(struct exec_thread *xt, const struct meta_args *a)
{
    return meta_has(a, 'T') ? exptime_of(xt, a->exptime) : 0;
}

/* Of an item that is made because there is none: T and N both set it, and the last one counts. */
static uint32_t
exptime_created(struct exec_thread *xt, const struct meta_args *a)
{
    int32_t raw = 0;
    for (unsigned i = 0; i < a->answer_count; i++) {
        if (a->answers[i] == 'T')
            raw = a->exptime;
        else if (a->answers[i] == 'N')
            raw = a->created_exptime;
    }
    return exptime_of(xt, raw);
}

/* Of E, or the next. */
static uint64_t
cas_set(const struct meta_args *a)
{
    return meta_has(a, 'E') ? a->cas_new : 0;
}

static uint32_t
flags_set(const struct meta_args *a)
{
    return meta_has(a, 'F') ? a->client_flags : 0;
}

static char
mode_of(const struct meta_args *a)
{
    return meta_has(a, 'M') ? a->mode : '\0';
}

static uint16_t
key_mark(const struct meta_args *a)
{
    return meta_has(a, 'b') ? ITEM_KEY_BINARY : 0;
}

/* ---- answers ---- */

/* The item that an answer is about. */
struct shown {
    const struct item *it;
    uint16_t state; /* of it, when it was found */
    bool created;
    bool wins;          /* R says that the client should make a new one */
    uint32_t exptime_s; /* as far as the answer has come */
};

static char *
put_ttl(char *at, uint32_t exptime_s, uint32_t now_s)
{
    if (exptime_s == 0) {
        memcpy(at, " t-1", 4);
        return at + 4;
    }
    return meta_put_number(at, 't', exptime_s > now_s ? exptime_s - now_s : 0);
}

/* Others' clocks may be ahead. */
static uint32_t
idle_s(const struct item *it, uint32_t now_s)
{
    uint32_t atime_s = item_atime(it);
    return now_s > atime_s ? now_s - atime_s : 0;
}

static bool
is_due(struct exec_thread *xt, const struct meta_args *a, const struct shown *sh)
{
    return !sh->created && sh->exptime_s != 0 && sh->exptime_s < exptime_of(xt, a->recache_s);
}

static NO_INLINE char *
put_answers(struct exec_thread *xt, const struct meta_args *a, struct shown *sh, char *at)
{
    uint32_t now_s = engine_now(xt->engine_thread);
    for (unsigned i = 0; i < a->answer_count; i++) {
        switch (a->answers[i]) {
        case 'N':
            if (sh->created)
                sh->exptime_s = exptime_of(xt, a->created_exptime);
            break;
        case 'O':
            at = meta_put_opaque(at, a);
            break;
        case 'R':
            sh->wins = is_due(xt, a, sh);
            break;
        case 'T':
            sh->exptime_s = exptime_of(xt, a->exptime);
            break;
        case 'c':
            at = meta_put_number(at, 'c', item_cas(sh->it));
            break;
        case 'f':
            at = meta_put_number(at, 'f', item_client_flags(sh->it));
            break;
        case 'h':
            at = meta_put_number(at, 'h', item_was_fetched(sh->it));
            break;
        case 'k':
            at = meta_put_key(at, item_key(sh->it), (sh->state & ITEM_KEY_BINARY) != 0);
            break;
        case 'l':
            at = meta_put_number(at, 'l', idle_s(sh->it, now_s));
            break;
        case 's':
            at = meta_put_number(at, 's', item_value_bytes(sh->it));
            break;
        case 't':
            at = put_ttl(at, sh->exptime_s, now_s);
            break;
        }
    }
    return at;
}

/* The key and the opaque, which come back whatever happened. */
static char *
put_echoes(const struct meta_args *a, struct span key, char *at)
{
    for (unsigned i = 0; i < a->answer_count; i++) {
        if (a->answers[i] == 'O')
            at = meta_put_opaque(at, a);
        else if (a->answers[i] == 'k')
            at = meta_put_key(at, key, meta_has(a, 'b'));
    }
    return at;
}

static inline char *
put(char *at, struct span s)
{
    memcpy(at, s.p, s.bytes);
    return at + s.bytes;
}

/* The end of a line that began in the output's room. */
static inline void
end_line(struct output *out, char *at)
{
    at = put(at, SPAN("\r\n"));
    output_wrote(out, (size_t)(at - output_room(out)));
}

/* A status without an item. */
static void
answer_status(const struct call *c, struct span status, struct output *out)
{
    end_line(out, put_echoes(&c->args, c->key, put(output_room(out), status)));
}

/* ---- mg ---- */

/* ENGINE_OK: '*it' is the new item, empty, and the client has its token. */
static enum engine_status
create_empty(struct exec_thread *xt, const struct call *c, const struct item **it)
{
    struct engine_thread *t = xt->engine_thread;
    struct engine_rules rules = {
        .how = ENGINE_ADD,
        .uncounted = true,
        .marks = (uint16_t)(key_mark(&c->args) | ITEM_TOKEN_SENT),
        .cas_new = cas_set(&c->args),
    };
    struct upload up;
    uint64_t cas;
    enum engine_status status = engine_reserve(t, c->key, 0, exptime_created(xt, &c->args), 0, &up);
    if (status != ENGINE_OK)
        return status;
    *it = up.item;
    status = engine_commit(t, c->hash, &up, &rules, &cas);
    engine_abandon(t, &up);
    return status;
}

/* Sets the exptime (T) of the item that was found, or makes one (N) if none was; looks again when
 * others were faster.  False: again later. */
static NO_INLINE bool
touch_or_create(struct exec_thread *xt, const struct call *c, struct shown *sh)
{
    struct engine_thread *t = xt->engine_thread;
    for (;; sh->it = engine_look(t, c->hash, c->key)) {
        if (sh->it != NULL) {
            sh->exptime_s = item_exptime(sh->it);
            if (!meta_has(&c->args, 'T') ||
                engine_set_exptime(t, c->hash, sh->it, exptime_of(xt, c->args.exptime)))
                return true;
            continue; /* it was replaced at this moment */
        }
        if (!meta_has(&c->args, 'N'))
            return true;
        enum engine_status status = create_empty(xt, c, &sh->it);
        sh->created = status == ENGINE_OK;
        sh->exptime_s = 0;
        if (status == ENGINE_OK || status == ENGINE_AGAIN)
            return status == ENGINE_OK;
        if (status != ENGINE_NOT_STORED) {
            sh->it = NULL;
            return true;
        } /* else somebody has just made it */
    }
}

/* Z: somebody is making a new one; X: this one is stale; W: you make a new one. */
static NO_INLINE char *
put_marks(struct exec_thread *xt, const struct call *c, struct shown *sh, char *at)
{
    bool wins = sh->created;
    bool asks = sh->wins || (sh->state & ITEM_STALE) != 0;
    if (!wins && asks && (sh->state & ITEM_TOKEN_SENT) == 0) {
        wins = engine_claim_token(xt->engine_thread, c->hash, sh->it);
        sh->state |= item_state(sh->it) & ITEM_TOKEN_SENT;
    }
    if (!wins && (sh->state & ITEM_TOKEN_SENT))
        at = put(at, SPAN(" Z"));
    if (sh->state & ITEM_STALE)
        at = put(at, SPAN(" X"));
    return wins ? put(at, SPAN(" W")) : at;
}

static NO_INLINE void
answer_miss(struct exec_thread *xt, const struct call *c, struct output *out)
{
    if (meta_has(&c->args, 'T'))
        engine_note_touch(xt->engine_thread, NULL, false);
    else
        engine_note_get(xt->engine_thread, NULL, false);
    if (!meta_has(&c->args, 'q'))
        answer_status(c, SPAN("EN"), out);
}

static ALWAYS_INLINE void
note(struct exec_thread *xt, const struct meta_args *a, const struct item *it)
{
    bool bump = !meta_has(a, 'u');
    if (UNLIKELY(meta_has(a, 'T')))
        engine_note_touch(xt->engine_thread, it, bump);
    else
        engine_note_get(xt->engine_thread, it, bump);
}

/* A client that has the same already (C) does not want the value. */
static bool
wants_value(const struct meta_args *a, const struct item *it)
{
    return meta_has(a, 'v') && !(meta_has(a, 'C') && item_cas(it) == a->expected);
}

enum step
exec_meta_get(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    struct call c;
    enum proto_error error = begin(xt, r, &c);
    if (UNLIKELY(error != PROTO_OK)) {
        output_copy(out, text_error_line(error));
        return STEP_DONE;
    }
    const struct item *it = engine_look(xt->engine_thread, c.hash, c.key);
    struct shown sh = {.it = it};
    if (UNLIKELY(it == NULL || meta_has(&c.args, 'T'))) {
        if (!touch_or_create(xt, &c, &sh))
            return STEP_AGAIN;
        it = sh.it;
    } else {
        sh.exptime_s = item_exptime(it);
    }
    if (it == NULL) {
        answer_miss(xt, &c, out);
        return STEP_DONE;
    }
    uint16_t state = item_state(it);
    sh.state = state;
    bool with_value = wants_value(&c.args, it);
    uint32_t value_bytes = item_value_bytes(it);
    char *at = output_room(out);
    if (with_value) {
        at = put(at, SPAN("VA "));
        at += num_format_u64(at, value_bytes);
    } else {
        at = put(at, SPAN("HD"));
    }
    if (c.args.answer_count > 0)
        at = put_answers(xt, &c.args, &sh, at);
    if (UNLIKELY(sh.wins || (state & (ITEM_STALE | ITEM_TOKEN_SENT))))
        at = put_marks(xt, &c, &sh, at);
    end_line(out, at);
    note(xt, &c.args, it);
    return with_value ? value_add(xt, s, it, value_bytes, true, out) : STEP_DONE;
}

/* ---- ms ---- */

/* Whoever changes a value in part and expects the unique 0, which no item has, expects nothing:
 * that is how memcached says that there is no unique to compare.  To ms it is one, and older than
 * none. */
static bool
compares_if_set(const struct meta_args *a)
{
    return meta_has(a, 'C') && a->expected != 0;
}

static struct engine_rules
rules_of(const struct meta_args *a)
{
    bool compares = meta_has(a, 'C');
    struct engine_rules rules = {
        .compares = compares,
        .marks = key_mark(a),
        .expected = a->expected,
        .cas_new = cas_set(a),
    };
    switch (mode_of(a)) {
    case 'E':
        rules.how = ENGINE_ADD;
        break;
    case 'A':
        rules.how = ENGINE_APPEND;
        rules.compares = compares_if_set(a);
        break;
    case 'P':
        rules.how = ENGINE_PREPEND;
        rules.compares = compares_if_set(a);
        break;
    case 'R':
        rules.how = compares ? ENGINE_CAS : ENGINE_REPLACE;
        break;
    default:
        rules.how = compares ? ENGINE_CAS : ENGINE_SET;
        break;
    }
    rules.creates = meta_has(a, 'N');
    rules.accepts_older = meta_has(a, 'I') && rules.how == ENGINE_CAS && a->expected != 0;
    return rules;
}

/* What append and prepend create has N's time to live, all else T's. */
static uint32_t
exptime_stored(struct exec_thread *xt, const struct meta_args *a)
{
    bool joins = mode_of(a) == 'A' || mode_of(a) == 'P';
    return joins && meta_has(a, 'N') ? exptime_of(xt, a->created_exptime) : exptime_set(xt, a);
}

static struct span
status_line(enum engine_status status)
{
    switch (status) {
    case ENGINE_OK:
        return SPAN("HD");
    case ENGINE_EXISTS:
        return SPAN("EX");
    case ENGINE_NOT_FOUND:
        return SPAN("NF");
    default:
        return SPAN("NS");
    }
}

/* A store_answer_fn. */
static void
answer_set(struct session *s, enum engine_status status, uint64_t cas, struct output *out)
{
    const struct meta_upload *m = s->meta;
    const struct meta_args *a = &m->args;
    bool stored = status == ENGINE_OK;
    if (status == ENGINE_TOO_LARGE || status == ENGINE_NO_MEMORY) {
        output_copy(out, status == ENGINE_TOO_LARGE ? STORE_TOO_LARGE : STORE_OUT_OF_MEMORY);
        return;
    }
    if (stored && meta_has(a, 'q'))
        return;
    char *at = put(output_room(out), status_line(status));
    for (unsigned i = 0; i < a->answer_count; i++) {
        if (a->answers[i] == 'c')
            at = meta_put_number(at, 'c', stored ? cas : 0);
        else if (a->answers[i] == 's')
            at = meta_put_number(at, 's',
                                 stored ? engine_stored_bytes(m->engine_thread) : m->value_bytes);
        else if (a->answers[i] == 'O')
            at = meta_put_opaque(at, a);
        else if (a->answers[i] == 'k')
            at = meta_put_key(at, m->key, meta_has(a, 'b'));
    }
    end_line(out, at);
}

/* A copy that does not need the line, or NULL: memory is short. */
static struct meta_upload *
keep(const struct meta_upload *m)
{
    size_t key_bytes = meta_has(&m->args, 'k') ? m->key.bytes : 0;
    size_t opaque_bytes = meta_has(&m->args, 'O') ? m->args.opaque_bytes : 0;
    struct meta_upload *kept = malloc(sizeof *kept + key_bytes + opaque_bytes);
    if (kept == NULL)
        return NULL;
    *kept = *m;
    memcpy(kept->bytes, m->key.p, key_bytes);
    kept->key = span_of(kept->bytes, key_bytes);
    if (opaque_bytes > 0)
        memcpy(kept->bytes + key_bytes, m->args.opaque, opaque_bytes);
    kept->args.opaque = kept->bytes + key_bytes;
    return kept;
}

void
exec_meta_forget(struct session *s)
{
    free(s->meta);
    s->meta = NULL;
}

/* The line is answered with an error; the data is nothing that anybody wants. */
static enum step
refuse_set(struct session *s, const struct request *r, struct span line, struct output *out)
{
    output_copy(out, line);
    if (!(r->flags & REQ_WHOLE))
        text_parser_swallow(&s->parser, (uint64_t)r->value_bytes + 2);
    return STEP_DONE;
}

/* There is no memory for the line.  A set that cannot be done removes the old value, as ever. */
static enum step
refuse_upload(struct exec_thread *xt, struct session *s, const struct request *r,
              const struct call *c, struct output *out)
{
    bool sets = rules_of(&c->args).how == ENGINE_SET;
    if (sets && engine_forget(xt->engine_thread, c->hash, c->key) == ENGINE_AGAIN)
        return STEP_AGAIN;
    return refuse_set(s, r, STORE_OUT_OF_MEMORY, out);
}

/* The line end of the data is looked at last: as it is when the data comes in pieces, and what is
 * too large is not even waited for. */
static enum proto_error
data_error(struct exec_thread *xt, const struct request *r, const struct call *c)
{
    bool fits =
        engine_item_fits(xt->exec->engine, c->key.bytes, flags_set(&c->args), r->value_bytes);
    return fits ? r->error : PROTO_OK;
}

enum step
exec_meta_set(struct exec_thread *xt, struct session *s, const struct request *r,
              struct output *out)
{
    struct call c;
    enum proto_error error = begin(xt, r, &c);
    if (error == PROTO_OK && UNLIKELY(r->error != PROTO_OK))
        error = data_error(xt, r, &c);
    if (error != PROTO_OK)
        return refuse_set(s, r, text_error_line(error), out);
    struct meta_upload m = {
        .engine_thread = xt->engine_thread,
        .value_bytes = r->value_bytes,
        .args = c.args,
        .key = c.key,
    };
    bool whole = (r->flags & REQ_WHOLE) != 0;
    s->meta = whole ? &m : keep(&m);
    if (s->meta == NULL)
        return refuse_upload(xt, s, r, &c, out);
    struct request stored = *r;
    stored.key = c.key.p;
    stored.key_bytes = (uint8_t)c.key.bytes;
    stored.hash = c.hash;
    stored.client_flags = flags_set(&c.args);
    struct engine_rules rules = rules_of(&c.args);
    s->upload_noreply = false;
    enum step step =
        store_value(xt, s, &stored, exptime_stored(xt, &c.args), &rules, answer_set, out);
    if (whole)
        s->meta = NULL;
    else if (step != STEP_UPLOAD)
        exec_meta_forget(s);
    return step;
}

/* ---- md ---- */

/* I and x make another item of it. */
static enum engine_status
remake(struct exec_thread *xt, const struct call *c)
{
    const struct meta_args *a = &c->args;
    bool stale = meta_has(a, 'I');
    bool empties = meta_has(a, 'x');
    struct engine_remake how = {
        .compares = meta_has(a, 'C'),
        .marks_stale = stale,
        .keeps_cas = !stale && cas_set(a) == 0,
        .drops_value = empties,
        .sets_exptime = empties || meta_has(a, 'T'),
        .exptime_s = exptime_set(xt, a),
        .client_flags = flags_set(a),
        .expected = a->expected,
        .cas_new = cas_set(a),
    };
    uint64_t cas;
    return engine_remake(xt->engine_thread, c->hash, c->key, &how, &cas);
}

static enum engine_status
remove_item(struct exec_thread *xt, const struct call *c)
{
    struct engine_rules rules = {.compares = meta_has(&c->args, 'C'), .expected = c->args.expected};
    return engine_delete(xt->engine_thread, c->hash, c->key, &rules);
}

/* A client that marks an item as stale relies on it: when there is no memory for a copy, the item
 * goes. */
static enum engine_status
delete_or_remake(struct exec_thread *xt, const struct call *c)
{
    bool stale = meta_has(&c->args, 'I');
    if (!stale && !meta_has(&c->args, 'x'))
        return remove_item(xt, c);
    enum engine_status status = remake(xt, c);
    return stale && status == ENGINE_NO_MEMORY ? remove_item(xt, c) : status;
}

enum step
exec_meta_delete(struct exec_thread *xt, struct session *s, const struct request *r,
                 struct output *out)
{
    (void)s;
    struct call c;
    enum proto_error error = begin(xt, r, &c);
    if (error != PROTO_OK) {
        output_copy(out, text_error_line(error));
        return STEP_DONE;
    }
    enum engine_status status = delete_or_remake(xt, &c);
    if (status == ENGINE_AGAIN)
        return STEP_AGAIN;
    if (status == ENGINE_NO_MEMORY)
        output_copy(out, SPAN("SERVER_ERROR out of memory\r\n"));
    else if (status != ENGINE_OK || !meta_has(&c.args, 'q'))
        answer_status(&c, status_line(status), out);
    return STEP_DONE;
}

/* ---- ma ---- */

/* Shows the number, not the value: that is padded with spaces when it became shorter. */
static void
answer_number(struct exec_thread *xt, const struct meta_args *a, const struct engine_arith *arith,
              struct output *out)
{
    struct shown sh = {
        .it = arith->item,
        .state = item_state(arith->item),
        .created = arith->created,
        .exptime_s = arith->created ? 0 : arith->exptime_before_s,
    };
    char digits[NUM_U64_BYTES_MAX];
    size_t digits_bytes = num_format_u64(digits, arith->result);
    bool with_value = meta_has(a, 'v');
    char *at = output_room(out);
    if (with_value) {
        at = put(at, SPAN("VA "));
        at += num_format_u64(at, digits_bytes);
    } else {
        at = put(at, SPAN("HD"));
    }
    at = put_answers(xt, a, &sh, at);
    if (with_value)
        at = put(put(at, SPAN("\r\n")), span_of(digits, digits_bytes));
    end_line(out, at);
}

static struct engine_arith
arith_of(struct exec_thread *xt, const struct meta_args *a)
{
    return (struct engine_arith){
        .decr = mode_of(a) == 'D' || mode_of(a) == '-',
        .compares = compares_if_set(a),
        .creates = meta_has(a, 'N'),
        .sets_exptime = meta_has(a, 'T'),
        .marks = key_mark(a),
        .exptime_s = exptime_set(xt, a),
        .created_exptime_s = exptime_created(xt, a),
        .delta = meta_has(a, 'D') ? a->delta : 1,
        .initial = meta_has(a, 'J') ? a->initial : 0,
        .expected = a->expected,
        .cas_new = cas_set(a),
    };
}

enum step
exec_meta_arith(struct exec_thread *xt, struct session *s, const struct request *r,
                struct output *out)
{
    (void)s;
    struct call c;
    enum proto_error error = begin(xt, r, &c);
    if (error != PROTO_OK) {
        output_copy(out, text_error_line(error));
        return STEP_DONE;
    }
    struct engine_arith arith = arith_of(xt, &c.args);
    enum engine_status status = engine_arith(xt->engine_thread, c.hash, c.key, &arith);
    switch (status) {
    case ENGINE_OK:
        /* memcached does not hide that there is a new item */
        if (arith.created || !meta_has(&c.args, 'q'))
            answer_number(xt, &c.args, &arith, out);
        return STEP_DONE;
    case ENGINE_AGAIN:
        return STEP_AGAIN;
    case ENGINE_NOT_FOUND:
    case ENGINE_EXISTS:
        answer_status(&c, status_line(status), out);
        return STEP_DONE;
    case ENGINE_NOT_NUMERIC:
        output_copy(out, SPAN("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"));
        return STEP_DONE;
    default:
        output_copy(out, arith.created ? SPAN("SERVER_ERROR Out of memory allocating new item\r\n")
                                       : SPAN("SERVER_ERROR out of memory\r\n"));
        return STEP_DONE;
    }
}

/* ---- me ---- */

/* "me <key> b": the key is in base64. */
static bool
is_decoded(const struct request *r, struct span *key, char to[KEY_BYTES_MAX])
{
    struct span args = request_args(r);
    size_t bytes;
    if (args.bytes == 0 || args.p[0] != 'b' || (args.bytes > 1 && args.p[1] != ' '))
        return true;
    if (!base64_decode(*key, to, KEY_BYTES_MAX, &bytes))
        return false;
    *key = span_of(to, bytes);
    return true;
}

static void
answer_item(struct exec_thread *xt, const struct item *it, struct output *out)
{
    uint32_t now_s = engine_now(xt->engine_thread);
    uint32_t exptime_s = item_exptime(it);
    char *at = output_room(out);
    struct span key = item_key(it);
    at = put(at, SPAN("ME "));
    if (item_state(it) & ITEM_KEY_BINARY)
        at += base64_encode(key, at);
    else
        at = put(at, key);
    int bytes =
        snprintf(at, OUTPUT_STEP_BYTES / 2,
                 " exp=%" PRId64 " la=%" PRIu32 " cas=%" PRIu64 " fetch=%s cls=%u size=%" PRIu64,
                 exptime_s == 0 ? (int64_t)-1 : (int64_t)exptime_s - now_s, idle_s(it, now_s),
                 item_cas(it), item_was_fetched(it) ? "yes" : "no",
                 engine_item_class(xt->exec->engine, it), engine_item_bytes(it));
    at += bytes;
    end_line(out, at);
}

enum step
exec_meta_debug(struct exec_thread *xt, struct session *s, const struct request *r,
                struct output *out)
{
    (void)s;
    char decoded[KEY_BYTES_MAX];
    struct span key = request_key(r);
    atomic_fetch_add_explicit(&xt->exec->cmd_meta, 1, memory_order_relaxed);
    if (!is_decoded(r, &key, decoded)) {
        output_copy(out, text_error_line(PROTO_BAD_FORMAT));
        return STEP_DONE;
    }
    const struct item *it = engine_peek(xt->engine_thread, engine_hash(xt->exec->engine, key), key);
    if (it == NULL)
        output_copy(out, SPAN("EN\r\n"));
    else
        answer_item(xt, it, out);
    return STEP_DONE;
}

/* auth.c - logins, and what is open to a client before it has logged in.
 *
 *                  -Y, text                        -S, binary
 *      before      exec_login(): a 'set' that is   exec_guarded[]: SASL, and version; anything else is
 *                  none, and nothing else          refused and ends the connection
 *      after       all                             all; a further login begins anew, and who fails it
 *                                                  is logged out
 */
#include "auth/auth.h"
#include "exec/packet.h"
#include "proto/login.h"

#define MECHANISM_BYTES_MAX 32
#define CHALLENGE_BYTES_MAX (OUTPUT_STEP_BYTES - BINARY_HEADER_BYTES)

void
exec_require_auth(struct exec *x, struct auth *a)
{
    x->auth = a;
    x->only_protocol = auth_is_sasl(a) ? PROTOCOL_BINARY : PROTOCOL_TEXT;
}

static void
count_login(struct exec *x, bool succeeded)
{
    atomic_fetch_add_explicit(&x->auth_cmds, 1, memory_order_relaxed);
    if (!succeeded)
        atomic_fetch_add_explicit(&x->auth_errors, 1, memory_order_relaxed);
}

/* ---- text ---- */

/* Answers one login, or what is none. */
static enum exec_status
answer_login(struct exec *x, struct session *s, enum login_kind kind, const struct login *login,
             struct output *out)
{
    switch (kind) {
    case LOGIN_INCOMPLETE:
        break;
    case LOGIN_CLOSE:
        return EXEC_CLOSE;
    case LOGIN_BAD:
        output_copy(out, login->line);
        text_parser_swallow(&s->parser, login->swallow_bytes);
        break;
    case LOGIN_TOKEN:
        s->authenticated = auth_check(x->auth, login->user, login->password);
        count_login(x, s->authenticated);
        output_copy(out, s->authenticated ? SPAN("STORED\r\n")
                                          : SPAN("CLIENT_ERROR authentication failure\r\n"));
        break;
    }
    return EXEC_NEED_INPUT;
}

enum exec_status
exec_login(struct exec_thread *xt, struct session *s, struct span in, struct output *out,
           unsigned *budget, size_t *used, bool *more)
{
    struct login login;
    *used = text_parser_skip(&s->parser, in.bytes);
    *more = false;
    if (*used == in.bytes)
        return EXEC_NEED_INPUT;
    if (output_is_full(out))
        return EXEC_FULL;
    if (*budget == 0)
        return EXEC_YIELD;
    enum login_kind kind = login_parse(span_of(in.p + *used, in.bytes - *used), &login);
    *used += login.used;
    *more = kind != LOGIN_INCOMPLETE;
    *budget -= *more;
    return answer_login(xt->exec, s, kind, &login, out);
}

/* ---- SASL ---- */

static enum auth_status
run_sasl(struct exec *x, struct session *s, const struct request *r, struct span *challenge)
{
    struct span data = span_of(r->value, r->value_here);
    *challenge = SPAN("");
    if (r->flags & REQ_WHOLE && r->cmd == CMD_SASL_AUTH)
        return auth_start(x->auth, &s->login, request_key(r), data, challenge);
    if (r->flags & REQ_WHOLE)
        return auth_step(x->auth, &s->login, data, challenge);
    auth_end(x->auth, &s->login); /* more than any mechanism has to say */
    return AUTH_REFUSED;
}

/* One step of a login.  What follows it in the batch is executed as the session is then. */
static enum step
exec_sasl_step(struct exec_thread *xt, struct session *s, const struct request *r,
               struct output *out)
{
    struct exec *x = xt->exec;
    struct span challenge;
    struct binary_echo echo = packet_echo(xt, r);
    enum auth_status status = run_sasl(x, s, r, &challenge);
    if (challenge.bytes > CHALLENGE_BYTES_MAX) {
        auth_end(x->auth, &s->login);
        status = AUTH_REFUSED;
    }
    s->authenticated = status == AUTH_OK;
    switch (status) {
    case AUTH_CONTINUE:
        packet_add(out, echo, BINARY_AUTH_CONTINUE, challenge, 0);
        return STEP_SWITCH;
    case AUTH_OK:
        packet_add(out, echo, BINARY_OK, SPAN("Authenticated"), 0);
        break;
    case AUTH_REFUSED:
        packet_add_status(out, echo, BINARY_AUTH_FAILED);
        break;
    }
    count_login(x, s->authenticated);
    return STEP_SWITCH;
}

static bool
asks_sasl(const struct exec *x)
{
    return x->auth != NULL && x->only_protocol == PROTOCOL_BINARY;
}

enum step
exec_sasl(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    struct binary_echo echo = packet_echo(xt, r);
    if (!asks_sasl(xt->exec))
        packet_add_status(out, echo, BINARY_UNKNOWN);
    else if (r->cmd == CMD_SASL_LIST)
        packet_add(out, echo, BINARY_OK, auth_mechanisms(xt->exec->auth), 0);
    else if (r->key_bytes > MECHANISM_BYTES_MAX)
        packet_add_status(out, echo, BINARY_INVALID);
    else
        return exec_sasl_step(xt, s, r, out);
    return STEP_DONE;
}

/* ---- before a login ---- */

static enum step
guard(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    bool is_open = r->cmd == CMD_VERSION || r->cmd == CMD_SASL_LIST || r->cmd == CMD_SASL_AUTH ||
                   r->cmd == CMD_SASL_STEP;
    /* What is not even a packet is answered as that. */
    bool is_broken = r->cmd == CMD_BAD && r->flags & REQ_CLOSE;
    if (is_open || is_broken)
        return exec_binary[r->cmd](xt, s, r, out);
    packet_add_status(out, packet_echo(xt, r), BINARY_AUTH_FAILED);
    return STEP_CLOSE;
}

exec_fn *const exec_guarded[CMD_COUNT] = {[0 ... CMD_COUNT - 1] = guard};

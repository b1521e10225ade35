#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "client/discovery.h"
#include "client/op.h"
#include "client/pool.h"

/* ---- the list ---- */

static bool
read_digits(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned char)*text - '0';
        if (digit > 9 || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *number = n;
    return true;
}

/* "host|address|port"; the host may be empty, and the address. */
static bool
read_member(char *word, struct ketch_server *server)
{
    uint64_t port;
    char *address = strchr(word, '|');
    char *digits = address != NULL ? strchr(address + 1, '|') : NULL;
    if (digits == NULL)
        return false;
    *address++ = '\0';
    *digits++ = '\0';
    if (!read_digits(digits, UINT16_MAX, &port) || port == 0)
        return false;
    const char *host = *word != '\0' ? word : address;
    if (*host == '\0' || *host == '/')
        return false;
    *server = (struct ketch_server){.host = host, .port = (uint16_t)port, .weight = 1};
    return true;
}

static size_t
count_members(const char *text)
{
    size_t bars = 0;
    for (; *text != '\0'; text++)
        bars += *text == '|';
    return bars / 2;
}

static enum ketch_status
read_members(char *line, struct discovered *d)
{
    size_t most = count_members(line);
    char *rest = line;
    if (most == 0 || most > DISCOVERY_SERVERS_MAX)
        return KETCH_PROTOCOL;
    d->servers = calloc(most, sizeof *d->servers);
    if (d->servers == NULL)
        return KETCH_NO_MEMORY;
    for (char *word; (word = strsep(&rest, " \r\n")) != NULL;) {
        if (*word == '\0')
            continue;
        if (d->count >= most || !read_member(word, &d->servers[d->count]))
            return KETCH_PROTOCOL;
        d->count++;
    }
    return KETCH_OK;
}

enum ketch_status
discovery_parse(struct ketch_bytes answer, struct discovered *d)
{
    *d = (struct discovered){0};
    if (answer.bytes > 0 && memchr(answer.p, '\0', answer.bytes) != NULL)
        return KETCH_PROTOCOL;
    d->text = malloc(answer.bytes + 1);
    if (d->text == NULL)
        return KETCH_NO_MEMORY;
    if (answer.bytes > 0)
        memcpy(d->text, answer.p, answer.bytes);
    d->text[answer.bytes] = '\0';
    char *members = strchr(d->text, '\n');
    enum ketch_status status = KETCH_PROTOCOL;
    if (members != NULL) {
        *members++ = '\0';
        d->text[strcspn(d->text, "\r")] = '\0';
        if (read_digits(d->text, UINT64_MAX, &d->version))
            status = read_members(members, d);
    }
    if (status != KETCH_OK)
        discovery_free(d);
    return status;
}

void
discovery_free(struct discovered *d)
{
    free(d->servers);
    free(d->text);
    *d = (struct discovered){0};
}

/* ---- asking ---- */

static void
answered(void *arg, const struct ketch_result *result)
{
    struct ketch_client *client = arg;
    struct discovered d;
    if (result->status != KETCH_OK || discovery_parse(result->value, &d) != KETCH_OK)
        return;
    /* An older answer may come from a node that has not heard yet.  The server that brought this one may
     * leave the pool: it is freed only when the client is left. */
    if (d.version > client->discovery_version &&
        pool_replace(client, d.servers, d.count, NULL, 0) == KETCH_OK)
        client->discovery_version = d.version;
    discovery_free(&d);
}

void
discovery_due(struct timer *timer, int64_t now_us)
{
    struct ketch_client *client = CONTAINER_OF(timer, struct ketch_client, discovery);
    struct ketch_request request = {
        .verb = KETCH_VERB_CONFIG, .done = answered, .arg = client};
    struct op *op;
    timer_set(&client->timers, timer, now_us + client->conf.discovery_ms * 1000LL);
    if (client->pool.count == 0 || op_create(client, &request, &op) != KETCH_OK)
        return;
    uint32_t id = (uint32_t)(client->discovery_next++ % client->pool.count);
    /* Who is out now is asked in a later turn. */
    (void)!client_start(client, op, id);
}

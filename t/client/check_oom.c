/* Every allocation fails in turn: nothing crashes, nothing is lost, and each request that was accepted
 * is completed once. */
#include <stdlib.h>
#include <string.h>
#include "fake.h"
#include "suite.h"

/* Which allocation from now on fails; 0: none.  'all': those after it too. */
static unsigned fail_at, seen;
static bool fail_all;

static bool
fails(void)
{
    if (fail_at == 0)
        return false;
    seen++;
    return fail_all ? seen >= fail_at : seen == fail_at;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
char *__wrap_strdup(const char *s);

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *
__wrap_realloc(void *p, size_t bytes)
{
    return fails() ? NULL : __real_realloc(p, bytes);
}

char *
__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

/* Check's own assertions allocate. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: not %s, with allocation %u failing\n", __FILE__, __LINE__, #x, fail_at); \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct fake f;
static unsigned accepted, completed, each_times;

static void
count(void *arg, const struct ketch_result *r)
{
    (void)arg, (void)r;
    completed++;
}

static void
each(void *arg, const struct ketch_result *r)
{
    (void)arg, (void)r;
    each_times++;
}

static void
take(enum ketch_status status)
{
    MUST(status == KETCH_OK || status == KETCH_NO_MEMORY || status <= KETCH_NO_SERVER);
    accepted += status == KETCH_OK;
}

/* Answers whatever a server hears, more or less. */
static void
answer(size_t i)
{
    static char text[FAKE_HEARD_MAX];
    char *save;
    snprintf(text, sizeof text, "%s", fake_heard(&f, i));
    for (char *l = strtok_r(text, "\r\n", &save); l != NULL; l = strtok_r(NULL, "\r\n", &save)) {
        const char *opaque = strstr(l, " O");
        char reply[300];
        if (strncmp(l, "mn", 2) == 0)
            snprintf(reply, sizeof reply, "MN\r\n");
        else if (strncmp(l, "mg", 2) == 0 && opaque != NULL)
            snprintf(reply, sizeof reply, "VA 200 f0%s\r\n%0200d\r\n", opaque, 0);
        else if (strncmp(l, "ms", 2) == 0 && opaque != NULL)
            snprintf(reply, sizeof reply, "HD%s\r\n", opaque);
        else
            continue;
        if (!fake_say(&f, i, reply))
            return;
    }
}

static void
requests(void)
{
    static struct ketch_bytes keys[300];
    static char names[300][16];
    static char value[9000];
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "key%d", i);
        keys[i] = ketch_string(names[i]);
    }
    for (int i = 0; i < 70; i++) /* more than the heap of timers holds at first */
        take(ketch_get(f.client, keys[i], NULL, count, NULL));
    take(ketch_set(f.client, keys[0], ketch_bytes_of(value, sizeof value), NULL, count, NULL));
    take(ketch_fetch(f.client, keys[1], NULL, count, NULL));
    enum ketch_status status = ketch_mget(f.client, keys, 300, NULL, each, count, NULL);
    each_times += status == KETCH_OK ? 0 : 300;
    take(status);
}

/* False: the client could not be made. */
static bool
scenario(enum ketch_eject eject)
{
    struct ketch_client_conf conf;
    fake_init(&f);
    fake_conf(&f, &conf, 3);
    conf.protocol = KETCH_PROTOCOL_AUTO;
    conf.user = "u";
    conf.password = "p";
    conf.prefix = ketch_string("p:");
    conf.policy.eject = eject;
    conf.policy.gutter = f.addresses + 3;
    conf.policy.gutter_count = 2;
    f.client = NULL;
    if (ketch_client_create(&conf, &f.client, NULL, 0) != KETCH_OK)
        return false;
    const struct ketch_transport *transport = fake_transport();
    MUST(ketch_client_attach(f.client, transport, &f) == KETCH_OK);
    f.servers[1].manner = FAKE_REFUSES;
    requests();
    for (size_t i = 0; i < 5; i++)
        fake_say(&f, i, "STORED\r\n");
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < 5; i++)
            answer(i);
    (void)!ketch_client_set_servers(f.client, f.addresses + 1, 3, NULL, 0);
    requests();
    fake_advance(&f, 1500);
    fake_fini(&f);
    return true;
}

static void
play(enum ketch_eject eject, bool all)
{
    bool reached_end = false;
    for (unsigned n = 1; !reached_end; n++) {
        accepted = completed = each_times = 0;
        fail_at = n;
        fail_all = all;
        seen = 0;
        bool made = scenario(eject);
        reached_end = seen < n;
        fail_at = 0;
        ck_assert_uint_eq(accepted, completed);
        ck_assert_uint_eq(each_times, made ? 600 : 0);
        if (all && n >= 400) /* the rest differs little, and is tried one by one */
            break;
    }
}

START_TEST(every_allocation_may_fail)
{
    play((enum ketch_eject)_i, false);
}
END_TEST

START_TEST(memory_may_end_at_every_allocation)
{
    play((enum ketch_eject)_i, true);
}
END_TEST

static void
add_tests(Suite *s)
{
    TCase *c = tcase_create("out of memory");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 4);
    tcase_add_loop_test(c, memory_may_end_at_every_allocation, 0, 4);
    suite_add_tcase(s, c);
}

SUITE_MAIN("client/oom")

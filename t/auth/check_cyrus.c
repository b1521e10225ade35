/* Cyrus SASL: what it offers, whom it lets in from a sasldb, and that several threads may ask it.
 *
 * Needs the library's modules (Debian: libsasl2-modules, libsasl2-modules-db); what cannot be
 * tried without them is skipped, and says so. */
#include "suite.h"

#include <pthread.h>
#include <sasl/sasl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "auth/cyrus.h"

static char directory[64];

static struct span
s(const char *text)
{
    return span_of(text, strlen(text));
}

static void
write_conf(const char *mech_list)
{
    char path[128];
    snprintf(path, sizeof path, "%s/memcached.conf", directory);
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "%s%s\npwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s/sasldb\n",
            *mech_list != '\0' ? "mech_list: " : "", mech_list, directory);
    ck_assert_int_eq(fclose(f), 0);
}

/* False: there is no module for it. */
static bool
write_sasldb(const char *user, const char *password)
{
    sasl_conn_t *connection = NULL;
    sasl_set_path(SASL_PATH_TYPE_CONFIG, directory);
    ck_assert_int_eq(sasl_server_init(NULL, "memcached"), SASL_OK);
    ck_assert_int_eq(sasl_server_new("memcached", NULL, NULL, NULL, NULL, NULL, 0, &connection), SASL_OK);
    int result = sasl_setpass(connection, user, password, (unsigned)strlen(password), NULL, 0,
                              SASL_SET_CREATE);
    sasl_dispose(&connection);
    sasl_done();
    if (result != SASL_OK)
        printf("skipped: no sasldb: %s\n", sasl_errstring(result, NULL, NULL));
    return result == SASL_OK;
}

static void
setup(void)
{
    strcpy(directory, "/tmp/check_cyrus.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void
teardown(void)
{
    const char *names[] = {"memcached.conf", "sasldb"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

/* One step that is to be the only one. */
static enum auth_status
ask(struct cyrus *c, const char *mechanism, struct span data)
{
    struct cyrus_exchange *x;
    struct span challenge;
    enum auth_status status = cyrus_start(c, s(mechanism), data, &x, &challenge);
    ck_assert_int_eq(x != NULL, status == AUTH_CONTINUE);
    cyrus_end(x);
    return status;
}

static bool
offers(struct cyrus *c, const char *mechanism)
{
    char all[512], one[64];
    struct span names = cyrus_mechanisms(c);
    snprintf(all, sizeof all, " %.*s ", (int)names.bytes, names.p);
    snprintf(one, sizeof one, " %s ", mechanism);
    return strstr(all, one) != NULL;
}

START_TEST(offers_what_the_configuration_allows)
{
    write_conf("plain");
    struct cyrus *c = cyrus_open(directory);
    if (c == NULL) {
        printf("skipped: no PLAIN\n");
        return;
    }
    ck_assert(span_equal(cyrus_mechanisms(c), SPAN("PLAIN")));
    ck_assert_int_eq(ask(c, "CRAM-MD5", SPAN("")), AUTH_REFUSED);
    cyrus_close(c);
}
END_TEST

START_TEST(never_offers_anonymous)
{
    write_conf("");
    struct cyrus *c = cyrus_open(directory);
    if (c == NULL) {
        printf("skipped: no mechanisms\n");
        return;
    }
    ck_assert(!offers(c, "ANONYMOUS"));
    ck_assert_int_eq(ask(c, "ANONYMOUS", SPAN("me@here")), AUTH_REFUSED);
    ck_assert_int_eq(ask(c, "ANONYMOUS", SPAN("")), AUTH_REFUSED);
    cyrus_close(c);
    write_conf("anonymous");
    ck_assert_ptr_null(cyrus_open(directory));
}
END_TEST

START_TEST(does_not_open_without_a_mechanism)
{
    write_conf("what-nobody-has");
    ck_assert_ptr_null(cyrus_open(directory));
    write_conf("plain");
    cyrus_close(cyrus_open(directory)); /* and can be opened again */
}
END_TEST

START_TEST(lets_in_who_is_in_the_sasldb)
{
    write_conf("plain cram-md5");
    if (!write_sasldb("alice", "secret"))
        return;
    struct cyrus *c = cyrus_open(directory);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(ask(c, "PLAIN", SPAN("\0alice\0secret")), AUTH_OK);
    ck_assert_int_eq(ask(c, "plain", SPAN("alice\0alice\0secret")), AUTH_OK);
    ck_assert_int_eq(ask(c, "PLAIN", SPAN("\0alice\0wrong")), AUTH_REFUSED);
    ck_assert_int_eq(ask(c, "PLAIN", SPAN("\0bob\0secret")), AUTH_REFUSED);
    ck_assert_int_eq(ask(c, "PLAIN", SPAN("bob\0alice\0secret")), AUTH_REFUSED);
    ck_assert_int_eq(ask(c, "PLAIN", SPAN("nonsense")), AUTH_REFUSED);
    ck_assert_int_eq(ask(c, "", SPAN("\0alice\0secret")), AUTH_REFUSED);
    struct cyrus_exchange *x;
    struct span challenge;
    ck_assert_int_eq(cyrus_start(c, SPAN("PLAIN\0"), SPAN("\0alice\0secret"), &x, &challenge),
                     AUTH_REFUSED);
    ck_assert_ptr_null(x);
    cyrus_close(c);
}
END_TEST

START_TEST(an_exchange_may_have_steps)
{
    write_conf("plain cram-md5");
    if (!write_sasldb("alice", "secret"))
        return;
    struct cyrus *c = cyrus_open(directory);
    struct cyrus_exchange *x;
    struct span challenge;
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(cyrus_start(c, SPAN("PLAIN"), SPAN(""), &x, &challenge), AUTH_CONTINUE);
    ck_assert_uint_eq(challenge.bytes, 0);
    ck_assert_int_eq(cyrus_step(&x, SPAN("\0alice\0secret"), &challenge), AUTH_OK);
    ck_assert_ptr_null(x);
    ck_assert_int_eq(cyrus_start(c, SPAN("PLAIN"), SPAN(""), &x, &challenge), AUTH_CONTINUE);
    ck_assert_int_eq(cyrus_step(&x, SPAN(""), &challenge), AUTH_REFUSED);
    ck_assert_ptr_null(x);
    ck_assert_int_eq(cyrus_start(c, SPAN("CRAM-MD5"), SPAN(""), &x, &challenge), AUTH_CONTINUE);
    ck_assert_uint_gt(challenge.bytes, 0);
    ck_assert_int_eq(cyrus_step(&x, SPAN("alice 00112233445566778899aabbccddeeff"), &challenge),
                     AUTH_REFUSED);
    ck_assert_ptr_null(x);
    /* One that is given up. */
    ck_assert_int_eq(cyrus_start(c, SPAN("CRAM-MD5"), SPAN(""), &x, &challenge), AUTH_CONTINUE);
    cyrus_end(x);
    cyrus_end(NULL);
    cyrus_close(c);
}
END_TEST

static void *
ask_often(void *arg)
{
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(ask(arg, "PLAIN", SPAN("\0alice\0secret")), AUTH_OK);
        ck_assert_int_eq(ask(arg, "PLAIN", SPAN("\0alice\0wrong")), AUTH_REFUSED);
        ck_assert_int_eq(ask(arg, "CRAM-MD5", SPAN("")), AUTH_CONTINUE);
    }
    return NULL;
}

START_TEST(several_threads_may_ask)
{
    pthread_t threads[4];
    write_conf("plain cram-md5");
    if (!write_sasldb("alice", "secret"))
        return;
    struct cyrus *c = cyrus_open(directory);
    ck_assert_ptr_nonnull(c);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, c), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    cyrus_close(c);
}
END_TEST

static void
add_tests(Suite *suite)
{
    TCase *tc = tcase_create("cyrus");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, offers_what_the_configuration_allows);
    tcase_add_test(tc, never_offers_anonymous);
    tcase_add_test(tc, does_not_open_without_a_mechanism);
    tcase_add_test(tc, lets_in_who_is_in_the_sasldb);
    tcase_add_test(tc, an_exchange_may_have_steps);
    tcase_add_test(tc, several_threads_may_ask);
    suite_add_tcase(suite, tc);
}

SUITE_MAIN("auth/cyrus")

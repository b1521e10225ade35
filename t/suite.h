/* suite.h - the main() of every unit test: one suite, run with Check's own reporting.
 *
 * The test defines  static void add_tests(Suite *s)  and ends with  SUITE_MAIN("engine/index")
 * or with SUITE_MAIN_FORKING() if its tests change what belongs to the whole process, so that each needs one
 * of its own, whatever CK_FORK says.
 */
#ifndef KETCH_T_SUITE_H
#define KETCH_T_SUITE_H

#include <check.h>
#include <stdlib.h>

#define SUITE_MAIN(name) SUITE_MAIN_AS(name, CK_FORK_GETENV)
#define SUITE_MAIN_FORKING(name) SUITE_MAIN_AS(name, CK_FORK)

#define SUITE_MAIN_AS(name, fork_status)                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* seconds; Check's own 4 are few on a busy machine */ \
        Suite *suite = suite_create(name);                                                         \
        add_tests(suite);                                                                          \
        SRunner *runner = srunner_create(suite);                                                   \
        srunner_set_fork_status(runner, fork_status);                                              \
        srunner_run_all(runner, CK_NORMAL);                                                        \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif

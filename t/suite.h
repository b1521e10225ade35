/* suite.h - the main() of every unit test: one suite, run with Check's own reporting.
 *
 * The test defines  static void add_tests(Suite *s)  and ends with  SUITE_MAIN("engine/index")
 */
#ifndef KETCH_T_SUITE_H
#define KETCH_T_SUITE_H

#include <check.h>
#include <stdlib.h>

#define SUITE_MAIN(name)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* seconds; Check's own 4 are few on a busy machine */ \
        Suite *suite = suite_create(name);                                                         \
        add_tests(suite);                                                                          \
        SRunner *runner = srunner_create(suite);                                                   \
        srunner_run_all(runner, CK_NORMAL);                                                        \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif

#include "suite.h"
static void add_tests(Suite *s){(void)s;}
SUITE_MAIN("x")

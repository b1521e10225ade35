#!/bin/sh
# The shared library shows ketch_* and nothing else, and needs no global of a program's.
library=${top_builddir:-.}/.libs/libketch.so
[ -e "$library" ] || { echo 'no shared library was built'; exit 77; }
command -v nm >/dev/null || { echo 'no nm'; exit 77; }
others=$(nm -D --defined-only "$library" | awk '{ sub(/@.*/, "", $3); print $3 }' |
    grep -v -e '^ketch_' -e '^KETCH_[0-9]*$')
# A sanitizer or a profiler adds names of its own.
others=$(echo "$others" | grep -v -e '^__' -e '^_init$' -e '^_fini$' -e '^$')
if [ -n "$others" ]; then
    echo "names that are not the library's to give:"
    echo "$others"
    exit 1
fi
count=$(nm -D --defined-only "$library" | grep -c ' T ketch_')
echo "$count functions"
[ "$count" -gt 50 ]

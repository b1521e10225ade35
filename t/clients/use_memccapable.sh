#!/bin/sh
# memccapable: libmemcached's own list of what a server must be able to do, 27 tests of the text protocol
# and 27 of the binary one.
#
# usage: use_memccapable.sh HOST:PORT ...
command -v memccapable >/dev/null || { echo 'skipped: no memccapable'; exit 77; }

output=$(memccapable -h "${1%:*}" -p "${1##*:}" -t 10 2>&1)
status=$?
echo "$output"
text=$(echo "$output" | grep -c '^ascii .*\[pass\]$')
binary=$(echo "$output" | grep -c '^binary .*\[pass\]$')
echo "$text tests of the text protocol passed, $binary of the binary one; exit status $status"
[ "$text-$binary-$status" = 27-27-0 ]

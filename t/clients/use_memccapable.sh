#!/bin/sh
# memccapable: libmemcached's own list of what a server of the text protocol must be able to do.
#
# usage: use_memccapable.sh HOST:PORT ...
command -v memccapable >/dev/null || { echo 'skipped: no memccapable'; exit 77; }

output=$(memccapable -h "${1%:*}" -p "${1##*:}" -a -t 10 2>&1)
echo "$output"
passed=$(echo "$output" | grep -c '\[pass\]')
failed=$(echo "$output" | grep -c '\[FAIL\]')
echo "$passed tests passed, $failed failed"
[ "$passed" -ge 27 ] && [ "$failed" -eq 0 ]

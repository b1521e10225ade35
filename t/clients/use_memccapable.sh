#!/bin/sh
# memccapable: libmemcached's own list of what a server of the text protocol must be able to do.
#
# usage: use_memccapable.sh HOST:PORT ...
command -v memccapable >/dev/null || { echo 'skipped: no memccapable'; exit 77; }

# Its two tests of delete want "delete a b c d e" to be an error, as it was until memcached 1.6.18.  Later versions
# ignore further arguments, and so do we.
accepted='^ascii delete( noreply)? '

output=$(memccapable -h "${1%:*}" -p "${1##*:}" -a -t 10 2>&1)
echo "$output"
passed=$(echo "$output" | grep -c '\[pass\]')
failed=$(echo "$output" | grep '\[FAIL\]' | grep -Ecv "$accepted")
echo "$passed tests passed, $failed failed in a way that matters"
[ "$passed" -ge 25 ] && [ "$failed" -eq 0 ]

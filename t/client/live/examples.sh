#!/bin/sh
# The programs of examples/, and ketch-stat, against a server that this starts.
set -u
build=${top_builddir:-.}
dir=$(mktemp -d) || exit 1
server=
passed=0
failed=0

clean() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap clean EXIT

start() { # tries ports until one is free
    port=$((20000 + $$ % 20000))
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((port + 1))
        "$build/src/ketchd" -u root -l 127.0.0.1 -p $port -U 0 2>"$dir/log" &
        server=$!
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            "$build/tools/ketch-stat" 127.0.0.1:$port >/dev/null 2>&1 && kill -0 $server 2>/dev/null && return
            kill -0 $server 2>/dev/null || break
            sleep 0.2
        done
        kill $server 2>/dev/null
    done
    echo 'no server'
    exit 1
}

check() { # NAME WANTED COMMAND...
    name=$1 wanted=$2
    shift 2
    if "$@" >"$dir/out" 2>&1 && grep -q "$wanted" "$dir/out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name: wanted '$wanted', got:"
        cat "$dir/out"
    fi
}

start
check hello '^hello, from 127.0.0.1:' "$build/examples/hello" 127.0.0.1:$port
check hello-to-nobody 'not reachable' sh -c "'$build/examples/hello' 127.0.0.1:1 && exit 1; exit 0"
if [ -x "$build/examples/mget_ev" ]; then
    check mget_ev '^100 of 100: done' "$build/examples/mget_ev" 127.0.0.1 $port
fi
for i in 1 2 3 4 5 6; do "$build/examples/fetch" 127.0.0.1 $port >"$dir/fetch$i" 2>&1 & eval "p$i=$!"; done
for i in 1 2 3 4 5 6; do eval "wait \$p$i"; done
check one-of-six-makes-it '^1$' sh -c "cat '$dir'/fetch* | grep -c 'made here'"
check five-wait-for-it '^5$' sh -c "cat '$dir'/fetch* | grep -c 'from the cache'"
check stat '^  *cmd_set' "$build/tools/ketch-stat" 127.0.0.1:$port
check stat-slabs 'chunk_size' "$build/tools/ketch-stat" 127.0.0.1:$port slabs
check stat-items 'evicted' "$build/tools/ketch-stat" 127.0.0.1:$port items
check stat-settings 'maxbytes' "$build/tools/ketch-stat" 127.0.0.1:$port settings
check stat-conns 'addr' "$build/tools/ketch-stat" 127.0.0.1:$port conns
check stat-nobody 'not reachable' sh -c "'$build/tools/ketch-stat' 127.0.0.1:1 && exit 1; exit 0"

echo "$passed passed, $failed failed"
[ $failed = 0 ]

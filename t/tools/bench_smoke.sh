#!/bin/sh
# ketch-bench end to end: a good run is told from a bad one.
#
# The floor server answers every get with the same canned value, so a plain run against it must pass and
# one with --verify must fail.  With KETCHD=<a server that takes memcached's options> the verified runs
# must pass against that; PROTOCOLS says in which protocols besides text, binary if it does not.
set -u

bench=${KETCH_BENCH:-tools/ketch-bench}
floor=${FLOOR_SERVER:-tools/floor-server}
protocols=${PROTOCOLS:-binary}
# shellcheck source=t/tools/smoke.sh
. "${srcdir:-.}/t/tools/smoke.sh"

# expect STATUS TEXT ARGUMENT...: runs the generator; it must end with STATUS and say TEXT.
expect() {
    status=$1
    text=$2
    shift 2
    run 60 "$bench" --server "127.0.0.1:$port" --count 2000 --keys 500 --timeout 5 "$@"
    ends_with "$status" "$text"
    verdict $? "ketch-bench $*: status $status and \"$text\""
}

start "$floor"
expect 0 'requests   2000 ' --preload
expect 0 '100.00 % hits' --ratio 1:0 --multiget 50 --depth 10 --threads 2
expect 0 'requests   2000 ' --rate 20000 --zipf 0.9
expect 0 '"p99.9"' --preload --json - --connections 3 --pid "$server"
expect 1 'value of another key' --verify --ratio 1:0
expect 2 'bad value for --depth' --depth none
stop_server
expect 2 'cannot connect'

if [ -n "${KETCHD:-}" ]; then
    start_cache "$KETCHD" -t 2
    expect 0 ' 0 misses' --verify --preload
    expect 0 ' 0 misses' --verify --preload --depth 20 --multiget 10 --value-bytes 0-5000 --threads 2
    expect 0 ' 0 misses' --verify --preload --value-bytes meta --key-bytes 10-250 --key-prefix meta
    expect 0 ' 0 misses' --verify --preload --value-bytes 100000-900000 --keys 50 --count 500
    for protocol in $protocols; do
        expect 0 ' 0 misses' --verify --preload --protocol "$protocol" --key-prefix "$protocol"
        expect 0 ' 0 misses' --verify --protocol "$protocol" --key-prefix "$protocol" --depth 20 \
            --multiget 10
        expect 0 ' 2000 keys got' --look-aside --ratio 1:0 --protocol "$protocol" --multiget 1 \
            --key-prefix "n$protocol"
        expect 0 ' 0 misses' --verify --preload --value-bytes 100000-900000 --keys 50 --count 500 \
            --protocol "$protocol" --key-prefix "big$protocol"
    done
    expect 1 'SERVER_ERROR' --protocol binary --value-bytes 2000000 --ratio 0:1 --count 5
    expect 0 ' 2000 keys got' --verify --look-aside --ratio 1:0 --key-prefix new: --rate 20000
    expect 1 'SERVER_ERROR' --value-bytes 2000000 --ratio 0:1 --count 5
    expect 0 'idle ' --idle 100 --pid "$server"
    stop_server
fi

[ $failures -eq 0 ]

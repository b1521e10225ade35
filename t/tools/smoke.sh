# smoke.sh - what the smoke tests of the tools share: servers, and runs that must end in a certain way.
# shellcheck shell=sh
# Sourced, not run.
#
# Servers listen on a free port of 127.0.0.1 and are ended by their process id.

dir=$(mktemp -d)
server=
failures=0

stop_server() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    [ -z "$server" ] || wait "$server" 2>/dev/null
    server=
}
trap 'stop_server; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# start COMMAND...: runs a server with "-p <port>" added, on a port that turns out to be free.
start() {
    stop_server
    tries=0
    while [ $tries -lt 20 ]; do
        port=$((20000 + ($$ * 7 + tries * 101) % 12000))
        tries=$((tries + 1))
        "$@" -p "$port" 2>"$dir/server" &
        server=$!
        sleep 0.3
        kill -0 "$server" 2>/dev/null && return
        server=
    done
    echo "not ok: cannot start $*:"
    cat "$dir/server"
    exit 1
}

# start_cache PATH OPTION...: a server that takes memcached's options.
start_cache() {
    cache=$1
    shift
    as_user=
    [ "$(id -u)" -ne 0 ] || as_user='-u root'
    # shellcheck disable=SC2086 # two words or none
    start "$cache" $as_user -l 127.0.0.1 "$@"
}

# run SECONDS COMMAND...: what it says is in $dir/out, its status in $got.
run() {
    timeout "$@" >"$dir/out" 2>&1
    got=$?
}

# verdict STATUS WHAT: STATUS 0 is good; otherwise shows the last run.
verdict() {
    if [ "$1" = 0 ]; then
        echo "ok: $2"
    else
        echo "not ok: $2; it ended with status $got:"
        cat "$dir/out"
        failures=$((failures + 1))
    fi
}

# ends_with STATUS TEXT: the last run did, and said TEXT.
ends_with() {
    [ "$got" -eq "$1" ] && grep -q -e "$2" "$dir/out"
}

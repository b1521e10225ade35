#!/bin/sh
# libmemcached's tools in both protocols, over all servers: memccp, memccat, memcexist, memctouch, memcrm,
# memcstat, memcflush; and memcdump and memcping, which know the text protocol only.
#
# usage: use_tools.sh HOST:PORT ...
for tool in memccp memccat memcexist memctouch memcrm memcstat memcflush memcdump memcping; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
servers=$(echo "$*" | tr ' ' ',')
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
files=$directory/files
passed=0 failed=0

# Reports what a command was to do, and whether it did.
check() # WHAT COMMAND...
{
    what=$protocol:\ $1
    shift
    if "$@"; then
        echo "ok    $what"
        passed=$((passed + 1))
    else
        echo "FAIL  $what: $*"
        failed=$((failed + 1))
    fi
}

# A tool as a user would call it; its words are shown when something fails.
use() # TOOL ARGUMENT...
{
    tool=$1
    shift
    # shellcheck disable=SC2086 # no option, or one
    $tool $option --servers="$servers" "$@" 2>&1
}

fails()
{
    ! "$@"
}

prints_file() # NAME
{
    use memccat "$1" >"$directory/printed" || return 1
    echo | cat "$files/$1" - | cmp - "$directory/printed" # memccat ends a value with a line end
}

prints_flags() # FLAGS NAME
{
    [ "$(use memccat --flags "$2" | head -n 1)" = "$1" ]
}

make_files()
{
    mkdir "$files"
    echo 'a line' >"$files/small"
    seq 1 100000 | tail -c 600000 >"$files/large"
    printf 'a\0b\r\nEND\r\n\0' >"$files/bytes"
    for i in $(seq 1 60); do
        echo "file $i" >"$files/number-$i"
    done
}

stores_many()
{
    (cd "$files" && use memccp number-*) && prints_file number-1 && prints_file number-37 &&
        prints_file number-60
}

# Keys of all servers: every one counts what it stored.
is_everywhere()
{
    use memcstat | awk '/^Server:/ { server++ }
        $1 == "cmd_set:" && $2 > 0 { counts++ }
        END { exit !(server == 3 && counts == 3) }'
}

shows_settings()
{
    use memcstat --args=settings | awk '$1 == "item_size_max:" && $2 == 1048576 { good++ }
        END { exit good != 3 }'
}

shows_versions()
{
    [ "$(use memcstat --server-version | grep -c '^127\.0\.0\.1:[0-9]* [1-9]\.[0-9.]*$')" = 3 ]
}

ends_soon() # NAME
{
    for try in $(seq 1 200); do # a busy machine may be late
        use memcexist "$1" >"$directory/said" || return 0
        sleep 0.1
    done
    echo "still there after $try times"
    return 1
}

common()
{
    check 'flush' use memcflush
    check 'nothing is there' fails use memcexist small
    for name in small large bytes; do
        check "store $name" use memccp "$files/$name"
        check "print $name" prints_file $name
        check "$name exists" use memcexist $name
    done
    check 'store sixty' stores_many
    check 'add what is there' fails use memccp --add "$files/small"
    check 'replace it' use memccp --replace "$files/small"
    check 'remove it' use memcrm small
    check 'remove it again' fails use memcrm small
    check 'it is gone' fails use memccat small
    check 'replace what is not there' fails use memccp --replace "$files/small"
    check 'add it' use memccp --add --flags=7 "$files/small"
    check 'its flags' prints_flags 7 small
    check 'touch' use memctouch --expire=1000 small
    check 'touch what is not there' fails use memctouch --expire=1000 nothing
    check 'it is as it was' prints_file small
    check 'store it for a second' use memccp --expire=1 "$files/small"
    check 'it ends' ends_soon small
    check 'touch to one second' use memctouch --expire=1 large
    check 'it ends too' ends_soon large
    check 'statistics' is_everywhere
    check 'settings' shows_settings
    check 'versions' shows_versions
}

dumps_what_is_there()
{
    (cd "$files" && ls number-* && echo bytes) | sort >"$directory/there"
    use memcdump | sort | cmp - "$directory/there"
}

make_files
protocol=binary option=--binary
common
protocol=text option=''
common
check 'dump' dumps_what_is_there
check 'ping' use memcping
check 'flush' use memcflush
check 'dump of nothing' [ "$(use memcdump)" = '' ]
echo "$passed checks passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]

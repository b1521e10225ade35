#!/bin/sh
# memcached-tool, which comes with memcached: what operators look at.
#
# usage: use_tool.sh HOST:PORT ...
for tool in /usr/share/memcached/scripts/memcached-tool "$(command -v memcached-tool)"; do
    [ -x "$tool" ] && break
done
[ -x "$tool" ] || { echo 'skipped: no memcached-tool'; exit 77; }
command -v memccp >/dev/null || { echo 'skipped: no memccp to store something'; exit 77; }

# Runs the tool and wants a line of its output to match every pattern.
want()
{
    mode=$1
    shift
    output=$("$tool" "$server" "$mode" 2>&1) || { echo "$output"; echo "$mode failed"; exit 1; }
    echo "memcached-tool $server $mode"
    echo "$output" | sed 5q
    for pattern; do
        echo "$output" | grep -Eq "$pattern" && continue
        echo "$output"
        echo "$mode: no line like $pattern"
        exit 1
    done
}

server=$1
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
for i in 1 2 3 4 5; do
    head -c $((i * 1000)) /dev/zero >"$directory/tool-$i"
done
memccp --servers="$server" "$directory"/tool-* || { echo 'memccp failed'; exit 1; }

want display '^ *# +Item_Size +Max_age +Pages +Count' \
    '^ *[0-9]+ +[0-9.]+[KMB]* +-?[0-9]+s +[0-9]+ +[1-9]'
want stats '^ *cmd_set +[1-9]' '^ *curr_items +[1-9]' '^ *limit_maxbytes +[1-9]' '^ *version +[0-9]'
want settings '^ *maxconns +[1-9]' '^ *item_size_max +1048576' '^ *cas_enabled +yes'

#!/bin/sh
# memcaslap: a load of gets and sets in which every value that is read is compared with what was
# written.
#
# usage: use_memcaslap.sh HOST:PORT ...
command -v memcaslap >/dev/null || { echo 'skipped: no memcaslap'; exit 77; }

# Runs a load and wants to see that it got through and nothing was missed or differed.
load()
{
    echo "memcaslap $*"
    output=$(memcaslap "$@" 2>&1) || { echo "$output"; echo "exit status $?"; exit 1; }
    echo "$output" | tail -n 25
    for counter in get_misses verify_misses verify_failed expired_get unexpired_unget; do
        bad=$(echo "$output" | sed -n "s/^$counter: *\([0-9]*\)$/\1/p" | tail -n 1)
        case $counter=${bad:-none} in
        *=0 | *=none) ;;
        *) echo "$counter is $bad"; exit 1 ;;
        esac
    done
    echo "$output" | grep -q '^cmd_get: *[1-9]' || { echo 'nothing was got'; exit 1; }
}

load -s "$1" -T 1 -c 8 -x 50000 -v 1.0 -w 2k
load -s "$1" -T 1 -c 8 -x 30000 -v 1.0 -w 2k -d 50
load -s "$1" -T 1 -c 8 -x 30000 -v 1.0 -w 1k -X 10000

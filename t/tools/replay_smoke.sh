#!/bin/sh
# ketch-replay end to end, against the ketchd of this build: what it must count is known beforehand.
set -u

replay=${KETCH_REPLAY:-tools/ketch-replay}
ketchd=${KETCHD:-src/ketchd}
traces=${srcdir:-.}/t/replay
# shellcheck source=t/tools/smoke.sh
. "${srcdir:-.}/t/tools/smoke.sh"

# play ARGUMENT...: replays to the server.
play() {
    run 120 "$replay" --server "127.0.0.1:$port" --timeout 30 "$@"
}

# expect STATUS TEXT ARGUMENT...: the replay must end with STATUS and say TEXT.
expect() {
    status=$1
    text=$2
    shift 2
    play "$@"
    ends_with "$status" "$text"
    verdict $? "ketch-replay $*: status $status and \"$text\""
}

# figure NAME: of the last report.
figure() {
    sed -n "s/^$1  *\([0-9.]*\) *\$/\1/p" "$dir/out"
}

# expect_counts REQUESTS MISSES WHAT: exactly these, and nothing wrong.
expect_counts() {
    [ "$got" -eq 0 ] && [ "$(figure requests)" = "$1" ] && [ "$(figure misses)" = "$2" ] &&
        [ "$(figure hits)" = $(($1 - $2)) ] && [ "$(figure 'wrong values')" = 0 ] &&
        [ "$(figure 'sets refused')" = 0 ]
    verdict $? "$3: $1 requests, $2 misses"
}

# expect_between LOW HIGH WHAT: the misses, and that the cache was full and nothing wrong.
expect_between() {
    misses=$(figure misses)
    [ "$got" -eq 0 ] && [ "$(figure 'wrong values')" = 0 ] && [ "$(figure evictions)" -gt 0 ] &&
        [ "$misses" -ge "$1" ] && [ "$misses" -le "$2" ]
    verdict $? "$3: ${misses:-no} misses, $1 to $2 wanted"
}

port=1 # nobody listens there
expect 2 'cannot connect' --generate zipf --requests 1000
expect 2 'either --trace or --generate'
expect 2 'bad value for --batch' --generate zipf --batch 0
expect 2 'No such file' --trace "$dir/nothing.csv"
printf 'a,1\nb\n' >"$dir/bad.csv"
expect 2 'bad.csv: line 2: no comma' --trace "$dir/bad.csv"
cp "$dir/bad.csv" "$dir/bad.csv.xz"
expect 2 'xz could not unpack it' --trace "$dir/bad.csv.xz"
head -c 4001 /dev/zero >"$dir/odd.bin"
expect 2 'no whole number of requests' --trace "$dir/odd.bin"
yes 'this is no trace' | head -c 4000 >"$dir/text.bin"
expect 2 'objects are numbered by first use' --trace "$dir/text.bin"
expect 2 'nothing in it' --trace /dev/null
head -c 20000 "$traces/arc-oltp.bin.xz" >"$dir/cut.bin.xz"
expect 2 'xz could not unpack it' --trace "$dir/cut.bin.xz"
expect 2 'too many objects' --trace "$traces/arc-oltp.bin.xz" --copies 100000
expect 2 'key-bytes is too small' --generate zipf --key-bytes 3
expect 0 'checksum' --generate zipf --requests 1000 --dry-run

# Everything fits: each object is missed once, whatever the batches.
printf '%s,90\n' a b a a b c a >"$dir/repeats.csv"
for batch in 1 2 1000; do
    start_cache "$ketchd" -t 1 -m 64
    play --trace "$dir/repeats.csv" --batch "$batch"
    expect_counts 7 3 "keys that repeat, batches of $batch"
done
# With one object the first key is 111...10; with eleven that is the last.
printf 'a,90\n' >"$dir/one.csv"
printf '%s,90\n' a b c d e f g h i j k >"$dir/eleven.csv"
expect 0 'wrong values  *0$' --trace "$dir/one.csv" --key-prefix 1
expect 1 'wrong values  *1$' --trace "$dir/eleven.csv" --key-prefix 1
play --trace "$dir/repeats.csv" --copies 4 --key-prefix copies:
expect_counts 28 12 'four copies'
play --trace "$traces/orm-busy.bin.xz" --key-bytes 20-250 --key-prefix orm:
expect_counts 98829 11016 'orm-busy in 64 MiB'
expect 0 'was not empty' --trace "$traces/orm-busy.bin.xz" --first 1000 --key-bytes 20-250 \
    --key-prefix orm: --vs "127.0.0.1:$port"

# Not everything fits: between what no cache can have and what one of half the skill has.
for batch in 1 100; do
    start_cache "$ketchd" -t 1 -m 4
    play --trace "$traces/arc-oltp.bin.xz" --size-cap 32768 --batch "$batch"
    expect_between 19000 45000 "arc-oltp in 4 MiB, batches of $batch"
    eval "misses_$batch=\$misses"
done
# shellcheck disable=SC2154 # eval has set them
awk -v a="$misses_1" -v b="$misses_100" 'BEGIN { exit !(a > b * 0.98 && a < b * 1.02) }'
verdict $? "batches change nothing that matters: $misses_1 and $misses_100 misses"
for kind in zipf shift scan; do
    start_cache "$ketchd" -t 1 -m 4
    play --generate "$kind" --objects 20000 --requests 60000 --size-cap 32768
    expect_between 10000 55000 "$kind in 4 MiB"
done

[ $failures -eq 0 ]

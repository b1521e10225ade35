#!/bin/sh
# Keys are where real clients have them: every column of the answers in vectors.tar.xz, and of those in the
# directory that KETCH_VECTORS names, if it does (a directory of TOOL__POOL.tsv, or of archives of them).
#
#   t/ring/vectors.sh      run by make check
set -u

ring=${KETCH_RING:-tools/ketch-ring}
here=${srcdir:-.}/t/ring
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
passed=0
failed=0

# verdict STATUS WHAT
verdict() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok: $2"
    else
        failed=$((failed + 1))
        echo "not ok: $2"
    fi
}

unpack() { # ARCHIVE DIRECTORY
    mkdir -p "$2" && xz -dc "$1" | tar -xf - -C "$2"
}

# verify WHAT DIRECTORY: every file below it, in one run.
verify() {
    find "$2" -name '*__*.tsv' | sort >"$dir/files"
    if ! [ -s "$dir/files" ]; then
        verdict 1 "$1: there are no files of vectors"
        return
    fi
    # shellcheck disable=SC2046 # one word a file; the names are ours and have no blanks
    "$ring" verify --quiet $(cat "$dir/files")
    verdict $? "$1"
}

unpack "$here/vectors.tar.xz" "$dir/own"
verdict $? "vectors.tar.xz is unpacked"
verify "what real clients answered" "$dir/own"

# One wrong answer must be noticed.
one=$dir/own/vectors/dalli__p03_eq_default.tsv
mkdir "$dir/bad"
awk 'BEGIN { FS = OFS = "\t" } /^key\t/ { rows = 1; print; next }
     rows == 1 { $2 = ($2 + 1) % 3; rows = 2 } { print }' "$one" >"$dir/bad/dalli__wrong.tsv"
"$ring" verify "$dir/bad/dalli__wrong.tsv" >"$dir/out"
[ $? = 1 ] && grep -q 'matched 1[0-9]* of 1[0-9]*$' "$dir/out"
verdict $? "a wrong answer is found"
sed 's/^key\tring$/key\tspiral/' "$one" >"$dir/bad/dalli__spiral.tsv"
"$ring" verify "$dir/bad/dalli__spiral.tsv" >"$dir/out"
[ $? = 1 ] && grep -q 'spiral.*no preset' "$dir/out"
verdict $? "a column without a preset is named"

if [ -n "${KETCH_VECTORS:-}" ]; then
    mkdir "$dir/more"
    for archive in "$KETCH_VECTORS"/*.tar.xz; do
        [ ! -e "$archive" ] || unpack "$archive" "$dir/more"
    done
    [ -z "$(find "$KETCH_VECTORS" -maxdepth 1 -name '*.tsv')" ] || cp "$KETCH_VECTORS"/*.tsv "$dir/more"
    verify "the answers in KETCH_VECTORS" "$dir/more"
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

#!/bin/sh
# The meta commands, by a Dalli that knows them.
#
# usage: use_dalli_meta.sh HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
#
# No client that Debian 12 has knows them: its Dalli is 3.0, and they came with 3.2.  So if the system's
# does not, this takes Debian 13's from the same mirror, for this once and without installing it: it is
# a few files of Ruby that need nothing else.  The mirror may be out of reach; then the test is skipped.
newer_suite=trixie

speaks_meta() # DIRECTORY
{
    ruby ${1:+-I "$1"} -e 'require "dalli"; exit(defined?(Dalli::Protocol::Meta) ? 0 : 1)' 2>/dev/null
}

# Prints the directory with the library of the other suite's Dalli, unpacked below DIRECTORY.
fetch_dalli() # DIRECTORY
{
    mkdir -p "$1/lists/partial" "$1/archives/partial" "$1/sources" || return 1
    # shellcheck disable=SC2016 # apt-get expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        'Component: main' | grep -v -e security -e updates -e backports | head -n 1)
    [ -n "$mirror" ] || return 1
    echo "deb $mirror $newer_suite main" >"$1/sources/one.list"
    directory=$1
    set -- -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$directory/sources" \
        -o Dir::State::Lists="$directory/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$directory" -o Acquire::Languages=none -o Acquire::http::Timeout=10 \
        -o Acquire::Retries=1 -o APT::Update::Error-Mode=any
    cd "$directory" && timeout 60 apt-get "$@" update && timeout 20 apt-get "$@" download ruby-dalli &&
        dpkg-deb -x ruby-dalli_*.deb unpacked || return 1
}

command -v ruby >/dev/null || { echo 'skipped: no ruby'; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
if ! speaks_meta ''; then
    directory=$(mktemp -d) || exit 1
    trap 'rm -rf "$directory"' EXIT
    chmod 755 "$directory" # apt reads it as another user
    (fetch_dalli "$directory") >"$directory/log" 2>&1 || {
        cat "$directory/log"
        echo 'skipped: no Dalli that speaks meta'
        exit 77
    }
    DALLI_LIBRARY=$(echo "$directory"/unpacked/usr/share/rubygems-integration/all/gems/dalli-*/lib)
    export DALLI_LIBRARY
    speaks_meta "$DALLI_LIBRARY" || { echo "no meta in $DALLI_LIBRARY"; exit 1; }
fi
ruby "$here/use_dalli.rb" --meta "$@"

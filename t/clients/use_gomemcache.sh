#!/bin/sh
# gomemcache: builds use_gomemcache.go with Debian's packages of Go and of the library, and runs it.
#
# usage: use_gomemcache.sh HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
library=/usr/share/gocode
[ -d $library/src/github.com/bradfitz/gomemcache ] || { echo 'skipped: no gomemcache'; exit 77; }
command -v go >/dev/null || { echo 'skipped: no go'; exit 77; }

here=$(cd "$(dirname "$0")" && pwd)
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
# Without modules, which Debian's libraries are not, and with nothing left behind.
GO111MODULE=off GOPATH=$library GOCACHE=$directory/cache GOTOOLCHAIN=local GOFLAGS='' \
    go build -o "$directory/use_gomemcache" "$here/use_gomemcache.go" || exit 1
"$directory/use_gomemcache" "$@"

#!/bin/sh
# libmemcached's tools with a user and a password: memccp stores files, memccat prints them, over SASL and
# the binary protocol.
#
# usage: use_sasl_tools.sh HOST:PORT ...
#
# The servers let in SASL_USER with SASL_PASSWORD.
for tool in memccp memccat memcstat; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
servers=$(echo "$*" | tr ' ' ',')
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
failed=0

# as USER PASSWORD TOOL ARGUMENT...
as()
{
    user=$1 password=$2 tool=$3
    shift 3
    "$tool" --binary -u "$user" -p "$password" --servers="$servers" "$@"
}

# Reports what a command was to do, and whether it did.
check() # WHAT COMMAND...
{
    what=$1
    shift
    if "$@"; then echo "ok    $what"; else echo "FAIL  $what" && failed=1; fi
}

stores_and_prints() # FILE
{
    as "$SASL_USER" "$SASL_PASSWORD" memccp "$directory/$1" || return 1
    as "$SASL_USER" "$SASL_PASSWORD" memccat "$1" >"$directory/printed" || return 1
    echo | cat "$directory/$1" - | cmp - "$directory/printed" # memccat ends a value with a line end
}

is_refused() # USER PASSWORD
{
    ! as "$1" "$2" memccp "$directory/small" || return 1
    ! as "$1" "$2" memccat small >"$directory/printed" || return 1
    ! grep -q 'a line' "$directory/printed"
}

echo 'a line' >"$directory/small"
seq 1 50000 >"$directory/large"
check 'a small file' stores_and_prints small
check 'a large file' stores_and_prints large
check 'a wrong password' is_refused "$SASL_USER" "x$SASL_PASSWORD"
check 'an unknown user' is_refused nobody "$SASL_PASSWORD"
check 'statistics' as "$SASL_USER" "$SASL_PASSWORD" memcstat
exit $failed

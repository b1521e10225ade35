#!/bin/sh
# The installed library: headers and pkg-config file are enough to build programs in C and in C++, in
# another directory, with the shared library and with the static one; and the examples of the manual pages
# are such programs.
set -u
build=${top_builddir:-.}
man=$(cd "${srcdir:-.}/man" && pwd) || exit 1
command -v pkg-config >/dev/null || { echo 'no pkg-config'; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
    echo "FAIL  $*"
    failed=1
}

# Only what belongs to the library; $dir/usr is where it then is.
unset MAKEFLAGS MFLAGS MAKELEVEL
make -C "$build" install-libLTLIBRARIES install-pkgincludeHEADERS install-pkgconfigDATA \
    DESTDIR="$dir" prefix=/usr libdir=/usr/lib includedir=/usr/include pkgincludedir=/usr/include/ketch \
    pkgconfigdir=/usr/lib/pkgconfig >"$dir/log" 2>&1 || {
    cat "$dir/log"
    fail install
    exit 1
}
sed -i "s,^prefix=.*,prefix=$dir/usr,; s,^libdir=.*,libdir=$dir/usr/lib,; s,^includedir=.*,includedir=$dir/usr/include," \
    "$dir/usr/lib/pkgconfig/libketch.pc"
PKG_CONFIG_PATH=$dir/usr/lib/pkgconfig
LD_LIBRARY_PATH=$dir/usr/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH

mkdir "$dir/user" && cd "$dir/user" || exit 1
cat >user.c <<'END'
#include <ketch/client.h>
#include <ketch/poll.h>
#include <ketch/ring.h>
#include <ketch/wait.h>
#include <stdio.h>

int
main(void)
{
    struct ketch_server server;
    struct ketch_client_conf conf;
    struct ketch_client *client;
    char why[200];
    ketch_client_conf_init(&conf);
    server.host = "127.0.0.1";
    server.port = 1; /* nobody is there */
    server.weight = 1;
    server.name = NULL;
    conf.servers = &server;
    conf.server_count = 1;
    if (ketch_client_create(&conf, &client, why, sizeof why) != KETCH_OK || ketch_poll_attach(client) != KETCH_OK)
        return 1;
    enum ketch_status status = ketch_get_wait(client, ketch_string("key"), NULL, NULL);
    printf("%s\n", ketch_status_text(status));
    ketch_client_destroy(client);
    return status == KETCH_DOWN ? 0 : 1;
}
END
cp user.c user.cc
flags=${SANITIZE_FLAGS:-}
case ${CC:-cc} in
*clang*) CXX=$(echo "$CC" | sed 's/clang/clang++/') ;;
esac
try() { # NAME COMPILER SOURCE FLAGS...
    name=$1 compiler=$2 source=$3
    shift 3
    command -v "${compiler%% *}" >/dev/null || { echo "no $compiler: $name is left out"; return; }
    # shellcheck disable=SC2086
    $compiler -Wall -Wextra -Werror $flags -o "$name" "$source" "$@" || { fail "$name does not build"; return; }
    "./$name" || fail "$name does not run"
}
# shellcheck disable=SC2046
try c "${CC:-cc} -std=c99" user.c $(pkg-config --cflags --libs libketch)
# shellcheck disable=SC2046
try cxx "${CXX:-c++} -std=c++11" user.cc $(pkg-config --cflags --libs libketch)
# shellcheck disable=SC2046
[ ! -e "$dir/usr/lib/libketch.a" ] ||
    try static "${CC:-cc} -std=c99" user.c $(pkg-config --cflags libketch) "$dir/usr/lib/libketch.a" \
        $(pkg-config --static --libs-only-l libketch | sed 's/-lketch//') -lpthread

# What a page shows, in a function; key and key_bytes are the reader's own.
example() { # PAGE
    {
        printf '#include <err.h>\n#include <stdio.h>\n'
        printf '#include <ketch/poll.h>\n#include <ketch/ring.h>\n#include <ketch/wait.h>\n'
        printf 'void example(const void *key, size_t key_bytes);\n'
        printf 'void example(const void *key, size_t key_bytes)\n{\n    (void)key, (void)key_bytes;\n'
        sed -n '/^\.S[Hh] EXAMPLES/,/^\.\(EE\|Ed\)/p' "$man/$1" | sed '/^\./d; s/\\e/\\/g'
        echo '}'
    } >"$1.c"
    # shellcheck disable=SC2046
    ${CC:-cc} -Wall -Wextra -Werror -Wno-unused -c -o "$1.o" "$1.c" $(pkg-config --cflags libketch) ||
        fail "the example of $1 does not build"
    [ "$(wc -l <"$1.c")" -gt 15 ] || fail "$1 has no example"
}
example ketch_client.3
example ketch_ring.3
exit $failed

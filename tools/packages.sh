# packages.sh - which Debian packages are missing, how to get them, and ./configure.  Sourced, not run.
#
# The lists are functions of what is asked for, so that nothing is installed that is not used.

# Words to build the server; the build system's own generators not in a release, which has ./configure.
packages_to_build() {
    echo gcc libc6-dev make pkg-config libev-dev libxxhash-dev libsasl2-dev
    if [ -e .git ] || [ ! -f configure ]; then
        echo autoconf automake libtool
    fi
}

# Prints those of the packages that are not installed.  Nothing on a system without dpkg: configure
# then says what it misses.
packages_missing() {
    command -v dpkg-query >/dev/null || return 0
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null) || status=
        case " $status" in
        *' installed '*) ;;
        *) echo "$package" ;;
        esac
    done
}

# Installs those of the packages that are missing, or says how and returns 1.  Services among them
# (memcached) are not started: apt asks policy-rc.d, which is ours for the time unless there is one.
packages_install() {
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    missing=$(echo "$missing" | sort -u | tr '\n' ' ')
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        echo "These packages are missing; please install them as root and try again:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends $missing" >&2
        return 1
    fi
    echo "Installing $missing" >&2
    # shellcheck disable=SC2086,SC2016 # the words are meant to be split; the script is root's to expand
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ] && [ ! -L $policy ]; then
            trap "rm -f $policy" EXIT
            trap "exit 1" HUP INT TERM
            printf "#!/bin/sh\nexit 101\n" >$policy && chmod 755 $policy || exit 1
        fi
        apt="apt-get -qq -o DPkg::Lock::Timeout=300"
        $apt update || echo "no new lists of packages: trying with the old ones"
        $apt install -y --no-install-recommends "$@"
    ' packages $missing </dev/null >&2 || {
        echo "apt-get could not install $missing" >&2
        return 1
    }
}

# Makes ./configure if it is missing, or if an older checkout left it without what it calls today.
generate_configure() {
    if [ ! -f configure ] || [ ! -f build-aux/ltmain.sh ]; then
        ./autogen.sh
    fi
}

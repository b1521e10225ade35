#!/bin/sh
# Makes ./configure out of configure.ac, in a checkout from version control.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --warnings=all

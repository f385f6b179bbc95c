#!/bin/sh
# Puts the kernel's headers of all architectures into DIRECTORY, for scripts/syscalls.ts: those of the newest kernel that
# Debian has, and the last ones that still had s390 of 31 bits. Prints the version of each.
#
# usage: syscalls.sh DIRECTORY
set -eu
cd "$(dirname "$0")"
directory=$1
. ./newer-suite.sh

# fetch SUITE PACKAGE
fetch() {
  work=$directory/$1
  newer_suite "$1" "$work/apt"
  (cd "$work" && newer apt-get download "$2" >&2)
  dpkg -x "$work"/"$2"_*.deb "$work/root"
  dpkg-deb --field "$work"/"$2"_*.deb Version
}

fetch sid linux-libc-dev
fetch trixie linux-libc-dev-s390x-cross

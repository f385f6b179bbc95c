#!/bin/sh
# Fetches podman's system tests, and bats from the same suite; neither is installed. podman, conmon, busybox-static, jq, socat
# and skopeo have to be where they are run.
#
# usage: get-podman-bats.sh DIRECTORY [CHECKOUT]     for the version that is installed
#                                                    SUITE=sid: for that of this suite
#                                                    CHECKOUT: a clone of podman's repository, for tests of its last tag
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/newer-suite.sh"
mkdir -p "$1/.layer"
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wanted=${SUITE:-bookworm}

# fetch_source SUITE: the code of its podman, in $work. A mirror may have the lists of a version and not its source any more.
fetch_source() {
  newer_suite "$1" "$work/apt-$1" || return 1
  source=$(newer apt-cache show podman | sed -n 's/^Source: \([^ ]*\).*/\1/p' | head -1)
  (cd "$work" && newer apt-get source --download-only "${source:-podman}" >&2) || :
  set -- "$work"/*.orig.tar.*
  [ -e "$1" ]
}

newer_suite "$wanted" "$work/apt"
(cd "$work" && newer apt-get download bats > apt.log 2>&1) || { cat "$work/apt.log" >&2; exit 1; }
dpkg -x "$work"/bats_*.deb .layer
if [ $# -gt 1 ]; then
  tag=$(git -C "$2" describe --tags --abbrev=0)
  git -C "$2" archive "$tag" test | tar -x
  echo "${tag#v}" > VERSION
else
  for suite in "$wanted" testing stable experimental; do
    if fetch_source "$suite"; then break; fi
    echo "$0: the mirror has no source of podman of $suite" >&2
  done
  set -- "$work"/*.orig.tar.*
  [ -e "$1" ] || { echo "$0: nor any other; give it a clone of podman's repository as CHECKOUT" >&2; exit 1; }
  tar -xf "$1" --strip-components=1 --wildcards '*/test'
  # The name of the archive: NAME_VERSION.orig.tar.xz.
  basename "$1" | sed 's/^[^_]*_//; s/\.orig\.tar.*//; s/+ds.*//' > VERSION
  [ "$suite" = "$wanted" ] || echo "$0: these are the tests of podman $(cat VERSION), of $suite" >&2
fi

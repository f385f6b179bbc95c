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
newer_suite "${SUITE:-bookworm}" "$work/apt"
(cd "$work" && newer apt-get download bats > apt.log 2>&1) || { cat "$work/apt.log" >&2; exit 1; }
dpkg -x "$work"/bats_*.deb .layer
if [ $# -gt 1 ]; then
  tag=$(git -C "$2" describe --tags --abbrev=0)
  git -C "$2" archive "$tag" test | tar -x
  echo "${tag#v}" > VERSION
else
  source=$(newer apt-cache show podman | sed -n 's/^Source: \([^ ]*\).*/\1/p' | head -1)
  (cd "$work" && newer apt-get source --download-only "${source:-podman}" >&2) || :
  tar -xf "$work"/*.orig.tar.* --strip-components=1 --wildcards '*/test'
  sed -n 's/^Version: \([^-]*\)-.*/\1/p' "$work"/*.dsc > VERSION
fi

#!/bin/sh
# Fetches podman's system tests, of the version that is installed, and bats from the same suite; neither is installed.
# podman, conmon, busybox-static, jq, socat and skopeo have to be here.
#
# usage: get-podman-bats.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/newer-suite.sh"
mkdir -p "$1/.layer"
cd "$1"
version=$(dpkg-query -W -f '${source:Upstream-Version}' podman)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
newer_suite "${SUITE:-bookworm}" "$work/apt"
(
  cd "$work"
  newer apt-get source --download-only "$(dpkg-query -W -f '${source:Package}' podman)" >&2 || :
  newer apt-get download bats > apt.log 2>&1 || { cat apt.log >&2; exit 1; }
)
tar -xf "$work"/*.orig.tar.* --strip-components=1 --wildcards '*/test'
dpkg -x "$work"/bats_*.deb .layer
echo "$version" > VERSION

#!/bin/sh
# Unpacks the source of a public suite from Debian's newer suites: needs nothing but apt and the machine's own keys.
#
# usage: fetch.sh runtime-tools|runc|crun DIRECTORY      SUITE=trixie chooses another suite than sid
set -eu
cd "$(dirname "$0")/../../scripts"
. ./newer-suite.sh

case $1 in
  runtime-tools) package=golang-github-opencontainers-runtime-tools ;;
  runc) package=runc ;;
  crun) package=crun ;;
  *) echo "usage: fetch.sh runtime-tools|runc|crun DIRECTORY" >&2; exit 64 ;;
esac
mkdir -p "$2"
destination=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

newer_suite "${SUITE:-sid}" "$work/apt"
(cd "$work" && newer apt-get source --download-only "$package" >&2) ||
  echo "fetch.sh: not all of the source package of $package is there; the code itself will do" >&2
tar -xf "$work"/*.orig.tar.* -C "$destination" --strip-components=1

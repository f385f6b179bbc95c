#!/bin/sh
# Fetches the integration tests of runc and what they need, and builds it. Go, its packages and bats are those of the suite
# that the source is of; they are unpacked below the directory and not installed: DIRECTORY/.layer is for --layer.
# gcc, busybox-static and libseccomp-dev have to be here, and so have jq, gawk, uidmap and criu for their tests.
#
# usage: get-runc-bats.sh DIRECTORY      SUITE=forky chooses another suite than sid
#                                        DIRECTORY may have the source of runc already, eg. of a newer version
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/newer-suite.sh"

packages="
  golang-go golang-src bats golang-github-containerd-console-dev golang-github-coreos-go-systemd-dev
  golang-github-cyphar-filepath-securejoin-dev golang-github-moby-sys-dev golang-github-opencontainers-cgroups-dev
  golang-github-opencontainers-specs-dev golang-github-seccomp-libseccomp-golang-dev golang-github-sirupsen-logrus-dev
  golang-github-urfave-cli-dev golang-golang-x-sys-dev
"
mkdir -p "$1"
source=$(cd "$1" && pwd)
[ -e "$source/VERSION" ] || sh "$here/fetch.sh" runc "$source"
go=$source/.go
mkdir -p "$go/deb" "$go/root" "$source/.layer"
newer_suite "${SUITE:-sid}" "$go/apt"
all=$(newer apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  $packages | grep -E '^(golang|bats)' | sort -u)
(cd "$go/deb" && newer apt-get download $all > "$go/apt/log" 2>&1) || { cat "$go/apt/log" >&2; exit 1; }
for package in "$go"/deb/*.deb; do
  case $package in
    */bats_*) dpkg -x "$package" "$source/.layer" ;;
    *) dpkg -x "$package" "$go/root" ;;
  esac
done
# All that the tests ask of Go.
printf '#!/bin/sh\necho %s\n' "$(dpkg --print-architecture)" > "$source/.layer/usr/bin/go"
chmod +x "$source/.layer/usr/bin/go"

GOROOT=$(echo "$go"/root/usr/lib/go-*)
export GOROOT GOCODE="$go/root/usr/share/gocode" GOCACHE="$go/cache" PATH="$GOROOT/bin:$PATH"
sh "$here/build-runc-bats.sh" "$source"

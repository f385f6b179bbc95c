#!/bin/sh
# Fetches the validation programs of runtime-tools and builds them. Go and its packages are those of this machine's Debian;
# they are unpacked below the directory and not installed. gcc has to be here.
#
# usage: get-runtime-tools.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)

packages="
  golang-go golang-gocapability-dev golang-github-blang-semver-dev golang-github-google-uuid-dev
  golang-github-hashicorp-go-multierror-dev golang-github-mrunalp-fileutils-dev golang-github-opencontainers-selinux-dev
  golang-github-opencontainers-specs-dev golang-github-sirupsen-logrus-dev golang-github-urfave-cli-dev
  golang-github-xeipuuv-gojsonschema-dev golang-golang-x-sys-dev
"
sh "$here/fetch.sh" runtime-tools "$1"
source=$(cd "$1" && pwd)
go=$source/.go
mkdir -p "$go/archives/partial" "$go/root"
apt-get update -q
apt-get install -q -y --no-install-recommends --download-only -o Dir::Cache::archives="$go/archives" \
  -o APT::Sandbox::User=root $packages
for package in "$go"/archives/*.deb; do dpkg -x "$package" "$go/root"; done

GOROOT=$(echo "$go"/root/usr/lib/go-*)
export GOROOT GOCODE="$go/root/usr/share/gocode" GOCACHE="$go/cache" PATH="$GOROOT/bin:$PATH"
sh "$here/build-runtime-tools.sh" "$source"

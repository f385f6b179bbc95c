#!/bin/sh
# Builds the validation programs of opencontainers/runtime-tools with Debian's Go and Go packages, no module proxy.
#
# usage: build-runtime-tools.sh SOURCE      GOCODE=DIRECTORY: where the Go packages are, if not installed
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd)

go_path=$source/.gopath/src/github.com
mkdir -p "$go_path/opencontainers" "$go_path/mndrix"
ln -sfn "$source" "$go_path/opencontainers/runtime-tools"
ln -sfn "$here/tap-go" "$go_path/mndrix/tap-go"
export GO111MODULE=off GOPATH="$source/.gopath:${GOCODE:-/usr/share/gocode}"

cd "$go_path/opencontainers/runtime-tools"
go build -tags 'netgo osusergo' -ldflags '-extldflags -static' -o runtimetest ./cmd/runtimetest
for program in validation/*/*.go; do
  case $program in
    */util/*) ;;
    *) go build -o "${program%.go}.t" "$program" ;;
  esac
done

#!/bin/sh
# Other releases of Node.js, from packages of npm, for tests of the library: scripts/get-nodes.sh DIR prints TSRUN_NODES.
set -e
[ -n "$1" ] || { echo 'usage: get-nodes.sh DIR' >&2; exit 2; }
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
list=
for release in 22 24; do
  npm install --silent --no-save --no-package-lock --prefix "$1/$release" "node-linux-$arch@$release" >&2
  list=$list:$(cd "$1/$release/node_modules/node-linux-$arch/bin" && pwd)/node
done
echo "${list#:}"

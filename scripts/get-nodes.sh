#!/bin/sh
# Other releases of Node.js, from packages of npm, for tests: scripts/get-nodes.sh DIR [RELEASE...] prints TSRUN_NODES. What is
# in DIR is not fetched again.
set -e
[ -n "$1" ] || { echo 'usage: get-nodes.sh DIR [RELEASE...]' >&2; exit 2; }
directory=$1
shift
[ $# -gt 0 ] || set -- 22 24
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
list=
for release; do
  node=$directory/$release/node_modules/node-linux-$arch/bin/node
  [ -x "$node" ] ||
    npm install --silent --no-save --no-package-lock --prefix "$directory/$release" "node-linux-$arch@$release" >&2
  list=$list:$(cd "${node%/*}" && pwd)/node
done
echo "${list#:}"

#!/bin/sh
# End-to-end tests with another release of Node.js: the command on it, the library in it, and vitest run by it. Where no file is
# named these are a part of them, the library's first. The release is fetched from npm, once:
# ${XDG_CACHE_HOME:-~/.cache}/tsrun/nodes. Wants `npm run build`.
#
# usage: nodes.sh RELEASE [WORD OF VITEST...]      22, for instance
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo 'usage: nodes.sh RELEASE [WORD OF VITEST...]' >&2; exit 2; }
release=$1
shift

files='library/library library/libraryErrors library/libraryRealms library/libraryTerminal process/streams'
case " $* " in
  *.test.ts*) ;;
  *) for file in $files; do set -- "$@" "conformance/cases/$file.test.ts"; done ;;
esac

node=$(sh scripts/get-nodes.sh "${XDG_CACHE_HOME:-$HOME/.cache}/tsrun/nodes" "$release")
# The command as an installation with that release leaves it; koffi is found from there as from dist/node.
command=dist/node$release
rm -rf "$command"
trap 'rm -rf "$command"' EXIT
trap 'exit 130' INT TERM
cp -R dist/node "$command"
"$node" "$command/lib/install.cjs"

PATH=${node%/*}:$PATH TSRUN_HOST=node RUNTIME=$PWD/$command/tsrun "$node" node_modules/vitest/vitest.mjs run --project e2e "$@"

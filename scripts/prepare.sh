#!/bin/sh
# Makes a fresh clone ready: dependencies, a build newer than its sources, and on a machine where that is possible the
# tools of the end-to-end tests. Does only what is missing, and says what it does.
#
# usage: prepare.sh [--no-tools]
set -eu
cd "$(dirname "$0")/.."

if [ ! -d node_modules/.bin ]; then
  echo 'prepare: installing dependencies (npm ci)'
  npm ci --no-audit --no-fund
fi

if [ ! -e dist/tsrun ] || [ -n "$(find src native testing spec scripts package.json -newer dist/tsrun ! -name '*.test.ts' -type f -print -quit)" ]; then
  echo 'prepare: building dist (npm run build)'
  npm run --silent build
fi

[ "${1:-}" != --no-tools ] || exit 0

if [ ! -e dist/static/tsrun ] || [ -n "$(find src native testing spec scripts package.json -newer dist/static/tsrun ! -name '*.test.ts' -type f -print -quit)" ]; then
  echo 'prepare: building dist/static (npm run build:static)'
  npm run --silent build:static || echo 'prepare: there is no static binary, so the tests leave it out'
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  sh scripts/install-engines.sh
elif [ ! -x /bin/busybox ]; then
  echo 'prepare: the end-to-end tests want root and the packages of scripts/install-engines.sh; some will be skipped'
fi

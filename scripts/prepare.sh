#!/bin/sh
# Makes a fresh clone ready: dependencies, the tools of the build and the end-to-end tests on a machine where that is
# possible, and a build newer than its sources. Does only what is missing, and says what it does.
#
# usage: prepare.sh [--no-tools]      without those of the tests
set -eu
cd "$(dirname "$0")/.."

tools=
[ "${1:-}" != --no-tools ] || tools=--compiler
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  sh scripts/install-engines.sh $tools || echo 'prepare: what is missing could not be installed; it goes on without'
elif [ -z "$tools" ] && [ ! -x /bin/busybox ]; then
  echo 'prepare: the end-to-end tests want root and the packages of scripts/install-engines.sh; some will be skipped'
fi

if [ ! -d node_modules/.bin ]; then
  echo 'prepare: installing dependencies (npm ci)'
  npm ci --no-audit --no-fund
fi

if [ ! -e dist/tsrun ] || [ -n "$(find src native testing spec scripts package.json -newer dist/tsrun ! -name '*.test.ts' -type f -print -quit)" ]; then
  echo 'prepare: building dist (npm run build)'
  npm run --silent build
fi

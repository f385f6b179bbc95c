#!/bin/sh
# `npm run ok`, before every commit: types, lint, format and unit tests, side by side, and what those say that failed.
#
# usage: ok.sh [CHECK...]             types, lint, format, unit; without any: all four
set -u
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
[ $# -gt 0 ] || set -- types lint format unit

check() {
  case $1 in
    types) tsc -p tsconfig.json && tsc -p tsconfig.core.json ;;
    lint) biome lint --error-on-warnings . ;;
    format) biome format . ;;
    unit) vitest run --project unit ;;
    *) echo "\`$1\` is none of types, lint, format, unit"; return 2 ;;
  esac
}

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
trap 'exit 130' INT TERM

for name; do
  { check "$name" >"$output/$name" 2>&1; echo $? >"$output/$name.status"; } &
done
wait

status=0
for name; do
  [ "$(cat "$output/$name.status")" = 0 ] && { echo "$name: ok"; continue; }
  status=1
  cat "$output/$name"
  echo "$name: failed"
done
exit $status

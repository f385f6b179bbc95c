#!/bin/sh
# `npm run ok`, before every commit: types, lint, format and unit tests, side by side, and what those say that failed.
#
# usage: ok.sh [CHECK...]             scripts of package.json; without any: all four
set -u
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- types lint format:check unit

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
trap 'exit 130' INT TERM

for check; do
  { npm run --silent "$check" >"$output/$check" 2>&1; echo $? >"$output/$check.status"; } &
done
wait

status=0
for check; do
  [ "$(cat "$output/$check.status")" = 0 ] && { echo "$check: ok"; continue; }
  status=1
  cat "$output/$check"
  echo "$check: failed"
done
exit $status

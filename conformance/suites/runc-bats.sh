#!/bin/sh
# Runs one bats file of runc's integration tests in a sandbox and prints its TAP. Some tests need a terminal as that of
# their session, so they get one; nobody types there.
#
# usage: RUNC=RUNTIME runc-bats.sh FILE [OPTION OF SANDBOX.SH]...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export FILE="$1" TAP LIMIT="${LIMIT:-300}"
shift
TAP=$(mktemp -d)
trap 'rm -rf "$TAP"' EXIT

# The end of an input would be typed as a character.
mkfifo "$TAP/quiet"
exec 3<> "$TAP/quiet"

status=0
sh "$here/sandbox.sh" "$@" --keep "$TAP" \
  script -qec 'timeout --foreground -k 5 "$LIMIT" bats --tap "$FILE" > "$TAP/out" 2>&1' /dev/null <&3 > /dev/null ||
  status=$?
cat "$TAP/out"
exit "$status"

#!/bin/sh
# `npm run proof NAME -- OPTIONS`: what looks at tsrun from outside for longer than a test may. --help tells the options.
#
# usage: proof.sh selection ...       some of all of them, as continuous integration does it
#        proof.sh engines ...         podman, docker, containerd and others with tsrun and a peer
#        proof.sh conformance ...     the cases with another runtime, and the report about it
#        proof.sh mutations ...       attacks with their defence taken away
#        proof.sh fuzz ...            random configurations on several runtimes
#        proof.sh load ...            faults and load, for as long as one likes
set -eu
cd "$(dirname "$0")/.."
name=${1:-}
[ $# -eq 0 ] || shift

case $name in
  selection | engines | fuzz | load) exec npx tsx "conformance/$name/main.ts" "$@" ;;
  conformance) exec npx tsx conformance/report/main.ts "$@" ;;
  mutations) exec npx tsx conformance/attacks/mutations.ts "$@" ;;
  *) sed -n 's/^# //p' "$0" >&2; exit 2 ;;
esac

#!/bin/sh
# `npm run generate WHAT`: writes what is made of something else.
#
# usage: generate.sh spec             spec/generated: types and validators, of the schemas
#        generate.sh syscalls ...     src/plan/seccomp/numbers, of the kernel's headers
#        generate.sh manual           docs/commands.md, of the tables of options and commands
#        generate.sh man              man/*.1, of the same
#        generate.sh api              docs/api, the reference of the library
set -eu
cd "$(dirname "$0")/.."
what=${1:-}
[ $# -eq 0 ] || shift

case $what in
  spec) exec npx tsx scripts/generate.ts "$@" ;;
  syscalls) exec npx tsx scripts/syscalls.ts "$@" ;;
  manual) exec npx tsx scripts/manual/main.ts "$@" ;;
  man) exec npx tsx scripts/manual/pages.ts "$@" ;;
  api) exec npx --yes --package typedoc@0.28 --package typescript@6.0 typedoc --tsconfig tsconfig.types.json "$@" ;;
  *) sed -n 's/^# //p' "$0" >&2; exit 2 ;;
esac

#!/bin/sh
# Runs end-to-end tests on dist/sanitized/tsrun (npm run build:static -- --sanitized). Fails when one does, or when a
# sanitizer has found anything: what it says is printed. Arguments go to vitest; without a file named these are taken.
set -u
cd "$(dirname "$0")/.."

findings=dist/sanitized/findings
files='cli/errors lifecycle/exec lifecycle/hooks lifecycle/lifecycle lifecycle/notify lifecycle/run process/terminal'

# libasan of gcc 12 needs its part of the address space free, which 32 random bits do not leave (vm.mmap_rnd_bits).
fixed=
[ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -le 28 ] || fixed='setarch -R'

paths=
for file in $files; do paths="$paths conformance/cases/$file.test.ts"; done
case " $*" in *.test.ts*) paths= ;; esac

rm -f "$findings"/*
RUNTIME=$PWD/dist/sanitized/tsrun $fixed npx vitest run --project e2e $paths "$@"
status=$?
for file in "$findings"/*; do
  [ -e "$file" ] || break
  cat "$file"
  status=1
done
exit $status

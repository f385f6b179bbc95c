#!/bin/sh
# Runs one file of crun's tests, each test by itself and for LIMIT seconds at most, and prints its TAP. What the tests say
# of a failure follows on lines with a `#`. The tests may do to the machine what they like: sandbox.sh is a place for them.
#
# usage: OCI_RUNTIME=PATH INIT=PATH crun-tests.sh FILE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$(dirname "$1")/.."
file=tests/$(basename "$1")
export LANG=C PYTHONPATH="$here/python"

# Without a name: the names of the tests in the file.
one() {
  timeout -k 2 "${LIMIT:-20}" python3 -c '
import runpy, sys
file, *names = sys.argv[1:]
sys.path.insert(0, "tests")
import tests_utils
run = tests_utils.tests_main
tests_utils.tests_main = lambda tests: run({name: tests[name] for name in names}) if names else print(*tests, sep="\n")
runpy.run_path(file, run_name="__main__")' "$file" "$@" 2>&1 < /dev/null
}

one | grep -v '^1\.\.' | while IFS= read -r name; do
  status=0
  said=$(one "$name" | tr -d '\000') || status=$?
  # Lines of the runtime get in between: a test has said all when a line of its own is there.
  case $said in
    *"ok 1 - $name"*) ;;
    *) echo "not ok 1 - $name # ends with $status" ;;
  esac
  echo "$said" | sed '/^\(not \)\?ok 1 - /!s/^/# /'
done

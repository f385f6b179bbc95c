#!/bin/sh
# dist/tsrun where that is not the static binary. npm has a package of the binary for each architecture and installs the one
# that fits; when its scripts may run, the binary takes the place of this file (src/entry/binary.ts). Where there is none,
# Node.js runs the same program.
self=$0
[ ! -L "$self" ] || self=$(command -p readlink -f "$self")
dist=${self%/*}
case $dist in
  */node_modules/@tsrun/*/dist)
    # More than one is there when they were installed for several machines.
    for place in "$dist"/../.. "$dist"/../node_modules/@tsrun; do
      if [ -x "$place/linux-x64/tsrun" ] && [ -x "$place/linux-arm64/tsrun" ]; then
        case $(command -p uname -m) in
          aarch64) exec "$place/linux-arm64/tsrun" "$@" ;;
          *) exec "$place/linux-x64/tsrun" "$@" ;;
        esac
      fi
      for binary in "$place"/linux-*/tsrun; do
        [ ! -x "$binary" ] || exec "$binary" "$@"
      done
    done ;;
esac
[ -e "$dist/node/tsrun" ] || {
  echo "tsrun: \`$self\` starts \`$dist/node/tsrun\`, which is not there; a copy does not work: link to where it was built" >&2
  exit 1
}
exec "$dist/node/tsrun" "$@"

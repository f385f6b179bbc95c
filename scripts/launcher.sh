#!/bin/sh
# dist/tsrun where that is not the static binary. npm has a package of the binary for each architecture and installs the one
# that fits; when its scripts may run, the binary takes the place of this file (src/entry/binary.ts). Where there is none,
# Node.js runs the same program.
self=$0
[ ! -L "$self" ] || self=$(command -p readlink -f "$self")
dist=${self%/*}
case $dist in
  */node_modules/@tsrun/*/dist)
    for binary in "$dist"/../../linux-*/tsrun "$dist"/../node_modules/@tsrun/linux-*/tsrun; do
      [ ! -x "$binary" ] || exec "$binary" "$@"
    done ;;
esac
exec "$dist/node/tsrun" "$@"

#!/bin/sh
# Finds or makes what a static build needs of QuickJS, and prints three lines: the directory of quickjs.h, the path of
# libquickjs.a, the path of qjsc. The engine comes from, in this order:
#   QUICKJS_DIR=  a directory with quickjs.h, libquickjs.a and qjsc, such as a source tree after `make`
#   the system    Debian's packages libquickjs and quickjs (Debian 13), installed if need be when root runs this
#   the cache     built before by this script, in ${XDG_CACHE_HOME:-~/.cache}/tsrun
#   the source    Debian's source package of a newer suite, verified by apt and built in the cache
set -eu
cd "$(dirname "$0")"

suite=trixie
version=2025.04.26
cache=${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/tsrun/quickjs-$version

fail() {
  echo "quickjs: $1" >&2
  exit 1
}

print_tree() {
  for file in quickjs.h libquickjs.a qjsc; do
    [ -e "$1/$file" ] || fail "$1 has no $file"
  done
  printf '%s\n' "$1" "$1/libquickjs.a" "$1/qjsc"
}

system_library() {
  find /usr/lib -path '*quickjs/libquickjs.a' 2>/dev/null | head -1
}

install_packages() {
  [ -z "$(system_library)" ] || return 0
  [ "$(id -u)" = 0 ] && apt-cache show libquickjs >/dev/null 2>&1 || return 0
  echo 'quickjs: installing libquickjs and quickjs' >&2
  apt-get install -q -y --no-install-recommends libquickjs quickjs >&2
}

build_from_source() {
  echo "quickjs: building version $version in $cache" >&2
  work=$cache.$$
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/source" "$work/apt"
  . ./newer-suite.sh
  newer_suite "$suite" "$work/apt"
  (cd "$work/apt" && newer apt-get source --download-only quickjs >&2) || fail 'the source package could not be fetched'
  tar -xf "$work"/apt/quickjs_"$version".orig.tar.* -C "$work/source" --strip-components=1
  make -s -C "$work/source" -j"$(nproc)" CONFIG_LTO= libquickjs.a qjsc >&2 || fail 'the build failed'
  mkdir "$work/engine"
  cp "$work/source/quickjs.h" "$work/source/libquickjs.a" "$work/source/qjsc" "$work/engine"
  # Another build may have finished meanwhile: then its result is as good.
  mv -T "$work/engine" "$cache" 2>/dev/null || [ -e "$cache/qjsc" ]
}

if [ -n "${QUICKJS_DIR:-}" ]; then
  print_tree "$QUICKJS_DIR"
  exit
fi
install_packages
library=$(system_library)
if [ -n "$library" ] && [ -e /usr/include/quickjs/quickjs.h ] && command -v qjsc >/dev/null; then
  printf '%s\n' /usr/include/quickjs "$library" "$(command -v qjsc)"
  exit
fi
[ -e "$cache/qjsc" ] || build_from_source
print_tree "$cache"

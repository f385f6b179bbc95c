#!/bin/sh
# Finds or makes what a static build needs of QuickJS, and prints four lines: the C compiler, the directory of quickjs.h,
# the path of libquickjs.a, the path of qjsc. The engine comes from, in this order:
#   QUICKJS_DIR=  a directory with quickjs.h, libquickjs.a and qjsc, such as a source tree after `make`; CC= names the
#                 compiler that it was made with (gcc)
#   the cache     ${XDG_CACHE_HOME:-~/.cache}/tsrun: built before by this script
#   the source    Debian's source package (of a newer suite where the machine's has none), verified by apt and built in
#                 the cache with musl: a program starts 1 ms sooner than with glibc's static library, which asks the
#                 processor for its features, a trap in every virtual machine
#   the system    Debian's libquickjs and quickjs, linked with glibc, where musl-gcc is missing
# QUICKJS=system prefers the last to the two before. With --check it makes and installs nothing, and fails when it would
# have to. With --sanitized the library is another one from the source, with AddressSanitizer and
# UndefinedBehaviorSanitizer, for gcc and glibc.
set -eu
cd "$(dirname "$0")"

check=no
[ "${1:-}" != --check ] || check=yes
sanitized=no
[ "${1:-}" != --sanitized ] || sanitized=yes
suite=trixie
version=2025.04.26
cache=${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/tsrun/quickjs-$version

fail() {
  echo "quickjs: $1" >&2
  exit 1
}

print_engine() { # COMPILER DIRECTORY
  for file in quickjs.h libquickjs.a qjsc; do
    [ -e "$2/$file" ] || fail "$2 has no $file"
  done
  printf '%s\n' "$1" "$2" "$2/libquickjs.a" "$2/qjsc"
}

# install PACKAGE... where root may and apt knows them all
install() {
  [ "$check" = no ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-cache show "$@" >/dev/null 2>&1 || return 0
  echo "quickjs: installing $*" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

system_engine() {
  [ -e /usr/include/quickjs/quickjs.h ] || install libquickjs quickjs
  library=$(find /usr/lib -path '*quickjs/libquickjs.a' 2>/dev/null | head -1)
  [ -n "$library" ] && command -v qjsc >/dev/null || return 1
  printf '%s\n' "${CC:-gcc}" /usr/include/quickjs "$library" "$(command -v qjsc)"
}

# build_from_source DIRECTORY FILES ARGUMENT... makes it with the FILES that make is to build, as the ARGUMENTs tell it
build_from_source() {
  [ "$check" = no ] || fail 'not built yet'
  place=$1
  files=$2
  shift 2
  command -v make >/dev/null && command -v xz >/dev/null || install make xz-utils
  echo "quickjs: building version $version in $place" >&2
  work=$place.$$
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/source" "$work/apt" "$work/engine"
  . ./newer-suite.sh
  newer_suite "$suite" "$work/apt"
  (cd "$work/apt" && newer apt-get source --download-only quickjs >&2) || fail 'the source package could not be fetched'
  tar -xf "$work"/apt/quickjs_"$version".orig.tar.* -C "$work/source" --strip-components=1
  make -s -C "$work/source" -j"$(nproc)" CONFIG_LTO= "$@" $files >&2 || fail 'the build failed'
  (cd "$work/source" && cp quickjs.h $files "$work/engine")
  # Another build may have finished meanwhile: then its result is as good.
  mv -T "$work/engine" "$place" 2>/dev/null || [ -e "$place/libquickjs.a" ]
}

# The modules are compiled as for every other: bytecode is the same. More than -O1 takes minutes.
sanitized_engine() {
  flags='-O1 -g1 -fwrapv -fno-pie -fno-omit-frame-pointer -fsanitize=address,undefined -D_GNU_SOURCE'
  [ -e "$cache-sanitized/libquickjs.a" ] ||
    build_from_source "$cache-sanitized" libquickjs.a CC=gcc "CFLAGS_OPT=$flags -DCONFIG_VERSION='\"$version\"'"
  printf '%s\n' gcc "$cache-sanitized" "$cache-sanitized/libquickjs.a" "$cache/qjsc"
}

if [ -n "${QUICKJS_DIR:-}" ]; then
  print_engine "${CC:-gcc}" "$QUICKJS_DIR"
  exit
fi
if [ "${QUICKJS:-}" = system ]; then
  system_engine || fail 'QUICKJS=system, but there is no libquickjs.a with qjsc'
  exit
fi
command -v musl-gcc >/dev/null || install musl-tools
if command -v musl-gcc >/dev/null; then
  [ -e "$cache/qjsc" ] || build_from_source "$cache" 'libquickjs.a qjsc' CC=musl-gcc HOST_CC=musl-gcc
  [ "$sanitized" = no ] || { sanitized_engine; exit; }
  print_engine musl-gcc "$cache"
else
  [ "$sanitized" = no ] || fail 'the source is built with musl-gcc first, which is missing; install musl-tools'
  system_engine || fail 'neither musl-gcc nor libquickjs.a is here; install musl-tools, or see the head of this script'
fi

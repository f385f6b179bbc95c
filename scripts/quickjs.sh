#!/bin/sh
# Finds or makes what a static build needs of QuickJS, and prints four lines: the C compiler, the directory of quickjs.h,
# the path of libquickjs.a, the path of qjsc. When it can not, it prints one line that says why, and fails.
#
# The compiler is musl-gcc, since a program starts 1 ms sooner with musl than with glibc's static library, which asks the
# processor for its features, a trap in every virtual machine; else one that links static executables. The engine comes
# from, in this order:
#   QUICKJS_DIR=     a directory with quickjs.h, libquickjs.a and qjsc, such as a source tree after `make`; CC= names the
#                    compiler that it was made with (gcc)
#   the cache        ${XDG_CACHE_HOME:-~/.cache}/tsrun: built before by this script
#   QUICKJS_SOURCE=  an archive of its source of 2025-04-26, as its authors publish it
#   the source       Debian's source package (of a newer suite where the machine's has none), verified by apt
#   the system       Debian's libquickjs and quickjs, linked with glibc
# QUICKJS=system prefers the last to all but the first. With --check it makes nothing, and fails when it would have to.
# With --sanitized the library is another one from the source, with AddressSanitizer and UndefinedBehaviorSanitizer, for
# gcc and glibc.
set -eu
directory=$PWD
cd "$(dirname "$0")"
. ./engine.sh
. ./trained.sh

check=no
[ "${1:-}" != --check ] || check=yes
sanitized=no
[ "${1:-}" != --sanitized ] || sanitized=yes
suite=trixie
version=2025.04.26
caches=${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/tsrun

fail() {
  echo "$1"
  exit 1
}

print_engine() { # COMPILER DIRECTORY
  for file in quickjs.h libquickjs.a qjsc; do
    [ -e "$2/$file" ] || fail "$2 has no $file"
  done
  printf '%s\n' "$1" "$2" "$2/libquickjs.a" "$2/qjsc"
}

system_engine() {
  library=$(find /usr/lib -path '*quickjs/libquickjs.a' 2>/dev/null | head -1)
  [ -n "$library" ] && [ -e /usr/include/quickjs/quickjs.h ] && command -v qjsc >/dev/null || return 1
  printf '%s\n' "${CC:-gcc}" /usr/include/quickjs "$library" "$(command -v qjsc)"
}

links_static() { # COMPILER
  command -v "$1" >/dev/null || return 1
  trial=$(mktemp)
  echo 'int main(void) { return 0; }' | "$1" -static -x c -o "$trial" - 2>/dev/null && linked=yes || linked=no
  rm -f "$trial"
  [ "$linked" = yes ]
}

# Sets compiler, and the directory that the cache has for it.
choose_compiler() {
  for compiler in musl-gcc ${CC:-} gcc cc clang; do
    cache=$caches/quickjs-$version-$training_sum
    [ "$compiler" = musl-gcc ] || cache=$cache-${compiler##*/}
    ! links_static "$compiler" || return 0
  done
  fail 'there is no C compiler that links static executables; musl-gcc is one (Debian: musl-tools)'
}

# Leaves the source in the directory $work/source.
unpack_source() {
  archive=${QUICKJS_SOURCE:-}
  if [ -z "$archive" ]; then
    grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null ||
      fail "the source of QuickJS comes from Debian, which this is not; QUICKJS_SOURCE= names an archive of it"
    . ./newer-suite.sh
    { newer_suite "$suite" "$work/apt" && download_source; } >"$work/log" 2>&1 ||
      fail "apt could not fetch the source package of QuickJS: $(sed -n 's/^[EW]: //p' "$work/log" | head -1)"
    archive=$(echo "$work"/apt/quickjs_"$version".orig.tar.*)
  fi
  (cd "$directory" && tar -xf "$archive" -C "$work/source" --strip-components=1) 2>"$work/log" ||
    fail "the source of QuickJS can not be unpacked: $(head -1 "$work/log")"
  change_source "$work/source"
}

download_source() (
  cd "$work/apt"
  newer apt-get source --download-only quickjs
)

# build_from_source DIRECTORY HOW FILES ARGUMENT... makes it with the FILES that the function HOW makes, see trained.sh
build_from_source() {
  [ "$check" = no ] || fail 'QuickJS is not built yet'
  place=$1
  how=$2
  files=$3
  shift 3
  for tool in make xz objcopy; do
    command -v "$tool" >/dev/null || fail "$tool is missing, which building QuickJS takes (Debian: make xz-utils binutils)"
  done
  work=$place.$$
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/source" "$work/apt" "$work/engine" 2>/dev/null || fail "$caches can not be written, where QuickJS is kept"
  echo "quickjs: building version $version in $place" >&2
  unpack_source
  "$how" "$work/source" "$files" "$@" 3>&2 >"$work/log" 2>&1 ||
    fail "the build of QuickJS failed: $(grep -m1 -i error "$work/log")"
  (cd "$work/source" && cp quickjs.h LICENSE $files "$work/engine")
  # Another build may have finished meanwhile: then its result is as good.
  mv -T "$work/engine" "$place" 2>/dev/null || [ -e "$place/libquickjs.a" ]
}

# The modules are compiled as for every other: bytecode is the same. More than -O1 takes minutes.
sanitized_engine() {
  flags='-O1 -g1 -fwrapv -fno-pie -fno-omit-frame-pointer -fsanitize=address,undefined -D_GNU_SOURCE'
  place=$caches/quickjs-$version-sanitized-$changes_sum
  [ -e "$place/libquickjs.a" ] ||
    build_from_source "$place" make_engine libquickjs.a CC=gcc "CFLAGS_OPT=$flags -DCONFIG_VERSION='\"$version\"'"
  printf '%s\n' gcc "$place" "$place/libquickjs.a" "$cache/qjsc"
}

if [ -n "${QUICKJS_DIR:-}" ]; then
  print_engine "${CC:-gcc}" "$QUICKJS_DIR"
  exit
fi
if [ "${QUICKJS:-}" = system ]; then
  system_engine || fail 'QUICKJS=system, but there is no libquickjs.a with qjsc (Debian: libquickjs quickjs)'
  exit
fi
choose_compiler
if [ ! -e "$cache/qjsc" ]; then
  said=$(build_from_source "$cache" make_trained 'libquickjs.a qjsc' "CC=$compiler" "HOST_CC=$compiler") || {
    [ "$sanitized" = no ] && system_engine || fail "$said"
    exit
  }
fi
if [ "$sanitized" = yes ]; then sanitized_engine; else print_engine "$compiler" "$cache"; fi

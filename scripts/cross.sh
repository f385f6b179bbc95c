#!/bin/sh
# The counterpart of quickjs.sh for another machine: makes, once, what a static build for it takes, and prints the same four
# lines: a C compiler, the directory of quickjs.h, the path of libquickjs.a, and the path of this machine's qjsc. Or one that says
# why it can not.
#
# usage: cross.sh arm64 [--check]      with --check: exit code 0 when all of it is there already
#
# The compiler is Debian's gcc-aarch64-linux-gnu with the musl of Debian for that machine, which is unpacked in the cache:
# ${XDG_CACHE_HOME:-~/.cache}/tsrun/quickjs-VERSION-arm64-SUM. Nothing of the system changes.
set -eu
cd "$(dirname "$0")"
. ./engine.sh

machine=${1:-}
suite=trixie
version=2025.04.26
cache=${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/tsrun
place=$cache/quickjs-$version-$machine-$changes_sum

fail() {
  echo "$1"
  exit 1
}

case $machine in
  # Calls of libgcc that ask for the processor's features at every start are none of musl's.
  arm64) triplet=aarch64-linux name=aarch64 flags=-mno-outline-atomics ;;
  *) fail "there is no build for \`$machine\`; \`arm64\` is one" ;;
esac

# Leaves the C library in DIRECTORY/musl, and DIRECTORY/cc, which compiles and links with it where PLACE is.
make_compiler() { # DIRECTORY PLACE
  . /etc/os-release
  . ./newer-suite.sh
  newer_architecture=$machine
  newer_suite "$VERSION_CODENAME" "$1/apt"
  (cd "$1/apt" && newer apt-get download musl-dev >&2) || fail "apt could not fetch musl-dev of $machine"
  dpkg-deb -x "$1"/apt/musl-dev_*.deb "$1/musl"
  newer_architecture=
  for folder in lib include; do
    sed -i "s,/usr/$folder/$triplet-musl,$2/musl/usr/$folder/$triplet-musl,g" "$1/musl/usr/lib/$triplet-musl/musl-gcc.specs"
  done
  cat >"$1/cc" <<END
#!/bin/sh
exec $triplet-gnu-gcc $flags -specs '$2/musl/usr/lib/$triplet-musl/musl-gcc.specs' "\$@"
END
  chmod +x "$1/cc"
}

build() {
  for tool in "$triplet-gnu-gcc:gcc-$name-linux-gnu" "qemu-$name:qemu-user" make:make xz:xz-utils; do
    command -v "${tool%:*}" >/dev/null || fail "${tool%:*} is missing, which a build for $machine takes (Debian: ${tool#*:})"
  done
  echo "cross: building QuickJS $version for $machine in $place" >&2
  work=$place.$$
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/source" "$work/engine"
  # The compiler is used where it will stay.
  make_compiler "$work/engine" "$work/engine"
  newer_suite "$suite" "$work/apt"
  (cd "$work/apt" && newer apt-get source --download-only quickjs >&2) || fail 'the source package could not be fetched'
  tar -xf "$work"/apt/quickjs_"$version".orig.tar.* -C "$work/source" --strip-components=1
  change_source "$work/source"
  make -s -C "$work/source" -j"$(nproc)" CONFIG_LTO= CC="$work/engine/cc" AR="$triplet-gnu-ar" libquickjs.a >&2 ||
    fail 'the build failed'
  (cd "$work/source" && cp quickjs.h libquickjs.a "$work/engine")
  rm -rf "$work/engine/apt"
  sed -i "s,$work/engine,$place,g" "$work/engine/cc" "$work/engine/musl/usr/lib/$triplet-musl/musl-gcc.specs"
  mv -T "$work/engine" "$place" 2>/dev/null || [ -e "$place/libquickjs.a" ]
}

if [ "${2:-}" = --check ]; then
  [ -e "$place/libquickjs.a" ] && command -v "$triplet-gnu-gcc" "qemu-$name" >/dev/null && sh ./quickjs.sh --check
  exit
fi
said=$(sh ./quickjs.sh) || fail "$said"
qjsc=$(echo "$said" | sed -n 4p)
[ -e "$place/libquickjs.a" ] || build
printf '%s\n' "$place/cc" "$place" "$place/libquickjs.a" "$qjsc"

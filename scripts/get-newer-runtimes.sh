#!/bin/sh
# Unpacks the crun and runc of a newer Debian suite into DIR (DIR/crun, DIR/runc), next to the system's own, which stay
# as they are. They come with the C library they were built for; their interpreter and library path are set to it, since
# both execute themselves again and would not survive a wrapper around the loader.
#
# usage: get-newer-runtimes.sh DIR      SUITE=forky chooses another suite than sid
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
suite=${SUITE:-sid}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
apt=$dir/.apt
root=$dir/root
. /etc/os-release

mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/deb" "$root"
trap 'rm -rf "$apt"' EXIT

# The machine's own source, with the suite's name replaced: update and security suites have no counterpart.
newer_source() {
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    awk -v old="$VERSION_CODENAME" -v new="$suite" '
      BEGIN { RS = ""; FS = "\n" }
      $0 ~ "Suites: *" old "( |\n|$)" {
        for (i = 1; i <= NF; i++) print ($i ~ /^Suites:/) ? "Suites: " new : $i
        exit
      }' /etc/apt/sources.list.d/debian.sources > "$apt/newer.sources"
    echo "$apt/newer.sources"
  else
    sed -n "s/^\(deb .*[[:space:]]\)$VERSION_CODENAME\([[:space:]]\)/\1$suite\2/p" /etc/apt/sources.list | head -1 > "$apt/newer.list"
    echo "$apt/newer.list"
  fi
}
source=$(newer_source)
[ -s "$source" ] || { echo "$0: no source for $VERSION_CODENAME in the machine's apt configuration" >&2; exit 1; }

newer() { # newer apt-get|apt-cache ARGUMENT...
  tool=$1
  shift
  "$tool" -q -o Dir::State="$apt" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" \
    -o Dir::Etc::sourcelist="$source" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root "$@"
}

echo "reading the package list of $suite" >&2
newer apt-get update > "$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
packages=$(newer apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances crun runc | grep '^[a-z]' | grep -v -e '-base$' -e gconv | sort -u)

echo "downloading" $packages "and patchelf" >&2
cd "$apt/deb"
newer apt-get download $packages > "$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
apt-get -q download patchelf > "$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
for package in *.deb; do
  case $package in
    patchelf_*) dpkg -x "$package" "$apt/patchelf" ;;
    *) dpkg -x "$package" "$root" ;;
  esac
done

loader=$(find "$root" -name 'ld-linux-*.so.*' | head -1)
libraries=$(dirname "$(find "$root" -name 'libc.so.6' | head -1)"):$(dirname "$(find "$root" -name 'libseccomp.so.2' | head -1)")
for name in crun runc; do
  for program in "$root/usr/bin/$name" "$root/usr/sbin/$name"; do
    [ -f "$program" ] && [ ! -L "$program" ] || continue
    cp "$program" "$dir/$name"
  done
  "$apt/patchelf/usr/bin/patchelf" --set-interpreter "$loader" --set-rpath "$libraries" "$dir/$name"
  echo "$dir/$name: $("$dir/$name" --version | head -1)"
done

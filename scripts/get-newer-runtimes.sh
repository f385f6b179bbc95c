#!/bin/sh
# Unpacks the crun, runc and criu of a newer Debian suite into DIR (DIR/crun, DIR/runc, DIR/criu), next to the system's own,
# which stay as they are. They come with the C library they were built for; their interpreter and library path are set to
# it, since the runtimes execute themselves again and would not survive a wrapper around the loader. CRIU has to know the
# kernel that runs: `CRIU=DIR/criu npm run e2e` has the tests take this one. Before 4.2 it waits for ever for hardware breakpoints
# that a virtual machine may not have, so DIR/criu has it do without: fault 130 of `enum faults` in its source.
#
# usage: get-newer-runtimes.sh DIR      SUITE=forky chooses another suite than sid
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
suite=${SUITE:-sid}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
apt=$dir/.apt
root=$dir/root
mkdir -p "$apt/deb" "$root"
trap 'rm -rf "$apt"' EXIT
. "$(dirname "$0")/newer-suite.sh"

newer_suite "$suite" "$apt"
packages=$(newer apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances crun runc criu libcriu2 | grep '^[a-z]' | grep -v -e '-base$' -e gconv -e python -e debconf | sort -u)

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
for name in crun runc criu; do
  for program in "$root/usr/bin/$name" "$root/usr/sbin/$name"; do
    [ -f "$program" ] && [ ! -L "$program" ] || continue
    cp "$program" "$dir/$name"
  done
  "$apt/patchelf/usr/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$dir/$name"
done
mv "$dir/criu" "$root/criu"
printf '#!/bin/sh\nCRIU_FAULT=130 exec %s/criu "$@"\n' "$root" > "$dir/criu"
chmod 755 "$dir/criu"
for name in crun runc criu; do
  echo "$dir/$name: $("$dir/$name" --version | head -1)"
done

#!/bin/sh
# Installs what building and booting the virtual machine takes: see conformance/vm/README.md. Needs root and apt.
set -eu

packages='qemu-system-x86 busybox-static cpio kmod e2fsprogs xz-utils'
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends $missing

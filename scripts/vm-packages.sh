#!/bin/sh
# Installs what building and booting the virtual machines takes: see conformance/vm/README.md. Needs root and apt.
#
# usage: vm-packages.sh [arm64]       with arm64: for that machine, too
set -eu
. "$(dirname "$0")/apt.sh"

packages='qemu-system-x86 busybox-static cpio kmod e2fsprogs xz-utils'
[ "${1:-}" != arm64 ] || packages="$packages qemu-system-arm qemu-user gcc-aarch64-linux-gnu"
install_missing $packages
